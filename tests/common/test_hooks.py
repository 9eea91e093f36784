"""What a user's own classes override: whatever fails or returns nonsense is one sentence that names class and hook."""

import math
import re
from dataclasses import replace
from functools import cached_property

import numpy as np
import pytest

import tersegrad as tg
from support.own import undone
from tersegrad.common.hooks import COUNT, NUMBER, SIZE, called, perhaps
from tersegrad.problems.least_squares import LeastSquares
from tersegrad.solvers.pseudocode import State
from tersegrad.theory.bounds import Interval
from tersegrad.theory.families import AverageTheorem, LinearTheorem
from tersegrad.theory.hypotheses import ONE_WORKER, SMOOTH, STRONGLY_CONVEX
from tersegrad.validation.conformance import conforms

SPEC = "quadratic:dim=4,mu=0.5,L=1,radius=2"
X, Y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)


@pytest.fixture(autouse=True)
def alone():
    with undone():
        yield


def boom(*arguments, **named):
    raise RuntimeError("boom")


def give(value):
    return lambda *arguments, **named: value


class Parity(tg.Compressor):
    """The even or the odd coordinates, twice as large."""

    name = "parity"

    def unbiased(self, dim):
        return tg.Unbiased(1.0)

    def draws(self, dim):
        return 1

    def compress(self, x, u):
        return np.where(np.arange(x.size) % 2 == (u[0] < 0.5), 2 * x, 0.0)


class Descent(LinearTheorem):
    """Compressed gradients on one worker."""

    name, title, method = "mine.hooks", "descent", "q-gd"
    source, provenance = "here", "ours"
    requires, bound_requires, assumes = ("n", "L", "mu"), ("gap0",), (SMOOTH, STRONGLY_CONVEX, ONE_WORKER)
    uplink, measures = tg.Unbiased, (("", "gap"),)
    conditions, bound_latex = r"0 < \gamma \le \gamma_{\max}", r"(1-\gamma\mu)^t\Delta"

    def choose_parameters(self, request, choose):
        choose("gamma", Interval(0.0, 1.0, "0 < gamma <= 1"), 0.3)

    def contraction_gaps(self, request, p):
        return {"1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request, p):
        return request.c.gap0

    def floor(self, request, p):
        return 0.0


def use_compressor(own):
    """Whatever looks at a compressor."""
    problem = tg.problem(SPEC, workers=2)
    own.compress([1.0, 2.0, 3.0, 4.0])
    tg.theorem("qsgd.strongly-convex").guarantee(problem, own)
    tg.advise(problem, up=own, eps=0.1)
    tg.run("qsgd", problem, own, rounds=3, parameters={"gamma": 0.1})
    for hook in ("formula_bits", "general", "correlated", "nonzeros", "keep_probability", "work", "ties", "absolute"):
        try:
            getattr(own, hook)(4)
        except NotImplementedError:
            assert hook == "formula_bits"
    assert [own.spec, own.shared_coins]
    tg.certify(own, 4, budget=1e4)


def use_theorem(own):
    """Whatever looks at a theorem."""
    tg.register(type(own))
    found = own.guarantee(tg.problem(SPEC, workers=1), "randk:k=2", eps=1e-3)
    assert found, found.reason
    assert [found.rounds_to(1e-3), found.bits_to(1e-3), found.active, found.seconds(3), found.theorem.statement]


def use_problem(own):
    """Whatever looks at a problem."""
    assert own.constants().L
    point = np.zeros(own.dim)
    assert [own.value(point), own.gradient(point), own.objective(point), own.prox(point, 0.1)]
    assert [own.optimality(), own.rounding_floor()]
    tg.run("sgd", own, rounds=3, parameters={"gamma": 0.1})
    tg.certify(own, points=2)


def derived(base, hook, value, **more):
    return type("Bad", (base,), {hook: value, "__module__": "mine", **more})


OF_COMPRESSORS = {
    "unbiased": [1.0], "contractive": [tg.Unbiased(1.0)], "absolute": [1], "general": [1], "correlated": [1],
    "draws": [-1, 1.5, True, "x", None], "work": [None, math.nan, -1.0], "nonzeros": ["x"], "formula_bits": ["x", -1],
    "keep_probability": [2, 0], "ties": [3, [np.zeros(2)]], "kernel": [3, (1, 2, 3)], "check": [], "encode": ["x"],
    "compress": ["x", None, np.zeros(1), np.zeros(4) * 1j],
}  # fmt: skip
OF_THEOREMS = {
    "choose_parameters": [], "contraction_gaps": [3, {}, {"a": "x"}, {"a": math.nan}], "start": [None, math.nan],
    "floor": ["x"], "curve": [3], "rate": [3], "active": [3, "{foo}"], "bound_needs": [3, ("nope",)],
    "details": [3, {"a": "x"}], "coefficients": [3, (1.0, 2.0), ("x",)], "contraction_gap": ["x"],
    "bits_per_round": ["x", -1.0], "bits_of_first_round": ["x"], "seconds": ["x"], "weights": [3],
    "prepared": [None, 3], "horizon": ["x"], "epoch": [0, "x"],
}  # fmt: skip
OF_PROBLEMS = {
    "constants": [3, {"L": 1}], "known": [3], "kernels": [3], "worker_value": ["x", np.zeros(7)],
    "worker_gradient": [None, np.zeros(1)], "optimality": ["x"], "magnitudes": [3, (1.0, 2.0)],
    "rounding_floor": [3, {"gap": "x"}], "value": ["x"], "objective": ["x"], "gradient": [None], "prox": [3],
}  # fmt: skip
USES = ((Parity, OF_COMPRESSORS), (Descent, OF_THEOREMS), (LeastSquares, OF_PROBLEMS))
NONSENSE = [
    *((base, hook, value) for base, hooks in USES for hook, wrong in hooks.items()
      for value in (boom, *map(give, wrong))),
    *((Parity, hook, property(value)) for hook in ("spec", "shared_coins") for value in (boom, give(3))),
    *((LeastSquares, hook, value) for hook, wrong in (("x_star", np.zeros(2)), ("f_star", math.nan))
      for value in (property(boom), cached_property(give(wrong)), wrong)),
]  # fmt: skip


@pytest.mark.parametrize(("base", "hook", "value"), NONSENSE, ids=lambda value: getattr(value, "__name__", None))
def test_a_hook_that_fails_or_returns_nonsense_is_one_sentence(base, hook, value):
    cls = derived(base, hook, value, **({"name": "mine.bad"} if base is Descent else {}))
    use = {LeastSquares: use_problem, Parity: use_compressor, Descent: use_theorem}[base]
    options = {"data": X, "targets": Y, "workers": 2} if base is LeastSquares else {}
    with pytest.raises(tg.InputError) as refused:
        use(cls(**options))
    assert re.search(
        rf"Bad\.{hook} (fails: RuntimeError: boom|returns .*: it must return |returned an array)", str(refused.value)
    )


def test_what_is_right_passes():
    use_compressor(Parity())
    use_theorem(Descent())
    use_problem(derived(LeastSquares, "x", 1)(data=X, targets=Y, workers=2))


@pytest.mark.parametrize(
    ("what", "value", "sentence"),
    [
        ("measures", (("", "nope"),), r"measures is .*; give pairs \(coefficient, column\)"),
        ("measures", ("gap",), "measures is"),
        ("requires", "L", r"requires is 'L'; give a tuple of strings"),
        ("uplink", "unbiased", "uplink is 'unbiased'; give one of the classes"),
        ("assumes", ("smooth",), "assumes is"),
        ("parameters", 3, "parameters is 3"),
        ("rules", (), r"rules is \(\)"),
        ("bound_latex", 3, "bound_latex is 3; give a string"),
        ("definitions", (("a",),), "definitions is"),
    ],
)
def test_what_a_theorem_says_of_itself_is_looked_at_when_it_is_registered(what, value, sentence):
    with pytest.raises(tg.InputError, match=rf"^theorem Bad: {sentence}"):
        tg.register(derived(Descent, what, value, name="mine.bad"))


def test_a_parameter_that_is_not_chosen_or_no_number_is_named():
    for choice, sentence in (
        (lambda self, request, choose: None, r"^Bad\.choose_parameters does not choose gamma: call choose\('gamma'"),
        (lambda self, request, choose: choose("gamma", Interval(0.0, 1.0, ""), math.nan), "^gamma is chosen as nan"),
    ):
        with pytest.raises(tg.InputError, match=sentence):
            derived(Descent, "choose_parameters", choice)().guarantee(tg.problem(SPEC, workers=1), "randk:k=2")


def test_an_average_is_one():
    class Mean(AverageTheorem):
        choose_parameters, average = Descent.choose_parameters, give(3)

    with pytest.raises(tg.InputError, match=r"^Mean\.average returns 3: it must return an Average$"):
        Mean().average(None, {})


def test_what_stands_where_a_method_should_is_refused_with_the_class():
    with pytest.raises(
        tg.InputError, match=r"^Bad\.draws = 2: define a method that returns a whole number of at least"
    ):
        derived(Parity, "draws", 2)


def test_an_object_that_was_given_another_minimiser_is_refused():
    own = derived(LeastSquares, "x", 1)(data=X, targets=Y, workers=2)
    own.x_star = np.zeros(7)
    with pytest.raises(tg.InputError, match=r"^x_star of Bad is .*: it must be dim numbers, or None"):
        tg.run("sgd", own, rounds=3, parameters={"gamma": 0.1})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uplink": boom}, r"^uplink of method 'own' fails: RuntimeError: boom$"),
        ({"uplink": give(3)}, r"^uplink of method 'own' returns 3: it must return a Channel$"),
        ({"downlink": give(None)}, r"^downlink of method 'own' returns None"),
        ({"wrap": give(3)}, r"^wrap of method 'own' returns 3: it must return a Compressor$"),
        ({"columns": {"a": boom}}, r"^column 'a' of method 'own' fails: RuntimeError: boom"),
        ({"columns": {"a": give("x")}}, r"^column 'a' of method 'own' returns 'x': it must return a number for each r"),
        ({"shadow_step": give("x")}, r"^shadow_step of method 'own' returns 'x': it must return a finite number"),
        ({"transcription": boom}, r"^the transcription of method 'own' fails: RuntimeError: boom"),
        ({"transcription": give(3)}, r"returns 3: it must return a generator of a State for every round"),
        ({"transcription": lambda given, gamma: iter([3])}, r"returns 3: it must return a State or None"),
        ({"transcription": lambda given, gamma: iter([State("x")])}, r"yields x = 'x': a State has arrays of numbers"),
        ({"transcription": lambda given, gamma: iter([])}, r"ends after 0 rounds"),
        ({"parameters": ()}, r"parameters=\(\): give different names, the step size gamma first"),
        ({"parameters": "gamma"}, r"^parameters='gamma': give a list of strings"),
        ({"states": (-1, 0, 0)}, r"states=\(-1, 0, 0\)"),
        ({"memory_state": 0}, r"memory_state=0: states=\(0, 0, 0\) has no such state"),
        ({"samples": "R"}, r"samples='R': name one of the parameters"),
        ({"clock": "x"}, r"^clock=x: choose one of"),
        ({"everyone": 3}, r"^everyone=3: give a function"),
    ],
)
def test_what_a_method_brings_is_one_sentence_where_it_is_wrong(changes, sentence):
    def used():
        own = replace(tg.method("sgd"), name="own", **changes)
        tg.run(own, SPEC, "randk:k=2", workers=2, rounds=3, parameters={"gamma": 0.1}, columns=list(own.columns))
        conforms(own)

    with pytest.raises(tg.InputError, match=sentence):
        used()


@pytest.mark.parametrize(
    ("field", "value"),
    [("problem", 3), ("up", 3), ("workers", "x"), ("rounds", 1.5), ("choices", {3: 1}), ("rounds_grid", 3)],
)
def test_an_experiment_takes_what_it_says(field, value):
    with pytest.raises(tg.InputError, match=f"^{field}"):
        tg.Experiment(**{"theorem": "sgd.convex", "problem": SPEC, field: value})


@pytest.mark.parametrize("name", ["topk:k=1", "ternary", "identity", "natural"])
@pytest.mark.parametrize("dim", [10**400, 0, -1, 1.5, math.nan, "x", None, 2**31], ids=lambda dim: str(dim)[:5])
def test_no_compressor_speaks_of_vectors_that_there_are_not(name, dim):
    own = tg.compressor(name)
    for hook in ("formula_bits", "unbiased", "contractive", "draws", "work", "ties", "nonzeros"):
        with pytest.raises(tg.InputError, match="dim"):
            getattr(own, hook)(dim)


def test_an_option_that_is_no_field_is_named():
    class Wordy(Parity):
        def __init__(self):
            self.word_option("law", "a", "b")

    with pytest.raises(tg.InputError, match=r"^Wordy has no option 'law': its options are the fields of the class"):
        Wordy()
    nameless = type("Nameless", (tg.Compressor,), {"compress": give(0), "__module__": "mine"})
    with pytest.raises(tg.InputError, match=r"^the compressor Nameless has no name"):
        tg.run("qsgd", SPEC, nameless(), workers=2, rounds=3)
    tg.register(derived(Parity, "__init__", lambda self: boom(), name="own"))
    with pytest.raises(tg.InputError, match=r"^compressor 'own' cannot be made: RuntimeError: boom$"):
        tg.compressor("own")


def test_constants_of_a_class_of_ones_own():
    class Own(tg.Constants):
        completed = give(3)

    with pytest.raises(tg.InputError, match=r"^Own\.completed returns 3: it must return a Constants$"):
        tg.theorem("sgd.convex").guarantee(Own(n=1, L=1.0, mu=0.1))


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("override_parameters", boom),
        ("override_parameters", give(3)),
        ("override_constants", boom),
        ("override_constants", give(3)),
    ],
)
def test_a_rule_that_is_judged_in_place_of_the_theorems_is_one_sentence_where_it_is_wrong(rule, value):
    plan = tg.Experiment("sgd.strongly-convex", SPEC, workers=2, rounds=5, replicas=2, workers_grid=(), rounds_grid=())
    with pytest.raises(tg.InputError, match=rf"^{rule} (fails: RuntimeError: boom|returns 3: it must return a )"):
        tg.judge(plan, **{rule: value})


def test_promises():
    kept = {promise.words: [promise.kept(v) for v in (0, -1, True, 1.5, math.nan, "x", np.int64(3))]
            for promise in (COUNT, SIZE, NUMBER)}  # fmt: skip
    assert [*kept.values()] == [
        [True, False, False, False, False, False, True],
        [True, False, False, True, False, False, True],
        [True, True, False, True, False, False, True],
    ]
    assert perhaps(SIZE).kept(None)
    assert called("f", give(3), COUNT) == 3
    with pytest.raises(NotImplementedError):
        called("f", Parity().formula_bits, COUNT, 4)
