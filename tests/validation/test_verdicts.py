"""Statistics and verdicts: limits that cover as stated, each verdict where it belongs, what repeats repeats."""

import json

import numpy as np
import pytest
from scipy import stats

from tersegrad.common.errors import InputError
from tersegrad.theory import THEOREMS
from tersegrad.validation import CLAIMS, EXPERIMENTS, Experiment, exit_status, select, verify
from tersegrad.validation.judging import judge
from tersegrad.validation.statistics import fit_path_slope, fit_slope, mean_limits

QUADRATIC = "quadratic:dim=5,mu=0.2,L=1,radius=5"


def test_limits_cover_all_means_at_once_as_often_as_stated():
    """500 experiments with alpha = 0.1; more than 76 misses have probability 1e-4 if the limits keep their word."""
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(500):
        _, low, high = mean_limits(rng.normal(1.0, 2.0, size=(12, 5)), 0.1)
        missed += bool((low > 1).any() or (high < 1).any())
    assert missed <= stats.binom.isf(1e-4, 500, 0.1)
    assert missed > 5  # Bonferroni is nearly exact for independent columns: limits much too wide would show here


def test_one_replica_has_no_spread():
    mean, low, high = mean_limits(np.array([[1.0, 2.0]]), 0.1)
    assert np.array_equal(mean, low)
    assert np.array_equal(mean, high)


def test_a_power_law_is_fitted_with_its_exponent():
    rng = np.random.default_rng(1)
    x = np.array([1, 2, 4, 8, 16])
    fit = fit_slope(x, [3 * n**-0.5 * rng.gamma(50, 1 / 50, 200) for n in x], log_x=True)
    assert fit.low < -0.5 < fit.high
    assert fit.high - fit.low < 0.05


def test_a_contraction_is_fitted_with_its_rate():
    t = np.arange(0, 100, 5.0)
    paths = np.exp(-0.05 * t) * np.linspace(0.5, 1.5, 9)[:, None]
    fit = fit_path_slope(t, paths)
    assert fit.slope == pytest.approx(-0.05, rel=1e-12)
    assert fit.low == pytest.approx(-0.05, rel=1e-12)


def test_every_theorem_has_a_default_experiment_and_the_other_way_round():
    assert set(EXPERIMENTS) == set(THEOREMS)


def test_gradient_descent_holds_with_one_replica():
    verdict = judge(Experiment("sgd.strongly-convex", QUADRATIC, rounds=60))
    assert (verdict.verdict, verdict.replicas) == ("holds", 1)
    assert verdict.margin >= 1


def test_a_bound_that_never_leaves_the_start_is_vacuous():
    """A3 with top-1 of 5: 1/delta^2 makes the bound huge for so few rounds."""
    robust = "robust:rows=20,dim=5,homogeneous=1"
    verdict = judge(Experiment("doublesqueeze.contractive", robust, "topk:k=1", "topk:k=1", rounds=20))
    assert verdict.verdict == "vacuous"


def test_what_a_theorem_does_not_cover_is_no_guarantee_with_its_reason():
    verdict = judge(Experiment("dore.strongly-convex", QUADRATIC, "topk:k=2", "ternary"))
    assert verdict.verdict == "no guarantee"
    assert "topk:k=2 is not unbiased" in verdict.reason
    missing = judge(Experiment("sgd.strongly-convex", "robust:rows=20,dim=5,target_noise=1"))
    assert missing.verdict == "no guarantee"
    assert "mu" in missing.reason


def test_an_undecided_comparison_doubles_its_replicas_and_says_so_in_the_end():
    """SGD at its bound's edge with two replicas: Student's limits are far too wide to decide, at first."""
    noisy = "quadratic:dim=2,mu=1,L=1,radius=1,noise=rademacher,sigma_sq=4"
    few = judge(Experiment("sgd.strongly-convex", noisy, rounds=50, replicas=2, workers_grid=(), rounds_grid=()))
    assert few.replicas > 2
    assert few.verdict in ("holds", "inconclusive")


def test_rates_and_speedup_are_recorded_where_the_theorem_predicts_them():
    verdict = judge(EXPERIMENTS["sgd.strongly-convex"].quick())
    assert verdict.verdict == "holds"
    assert verdict.rate.fitted <= verdict.rate.predicted
    low, high = verdict.speedup.predicted_slope
    assert verdict.speedup.seen
    assert low <= verdict.speedup.slope <= high


def test_verdicts_repeat_and_depend_on_the_seed():
    def run(seed):
        (verdict,) = verify(["qsgd.strongly-convex"], quick=True, rounds=100, replicas=4, seed=seed)
        return verdict

    first, again, other = run(0), run(0), run(1)
    assert np.array_equal(first.series.mean, again.series.mean)
    assert not np.array_equal(first.series.mean, other.series.mean)


def test_a_problem_of_the_users_replaces_the_default():
    (verdict,) = verify(
        ["diana.strongly-convex"], problem="logistic:rows=60,dim=6,reg=0.2", up="qsgd:levels=2", workers=3, quick=True
    )
    assert verdict.verdict == "holds"
    assert (verdict.problem, verdict.up, verdict.workers) == ("logistic:rows=60,dim=6,reg=0.2", "qsgd:levels=2", 3)
    assert "--problem" in verdict.command
    assert verdict.speedup is None


def test_certificate_has_the_stable_keys_and_is_json():
    verdict = judge(Experiment("sgd.nonconvex", "pl:dim=3", rounds=30, workers_grid=()))
    document = json.loads(json.dumps(verdict.certificate()))
    assert {
        "theorem", "method", "verdict", "reason", "margin", "alpha", "replicas", "rounds", "constants", "parameters",
        "up", "down", "metric", "rate", "speedup", "bits", "provenance", "seed", "versions", "seconds",
    } <= set(document)  # fmt: skip
    assert {"formula", "encoded", "entropy", "saved_vs_dense32"} <= set(document["bits"])


def test_exit_statuses():
    class Of:
        def __init__(self, word):
            self.verdict = word

    assert exit_status([Of("holds")]) == 0
    assert exit_status([Of("holds"), Of("vacuous")]) == 3
    assert exit_status([Of("no guarantee"), Of("violated")]) == 1


def test_selection_suggests_the_nearest_name():
    theorems, claims = select(paper="dore")
    assert theorems == [i for i in THEOREMS if i.startswith("dore.")]
    assert claims == [i for i in CLAIMS if i.startswith("dore.")]
    with pytest.raises(InputError, match="did you mean 'dore'"):
        select(paper="dora")
    with pytest.raises(InputError, match=r"did you mean 'dore\.nonconvex'"):
        select(["dore.nonconvx"])


@pytest.mark.parametrize("theorem", list(EXPERIMENTS))
def test_default_experiment_holds_and_shows_the_predicted_rate_and_speedup(theorem, certificate):
    """What verify --quick prints, row by row; the seed is fixed."""
    verdict = certificate(theorem)
    assert verdict["verdict"] == "holds", verdict["reason"]
    assert verdict["rate"]["seen"]
    assert not EXPERIMENTS[theorem].workers_grid or verdict["speedup"]["seen"]
