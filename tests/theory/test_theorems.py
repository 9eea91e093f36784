"""Facts that hold for every theorem, one table for all."""

import doctest
import importlib
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.theorem_table import BOUNDS, peculiar
from tersegrad.solvers import simulate
from tersegrad.theory import (
    THEOREMS,
    AbsoluteError,
    Constants,
    Contractive,
    Guarantee,
    InputError,
    NoGuarantee,
    Unbiased,
    theorem,
)
from tersegrad.theory.hypotheses import (
    COMPUTE_TIMES,
    CONVEX_WORKERS,
    EQUAL_WORKERS,
    MASKS,
    ONE_WORKER,
    OWN_COINS,
    OWN_CONDITIONS,
    PROX,
    STRONGLY_CONVEX,
    STRONGLY_CONVEX_SAMPLES,
    STRONGLY_CONVEX_WORKERS,
)  # fmt: skip
from tersegrad.validation.statements import suited

FULL = Constants(
    n=6, dim=50, L=1.0, L_max=2.0, L_sample=3.0, mu=0.1, mu_min=0.05, pl=0.2, sigma_sq=0.5, sigma_star_sq=0.3,
    zeta_sq=0.7, zeta_star_sq=0.2, G=2.0, gap0=4.0, dist0_sq=9.0, overlap=4.0, tau=5.0, grad0_sq=1.5, gap_star=0.8,
    L_l1=40.0, quadratic=True, m=1, mu_sample=0.02, reshuffled=True,
)  # fmt: skip
PAIRS = {
    Unbiased: [
        (Unbiased(7.5), Unbiased(3.0)),
        (Unbiased(0.0), Unbiased(2.0)),
        (Unbiased(2.0), Unbiased(0.0)),
        (None, None),
    ],
    Contractive: [
        (Contractive(0.2), Contractive(0.5, nonexpansive=True)),
        (Contractive(1.0), None),
        (None, None),
    ],
    AbsoluteError: [(AbsoluteError(0.3), AbsoluteError(0.1)), (AbsoluteError(0.0), None), (None, None)],
    None: [(None, None)],
}
ROUNDS = 1000


def pairs(t):
    """Pairs of promises that the theorem covers; none at all where nothing is compressed."""
    own = t.probe
    found = [(own.up, own.down)] if own.up is not None or own.down is not None else PAIRS[t.uplink or t.downlink]
    return [(up if t.uplink else None, down if t.downlink else None) for up, down in found]


def cases(ids):
    """Theorem and promises."""
    return [pytest.param(id, *pair, id=f"{id}-{k}") for id in ids for k, pair in enumerate(pairs(THEOREMS[id]))]


CASES = cases(BOUNDS)


def constants_for(id: str) -> Constants:
    """FULL, with what the theorem assumes of the workers."""
    return replace(FULL, **suited(THEOREMS[id], FULL))


def ask(id: str, up=None, down=None, constants=None, **more):
    """The guarantee, tuned for ROUNDS where the theorem wants that; equal workers where it wants those."""
    if THEOREMS[id].probe.tuned and "eps" not in more:
        more.setdefault("rounds", ROUNDS)
    return theorem(id).guarantee(constants or constants_for(id), up, down, **more)


def test_the_theorems_of_the_papers_and_their_baselines_are_registered():
    words = {
        "dore": {"strongly-convex", "strongly-convex-tuned", "nonconvex", "nonconvex-tuned"},
        "doublesqueeze": {"nonconvex", "nonconvex-tuned", "contractive"},
        "sgd": {"nonconvex", "convex", "strongly-convex", "pl", "finite-sum"},
        "qsgd": {"strongly-convex", "nonconvex-two-way"},
        "diana": {"strongly-convex"},
        "error-feedback": {"nonconvex"},
    }
    assert set(THEOREMS) >= {f"{word}.{case}" for word, cases in words.items() for case in cases}
    with pytest.raises(InputError, match=r"did you mean 'dore\.nonconvex'"):
        theorem("dore.nonconvx")


@pytest.mark.parametrize("id", THEOREMS)
def test_every_entry_of_the_table_is_filled(id):
    t = THEOREMS[id]
    assert t.name == id
    assert t.provenance in ("published", "restated", "ours", "order")
    assert t.title
    assert t.source
    assert t.assumptions
    assert set(t.requires) | set(t.bound_requires) <= set(t.prepared(FULL).known())
    assert t.unprescribed().method == t.method


KINDS = {kind for t in THEOREMS.values() for kind in type(t).__mro__}
WRITTEN_IN = sorted({kind.__module__ for kind in KINDS if kind.__module__.startswith("tersegrad.theory.theorems.")})


@pytest.mark.parametrize("module", ["tersegrad.theory.constants", "tersegrad.theory.theorem", *WRITTEN_IN])
def test_examples_in_the_docstrings(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize(("id", "up", "down"), CASES)
def test_missing_constants_are_named_and_never_guessed(id, up, down):
    t = THEOREMS[id]
    known = constants_for(id)
    for name in t.requires + t.bound_requires:
        rest = replace(known, **{name: None})
        implied = getattr(t.prepared(rest), name) is not None
        found = ask(id, up, down, rest)
        if implied:
            assert found
            assert any(note.startswith(f"{name} =") for note in found.notes)
        elif name in t.requires or not found:  # a tuned step may need the bound
            assert isinstance(found, NoGuarantee)
            assert not found
            assert f"{name}=" in found.reason
        elif found.missing:
            assert found.missing == (name,)
            assert found.rate.floor is None
            assert ask(id, up, down).parameters.keys() == found.parameters.keys()
            with pytest.raises(InputError, match=rf"needs {name}; give Constants\({name}="):
                found.bound(1)
        else:
            assert name in peculiar(id).zero  # multiplied by a compressor's constant that is 0 here


@pytest.mark.parametrize(("id", "up", "down"), CASES)
def test_the_bound_is_positive_finite_and_decreasing_from_a_start_above_its_floor(id, up, down):
    found = ask(id, up, down)
    t = np.arange(1, 200)
    bound = found.bound(t)
    assert bound.shape == t.shape
    assert np.all(np.isfinite(bound) & (bound > 0))
    assert np.all(np.diff(bound) <= 0) == (found.bound(1) >= found.curve.floor)
    assert float(found.bound(7)) == bound[6]
    assert len(found.metric.terms) == len(THEOREMS[id].measures)
    assert all(np.isfinite(coefficient) for _, coefficient in found.metric.terms)


LINEAR = [case for case in CASES if ask(*case.values).rate.kind == "linear"]


@pytest.mark.parametrize(("id", "up", "down"), LINEAR)
def test_linear_bounds_obey_their_one_step_recursion_with_equality(id, up, down):
    found = ask(id, up, down)
    rho, floor, bound = found.rate.contraction, found.rate.floor, found.bound(np.arange(60))
    # Two roundings of numbers no larger than bound[0] in each step.
    np.testing.assert_allclose(bound[1:], rho * bound[:-1] + (1 - rho) * floor, rtol=0, atol=1e-13 * bound[0])


@pytest.mark.parametrize(("id", "up", "down"), CASES)
@pytest.mark.parametrize("eps", [0.003, 0.1, 5.0, 100.0])
def test_rounds_to_is_the_smallest_number_of_rounds(id, up, down, eps):
    for found in (ask(id, up, down), ask(id, up, down, eps=eps)):
        rounds = found.rounds_to(eps)
        if rounds is None:
            assert found.curve.floor >= eps * (1 - 1e-12)
            assert f"{found.curve.floor:.6g}" in found.unreachable(eps)
            assert ("reaches it in" in found.unreachable(eps)) != peculiar(id).one_floor
            assert found.bits_to(eps) is None
        else:
            assert found.unreachable(eps) is None
            assert found.bound(max(rounds, 1)) <= eps
            assert rounds <= found.curve.first or found.bound(rounds - 1) > eps
            assert np.all(found.bound(rounds + np.arange(1, 50)) <= eps)


FREE_STEP = [id for id in BOUNDS if not THEOREMS[id].general and not peculiar(id).step_free]
"""The theorems whose step is neither prescribed nor best at 0."""


@pytest.mark.parametrize(("id", "up", "down"), cases(FREE_STEP))
def test_the_step_for_T_and_for_eps_cannot_be_beaten(id, up, down):
    widest = ask(id, up, down).parameters["gamma"]
    others = [found for gamma in widest * np.logspace(-7, 0, 40) if (found := ask(id, up, down, gamma=gamma))]
    assert others
    for rounds in (10, 10**4, 10**7):
        best = ask(id, up, down, rounds=rounds)
        assert all(other.bound(rounds) >= best.bound(rounds) * (1 - 1e-9) for other in others)
    for eps in (0.01, 1.0):
        best = ask(id, up, down, eps=eps).rounds_to(eps)
        needed = [rounds for other in others if (rounds := other.rounds_to(eps)) is not None]
        assert all(best <= rounds * (1 + 1e-7) + 1 for rounds in needed)


@pytest.mark.parametrize(("id", "up", "down"), CASES)
def test_the_ends_of_the_step_interval_decide(id, up, down):
    found = ask(id, up, down)
    others = {name: value for name, value in found.parameters.items() if name != "gamma"} | {
        name: found.analysis[name] for name in THEOREMS[id].analysis
    }
    low, high, text = found.intervals["gamma"]
    assert text
    if math.isfinite(high):
        assert ask(id, up, down, **others, gamma=high * (1 - 1e-9) if low < high else high)
        assert ask(id, up, down, **others, gamma=high * (1 + 1e-6)).reason.startswith(("gamma", THEOREMS[id].name))
    else:
        assert ask(id, up, down, **others, gamma=1e6)
    for gamma in (0.0, -1.0):
        refused = ask(id, up, down, **others, gamma=gamma)
        assert isinstance(refused, NoGuarantee)
        assert "gamma" in refused.reason


def same_parameters(id, base):
    """What keeps every parameter as it is in a guarantee, for other constants."""
    return {} if THEOREMS[id].general else base.parameters | {k: base.analysis[k] for k in THEOREMS[id].analysis}


NOISY = [id for id in BOUNDS if {"sigma_sq", "sigma_star_sq", "sigma_l1"} & set(THEOREMS[id].bound_requires)]


@pytest.mark.parametrize(("id", "up", "down"), cases(NOISY))
def test_noise_raises_the_bound(id, up, down):
    base, t = ask(id, up, down), np.array([1, 10, ROUNDS])
    noisy = replace(constants_for(id), sigma_sq=1.0, sigma_star_sq=0.6)
    assert np.all(ask(id, up, down, noisy, **same_parameters(id, base)).bound(t) > base.bound(t))


AVERAGING = [id for id in BOUNDS if peculiar(id).workers_lower and ONE_WORKER not in THEOREMS[id].assumes]


@pytest.mark.parametrize(("id", "up", "down"), cases(AVERAGING))
def test_workers_lower_the_bound(id, up, down):
    base, t = ask(id, up, down), np.array([1, 10, ROUNDS])
    more = ask(id, up, down, replace(constants_for(id), n=12), **same_parameters(id, base))
    assert np.all(more.bound(t) < base.bound(t))


@pytest.mark.parametrize("id", THEOREMS)
def test_bad_requests_raise_one_sentence(id):
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        ask(id, gama=0.1)
    with pytest.raises(InputError, match="gamma=nan: give a number"):
        ask(id, gamma=math.nan)
    with pytest.raises(InputError, match="rounds or eps, not both"):
        theorem(id).guarantee(FULL, rounds=10, eps=0.1)
    with pytest.raises(InputError, match="rounds = 0"):
        theorem(id).guarantee(FULL, rounds=0)
    with pytest.raises(InputError, match="eps = -1"):
        theorem(id).guarantee(FULL, eps=-1.0)
    with pytest.raises(InputError, match="whole numbers t >=" if id in BOUNDS else "states an order only"):
        ask(id).bound([-1, 3])
    with pytest.raises(InputError, match="unknown compressor"):
        ask(id, up="tpok:k=5")


@pytest.mark.parametrize("id", BOUNDS)
def test_a_bound_that_begins_later_is_nan_at_the_start_of_a_run(id):
    found = ask(id)
    begin = found.whole(1)
    values = found.bound([0, begin])
    assert np.isnan(values[0]) == (found.curve.first > 0)
    assert values[1] == found.bound(begin)
    assert np.isnan(found.bound(0)) == np.isnan(values[0])


@pytest.mark.parametrize("id", THEOREMS)
def test_the_wrong_class_of_compressor_is_refused_with_the_reason(id):
    t = THEOREMS[id]
    spec = {Unbiased: "topk:k=5", Contractive: "ternary", AbsoluteError: "topk:k=5", None: "topk:k=5"}[t.uplink]
    words = {
        Unbiased: "is not unbiased",
        Contractive: "is not contractive",
        AbsoluteError: "is not absolute-error",
        None: "compresses",
    }
    wrong = Contractive(0.5) if t.uplink is not Contractive else Unbiased(1.0)
    if t.uplink_or is Contractive:
        spec, wrong = "threshold:level=1", AbsoluteError(1.0)
    assert words[t.uplink] in ask(id, up=spec).reason
    assert not ask(id, up=wrong)
    assert t.downlink or "has no downlink compression" in ask(id, down=wrong).reason
    assert "needs dim" in ask(id, up=spec, constants=replace(constants_for(id), dim=None)).reason
    assert ask(id, up="identity", down="identity").parameters == ask(id).parameters


@pytest.mark.parametrize("id", [id for id, t in THEOREMS.items() if OWN_COINS in t.assumes])
def test_coins_shared_by_the_workers_are_refused(id):
    assert "independent over workers" in ask(id, up=Unbiased(1.0, shared_coins=True)).reason
    one = replace(constants_for(id), n=1, overlap=1, L=2.0, L_tilde=2.0, mu=0.05, zeta_sq=0.0)
    assert ask(id, up=Unbiased(1.0, shared_coins=True), constants=one)


@pytest.mark.parametrize("id", THEOREMS)
def test_a_regulariser_needs_a_prox_and_curvature_is_checked(id):
    t = THEOREMS[id]
    assert bool(ask(id, constants=replace(constants_for(id), composite=True))) == (PROX in t.assumes)
    if "mu" in t.requires:
        flat = ask(id, constants=replace(constants_for(id), mu=0.0, mu_min=0.0, mu_sample=0.0))
        curved = {STRONGLY_CONVEX_WORKERS, STRONGLY_CONVEX_SAMPLES, OWN_CONDITIONS}
        assert bool(flat) == {STRONGLY_CONVEX, *curved}.isdisjoint(t.assumes)
        nonconvex = ask(id, constants=replace(constants_for(id), mu_min=-1.0, mu_sample=-1.0))
        assert bool(nonconvex) == {CONVEX_WORKERS, *curved}.isdisjoint(t.assumes)  # there f_i is f itself
    if EQUAL_WORKERS in t.assumes:
        assert "all sample the same f" in ask(id, constants=FULL).reason


def test_bits_count_both_directions():
    found = theorem("doublesqueeze.contractive").guarantee(FULL, "topk:k=5", "topk:k=5", gamma=1e-4)
    assert found.bits_per_round == 2 * 5 * (32 + 6)
    assert found.bits_to(1.0) == found.rounds_to(1.0) * found.bits_per_round
    assert ask("sgd.nonconvex").bits_per_round == 64 * 50
    assert ask("qsgd.strongly-convex", Unbiased(1.0)).bits_per_round is None


TWO_WAY = {"ef21-bc.nonconvex": True, "ef21-sgdm.nonconvex": False, "ef21.nonconvex": False}


@pytest.mark.parametrize("id", TWO_WAY)
def test_bits_to_an_accuracy_are_what_a_run_sends(id):
    """Also where round 0 is dense."""
    message, problem = "topk:k=2", "quadratic:dim=12,mu=0.5"
    down = message if TWO_WAY[id] else None
    known = Constants(n=2, dim=12, L=1.0, L_tilde=1.0, gap0=1.0, sigma_sq=0.0, grad0_sq=1.0)
    found = theorem(id).guarantee(known, message, down)
    eps = float(found.bound(7))
    rounds = found.rounds_to(eps)
    run = simulate(
        theorem(id).method, problem, message, down or "identity", workers=2, parameters=found.parameters, rounds=rounds,
        columns=(),
    )  # fmt: skip
    sent = sum(run.scalars[f"bits_{side}_formula"][-1] for side in ("up", "down"))
    assert rounds == 7
    assert found.bits_to(eps) == pytest.approx(sent, rel=1e-12)


magnitude = st.floats(1e-4, 1e4)
fraction = st.floats(1e-6, 1.0)
CLASSES = {
    Unbiased: st.builds(Unbiased, st.one_of(st.just(0.0), st.floats(1e-12, 1e4))),
    Contractive: st.builds(Contractive, st.floats(1e-4, 1.0), nonexpansive=st.booleans()),
    AbsoluteError: st.builds(AbsoluteError, st.one_of(st.just(0.0), magnitude)),
    None: st.none(),
}


@st.composite
def problems(draw):
    n = draw(st.integers(1, 10**4))
    L = draw(magnitude)
    mu = L * draw(fraction)
    zeta_sq = draw(st.one_of(st.just(0.0), magnitude))
    L_max = L if zeta_sq == 0 else L * draw(st.floats(1.0, 100.0))
    return Constants(
        n=n, L=L, L_max=L_max, L_sample=L_max * draw(st.floats(1.0, 100.0)), mu=mu,
        mu_min=mu if zeta_sq == 0 else mu * draw(fraction), sigma_sq=draw(st.one_of(st.just(0.0), magnitude)),
        zeta_sq=zeta_sq, zeta_star_sq=zeta_sq * draw(fraction), G=draw(magnitude), gap0=draw(magnitude),
        dist0_sq=draw(magnitude), dim=draw(st.integers(1, 10**6)), tau=draw(st.sampled_from([0.0, 1.0, 7.0, 1e4])),
        overlap=max(1.0, n * min(1.0, L / L_max)), grad0_sq=draw(magnitude), gap_star=draw(magnitude),
        L_l1=draw(magnitude), quadratic=True, m=1, reshuffled=True,
    )  # fmt: skip


@pytest.mark.parametrize("id", THEOREMS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_answer_is_a_number_or_a_reason(id, data):
    t = THEOREMS[id]
    constants = data.draw(problems())
    constants = replace(constants, **suited(t, constants.completed())) if EQUAL_WORKERS not in t.assumes else constants
    up, down = data.draw(CLASSES[t.uplink]), data.draw(CLASSES[t.downlink])
    aim = data.draw(st.sampled_from([{}, {"rounds": 1}, {"rounds": 10**6}, {"eps": 1e-3}, {"eps": 10.0}]))
    found = t.guarantee(constants, up, down, **aim)
    if not found:
        assert found.reason
        equal = constants.zeta_sq == 0 or constants.n == 1
        no_end = "1e300" in found.reason  # a tuned step that does not fall without noise
        assert (
            (EQUAL_WORKERS in t.assumes and not equal)
            or (THEOREMS[id].probe.tuned and not aim)
            or (COMPUTE_TIMES in t.assumes and constants.seconds is None)
            or ONE_WORKER in t.assumes
            or MASKS in t.assumes
            or no_end
        )
    else:
        assert isinstance(found, Guarantee)
        assert found.parameters["gamma"] > 0
        assert np.all(np.isfinite([*found.parameters.values(), *found.analysis.values()]))
        if id in BOUNDS:
            check_curve(found, aim.get("eps") if not t.general else None)


def check_curve(found, eps):
    """A bound is a finite number at every t, its rate a rate, and its rounds to eps are enough."""
    assert np.all(np.isfinite(found.bound(np.array([1, 7, 10**9]))))
    assert np.all(found.bound([1, 10**9]) >= 0)
    assert "nan" not in found.active + found.rate.text
    if found.rate.kind == "linear":
        assert 0 <= found.rate.contraction <= 1
    rounds = found.rounds_to(eps) if eps is not None else None
    assert rounds is None or found.bound(max(rounds, 1)) <= eps


def test_importing_the_theory_imports_nothing_heavy():
    heavy = "numba", "scipy", "matplotlib", "sklearn"
    code = f"import sys, tersegrad.theory; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
