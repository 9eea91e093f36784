"""PowerSGD: the state holds Q of the last message, where the next one begins, and its P for the codec."""

import numpy as np
from numba import njit

from ...theory.compressors.powersgd import PowerSGD
from ..signatures import OPTIONS
from .lowrank import FactorsCodec, fill, keep, numbers, orthonormalise, project
from .reductions import dot, length
from .wire import Kernel


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    m, n, rank, shrink = int(params[0]), int(params[1]), int(params[2]), params[3]
    matrix, p, q = np.empty((m, n)), np.empty((rank, m)), np.empty((rank, n))
    for r in range(x.shape[0]):
        fill(x[r], matrix)
        for k in range(rank):
            direction = state[r, k * n : (k + 1) * n]
            # Only the direction counts: a short one would vanish in the products.
            norm = length(direction)
            if norm == 0.0:
                direction = params[5 + k * n : 5 + (k + 1) * n]
                norm = length(direction)
            for j in range(n):
                q[k, j] = direction[j] / norm
            for i in range(m):
                p[k, i] = dot(matrix[i], q[k])
        orthonormalise(p)
        project(matrix, p, q, shrink, out[r])
        keep(p, q, state[r])
        bits[r] = params[4]


def kernel(comp: PowerSGD, dim: int) -> Kernel:
    params = [*numbers(comp, dim), *comp.start(dim).T.ravel()]
    return compress, np.array(params, dtype=float), comp.rank * sum(comp.shape(dim))


CODEC = FactorsCodec()
