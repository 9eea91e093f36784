"""GMC, GMC+ and dist-EF-SGD."""

from __future__ import annotations

from typing import Any

from .base import NONCONVEX, ROBUST, Experiment

#: nonconvex and heterogeneous with bounded gradients, less noise than `NONCONVEX`
QUIET_NONCONVEX = "logistic-nonconvex:rows=256,dim=10,lam=0.1,split=sorted,noise=gaussian,sigma_sq=1"
#: convex with bounded gradients, all workers hold the same f
HUBER = "huber:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=1"
LOUD_HUBER = "huber:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=16"
LOUD_ROBUST = "robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=16"
#: convex without smoothness, workers differ
ABSOLUTE = "absolute:dim=5,radius=10,heterogeneity=1,noise=gaussian,sigma_sq=1"
#: strongly convex, workers differ; G is that of a region which the iterates do not leave (the tests check it)
CURVED = "quadratic:dim=5,mu=0.5,L=1,heterogeneity=1,radius=4,region=5,noise=gaussian,sigma_sq=16"

_RANDOM = "randk:k=4,scaled=0,seed=shared"
_GRID: dict[str, Any] = {"rounds_grid": (128, 512, 2048, 8192)}
_HALF: dict[str, Any] = {"choices": {"beta": 0.5}, "workers": 4, **_GRID}
_ALIKE: dict[str, Any] = {"workers_grid": (1, 2, 4), "speedup_rounds": 8192, "speedup_problem": LOUD_ROBUST}
_UNLIKE: dict[str, Any] = {"workers_grid": (2, 4, 8), "speedup_rounds": 4096, "speedup_problem": NONCONVEX}
_LOUD: dict[str, Any] = {**_ALIKE, "speedup_problem": LOUD_HUBER}
_CURVED: dict[str, Any] = {
    "problem": CURVED, "up": _RANDOM, "choices": {"beta": 0.3}, "workers": 4, "rounds": 4096, **_GRID,
    "workers_grid": (2, 4, 8, 16, 32),
}  # fmt: skip

EXPERIMENTS = (
    Experiment(
        "gmc.nonconvex", QUIET_NONCONVEX, up="randk:k=8,scaled=0,seed=shared", rounds=4096, **_HALF, **_UNLIKE,
    ),
    Experiment("gmc.nonconvex-tuned", ROBUST, up=_RANDOM, rounds=8192, **_HALF, **_ALIKE),
    Experiment("gmc.convex", HUBER, up="randomblock:blocks=2", rounds=4096, **_HALF, **_LOUD),
    Experiment("gmc.convex-nonsmooth", ABSOLUTE, up="topk:k=4", rounds=4096, **_HALF, workers_grid=()),
    Experiment("gmc.strongly-convex", **_CURVED),
    Experiment("gmc.strongly-convex-decreasing", **_CURVED),
    Experiment("gmc-plus.nonconvex", NONCONVEX, up="topk:k=4", rounds=4096, **_HALF, **_UNLIKE),
    Experiment("gmc-plus.nonconvex-bounded", ROBUST, up=_RANDOM, rounds=8192, **_HALF, **_ALIKE),
    Experiment(
        "dist-ef-sgd.nonconvex", ROBUST, up="topk:k=4", down="topk:k=4", rounds=8192, workers=4, choices={"b": 0.3},
        **_GRID, **_ALIKE,
    ),
)  # fmt: skip
