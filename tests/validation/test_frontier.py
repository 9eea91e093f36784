"""The largest stable step: formulas against the spectral radius, the simulation on both sides, wrong methods."""

import json
import math
from dataclasses import replace

import pytest

from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.solvers.method import known_methods, method
from tersegrad.validation.conformance import OTHERWISE, PARAMETERS
from tersegrad.validation.exact import NotClosed, Recursion, agreement
from tersegrad.validation.exact.frontier import frontier, granted, granted_words
from tersegrad.validation.variants import add_up

UP, KEPT = "bernoulli:p={p}", "scaled:of=bernoulli/p={p}"


def found(name, spec, n, **parameters):
    return frontier(name, spec, workers=n, parameters=parameters, theorems=False)


def test_the_example_of_ef21():
    n, p = 10, 0.5
    ef21 = found("ef21", "randk:ratio=0.5,scaled=0", n)
    assert ef21.step == pytest.approx(2 * n * p * (2 - p) / (n * p**2 + 4 * (1 - p)), rel=1e-12)
    assert ef21.radius == pytest.approx(10 / 3, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 7, 16])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.875])
def test_formulas_are_where_the_spectral_radius_is_one(n, p):
    cases = [
        ("sgd", "identity", {}, 2.0),
        ("qsgd", UP, {}, 2 / (1 + (1 / p - 1) / n)),
        ("ef21", KEPT, {}, 2 * n * p * (2 - p) / (n * p * p + 4 * (1 - p))),
        ("error-feedback", KEPT, {}, 2 * n * p * (2 - p) / (n * p * p + 4 * (1 - p))),
        ("diana", UP, {"alpha": round(p * 2**32) / 2**32}, None),
        ("marina", UP, {"p": 0.3}, None),
    ]
    for name, spec, numbers, expected in cases:
        one = found(name, spec.format(p=p), n, **numbers)
        assert one.formula is not None
        assert one.formula == pytest.approx(one.radius, rel=1e-8), name
        if expected is not None:
            assert one.step == pytest.approx(expected, rel=1e-6), name


def test_one_worker_with_error_feedback_and_many_workers_with_ef21():
    assert found("error-feedback", KEPT.format(p=0.25), 1).step == pytest.approx(2 * 0.25 / 1.75, rel=1e-6)
    assert found("ef21", KEPT.format(p=0.25), 2000).step == pytest.approx(2 * 1.75 / 0.25, rel=0.03)


def test_shared_coins_have_a_frontier_of_their_own():
    own, shared = (found("qsgd", f"randk:ratio=0.25,seed={seed}", 8).step for seed in ("own", "shared"))
    assert own == pytest.approx(2 / (1 + 3 / 8))
    assert shared == pytest.approx(2 / (1 + 3))


#: method -> its numbers; up and down keep half of the coordinates.
CASES = {
    "artemis": {"alpha": 0.5}, "cser": {"H": 3}, "diana": {"alpha": 0.5}, "dist-ef-sgd": {"b": 0.3},
    "dore": {"alpha": 0.5, "beta": 0.5, "eta": 0.1}, "doublesqueeze": {}, "ef-bv": {"lam": 0.5, "nu": 0.9}, "ef21": {},
    "ef21-bc": {}, "ef21-sgdm": {"eta": 0.3}, "ef21-p": {}, "ef21-p-diana": {"beta": 0.5}, "error-feedback": {},
    "gmc": {"beta": 0.5}, "gmc-plus": {"beta": 0.5, "lam": 0.5}, "heavy-ball": {"beta": 0.5}, "liec": {"H": 3},
    "marina": {"p": 0.3}, "dasha": {"alpha": 0.5}, "momentum": {"b": 0.5}, "dmsgd": {"beta": 0.5},
    "murana": {"lam": 0.5, "beta": 0.5}, "neolithic": {"R": 2}, "qsgd": {}, "qsgd-two-way": {}, "sgd": {},
    "econtrol": {"eta": 0.2}, "q-gd": {}, "d-qgd": {}, "compressed-gd": {},
}  # fmt: skip
UNBIASED = {
    "artemis",
    "dasha",
    "diana",
    "dore",
    "marina",
    "murana",
    "qsgd",
    "qsgd-two-way",
    "ef-bv",
    "ef21-p-diana",
    "q-gd",
    "d-qgd",
}
UP_SPEC = {True: "bernoulli:p=0.5", False: "scaled:of=bernoulli/p=0.5"}


#: Synchronous methods that are not listed above, with numbers by their letter.
OTHERS = {
    m.name: {letter: PARAMETERS.get(letter, OTHERWISE) for letter in m.parameters if letter != "gamma"}
    for m in known_methods().values()
    if not m.clock and m.name not in CASES
}


@pytest.mark.parametrize("name", OTHERS)
def test_methods_that_are_not_listed_have_a_frontier_or_a_reason(name):
    limits = {}
    for up in UP_SPEC.values():
        down = up if method(name).two_way else "identity"
        try:
            limits[up] = frontier(name, up, down, workers=3, parameters=OTHERS[name], theorems=False).step
        except NotClosed as reason:
            pytest.skip(f"the moments do not close: {reason}")
    up, limit = max(limits.items(), key=lambda item: item[1])
    down = up if method(name).two_way else "identity"
    assert 0 < limit < math.inf
    one = problem("quadratic:dim=1,mu=1,L=1,heterogeneity=1", workers=3)
    for factor, grows in ((0.98, False), (1.02, True)):
        numbers = {"gamma": factor * limit, **OTHERS[name]}
        assert (Recursion(name, one, up, down, parameters=numbers).growth() > 1) is grows


@pytest.mark.parametrize("name", CASES)
def test_moments_grow_two_per_cent_above_and_shrink_two_per_cent_below(name):
    """By the exact map, which the engine follows on both sides.

    In the mean square: single paths may converge where the second moment, carried by ever rarer ones, does not.
    """
    n, subject = 3, method(name)
    up = UP_SPEC[name in UNBIASED]
    down = ("scaled:of=bernoulli/p=0.5" if name.startswith("ef21-p") else up) if subject.two_way else "identity"
    limit = frontier(name, up, down, workers=n, parameters=CASES[name], theorems=False).step
    assert 0 < limit < math.inf
    one = problem("quadratic:dim=1,mu=1,L=1,heterogeneity=1,radius=3", workers=n)
    for factor, grows in ((0.98, False), (1.02, True)):
        numbers = {"gamma": factor * limit, **CASES[name]}
        exact = Recursion(name, one, up, down, parameters=numbers)
        assert (exact.growth() > 1) is grows
        # Workers that agree leave no floor: the moments themselves vanish or grow.
        alone = Recursion(name, problem("quadratic:dim=1,mu=1,L=1", workers=n), up, down, parameters=numbers)
        after, late = alone.expected(["dist_sq"], [300, 1800])["dist_sq"]
        assert late > 10 * after if grows else abs(late) < 0.1 * abs(after) + 1e-12
        assert agreement(name, one, up, down, parameters=numbers, rounds=6).word == "agrees"


# --------------------------------------------------------------------------------------------------- wrong methods


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ef21", {"server": add_up}),  # a sum in place of an average
        ("diana", {"server": add_up}),
        ("ef21", {"uplink": lambda p: replace(method("ef21").uplink(p), lam=0.9)}),  # another memory
        ("diana", {"uplink": lambda p: replace(method("diana").uplink(p), lam=0.9 * p["alpha"])}),
        ("error-feedback", {"uplink": lambda p: replace(method("error-feedback").uplink(p), eta=0.9)}),
        ("marina", {"special_when": "period"}),
    ],
)
def test_wrong_methods_have_another_frontier(name, changes):
    n, up = 4, UP_SPEC[name in UNBIASED]
    numbers = CASES[name]
    right = frontier(name, up, workers=n, parameters=numbers, theorems=False).step
    wrong = replace(method(name), **changes)
    if changes.get("special_when") == "period":
        wrong = replace(wrong, parameters=("gamma", "p", "H"))
        numbers = {**numbers, "H": 3}
    one = problem("quadratic:dim=1,mu=1,L=1,heterogeneity=1", workers=n)
    at_limit = Recursion(wrong, one, up, parameters={"gamma": right, **numbers}).growth()
    assert abs(at_limit - 1) > 1e-3


def test_what_has_no_frontier_says_why():
    for name, spec, reason in (
        ("iag", "identity", "asynchronous"),
        ("sgd-momentum", "identity", "not all alike"),
        ("ef21", "topk:k=1", "not a random linear map"),
        ("dgc", "randk:k=1,scaled=0", "not linear"),
    ):
        numbers = {"beta": 0.5} if name == "dgc" else {}
        with pytest.raises(NotClosed, match=reason):
            frontier(name, spec, workers=2, parameters=numbers)


def test_unstable_whatever_the_step():
    # An error that is remembered in full and sent unbiased grows by omega a round.
    assert frontier("error-feedback", "randk:ratio=0.25", workers=1, theorems=False).step == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"parameters": {"gamma": 1.0}}, "gamma is what is computed"),
        ({"workers": 1000, "up": "randk:ratio=0.5", "parameters": {"alpha": 0.2}}, "give at most 64"),
        ({"mu": 2.0}, "above L = 1"),
        ({"down": "randk:ratio=0.5"}, "broadcasts uncompressed"),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(options, sentence):
    with pytest.raises(InputError, match=sentence):
        frontier("diana", **{"parameters": {"alpha": 0.5}, **options})


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["frontier", *words])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_the_command(capsys):
    status, out, _ = run(capsys, "ef21", "--up", "randk:ratio=0.5,scaled=0", "--workers", "10", "--json")
    document = json.loads(out)
    assert status == 0
    assert document["frontier"] == pytest.approx(10 / 3)
    assert document["by"] == "formula"
    steps = {s["theorem"]: s for s in document["theorems"]}
    assert steps["ef21.nonconvex"]["ratio"] == pytest.approx(steps["ef21.nonconvex"]["step"] / (10 / 3))
    status, out, _ = run(capsys, "dore", "--up", "randk:ratio=0.25", "--down", "randk:ratio=0.25", "--workers", "4")
    assert status == 0
    assert "stable in the mean square for gamma L <" in out
    status, out, err = run(capsys, "ef21", "--up", "topk:k=3", "--json")
    assert (status, json.loads(out)["frontier"]) == (3, None)
    assert "not a random linear map" in err
    status, _, err = run(capsys, "ef21", "--set", "alpha=x")
    assert (status, err) == (2, "error: alpha = x is not a number\n")


@pytest.mark.parametrize("method", ["ef21", "diana", "qsgd-two-way", "marina"])
def test_no_theorem_grants_more_than_the_largest_stable_step(method):
    shares = granted(method)
    assert shares
    assert all(0 < share <= 1 for share in shares.values())
    words = granted_words(next(iter(shares)), method)
    assert f"{next(iter(shares.values())):.3g} times the largest one" in words


def test_nothing_is_said_where_moments_do_not_close():
    assert granted_words("iag.pl", "iag") == ""
