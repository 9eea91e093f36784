"""The public door of Python: whatever comes in is right, or one sentence that names the argument."""

from __future__ import annotations

import inspect
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tersegrad as tg
from tersegrad.common.door import checked, kind_of, read_as
from tersegrad.common.errors import LONGEST_SENTENCE, InputError

PROBLEM = tg.problem("quadratic:dim=4,mu=0.5,L=1,radius=2", workers=2)
KNOWN = tg.Constants(n=2, dim=4, L_max=1.0, mu=0.5, dist0_sq=1.0, gap0=1.0, sigma_sq=0.0, zeta_star_sq=0.0)
GUARANTEE = tg.theorem("ef21.pl").guarantee(PROBLEM, up="topk:k=2", eps=1e-3)
TRACE = tg.run(GUARANTEE, PROBLEM, rounds=20, replicas=3)
PLAN = tg.Experiment(
    "sgd.strongly-convex", "quadratic:dim=3", workers=2, rounds=5, replicas=2, workers_grid=(), rounds_grid=()
)
X, Y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
OWN = tg.Problem.from_functions(lambda x: float(0.5 * x @ x), lambda x: x, dim=3, L=1.0, mu=1.0)

#: Public functions with arguments that they take; one at a time is replaced by something odd.
CALLS = {
    tg.Constants: {
        "n": 2,
        "dim": 4,
        "L": 1.0,
        "mu": 0.5,
        "sigma_sq": 0.0,
        "overlap": 1,
        "quadratic": False,
        "notes": (),
        "certainty": {},
    },
    tg.Unbiased: {"omega": 1.0, "shared_coins": False},
    tg.Contractive: {"delta": 0.5, "nonexpansive": False, "keeps": ""},
    tg.AbsoluteError: {"eps": 1.0},
    tg.Noise: {"kind": "gaussian", "sigma_sq": 1.0, "batch": None},
    tg.Channel: {"eta": 0.0, "lam": 0.0, "nu": 1.0, "error": False},
    tg.theorem: {"name": "ef21.pl"},
    tg.theorem("dore.strongly-convex").guarantee: {
        "constants": KNOWN,
        "up": "randk:k=2",
        "down": None,
        "rounds": 10,
        "eps": None,
        "participation": 0.5,
        "gamma": 0.01,
    },
    GUARANTEE.bound: {"t": 10},
    GUARANTEE.rounds_to: {"eps": 0.1},
    GUARANTEE.bits_to: {"eps": 0.1},
    GUARANTEE.vacuous: {"rounds": 3},
    tg.compressor: {"spec": "topk:k=1"},
    tg.compressor("randk:k=1").compress: {"x": np.ones(4), "u": None, "seed": 0, "worker": 0, "workers": 1},
    tg.compressor("topk:k=1").pointwise: {"x": np.ones(4)},
    tg.compressor("topk:k=1").formula_bits: {"dim": 4, "float_bits": 32},
    tg.problem: {
        "spec": "logistic",
        "X": X,
        "y": Y,
        "workers": 2,
        "reg": 0.1,
        "l1": 0.0,
        "batch": 2,
        "split": "iid",
        "intercept": 0,
        "positive": None,
        "x0": None,
        "n_features": None,
    },
    tg.Problem.from_functions: {
        "value": lambda x: 0.0,
        "gradient": lambda x: x,
        "dim": 3,
        "workers": None,
        "L": 1.0,
        "mu": 1.0,
        "x0": np.zeros(3),
        "f_star": 0.0,
        "x_star": np.zeros(3),
    },
    PROBLEM.value: {"X": np.zeros(4)},
    PROBLEM.gradient: {"X": np.zeros(4)},
    PROBLEM.prox: {"x": np.zeros(4), "gamma": 0.1},
    PROBLEM.worker_gradient: {"worker": 0, "X": np.zeros(4)},
    tg.run: {
        "method": "ef21",
        "problem": PROBLEM,
        "up": "topk:k=2",
        "down": "identity",
        "parameters": {"gamma": 0.1},
        "rounds": 5,
        "workers": None,
        "replicas": 2,
        "seed": 0,
        "first_replica": 0,
        "checkpoints": [1, 2],
        "columns": True,
        "schedule": None,
        "average": None,
        "paths": False,
        "engine": "simulate",
        "checkpoint_every": "60s",
        "delay_bound": None,
        "patience": None,
        "threads": None,
        "participation": None,
    },
    tg.method: {"name": "ef21"},
    tg.advise: {
        "known": KNOWN,
        "up": "topk:k=2",
        "down": None,
        "eps": 0.1,
        "rounds": None,
        "by": "rounds",
        "link": None,
        "theorems": ["ef21.pl"],
        "constants": {"L": 1.0},
    },
    tg.certify: {"spec": OWN, "dim": None, "seed": 0, "alpha": 0.001, "points": 2},
    tg.compare: {
        "names": ["ef21.pl"],
        "problem": PROBLEM,
        "bits": 1e4,
        "rounds": None,
        "up": "topk:k=2",
        "workers": None,
        "seed": 0,
    },
    tg.fit_rate: {"trace": TRACE, "column": None, "start": 0.5, "power": False},
    TRACE.merge: {"other": TRACE},
    TRACE.combine: {"terms": (("gap", 1.0),)},
    tg.frontier: {
        "method": "ef21",
        "up": "randk:k=1,scaled=0",
        "down": "identity",
        "workers": 1,
        "dim": 10,
        "mu": 0.1,
        "theorems": 0,
    },
    tg.hard_instances: {"theorem": "ef21.pl"},
    tg.step_table: {
        "name": "ef21.pl",
        "known": KNOWN,
        "n": [1, 2],
        "up": ["topk:k=1"],
        "down": None,
        "eps": 0.1,
        "constants": None,
    },
    tg.sweep: {
        "method": "ef21",
        "problem": PROBLEM,
        "up": "topk:k=2",
        "grid": {"gamma": [0.1]},
        "rounds": 5,
        "seed": 0,
        "column": None,
    },
    tg.exit_status: {"verdicts": []},
    tg.verify: {"ids": ["sgd.strongly-convex"], "paper": None, "problem": PROBLEM, "rounds": 5, "replicas": 2,
                "jobs": 1, "workers": 2, "seed": 0, "alpha": 1e-3, "parameters": {"gamma": 0.1}, "constants": None,
                "modules": (), "up": None, "participation": None, "executor": None, "progress": None},
    tg.judge: {"plan": PLAN, "method": None, "seed": 0, "alpha": 1e-3, "override_parameters": None,
               "override_constants": None},
    tg.speedup: {"name": "sgd.convex", "problem": "quadratic:dim=3", "n": [1, 2], "rounds": 5, "replicas": 2},
    tg.Experiment: {"theorem": "sgd.convex", "problem": "quadratic:dim=3", "up": "identity", "workers": 2, "rounds": 5,
                    "choices": {}, "rounds_grid": (), "workers_grid": ()},
    tg.Method: {"name": "own", "title": "", "source": "", "parameters": ("gamma",), "states": (0, 0, 0), "clock": "",
                "models": "", "samples": None, "prox": False},
    tg.Method.from_functions: {"name": "own", "update": lambda x, v, gamma: x - gamma * v, "keeps": [], "title": ""},
    tg.Theorem.from_functions: {
        "name": "own.case", "method": "sgd", "step": lambda c: 1 / c.L, "bound": lambda t, c: c.gap0 / t,
        "metric": "gap", "assumes": ["smooth"], "up": None, "down": None, "limits": None, "requires": ["L"],
        "bound_requires": ["gap0"], "title": "", "source": "", "bound_latex": ""},
    tg.Constants.read: {"pairs": {"L": 1.0}},
    KNOWN.replaced: {"pairs": {"L": 1.0}},
    PROBLEM.known: {"L": 1.0, "mu": 0.5, "L_i": None, "supports": None, "mu_i": None},
    tg.method("ef21").check: {"parameters": {"gamma": 0.1}},
    tg.Schedule.of: {"step": [0, 1], "worker": [0, 1], "version": [0, 0], "n": 2, "steps": None},
}  # fmt: skip


class Odd:
    pass


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([2**70, -(2**70), 0.5, -0.5, float("nan"), float("inf"), 1e300, -1e300, 1e-320, 1j, b"x", Odd()])
    | st.sampled_from(["", " ", "x", ":", "x:", "a=b", "nan", "topk", "topk:k=nan", "\0", "x" * 5000])
    | st.sampled_from([np.float64("nan"), np.int64(-1), np.array(None), Path("nope"), int, Odd])
)
VALUES = (
    SCALARS
    | st.lists(SCALARS, max_size=2)
    | st.lists(SCALARS, max_size=2).map(tuple)
    | st.dictionaries(SCALARS.filter(lambda value: not isinstance(value, np.ndarray)), SCALARS, max_size=1)
    | st.sampled_from([np.zeros(0), np.ones(2), np.array(["a"]), np.ones((2, 2, 2)), np.full(4, np.nan)])
)


@settings(max_examples=1000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_an_odd_argument_is_right_or_one_sentence(data):
    function = data.draw(st.sampled_from(list(CALLS)))
    name = data.draw(st.sampled_from(sorted(CALLS[function])))
    value = data.draw(VALUES)
    try:
        function(**(CALLS[function] | {name: value}))
    except InputError as refused:
        sentence = str(refused)
        assert sentence
        assert sentence.isprintable()
        assert len(sentence) <= LONGEST_SENTENCE + 100


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: tg.run(None, PROBLEM, rounds=3),
            r"^method=None: give a string, a Method, a Guarantee or a NoGuarantee$",
        ),
        (lambda: tg.run("ef21", PROBLEM, rounds=float("nan")), r"^rounds=nan: give a whole number$"),
        (lambda: tg.run("ef21", PROBLEM, up=3, rounds=3), r"^up=3: give a string or a Compressor$"),
        (
            lambda: tg.run("ef21", PROBLEM, rounds=3, parameters={"gamma": None}),
            r"^parameters\['gamma'\]=None: give a n",
        ),
        (
            lambda: tg.run("ef21", PROBLEM, rounds=3, parameters=[("gamma", 1)]),
            r"give a dictionary from names to numbe",
        ),
        (lambda: tg.verify("sgd.convex"), r"^ids='sgd.convex': give a list of strings$"),
        (
            lambda: tg.theorem("ef21.pl").guarantee("quadratic"),
            r"^constants='quadratic': give a Constants or a Problem$",
        ),
        (lambda: tg.compare(["ef21.pl", 3], PROBLEM, bits=1e4), r"^names\[1\]=3: give a string$"),
        (lambda: PROBLEM.worker_gradient(2, np.zeros(4)), r"^worker=2: give a whole number from -2 to 1$"),
        (lambda: PROBLEM.value(np.zeros(3)), r"^X has the shape \(3,\); give points of shape \(\.\.\., 4\)$"),
        (lambda: tg.Problem.from_functions(len, abs, dim=3, L=float("nan")), r"^L = nan is not a finite number$"),
        (lambda: tg.Problem.from_functions(lambda: 0, abs, dim=3), r"^the value fails at x0: TypeError: "),
        (lambda: tg.tightness("ef21.pl", budget=float("inf")), r"^budget=inf: give a finite number$"),
        (
            lambda: tg.verify(["sgd.convex"], rounds=2**70),
            r"^rounds=1180591620717411303424: give a whole number from 1",
        ),
        (lambda: tg.hard_instances("nope"), r"^unknown theorem 'nope'"),
    ],
)
def test_the_sentence_names_the_argument_and_what_it_takes(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()


def test_what_numpy_makes_is_as_good_as_what_python_has():
    traces = [
        tg.run("ef21", PROBLEM, "topk:k=2", parameters={"gamma": step}, rounds=rounds, seed=seed, checkpoints=at)
        for step, rounds, seed, at in (
            (0.1, 5, 1, [1, 2]),
            (np.float64(0.1), np.int64(5), np.uint8(1), np.array([1, 2])),
            (0.1, 5.0, 1.0, (1.0, 2.0)),
        )
    ]
    for trace in traces[1:]:
        np.testing.assert_array_equal(trace.final, traces[0].final)
    assert {type(trace.about["rounds"]) for trace in traces} == {int}


def test_lists_and_dictionaries_that_are_right_stay_the_objects_they_are():
    class Names(tuple):
        pass

    given = Names(("a", "b"))
    assert read_as(kind_of("Sequence[str]"), "names", given) is given
    mapping = {"a": 1.0}
    assert read_as(kind_of("Mapping[str, float] | None"), "parameters", mapping) is mapping


ODD = [
    None, True, -3, 2.5, 2**70, 10**400, float("nan"), float("inf"), -1e300, 1e-320, 1j, b"x", Odd(), "", "x:",
    "\0", "x" * 5000, "\u202e", "a\nb", "nope", np.int64(-1), np.array(None), Path("nope"), int, len, lambda: 1,
    lambda *a: 1 / 0, [], [None], [[1], [2, 3]], {1: 2}, {"gamma": "x"}, {"gamma": float("nan")}, set(), range(10**12),
    np.array(["a"]), np.ones((2, 2, 2)), np.full(4, np.nan), iter([]), slice(1), ..., np.datetime64("2020"), PROBLEM,
    KNOWN, GUARANTEE, TRACE, "topk:k=nan",
]  # fmt: skip
"""What no argument, or hardly one, takes."""


def test_of_a_thousand_bad_calls_all_are_one_sentence():
    """Every function in turn; calls that turn out to be good (None where a default is, say) are few and not counted."""
    draw, functions, refused, other = random.Random(1), list(CALLS), 0, []
    for k in range(1100):
        function = functions[k % len(functions)]
        name, value = draw.choice(sorted(CALLS[function])), draw.choice(ODD)
        try:
            function(**CALLS[function] | {name: value})
        except InputError:
            refused += 1
        except Exception as raw:
            other.append((function, name, value, raw))
    assert refused > 1000
    assert other == []


def public_functions():
    """Every public function, and every method of a public class."""
    for name in tg.__all__:
        thing = getattr(tg, name)
        for member in (thing, *(vars(thing).values() if inspect.isclass(thing) else ())):
            yield name, getattr(member, "__func__", member)


def test_every_word_of_a_checked_annotation_is_known():
    """A class is known by its name: one that is misspelt, or an alias that the door has not heard of, refuses all."""
    from tersegrad.common import door

    classes = {value.__name__ for module in list(sys.modules.values()) for value in vars(module).values()
               if isinstance(value, type) and str(getattr(module, "__name__", "")).startswith("tersegrad")}  # fmt: skip
    known = classes | set(door.ALIASES) | set(door.SIMPLE) | {"Sequence", "Mapping", "list", "dict", "tuple", "type"}
    checks = [(name, f) for name, f in public_functions() if inspect.isfunction(f) and hasattr(f, "__wrapped__")]
    assert len(checks) > 30
    for name, function in checks:
        for parameter in inspect.signature(function).parameters.values():
            if isinstance(parameter.annotation, str):
                words = door.words_of(parameter.annotation)
                assert words <= known, (name, parameter.name, words - known)


def test_what_checked_looks_at():
    @checked
    def add(a: int, b: float | None = None, *, names: tuple[str, ...] = (), **rest: float) -> Any:
        return a, b, names, rest

    assert add(np.int64(1), 2, names=["x"], c=3) == (1, 2, ["x"], {"c": 3})
    for wrong in ({"a": True}, {"a": 1, "b": "2"}, {"a": 1, "names": "x"}, {"a": 1, "names": [1]}, {"a": 1, "c": "x"}):
        with pytest.raises(InputError):
            add(**wrong)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        add()
    with pytest.raises(TypeError, match="takes from 1 to 2 positional arguments but 3"):
        add(1, 2, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: tg.Constants(L=10**400),
        lambda: tg.compressor("bernoulli:p=" + "9" * 400),
        lambda: tg.theorem("ef21.pl").guarantee(KNOWN, "topk:k=1", gamma=10**400),
        lambda: tg.theorem("ef21.pl").guarantee(KNOWN, "topk:k=1", rounds=10**400),
        lambda: tg.run("ef21", PROBLEM, "topk:k=1", parameters={"gamma": 10**400}, rounds=3),
        lambda: tg.sweep("ef21", PROBLEM, grid={"gamma": [0.1]}, rounds=10**400),
        lambda: tg.problem("logistic", [[10**400], [1.0]], [1, 0]),
        lambda: PROBLEM.value([10**400] * 4),
    ],
)
def test_a_whole_number_above_all_doubles_is_refused_like_infinity(call):
    with pytest.raises(InputError):
        call()


@pytest.mark.parametrize("rounds", ["x", None, [-1], 11, 1.5, float("inf")])
def test_a_schedule_is_asked_about_rounds_that_it_has(rounds):
    schedule = tg.Schedule.of(step=list(range(10)), worker=[0] * 10, version=list(range(10)), n=1)
    with pytest.raises(InputError):
        schedule.dropped_after(rounds)
    np.testing.assert_array_equal(schedule.dropped_after([0, 10]), [0, 0])


def test_a_guarantee_for_more_rounds_than_anybody_runs_is_one():
    """Verdicts ask for the slope of bounds at 10^17 rounds."""
    assert tg.theorem("sgd.nonconvex").guarantee(KNOWN, rounds=10**17).bound(10**17) > 0
