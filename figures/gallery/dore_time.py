"""Time of an epoch at two bandwidths, by the latency-bandwidth model."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ...theory.advice import Link
from ...theory.compressors import compressor
from ...validation.claims.dore import TERNARY
from ..drawing import LOOKS, Drawing, Row, Table
from ..style import GREY, PLAIN, figure

DIM = 11_200_000
"""Parameters of the network, about those of ResNet-18."""
WORKERS, BATCH, SAMPLES = 10, 128, 50_000
COMPUTE, LATENCY = 0.1, 5e-5
"""Seconds of a gradient, and of a message whatever its length."""
FLOAT = 32
BANDWIDTHS = {"1 Gbit/s": 1e9, "200 Mbit/s": 2e8}
METHODS: dict[str, tuple[str, str]] = {
    "SGD": ("identity", "identity"),
    "QSGD": (TERNARY, "identity"),
    "MEM-SGD": (TERNARY, "identity"),
    "DIANA": (TERNARY, "identity"),
    "DoubleSqueeze": (TERNARY, TERNARY),
    "DORE": (TERNARY, TERNARY),
}

Epochs = dict[tuple[str, str], tuple[float, float]]


def measure(quick: bool = False, seed: int = 0) -> Epochs:
    """(method, bandwidth) -> seconds of an epoch, and those of them that compute."""
    rounds = -(-SAMPLES // (WORKERS * BATCH))
    found: Epochs = {}
    for name, links in METHODS.items():
        each = sum(compressor(link).formula_bits(DIM, FLOAT) for link in links)
        for word, bandwidth in BANDWIDTHS.items():
            link = Link(bandwidth / WORKERS, LATENCY, COMPUTE)
            found[name, word] = rounds * link.round(each), rounds * link.compute
    return found


def picture(found: Epochs) -> Figure:
    """A point for each method and bandwidth, and the time of the gradients alone."""
    fig, (ax,) = figure(1, height=2.75, legend_lines=1)
    for k, word in enumerate(BANDWIDTHS):
        color, marker = LOOKS[k]
        seconds = [found[name, word][0] for name in METHODS]
        ax.plot(seconds, range(len(METHODS)), color=color, marker=marker, markersize=5, linestyle="none", label=word)
        for place, value in enumerate(seconds):
            ax.annotate(
                f"{value:.0f}", (value, place), (0, 4), textcoords="offset points", ha="center", va="bottom", fontsize=7
            )
    alone = next(iter(found.values()))[1]
    ax.axvline(alone, color=GREY, linestyle=(0, (1, 1.6)), label=f"gradients alone: {alone:.0f} s")
    ax.set_xscale("log")
    ax.set_xlim(alone / 1.6, 1.6 * max(total for total, _ in found.values()))
    ax.xaxis.set_major_formatter(PLAIN)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_yticks(range(len(METHODS)), list(METHODS), fontsize=7)
    ax.set_ylim(len(METHODS) - 0.5, -0.7)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("seconds per epoch")
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        borderaxespad=0.2,
        frameon=False,
        ncols=3,
        columnspacing=0.8,
        handlelength=1.4,
        handletextpad=0.4,
    )
    return fig


def table(found: Epochs) -> Table:
    """One row for every method and bandwidth."""
    rows: list[Row] = [(*key, *values) for key, values in found.items()]
    return ("method", "bandwidth", "seconds an epoch", "seconds of it for gradients"), rows


FIGURE = Drawing(
    "dore-time",
    "DORE",
    "Time of an epoch at 1 Gbit/s and 200 Mbit/s",
    f"Seconds for {SAMPLES} samples in batches of {BATCH} on each of {WORKERS} workers: a round takes {COMPUTE:g} s "
    f"for a gradient, two messages' latency of {LATENCY * 1e6:g} microseconds, and the bits of all workers, both ways, "
    f"over the bandwidth of the server's link; {DIM / 1e6:g} million parameters, ternary in blocks of 256 by the "
    "paper's count (3/2 bits a coordinate and 32 a block), 32 bits for a coordinate that is not compressed. The dotted "
    "line is the time of the gradients alone. A model with assumed constants, not a measurement of a cluster.",
    measure,
    picture,
    table,
    seconds=(0.2, 0.2),
)
