"""Codecs of messages that are made of several: factors of a matrix, messages of a compressor's parts.

Neither can be read off the vector that they make. The sender knows them; here they are made again from what the message
was made of, its `Origin`. A receiver needs nothing but the bytes.
"""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import (
    VALUE_LOW_BITS,
    Composed,
    Composition,
    Compressor,
    LowRank,
    Repeated,
    Scaled,
)
from .symbols import entropy_of, pattern
from .wire import Floats, Origin, Reader, fixed, indices, packed


def source(comp: Compressor, origin: Origin, dim: int) -> Floats:
    """The vector that was compressed."""
    if origin.x is None or origin.x.shape != (dim,):
        raise InputError(f"{comp.spec}: its messages are made of several, so they need the vector compressed (x=)")
    return origin.x


def compressed(comp: Compressor, x: Floats, origin: Origin, room: int = 0) -> tuple[Floats, Floats]:
    """(C(x), state) of a compressor that keeps no memory, made anew."""
    from . import kernel

    compress, params, size = kernel(comp, x.size)
    coins = np.zeros(0) if origin.coins is None else origin.coins
    if coins.size < comp.draws(x.size):
        raise InputError(f"{comp.spec}: its messages need the round's uniforms (coins=)")
    state, out, bits = np.zeros((1, size + room)), np.empty((1, x.size)), np.empty(1)
    ctx = np.asarray(origin.ctx, dtype=np.int64)
    compress(x[None].copy(), coins[None].copy(), ctx, params, state, out, bits)
    return out[0], state[0]


def agree(comp: Compressor, made: Floats, message: Floats) -> None:
    """Raise `InputError` unless the message is what its origin makes."""
    if not np.array_equal(made.view(np.int64), message.view(np.int64)):
        raise InputError(f"this vector is no message of {comp.spec}: the origin given makes another one")


class Factors:
    """The two factors in 32 bits an entry."""

    def encode(self, comp: LowRank, message: Floats, origin: Origin) -> bytes:
        from .lowrank import product

        dim = message.size
        (m, n), rank = comp.shape(dim), comp.rank
        if not comp.stateful:
            factors = compressed(comp, source(comp, origin, dim), origin, rank * (m + n))[1]
        elif origin.state is None or origin.state.size != rank * (m + n):
            raise InputError(f"{comp.spec}: its messages need what the sender keeps (state=)")
        else:
            factors = origin.state
        q, p = factors[: rank * n].reshape(rank, n), factors[rank * n :].reshape(rank, m)
        agree(comp, product(p, q, dim), message)
        return packed(fixed(pattern(np.ascontiguousarray(factors), VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: LowRank, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        from .lowrank import product

        (m, n), rank = comp.shape(dim), comp.rank
        q = reader.floats(rank * n, VALUE_LOW_BITS, signed=True).reshape(rank, n)
        p = reader.floats(rank * m, VALUE_LOW_BITS, signed=True).reshape(rank, m)
        with np.errstate(over="ignore", invalid="ignore"):
            value = product(p, q, dim)
        if not np.all(np.isfinite(value)):
            raise reader.malformed("its factors overflow")
        return value

    def entropy(self, comp: LowRank, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.rank * sum(comp.shape(message.size))


class Messages:
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
        """The sum of the parts'; without an origin the distinct magnitudes in 64 bits each, and the symbols."""
        from . import entropy_bits

        if origin.x is not None:
            return sum(entropy_bits(part, sent, own) for part, sent, own in self.made(comp, message, origin))
        distinct = np.unique(np.abs(message[message != 0])).size
        symbols = entropy_of(np.unique(message, return_counts=True)[1])
        return min(64.0 * message.size, 64.0 * distinct + symbols)


class Second:
    """The second part's message; if its entries have words of their own, those of the nonzero entries."""

    def own(self, comp: Composed, message: Floats, origin: Origin) -> Origin:
        """What the second part's message is made of."""
        used = comp.first.draws(message.size)
        x = None if origin.x is None else compressed(comp.first, origin.x, origin)[0]
        return Origin(x, None if origin.coins is None else origin.coins[used:], ctx=origin.ctx)

    def encode(self, comp: Composed, message: Floats, origin: Origin) -> bytes:
        from . import encode

        dim, second = message.size, comp.second
        if second.entry_bits == 0:
            return encode(second, message, origin=self.own(comp, message, origin))
        used = np.flatnonzero(message)
        count = fixed(np.array([used.size]), dim.bit_length())
        low = 64 - second.entry_bits
        return packed(count, indices(used, dim), fixed(pattern(message[used], low, comp.spec), 64 - low))

    def read(self, comp: Composed, reader: Reader, dim: int, coins: Floats | None) -> Floats:
        from . import codec

        second = comp.second
        if second.entry_bits == 0:
            return codec(second).read(second, reader, dim, None if coins is None else coins[comp.first.draws(dim) :])
        message = np.zeros(dim)
        count = reader.count(dim)
        chosen = reader.indices(count, dim)
        message[chosen] = reader.floats(count, 64 - second.entry_bits, signed=True)
        return message

    def entropy(self, comp: Composed, message: Floats, origin: Origin) -> float:
        from . import entropy_bits

        return entropy_bits(comp.second, message, self.own(comp, message, origin))
