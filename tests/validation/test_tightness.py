"""The search for tight instances: what it must find, what is stored, and wrong theorems that it refutes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.theory import THEOREMS, Constants, theorem
from tersegrad.theory.advice import advise
from tersegrad.validation.tightness import (
    FIRST,
    FOLDER,
    VIOLATED,
    Instance,
    hard_instances,
    spaces,
    store,
    tightness,
)

#: What is attained, at t >= 10, on small quadratics.
ATTAINED = {
    "ef21.tight-single-worker": 0.99, "error-feedback.tight-single-worker": 0.99, "compressed-gd.tight": 0.99,
    "ef21.nonconvex": 0.999, "doublesqueeze.contractive": 0.33, "iag.nonconvex": 0.999, "delayed-sgd.nonconvex": 0.69,
    "delayed-sgd.quadratic": 0.11, "ef21.tight-unequal": 0.999, "scaffnew.strongly-convex": 0.9999999,
    "scaffnew.strongly-convex-tuned": 0.9999999, "compressed-scaffnew.strongly-convex": 0.9999999,
}  # fmt: skip


@pytest.mark.parametrize("name", ATTAINED)
def test_tight_instances_are_known(name):
    best = max((instance.ratio() for instance in hard_instances(name)), default=0.0)
    assert best >= ATTAINED[name]


@pytest.mark.parametrize("name", ["ef21.tight-single-worker", "sgd.nonconvex", "qsgd.strongly-convex"])
def test_the_search_finds_tight_instances_by_itself(name, monkeypatch):
    monkeypatch.setattr("tersegrad.validation.tightness.hard_instances", lambda theorem: [])
    found = tightness(name, budget=8.0)
    assert found.word == "found"
    assert 0.99 <= found.ratio <= VIOLATED
    assert found.instance.rounds >= FIRST
    assert found.instance.ratio() == pytest.approx(found.ratio, rel=1e-9)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_stored_instances_are_what_their_file_says(path):
    for spec in json.loads(path.read_text()):
        instance = Instance.from_spec(spec)
        assert instance.theorem == path.stem
        assert instance.theorem in THEOREMS
        assert instance.rounds >= FIRST
        ratio = instance.ratio()
        assert ratio == pytest.approx(spec["ratio"], abs=1e-6)
        assert ratio <= VIOLATED


def test_the_ratio_of_gradient_descent_by_hand():
    """f(x) = x^2/2, gamma = 1/2: x halves; the bound is 2 Delta/(gamma T)."""
    one = Instance("sgd.nonconvex", (((1.0,),),), ((0.0,),), (1.0,), 10, parameters={"gamma": 0.5})
    mean = sum(0.25**t for t in range(10)) / 10
    assert one.ratio() == pytest.approx(mean / (2 * 0.5 / (0.5 * 10)))


def test_gradients_met_take_the_place_of_a_bound_on_all():
    one = Instance("doublesqueeze.contractive", (((1.0,),),), ((0.0,),), (1.0,), 12)
    assert 0.3 < one.ratio() <= 1 / 3 + 1e-9


def test_specs_are_read_back(tmp_path):
    two = Instance(
        "qsgd.strongly-convex", (((1.0,),), ((0.5,),)), ((1.0,), (-2.0,)), (1.0,), 12, 0.1, "bernoulli:p=0.5"
    )
    assert Instance.from_spec(json.loads(json.dumps(two.spec()))) == two
    path = store([two, replace(two, rounds=11)], tmp_path)
    ratios = [spec["ratio"] for spec in json.loads(path.read_text())]
    assert ratios == sorted(ratios, reverse=True)
    with pytest.raises(InputError, match="not those of an instance"):
        Instance.from_spec({"theorem": "sgd.pl"})


# ------------------------------------------------------------------------------------ wrong theorems are refuted


def weakened(name, changes):
    subject = theorem(name)
    return type(f"Wrong{type(subject).__name__}", (type(subject),), changes)()


def judged(wrong, monkeypatch, budget=20.0):
    monkeypatch.setitem(THEOREMS, wrong.name, wrong)
    return tightness(wrong.name, budget)


def test_a_contraction_that_is_too_fast_is_refuted(monkeypatch):
    right = type(theorem("ef21.tight-single-worker"))
    wrong = weakened(
        "ef21.tight-single-worker",
        {"contraction_gaps": lambda self, c, p: {k: 1.1 * v for k, v in right.contraction_gaps(self, c, p).items()}},
    )
    found = judged(wrong, monkeypatch)
    assert found.word == "violated"


def test_half_of_the_bound_is_refuted_where_it_is_attained(monkeypatch):
    for name in ("sgd.nonconvex", "ef21.nonconvex"):
        right = type(theorem(name))

        def half(self, request, p, right=right):
            return replace(right.average(self, request, p), start=0.5 * right.average(self, request, p).start)

        assert judged(weakened(name, {"average": half}), monkeypatch).word == "violated"


def test_asynchronous_theorems_are_searched_with_delays():
    assert {space.clock for space in spaces(theorem("iag.nonconvex"))} == {"cyclic", "fixed:tau=1", "fixed:tau=3"}
    assert {space.workers for space in spaces(theorem("ef21.tight-single-worker"))} == {1}


def test_what_does_not_close_says_why():
    found = tightness("signsgd.nonconvex", budget=1.0)
    assert found.word == "not closed"
    assert "not linear" in found.reason


def run(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main(["tightness", *words])
    out, err = capsys.readouterr()
    return end.value.code, out, err


def test_the_command(capsys, tmp_path):
    status, out, _ = run(capsys, "sgd.nonconvex", "--budget", "1", "--json", "--keep", str(tmp_path))
    document = json.loads(out)
    assert status == 0
    assert 0.9 < document["ratio"] <= 1 + 1e-9
    assert Instance.from_spec(document["instance"]).ratio() == pytest.approx(document["ratio"], rel=1e-9)
    assert (tmp_path / "sgd.nonconvex.json").exists()
    status, out, _ = run(capsys, "sgd.nonconvex", "--budget", "1")
    assert "measured/bound up to" in out
    status, out, _ = run(capsys, "signsgd.nonconvex", "--budget", "0.5")
    assert (status, "no instance whose moments close" in out) == (3, True)
    status, _, err = run(capsys, "sgd.nonconvx")
    assert status == 2
    assert "unknown theorem" in err
    assert math.isfinite(np.float64(document["seconds"]))


# ----------------------------------------------------------------------------------------- counterexamples wanted


def search(monkeypatch, *arguments, worse=1.0):
    """``tersegrad verify --search`` for a moment; the ratios found are made so many times larger."""

    def brief(name, budget, seed):
        found = tightness(name, 0.3, seed)
        return replace(found, ratio=worse * found.ratio)

    monkeypatch.setattr("tersegrad.validation.tightness.tightness", brief)
    return CliRunner().invoke(main, ["verify", "--search", *arguments])


def test_a_search_says_what_it_tried_and_the_largest_ratio(monkeypatch):
    found = search(monkeypatch, "ef21.tight-unequal")
    assert found.exit_code == 0, found.output
    assert "ef21.tight-unequal: measured/bound up to 1" in found.output
    assert "tried: quadratics of 1, 2 or 3 workers" in found.output
    assert "counterexamples: none found" in found.output


def test_a_counterexample_is_named_and_is_status_1(monkeypatch):
    found = search(monkeypatch, "scaffnew.strongly-convex", "--json", worse=1.001)
    assert found.exit_code == 1
    said = json.loads(found.stdout)
    assert said["violated"] == ["scaffnew.strongly-convex"]
    assert said["searches"][0]["ratio"] == pytest.approx(1.001)


@pytest.mark.parametrize(
    "more", [(), ("sgd.convex", "--quick"), ("sgd.convex", "--workers", "3"), ("dore.claim-bits",)]
)
def test_a_search_is_for_theorems_that_are_named(monkeypatch, more):
    found = search(monkeypatch, *more)
    assert found.exit_code == 2
    assert "--search" in found.output


def test_what_is_conjectured_says_so_and_is_given_by_name_only(monkeypatch):
    right = THEOREMS["sgd.strongly-convex"]
    guess = type("Guess", (type(right),), {"provenance": "conjectured"})()
    monkeypatch.setitem(THEOREMS, right.name, guess)
    known = Constants(n=2, L=1.0, mu=0.1, sigma_sq=1.0, dist0_sq=1.0)
    assert "sgd.strongly-convex is conjectured" in guess.guarantee(known).notes[-1]
    assert (guess, "it is conjectured, and is asked only by name") in advise(known, rounds=100).refused
    assert advise(known, rounds=100, theorems=[right.name]).options
