"""Natural dithering: one pass for the norm of a block, one branch-free pass for its coordinates."""

import numpy as np
from numba import njit

from ...common.errors import InputError
from ...theory.compressors import SCALE_LOW_BITS
from ...theory.compressors.natural_dithering import NaturalDithering
from ..signatures import BARE
from .reductions import largest, length, power_of_two, rounded, spoil, total
from .symbols import block_maxima, entropy_of, expand, pattern
from .wire import Floats, Ints, Kernel, Origin, Reader, fixed, packed


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, kind, lowest = x.shape[1], int(params[0]), params[1], params[2]
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        scale_coins = coins[dim:]
        for b in range((dim + block - 1) // block):
            start, stop = b * block, min(dim, (b + 1) * block)
            part, part_coins, part_out = row[start:stop], coins[start:stop], to[start:stop]
            norm = largest(part) if kind == 0.0 else (length(part) if kind == 2.0 else total(part, 0))
            if not norm < np.inf:
                spoil(part_out)
                continue
            scale = rounded(norm, SCALE_LOW_BITS, scale_coins[b])
            scale = 0.0 if scale * lowest < 2.0**-1022 else scale  # a level with too few digits cannot be sent
            divisor = norm if norm != 0.0 else 1.0
            for j in range(part.size):
                y = abs(part[j]) / divisor
                y = 1.0 if y > 1.0 else y
                low = lowest if part_coins[j] * lowest < y else 0.0
                level = low if y < lowest else power_of_two(y, part_coins[j])
                part_out[j] = (scale * level if part[j] > 0.0 else -scale * level) + 0.0
        bits[r] = params[3]


def kernel(comp: NaturalDithering, dim: int) -> Kernel:
    length = 8 * -(-(32 * comp.blocks(dim) + dim * (1 + comp.levels.bit_length())) // 8)
    kind = {"l1": 1, "l2": 2, "linf": 0}[comp.norm]
    return compress, np.array([comp.block_size(dim), kind, 2.0 ** (1 - comp.levels), length], dtype=float), 0


class NaturalDitheringCodec:
    """A scale per block, then sign and number of halvings of every coordinate; s halvings mean zero.

    The scale sent is the largest entry of the block, so that a message has one encoding.
    """

    def symbols(self, comp: NaturalDithering, message: Floats) -> tuple[Floats, Ints]:
        scales = block_maxima(comp, message)
        size, top = np.abs(message), expand(comp, scales, message.size)
        halvings = np.where(size > 0, np.frexp(top)[1] - np.frexp(size)[1], comp.levels).astype(np.int64)
        if np.any(np.ldexp(top, -halvings)[size > 0] != size[size > 0]) or np.any(halvings > comp.levels):
            raise InputError(
                f"this vector is not a message of {comp.spec}: an entry is not the scale halved fewer than s times"
            )
        return scales, halvings

    def encode(self, comp: NaturalDithering, message: Floats, origin: Origin) -> bytes:
        scales, halvings = self.symbols(comp, message)
        if np.any((halvings == comp.levels) & (message != 0)):
            raise InputError(
                f"this vector is not a message of {comp.spec}: an entry is not the scale halved fewer than s times"
            )
        width = comp.levels.bit_length()
        words = ((message < 0).astype(np.int64) << width) | halvings
        return packed(fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32), fixed(words, 1 + width))

    def read(self, comp: NaturalDithering, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        width = comp.levels.bit_length()
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        words = reader.fixed(dim, 1 + width)
        halvings, negative = words & ((1 << width) - 1), words >> width
        if np.any(halvings > comp.levels) or np.any(negative[halvings == comp.levels]):
            raise reader.malformed(f"an entry is halved more than {comp.levels} times")
        sizes = np.where(halvings < comp.levels, np.ldexp(expand(comp, scales, dim), -halvings), 0.0)
        return sizes * (1.0 - 2.0 * negative) + 0.0

    def entropy(self, comp: NaturalDithering, message: Floats, origin: Origin) -> float:
        _, halvings = self.symbols(comp, message)
        signed = np.where(message < 0, -1 - halvings, halvings)
        return 32.0 * comp.blocks(message.size) + entropy_of(np.unique(signed, return_counts=True)[1])


CODEC = NaturalDitheringCodec()
