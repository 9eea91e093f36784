"""Default experiments of error feedback."""

from .base import HETEROGENEOUS, NONCONVEX, Experiment

EXPERIMENTS = (Experiment("error-feedback.nonconvex", NONCONVEX, up="topk:ratio=0.5", rounds=16384, **HETEROGENEOUS),)
