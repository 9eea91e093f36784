"""The one look of all figures: journal size, colours that the colour-blind and a grey printer tell apart.

Figures are drawn with matplotlib's objects, never through pyplot, so that neither the user's backend nor the user's
rcParams change.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray
from PIL import Image

COLUMN = 3.5
"""Width of one journal column in inches; a page has two."""
HEIGHT = 2.5
LEFT, RIGHT, BOTTOM, TOP, LINE = 0.68, 0.1, 0.42, 0.1, 0.15
"""Margins of a panel, and the height of a line of legend, in inches."""

BLACK, BLUE, VERMILLION, GREEN, ORANGE, PURPLE = (
    "#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7",
)  # fmt: skip
SKY = "#56B4E9"
GREY = "#666666"
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")

RC: dict[str, Any] = {
    "font.family": "STIXGeneral",
    "mathtext.fontset": "stix",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "legend.handlelength": 2.6,
    "legend.borderpad": 0.3,
    "legend.labelspacing": 0.3,
    "lines.linewidth": 1.4,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "axes.unicode_minus": True,
    "savefig.dpi": 200,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "svg.hashsalt": "tersegrad",
}


@contextmanager
def journal() -> Iterator[None]:
    """Apply `RC` while drawing and saving, and restore the user's settings."""
    with rc_context(cast(Any, RC)):
        yield


def figure(
    panels: int = 1, *, rows: int = 1, height: float = HEIGHT, legend_lines: int = 3
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `rows` rows and `panels` panels in all: one is a column wide, more share the page's width.

    Margins are fixed, wide enough for an axis label, tick labels and `legend_lines` lines of legend above a panel, so
    that panels of different figures align and no layout has to be solved.
    """
    columns = -(-panels // rows)
    width = COLUMN if columns == 1 else 2 * COLUMN
    fig = Figure(figsize=(width, height * rows))
    FigureCanvasAgg(fig)
    wide, high = width / columns, height
    axes = [
        fig.add_axes(
            (
                (k % columns * wide + LEFT) / width,
                ((rows - 1 - k // columns) * high + BOTTOM) / (high * rows),
                (wide - LEFT - RIGHT) / width,
                (high - BOTTOM - TOP - LINE * legend_lines) / (high * rows),
            )
        )
        for k in range(panels)
    ]
    return fig, axes


def save(fig: Figure, target: str | IO[bytes]) -> None:
    """Write a figure as PNG, without a time stamp: the same data give the same bytes."""
    _palette(fig, Image.Quantize.MEDIANCUT, 256, RC["savefig.dpi"]).save(
        target, format="PNG", optimize=True, dpi=(RC["savefig.dpi"],) * 2
    )


def save_small(fig: Figure, target: str | IO[bytes]) -> None:
    """Write a figure as lossless WebP, 144 dots an inch in few colours: small, for a page with a hundred of them."""
    _palette(fig, Image.Quantize.FASTOCTREE, 64, 144).convert("RGB").save(
        target, format="WEBP", lossless=True, quality=80, method=4
    )


def _palette(fig: Figure, method: Image.Quantize, colours: int, dots: int) -> Image.Image:
    """The picture in so many colours: black, grey, the lines', their bands', and blends at the edges.

    Colours of the lines stay apart: of 64, an octree has each within 4/255; a median cut of 256 has all.
    """
    full = io.BytesIO()
    fig.savefig(full, format="png", dpi=dots)
    return Image.open(full).convert("RGB").quantize(colours, method, dither=Image.Dither.NONE)


def slope_triangle(ax: Axes, x: float, y: float, slope: float, *, factor: float = 4.0) -> None:
    """Draw, on log-log axes, the triangle of a falling slope: hypotenuse from (x, y) to (factor x, factor^slope y).

    The right angle is below the hypotenuse, so that the triangle fits under a curve; the label stands under it.
    """
    right, low = factor * x, y * factor**slope
    ax.plot([x, right, x, x], [y, low, low, y], color=GREY, linewidth=0.8, solid_joinstyle="miter", zorder=1.5)
    ax.annotate(
        f"${slope_text(slope)}$",
        ((x * right) ** 0.5, low),
        xytext=(0, -2),
        textcoords="offset points",
        ha="center",
        va="top",
        color=GREY,
        fontsize=8,
    )


def slope_text(slope: float) -> str:
    """Write a slope as a small fraction where it is one."""
    for denominator in (1, 2, 3, 4):
        numerator = slope * denominator
        if abs(numerator - round(numerator)) < 1e-9:
            whole = round(numerator)
            return f"{whole}" if denominator == 1 else f"{'-' if whole < 0 else ''}{abs(whole)}/{denominator}"
    return f"{slope:.3g}"


def marked(axis: Axis, values: NDArray[np.float64]) -> None:
    """Label the measured values of a logarithmic axis, and nothing else; every second one where they crowd."""
    axis.set_major_locator(FixedLocator(values[:: -(-values.size // 7)].tolist()))
    axis.set_major_formatter(PLAIN)
    axis.set_minor_locator(NullLocator())


def decades(axis: Axis) -> None:
    """Label at most six decades of a logarithmic axis, or 1, 2, 5 where it is shorter than two."""
    low, high = axis.get_view_interval()
    if np.floor(np.log10(high)) > np.ceil(np.log10(low)):
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_minor_formatter(NullFormatter())
    else:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(PLAIN)
        axis.set_minor_locator(NullLocator())
