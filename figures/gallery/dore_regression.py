"""The regression of the DORE paper: who converges, at what price in bits, and why.

Liu, Li, Tang, Yan, AISTATS 2020, arXiv 1910.07561: ridge regression, A of 1200 x 500, lambda = 0.05, 20 workers, full
gradients, linf ternary quantisation in blocks of 256, alpha = 0.1, beta = eta = 1, gamma = 0.05 and 0.025.

The paper does not print the scaling of A. With standard normal entries (L = 2.7) DORE diverges at gamma = 0.05, with
entries of standard deviation 0.5 (L = 0.72) the paper's picture appears at both steps: DORE and DIANA follow SGD to the
solution at a linear rate, while QSGD, MEM-SGD and DoubleSqueeze stall. The modulus, 0.08, makes the linear methods
faster than in the paper, which draws 20000 rounds.

beta = eta = 1 lie outside the paper's Theorem 1, which needs beta <= 1/(omega + 1) = 2/17 here: this run converges
without a guarantee.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import NDArray

from ...problems import problem
from ...solvers import Trace, simulate
from ...validation.claims.dore import PARAMETERS, STEPS, TERNARY, WORKERS
from ...validation.claims.dore import REGRESSION as PROBLEM
from ...validation.claims.measuring import bits
from ..drawing import Drawing, Row, Table
from ..style import BLACK, BLUE, COLUMN, GREEN, ORANGE, PURPLE, VERMILLION

OPEN: dict[str, Any] = {"linestyle": (0, (4, 1.5)), "markerfacecolor": "white"}


@dataclass(frozen=True)
class Entry:
    """A method of the comparison: its name in print, compressors, parameters beside the step, and how it is drawn."""

    name: str
    up: str
    down: str
    parameters: dict[str, float]
    look: dict[str, Any]


def _look(color: str, line: Any, marker: str, **more: Any) -> dict[str, Any]:
    return {"color": color, "linestyle": line, "marker": marker, "markersize": 3.8, "linewidth": 1.2, **more}


METHODS: dict[str, Entry] = {
    "sgd": Entry("SGD", "identity", "identity", {}, _look("#b0b0b0", "-", "", linewidth=3.6, zorder=2)),
    "qsgd": Entry("QSGD", TERNARY, "identity", {}, _look(ORANGE, (0, (8, 2)), "P")),
    "error-feedback": Entry("MEM-SGD", TERNARY, "identity", {}, _look(PURPLE, (0, (1, 1)), "D", markersize=3.2)),
    "doublesqueeze": Entry("DoubleSqueeze", TERNARY, TERNARY, {}, _look(VERMILLION, (0, (5, 1.5)), "s")),
    "diana": Entry("DIANA", TERNARY, "identity", {"alpha": 0.1}, _look(GREEN, (0, (4, 1.5, 1, 1.5)), "^")),
    "dore": Entry("DORE", TERNARY, TERNARY, PARAMETERS, _look(BLUE, "-", "o")),
}

COMPRESSED: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("doublesqueeze", "v_i", "v", {"loc": "upper right", "bbox_to_anchor": (1.0, 0.8)}),
    ("dore", r"\Delta_i", "q", {"loc": "lower left", "bbox_to_anchor": (0.0, 0.11)}),
)
"""Method, what it compresses up and down, and where its legend finds room."""

SUMMARIES: dict[str, Callable[..., NDArray[np.float64]]] = {"mean": np.mean, "smallest": np.min, "largest": np.max}
"""Of the replicas: the line and its band."""

Runs = dict[float, dict[str, Trace]]


def measure(quick: bool = False, seed: int = 0) -> Runs:
    """Run every method with both steps; traces by step and method."""
    rounds, replicas = (1500, 2) if quick else (3000, 8)
    regression = problem(PROBLEM, workers=WORKERS)
    early, even = np.geomspace(1, rounds, 16).round(), np.linspace(0, rounds, 61).round()
    points = np.unique(np.concatenate([early, even])).astype(int)
    return {
        gamma: {
            word: simulate(
                word,
                regression,
                entry.up,
                entry.down,
                parameters={"gamma": gamma, **entry.parameters},
                rounds=rounds,
                replicas=replicas,
                seed=seed,
                checkpoints=points,
                columns=False,
            )
            for word, entry in METHODS.items()
        }
        for gamma in STEPS
    }


def picture(runs: Runs) -> Figure:
    """Return the figure of the runs."""
    fig = Figure(figsize=(2 * COLUMN, 4.5))
    FigureCanvasAgg(fig)
    left = fig.add_gridspec(2, 2, left=0.085, right=0.635, bottom=0.095, top=0.925, hspace=0.07, wspace=0.07)
    right = fig.add_gridspec(2, 1, left=0.735, right=0.985, bottom=0.095, top=0.925, hspace=0.07)
    lowest = min(np.min(t.columns["dist_sq"].mean(axis=0)) for row in runs.values() for t in row.values())
    compressed = [
        row[word].columns[column].mean(axis=0)[1:]
        for row in runs.values()
        for word, *_ in COMPRESSED
        for column in ("up_residual_sq", "down_residual_sq")
    ]
    smallest, largest = min(map(np.min, compressed)), max(map(np.max, compressed))
    lines: dict[str, Any] = {}
    for k, (gamma, traces) in enumerate(runs.items()):
        over_rounds, over_bits, residuals = (fig.add_subplot(grid) for grid in (left[k, 0], left[k, 1], right[k, 0]))
        for j, (word, trace) in enumerate(traces.items()):
            offset = j / len(traces)
            look = METHODS[word].look
            y = trace.columns["dist_sq"]
            lines[METHODS[word].name] = _curve(over_rounds, trace.rounds, y, look, offset)
            _curve(over_bits, bits(trace)[1:] / 1e6, y[:, 1:], look, offset)
        _saving(over_bits, traces["sgd"], traces["dore"])
        _residuals(residuals, traces, with_legends=k == 0)
        for ax, letter in zip((over_rounds, over_bits, residuals), "abcdef"[3 * k :], strict=False):
            ax.set_yscale("log")
            ax.yaxis.set_major_locator(LogLocator(numticks=7))
            ax.yaxis.set_minor_formatter(NullFormatter())
            ax.annotate(
                rf"({letter})  $\gamma={gamma:g}$", (0, 0), (5, 5), xycoords="axes fraction", textcoords="offset points"
            )
        for ax in (over_rounds, over_bits):
            ax.set_ylim(lowest / 300, 30)
        residuals.set_ylim(smallest / 300, 30 * largest)
        over_bits.set_xscale("log")
        over_bits.tick_params(labelleft=False)
        over_rounds.set_ylabel(r"squared distance $\|x^t-x^\star\|^2$")
        residuals.set_ylabel(r"$\|$compressed vector$\|^2$")
        last = k == len(runs) - 1
        for ax, label in (
            (over_rounds, "rounds $t$"),
            (over_bits, "Mbit per worker, up and down"),
            (residuals, "rounds $t$"),
        ):
            ax.tick_params(labelbottom=last)
            ax.set_xlabel(label if last else "")
    fig.legend(
        list(lines.values()), list(lines), loc="upper center", ncols=len(lines), frameon=False, borderaxespad=0.2,
        bbox_to_anchor=(0.53, 1.0), columnspacing=1.6, handlelength=3.0,
    )  # fmt: skip
    return fig


def _curve(ax: Axes, x: NDArray[Any], y: NDArray[np.float64], look: dict[str, Any], offset: float) -> Any:
    """The mean over replicas with a band over all of them; markers of different curves stand in different places."""
    ax.fill_between(x, y.min(axis=0), y.max(axis=0), color=look["color"], alpha=0.25, linewidth=0, zorder=1.8)
    (line,) = ax.plot(x, y.mean(axis=0), markevery=(offset * 0.14, 0.14), **{"zorder": 3, **look})
    return line


def _saving(ax: Axes, dense: Trace, saving: Trace) -> None:
    """An arrow from SGD to DORE, at a distance that both reach, with the ratio of their bits."""
    level = 300 * max(float(t.columns["dist_sq"].mean(axis=0).min()) for t in (dense, saving))
    spent = []
    for trace in (dense, saving):
        here = int(np.argmax(trace.columns["dist_sq"].mean(axis=0) <= level))
        spent.append(float(bits(trace)[here]) / 1e6)
    ax.annotate(
        "", (spent[1], level), (spent[0], level), zorder=4,
        arrowprops={"arrowstyle": "->", "color": BLACK, "linewidth": 0.8, "shrinkA": 2, "shrinkB": 2},
    )  # fmt: skip
    ax.annotate(
        rf"${spent[0] / spent[1]:.3g}{{\times}}$ fewer bits", (spent[1], level), (-6, 0), textcoords="offset points",
        ha="right", va="center",
    )  # fmt: skip


def _residuals(ax: Axes, traces: dict[str, Trace], with_legends: bool) -> None:
    """Draw what the two methods compress, filled markers for the uplink, open ones for the downlink."""
    for word, up, down, place in COMPRESSED:
        trace, entry = traces[word], METHODS[word]
        lines = {}
        for column, label, more, offset in (
            ("up_residual_sq", rf"up, $\|{up}\|^2$", {"linestyle": "-"}, 0.3),
            ("down_residual_sq", rf"down, $\|{down}\|^2$", OPEN, 0.8),
        ):
            look = {**entry.look, **more}
            lines[label] = _curve(ax, trace.rounds[1:], trace.columns[column][:, 1:], look, offset)
        if with_legends:
            look = {"title": entry.name, "title_fontsize": 8, "alignment": "left", "frameon": False}
            ax.add_artist(Legend(ax, list(lines.values()), list(lines), **look, **place))


def table(runs: Runs) -> Table:
    """What is drawn, one row for every step, method and round."""
    columns = ("dist_sq", "up_residual_sq", "down_residual_sq")
    names = [f"{column}, {word}" for column in columns for word in SUMMARIES]
    rows: list[Row] = []
    for gamma, traces in runs.items():
        for word, trace in traces.items():
            drawn = [summary(trace.columns[c], axis=0).tolist() for c in columns for summary in SUMMARIES.values()]
            points = zip(trace.rounds.tolist(), bits(trace).tolist(), *drawn, strict=True)
            rows += [(gamma, METHODS[word].name, *point) for point in points]
    return ("gamma", "method", "round", "bits of a worker, both ways", *names), rows


FIGURE = Drawing(
    "dore-regression",
    "DORE",
    "DORE's regression: who converges, at what price in bits, and why",
    "Ridge regression, 1200 x 500, 20 workers, full gradients, ternary quantisation in blocks of 256; step 0.05 in the "
    "upper row, 0.025 in the lower one. Left and middle: squared distance to the solution against rounds and against "
    "the bits that pass each worker in both directions. Right: squared norms of what is compressed: DORE's differences "
    "Delta_i (averaged over workers) and q, an increment of the model; DoubleSqueeze's error-compensated gradients v_i "
    "and v. Lines are means of eight runs, bands reach from the smallest to the largest; curves end in the "
    "rounding of double precision. The paper does not print the scaling of A, and its parameters lie outside its "
    "Theorem 1.",
    measure,
    picture,
    table,
    seconds=(47, 6),
)
