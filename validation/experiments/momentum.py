"""Momentum without compression, and signSGD."""

from __future__ import annotations

from .base import HETEROGENEOUS, Experiment

#: nonconvex, all workers hold the same f; loud enough to show the noise through momentum's small steps
ROARING_SINES = "pl:dim=10,noise=gaussian,sigma_sq=6400"
#: convex, workers differ, near enough to be among the noise from the start
CLOSE = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1,radius=1,noise=gaussian,sigma_sq=1"
#: near enough for steps that shrink like 1/sqrt(T) to arrive
NEARBY = "quadratic:dim=3,mu=0.5,L=1,radius=2,noise=gaussian,sigma_sq=1"

EXPERIMENTS = (
    Experiment("heavy-ball.nonconvex", ROARING_SINES, choices={"beta": 0.5}, workers_grid=(1, 2, 4, 8, 16)),
    Experiment("momentum.nonconvex", ROARING_SINES, choices={"b": 0.5}, workers_grid=(1, 2, 4, 8, 16)),
    Experiment("sgd.momentum-convex", CLOSE, **HETEROGENEOUS),
    Experiment(
        "signsgd.nonconvex", NEARBY, up="sign", workers=1, rounds=256, rounds_grid=(16, 64, 256), workers_grid=()
    ),
)
