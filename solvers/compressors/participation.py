"""Partial participation: the part's message, perhaps divided by p, or silence."""

import numpy as np
from numba import njit

from ...common.errors import InputError
from ...theory.compressors.participation import Participation
from ..signatures import BARE
from .parts import as_numbers, compress_part
from .remake import agree, compressed, source
from .symbols import undone
from .wire import Floats, Kernel, Origin, Reader


@njit(**BARE)
def compress(x, u, ctx, params, state, out, bits):
    p, factor = params[0], params[1]
    for r in range(x.shape[0]):
        to = out[r]
        if u[r, 0] < p:
            compress_part(params, 2, x[r : r + 1], u[r], 1, ctx, state[r : r + 1], out[r : r + 1], bits[r : r + 1])
            for j in range(to.size):
                to[j] *= factor
        else:
            bits[r] = 0.0
            for j in range(to.size):
                to[j] = 0.0


def kernel(comp: Participation, dim: int) -> Kernel:
    comp.check(dim)
    return compress, np.array([comp.probability, comp.factor(dim), *as_numbers(comp.of, dim)], dtype=float), 0


class ParticipationCodec:
    """No byte where the worker is silent, else the part's message; the receiver knows p."""

    def part(self, comp: Participation, message: Floats, origin: Origin) -> tuple[Floats, Origin] | None:
        """The part's message and what it is made of; None for silence."""
        coins = origin.coins
        if coins is None or coins.size < comp.draws(message.size):
            raise InputError(f"{comp.spec}: its messages need the round's uniforms (coins=)")
        if coins[0] >= comp.probability:
            if np.any(message):
                raise InputError(
                    f"this vector is not a message of {comp.spec}: the coin says that its sender is silent"
                )
            return None
        own, factor = Origin(origin.x, coins[1:], ctx=origin.ctx), comp.factor(message.size)
        if factor == 1.0:
            return message, own
        sent = compressed(comp.of, source(comp, origin, message.size), own)[0]
        agree(comp, sent * factor, message)
        return sent, own

    def encode(self, comp: Participation, message: Floats, origin: Origin) -> bytes:
        from . import encode

        found = self.part(comp, message, origin)
        return b"" if found is None else encode(comp.of, found[0], origin=found[1])

    def read(self, comp: Participation, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        from . import codec

        if reader.size == reader.at:
            return np.zeros(dim)
        sent = codec(comp.of).read(comp.of, reader, dim, None if coins is None else coins[1:])
        made: Floats = sent * comp.factor(dim)
        return made

    def entropy(self, comp: Participation, message: Floats, origin: Origin) -> float:
        """The part's, if it was sent."""
        from . import entropy_bits

        if origin.coins is None:
            if not np.any(message):
                return 0.0
            return entropy_bits(comp.of, undone(message, comp.factor(message.size)))
        found = self.part(comp, message, origin)
        return 0.0 if found is None else entropy_bits(comp.of, *found)


CODEC = ParticipationCodec()
