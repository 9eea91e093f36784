"""Default experiments of MARINA, MARINA-P, DASHA, Artemis, MURANA, and of DIANA and QSGD without convexity."""

from typing import Any

from .base import ALONE, HETEROGENEOUS, LINEAR, QUADRATIC, TERNARY, Experiment
from .ef21 import REGRESSION, UNEQUAL

#: Workers that differ by a linear function.
_SHIFTED: dict[str, Any] = {
    "problem": "quadratic:dim=8,mu=0.05,L=1,heterogeneity=1,radius=3", "down": "permk:workers=4",
}  # fmt: skip

EXPERIMENTS = (
    Experiment("diana.pl", **REGRESSION, up="ternary"),
    Experiment("marina.nonconvex", **UNEQUAL, up="randk:k=2"),
    Experiment("marina.pl", **REGRESSION, up="randk:k=2"),
    Experiment("marina-p.nonconvex", **UNEQUAL, down="randk:k=2"),
    Experiment("marina-p.pl", **REGRESSION, down="randk:k=2"),
    Experiment("marina-p.same-hessian", **UNEQUAL | _SHIFTED),
    Experiment("marina-p.same-hessian-pl", **REGRESSION | _SHIFTED),
    Experiment("dasha.nonconvex", **UNEQUAL, up="randk:k=2"),
    Experiment("dasha.pl", **REGRESSION, up="randk:k=2"),
    Experiment("artemis.strongly-convex", QUADRATIC, **TERNARY, **LINEAR, **HETEROGENEOUS),
    Experiment(
        "murana.strongly-convex", "least-squares:rows=80,dim=10,reg=0.1,l1=0.02", workers=4, rounds=1000, replicas=16,
        **LINEAR, **ALONE, **TERNARY,
    ),
    Experiment(
        "qsgd.nonconvex", "logistic-nonconvex:rows=64,dim=5,lam=0.1,split=sorted,noise=gaussian,sigma_sq=2",
        up="qsgd:levels=2", rounds=2048, replicas=16, rounds_grid=(128, 512, 2048),
        workers_grid=(2, 4, 8, 16, 32), speedup_replicas=16,
    ),
)  # fmt: skip
