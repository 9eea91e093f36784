"""NEOLITHIC: DoubleSqueeze with R-fold compression (Huang, Chen, Yin, Yuan 2022, arXiv 2206.03665; reconstructed).

    C_R(u)   : v_0 = 0 ; v_r = v_{r-1} + C(u - v_{r-1}) for r = 1, ..., R ; C_R(u) = v_R
    worker i : g_i, the mean of R fresh samples ; v_i = g_i + e_i ; send c_i = C_R(v_i) ; e_i <- v_i - c_i
    server   : v = avg c_i + e ; broadcast c = C_R(v) ; e <- v - c
    everyone : x <- x - gamma c

A round sends R messages each way. y = x - gamma (e + avg e_i) follows uncompressed SGD for any compressors.
"""

from __future__ import annotations

from dataclasses import replace

from ...theory.compressors import Compressor, Repeated
from ..method import Parameters
from .doublesqueeze import DOUBLESQUEEZE


def repeated(parameters: Parameters, compressor: Compressor) -> Compressor:
    """C_R; C itself where repeating it changes nothing."""
    times = int(parameters["R"])
    return compressor if times == 1 or compressor.name == "identity" else Repeated(compressor, times)


NEOLITHIC = replace(
    DOUBLESQUEEZE,
    name="neolithic",
    title="NEOLITHIC",
    source="Huang, Chen, Yin, Yuan 2022, arXiv 2206.03665",
    parameters=("gamma", "R"),
    samples="R",
    wrap=repeated,
)
