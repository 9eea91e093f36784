"""How tight the theorems are: the worst instance that is known for each, metric against bound, both exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ...theory import THEOREMS
from ...validation.tightness import hard_instances
from ..drawing import Drawing, Row, Table
from ..style import BLUE, COLUMN, GREEN, GREY, ORANGE, PLAIN, PURPLE, VERMILLION

LOOKS = {
    "published": (BLUE, "o"), "restated": (GREEN, "^"), "ours": (VERMILLION, "s"), "order": (ORANGE, "v"),
    "conjectured": (PURPLE, "D"),
}  # fmt: skip
ROW = 0.135
"""Inches of a line."""


@dataclass(frozen=True)
class Tight:
    """A theorem, and E metric/bound on its worst known instance."""

    theorem: str
    provenance: str
    ratio: float


def measure(quick: bool = False, seed: int = 0) -> list[Tight]:
    """Evaluate the worst instance of every theorem that has one (of every fourth, if quick), the tightest first."""
    found = [
        Tight(name, theorem.provenance, instances[0].ratio())
        for name, theorem in list(THEOREMS.items())[:: 4 if quick else 1]
        if (instances := hard_instances(name))
    ]
    return sorted(found, key=lambda entry: (-round(entry.ratio, 9), entry.theorem))


def picture(found: list[Tight]) -> Figure:
    """Two columns of theorems, each with its ratio on a line from 0 to 1."""
    half = -(-len(found) // 2)
    height = ROW * half + 0.72
    fig = Figure(figsize=(2 * COLUMN, height))
    FigureCanvasAgg(fig)
    smallest = min(entry.ratio for entry in found)
    for k, part in enumerate((found[:half], found[half:])):
        ax = fig.add_axes((0.265 + 0.5 * k, 0.47 / height, 0.215, ROW * half / height))
        y = -np.arange(len(part))
        for place, entry in zip(y, part, strict=True):
            color, marker = LOOKS[entry.provenance]
            ax.plot([0.9 * min(smallest, 0.1), entry.ratio], [place, place], color=color, linewidth=0.8, alpha=0.5)
            ax.plot(entry.ratio, place, color=color, marker=marker, markersize=4, linestyle="none", clip_on=False)
        ax.axvline(1, color=GREY, linewidth=0.9, zorder=1)
        ax.set_xscale("log")
        ax.set_xlim(0.9 * min(smallest, 0.1), 1.15)
        ax.set_ylim(0.5 - half, 0.5)
        ax.set_yticks(y, [entry.theorem for entry in part], fontsize=6.8)
        ax.tick_params(axis="y", length=0)
        ax.yaxis.grid(False)
        ax.xaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.5, 1]))
        ax.xaxis.set_major_formatter(PLAIN)
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("measured / bound")
    here = [word for word in LOOKS if any(entry.provenance == word for entry in found)]
    handles = [Line2D([], [], color=LOOKS[w][0], marker=LOOKS[w][1], markersize=4, linestyle="none") for w in here]
    fig.legend(handles, here, loc="upper center", ncols=len(here), frameon=False, borderaxespad=0.2)
    return fig


def table(found: list[Tight]) -> Table:
    """One row for every theorem."""
    rows: list[Row] = [(entry.theorem, entry.provenance, entry.ratio) for entry in found]
    return ("theorem", "provenance", "ratio"), rows


FIGURE = Drawing(
    "overview-tightness",
    "overview",
    "How tight the theorems are",
    "For every theorem with a stored hard instance: the expectation of its metric divided by its bound, both exact, on "
    "the worst instance that is known (a small quadratic, compressors, parameters and a number of rounds, found by "
    "search). 1 means that no constant can be improved; a small value that the bound is loose or that nothing worse "
    "was found. Colour and marker tell the provenance. Theorems of order only have no bound and are left out, as are "
    "those for which no instance closes. These instances have one or two dimensions: they test the theorem.",
    measure,
    picture,
    table,
)
