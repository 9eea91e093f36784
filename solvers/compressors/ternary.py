"""Ternary dithering: one pass for the norm of a block, one branch-free pass for its coordinates."""

import numpy as np
from numba import njit, uint64

from ...common.errors import InputError
from ...theory.compressors import SCALE_LOW_BITS
from ...theory.compressors.ternary import Ternary
from ..signatures import BARE, OPTIONS
from .ans import coded_bits, decoded, encoded
from .reductions import length, magnitude, rounded, spoil
from .symbols import block_maxima, entropy_of, expand, pattern
from .wire import Bits, Floats, Kernel, Origin, Reader, fixed, packed


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    dim, block, euclidean = x.shape[1], int(params[0]), params[1] != 0.0
    for r in range(x.shape[0]):
        row, row_u, row_out = x[r], u[r], out[r]
        bits[r] = params[2]
        for b in range((dim + block - 1) // block):
            # Unsigned indices into a row vectorise as a slice would, without its cost, which is that of a short block.
            start, stop = uint64(b * block), uint64(min(dim, (b + 1) * block))
            if euclidean:
                norm = length(row[start:stop])
            else:
                top = 0
                for j in range(start, stop):
                    key = magnitude(row[j])
                    top = key if key > top else top
                norm = np.int64(top).view(np.float64)
            if not norm < np.inf:
                spoil(row_out[start:stop])
                continue
            scale = rounded(norm, SCALE_LOW_BITS, row_u[dim + b])
            for j in range(start, stop):
                signed = scale if row[j] > 0.0 else -scale
                row_out[j] = (0.0 if row_u[j] * norm >= abs(row[j]) else signed) + 0.0  # never -0


@njit(**OPTIONS)
def compress_and_count(x, u, ctx, params, state, out, bits):
    compress(x, u, ctx, params, state, out, bits)
    for r in range(x.shape[0]):
        counts = np.zeros(3, np.int64)
        for value in out[r]:
            counts[1 if value > 0.0 else 2 if value < 0.0 else 0] += 1
        bits[r] = coded_bits(counts, params[2])


def kernel(comp: Ternary, dim: int) -> Kernel:
    if comp.coder == "ans":
        numbers = [comp.block_size(dim), comp.norm == "l2", 32 * comp.blocks(dim)]
        return compress_and_count, np.array(numbers, dtype=float), 0
    length = 8 * (4 * comp.blocks(dim) + -(-dim // 5))
    return compress, np.array([comp.block_size(dim), comp.norm == "l2", length], dtype=float), 0


#: What a symbol counts at each of the five places in a byte, and the signs that stand in each of the 243 bytes.
TRITS = (3 ** np.arange(5)).astype(np.uint8)
SIGNS = np.array([0.0, 1.0, -1.0])[np.arange(243)[:, None] // TRITS % 3]


class TernaryCodec:
    """A scale per block, then the symbols 0, +, - five in a byte."""

    def symbols(self, comp: Ternary, message: Floats) -> tuple[Floats, Bits]:
        scales = block_maxima(comp, message)
        if np.any((message != 0) & (np.abs(message) != expand(comp, scales, message.size))):
            raise InputError(f"this vector is not a message of {comp.spec}: a block holds two different magnitudes")
        return scales, (message > 0) + np.uint8(2) * (message < 0)

    def encode(self, comp: Ternary, message: Floats, origin: Origin) -> bytes:
        scales, symbols = self.symbols(comp, message)
        head = fixed(pattern(scales, SCALE_LOW_BITS, comp.spec), 32)
        if comp.coder == "ans":
            return encoded(symbols, 3, head)
        padded = np.concatenate([symbols, np.zeros(-symbols.size % 5, np.uint8)])
        fives = padded.reshape(-1, 5) @ TRITS  # below 3^5
        return packed(head) + fives.tobytes()

    def read(self, comp: Ternary, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        scales = reader.floats(comp.blocks(dim), SCALE_LOW_BITS)
        if comp.coder == "ans":
            return expand(comp, scales, dim) * SIGNS[decoded(reader, dim, 3), 0] + 0.0
        fives = reader.fixed(-(-dim // 5), 8)
        if np.any(fives >= SIGNS.shape[0]):
            raise reader.malformed("a byte does not encode five symbols")
        signs = SIGNS[fives].ravel()
        if np.any(signs[dim:]):
            raise reader.malformed("a byte does not encode five symbols")
        return expand(comp, scales, dim) * signs[:dim] + 0.0

    def entropy(self, comp: Ternary, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.blocks(message.size) + entropy_of(np.bincount(self.symbols(comp, message)[1]))


CODEC = TernaryCodec()
