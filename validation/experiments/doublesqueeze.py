"""Default experiments of DoubleSqueeze."""

from typing import Any

from .base import ROBUST, SINES, Experiment

_THRESHOLD: dict[str, Any] = {"up": "threshold:level=0.3", "down": "threshold:level=0.3"}

EXPERIMENTS = (
    Experiment("doublesqueeze.nonconvex", SINES, **_THRESHOLD),
    Experiment("doublesqueeze.nonconvex-tuned", SINES, **_THRESHOLD),
    Experiment(
        "doublesqueeze.contractive", ROBUST, up="topk:k=4", down="topk:k=4", rounds=16384, workers_grid=(1, 2, 3, 4),
    ),
    Experiment(
        "doublesqueeze.asynchronous", SINES, **_THRESHOLD, clock="fixed:tau=2", speedup_rounds=12288,
        workers_grid=(1, 2, 4, 8),
    ),
)  # fmt: skip
