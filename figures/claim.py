"""The picture of a claim's result: its panels, measurements solid, bounds dashed."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, figure, journal, save_small

if TYPE_CHECKING:
    from ..validation.claims import ClaimResult, Panel

#: Colour, marker and dashes tell the lines apart, also in grey print.
LOOKS = (
    (BLUE, "o", "-"),
    (VERMILLION, "s", "-"),
    (GREEN, "^", "-"),
    (PURPLE, "D", "-"),
    (ORANGE, "v", "-"),
    (BLACK, "P", "-"),
)
BOUND_DASHES = (0, (5, 1.8))
BOUND_MARKERS = "os^D"
#: Lines with more points than this carry a marker here and there only.
MARKED = 12
#: Up to so many different abscissae are all labelled, on a logarithmic axis, where decades would tell too little, if
#: neighbours are this part of the axis apart.
LABELLED, APART = 7, 0.1
#: Characters of the longest label of a legend in two columns.
SHORT = 18


def draw(result: ClaimResult, target: str | IO[bytes]) -> bool:
    """Draw the picture of a result as WebP to a path, or to a binary file open for writing.

    Returns
    -------
    bool
        False, with nothing written, when the result has no picture.
    """
    panels = result.measured.panels
    if not panels:
        return False
    with journal():
        lines = max(-(-len(panel.curves) // _columns(panel)) for panel in panels)
        fig, axes = figure(len(panels), height=2.3 + 0.15 * lines, legend_lines=lines)
        for ax, panel in zip(axes, panels, strict=True):
            _panel(ax, panel)
        save_small(fig, target)
    return True


def _columns(panel: Panel) -> int:
    """How many columns of its legend fit over a panel."""
    return 2 if max(len(curve.label) for curve in panel.curves) <= SHORT else 1


def _panel(ax: Axes, panel: Panel) -> None:
    look = bound = 0
    for curve in panel.curves:
        x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
        every = max(1, x.size // MARKED)
        if curve.bound:
            ax.plot(
                x, y, color=GREY, linestyle=BOUND_DASHES, marker=BOUND_MARKERS[bound % len(BOUND_MARKERS)],
                markerfacecolor="white", markersize=3.5, markevery=every, label=curve.label,
            )  # fmt: skip
            bound += 1
            continue
        color, marker, dashes = LOOKS[look % len(LOOKS)]
        look += 1
        ax.plot(x, y, color=color, linestyle=dashes, marker=marker, markersize=3.5, markevery=every, label=curve.label)
    if panel.log_x:
        ax.set_xscale("log")
        _label_abscissae(ax, panel)
    if panel.log_y:
        ax.set_yscale("log")
    ax.set_xlabel(panel.x)
    ax.set_ylabel(panel.y)
    ax.legend(
        loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, frameon=False, ncols=_columns(panel),
        columnspacing=1.0, handlelength=2.2,
    )  # fmt: skip


def _label_abscissae(ax: Axes, panel: Panel) -> None:
    """Label the abscissae themselves where they are few and far between, else the decades; never what lies between."""
    ax.xaxis.set_minor_formatter(NullFormatter())
    places = np.unique(np.concatenate([np.asarray(curve.x, float) for curve in panel.curves]))
    gaps = np.diff(np.log(places))
    if places.size <= LABELLED and np.all(gaps >= APART * gaps.sum()):
        ax.xaxis.set_major_locator(FixedLocator(places.tolist()))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_locator(NullLocator())
