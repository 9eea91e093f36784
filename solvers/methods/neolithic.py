"""NEOLITHIC: DoubleSqueeze with R-fold compression (Huang, Chen, Yin, Yuan 2022, arXiv 2206.03665; reconstructed).

    C_R(u)   : v_0 = 0 ; v_r = v_{r-1} + C(u - v_{r-1}) for r = 1, ..., R ; C_R(u) = v_R
    worker i : g_i, the mean of R fresh samples ; v_i = g_i + e_i ; send c_i = C_R(v_i) ; e_i <- v_i - c_i
    server   : v = avg c_i + e ; broadcast c = C_R(v) ; e <- v - c
    everyone : x <- x - gamma c

A round sends R messages each way. y = x - gamma (e + avg e_i) follows uncompressed SGD for any compressors.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...theory.compressors import Compressor, Repeated
from ..method import Parameters
from ..pseudocode import State, avg
from .doublesqueeze import DOUBLESQUEEZE


def pseudocode(given, gamma, R):
    """NEOLITHIC."""

    def times_R(C, u):
        v = np.zeros_like(u)
        for _ in range(R):
            v = v + C(u - v)
        return v

    x, e_i, e = given.x0, np.zeros((given.n, given.d)), np.zeros(given.d)
    for _ in given.rounds():
        g = sum(given.gradients(x) for _ in range(R)) / R
        v_i = g + e_i
        c_i = times_R(given.C_up, v_i)
        e_i = v_i - c_i
        v = avg(c_i) + e
        c = times_R(given.C_down, v)
        e = v - c
        x = x - gamma * c
        yield State(x, errors=e_i, server_error=e)


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
    transcription=pseudocode,
)
