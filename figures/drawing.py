"""What a figure of the gallery is: a measurement, its picture, its numbers and its caption.

Most figures are frames with lines, for which `picture_of` and `table_of` are all that is needed; the others bring their
own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from .files import write
from .style import BLACK, BLUE, GREEN, GREY, ORANGE, PLAIN, PURPLE, SKY, VERMILLION, decades, figure, journal, marked

#: Colour and marker tell measured lines apart, also in grey print.
LOOKS = (
    (BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v"), (BLACK, "P"), (SKY, "X"),
)  # fmt: skip
BOUND_DASHES = (0, (5, 1.8))
REFERENCE: dict[str, Any] = {"color": GREY, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 0.9, "zorder": 3.5}
#: Lines of more points carry a marker here and there only, at this part of the diagonal from each other.
APART = 0.12
#: Size of a marker, and how much larger it is for every line that coincides with its own and is drawn later.
SIZE, LARGER = 3.8, 2.6
#: Lines coincide if they differ by less than this part everywhere.
COINCIDE = 0.04
#: So many different abscissae at most are labelled one by one, and every point of a line with as many has a marker.
FEW = 7
#: Characters that fit over a panel, in all columns of a legend, and what the sample of a line takes of them.
ROOM, SAMPLE = 54, 8

Row = tuple[Any, ...]
Table = tuple[tuple[str, ...], list[Row]]


@dataclass(frozen=True)
class Line:
    """One line of a frame.

    Parameters
    ----------
    name
        What it is, in the legend and in the CSV file.
    x, y
        (K,) each.
    kind
        "measured" (solid), "bound" (dashed, open markers), "reference" (an ideal slope, dash-dot) or "points" (markers
        alone).
    look
        Number of its colour and marker; default: the next one. A bound takes that of the measurement it belongs to.
    shown
        Whether it has a legend entry of its own.
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    kind: str = "measured"
    look: int | None = None
    shown: bool = True


@dataclass(frozen=True)
class Frame:
    """Axes and their lines; scales are logarithmic unless said otherwise.

    Parameters
    ----------
    x, y
        The labels of the axes.
    lines
        What is drawn.
    title
        Stands in the frame behind its letter.
    log_x, log_y
        Whether the axis is logarithmic.
    limits
        Of the value axis, where what is drawn should not decide.
    ticks
        Labels of the abscissae, instead of their numbers: (value, text).
    letter
        Corner of the letter: "ul", "ur", "ll" or "lr".
    """

    x: str
    y: str
    lines: tuple[Line, ...]
    title: str = ""
    log_x: bool = True
    log_y: bool = True
    limits: tuple[float | None, float | None] = (None, None)
    ticks: tuple[tuple[float, str], ...] = ()
    letter: str = "ur"


Frames = tuple[Frame, ...]


def picture_of(frames: Frames) -> Figure:
    """Draw frames, two in a row; each has its legend above, or all have one where it is the same."""
    names = [tuple(line.name for line in frame.lines if line.shown) for frame in frames]
    common = len(frames) > 1 and len(set(names)) == 1
    columns = [_columns(labels, wide=2 if common else 1) for labels in names]
    lines = max(-(-len(labels) // count) for labels, count in zip(names, columns, strict=True))
    columns = [
        -(-len(labels) // max(-(-len(labels) // count), 1)) for labels, count in zip(names, columns, strict=True)
    ]
    rows = -(-len(frames) // 2)
    fig, axes = figure(len(frames), rows=rows, height=2.35 + 0.15 * lines, legend_lines=lines)
    for k, (ax, frame, count) in enumerate(zip(axes, frames, columns, strict=True)):
        entries = _frame(ax, frame, "abcdef"[k] if len(frames) > 1 else "")
        if not common and entries:
            ax.legend(
                list(entries.values()), list(entries), loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2,
                frameon=False, ncols=count, columnspacing=1.0, handlelength=2.2,
            )  # fmt: skip
        elif k == 0 and entries:
            fig.legend(
                list(entries.values()), list(entries), loc="upper center", borderaxespad=0.2, frameon=False,
                ncols=count, columnspacing=1.4, handlelength=2.2,
            )  # fmt: skip
    return fig


def _columns(labels: tuple[str, ...], wide: int) -> int:
    """How many columns of a legend fit over so many panels."""
    longest = max((len(re.sub(r"[$\\{}]", "", label)) for label in labels), default=0)
    return max(1, min(len(labels), wide * ROOM // (longest + SAMPLE)))


def _hidden(line: Line, later: Sequence[Line]) -> int:
    """How many of the lines that are drawn later coincide with this one."""
    x, y = np.asarray(line.x, float), np.asarray(line.y, float)
    if line.kind != "measured" or x.size > FEW:
        return 0
    alike = [other for other in later if other.kind == "measured" and np.array_equal(x, np.asarray(other.x, float))]
    return sum(bool(np.allclose(y, np.asarray(other.y, float), rtol=COINCIDE, atol=0)) for other in alike)


def _frame(ax: Axes, frame: Frame, letter: str) -> dict[str, Any]:
    """Draw one frame and return its legend entries."""
    entries: dict[str, Any] = {}
    looks = 0
    for k, line in enumerate(frame.lines):
        x, y = np.asarray(line.x, float), np.asarray(line.y, float)
        color, marker = LOOKS[(looks if line.look is None else line.look) % len(LOOKS)]
        every = (APART * k / len(frame.lines), APART) if x.size > FEW and line.kind != "points" else None
        hidden = _hidden(line, frame.lines[k + 1 :])
        common: dict[str, Any] = {"marker": marker, "markersize": SIZE + LARGER * hidden, "markevery": every}
        if line.kind == "reference":
            (drawn,) = ax.plot(x, y, **REFERENCE)
        elif line.kind == "bound":
            (drawn,) = ax.plot(
                x, y, color=GREY if line.look is None else color, linestyle=BOUND_DASHES, linewidth=1.0,
                markerfacecolor="white", zorder=2.2, **common,
            )  # fmt: skip
        else:
            looks += line.look is None
            common |= {"linestyle": "none" if line.kind == "points" else "-"} | (
                {"markerfacecolor": "white"} if hidden else {}
            )
            (drawn,) = ax.plot(x, y, color=color, zorder=3, **common)
        if line.shown:
            entries[line.name] = drawn
    _axes(ax, frame)
    text = " ".join(part for part in (f"({letter})" if letter else "", frame.title) if part)
    if text:
        right, top = frame.letter[1] == "r", frame.letter[0] == "u"
        ax.annotate(
            text, (float(right), float(top)), (-5 if right else 5, -5 if top else 5), xycoords="axes fraction",
            textcoords="offset points", ha="right" if right else "left", va="top" if top else "bottom", zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )  # fmt: skip
    return entries


def _axes(ax: Axes, frame: Frame) -> None:
    ax.set_xlabel(frame.x)
    ax.set_ylabel(frame.y)
    if frame.log_x:
        ax.set_xscale("log")
    if frame.log_y:
        ax.set_yscale("log")
    ax.set_ylim(*frame.limits)
    places = np.unique(np.concatenate([np.asarray(line.x, float) for line in frame.lines]))
    if frame.ticks:
        ax.set_xticks([value for value, _ in frame.ticks], [text for _, text in frame.ticks])
        ax.minorticks_off()
    elif frame.log_x and places.size <= FEW:
        marked(ax.xaxis, places)
    elif frame.log_x:
        _powers(ax.xaxis)
    if frame.log_y:
        _powers(ax.yaxis)


def _powers(axis: Axis) -> None:
    """Label powers of ten, or 1, 2 and 5 times them where the axis has less than three of them."""
    low, high = axis.get_view_interval()
    if np.log10(high / low) > 2.2:
        decades(axis)
        return
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(PLAIN)
    axis.set_minor_formatter(NullFormatter())


def table_of(frames: Frames) -> Table:
    """The numbers of the lines, one row for every point."""
    rows: list[Row] = [
        ("abcdef"[k], line.name, line.kind, float(x), float(y), frame.x, frame.y)
        for k, frame in enumerate(frames)
        for line in frame.lines
        for x, y in zip(line.x, line.y, strict=True)
    ]
    return ("panel", "line", "kind", "x", "y", "x axis", "y axis"), rows


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Parameters
    ----------
    name
        On the command line, and of its files.
    paper
        The paper whose experiments it shows, or "overview".
    title
        A few words.
    caption
        What is drawn, with every symbol; written beside the picture.
    measure
        ``(quick, seed)`` to what is drawn, frames unless `picture` and `table` say otherwise.
    picture, table
        From what was measured.
    seconds
        That one core takes in full and quick, as measured once with compiled kernels.
    """

    name: str
    paper: str
    title: str
    caption: str
    measure: Callable[[bool, int], Any] = field(repr=False)
    picture: Callable[[Any], Figure] = field(default=picture_of, repr=False)
    table: Callable[[Any], Table] = field(default=table_of, repr=False)
    seconds: tuple[float, float] = (1.0, 1.0)

    def draw(self, out_dir: Path, quick: bool = False, seed: int = 0) -> list[Path]:
        """Measure, and write the files: PNG, PDF, the numbers as CSV, the caption as text.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        found = self.measure(quick, seed)
        with journal():
            return write(self.picture(found), out_dir, self.name, {"csv": as_csv(self.table(found)), "txt": self.text})

    @property
    def text(self) -> str:
        """The title and the caption."""
        return f"{self.title}. {self.caption}\n"


def as_csv(table: Table) -> str:
    """A table as CSV with a line of headings; numbers keep all their digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns, rows = table
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
