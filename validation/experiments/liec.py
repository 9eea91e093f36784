"""Default experiments of LIEC-SGD, CSER and NEOLITHIC."""

from typing import Any

from .base import ROBUST, Experiment

LOUD = "robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=16"
#: nonconvex with bounded gradients, every worker holds other rows
SPLIT = "robust:rows=40,dim=5,split=sorted,noise=gaussian,sigma_sq=1"

_TOP: dict[str, Any] = {"up": "topk:k=4", "down": "topk:k=4"}
_GRID: dict[str, Any] = {"rounds_grid": (128, 512, 2048, 8192)}
_RUN: dict[str, Any] = {"workers": 4, "rounds": 4096, **_TOP, **_GRID}
_SPEEDUP: dict[str, Any] = {"workers_grid": (1, 2, 4), "speedup_problem": LOUD, "speedup_rounds": 4096}

EXPERIMENTS = (
    Experiment("liec.nonconvex-shadow", SPLIT, **_RUN, **_SPEEDUP, choices={"H": 4}),
    Experiment("liec.nonconvex", SPLIT, **_RUN, **_SPEEDUP, choices={"H": 4}),
    Experiment("liec.nonconvex-tuned", SPLIT, **{**_RUN, "rounds": 16384}, **_SPEEDUP, choices={"H": 2}),
    Experiment("cser.nonconvex", SPLIT, **_RUN, **_SPEEDUP, choices={"H": 2}),
    Experiment("cser.nonconvex-sharper", SPLIT, **_RUN, **_SPEEDUP, choices={"H": 2}),
    Experiment("neolithic.nonconvex", ROBUST, **_RUN, **_SPEEDUP),
)
