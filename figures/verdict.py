"""The picture of one verdict: bound against measurement, speedup over workers, rate over rounds."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .style import BLACK, BLUE, GREY, VERMILLION, decades, figure, journal, marked, save_small, slope_triangle

if TYPE_CHECKING:
    from ..theory.bounds import Metric
    from ..validation.verdict import MeasuredRate, Series, Verdict

MEASURED: dict[str, Any] = {"color": BLUE, "linestyle": "-", "zorder": 3}
BOUND: dict[str, Any] = {"color": VERMILLION, "linestyle": (0, (5, 1.8)), "linewidth": 1.6, "zorder": 2.5}
FLOOR: dict[str, Any] = {"color": BLACK, "linestyle": (0, (1, 1.6)), "linewidth": 1.1, "zorder": 2}
REFERENCE: dict[str, Any] = {
    "color": GREY,
    "linestyle": (0, (6, 1.5, 1, 1.5)),
    "linewidth": 0.9,
    "zorder": 1.5,
}

ABOVE = 1e3
"""A run that diverges leaves the picture this far above the bound and the start."""


def draw(verdict: Verdict, target: str | IO[bytes]) -> bool:
    """Draw the picture of a verdict as WebP to a path, or to a binary file open for writing.

    Returns
    -------
    bool
        False, with nothing written, when the verdict has no measurement to draw.
    """
    with journal():
        fig = picture(verdict)
        if fig is None:
            return False
        save_small(fig, target)
    return True


def picture(verdict: Verdict) -> Figure | None:
    """Return the picture of a verdict, None when it has no measurement.

    The first panel shows the mean over replicas up to its upper confidence limit, the bound and its floor; a second
    one the metric over the number of workers where the speedup was measured; a third one the metric over T, each T
    with its own step, where the rate was measured that way.
    """
    series, rate, speedup = verdict.series, verdict.rate, verdict.speedup
    compared = series is not None and len(series.rounds) > 0
    over_rounds = bool(rate and _points(rate).size and not (compared and _tuned(verdict)))
    over_workers = bool(speedup and len(speedup.workers) > 1)
    count = compared + over_workers + over_rounds
    if count == 0:
        return None
    crowded = compared and verdict.verdict == "vacuous" and series is not None and series.floor
    fig, axes = figure(count, height=2.8, legend_lines=2 if count < 3 else 4 if crowded else 3)
    panels = iter(axes)
    if compared:
        _progress(next(panels), verdict)
    if over_workers:
        _speedup(next(panels), verdict)
    if over_rounds:
        _rate(next(panels), verdict)
    return fig


def metric_label(metric: Metric) -> str:
    """The metric as an axis label: the Lyapunov function by its letter, anything else by its formula."""
    body = "V^t" if metric.name == "lyapunov" else metric.latex.replace(r"\frac", r"\dfrac").replace(r"\sum", r"\,\sum")
    return rf"$\mathbb{{E}}\;{body}$"


def _over_time(metric: Metric) -> bool:
    """Whether the metric is about all rounds up to T, not about round t."""
    return "T" in metric.latex


def _progress(ax: Axes, verdict: Verdict) -> None:
    series, rate = verdict.series, verdict.rate
    assert series is not None
    linear = rate is not None and rate.kind == "linear"
    t, mean, high, bound = (np.asarray(a, float) for a in (series.rounds, series.mean, series.high, series.bound))
    inside = t >= (0 if linear else 1)
    shown = inside & np.isfinite(mean) & (mean > 0)
    promised = inside & np.isfinite(bound) & (bound > 0)
    if not (shown.any() or promised.any()):  # a logarithmic axis has no place for zero
        _nothing_to_draw(ax, verdict)
        return
    bottom, top = _limits(series, mean[shown], bound[promised])
    band = ax.fill_between(
        t[shown],
        mean[shown],
        np.minimum(high[shown], 2 * top),
        color=BLUE,
        alpha=0.3,
        linewidth=0,
        zorder=2,
    )
    marks: dict[str, Any] = {"marker": "o", "markersize": 4} if _tuned(verdict) else {}
    (line,) = ax.plot(t[shown], mean[shown], **MEASURED, **marks)
    (dashed,) = ax.plot(t[promised], bound[promised], **BOUND)
    rho = float(np.max(rate.predicted)) if linear and rate is not None else None
    entries: dict[str, Any] = {
        f"mean of {verdict.replicas} runs" if verdict.replicas > 1 else "measured": (band, line),
        "bound" if rho is None else rf"bound, $\rho={rho:.5g}$": dashed,
    }
    if series.floor is not None and np.isfinite(series.floor) and series.floor > 0:
        entries["floor of the bound"] = ax.axhline(series.floor, **FLOOR)
    if verdict.verdict == "vacuous":
        entries["value at $x^0$"] = ax.axhline(series.start, **REFERENCE)
    ax.set_yscale("log")
    if rho is None:
        ax.set_xscale("log")
        decades(ax.xaxis)
    elif shown.any():
        x, y = _contraction(t[shown], mean[shown], bottom, rho)
        if not promised.any() or not np.allclose(y, np.interp(x, t[promised], bound[promised]), rtol=0.1, atol=0.0):
            (entries[r"contraction by $\rho$"],) = ax.plot(x, y, **REFERENCE)
    ax.set_ylim(bottom, top)
    if _tuned(verdict) and rate is not None:
        entries[f"measured slope ${rate.fitted:.2f}$"] = Line2D([], [], linestyle="none")
        _slopes(ax, t[shown], mean[shown], rate.predicted)
        marked(ax.xaxis, _points(rate))
    decades(ax.yaxis)
    ax.set_xlabel("rounds $T$" if _over_time(verdict.metric) else "rounds $t$")
    ax.set_ylabel(metric_label(verdict.metric))
    _legend(ax, entries)


def _nothing_to_draw(ax: Axes, verdict: Verdict) -> None:
    """A panel for a bound and a measurement that are exactly zero, or not numbers, at every checkpoint."""
    zero = verdict.series is not None and np.all(np.asarray(verdict.series.mean, float) == 0)
    ax.text(0.5, 0.5, "measured and bound: exactly 0" if zero else "no finite value", ha="center", va="center")
    ax.set_xlabel("rounds $T$" if _over_time(verdict.metric) else "rounds $t$")
    ax.set_ylabel(metric_label(verdict.metric))
    ax.set_xticks([])
    ax.set_yticks([])


def _limits(series: Series, mean: NDArray[np.float64], bound: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of the value axis that a diverging run cannot stretch."""
    marks = [value for value in (series.floor, *bound) if value and np.isfinite(value)]
    cap = ABOVE * max([*marks, series.start])
    seen = [*marks, *mean[mean <= cap]]
    if not seen:
        return 0.1, 10.0
    return float(min(seen) / 2), float(2 * (cap if np.any(mean > cap) else max(seen)))


def _contraction(
    t: NDArray[np.float64], mean: NDArray[np.float64], bottom: float, rho: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The predicted contraction, drawn from the measurement's first value."""
    decay = np.log(min(max(rho, 1e-300), 1.0 - 1e-16))
    end = min(t[-1], t[0] + max(np.log(bottom / mean[0]) / decay, 0.0))
    x = np.array([t[0], end])
    return x, mean[0] * np.exp(decay * (x - t[0]))


def _speedup(ax: Axes, verdict: Verdict) -> None:
    speedup = verdict.speedup
    assert speedup is not None
    n, y, low, high = (np.asarray(a, float) for a in (speedup.workers, speedup.measured, speedup.low, speedup.high))
    below = np.minimum(np.clip(y - low, 0, None), 0.9 * y)
    points = ax.errorbar(
        n,
        y,
        yerr=[below, np.clip(high - y, 0, None)],
        marker="o",
        markersize=4,
        capsize=2,
        elinewidth=0.8,
        **MEASURED,
    )
    until = speedup.until
    entries: dict[str, Any] = {f"slope ${speedup.slope:.2f}$": points}
    if predicted := speedup.predicted:  # an order has a slope, but no bound
        (entries["bound"],) = ax.plot(
            n, np.asarray(predicted, float), marker="s", markersize=3.5, markerfacecolor="white", **BOUND
        )
    if until is not None and n.min() < until < n.max():
        entries[f"promised to $n={until:.4g}$"] = ax.axvline(until, **FLOOR)
    ax.set_xscale("log")
    ax.set_yscale("log")
    marked(ax.xaxis, n)
    decades(ax.yaxis)
    ax.set_xlabel("workers $n$")
    rate, label = verdict.rate, metric_label(verdict.metric)
    level = rf"noise floor of {label}" if rate and rate.kind == "linear" else label
    ax.set_ylabel(level)
    _legend(ax, entries)


def _rate(ax: Axes, verdict: Verdict) -> None:
    rate = verdict.rate
    assert rate is not None
    assert rate.points is not None
    x, y = _points(rate), np.asarray(rate.points.y, float)
    (line,) = ax.plot(x, y, marker="o", markersize=4, **MEASURED)
    entries: dict[str, Any] = {f"measured, slope ${rate.fitted:.2f}$": line}
    if rate.points.bound is not None:
        (entries["bound"],) = ax.plot(
            x,
            np.asarray(rate.points.bound, float),
            marker="s",
            markersize=3.5,
            markerfacecolor="white",
            **BOUND,
        )
    ax.set_xscale("log")
    ax.set_yscale("log")
    _slopes(ax, x, y, rate.predicted)
    marked(ax.xaxis, x)
    decades(ax.yaxis)
    ax.set_xlabel("rounds $T$, a step for each $T$")
    label = metric_label(verdict.metric)
    ax.set_ylabel(label if _over_time(verdict.metric) else label.replace("^t", "^T"))
    _legend(ax, entries)


def _slopes(ax: Axes, x: NDArray[np.float64], y: NDArray[np.float64], predicted: Any) -> None:
    """Draw a triangle below the curve for each predicted slope, from the first regime to the last."""
    if x.size < 2:
        return
    slopes = sorted({float(s) for s in np.atleast_1d(predicted)})
    span = np.log(x[-1] / x[0]) / len(slopes)
    for k, slope in enumerate(slopes):
        left, factor = x[0] * np.exp((k + 0.1) * span), float(np.exp(0.55 * span))
        middle = np.log(left) + np.log(factor) / 2
        height = float(np.exp(np.interp(middle, np.log(x), np.log(y)))) / 2.5
        top = height * factor ** (-slope / 2)
        slope_triangle(ax, left, top, slope, factor=factor)
        ax.set_ylim(bottom=min(ax.get_ylim()[0], top * factor**slope / 2))


def _legend(ax: Axes, entries: dict[str, Any]) -> None:
    """A legend above the panel, where it hides nothing."""
    wide = len(cast(Figure, ax.get_figure()).axes) < 3
    ax.legend(
        list(entries.values()),
        list(entries),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        frameon=False,
        ncols=2 if wide else 1,
        columnspacing=1.0,
        handlelength=2.2,
    )


def _points(rate: MeasuredRate) -> NDArray[np.float64]:
    """The values of T at which the rate was measured by runs of their own."""
    return np.asarray(rate.points.x if rate.points else (), float)


def _tuned(verdict: Verdict) -> bool:
    """Whether the first panel already shows a run of its own for every T."""
    rate, series = verdict.rate, verdict.series
    return bool(rate and series and _points(rate).size and set(_points(rate)) <= set(np.asarray(series.rounds, float)))
