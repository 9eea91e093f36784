"""Messages made again from what they were made of, their `Origin`.

A message that is made of several - factors of a matrix, messages of a compressor's parts - cannot be read off the
vector that they make. The sender knows them; here they are made again. A receiver needs nothing but the bytes.
"""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import Compressor
from ..context import CONTEXT_ENTRIES
from .wire import Floats, Origin


def source(comp: Compressor, origin: Origin, dim: int) -> Floats:
    """The vector that was compressed."""
    if origin.x is None or origin.x.shape != (dim,):
        raise InputError(
            f"{comp.spec}: its messages are made of several others, so they need the vector that was compressed (x=)"
        )
    return origin.x


def compressed(comp: Compressor, x: Floats, origin: Origin, room: int = 0) -> tuple[Floats, Floats]:
    """(C(x), state) of a compressor that keeps no memory, made anew."""
    from . import kernel

    compress, params, size = kernel(comp, x.size)
    coins = np.zeros(0) if origin.coins is None else origin.coins
    if coins.size < comp.draws(x.size):
        raise InputError(f"{comp.spec}: its messages need the round's uniforms (coins=)")
    ctx = np.ascontiguousarray(origin.ctx, dtype=np.int64)
    if ctx.shape != (CONTEXT_ENTRIES,):
        raise InputError(
            f"ctx has shape {ctx.shape}; it must have {CONTEXT_ENTRIES} entries: make it with context(...)"
        )
    state, out, bits = np.zeros((1, size + room)), np.empty((1, x.size)), np.empty(1)
    compress(x[None].copy(), coins[None].copy(), ctx, params, state, out, bits)
    return out[0], state[0]


def agree(comp: Compressor, made: Floats, message: Floats) -> None:
    """Raise `InputError` unless the message is what its origin makes."""
    if not np.array_equal(made.view(np.int64), message.view(np.int64)):
        raise InputError(f"this vector is not a message of {comp.spec}: the given origin makes a different one")
