"""All methods by rounds and bits to an accuracy, at the steps of their own theorems."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from ...problems import problem
from ...theory.advice import advise
from ..drawing import LOOKS, Drawing, Row, Table
from ..names import in_print
from ..style import decades, figure

DIM, WORKERS, EPS = 512, 10, 1e-3
PROBLEM = f"quadratic:dim={DIM},mu=0.1,L=1,heterogeneity=1,radius=1"
FINE, TOP = "qsgd:levels=8,block=64", "topk:ratio=0.1"
LINKS: dict[str, tuple[str | None, str | None]] = {
    "no compression": (None, None),
    "QSGD up": (FINE, None),
    "QSGD both ways": (FINE, FINE),
    "top 10 % up": (TOP, None),
    "top 10 % both ways": (TOP, TOP),
}
LEADER = {"arrowstyle": "-", "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
KINDS = {"dist_sq": r"$\|x^t-x^\star\|^2$", "grad_sq_mean": r"mean of $\|\nabla f(x^t)\|^2$"}


@dataclass(frozen=True)
class Spent:
    """What a method's best theorem needs with some links, to the accuracy of a kind of metric."""

    kind: str
    links: str
    method: str
    theorem: str
    rounds: int
    bits: float


def measure(quick: bool = False, seed: int = 0) -> list[Spent]:
    """Ask all theorems; keep each method's fewest bits for every pair of links."""
    known = problem(PROBLEM, workers=WORKERS).constants()
    best: dict[tuple[str, str, str], Spent] = {}
    for links, (up, down) in LINKS.items():
        for options in advise(known, up, down, eps=EPS).options.values():
            for option in options:
                columns = dict(option.guarantee.metric.terms)
                kind = next((kind for kind in KINDS if columns.get(kind) == 1.0), None)
                if kind is None or option.rounds is None or option.bits is None:
                    continue
                method = option.theorem.method
                found = Spent(kind, links, method, option.theorem.name, option.rounds, option.bits)
                key = (kind, links, method)
                if key not in best or found.bits < best[key].bits:
                    best[key] = found
    return [entry for entry in best.values() if entry.links == "no compression" or entry.method != "sgd"]


def picture(found: list[Spent]) -> Figure:
    """A panel for each kind of metric; runs with compression carry their names."""
    fig, axes = figure(2, height=3.6, legend_lines=2)
    entries = {}
    for ax, (kind, label), letter in zip(axes, KINDS.items(), "ab", strict=True):
        for k, links in enumerate(LINKS):
            color, marker = LOOKS[k]
            here = [entry for entry in found if (entry.kind, entry.links) == (kind, links)]
            (entries[links],) = ax.plot(
                [e.bits / 1e6 for e in here], [e.rounds for e in here], color=color, marker=marker, markersize=4.5,
                linestyle="none", zorder=3,
            )  # fmt: skip
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.margins(0.12)
        decades(ax.xaxis)
        decades(ax.yaxis)
        ax.set_xlabel("Mbit per worker, both ways")
        ax.set_ylabel("rounds")
        _names(ax, [entry for entry in found if entry.kind == kind])
        ax.annotate(
            f"({letter}) {label}", (0, 1), (5, -5), xycoords="axes fraction", textcoords="offset points", va="top"
        )
    fig.legend(list(entries.values()), list(entries), loc="upper center", ncols=3, frameon=False, borderaxespad=0.2)
    return fig


def _names(ax: Axes, found: list[Spent]) -> None:
    """Write the methods' names where they hide no point and no other name; names of points at one place go together."""
    fig = ax.get_figure()
    assert fig is not None
    renderer = fig.canvas.get_renderer()  # type: ignore[attr-defined]
    points = [ax.transData.transform((e.bits / 1e6, e.rounds)) for e in found]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    inside = ax.get_window_extent(renderer)
    for entry in sorted(found, key=lambda e: (e.bits, e.method)):
        if entry.links == "no compression":
            continue
        color = LOOKS[list(LINKS).index(entry.links)][0]
        for dx, dy, ha, va in (
            (6, 0, "left", "center"), (-6, 0, "right", "center"), (0, 6, "center", "bottom"),
            (0, -6, "center", "top"), (12, 12, "left", "bottom"), (-12, 12, "right", "bottom"),
            (12, -12, "left", "top"), (-12, -12, "right", "top"), (20, 24, "left", "bottom"),
            (-20, -24, "right", "top"), (20, -24, "left", "top"), (-20, 24, "right", "bottom"),
            (30, 2, "left", "bottom"), (30, -6, "left", "top"),
        ):  # fmt: skip
            far = dx and dy
            text = ax.annotate(
                in_print(entry.method), (entry.bits / 1e6, entry.rounds), (dx, dy), textcoords="offset points", ha=ha,
                va=va, fontsize=6.5, color=color, arrowprops={**LEADER, "color": color} if far else None,
            )  # fmt: skip
            text.update_positions(renderer)
            b = Text.get_window_extent(text, renderer)  # without the leader
            box = (b.x0, b.y0, b.x1, b.y1)
            free = all(box[2] < t[0] or t[2] < box[0] or box[3] < t[1] or t[3] < box[1] for t in taken)
            if free and inside.x0 < b.x0 and b.x1 < inside.x1 and inside.y0 < b.y0 and b.y1 < inside.y1:
                taken.append(box)
                break
            text.remove()


def table(found: list[Spent]) -> Table:
    """One row for every point."""
    rows: list[Row] = [(e.kind, e.links, e.method, e.theorem, e.rounds, e.bits) for e in found]
    return ("metric", "links", "method", "theorem", "rounds", "bits of a worker, both ways"), rows


FIGURE = Drawing(
    "overview-methods",
    "overview",
    "All methods by bits and rounds to an accuracy",
    f"Rounds and bits of a worker, both ways, until the bound of a theorem is {EPS:g}, at the theorem's own step, on a "
    f"quadratic in {DIM} dimensions with {WORKERS} heterogeneous workers, L = 1, mu = 0.1, exact gradients; of the "
    "theorems of a method the one with the fewest bits. (a) Metrics with ||x^t - x*||^2 of weight 1, among them V^t of "
    "DORE, DIANA and the like, which add the memories' errors. (b) Mean squared gradient over rounds. QSGD has "
    "8 levels in blocks of 64. Promises, not measurements; runs without compression are named in the CSV file alone; "
    "methods without a bound on this problem (they need bounded gradients, or state an order) are left out.",
    measure,
    picture,
    table,
    seconds=(1.2, 1.2),
)
