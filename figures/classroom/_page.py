"""What all apps share: a panel with curves, numbers in large print, the answer that stays hidden until it is asked for.

A slider sends every step of its way, and the panels of a step take some 0.1 s, so that curves follow. What was measured
is kept for as long as the process lives, for all who look at the same app.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any, ParamSpec, TypeVar, cast

import marimo as mo
import numpy as np
from matplotlib import rc_context
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from ..style import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILLION

P = ParamSpec("P")
R = TypeVar("R")

RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 19,
    "svg.fonttype": "none",
    "axes.linewidth": 1.2,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 1.0,
    "lines.linewidth": 4.0,
    "lines.markersize": 13.0,
}
WIDTH, HEIGHT = 6.6, 5.4
"""Of a panel, in inches; the browser scales it."""
MARGINS = (0.16, 0.145, 0.785, 0.83)
"""Left, bottom, width and height of the axes, in parts of the panel."""
POINTS = 200
"""Of a curve; a run has more rounds than a screen has room for."""
KINDS: dict[str, dict[str, Any]] = {
    "run": {"color": BLUE},
    "other": {"color": VERMILLION, "linestyle": (0, (1, 1))},
    "third": {"color": ORANGE, "linestyle": (0, (4, 1, 1, 1))},
    "bound": {"color": BLACK, "linestyle": (0, (3, 1.5)), "linewidth": 3.0},
    "reference": {"color": GREEN, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 3.0},
    "here": {"color": BLUE, "linestyle": "none", "marker": "o"},
    "limit": {"color": GREY, "linestyle": (0, (1, 1.6)), "linewidth": 3.0},
}
"""How a curve is drawn; told apart without colours, too."""
_DIGITS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_drawing = threading.Lock()
_kept: dict[Any, Any] = {}


def kept(function: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function of an app has found: sliders have few places."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        key = (function.__code__.co_filename, function.__name__, args, tuple(sorted(kwargs.items())))
        if key not in _kept:
            _kept[key] = function(*args, **kwargs)
        return cast(R, _kept[key])

    return call


# --------------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Curve:
    """A line of a panel.

    Parameters
    ----------
    kind
        One of `KINDS`, once in a panel.
    name
        What it is, in the legend.
    x, y
        (K,) each; what is not a number above 0 on a logarithmic axis is left out.
    """

    kind: str
    name: str
    x: Any
    y: Any


@dataclass(frozen=True)
class Scale:
    """An axis.

    Parameters
    ----------
    label
        A few words.
    marks
        The numbers that are marked. The first and the last are the ends, so that nothing but the curves moves.
    log
        Whether the axis is logarithmic.
    end
        Where it ends beyond the last mark.
    """

    label: str
    marks: tuple[float, ...]
    log: bool = True
    end: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last number of the axis."""
        return self.marks[0], self.marks[-1] if self.end is None else self.end


def panel(name: str, title: str, x: Scale, y: Scale, *curves: Curve) -> str:
    """Axes with their curves as SVG, the legend above; a curve's path is in the element with the id NAME-KIND."""
    with _drawing, rc_context(cast(Any, {**RC, "svg.hashsalt": name})):
        fig = Figure(figsize=(WIDTH, HEIGHT))
        FigureCanvasSVG(fig)
        ax = fig.add_axes(MARGINS, xlabel=x.label, ylabel=y.label)
        ax.set_xscale("log" if x.log else "linear")
        ax.set_yscale("log" if y.log else "linear")
        for curve in curves:
            ax.plot(
                *_points(curve, x, y), gid=f"{name}-{curve.kind}", clip_on=curve.kind != "here", **KINDS[curve.kind]
            )
        for axis, scale in ((ax.xaxis, x), (ax.yaxis, y)):
            _mark(axis, scale)
        ax.set_xlim(*x.ends)
        ax.set_ylim(*y.ends)
        file = io.StringIO()
        fig.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{escape(title)}" ', 1)
    keys = "".join(f'<span class="key">{_sample(curve.kind)} {escape(curve.name)}</span>' for curve in curves)
    return f'<figure class="panel"><figcaption><b>{escape(title)}</b> {keys}</figcaption>{svg}</figure>'


def _points(curve: Curve, x: Scale, y: Scale) -> tuple[np.ndarray, np.ndarray]:
    xs, ys = np.atleast_1d(np.asarray(curve.x, float)), np.atleast_1d(np.asarray(curve.y, float))
    ys = np.where(np.isnan(ys), np.inf, ys)
    if y.log:
        ys = np.clip(ys, y.ends[0] / 100, y.ends[1] * 100)
    shown = np.isfinite(ys) & ((xs > 0) | (not x.log))
    xs, ys = xs[shown], ys[shown]
    some = np.unique(np.linspace(0, xs.size - 1, POINTS).round().astype(int)) if xs.size > POINTS else slice(None)
    return xs[some], ys[some]


def _mark(axis: Axis, scale: Scale) -> None:
    axis.set_major_locator(FixedLocator(list(scale.marks)))
    axis.set_major_formatter(FixedFormatter([number(mark) for mark in scale.marks]))
    axis.set_minor_locator(NullLocator())


def _sample(kind: str) -> str:
    """A piece of the line for the legend."""
    look = KINDS[kind]
    if "marker" in look:
        return f'<svg class="sample" viewBox="0 0 30 14"><circle cx="15" cy="7" r="6" fill="{look["color"]}"/></svg>'
    dashes = " ".join(f"{2.2 * part:g}" for part in look["linestyle"][1]) if "linestyle" in look else "none"
    return (
        f'<svg class="sample" viewBox="0 0 30 14"><line x1="0" x2="30" y1="7" y2="7" stroke="{look["color"]}" '
        f'stroke-width="4" stroke-dasharray="{dashes}"/></svg>'
    )


def number(value: float) -> str:
    """A number for the last row: a power of ten, or three digits."""
    if value == 0:
        return "0"
    if not np.isfinite(value):
        return "∞"
    power = np.floor(np.log10(abs(value)))
    if power >= 4 or power < -2:
        mantissa = f"{value / 10**power:.2g}"
        if mantissa == "10":
            mantissa, power = "1", power + 1
        return ("" if mantissa == "1" else f"{mantissa}·") + "10" + f"{power:.0f}".translate(_DIGITS)
    return f"{value:.3g}" if power < 3 else f"{value:.0f}"


# ------------------------------------------------------------------------------------------------------ the page


def head(file: str, question: str) -> mo.Html:
    """The title and goal that the app's docstring states, and the question."""
    from pathlib import Path

    from . import Lesson

    lesson = Lesson.of(Path(file))
    return mo.Html(
        f'<header class="head"><h1>{escape(lesson.title)}</h1><p class="goal">{escape(lesson.goal)}</p>'
        f'<p class="question">{escape(question)}</p></header>'
    )


def reset() -> mo.ui.button:
    """The button that sets all sliders back."""
    return mo.ui.button(label="Reset", tooltip="set all sliders back")


def slider(button: mo.ui.button, label: str, values: Sequence[float], start: float) -> mo.ui.slider:
    """A slider over some values; made anew, at its start, when the button is pressed."""
    return mo.ui.slider(steps=list(values), value=start, label=label, show_value=True, full_width=True)


def choice(button: mo.ui.button, label: str, values: Sequence[str], start: str) -> mo.ui.dropdown:
    """A choice of words; made anew, at its start, when the button is pressed."""
    return mo.ui.dropdown(options=list(values), value=start, label=label, full_width=True)


def controls(*elements: Any) -> mo.Html:
    """Sliders and the button below each other."""
    return mo.vstack(list(elements), gap=0.6)


def panels(*pictures: str) -> mo.Html:
    """Pictures beside each other, or below each other where there is no room."""
    return mo.Html(f'<div class="panels">{"".join(pictures)}</div>')


def facts(*lines: tuple[str, float | str, str]) -> mo.Html:
    """Numbers in large print.

    Parameters
    ----------
    lines
        (name, number or words, what it is); the name is the element's id, its attribute data-value has all digits.
    """
    rows = "".join(
        f'<p class="fact"><output id="{name}" data-value="{value if isinstance(value, str) else repr(float(value))}">'
        f"{escape(value if isinstance(value, str) else number(value))}</output> {escape(words)}</p>"
        for name, value, words in lines
    )
    return mo.Html(f'<div class="facts" aria-live="polite">{rows}</div>')


def answer(*sentences: str) -> mo.Html:
    """The answer, which opens when it is asked for."""
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return mo.Html(f'<details class="answer"><summary>Answer</summary>{text}</details>')


def table(title: str, names: Sequence[str], rows: Sequence[Sequence[str | float]], chosen: str, *below: str) -> str:
    """Rows of numbers beside a panel, the chosen one marked; below them commands that give the same."""
    cells = "".join(
        f'<tr{" aria-current=true" if row[0] == chosen else ""}><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f"<td>{number(value) if isinstance(value, float) else escape(str(value))}</td>" for value in row[1:])
        + "</tr>"
        for row in rows
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    codes = "".join(f"<pre>{escape(command)}</pre>" for command in below)
    return (
        f'<figure class="panel"><figcaption><b>{escape(title)}</b></figcaption>'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>{codes}</figure>"
    )
