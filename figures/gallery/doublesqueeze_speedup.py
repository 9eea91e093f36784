"""Rate and linear speedup of DoubleSqueeze with several compressors, beside the theorems' bounds.

Tang, Lian, Yu, Zhang, Liu, ICML 2019, arXiv 1905.05957, claim sigma/sqrt(nT) + (eps/T)^(2/3) + 1/T for any compressor
with bounded error: linear speedup while the first term is the largest. Their experiments train networks; this one is a
nonconvex problem whose constants are known, robust regression with Gaussian gradient noise, the same data on every
worker. The step is tuned anew for every T and n:

SGD        by sgd.nonconvex: the same rate without compression.
threshold  by doublesqueeze.nonconvex-tuned, the paper's step; the compressor's absolute error is known.
top-k      by doublesqueeze.contractive, a smaller step: this biased compressor's errors are bounded through G.
sign       biased, too, but a contraction so weak that the same bound says nothing at the threshold's step, which it
           takes.
ternary    covered by no theorem of DoubleSqueeze (unbiased, neither contractive nor of bounded error); the
           threshold's step again.

That sign and ternary lie on the threshold's curve is the paper's claim: the leading term does not see the compressor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from ...problems import problem
from ...solvers import simulate
from ...theory import theorem
from ...validation.statistics import mean_limits
from ..drawing import Drawing, Row, Table
from ..style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION, figure, slope_triangle

PROBLEM = "robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=1"
WORKERS = 8
"""Of the panel over T."""
THRESHOLD = "threshold:level=0.03"
DASHES = (0, (4, 1.5))
PROMISE: dict[str, Any] = {"linestyle": (0, (1, 1.6)), "linewidth": 1.1, "zorder": 2}


@dataclass(frozen=True)
class Entry:
    """A curve: its name in print, what runs, the theorem of its step (and for which compressor), how it is drawn.

    A theorem's bound is drawn where the step is for the curve's own compressor.
    """

    name: str
    method: str
    compressor: str
    theorem: str
    step_for: str
    look: dict[str, Any]


ENTRIES: dict[str, Entry] = {
    "sgd": Entry(
        "SGD", "sgd", "identity", "sgd.nonconvex", "identity",
        {"color": BLACK, "marker": "v", "markersize": 4.5},
    ),
    "threshold": Entry(
        "threshold 0.03", "doublesqueeze", THRESHOLD, "doublesqueeze.nonconvex-tuned", THRESHOLD,
        {"color": BLUE, "marker": "s", "markersize": 3.8, "zorder": 3.5},
    ),
    "topk": Entry(
        "top-4 of 5", "doublesqueeze", "topk:k=4", "doublesqueeze.contractive", "topk:k=4",
        {"color": GREEN, "marker": "^", "markersize": 4.5},
    ),
    "sign": Entry(
        "sign (vacuous bound)", "doublesqueeze", "sign", "doublesqueeze.nonconvex-tuned", THRESHOLD,
        {"color": VERMILLION, "marker": "o", "markersize": 7.5, "markerfacecolor": "none", "linestyle": "none"},
    ),
    "ternary": Entry(
        "ternary (no theorem)", "doublesqueeze", "ternary", "doublesqueeze.nonconvex-tuned", THRESHOLD,
        {"color": ORANGE, "marker": "D", "markersize": 9.5, "markerfacecolor": "none", "linestyle": "none"},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """(1/T) sum_t ||grad f(x^t)||^2 at K values of T or n: means with 95 % limits, the bound, and what it promises.

    Attributes
    ----------
    mean, low, high
        (K,) each.
    bound
        (K,), None where no theorem covers the run or its step is another compressor's.
    until
        The largest n of the promised linear speedup at the last point, None without a bound.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    bound: NDArray[np.float64] | None
    until: float | None


@dataclass(frozen=True)
class Measurement:
    """Curves over T with `WORKERS` workers, and over n with `horizon` rounds."""

    rounds: tuple[int, ...]
    over_rounds: dict[str, Curve]
    workers: tuple[int, ...]
    over_workers: dict[str, Curve]
    horizon: int


def measure(quick: bool = False, seed: int = 0) -> Measurement:
    """Run every entry over the grids of T and of n."""
    rounds = (64, 256, 1024, 4096) if quick else (64, 256, 1024, 4096, 16384, 65536)
    workers = (1, 2, 4, 8, 16, 32, 64)
    horizon, replicas = (1024, 8) if quick else (4096, 16)
    return Measurement(
        rounds,
        {word: _curve(e, [(WORKERS, T) for T in rounds], replicas, seed) for word, e in ENTRIES.items()},
        workers,
        {word: _curve(e, [(n, horizon) for n in workers], replicas, seed) for word, e in ENTRIES.items()},
        horizon,
    )


def _curve(entry: Entry, points: list[tuple[int, int]], replicas: int, seed: int) -> Curve:
    limits, bounds, until = [], [], None
    own = entry.step_for == entry.compressor
    for n, rounds in points:
        robust = problem(PROBLEM, workers=n)
        given = None if entry.step_for == "identity" else entry.step_for
        sure = theorem(entry.theorem).guarantee(robust.constants(), given, given, rounds=rounds)
        assert sure
        trace = simulate(
            entry.method, robust, entry.compressor, entry.compressor, parameters=sure.parameters, rounds=rounds,
            replicas=replicas, seed=seed, checkpoints=[rounds],
        )  # fmt: skip
        limits.append(mean_limits(trace.columns["grad_sq_mean"], 0.05))
        bounds.append(float(sure.bound(rounds)))
        until = sure.rate.speedup_until
    mean, low, high = np.array(limits)[:, :, 0].T
    return Curve(mean, low, high, np.array(bounds) if own else None, until if own else None)


def picture(m: Measurement) -> Figure:
    """Return the figure of a measurement."""
    fig, (left, right) = figure(2, height=2.95, legend_lines=2)
    lines = _panel(left, m.rounds, m.over_rounds, "rounds $T$, the step tuned for each $T$", f"(a)  $n={WORKERS}$")
    _panel(right, m.workers, m.over_workers, "workers $n$", f"(b)  $T={m.horizon}$")
    values = [
        v
        for curves in (m.over_rounds, m.over_workers)
        for c in curves.values()
        for v in (*c.low, *(() if c.bound is None else c.bound))
    ]
    for ax in (left, right):
        ax.set_ylim(min(values) / 3, 2 * max(values))
        ax.set_ylabel(r"$\dfrac{1}{T}\,\sum_{t<T}\mathbb{E}\,\|\nabla f(x^t)\|^2$")
    lowest = m.over_rounds["sgd"].mean
    slope_triangle(left, m.rounds[-3], lowest[-3] / 2.2, -0.5)
    ideal = _ideal(right, m)
    _promised(right, m)
    dashes = Line2D([], [], color=GREY, linestyle=DASHES, marker="s", markersize=3.8, markerfacecolor="white")
    promise = Line2D([], [], color=GREY, **PROMISE)
    entries = {**lines, "bounds (open)": dashes, "ideal $n^{-1/2}$": ideal, "speedup promised": promise}
    fig.legend(
        list(entries.values()), list(entries), loc="upper center", ncols=4, frameon=False, borderaxespad=0.2,
        columnspacing=1.6, handlelength=2.6,
    )  # fmt: skip
    return fig


def _panel(ax: Axes, x: tuple[int, ...], curves: dict[str, Curve], label: str, letter: str) -> dict[str, Any]:
    lines: dict[str, Any] = {}
    for word, curve in curves.items():
        entry = ENTRIES[word]
        lines[entry.name], *_ = ax.errorbar(
            x, curve.mean, yerr=[curve.mean - curve.low, curve.high - curve.mean], elinewidth=0.8, linewidth=1.2,
            **{"zorder": 3, **entry.look},
        )  # fmt: skip
        if curve.bound is not None:
            look = {**entry.look, "linestyle": DASHES, "markerfacecolor": "white", "linewidth": 1.0, "zorder": 2.5}
            ax.plot(x, curve.bound, **look)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_locator(FixedLocator(list(x)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(label)
    ax.annotate(
        letter, (1, 1), (-5, -5), xycoords="axes fraction", textcoords="offset points", ha="right", va="top"
    )  # fmt: skip
    return lines


def _ideal(ax: Axes, m: Measurement) -> Any:
    n = np.array([m.workers[0], m.workers[-1]])
    start = m.over_workers["threshold"].mean[0] / 2
    (line,) = ax.plot(n, start * n**-0.5, color=GREY, linestyle=(0, (6, 1.5, 1, 1.5)), linewidth=0.9)
    return line


def _promised(ax: Axes, m: Measurement) -> None:
    """Mark, from the axis up to the bound, the n up to which each bound in the panel promises linear speedup."""
    for word, curve in m.over_workers.items():
        if curve.until is None or curve.bound is None or not m.workers[0] < curve.until < m.workers[-1]:
            continue
        y = float(np.exp(np.interp(np.log(curve.until), np.log(m.workers), np.log(curve.bound))))
        color = ENTRIES[word].look["color"]
        ax.plot([curve.until] * 2, [ax.get_ylim()[0], y], color=color, **PROMISE)
        ax.annotate(
            f"to $n={curve.until:.0f}$", (curve.until, ax.get_ylim()[0]), (-3, 4), textcoords="offset points",
            ha="right", va="bottom", color=color, fontsize=8,
        )  # fmt: skip


def table(m: Measurement) -> Table:
    """What is drawn, one row for every point: means with their limits, and the bound where there is one.

    Empty: no theorem covers the run, or its step is another compressor's.
    """
    rows: list[Row] = []
    for axis, places, curves in (("T", m.rounds, m.over_rounds), ("n", m.workers, m.over_workers)):
        for word, curve in curves.items():
            for k, place in enumerate(places):
                bound = "" if curve.bound is None else float(curve.bound[k])
                limits = (float(values[k]) for values in (curve.mean, curve.low, curve.high))
                until = "" if axis == "T" or curve.until is None else curve.until
                rows.append((axis, ENTRIES[word].name, place, *limits, bound, until))
    return ("axis", "method", "value", "mean", "low", "high", "bound", "speedup promised to n"), rows


FIGURE = Drawing(
    "doublesqueeze-speedup",
    "DoubleSqueeze",
    "Rate and linear speedup of DoubleSqueeze beside the bounds",
    "Robust regression with Gaussian gradient noise in 5 dimensions, which tests the theorem and not the saving. "
    f"(a) Mean squared gradient over T rounds, for {WORKERS} workers, the step tuned for each T. (b) The same for one "
    "T against the number of workers, with the ideal n^(-1/2) and, for each theorem, the n up to which it promises "
    "linear speedup. Filled markers, and the large open ones, are measured (95 % limits, mostly smaller than the "
    "markers); open ones on dashes are bounds. No theorem of DoubleSqueeze covers ternary; that for sign says nothing "
    "at this step.",
    measure,
    picture,
    table,
    seconds=(20, 3),
)
