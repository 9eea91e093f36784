"""Default experiments of delayed and incremental aggregated gradients."""

from .base import ALONE, HETEROGENEOUS, LINEAR, SINES, Experiment

#: fast enough for steps that shrink with the delay; every f_i has a minimiser of its own
SHIFTED = "quadratic:dim=10,mu=0.25,L=1,heterogeneity=1,radius=10"
#: the same f at every worker, with noise
EQUAL = "quadratic:dim=10,mu=0.25,L=1,radius=10,noise=gaussian,sigma_sq=1"
#: nonconvex, workers unlike each other, exact gradients
SORTED = "logistic-nonconvex:rows=128,dim=8,lam=0.1,split=sorted"
#: more coordinates than rows: not strongly convex, but PL
WIDE = "least-squares:rows=12,dim=20,reg=0"
LASSO = "least-squares:rows=80,dim=10,reg=0.2,l1=0.05"
UNEVEN = "uniform:low=0.5,high=1.5"

EXPERIMENTS = (
    Experiment("delayed-sgd.nonconvex", SINES, workers=4, clock=UNEVEN, choices={"M": 1}, **ALONE),
    Experiment("delayed-sgd.quadratic", SHIFTED, workers=4, clock="fixed:tau=3", rounds=8000, **LINEAR, **ALONE),
    Experiment(
        "delayed-sgd.quadratic-noise", f"{SHIFTED},noise=gaussian,sigma_sq=1", workers=4, clock="fixed:tau=3",
        rounds=8000, speedup_rounds=4000, **LINEAR, **HETEROGENEOUS,
    ),
    Experiment(
        "delayed-sgd.quadratic-varying", EQUAL, workers=4, clock=UNEVEN, choices={"M": 2}, rounds=2000, **LINEAR,
        **ALONE,
    ),
    Experiment("iag.nonconvex", SORTED, workers=4, clock=UNEVEN, **ALONE),
    Experiment("iag.pl", WIDE, workers=4, clock=UNEVEN, rounds=8000, **LINEAR, **ALONE),
    Experiment("piag.strongly-convex", LASSO, workers=4, clock=UNEVEN, rounds=8000, **LINEAR, **ALONE),
    Experiment("delay-adaptive.nonconvex", SINES, workers=4, clock="straggler:factor=20", **ALONE),
)  # fmt: skip
