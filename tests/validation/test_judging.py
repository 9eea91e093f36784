"""Judging: each verdict where it belongs, with its rate, speedup and certificate."""

import json

from tersegrad.validation import EXPERIMENTS, Experiment, judging
from tersegrad.validation.judging import judge

QUADRATIC = "quadratic:dim=5,mu=0.2,L=1,radius=5"


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


def test_a_run_that_a_verdict_needs_twice_is_made_once(monkeypatch):
    """The longest length of the rate and the n of the speedup at which the main run is made are read off it."""
    made, simulate = [], judging.simulate

    def noting(method, problem, *links, parameters, rounds, replicas, first_replica, **options):
        made.append((problem.spec, problem.workers, *parameters.values(), rounds, replicas, first_replica))
        return simulate(
            method, problem, *links, parameters=parameters, rounds=rounds, replicas=replicas,
            first_replica=first_replica, **options,
        )  # fmt: skip

    monkeypatch.setattr(judging, "simulate", noting)
    noisy = "pl:dim=3,noise=gaussian,sigma_sq=100"
    verdict = judge(
        Experiment(
            "sgd.nonconvex", noisy, workers=4, rounds=512, replicas=8, rounds_grid=(32, 128, 512),
            workers_grid=(1, 2, 4), speedup_replicas=8,
        )
    )  # fmt: skip
    assert len(set(made)) == len(made)
    assert verdict.rate.points.y[-1] == verdict.speedup.measured[-1] == verdict.series.mean[-1]


def test_certificate_has_the_stable_keys_and_is_json():
    verdict = judge(Experiment("sgd.nonconvex", "pl:dim=3", rounds=30, workers_grid=()))
    document = json.loads(json.dumps(verdict.certificate()))
    assert {
        "theorem", "method", "verdict", "reason", "margin", "alpha", "replicas", "rounds", "constants", "parameters",
        "up", "down", "metric", "rate", "speedup", "bits", "provenance", "seed", "versions", "seconds",
    } <= set(document)  # fmt: skip
    assert {"formula", "encoded", "entropy", "saved_vs_dense32"} <= set(document["bits"])


def test_gradient_descent_holds_with_one_replica():
    verdict = judge(Experiment("sgd.strongly-convex", QUADRATIC, rounds=60))
    assert (verdict.verdict, verdict.replicas) == ("holds", 1)
    assert verdict.margin >= 1
