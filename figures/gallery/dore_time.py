"""Time of an epoch at two bandwidths, by the latency-bandwidth model."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

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
BANDWIDTHS = {"1 Gbps": 1e9, "200 Mbps": 2e8}
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
    """Bars, one for each method and bandwidth, and the time of the gradients alone."""
    fig, (ax,) = figure(1, height=2.9, legend_lines=1)
    for k, word in enumerate(BANDWIDTHS):
        places = [j + 0.36 * (k - 0.5) for j in range(len(METHODS))]
        heights = [found[name, word][0] for name in METHODS]
        bars = ax.bar(places, heights, 0.34, color=LOOKS[k][0], hatch="" if k else "///", edgecolor="white", label=word)
        ax.bar_label(bars, [f"{height:.0f}" for height in heights], fontsize=6.5, padding=1)
    ax.axhline(found["SGD", "1 Gbps"][1], color=GREY, linestyle=(0, (1, 1.6)), label="gradients alone")
    ax.set_yscale("log")
    ax.set_ylim(1, 3 * max(total for total, _ in found.values()))
    ax.yaxis.set_major_locator(LogLocator(numticks=6))
    ax.yaxis.set_major_formatter(PLAIN)
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(range(len(METHODS)), [name.replace("Double", "Double-\n") for name in METHODS], fontsize=7)
    ax.xaxis.grid(False)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("seconds an epoch")
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.2,
        frameon=False,
        ncols=3,
        columnspacing=1.0,
        handlelength=1.4,
    )
    return fig


def table(found: Epochs) -> Table:
    """One row for every method and bandwidth."""
    rows: list[Row] = [(*key, *values) for key, values in found.items()]
    return ("method", "bandwidth", "seconds an epoch", "of them computing"), rows


FIGURE = Drawing(
    "dore-time",
    "DORE",
    "Time of an epoch at 1 Gbps and 200 Mbps",
    f"Seconds for {SAMPLES} samples in batches of {BATCH} on each of {WORKERS} workers: a round takes {COMPUTE:g} s "
    f"for a gradient, two messages' latency of {LATENCY * 1e6:g} microseconds, and the bits of all workers, both ways, "
    f"over the bandwidth of the server's link; {DIM / 1e6:g} million parameters, ternary in blocks of 256 by the "
    "paper's count (3/2 bits a coordinate and 32 a block), 32 bits for a coordinate that is not compressed. The dotted "
    "line is the time of the gradients alone. A model with assumed constants, not a measurement of a cluster.",
    measure,
    picture,
    table,
)
