"""Kernels inside kernels: how a compressor made of compressors calls its parts.

A kernel has no argument for other kernels, but it has numbers: `as_numbers` writes a part as (address of its machine
code, its uniforms, how many numbers follow, its numbers), and `compress_part` calls it, one row at a time. An address
is below 2^53, so that a double holds it exactly; it belongs to the process that asked for the kernel.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ...theory.compressors import Composition, Compressor
from ...theory.compressors.repeated import Repeated
from ...theory.compressors.scaled import Scaled
from ..signatures import COMPRESS, INNER, address, call_compress
from .remake import agree, compressed, source
from .symbols import entropy_of, undone
from .wire import Floats, Origin, Reader


@njit(**INNER)
def compress_part(params, at, x, coins, first, ctx, state, out, bits):
    """Compress one row x (1, d) by the part that begins at params[at], with the uniforms coins[first], ...."""
    draws, count = int(params[at + 1]), int(params[at + 2])
    u = coins[first : first + draws].reshape((1, draws))
    call_compress(int(params[at]), x, u, ctx, params[at + 3 : at + 3 + count], state, out, bits)


@njit(**INNER)
def after(params, at, first):
    """Where the next part and its uniforms begin."""
    return at + 3 + int(params[at + 2]), first + int(params[at + 1])


def as_numbers(comp: Compressor, dim: int) -> list[float]:
    """Write a part as numbers."""
    from . import kernel

    compress, params, _ = kernel(comp, dim)
    return [float(address(compress, COMPRESS)), comp.draws(dim), params.size, *params]


class MessagesCodec:
    """The messages of the parts one after the other, each filled up to whole bytes."""

    def split(self, comp: Composition, dim: int, coins: Floats | None) -> list[tuple[Compressor, Floats | None]]:
        """(part, its uniforms) for every message."""
        parts = comp.parts * comp.times if isinstance(comp, Repeated) else comp.parts
        ends = np.cumsum([part.draws(dim) for part in parts])
        given = [
            None if coins is None else coins[end - part.draws(dim) : end] for part, end in zip(parts, ends, strict=True)
        ]
        return list(zip(parts, given, strict=True))

    def joined(self, comp: Composition, messages: list[Floats]) -> Floats:
        """The vector that the messages make."""
        if isinstance(comp, Scaled):
            return messages[0] * comp.factor(messages[0].size)
        made = messages[0]
        for message in messages[1:]:
            made = made + message
        return made

    def made(self, comp: Composition, message: Floats, origin: Origin) -> list[tuple[Compressor, Floats, Origin]]:
        """(part, its message, what that was made of) for every message."""
        x = source(comp, origin, message.size)
        found: list[tuple[Compressor, Floats, Origin]] = []
        for part, coins in self.split(comp, x.size, origin.coins):
            rest = x - self.joined(comp, [sent for _, sent, _ in found]) if found else x
            own = Origin(rest, coins, ctx=origin.ctx)
            found.append((part, compressed(part, rest, own)[0], own))
        agree(comp, self.joined(comp, [sent for _, sent, _ in found]), message)
        return found

    def encode(self, comp: Composition, message: Floats, origin: Origin) -> bytes:
        from . import encode

        return b"".join(encode(part, sent, origin=own) for part, sent, own in self.made(comp, message, origin))

    def read(self, comp: Composition, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        from . import codec

        messages: list[Floats] = []
        for part, own in self.split(comp, dim, coins):
            reader.align()
            messages.append(codec(part).read(part, reader, dim, own))
        with np.errstate(over="ignore", invalid="ignore"):
            made = self.joined(comp, messages)
        if not np.all(np.isfinite(made)):
            raise reader.malformed("the sum of its messages overflows")
        return made

    def entropy(self, comp: Composition, message: Floats, origin: Origin) -> float:
        """The sum of the parts'; of a sum of unknown origin the distinct magnitudes, 64 bits each, and the symbols."""
        from . import entropy_bits

        if origin.x is not None:
            return sum(entropy_bits(part, sent, own) for part, sent, own in self.made(comp, message, origin))
        if isinstance(comp, Scaled):
            return entropy_bits(comp.of, undone(message, comp.factor(message.size)))
        distinct = np.unique(np.abs(message[message != 0])).size
        symbols = entropy_of(np.unique(message, return_counts=True)[1])
        return min(64.0 * message.size, 64.0 * distinct + symbols)
