"""Default experiments of DORE."""

from typing import Any

from .base import (
    CANCER,
    HETEROGENEOUS,
    LINEAR,
    LOGISTIC,
    LOUD_SINES,
    QUADRATIC,
    REGRESSION,
    SINES,
    TERNARY,
    Experiment,
)

_SPEEDUP: dict[str, Any] = {
    "speedup_problem": QUADRATIC, "speedup_up": "ternary", "speedup_down": "ternary", "speedup_rounds": 4000,
}  # fmt: skip
#: The prescribed step grows like 1/(1 + 2 omega/n), so the floor falls like 1/(n + 2 omega): linear for n > 2 omega.
_SPEEDUP_BEYOND_OMEGA: dict[str, Any] = {
    **_SPEEDUP, "speedup_up": "ternary:block=5", "speedup_down": "ternary:block=5",
    "workers_grid": (4, 8, 16, 32, 64),
}  # fmt: skip

EXPERIMENTS = (
    Experiment(
        "dore.strongly-convex", REGRESSION, up="ternary:block=256", down="ternary:block=256", workers=20,
        rounds=12000, quick_rounds=1200, replicas=8, **LINEAR, **HETEROGENEOUS, **_SPEEDUP,
    ),
    Experiment(
        "dore.strongly-convex-tuned", CANCER, up="ternary:block=32", down="ternary:block=32", rounds=6000,
        without_data=LOGISTIC, **LINEAR, **_SPEEDUP_BEYOND_OMEGA,
    ),
    Experiment("dore.nonconvex", LOUD_SINES, **TERNARY),
    Experiment("dore.nonconvex-tuned", SINES, **TERNARY, rounds=8192, rounds_grid=(512, 2048, 8192, 32768)),
)  # fmt: skip
