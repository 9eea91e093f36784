"""Default experiments of EF21 and its variants, EF-BV and EF21-P."""

from typing import Any

from .base import ALONE, LINEAR, Experiment

#: Exact gradients and workers that differ: nonconvex, and strongly convex with different Hessians.
UNEQUAL: dict[str, Any] = {
    "problem": "logistic-nonconvex:rows=64,dim=10,lam=0.1,split=sorted", "workers": 4, "rounds": 2000, "replicas": 8,
    "rounds_grid": (512, 1024, 2048), **ALONE,
}  # fmt: skip
REGRESSION: dict[str, Any] = {
    "problem": "least-squares:rows=80,dim=10,reg=0.1", "workers": 4, "rounds": 1000, "replicas": 16, **LINEAR, **ALONE,
}  # fmt: skip
#: Convex with hardly any curvature in some directions, which is where 1/T is seen.
_FLAT = "quadratic:dim=10,mu=0.0001,L=1,hessians=scaled,heterogeneity=1,radius=2"

EXPERIMENTS = (
    Experiment("ef21.nonconvex", **UNEQUAL, up="topk:k=3"),
    Experiment("ef21.pl", **REGRESSION, up="topk:k=3"),
    Experiment("ef21.nonconvex-sparse", **UNEQUAL, up="topk:k=3"),
    Experiment(
        "ef21.pl-sparse", "sparse-least-squares:rows=400,dim=20,overlap=2,target_noise=0.3", up="topk:k=2", workers=5,
        rounds=1000, replicas=16, **LINEAR, **ALONE,
    ),
    Experiment("ef21-norm.nonconvex", **UNEQUAL, up="topk:k=3"),
    Experiment("3pc.nonconvex", **UNEQUAL, up="topk:k=3", choices={"A": 0.1}),
    Experiment("ef-bv.nonconvex", **UNEQUAL, up="randk:k=3"),
    Experiment("ef-bv.pl", **REGRESSION, up="randk:k=3"),
    Experiment(
        "ef21-sgdm.nonconvex", "logistic-nonconvex:rows=64,dim=5,lam=0.1,split=sorted,noise=gaussian,sigma_sq=1",
        up="topk:k=4", replicas=16, rounds=4096, rounds_grid=(256, 1024, 4096), workers_grid=(2, 4, 8, 16),
        speedup_replicas=16,
    ),
    Experiment("ef21-bc.nonconvex", **UNEQUAL, up="topk:k=5", down="topk:k=5"),
    Experiment("ef21-p.strongly-convex", **REGRESSION | {"rounds": 4000}, down="topk:k=5"),
    Experiment(
        "ef21-p-diana.strongly-convex", **REGRESSION | {"rounds": 12000, "replicas": 8}, up="randk:k=5", down="topk:k=5"
    ),
    Experiment(
        "ef21-p-diana.convex", _FLAT, up="randk:k=5", down="topk:k=5", workers=4, replicas=8,
        rounds_grid=(256, 1024, 4096), **ALONE,
    ),
)  # fmt: skip
