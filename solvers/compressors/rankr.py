"""Rank-r approximation: the best directions are eigenvectors of the smaller of A A^T and A^T A, by Jacobi's rotations.

That is accurate enough: an eigenvector off by a rounding changes the error by its square. A sweep costs O(min(m, n)^3).

It keeps nothing between rounds; a state with room for the factors receives them, which is how the codec gets them.
"""

import math

import numpy as np
from numba import njit

from ...theory.compressors.rankr import RankR
from ..signatures import INNER, OPTIONS
from .lowrank import FactorsCodec, fill, keep, numbers, orthonormalise, project
from .reductions import dot, largest
from .wire import Kernel

SWEEPS, TOLERANCE = 60, 1e-15


@njit(**INNER)
def diagonalise(gram):
    """Turn (symmetric matrix, identity) into (diagonal matrix, its eigenvectors row by row)."""
    size, trace = gram.shape[0], 0.0
    for p in range(size):
        trace += gram[p, p]
    for _ in range(SWEEPS):
        turned = False
        for p in range(size - 1):
            for q in range(p + 1, size):
                if abs(gram[p, q]) <= TOLERANCE * trace:
                    continue
                turned = True
                half = (gram[q, q] - gram[p, p]) / (2.0 * gram[p, q])
                tangent = (1.0 if half >= 0.0 else -1.0) / (abs(half) + math.sqrt(half * half + 1.0))
                c = 1.0 / math.sqrt(tangent * tangent + 1.0)
                s = tangent * c
                for i in range(size):
                    a, b = gram[i, p], gram[i, q]
                    gram[i, p], gram[i, q] = c * a - s * b, s * a + c * b
                for i in range(2 * size):
                    a, b = gram[p, i], gram[q, i]
                    gram[p, i], gram[q, i] = c * a - s * b, s * a + c * b
        if not turned:
            return


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    m, n, rank, shrink = int(params[0]), int(params[1]), int(params[2]), params[3]
    wide, size = m <= n, min(m, n)
    matrix, p, q = np.empty((m, n)), np.empty((rank, m)), np.empty((rank, n))
    gram = np.empty((size, 2 * size))
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        bits[r] = params[4]
        top = largest(row)
        if not top < np.inf:
            for j in range(row.size):
                to[j] = np.nan
            continue
        top = top if top > 0.0 else 1.0
        fill(row, matrix)
        for i in range(m):
            for j in range(n):
                matrix[i, j] /= top
        for a in range(size):
            for b in range(size):
                gram[a, b] = dot(matrix[a], matrix[b]) if wide else 0.0
                gram[a, size + b] = 1.0 if a == b else 0.0
        if not wide:
            for i in range(m):
                for a in range(size):
                    for b in range(size):
                        gram[a, b] += matrix[i, a] * matrix[i, b]
        diagonalise(gram)
        for k in range(rank):
            best = 0
            for a in range(size):
                best = a if gram[a, a] > gram[best, best] else best
            gram[best, best] = -1.0
            for i in range(m):
                p[k, i] = gram[best, size + i] if wide else dot(matrix[i], gram[best, size:])
        fill(row, matrix)
        orthonormalise(p)
        project(matrix, p, q, shrink, to)
        if state.shape[1] > 0:
            keep(p, q, state[r])


def kernel(comp: RankR, dim: int) -> Kernel:
    return compress, np.array(numbers(comp, dim), dtype=float), 0


CODEC = FactorsCodec()
