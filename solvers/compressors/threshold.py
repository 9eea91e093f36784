"""Hard threshold: entries above the level as full doubles."""

import numpy as np
from numba import njit

from ...theory.compressors import index_bits
from ...theory.compressors.threshold import Threshold
from ..signatures import BARE, INNER
from .codecs import unfolded
from .symbols import entropy_of
from .wire import Floats, Ints, Kernel, Origin, Reader, fixed, indices, packed


@njit(**INNER)
def length(kept, dim, index, count_width):
    """Bits of a message of so many entries, in whole bytes."""
    where = 0 if kept == dim else (kept * index if kept * index < dim else dim)
    return 8 * ((count_width + where + 64 * kept + 7) // 8)


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, level, index, count_width = x.shape[1], params[0], int(params[1]), int(params[2])
    for r in range(x.shape[0]):
        row, to = x[r], out[r]
        kept = 0
        for j in range(dim):
            above = not abs(row[j]) <= level  # keeps a NaN
            to[j] = row[j] if above else 0.0
            kept += above
        bits[r] = length(kept, dim, index, count_width)


@njit(**BARE)
def select(x, u, ctx, params, state, places, values, bits):
    row, dim, level = x[0], x.shape[1], params[0]
    kept = 0
    for j in range(dim):
        places[kept], values[kept] = j, row[j]
        kept += not abs(row[j]) <= level  # keeps a NaN
    bits[0] = length(kept, dim, int(params[1]), int(params[2]))
    return kept


def kernel(comp: Threshold, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([comp.level, index_bits(dim), dim.bit_length()], dtype=float), 0


class ThresholdCodec:
    """How many coordinates, which, then doubles."""

    def encode(self, comp: Threshold, message: Floats, origin: Origin) -> bytes:
        used = np.flatnonzero(message)
        return self.encode_entries(comp, used, message[used], message.size, origin.coins)

    def encode_entries(self, comp: Threshold, used: Ints, values: Floats, dim: int, coins: Floats | None) -> bytes:
        count = fixed(np.array([used.size]), dim.bit_length())
        return packed(count, indices(used, dim), fixed(values.view(np.uint64), 64))

    def read(self, comp: Threshold, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        return unfolded(*self.read_entries(comp, reader, dim, coins), dim)

    def read_entries(self, comp: Threshold, reader: Reader, dim: int, coins: Floats | None) -> tuple[Ints, Floats]:
        count = reader.count(dim)
        return reader.indices(count, dim), reader.floats(count, 0, signed=True)

    def entropy(self, comp: Threshold, message: Floats, origin: Origin) -> float:
        return self.entropy_of_entries(comp, message, message.size)

    def entropy_of_entries(self, comp: Threshold, values: Floats, dim: int) -> float:
        count = int(np.count_nonzero(values))
        return 64.0 * count + entropy_of(np.array([count, dim - count]))


CODEC = ThresholdCodec()
