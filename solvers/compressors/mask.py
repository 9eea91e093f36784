"""Random masks: a worker draws its rank, which says what it sends."""

import numpy as np
from numba import njit

from ...common.errors import InputError
from ...theory.compressors import index_bits
from ...theory.compressors.mask import Mask
from ..signatures import OPTIONS, WORKER
from .permk import deal
from .symbols import pattern
from .wire import Bits, Floats, Kernel, Origin, Reader, fixed, packed


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    n, s = int(params[0]), int(params[1])
    worker, factor = ctx[WORKER] % n, n / s
    order = np.empty(n, np.int64)
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        deal(u[r], worker + 1, order)
        rank, count = order[worker], 0
        for j in range(row.size):
            if (rank - s * j) % n < s:
                to[j] = factor * row[j] + 0.0
                count += 1
            else:
                to[j] = -0.0
        bits[r] = 8.0 * ((int(params[2]) + 64 * count + 7) // 8)


def kernel(comp: Mask, dim: int) -> Kernel:
    return compress, np.array([comp.workers, comp.s, index_bits(comp.workers)], dtype=float), 0


def sends(comp: Mask, rank: int, dim: int) -> Bits:
    """Which of the coordinates a rank sends, (dim,) of 0 and 1."""
    return ((rank - comp.s * np.arange(dim)) % comp.workers < comp.s).astype(np.uint8)


class MaskCodec:
    """The rank of the worker, which tells the coordinates, then their values as doubles."""

    def encode(self, comp: Mask, message: Floats, origin: Origin) -> bytes:
        dim = message.size
        sent = (message != 0) | ~np.signbit(message)
        first = int(np.argmax(sent)) if sent.any() else None
        ranks = range(comp.workers) if first is None else [(comp.s * first + k) % comp.workers for k in range(comp.s)]
        rank = next((r for r in ranks if np.array_equal(sends(comp, r, dim), sent)), None)
        if rank is None:
            raise InputError(f"this vector is not a message of {comp.spec}: no worker sends exactly these coordinates")
        number = fixed(np.array([rank]), index_bits(comp.workers))
        return packed(number, fixed(pattern(message[sent], 0, comp.spec), 64))

    def read(self, comp: Mask, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        rank = int(reader.fixed(1, index_bits(comp.workers))[0])
        if rank >= comp.workers:
            raise reader.malformed(f"there is no rank {rank} among {comp.workers}")
        sent = sends(comp, rank, dim).astype(bool)
        message = np.full(dim, -0.0)
        message[sent] = reader.floats(int(sent.sum()), 0, signed=True)
        return message

    def entropy(self, comp: Mask, message: Floats, origin: Origin) -> float:
        return 64.0 * np.count_nonzero((message != 0) | ~np.signbit(message))


CODEC = MaskCodec()
