"""Theorems in two columns, each with a number on a logarithmic line; colour and marker tell the provenance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from .drawing import Row, Table
from .style import BLUE, COLUMN, GREEN, GREY, ORANGE, PLAIN, PURPLE, VERMILLION

LOOKS = {
    "published": (BLUE, "o"), "restated": (GREEN, "^"), "ours": (VERMILLION, "s"), "order": (ORANGE, "v"),
    "conjectured": (PURPLE, "D"),
}  # fmt: skip
ROW = 0.135
"""Inches of a line."""


@dataclass(frozen=True)
class Rated:
    """A theorem, its provenance, and a number."""

    theorem: str
    provenance: str
    ratio: float


def ranked(found: Sequence[Rated]) -> list[Rated]:
    """The largest first, equals in alphabetical order."""
    return sorted(found, key=lambda entry: (-round(entry.ratio, 9), entry.theorem))


def lollipops(found: Sequence[Rated], label: str) -> Figure:
    """Draw the ratios against 1."""
    half = -(-len(found) // 2)
    height = ROW * half + 0.72
    fig = Figure(figsize=(2 * COLUMN, height))
    FigureCanvasAgg(fig)
    low = min(0.1, 0.7 * min(entry.ratio for entry in found))
    high = max(1.0, *(entry.ratio for entry in found))
    for k, part in enumerate((found[:half], found[half:])):
        ax = fig.add_axes((0.265 + 0.5 * k, 0.42 / height, 0.215, ROW * half / height))
        y = -np.arange(len(part))
        for place, entry in zip(y, part, strict=True):
            color, marker = LOOKS[entry.provenance]
            ax.plot([low, entry.ratio], [place, place], color=color, linewidth=0.8, alpha=0.5)
            ax.plot(entry.ratio, place, color=color, marker=marker, markersize=4, linestyle="none", clip_on=False)
        ax.axvline(1, color=GREY, linewidth=0.9, zorder=1)
        ax.set_xscale("log")
        ax.set_xlim(low, 1.15 * high)
        ax.set_ylim(0.5 - half, 0.5)
        ax.set_yticks(y, [entry.theorem for entry in part], fontsize=6.8)
        ax.tick_params(axis="y", length=0)
        ax.yaxis.grid(False)
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 150 else (1.0,)))
        ax.xaxis.set_major_formatter(PLAIN)
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel(label)
    here = [word for word in LOOKS if any(entry.provenance == word for entry in found)]
    handles = [Line2D([], [], color=LOOKS[w][0], marker=LOOKS[w][1], markersize=4, linestyle="none") for w in here]
    fig.legend(handles, here, loc="upper center", ncols=len(here), frameon=False, borderaxespad=0.2)
    return fig


def table(found: Sequence[Rated]) -> Table:
    """One row for every theorem."""
    rows: list[Row] = [(entry.theorem, entry.provenance, entry.ratio) for entry in found]
    return ("theorem", "provenance", "ratio"), rows
