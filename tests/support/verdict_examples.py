"""Verdicts of every kind, made up, for the tests of what shows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tersegrad.solvers.bits import BitsPerRound
from tersegrad.theory import theorem
from tersegrad.theory.bounds import Metric
from tersegrad.validation.conformance import Conformance
from tersegrad.validation.verdict import ControlResult, MeasuredRate, MeasuredSpeedup, Points, Series, Strength, Verdict

LONG = "quadratic:heterogeneity=1,radius=20,noise=gaussian,sigma_sq=1,dim=20,mu=0.05,L=1, 8 workers"
"""What has no place to be broken at, on a phone."""
GRADIENT = Metric("grad_sq_mean", r"\frac{1}{T}\sum_{t<T}\|\nabla f(x^t)\|^2", (("grad_sq_mean", 1.0),))


def linear() -> Verdict:
    """A linear rate down to a floor: the bound contracts by 0.9985 a round, the measurement by 0.9971."""
    subject = theorem("dore.strongly-convex")
    t = np.unique(np.append(0, np.geomspace(1, 6000, 38).round()))
    mean = 12 * 0.9971**t + 0.02
    return Verdict(
        theorem=subject.name,
        title=subject.title,
        method="dore",
        verdict="holds",
        reason="every upper limit is below the bound",
        source=subject.source,
        provenance=subject.provenance,
        statement=subject.statement,
        problem="quadratic:dim=20,noise=gaussian",
        workers=8,
        up="ternary",
        down="ternary",
        rounds=6000,
        replicas=64,
        seed=0,
        alpha=1e-3,
        command="tersegrad verify dore.strongly-convex --seed 0",
        margin=1.25,
        constants={"n": 8, "dim": 20, "L_max": 1.0, "mu": 0.1},
        parameters={"gamma": 0.0123, "alpha": 0.1, "beta": 0.2, "eta": 0.0},
        active="rho is set by the model",
        metric=Metric("lyapunov", subject.metric_latex, (("dist_sq", 1.0),)),
        rate=MeasuredRate("linear", 0.9985, 0.9971, 0.9970, 0.9972, True, "contracts by 0.9985 a round"),
        strength=Strength(0.89, LONG, 46, 1.6, 460, 230, 1.3, "tight"),
        conformance=Conformance("conforms", rounds=96),
        controls=(
            ControlResult("dore-sum", "channel", "bound", "confirmed by 128 fresh replicas", 0.4),
            ControlResult("gamma of 1.01 times", "parameter", "", "nothing rejected it", 0.4),
        ),
        bits=BitsPerRound(
            formula=124.0, encoded=133.2, entropy=101.2, saved_vs_dense32=0.896, saved_vs_dense32_formula=0.903
        ),
        series=Series(t, mean, 0.95 * mean, 1.05 * mean, 13 * 0.9985**t + 0.05, start=12.0, floor=0.05),
        notes=("L = 1: at most L_tilde",),
        seconds=1.5,
        versions={"tersegrad": "0", "numpy": np.__version__},
    )


def power() -> Verdict:
    """1/sqrt(nT): with a speedup over workers and a rate over T."""
    subject = theorem("doublesqueeze.nonconvex")
    t = np.unique(np.geomspace(1, 4000, 38).round())
    mean = 3 / t + 0.04
    n, T = np.array([1, 2, 4, 8, 16, 32, 64]), np.array([256, 1024, 4096, 16384])
    error = 1.2 / np.sqrt(T) + 3 / T
    return replace(
        linear(),
        theorem=subject.name,
        title=subject.title,
        statement=subject.statement,
        metric=GRADIENT,
        method="doublesqueeze",
        bits=BitsPerRound(124.0, None, None, None, 0.9),  # a compressor of one's own, without a codec
        rate=MeasuredRate(
            "power in rounds",
            (-1.0, -0.5),
            -0.58,
            -0.6,
            -0.55,
            True,
            "1/T, then 1/sqrt(nT)",
            (-1.2, -0.4),
            Points(tuple(T.tolist()), tuple(error.tolist()), tuple((3 * error).tolist())),
        ),
        speedup=MeasuredSpeedup(
            workers=tuple(n.tolist()),
            measured=tuple((0.3 / np.sqrt(n)).tolist()),
            low=tuple((0.27 / np.sqrt(n)).tolist()),
            high=tuple((0.33 / np.sqrt(n)).tolist()),
            predicted=tuple((1.5 / np.sqrt(n)).tolist()),
            slope=-0.48,
            slope_low=-0.5,
            slope_high=-0.45,
            predicted_slope=(-0.5, -0.5),
            until=20.0,
            seen=True,
            text="error against n",
        ),
        series=Series(t, mean, 0.9 * mean, 1.1 * mean, 8 / t + 0.11, start=3.0, floor=0.11),
    )


def tuned() -> Verdict:
    """Every T is a run of its own, tuned for it."""
    T = np.array([256, 1024, 4000, 4096, 16384])
    error = 1.2 / np.sqrt(T) + 3 / T
    subject = theorem("doublesqueeze.nonconvex-tuned")
    like = power()
    assert like.rate is not None
    return replace(
        like,
        theorem=subject.name,
        title=subject.title,
        statement=subject.statement,
        speedup=None,
        rate=replace(like.rate, points=Points((256, 1024, 4096), tuple(error[[0, 1, 3]].tolist()))),
        series=Series(T, error, 0.9 * error, 1.1 * error, 4 * error, start=3.0),
    )


def diverged() -> Verdict:
    """The measurement leaves every bound, and then the range of doubles."""
    like = linear()
    assert like.series is not None
    mean = np.where(like.series.rounds < 4000, 12 * 1.1 ** np.minimum(like.series.rounds, 4000), np.inf)
    return replace(
        like,
        theorem="sgd.strongly-convex",
        method="sgd",
        verdict="violated",
        reason="64 of 64 replicas diverged",
        margin=0.0,
        rate=None,
        series=replace(like.series, mean=mean, low=0.9 * mean, high=1.1 * mean),
    )


def vacuous() -> Verdict:
    """A bound that is never below the value at x^0."""
    like = linear()
    assert like.series is not None
    return replace(
        like,
        theorem="sgd.convex",
        verdict="vacuous",
        strength=Strength(0.002, "quadratic:dim=20, 8 workers", 46, None, None, None, None, "loose"),
        rate=None,
        series=replace(like.series, bound=like.series.bound + 20, floor=None),
    )


def uncovered() -> Verdict:
    """No guarantee: nothing was measured."""
    return replace(
        linear(),
        theorem="qsgd.strongly-convex",
        verdict="no guarantee",
        reason="topk:k=2 is not unbiased: 1 < 2 & <b>",
        margin=None,
        strength=None,
        conformance=None,
        controls=(),
        rate=None,
        speedup=None,
        series=None,
        bits=None,
        parameters={},
        active="",
        notes=(),
        rounds=0,
        replicas=0,
    )


def examples() -> list[Verdict]:
    """One of every kind."""
    return [linear(), power(), tuned(), diverged(), vacuous(), uncovered()]
