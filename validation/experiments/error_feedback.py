"""Default experiments of error feedback, with and without a memory."""

from typing import Any

from .base import ALONE, HETEROGENEOUS, LINEAR, NONCONVEX, ROBUST, Experiment

#: strongly convex, one worker, with a region in which the gradients are bounded
BOUNDED = "quadratic:dim=5,mu=0.5,L=1,radius=5,region=6,noise=gaussian,sigma_sq=4"
#: strongly convex, exact gradients, one worker
SINGLE = "quadratic:dim=20,mu=0.1,L=1,radius=10,rotate=1"
#: the two ends of a spectrum, and the compressor that attains the tight rates there
ENDS = "quadratic:dim=2,mu=0.1,L=1,radius=10"
WORST = "adversary:delta=0.5,direction=grow"
#: strongly convex, heterogeneous
CURVED = "quadratic:dim=5,mu=0.5,L=1,heterogeneity=1,radius=2,noise=gaussian,sigma_sq=4"

_SINGLE: dict[str, Any] = {"problem": SINGLE, "up": "topk:k=10", "workers": 1, **LINEAR, **ALONE}
_WORST: dict[str, Any] = {**_SINGLE, "problem": ENDS, "up": WORST}
_GRID: dict[str, Any] = {"rounds_grid": (256, 1024, 4096, 16384)}

EXPERIMENTS = (
    Experiment(
        "error-feedback.nonconvex", NONCONVEX, up="topk:ratio=0.5", rounds=16384, speedup_rounds=4096, **HETEROGENEOUS
    ),
    Experiment("error-feedback.nonconvex-bounded", ROBUST, up="topk:k=4", rounds=8192, workers=4, **_GRID, **ALONE),
    Experiment(
        "error-feedback.strongly-convex", BOUNDED, up="topk:k=4", workers=1, rounds=8192, choices={"a": 64.0},
        **_GRID, **ALONE,
    ),
    Experiment("error-feedback.memory", ROBUST, up="topk:k=4", workers=4, rounds=8192, **_GRID, **ALONE),
    Experiment(
        "error-feedback.strongly-convex-order", CURVED, up="topk:k=4", workers=4, rounds=8192,
        rounds_grid=(1024, 4096, 16384, 65536), **ALONE,
    ),
    Experiment("error-feedback.tight-single-worker", **_WORST, rounds=600),
    Experiment("ef21.tight-single-worker", **_WORST, rounds=600),
    Experiment("error-feedback.tight", **_WORST | {"workers": 5}, rounds=600),
    Experiment("ef21.tight", **_WORST | {"problem": f"{ENDS},heterogeneity=1", "workers": 5}, rounds=600),
    Experiment(
        "ef21.tight-unequal", **_WORST | {"problem": f"{ENDS},heterogeneity=1,hessians=scaled", "workers": 3},
        rounds=600,
    ),
    Experiment("compressed-gd.strongly-convex", **_SINGLE, rounds=400),
    Experiment("compressed-gd.tight", **_WORST, rounds=400),
)  # fmt: skip
