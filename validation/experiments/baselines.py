"""Default experiments of parallel SGD, QSGD and DIANA."""

from typing import Any

from .base import HETEROGENEOUS, LINEAR, NEAR, NONCONVEX, QUADRATIC, SINES, Experiment

_QUADRATIC: dict[str, Any] = {"problem": QUADRATIC, **LINEAR, **HETEROGENEOUS}

EXPERIMENTS = (
    Experiment("sgd.nonconvex", SINES),
    Experiment("sgd.convex", NEAR, **HETEROGENEOUS),
    Experiment("sgd.strongly-convex", **_QUADRATIC, rounds=2000),
    Experiment("sgd.pl", SINES, rounds=2000, **LINEAR),
    Experiment("sgd.finite-sum", "least-squares:rows=512,dim=10,reg=0.1,batch=1", rounds=4000, **LINEAR),
    Experiment("qsgd.strongly-convex", **_QUADRATIC, up="qsgd:levels=4", rounds=2000),
    Experiment("qsgd.nonconvex-two-way", NONCONVEX, up="qsgd:levels=4", down="qsgd:levels=4", **HETEROGENEOUS),
    Experiment("diana.strongly-convex", **_QUADRATIC, up="ternary", rounds=4000),
)
