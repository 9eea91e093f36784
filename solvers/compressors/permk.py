"""Perm-k: a worker takes its places of a permutation that is drawn from the front, as far as it has to be."""

import numpy as np
from numba import njit, types

from ...common.errors import InputError
from ...theory.compressors import VALUE_LOW_BITS, index_bits
from ...theory.compressors.permk import PermK
from ..signatures import BARE, OPTIONS, WORKER
from .codecs import needed
from .reductions import drawn, rounded
from .symbols import pattern
from .wire import Floats, Ints, Kernel, Origin, Reader, fixed, packed

i8 = types.int64


@njit(**BARE)
def deal(coins, count, order):
    """Fisher and Yates: the first `count` places of a random permutation of 0, ..., order.size - 1."""
    places = order.size
    for i in range(places):
        order[i] = i
    for i in range(count):
        j = i + drawn(places - i, coins[2 * i], coins[2 * i + 1])
        order[i], order[j] = order[j], order[i]


@njit(**OPTIONS)
def compress(x, u, ctx, params, state, out, bits):
    dim, n, k = x.shape[1], int(params[0]), int(params[1])
    first = ctx[WORKER] % n * k
    order = np.empty(n * k, np.int64)
    for r in range(x.shape[0]):
        row, coins, to = x[r], u[r], out[r]
        value_coins = coins[2 * n * k :]
        deal(coins, first + k, order)
        for j in range(dim):
            to[j] = 0.0
        for i in range(k):
            j = order[first + i]
            if j < dim:
                to[j] = rounded(row[j] * n, VALUE_LOW_BITS, value_coins[i])
        bits[r] = params[2]


def kernel(comp: PermK, dim: int) -> Kernel:
    n, k = comp.workers, comp.dealt(dim)
    return compress, np.array([n, k, 8 * -(-(index_bits(n) + 32 * k) // 8)], dtype=float), 0


def places(coins: Floats, n: int, k: int) -> Ints:
    """Coordinates of every worker, (n, k); those beyond the last one are zeros that were filled in."""
    order = np.empty(n * k, np.int64)
    deal(np.ascontiguousarray(coins), n * k, order)
    return order.reshape(n, k)


class PermKCodec:
    """The worker's number, then the values of its places in 32 bits; the seed tells the places."""

    def places(self, comp: PermK, dim: int, coins: Floats | None) -> Ints:
        return places(needed(comp, coins, dim), comp.workers, comp.dealt(dim))

    def encode(self, comp: PermK, message: Floats, origin: Origin) -> bytes:
        dim = message.size
        places = self.places(comp, dim, origin.coins)
        values = np.append(message, np.zeros(places.size - dim))[places]
        worker = int(np.argmax(np.any(values != 0, axis=1)))
        if np.count_nonzero(values[worker]) < np.count_nonzero(message):
            raise InputError(f"this vector is not a message of {comp.spec}: it has entries of two workers")
        number = fixed(np.array([worker]), index_bits(comp.workers))
        return packed(number, fixed(pattern(values[worker], VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: PermK, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        places = self.places(comp, dim, coins)
        worker = int(reader.fixed(1, index_bits(comp.workers))[0])
        values = reader.floats(comp.dealt(dim), VALUE_LOW_BITS, signed=True)
        if worker >= comp.workers:
            raise reader.malformed(f"there is no worker {worker} among {comp.workers}")
        message = np.zeros(places.size)
        message[places[worker]] = values
        if np.any(message[dim:]):
            raise reader.malformed(f"it reaches beyond coordinate {dim}")
        return message[:dim]

    def entropy(self, comp: PermK, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.dealt(message.size)


CODEC = PermKCodec()
