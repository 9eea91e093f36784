"""Theorems and methods that are made of functions: judged like all others, and found out where they are wrong."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tersegrad as tg
from support.own import cli, undone
from tersegrad.theory.bounds import FunctionCurve, LinearCurve
from tersegrad.theory.formulas import formula_of, latex_of
from tersegrad.theory.theorem import THEOREMS
from tersegrad.validation.conformance import conforms
from tersegrad.validation.exact.worst import worst_step
from tersegrad.validation.own import load
from tersegrad.validation.statements import check_statement

MODULE = Path(__file__).parents[2] / "examples" / "my_method.py"
FAST = {"rounds": 60, "replicas": 16}
KNOWN = tg.Constants(n=1, dim=10, L=1.0, mu=0.1, gap0=4.0, dist0_sq=9.0, sigma_sq=0.0)
ASSUMES = ["smooth", "strongly convex", "exact gradients", "one worker"]


def largest(c, up):
    return 1 / ((1 + up.omega) * c.L)


def descent(t, c, gamma):
    return (1 - gamma * c.mu) ** t * c.gap0


def made(step=largest, bound=descent, *, name="own.gd", method="q-gd", metric="gap", **options):
    given = {"up": tg.Unbiased, "assumes": ASSUMES} | options
    return tg.Theorem.from_functions(name, method, step, bound, metric=metric, **given)


@pytest.fixture(autouse=True)
def alone():
    with undone():
        yield


def judged(theorem, problem="quadratic:dim=5,mu=0.2,L=1,radius=2", up="randk:k=2", **options):
    tg.register(theorem)
    (verdict,) = tg.verify([theorem.name], problem=problem, up=up, **{"workers": 1, **FAST, **options})
    return verdict


# ------------------------------------------------------------------------------------------------- what it guarantees


def test_it_guarantees_what_the_functions_say():
    found = made().guarantee(KNOWN, tg.Unbiased(2.0))
    assert found.parameters == {"gamma": pytest.approx(1 / 3)}
    np.testing.assert_allclose(found.bound([1, 5, 70]), [4 * (1 - 1 / 30) ** t for t in (1, 5, 70)], rtol=1e-12)
    assert found.bound(found.rounds_to(1e-3)) <= 1e-3 < found.bound(found.rounds_to(1e-3) - 1)
    assert (found.metric.name, found.rate.kind, found.rate.contraction) == ("gap", "linear", pytest.approx(29 / 30))
    assert made().requires == ("L",)
    assert made().bound_requires == ("mu", "gap0")
    assert made(requires=["n", "L", "mu"], bound_requires=["gap0"]).requires == ("n", "L", "mu")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gamma": 0.34}, r"^gamma = 0\.34 is above 1 / \(\(1 \+ up\.omega\) \* c\.L\) = 0\.3333$"),
        ({"gamma": 0.0}, r"^gamma = 0 is not above 0 "),
        ({"mu": 0.0}, r"^own\.gd needs mu > 0"),
        ({"mu": None}, r"^own\.gd needs mu; give Constants\(mu=\.\.\.\)$"),
        ({"L": None}, r"^own\.gd needs L; give Constants\(L=\.\.\.\)$"),
        ({"n": 2}, r"applies to a single worker \(here n = 2\)"),
        ({"sigma_sq": 1.0}, r"needs exact gradients; these have sigma_sq = 1"),
        ({"composite": True}, r"has no proximal step"),
        ({"up": "topk:k=1"}, r"needs an unbiased uplink compressor; topk:k=1 is not unbiased"),
    ],
)
def test_its_conditions_are_guarded(change, reason):
    change = dict(change)
    up, gamma = change.pop("up", tg.Unbiased(2.0)), {k: change.pop(k) for k in ("gamma",) if k in change}
    refused = made().guarantee(replace(KNOWN, **change), up, **gamma)
    assert isinstance(refused, tg.NoGuarantee)
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(refused.reason)


def test_a_constant_that_only_the_bound_needs_leaves_the_step():
    found = made(assumes=["smooth", "one worker"]).guarantee(replace(KNOWN, gap0=None, dist0_sq=None), tg.Unbiased(1.0))
    assert found.parameters == {"gamma": 0.5}
    assert found.missing == ("gap0",)


def test_a_bound_of_two_terms_is_tuned_and_judged_like_that_of_the_toolkit():
    """Parallel SGD on nonconvex f, stated by two functions, beside the theorem of the same statement."""
    own = made(
        lambda c: 1 / c.L, lambda t, c, gamma: 2 * c.gap0 / (gamma * t) + gamma * c.L * c.sigma_sq / c.n,
        method="sgd", metric="grad_sq_mean", up=None, assumes=["smooth", "independent noise"],
    )  # fmt: skip
    known = tg.Constants(n=4, L=2.0, gap0=3.0, sigma_sq=8.0)
    for target in ({}, {"rounds": 1000}, {"eps": 0.5}):
        ours, theirs = (t.guarantee(known, **target) for t in (own, tg.theorem("sgd.nonconvex")))
        assert ours.parameters["gamma"] == pytest.approx(theirs.parameters["gamma"], rel=1e-3)
        assert ours.bound(500) == pytest.approx(theirs.bound(500), rel=1e-3)
        assert ours.curve.floor == pytest.approx(theirs.curve.floor, rel=1e-3)
    assert isinstance(ours.curve, FunctionCurve)
    assert own.requires == ("L",)
    assert own.bound_requires == ("gap0", "sigma_sq", "n")
    verdict = judged(own, "pl:dim=4,noise=gaussian,sigma_sq=4", up=None, workers=2)
    assert verdict.verdict == "holds"
    assert verdict.statement_check.word == "agrees"


def test_an_average_is_one_of_equal_weights():
    own = made(
        lambda c: 1 / (2 * c.L), lambda t, c, gamma: c.dist0_sq / (gamma * t) + gamma * c.sigma_sq / c.n,
        method="sgd", metric="gap_avg", up=None, assumes=["smooth", "convex", "independent noise"],
    )  # fmt: skip
    assert judged(own, "quadratic:dim=4,mu=0.1,L=1,noise=gaussian,sigma_sq=1", up=None, workers=2).verdict == "holds"


def test_further_parameters_have_limits_in_their_order():
    own = made(
        lambda c, alpha, up: alpha / c.L, lambda t, c, p: (1 - p["gamma"] * c.mu) ** t * c.gap0,
        method="diana", limits={"alpha": lambda up: 1 / (1 + up.omega)},
    )  # fmt: skip
    found = own.guarantee(KNOWN, tg.Unbiased(3.0))
    assert found.parameters == {"alpha": 0.25, "gamma": 0.25}
    assert own.guarantee(KNOWN, tg.Unbiased(3.0), alpha=0.1).parameters == {"alpha": 0.1, "gamma": pytest.approx(0.1)}
    assert "alpha = 0.3 is above 1 / (1 + up.omega) = 0.25" in own.guarantee(KNOWN, tg.Unbiased(3.0), alpha=0.3).reason


def test_where_the_largest_step_is_not_positive_there_is_no_guarantee():
    own = made(lambda c, up: (2 - up.omega) / c.L)
    assert own.guarantee(KNOWN, tg.Unbiased(1.0)).parameters == {"gamma": 1.0}
    assert "allows no gamma here: the largest one would be -1" in own.guarantee(KNOWN, tg.Unbiased(3.0)).reason


# ---------------------------------------------------------------------------------------------------------- verdicts


def test_it_is_judged_like_any_other():
    verdict = judged(made())
    assert (verdict.verdict, verdict.metric.name, verdict.provenance) == ("holds", "gap", "ours")
    assert verdict.conformance.word == "conforms"
    assert verdict.statement_check.word == "agrees"
    assert verdict.rate.seen
    certificate = verdict.certificate()
    assert certificate["parameters"]["gamma"] == pytest.approx(1 / 2.5)  # omega = 1.5, L = 1
    assert r"\frac{1}{(1 + \omega) L}" in certificate["statement"]
    assert certificate["command"].startswith("no command repeats this run; in Python, with your own theorem 'own.gd'")


WRONG = {
    "a contraction half as long again": (largest, lambda t, c, gamma: (1 - 1.5 * gamma * c.mu) ** t * c.gap0),
    "a tenth of the start": (largest, lambda t, c, gamma: (1 - gamma * c.mu) ** t * c.gap0 / 10),
    "a step without omega": (lambda c, up: 1 / c.L, descent),
    "a step of 2/L": (lambda c, up: 2 / ((1 + up.omega) * c.L), descent),
    "no floor under noise": (largest, descent),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_theorem_is_violated(what):
    step, bound = WRONG[what]
    noisy = what == "no floor under noise"
    assumes = [word for word in ASSUMES if not noisy or word != "exact gradients"]
    problem = "quadratic:dim=5,mu=0.2,L=0.2,radius=2" + (",noise=gaussian,sigma_sq=1" if noisy else "")
    assert judged(made(step, bound, assumes=assumes), problem).verdict == "violated"


def squared(t, c, up, gamma, factor=1.0):
    return (1 - factor * gamma * c.mu * (2 - gamma * (1 + up.omega) * c.mu)) ** t * c.dist0_sq


def test_the_worst_step_of_a_contraction_is_found_exactly():
    """On quadratics E||x - x*||^2 falls by exactly so much along the eigenvector of mu."""
    right = made(bound=lambda t, c, up, gamma: squared(t, c, up, gamma), metric="dist_sq")
    wrong = made(bound=lambda t, c, up, gamma: squared(t, c, up, gamma, 1.001), metric="dist_sq")
    assert isinstance(right.guarantee(KNOWN, tg.Unbiased(1.0)).curve, LinearCurve)
    assert worst_step(right).word == "contracts"
    assert worst_step(wrong).word == "violated"


def test_a_statement_of_ones_own_is_held_against_the_functions():
    tg.register(made(bound_latex=r"(1 - \gamma \mu)^{t} L"))
    assert check_statement("own.gd").word == "differs"
    tg.register(made())  # another theorem of the same name: it is looked at anew
    assert check_statement("own.gd").word == "agrees"
    tg.register(made(bound=lambda t, c, gamma: sum([(1 - gamma * c.mu) ** t * c.gap0])))
    assert check_statement("own.gd").word == "not checked"


@pytest.mark.parametrize(
    ("function", "text", "latex"),
    [
        (lambda c, up: 1 / (2 + up.omega) / c.L_max, "1 / (2 + up.omega) / c.L_max",
         r"\frac{\frac{1}{2 + \omega}}{L_{\max}}"),
        (lambda t, c, gamma: -gamma * c.sigma_sq**2 - (t - 1), "-gamma * c.sigma_sq ** 2 - (t - 1)",
         r"(-\gamma) (\sigma^2)^{2} - (t - 1)"),
        (lambda c, p: min(p["beta"], math.sqrt(c.mu)), "min(p['beta'], math.sqrt(c.mu))", r"\min\{\beta, \sqrt{\mu}\}"),
        (lambda c: c.L if c.n == 1 else 2.0, "c.L if c.n == 1 else 2.0", ""),
        (largest, "1 / ((1 + up.omega) * c.L)", r"\frac{1}{(1 + \omega) L}"),
        (len, "", ""),
    ],
)  # fmt: skip
def test_a_function_is_read_as_the_formula_that_it_is(function, text, latex):
    assert formula_of(function) == text
    assert latex_of(function) == latex


# ------------------------------------------------------------------------------------------------------ wrong input


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: made(bound=lambda t: float("nan")),
            r"^the bound of own\.gd is nan at gamma = 0\.4, .*, t = 1: the fu",
        ),
        (lambda: made(bound=lambda t, c: np.ones(2) * c.L), r"^the bound of own\.gd is array\(\[1\., 1\.\]\) at L = 1"),
        (lambda: made(bound=lambda t: None), "is None at"),
        (lambda: made(bound=lambda t: -1.0), r"^the bound of own\.gd is -1 after 1 round: it must not be negative"),
        (
            lambda: made(bound=lambda t: 1.0 * t),
            r"rises from 1 after 1 round to 2 after 2: a bound must not rise with t",
        ),
        (
            lambda: made(bound=lambda t: 1 / 0),
            r"^the bound of own\.gd cannot be computed at .*: ZeroDivisionError: div",
        ),
        (lambda: made(bound=lambda c: 1.0), r"^bound does not take t, the number of rounds: give a function of t"),
        (lambda: made(bound=lambda t, gama: 1.0), r"^bound takes 'gama', .* \(did you mean 'gamma'\?\)"),
        (lambda: made(bound=lambda *a: 1.0), r"^bound takes '\*a', which it cannot be given"),
        (
            lambda: made(bound=lambda t, p: p["gama"]),
            r"^p\['gama'\]: there is no such parameter here; there are: gamma$",
        ),
        (lambda: made(lambda c: -1.0), r"^own\.gd allows no gamma here: the largest one would be -1"),
        (
            lambda: made(lambda c: math.inf),
            r"^the largest gamma of own\.gd is inf at .*: the function must return a fini",
        ),
        (lambda: made(lambda c: c.LL), r"^there is no constant c\.LL \(did you mean 'L'\?\)"),
        (lambda: made(lambda t: 1.0), r"^step takes 't', which it cannot be given"),
        (
            lambda: made(up=None),
            r"^step takes 'up', and the theorem has no compression there: gi",
        ),
        (lambda: made("1/L"), r"^step='1/L': give a function$"),
        (lambda: made(metric="gapp"), r"^metric='gapp' is not a metric \(did you mean 'gap'\?\)"),
        (lambda: made(assumes=["smoth"]), r"^assumes: there is no hypothesis 'smoth' \(did you mean 'smooth'\?\)"),
        (lambda: made(assumes="smooth"), r"^assumes='smooth': give a list of strings or Hypotheses$"),
        (lambda: made(up="unbiased"), r"^up='unbiased': give the class of compressors .*, tg\.Unbiased, tg\.Contracti"),
        (lambda: made(requires=["LL"]), r"^the theorem requires 'LL', which is not a constant \(did you mean 'L'\?\)"),
        (lambda: made(method=3), r"^method=3: give a Method, or its name$"),
        (lambda: made(name=" "), r"^name='': give the theorem a name"),
        (lambda: tg.register(made(name="ef21.pl")), r"^there is already a theorem 'ef21\.pl'"),
        (lambda: made(bound=lambda t, c: c.mu).guarantee(KNOWN, tg.Unbiased(1.0)).bound("x"), r"^t='x': give an array"),
    ],
)
def test_wrong_input_is_one_sentence(call, sentence):
    with pytest.raises(tg.InputError, match=sentence) as refused:
        call()
    assert str(refused.value).isprintable()


def test_functions_that_work_at_constants_of_their_own_only_are_not_tried_where_the_constants_are_named():
    def only_here(c):
        return 1 / c.L if c.L == 17 else math.nan

    with pytest.raises(tg.InputError, match=r"at all constants that were tried \(requires= and bound"):
        made(only_here)
    own = made(only_here, requires=["L"], bound_requires=["mu", "gap0"])
    assert own.guarantee(replace(KNOWN, L=17.0), tg.Unbiased(1.0)).parameters == {"gamma": 1 / 17}
    with pytest.raises(tg.InputError, match=r"the largest gamma of own\.gd is nan at L = 1, up\.omega = 1"):
        own.guarantee(KNOWN, tg.Unbiased(1.0))


# ---------------------------------------------------------------------------------------------------------- methods


NOISY = "quadratic:dim=6,mu=0.2,L=1,heterogeneity=1,noise=gaussian,sigma_sq=0.5"


def end(method, **parameters):
    return tg.run(method, NOISY, "randk:k=2", workers=3, rounds=40, replicas=3, parameters=parameters)


def test_a_method_of_a_function_takes_the_steps_of_the_one_that_it_is():
    own = tg.Method.from_functions("own", lambda x, v, gamma: x - gamma * v)
    ours, theirs = end(own, gamma=0.1), end("q-gd", gamma=0.1)
    np.testing.assert_allclose(ours.final, theirs.final, rtol=1e-12)
    np.testing.assert_array_equal(ours.columns["bits_up_encoded"], theirs.columns["bits_up_encoded"])


def test_what_a_method_keeps_starts_at_zero_and_comes_back():
    own = tg.Method.from_functions(
        "own", lambda x, v, m, gamma, beta: (x - gamma * (beta * m + v), beta * m + v), keeps=["m"]
    )
    assert own.parameters == ("gamma", "beta")
    numbers = {"gamma": 0.1, "beta": 0.7}
    ours, theirs = (tg.run(m, NOISY, workers=3, rounds=40, parameters=numbers) for m in (own, "dmsgd"))
    np.testing.assert_allclose(ours.final, theirs.final, rtol=1e-9)
    assert conforms(own).word == "conforms"


def test_what_runs_is_held_against_the_function():
    """A kernel that steps twice as far, beside a pseudo-code that does not."""
    own, other = (tg.Method.from_functions("own", update) for update in (
        lambda x, v, gamma: x - gamma * v, lambda x, v, gamma: x - 2 * gamma * v,
    ))  # fmt: skip
    assert conforms(own).word == "conforms"
    found = conforms(replace(own, everyone=other.everyone))
    assert (found.word, found.where.startswith("at round 0 in the model")) == ("differs", True)


@pytest.mark.parametrize(
    ("update", "keeps", "sentence"),
    [
        (lambda x, v: x, (), r"^the update of method 'own' takes \(x, v\): give a function of x, v, gamma and further"),
        (lambda x, v, eta: x, (), r"takes 'eta' where its step gamma is expected"),
        (lambda x, v, *gamma: x, (), r"takes \(x, v, \*gamma\): give a function of x, v, gamma"),
        (
            lambda x, v, gamma: x[:2],
            (),
            r"returns an array of type float64 and shape \(2,\) for the new x: return 6 real",
        ),
        (lambda x, v, gamma: None, (), r"returns an array of type object and shape \(\) for the new x"),
        (lambda x, v, gamma: x * 1j, (), "of type complex128"),
        (lambda x, v, gamma: x / None, (), r"^the update of method 'own' fails: TypeError: "),
        (lambda x, v, m, gamma: x, ("m",), r"returns 1 of 2 vectors: return \(the new x, the new m\)$"),
        (lambda x, v, m, gamma: (x, m[0]), ("m",), r"shape \(\) for the new m"),
    ],
)
def test_a_wrong_update_is_one_sentence(update, keeps, sentence):
    with pytest.raises(tg.InputError, match=sentence):
        end(tg.Method.from_functions("own", update, keeps=keeps), gamma=0.1)


def test_a_method_of_ones_own_is_not_sought_in_other_processes():
    own = tg.register(tg.Method.from_functions("own", lambda x, v, gamma: x - gamma * v))
    with pytest.raises(tg.InputError, match=r"^the method 'own' is an object that another process cannot find: .* use"):
        tg.run(own, NOISY, workers=2, rounds=3, parameters={"gamma": 0.1}, engine="processes")


# ------------------------------------------------------------------------------------------------------ command line


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ("verify --module {m} mine.gd --rounds 50 --out {t}", 0, "mine.gd  holds"),
        ("show --module {m} mine.gd", 0, "default experiment: quadratic:dim=10"),
        ("show --module {m} mine", 0, "theorems: mine.gd"),
        ("show --module {m} mine --pseudocode", 0, "given.C_up(given.gradients(x))"),
        ("list --module {m} theorems", 0, "mine.gd"),
        ("step-size --module {m} mine.gd --set L=2 mu=0.1 gap0=3", 0, "gamma = 0.5"),
        (
            "step-size --module {m} mine.gd --set L=2 mu=0.1 gap0=3 gamma=0.6",
            3,
            "is above 1 / ((1 + up.omega) * c.L) = 0.5",
        ),
        (
            "run --module {m} mine --problem quadratic:dim=3 --workers 1 --rounds 5 --set gamma=0.1",
            0,
            "mine on quadratic",
        ),
        ("show --module {m}x mine", 2, "is not a Python file"),
    ],
)
def test_every_command_knows_what_a_module_brings(words, status, told, capsys, tmp_path):
    found, out, err = cli(words.format(m=MODULE, t=tmp_path), capsys)
    assert (found, told in out + err) == (status, True), out + err


def test_the_certificate_of_a_module_names_it(tmp_path):
    load(MODULE)
    (verdict,) = tg.verify(["mine.gd"], modules=[str(MODULE)], quick=True)
    assert (verdict.verdict, verdict.own) == ("holds", ("module",))
    assert f"--module {MODULE}" in verdict.command
    assert verdict.needs[0].startswith("the module my_method.py (digest ")
    assert "mine.gd" in THEOREMS
