"""Time of an iteration over the inverse of the bandwidth, by the latency-bandwidth model."""

from __future__ import annotations

import numpy as np

from ...theory.advice import Link
from ...theory.compressors import compressor
from ..drawing import Drawing, Frame, Frames, Line

DIM = 11_200_000
"""Parameters of the network, about those of ResNet-18."""
WORKERS = 8
COMPUTE, LATENCY = 0.1, 5e-5
"""Seconds of a gradient, and of a message whatever its length."""
FLOAT = 32
LINKS: dict[str, tuple[str, str]] = {
    "SGD": ("identity", "identity"),
    "QSGD": ("qsgd:levels=4,block=512", "identity"),
    "MEM-SGD, 1 bit": ("sign", "identity"),
    "DoubleSqueeze, 1 bit": ("sign", "sign"),
    "DoubleSqueeze, top 1 %": ("topk:ratio=0.01", "topk:ratio=0.01"),
}


def bits(up: str, down: str, dim: int = DIM) -> float:
    """Bits of one worker in a round, both ways, by the papers' formulas."""
    return sum(compressor(link).formula_bits(dim, FLOAT) for link in (up, down))


def seconds(each: float, bandwidth: float) -> float:
    """Seconds of a round: the server's link carries the messages of all workers."""
    return Link(bandwidth / WORKERS, LATENCY, COMPUTE).round(each)


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Evaluate the model."""
    per_gbit = np.linspace(0.1, 10, 34)
    bandwidths = np.geomspace(0.05, 100, 34)
    spent = {name: bits(*links) for name, links in LINKS.items()}
    times = {name: [seconds(each, 1e9 / x) for x in per_gbit] for name, each in spent.items()}
    faster = {
        name: [seconds(spent["SGD"], 1e9 * b) / seconds(each, 1e9 * b) for b in bandwidths]
        for name, each in spent.items()
    }
    return (
        Frame(
            "1/bandwidth, seconds per Gbit", "seconds per iteration",
            tuple(Line(name, per_gbit, y) for name, y in times.items()), log_x=False, log_y=False, letter="ul",
        ),
        Frame(
            "bandwidth, Gbit/s", "times as fast as SGD",
            tuple(Line(name, bandwidths, y) for name, y in faster.items()),
        ),
    )  # fmt: skip


FIGURE = Drawing(
    "doublesqueeze-time",
    "DoubleSqueeze",
    "Time of an iteration over the bandwidth",
    f"(a) Seconds an iteration = {COMPUTE:g} s for a gradient + the latency of two messages, {LATENCY * 1e6:g} us, "
    f"+ the bits of {WORKERS} workers, both ways, over the bandwidth of the server's link; {DIM / 1e6:g} million "
    "parameters, bits by the papers' formulas, 32 for a coordinate that is not compressed, indices counted. (b) The "
    "same as a ratio. One-way methods gain at most a factor 2, because the broadcast stays dense; what two-way "
    "compression gains is up to 32 with one bit a coordinate. A model with assumed constants, not a measurement of a "
    "cluster.",
    measure,
    seconds=(0.5, 0.5),
)
