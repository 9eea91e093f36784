"""Curves of runs and studies: a trace, several traces, methods over bits, speedups. Figures to show or to save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..common.door import checked
from ..common.errors import InputError, nearest
from ..theory.bounds import COLUMNS
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, figure, journal

if TYPE_CHECKING:
    from ..solvers.trace import Trace
    from ..validation.studies import Comparison, Speedup

#: What runs are drawn over, and how the axis says it.
AXES = {"rounds": "rounds $t$", "bits": "bits per worker, both ways", "seconds": "seconds"}
DASH_DOT = (0, (6, 1.5, 1, 1.5))
REFERENCE: dict[str, Any] = {"color": GREY, "linestyle": DASH_DOT}
#: Colour, marker and dashes tell the lines apart, also in grey print.
LOOKS = (
    (BLUE, "o", "-"), (VERMILLION, "s", (0, (5, 1.8))), (GREEN, "^", (0, (1, 1.6))), (PURPLE, "D", DASH_DOT),
    (ORANGE, "v", (0, (3, 1))), (BLACK, "P", "-"),
)  # fmt: skip
LABELS = {
    "gap": r"f(x^t)-f^\star",
    "above_bound": r"f(x^t)-\mathrm{lower\ bound}",
    "objective": r"f(x^t)",
    "grad_sq": r"\|\nabla f(x^t)\|^2",
    "dist_sq": r"\|x^t-x^\star\|^2",
}


def label(column: str) -> str:
    """A column as an axis label."""
    latex = LABELS.get(column) or COLUMNS.get(column)
    return rf"$\mathbb{{E}}\;{latex}$" if latex else column.replace("_", " ")


def chosen(trace: Trace, column: str | None) -> tuple[str, np.ndarray]:
    """(label, values (R, K)) of a column; default: the metric of the trace's theorem, else gap, else grad_sq.

    Raises
    ------
    InputError
        If there is no such column.
    """
    if column is None and "metric" in trace.about:
        terms = trace.about["metric"]["terms"]
        name = rf"$\mathbb{{E}}\;{trace.about['metric']['latex']}$" if len(terms) == 1 else r"$\mathbb{E}\;V^t$"
        return name, trace.metric
    if column is None:
        column = "gap" if "gap" in trace.columns else "grad_sq"
    if column not in trace.columns:
        raise InputError(f"this run has no column '{column}'{nearest(column, trace.columns)}")
    return label(column), trace.columns[column]


@checked
def rate_plot(traces: Trace | Sequence[Trace], column: str | None = None, *, over: str = "rounds") -> Figure:
    """Draw the mean over replicas of one or several runs, with the bound of the theorem that a run is about.

    Parameters
    ----------
    traces
        A run, or several.
    column
        What to draw; default: the metric of the run's theorem, else the gap, else the squared gradient.
    over
        "rounds", "bits" (of one worker, both ways, as encoded) or "seconds" (of the clock).

    Raises
    ------
    InputError
        For an unknown column, or no traces.
    """
    runs = list(traces) if isinstance(traces, Sequence) else [traces]
    if not runs:
        raise InputError("there is nothing to draw: give at least one trace")
    if over not in AXES:
        raise InputError(f"over={over}: draw over {', '.join(AXES)}{nearest(over, AXES)}")
    with journal():
        fig, (ax,) = figure(1, height=2.8, legend_lines=min(len(runs) + 1, 6))
        for k, trace in enumerate(runs):
            name, values = chosen(trace, column)
            x = {"rounds": lambda t: t.rounds.astype(float), "bits": _bits, "seconds": lambda t: t.seconds}[over](trace)
            _line(ax, x, values, k, _name(trace, runs))
            if column is None and "bound" in trace.scalars and over == "rounds":
                bound = trace.scalars["bound"]
                shown = np.isfinite(bound) & (bound > 0) & (x > 0)
                ax.plot(x[shown], bound[shown], color=GREY, linestyle=DASH_DOT, label=_bound_name(trace, runs))
            ax.set_ylabel(name)
        _finish(ax, AXES[over], len(runs) + 1)
    return fig


def _line(ax: Any, x: np.ndarray, values: np.ndarray, k: int, name: str) -> None:
    """The mean over replicas and, with several, the range of the middle half."""
    color, marker, dashes = LOOKS[k % len(LOOKS)]
    with np.errstate(invalid="ignore"):
        mean = values.mean(axis=0)
    shown = np.isfinite(mean) & (mean > 0) & (x > 0)
    if not shown.any():
        raise InputError("nothing in this column is above zero, and the axis is logarithmic")
    if values.shape[0] > 3:
        low, high = np.quantile(values[:, shown], [0.25, 0.75], axis=0)
        bottom = mean[shown].min() / 10
        ax.fill_between(
            x[shown], np.maximum(low, bottom), np.maximum(high, bottom), color=color, alpha=0.2, linewidth=0
        )
    every = max(1, int(shown.sum()) // 10)
    ax.plot(
        x[shown], mean[shown], color=color, linestyle=dashes, marker=marker, markersize=3.5, markevery=every, label=name
    )


def _name(trace: Trace, runs: Sequence[Trace]) -> str:
    about = trace.about
    name = str(about["method"])
    if len(runs) > 1 and sum(run.about["method"] == name for run in runs) > 1:
        name += (
            f", {about['up']}"
            if len({run.about["up"] for run in runs}) > 1
            else f", gamma = {about['parameters']['gamma']:.3g}"
        )
    return f"{name}, mean of {trace.replicas}" if len(runs) == 1 and trace.replicas > 1 else name


def _bound_name(trace: Trace, runs: Sequence[Trace]) -> str:
    return "bound" if len(runs) == 1 else f"bound of {trace.about['theorem']}"


def _bits(trace: Trace) -> np.ndarray:
    """(K,) encoded bits of one worker, both ways."""
    total = np.zeros(trace.rounds.size)
    for name in ("bits_up_encoded", "bits_down_encoded"):
        if name not in trace.columns:
            raise InputError(f"this run counts no encoded bits ('{name}'): draw over rounds")
        total = total + trace.columns[name].mean(axis=0)
    return total


def _finish(ax: Any, x_label: str, lines: int) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel(x_label)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, frameon=False, ncols=1 if lines < 5 else 2)


def comparison(found: Comparison) -> Figure:
    """Methods over the bits of one worker, by the papers' formulas."""
    with journal():
        fig, (ax,) = figure(1, height=2.8, legend_lines=-(-len(found.contenders) // 2))
        for k, contender in enumerate(found.contenders):
            trace = contender.trace
            x = trace.rounds * (contender.bits / contender.rounds)
            _line(ax, x, trace.columns[found.column], k, str(trace.about["method"]))
        ax.set_ylabel(label(found.column))
        _finish(ax, "bits per worker, both ways", 6)
    return fig


def speedup(found: Speedup) -> Figure:
    """The metric after T rounds over n, the bound, and the slope of a linear speedup."""
    with journal():
        fig, (ax,) = figure(1, height=2.8, legend_lines=2)
        n = found.workers.astype(float)
        low, high = np.maximum(found.low, found.mean / 10), found.high
        name = "measured" if found.fit is None else f"measured, slope {found.fit.slope:.2f}"
        limits = [found.mean - low, np.maximum(high - found.mean, 0)]
        ax.errorbar(n, found.mean, yerr=limits, color=BLUE, marker="o", markersize=4, capsize=2, label=name)
        if np.isfinite(found.bound).all():
            ax.plot(
                n, found.bound, color=VERMILLION, linestyle=(0, (5, 1.8)), marker="s", markersize=3.5, label="bound"
            )
        if found.ideal < 0 and n.size > 1:
            ideal = found.mean[0] * (n / n[0]) ** found.ideal
            ax.plot(n, ideal, **REFERENCE, label=rf"ideal, slope ${found.ideal:.3g}$")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.xaxis.set_major_locator(FixedLocator(n.tolist()))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.set_xlabel("workers $n$")
        ax.set_ylabel(rf"$\mathbb{{E}}\;{found.metric}$" if len(found.metric) < 80 else r"$\mathbb{E}\;V^T$")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, frameon=False, ncols=2)
    return fig
