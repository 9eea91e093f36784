"""Default experiments of Q-RR and DIANA-RR: four workers with twelve samples each."""

from .base import ALONE, LINEAR, Experiment

ROWS = "least-squares:rows=48,dim=5,reg=0.3,batch=1,sampling=reshuffled"

EXPERIMENTS = (
    Experiment("q-rr.strongly-convex", ROWS, up="randk:k=2", workers=4, rounds=1200, replicas=32, **LINEAR, **ALONE),
    Experiment(
        "diana-rr.strongly-convex", ROWS, up="randk:k=2", workers=4, rounds=2400, replicas=32, **LINEAR, **ALONE
    ),
)
