"""Default experiments of methods with bounds in seconds: one worker is so slow that nobody may wait for it."""

from typing import Any

from .base import ALONE, LINEAR, SINES, Experiment

#: The time of a step depends on the clock alone; any run will do.
TIMED: dict[str, Any] = {"problem": "quadratic:dim=1,mu=1,L=1", "workers": 8, "rounds": 2000, **LINEAR, **ALONE}
SLOW = "straggler:factor=1000"

EXPERIMENTS = (
    Experiment("ringmaster.nonconvex", SINES, workers=4, clock="power:exponent=2", choices={"R": 3}, **ALONE),
    Experiment("ringmaster.time", clock=SLOW, choices={"R": 56, "gamma": 0.01}, **TIMED),
    Experiment("ringmaster.time-sharper", clock="power", choices={"R": 256, "gamma": 0.001}, **TIMED),
    Experiment("rennala.nonconvex", SINES, workers=4, clock=SLOW, choices={"B": 6}, rounds=2000, **ALONE),
    Experiment("rennala.time", clock=SLOW, choices={"B": 56, "gamma": 0.01}, **TIMED),
)
