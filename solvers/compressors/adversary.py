"""The worst contraction: a multiple of the vector plus a multiple of the vector turned by a right angle."""

import numpy as np
from numba import njit

from ...theory.compressors.adversary import Adversary
from ..signatures import BARE
from .codecs import DenseCodec
from .reductions import length
from .wire import Kernel


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, along, across = x.shape[1], params[0], params[1]
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        bits[r] = 64.0 * dim
        if across == 0.0:
            for j in range(dim):
                to[j] = along * row[j] + 0.0
            continue
        pairs = dim // 2 * 2
        norm, turned = length(row), length(row[:pairs])
        share = across if pairs == dim else across * (norm / turned)
        if turned == 0.0:
            share = 0.0
        for j in range(0, pairs, 2):
            to[j] = along * row[j] - share * row[j + 1] + 0.0
            to[j + 1] = along * row[j + 1] + share * row[j] + 0.0
        if pairs < dim:
            to[dim - 1] = along * row[dim - 1] + 0.0
        if turned == 0.0:
            to[0] = across * norm + 0.0


def kernel(comp: Adversary, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array(comp.factors, dtype=float), 0


CODEC = DenseCodec()
