"""The claims of the DoubleSqueeze paper: a better rate than without memory, for any compressor, synchronous or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...common.errors import together
from ...problems import problem
from ...solvers.channels import plain
from ...solvers.method import Method
from ...solvers.methods.doublesqueeze import DOUBLESQUEEZE
from ...theory.compressors import Compressor
from ..statistics import fit_slope, mean_limits
from .base import Claim, ClaimControl, Curve, Measured, Panel, Settings
from .measuring import Tuned, each, tuned, verdict

PAPER = "Tang, Lian, Yu, Zhang, Liu, ICML 2019, arXiv 1905.05957"
#: Exact gradients, workers that differ, so that what they send does not vanish.
PROBLEM = "quadratic:dim=6,mu=0.1,L=1,heterogeneity=2,radius=3"
WORKERS = 4
MEMORYLESS = "qsgd-two-way"
#: The label of an axis.
MEAN = r"mean over $t<T$ of $\|\nabla f(x^t)\|^2$"
#: What a slope of -2/3 must at least come to where lower-order terms are left; it is out of reach of one of -1/2.
STEEP = -0.6


#: DoubleSqueeze whose server forgets what its broadcast loses.
FORGETFUL_SERVER = replace(DOUBLESQUEEZE, name="doublesqueeze-forgetful-server", downlink=lambda p: plain())


def rate(settings: Settings, *, method: str | Method = "doublesqueeze") -> Measured:
    """Compare slopes over T with and without memory, equal compressors, the best of many steps for each T."""
    from .grid import Grid

    rounds = (256, 1024, 4096) if settings.quick else (256, 1024, 4096, 16384)
    smallest, replicas = (5.0, 4) if settings.quick else (7.0, 8)
    steps = 2.0 ** -np.arange(0.5, smallest + 0.1, 0.5)
    on = problem(PROBLEM, workers=WORKERS)
    runs = {}
    for name, word in each([("DoubleSqueeze", method), ("without memory", MEMORYLESS)], settings):
        runs[name] = tuned(settings, word, on, Grid(), Grid(), rounds=rounds, steps=steps, replicas=replicas)
    mine, other = (found.slope() for found in runs.values())
    gain = float(runs["without memory"].mean[-1] / runs["DoubleSqueeze"].mean[-1])
    return Measured(
        verdict(mine.high <= STEEP < other.low, mine.low > STEEP or other.high <= mine.low),
        f"DoubleSqueeze falls as T^{mine.slope:.2f} [{mine.low:.2f}, {mine.high:.2f}], memoryless two-way compression "
        f"as T^{other.slope:.2f} [{other.low:.2f}, {other.high:.2f}]; at T = {rounds[-1]} memory gains "
        f"a factor {gain:.2g}",
        mine.slope / STEEP,
        ("method", "T", "best step", "mean squared gradient"),
        tuple((name, *row) for name, found in runs.items() for row in _rows(found)),
        (
            Panel(
                "rounds $T$, the best step for each $T$",
                MEAN,
                (
                    *(Curve(name, rounds, found.mean) for name, found in runs.items()),
                    _reference(runs["DoubleSqueeze"], -2 / 3, "slope $-2/3$", 1 / 2),
                    _reference(runs["without memory"], -1 / 2, "slope $-1/2$", 2.0),
                ),
            ),
        ),
    )


def _rows(found: Tuned) -> list[tuple[int, float, float]]:
    return list(zip(found.rounds, found.steps.tolist(), found.mean.tolist(), strict=True))


def _reference(found: Tuned, slope: float, label: str, factor: float) -> Curve:
    """A line of a given slope below or above a measured curve."""
    T = np.array(found.rounds, dtype=float)
    return Curve(label, T, factor * found.mean[-1] * (T / T[-1]) ** slope, bound=True)


#: Compressors by what they are. Biased ones stall without memory.
BIASED = ("topk:k=1", "sign", "threshold:level=1")
UNBIASED = ("ternary", "natural", "qsgd:levels=2")
#: Their errors are not bounded: what is kept back grows. They are outside the paper's assumption.
UNBOUNDED = ("randk:k=2", "dynamic")
#: How much further DoubleSqueeze comes than what stalls.
FURTHER = 4.0


def any_compressor(settings: Settings, *, method: str | Method = "doublesqueeze") -> Measured:
    """Run several compressors with and without memory, the best of many steps for each T."""
    rounds = (256, 1024, 4096) if settings.quick else (256, 1024, 4096, 16384)
    steps = 2.0 ** -np.arange(0.0, 4.1 if settings.quick else 6.1)
    replicas = 4
    on = problem(PROBLEM, workers=WORKERS)
    few = 2 if settings.quick else 3
    biased, unbiased, unbounded = BIASED[:few], UNBIASED[:few], UNBOUNDED[: few - 1]
    runs: dict[tuple[str, str], Tuned] = {}
    plan = [(spec, "memory") for spec in (*biased, *unbiased, *unbounded)] + [(spec, "none") for spec in biased]
    for spec, kind in each(plan, settings):
        word = method if kind == "memory" else MEMORYLESS
        runs[spec, kind] = tuned(
            settings, word, on, spec, spec, rounds=rounds, steps=steps, replicas=replicas if _draws(spec) else 1
        )
    slopes = {key: found.slope() for key, found in runs.items() if np.isfinite(found.mean).all()}
    covered = [slopes.get((spec, "memory")) for spec in biased + unbiased]
    further = {spec: float(runs[spec, "none"].mean[-1] / runs[spec, "memory"].mean[-1]) for spec in biased}
    all_fall = all(s is not None and s.high <= STEEP for s in covered)
    one_does_not = any(s is None or s.low > STEEP for s in covered)
    flattest = max((s.slope for s in covered if s is not None), default=float("nan"))
    outside = [spec for spec in unbounded if (spec, "memory") not in slopes or slopes[spec, "memory"].low > STEEP]
    least = min(further.values())
    return Measured(
        verdict(all_fall and least >= FURTHER, one_does_not or least < 1),
        f"with memory the mean squared gradient falls as T^{flattest:.2f} or faster with {len(covered)} compressors; "
        f"without, the biased ones stall, {least:.2g} times as high or more at T = {rounds[-1]}"
        + (
            f"; outside the assumption of bounded errors, {together(outside)} fail{'' if len(outside) > 1 else 's'}"
            if outside
            else ""
        ),
        least / FURTHER,
        ("compressor", "kind", "memory", "slope in T", "at the largest T"),
        tuple(
            (spec, _kind(spec), kind, slopes[spec, kind].slope if (spec, kind) in slopes else "", float(found.mean[-1]))
            for (spec, kind), found in runs.items()
        ),
        tuple(
            Panel(
                "rounds $T$, the best step for each $T$",
                rf"mean $\|\nabla f(x^t)\|^2$, {title}",
                (
                    *(Curve(spec, rounds, runs[spec, kind].mean) for spec in specs),
                    _reference(runs["topk:k=1", "memory"], -2 / 3, "slope $-2/3$", 3.0),
                ),
            )
            for title, kind, specs in (
                ("with memory", "memory", biased + unbiased),
                ("without memory", "none", biased),
            )
        ),
    )


def _kind(spec: str) -> str:
    return "biased" if spec in BIASED else "unbiased" if spec in UNBIASED else "errors not bounded"


def _draws(spec: str | Compressor) -> bool:
    return spec not in (*BIASED, "dynamic")


#: With noise, the same f on every worker, as fewer arrivals than workers need it.
NOISY = "quadratic:dim=6,mu=0.1,L=1,radius=5,noise=gaussian,sigma_sq=16"
#: How much a delay may add at the largest T for the leading term to count as unchanged.
UNCHANGED = 1.2


def asynchronous(settings: Settings, *, delays: tuple[int, ...] | None = None) -> Measured:
    """Sweep the delay with all workers arriving, and the arrivals M of a random clock; the best of many steps."""
    rounds = (256, 1024, 4096) if settings.quick else (256, 1024, 4096, 16384)
    delays = delays or ((0, 16) if settings.quick else (0, 4, 16))
    arrivals = (1, WORKERS) if settings.quick else (1, 2, WORKERS)
    steps = 2.0 ** -np.arange(3.0, 6.1, 1.0 if settings.quick else 0.5)
    on = problem(NOISY, workers=WORKERS)
    plan = [(f"fixed:tau={tau}", WORKERS) for tau in delays] + [("exponential", M) for M in arrivals]
    found = {
        (clock, M): tuned(
            settings, "doublesqueeze-async", on, "sign", "sign", rounds=rounds, steps=steps, replicas=8,
            schedule=clock, M=M,
        )
        for clock, M in each(plan, settings)
    }  # fmt: skip
    late, many = plan[: len(delays)], plan[len(delays) :]
    fresh = found[late[0]]
    excess = {}
    for tau, key in zip(delays[1:], late[1:], strict=True):
        with np.errstate(invalid="ignore"):
            ratio = np.log(found[key].samples[-1] / fresh.samples[-1])[:, None]
        excess[tau] = np.exp([float(v[0]) for v in mean_limits(ratio, settings.alpha / len(delays))])
    M = np.array([m for _, m in many], dtype=float)
    speedup = fit_slope(M, [found[key].samples[-1] for key in many], log_x=True)
    most = max(high for _, _, high in excess.values())
    unchanged = most <= UNCHANGED and speedup.low >= -0.6 and speedup.high <= -0.4
    changed = any(not low <= UNCHANGED for _, low, _ in excess.values()) or speedup.low > -0.4
    early = max(float(found[key].mean[0] / fresh.mean[0]) for key in late)
    return Measured(
        verdict(unchanged, changed),
        f"at T = {rounds[-1]} delays up to {delays[-1]} raise the mean squared gradient at most {most:.3f}-fold "
        f"({early:.2g}-fold at T = {rounds[0]}); with M messages a step it falls as M^{speedup.slope:.2f} "
        f"[{speedup.low:.2f}, {speedup.high:.2f}]",
        UNCHANGED / most,
        ("clock", "M", "T", "best step", "mean squared gradient"),
        tuple((clock, M, *row) for (clock, M), tuned_for in found.items() for row in _rows(tuned_for)),
        (
            Panel(
                "steps $T$ of the server, the best step for each $T$",
                MEAN,
                (
                    *(Curve(f"delay {tau}", rounds, found[key].mean) for tau, key in zip(delays, late, strict=True)),
                    _reference(fresh, -1 / 2, "slope $-1/2$", 0.6),
                ),
            ),
            Panel(
                "messages a step, $M$",
                f"the same at $T={rounds[-1]}$",
                (
                    Curve("exponential compute times", M, [float(found[key].mean[-1]) for key in many]),
                    Curve("slope $-1/2$", M, 0.7 * found[many[0]].mean[-1] * M**-0.5, bound=True),
                ),
            ),
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "doublesqueeze.claim-rate",
        "A better rate than memoryless compression",
        "Without gradient noise the mean squared gradient of DoubleSqueeze falls as (eps/T)^(2/3), that of memoryless "
        "two-way compression with the same compressor as eps/sqrt(T). Measured on a quadratic with heterogeneous "
        "workers, both links rounded at random to a grid, which is unbiased (or memoryless compression would not "
        "converge at all) and has a bounded error; for each T both methods take the best of a fine range of steps. "
        "Slopes of log mean against log T with 95 % intervals. It holds if DoubleSqueeze's interval is at "
        "or below -0.6 and that without memory above; it is violated if DoubleSqueeze's is above -0.6, or not below "
        "the other.",
        f"{PAPER}, discussion of the main theorem",
        rate,
        (
            ClaimControl("no memory", lambda s: rate(s, method="qsgd-two-way")),
            ClaimControl("no memory at the server", lambda s: rate(s, method=FORGETFUL_SERVER)),
        ),
    ),
    Claim(
        "doublesqueeze.claim-any-compressor",
        "Any compressor will do",
        "DoubleSqueeze converges with any compressor, also a biased one, provided that its error is bounded. Measured "
        "without gradient noise on a quadratic with heterogeneous workers, the best of many steps for each T: slopes "
        "of the mean squared gradient over T with 95 % intervals, for three biased and three unbiased (two "
        "each with --quick) compressors. It holds if all of these slopes are at or below -0.6 (nine tenths of -2/3), "
        "and at the largest T memoryless compression with each biased one is at least four times as high; it is "
        "violated if a slope is above -0.6, or no memory is as good. Two compressors whose errors under memory are "
        "not bounded, rand-k scaled by d/k > 2 and the dynamic quantiser, are shown beside and not judged.",
        f"{PAPER}, abstract and assumptions",
        any_compressor,
        (
            ClaimControl("no memory", lambda s: any_compressor(s, method="qsgd-two-way")),
            ClaimControl("no memory at the server", lambda s: any_compressor(s, method=FORGETFUL_SERVER)),
        ),
    ),
    Claim(
        "doublesqueeze.claim-asynchronous",
        "Asynchrony costs nothing in the leading term",
        "With bounded staleness asynchronous DoubleSqueeze has the leading term of the synchronous method, "
        "sigma/sqrt(MT) with M messages a step. Measured on a noisy quadratic, 4 workers, scaled sign both ways, the "
        "best of many steps for each T: the ratio of the mean squared gradient with every message 4 and 16 steps late "
        "to that without delay, at the largest T, with Student limits of its logarithm over replicas that share their "
        "noise; and its slope over M where the workers' compute times are exponential. It holds if every upper limit "
        "is at most 1.2 and the slope's 95 % interval lies in [-0.6, -0.4]; it is violated if a lower limit is above "
        "1.2 or the slope is above -0.4.",
        f"{PAPER}, remarks on asynchrony",
        asynchronous,
        (
            ClaimControl("delays of 500 rounds", lambda s: asynchronous(s, delays=(0, 500))),
            ClaimControl("delays of 200 rounds", lambda s: asynchronous(s, delays=(0, 200))),
        ),
    ),
)
