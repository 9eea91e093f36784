"""Default experiments of Scaffnew and CompressedScaffnew."""

from typing import Any

from .base import ALONE, LINEAR, Experiment

_RUN: dict[str, Any] = {
    "problem": "quadratic:dim=10,mu=0.02,L=1,hessians=different,heterogeneity=1,radius=5",
    "workers": 6, "rounds": 400, "replicas": 32, **LINEAR, **ALONE,
}  # fmt: skip

EXPERIMENTS = (
    Experiment("scaffnew.strongly-convex", **_RUN, choices={"p": 0.15}),
    Experiment("scaffnew.strongly-convex-tuned", **_RUN),
    Experiment("compressed-scaffnew.strongly-convex", **_RUN, up="mask:workers=6,s=3", choices={"p": 0.3}),
)
