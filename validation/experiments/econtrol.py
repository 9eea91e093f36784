"""The default experiment of EControl: workers that differ, nonconvex, noise."""

from .base import Experiment

EXPERIMENTS = (
    Experiment(
        "econtrol.nonconvex", "logistic-nonconvex:rows=64,dim=5,lam=0.1,split=sorted,noise=gaussian,sigma_sq=1",
        up="topk:k=4", replicas=16, rounds=8192, rounds_grid=(512, 2048, 8192), workers_grid=(2, 4, 8),
        speedup_replicas=16,
    ),
)  # fmt: skip
