"""From data to a step on the command line: constants, advise, step-size with a problem."""

import json

import pytest
from click.testing import CliRunner

import tersegrad as tg
from tersegrad.cli import main

SPLIT = "logistic:rows=64,dim=5,reg=0.1"


def run(*words):
    return CliRunner().invoke(main, list(words))


def document(*words, status=0):
    result = run(*words, "--json")
    assert result.exit_code == status, result.output
    return json.loads(result.stdout)


def test_constants_say_value_and_how_it_is_known():
    about = document("constants", SPLIT, "--workers", "4")
    rows = {row["name"]: row for row in about["constants"]}
    assert rows["mu"]["value"] == 0.1
    assert rows["L"]["known"] == "exact"
    assert rows["zeta_sq"]["known"] == "bound"
    assert "ef21.pl" in rows["L_tilde"]["used_by"]
    assert about["f_star_certified"]
    text = run("constants", SPLIT, "--workers", "4").output
    for name in rows:
        assert f"\n  {name} " in text
    assert "f* = " in text
    assert "lower bound of f* = 0" in run("constants", "logistic-nonconvex:rows=64,dim=5").output


def test_a_problem_stands_for_its_constants():
    by_problem = document("step-size", "ef21.pl", "--problem", SPLIT, "--workers", "4", "--up", "topk:k=1")
    settings = [f"{name}={value!r}" for name, value in by_problem["constants"].items()]
    by_hand = document("step-size", "ef21.pl", "--set", *settings, "--up", "topk:k=1")
    assert by_problem["parameters"] == by_hand["parameters"]
    smaller = document(
        "step-size", "ef21.pl", "--problem", SPLIT, "--workers", "4", "--up", "topk:k=1", "--set", "L=9", "L_tilde=9",
        "L_max=9", "L_sample=9",
    )  # fmt: skip
    assert smaller["parameters"]["gamma"] < by_problem["parameters"]["gamma"]


def test_advice_lists_what_applies_and_why_not_the_rest():
    found = document("advise", "--problem", SPLIT, "--workers", "4", "--up", "topk:k=1", "--eps", "1e-3")
    names = [entry["theorem"] for group in found["metrics"] for entry in group["theorems"]]
    assert "ef21.pl" in names
    reasons = {entry["theorem"]: entry["reason"] for entry in found["refused"]}
    assert "needs an unbiased uplink compressor" in reasons["diana.strongly-convex"]
    text = run("advise", "--problem", SPLIT, "--workers", "4", "--up", "topk:k=1", "--eps", "1e-3").output
    assert "ef21.pl" in text
    apply, apart = text.index("apply, but no bound can be computed"), text.index("do not apply")
    assert apply < text.index("liec.nonconvex ") < apart
    missing = {entry["theorem"]: entry["missing_constants"] for entry in found["without_bound"]}
    assert (missing["liec.nonconvex"], missing["gmc-plus.nonconvex-bounded"]) == (["G"], ["G_l1", "G"])
    assert not set(missing) & set(names)


def test_a_vacuous_bound_has_its_own_warning_and_status():
    settings = ["n=1", "L=1", "mu=0.1", "dist0_sq=1", "sigma_sq=100", "gamma=0.5"]
    words = ["step-size", "sgd.strongly-convex", "--set", *settings]
    result = run(*words)
    assert result.exit_code == 3
    assert "vacuous: the bound of sgd.strongly-convex is not below 0.5" in result.stderr
    assert document(*words, status=3)["vacuous"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["constants", "logistik"], "did you mean 'logistic'"),
        (["constants", SPLIT, "--workers", "0"], "0"),
        (["advise"], "give --problem SPEC, or its constants with --set"),
        (["advise", "--workers", "3", "--set", "L=1"], "without a problem write --set n=3"),
        (["advise", "--problem", SPLIT, "--by", "bit"], "did you mean 'bits'"),
        (["step-size", "ef21.pl", "--problem", SPLIT, "--sum-form"], "--sum-form takes constants of the sum"),
        (["step-size", "ef21.pl", "--problem", SPLIT, "--set", "mu=7"], "mu = 7 is above"),
    ],
)
def test_mistakes_get_one_sentence(words, sentence):
    result = run(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_run_records_the_columns_that_are_asked_for(tmp_path):
    words = ["run", "sgd", "--problem", "quadratic:dim=3", "--workers", "2", "--set", "gamma=0.1", "--rounds", "4"]
    for asked, there, not_there in (
        ("gap_mean", "gap_mean", "grad_sq_mean"), ("none", "gap", "grad_sq_mean"), (None, "grad_sq_mean", "gap_mean"),
    ):  # fmt: skip
        out = tmp_path / f"{asked}.npz"
        result = run(*words, "--out", str(out), *(["--columns", asked] if asked else []))
        assert result.exit_code == 0, result.output
        recorded = set(tg.Trace.load(out).columns)
        assert there in recorded
        assert not_there not in recorded
    result = run(*words, "--columns", "gap_men")
    assert (result.exit_code, "no such column: gap_men (did you mean 'gap_mean'?)" in result.stderr) == (2, True)


def test_the_summary_of_a_run_calls_the_gap_what_it_is():
    words = [
        "run",
        "sgd",
        "--problem",
        "logistic-nonconvex:rows=40,dim=3,lam=0.1",
        "--workers",
        "2",
        "--set",
        "gamma=1",
    ]
    text = run(*words, "--rounds", "4").output
    assert "f(x) - lower bound" in text
    assert "f(x) - f*" not in text
    assert "gap" not in document(*words, "--rounds", "4")["final"]
