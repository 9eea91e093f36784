"""Default experiments of Q-GD, D-QGD, Q-IAG and delayed Q-SGD."""

from typing import Any

from .base import ALONE, LINEAR, Experiment

#: exact gradients; every coordinate belongs to two of the workers; the workers disagree a little at the minimiser
SPARSE = "sparse-least-squares:rows=400,dim=20,overlap=2,target_noise=0.3"
_SPARSE: dict[str, Any] = {"problem": SPARSE, "up": "qsgd:levels=4", **ALONE}
_ONE: dict[str, Any] = {"workers": 1, "up": "ternary", **ALONE}

EXPERIMENTS = (
    Experiment("khirirat.q-gd-strongly-convex", "quadratic:dim=20,mu=0.1,L=1", **_ONE, **LINEAR, rounds=600),
    Experiment("khirirat.q-gd-convex", "quadratic:dim=20,mu=0.01,L=1", **_ONE),
    Experiment("khirirat.q-gd-nonconvex", "pl:dim=10", **_ONE),
    Experiment("khirirat.d-qgd-strongly-convex", **_SPARSE, **LINEAR, rounds=2000),
    Experiment("khirirat.d-qgd-sharper", **_SPARSE, **LINEAR, rounds=1000),
    Experiment("khirirat.q-iag-convex", **_SPARSE, clock="cyclic", replicas=8),
    Experiment("khirirat.q-iag-strongly-convex", **_SPARSE, **LINEAR, clock="cyclic", rounds=10000, replicas=8),
    Experiment(
        "khirirat.q-iag-delay-lemma", SPARSE, workers=4,
        up="qsgd:levels=4", clock="cyclic", rounds=20000, quick_rounds=6000, replicas=8, **LINEAR, **ALONE,
    ),
    Experiment(
        "khirirat.q-iag-nonconvex", "robust:rows=200,dim=2", workers=4, up="qsgd:levels=4", clock="cyclic",
        rounds=8000, replicas=8, **ALONE,
    ),
    Experiment(
        "khirirat.delayed-q-sgd", "huber:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=1", up="ternary",
        clock="uniform", replicas=16, **ALONE,
    ),
)  # fmt: skip
