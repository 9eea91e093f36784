"""Every hypothesis of every theorem: who decides it, that breaking it is refused, that the user's word is said."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from tersegrad.common.house import ROOT
from tersegrad.latex import to_text
from tersegrad.problems import problem as build
from tersegrad.solvers.method import method
from tersegrad.theory import (
    THEOREMS,
    AbsoluteError,
    Compressor,
    Constants,
    Contractive,
    Guarantee,
    Unbiased,
    hypotheses,
    theorem,
)
from tersegrad.theory.hypotheses import (
    ASYNCHRONOUS,
    BOUNDED_MEMORY,
    DOWNLINK,
    EVERYONE,
    FALLING_STEP,
    GUARDS,
    MASKS,
    PROX,
    STATEMENT,
    UPLINK,
)
from tersegrad.theory.hypothesis import COMPRESSOR, CONSTANTS, METHOD, SCHEDULE, WORD, Hypothesis  # fmt: skip
from tersegrad.validation.counterexamples import COUNTEREXAMPLES
from tersegrad.validation.statements import suited

DIM = 50
KNOWN = Constants(
    n=6, dim=DIM, L=1.0, L_max=2.0, L_sample=3.0, mu=0.1, mu_min=0.05, pl=0.2, sigma_sq=0.5, sigma_star_sq=0.3,
    zeta_sq=0.7, zeta_star_sq=0.2, G=2.0, gap0=4.0, dist0_sq=9.0, overlap=4.0, tau=5.0, grad0_sq=1.5, gap_star=0.8,
    L_l1=40.0, quadratic=True, convex_samples=True, independent_samples=True, independent_delays=True, same_age=True,
    every_worker=True, m=1, mu_sample=0.02, reshuffled=True, same_hessian=True,
)  # fmt: skip
#: A compressor of the library of each class.
MEMBERS = {Unbiased: "ternary", Contractive: "topk:k=25", AbsoluteError: "threshold:level=0.1", None: None}


class SharedThreshold(Compressor):
    """An absolute error, with coins that all workers share."""

    name = "shared-threshold"
    shared_coins = True  # type: ignore[assignment]

    def absolute(self, dim):
        return AbsoluteError(0.1)


def wrong_class(kind):
    """A promise of a class that the theorem does not take."""
    return Unbiased(1.0) if kind is AbsoluteError else AbsoluteError(0.1)


@dataclass(frozen=True)
class Break:
    """Changes that break one hypothesis, and what the refusal says."""

    says: str
    constants: dict[str, Any] = field(default_factory=dict)
    up: Any = None
    down: Any = None
    fixed: dict[str, float] = field(default_factory=dict)


NOT_INDEPENDENT = Break("independent_samples = 0", {"independent_samples": False, "sigma_sq": 0.5})


def breaking(t, hypothesis: Hypothesis) -> Break:
    """How a request breaks a hypothesis of a theorem; a KeyError for one that has no entry."""
    shared = "randk:k=5,seed=shared" if t.uplink is not AbsoluteError else SharedThreshold()
    table = {
        "CONVEX_WORKERS": Break("needs every f_i convex", {"mu_min": -1.0}),
        "STRONGLY_CONVEX_WORKERS": Break("needs every f_i strongly convex", {"mu_min": 0.0}),
        "STRONGLY_CONVEX_SAMPLES": Break("the loss of every sample strongly convex", {"mu_sample": 0.0}),
        "SAME_HESSIAN": Break("needs quadratic f_i with one Hessian", {"same_hessian": False}),
        "RESHUFFLED": Break("add batch=1,sampling=reshuffled", {"reshuffled": False}),
        "CONVEX_SAMPLES": Break("the loss of every sample convex", {"convex_samples": False}),
        "NO_REGULARISER": Break("has no proximal step", {"composite": True}),
        "QUADRATIC": Break("applies to quadratic functions", {"quadratic": False}),
        "KNOWN": Break(f"{t.requires[-1]}=...", unknown(t.requires[-1])),
        "OWN_CONDITIONS": Break("L_i and mu_i have 1 and 2 values", {"L_i": (1.0,), "mu_i": (0.5, 0.5)}),
        "EXACT": Break("needs exact gradients; these have sigma_sq = 0.5", {"sigma_sq": 0.5}),
        "ONE_WORKER": Break("applies to a single worker (here n = 2)", {"n": 2}),
        "EQUAL_WORKERS": Break("needs workers that all sample the same f", {"zeta_sq": 0.7}),
        "STRONGLY_CONVEX": Break("needs mu > 0", {"mu": 0.0, "mu_min": 0.0}),
        "POLYAK_LOJASIEWICZ": Break("needs pl", {"pl": None, "mu": None, "mu_min": None}),
        "UPLINK": Break("of another class", up=wrong_class(t.uplink)),
        "DOWNLINK": Break("of another class", down=wrong_class(t.downlink)),
        "OWN_COINS": Break("needs coins that are independent over workers", up="randk:k=5,seed=shared"),
        "MASKS": Break("needs a mask", up="randk:k=5"),
        "FRESH_COINS": Break(
            "coins that the model of a message does not depend on", {"every_worker": False}, up=shared
        ),
        "OVERLAP": Break("sends no coordinate that is zero", up="induced:first=sign,second=randk/k=5"),
        "SHARED_MINIMISER": Break("needs grad f_i(x*) = 0 for every worker", {"zeta_star_sq": 0.2}),
        "SMOOTH_ON_SUPPORTS": Break("sends no coordinate that is zero", {"L_shared": 3.0}, up="sign"),
        "COMPUTE_TIMES": Break("needs the seconds that a gradient takes each worker", {"seconds": None}),
        "ANY_MESSAGES": Break("all of them must sample the same f", {"zeta_sq": 0.7}, fixed={"M": 2}),
        "DRAWN": Break("whose mean is a gradient of f", {"zeta_sq": 0.7, "uniform_draws": False}, fixed={"M": 2}),
        "ONE_AGE": Break("needs messages of one age", {"zeta_sq": 0.7, "same_age": False}),
        "FREE_DELAYS": Break("needs delays that do not depend on samples", {"independent_delays": False}),
        "NOISE": NOT_INDEPENDENT,
        "NOISE_ON_AVERAGE": NOT_INDEPENDENT,
        "NOISE_AT_OPTIMUM": NOT_INDEPENDENT,
        "NOISE_IN_COORDINATES": NOT_INDEPENDENT,
        "SAMPLED": NOT_INDEPENDENT,
    }
    return table[NAMES[hypothesis]]


#: What must be unknown so that a constant is, for what implies it.
IMPLIED_BY = {
    "L": ("L_tilde", "L_max", "L_sample", "L_mean"),
    "L_tilde": ("L_max", "L_sample", "L"),
    "L_max": ("L_sample", "L", "L_tilde"),
    "L_mean": ("L_max", "L_sample", "L_tilde"),
    "L_shared": ("L_max", "L_sample", "L_tilde", "overlap"),
    "pl": ("mu", "mu_min"),
    "mu": ("mu_min", "mu_sample"),
    "gap0": ("dist0_sq",),
    "dist0_sq": ("gap0",),
    "zeta_sq": (),
}


def unknown(name):
    """Changes that make a constant unknown."""
    return dict.fromkeys((name, *IMPLIED_BY.get(name, ())))


NAMES = {value: name for name, value in vars(hypotheses).items() if isinstance(value, Hypothesis)}
PAIRS = [pytest.param(t, h, id=f"{t.name}-{NAMES[h]}") for t in THEOREMS.values() for h in t.hypotheses if h in GUARDS]
#: The guards that only ever take a word: a bound on the memory that the caller gives.
ONLY_WORDS = {BOUNDED_MEMORY}


def granted(t, up=None, down=None, fixed=None, **changes):
    """The answer to a request in which every hypothesis of the theorem holds, but for the changes."""
    own = {k: v for k, v in suited(t, KNOWN).items() if k != "uniform_draws"}
    constants = replace(replace(KNOWN, uniform_draws=True, **own), **changes)
    usual = "mask:workers=6,s=3" if MASKS in t.assumes else MEMBERS[t.uplink]
    up = usual if up is None else up
    down = MEMBERS[t.downlink] if down is None else down
    aim = {"rounds": 1000} if t.probe.tuned else {}
    return t.guarantee(constants, up, down, **aim, **(fixed or {}))


def test_the_table_is_complete():
    """Every hypothesis has a place in the statement, and an entry above if it has a guard."""
    assert set(STATEMENT) == set(NAMES)
    assert set(GUARDS) <= set(STATEMENT)
    assert len(set(STATEMENT)) == len(STATEMENT)
    assert {h for t in THEOREMS.values() for h in t.hypotheses} == set(STATEMENT)
    for h in set(STATEMENT) - set(GUARDS):  # what has no guard is a constant, a part of the method, or of the schedule
        assert h.decided_by in (CONSTANTS, METHOD, SCHEDULE)


@pytest.mark.parametrize("t", THEOREMS.values(), ids=THEOREMS)
def test_every_theorem_has_a_request_in_which_nothing_is_taken_on_anybodys_word(t):
    found = granted(t)
    assert isinstance(found, Guarantee), found.reason
    assert found.on_your_word == ()
    assert [h.name for h in found.hypotheses] == [h.name for h in t.hypotheses]
    assert {h.decided_by for h in found.hypotheses} <= {CONSTANTS, COMPRESSOR, SCHEDULE, METHOD}


@pytest.mark.parametrize(("t", "hypothesis"), PAIRS)
def test_breaking_one_hypothesis_is_refused_with_its_reason(t, hypothesis):
    if hypothesis in ONLY_WORDS:
        assert granted(t, fixed={"U": 3.0}).on_your_word == ("the memory is taken to be bounded by U = 3",)
        return
    change = breaking(t, hypothesis)
    answer = granted(t, change.up, change.down, change.fixed, **change.constants)
    assert not answer
    assert change.says in answer.reason


@pytest.mark.parametrize(
    ("name", "changes", "given", "says"),
    [
        ("qsgd.strongly-convex", {"mu_min": None}, {}, "every f_i is taken to be convex"),
        ("dore.strongly-convex", {"mu_min": None}, {}, "every f_i is taken to be mu-strongly convex"),
        ("ef21.pl", {"sigma_sq": None, "L_sample": None}, {}, "the gradients are taken to be exact"),
        ("q-rr.strongly-convex", {"mu_sample": None}, {}, "the loss of every sample is taken to be mu-strongly convex"),
        ("diana-rr.strongly-convex", {"reshuffled": None}, {}, "in a fresh random order in every epoch"),
        ("marina-p.same-hessian", {"same_hessian": None}, {}, "all f_i are taken to have the same Hessian"),
        ("sgd.finite-sum", {"convex_samples": None}, {}, "the loss of every sample is taken to be convex"),
        ("sgd.convex", {"independent_samples": None}, {}, "unbiased and independent over workers and rounds"),
        ("delayed-sgd.nonconvex", {"independent_delays": None}, {}, "the delays are taken not to depend on samples"),
        ("delayed-sgd.quadratic", {"same_age": None, "zeta_sq": 0.7}, {}, "taken to be equally old"),
        ("qsgd.strongly-convex", {}, {"up": Unbiased(2.0)}, "the workers' compressor is taken to be Unbiased"),
        ("doublesqueeze.nonconvex", {}, {"down": AbsoluteError(0.3)}, "the server's compressor is taken to be"),
        ("doublesqueeze.nonconvex", {}, {"up": SharedThreshold()}, "shared-threshold is taken to keep its promises"),
        ("gmc.nonconvex", {}, {"fixed": {"U": 3.0}}, "the memory is taken to be bounded by U = 3"),
    ],
)
def test_what_nobody_decides_is_taken_on_the_users_word_and_said(name, changes, given, says):
    found = granted(theorem(name), **given, **changes)
    assert isinstance(found, Guarantee), found.reason
    assert len(found.on_your_word) == 1
    assert says in found.on_your_word[0]
    assert [h.decided_by for h in found.hypotheses if h.sentence] == [WORD]


@pytest.mark.parametrize("t", THEOREMS.values(), ids=THEOREMS)
def test_the_statement_is_made_of_the_hypotheses(t):
    text = to_text(t.statement)
    for h in t.hypotheses:
        assert h.clause(t) in t.statement
        assert "$" not in to_text(h.clause(t))
    assert t.setting in t.statement
    assert "$" not in text


@pytest.mark.parametrize("t", THEOREMS.values(), ids=THEOREMS)
def test_the_method_does_what_its_theorems_assume_of_it(t):
    """The clock, the prox and the decreasing step of the method that is run."""
    own = method(t.method)
    assert bool(own.clock) == (not ASYNCHRONOUS.isdisjoint(t.hypotheses)) == (EVERYONE not in t.hypotheses)
    assert own.prox or PROX not in t.hypotheses
    assert ("a" in own.parameters) == (FALLING_STEP in t.hypotheses)
    assert (UPLINK in t.hypotheses) == (t.uplink is not None)
    assert (DOWNLINK in t.hypotheses) == (t.downlink is not None)
    assert own.two_way or DOWNLINK not in t.hypotheses


def test_problems_of_the_library_leave_nothing_to_the_users_word():
    """Convexity, noise and sampling are known of them."""
    for spec in (
        "quadratic:dim=5,noise=gaussian,sigma_sq=1",
        "least-squares:rows=40,dim=5,batch=1",
        "logistic:rows=40",
    ):
        known = build(spec, workers=4).constants()
        assert known.independent_samples
        assert known.convex_samples
    found = theorem("sgd.finite-sum").guarantee(build("least-squares:rows=40,dim=5,batch=1", workers=4).constants())
    assert found.on_your_word == ()


@pytest.mark.parametrize("c", COUNTEREXAMPLES, ids=lambda c: f"{c.theorem}-{c.hypothesis.replace(' ', '-')}")
def test_without_the_hypothesis_the_bound_is_violated(c):
    """With a probability of 1e-4 at most that a mean is below its lower limit."""
    assert c.hypothesis in [h.name for h in theorem(c.theorem).hypotheses]
    assert c.refused().reason
    violation = c.measure()
    assert np.isfinite(violation.low)
    assert violation.factor > 1.5


def test_the_page_on_hypotheses_names_every_one():
    page = (ROOT / "docs" / "hypotheses.md").read_text()
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    listed = {name.strip() for row in rows for name in row.split(",")}
    assert listed - {"hypothesis"} == {h.name for h in NAMES}
