"""Compressors at work: kernels and codecs, found by the compressor's name and loaded when asked for.

A kernel is an ordinary function with the signature COMPRESS of ``solvers.signatures``; it is a pure function
of its arguments, so the same uniforms give the same message everywhere. What it writes is exactly what the
wire carries: ``decode(encode(C(x))) == C(x)`` bit for bit, and the length it counts is the length of the
encoded bytes.

Your own compressor is an object of a class derived from ``theory.compressors.Compressor``; pass the object wherever a
compressor's text form is accepted. It says what it promises and how it compresses; nothing else is needed::

    import numpy as np
    import tersegrad as tg

    class Parity(tg.Compressor):  # the even or the odd coordinates, by the toss of one coin, twice as large
        name = "parity"
        together = True  # one coin decides about many coordinates

        def unbiased(self, dim):
            return tg.Unbiased(omega=1.0)

        def draws(self, dim):
            return 1

        def compress(self, x, u):
            kept = np.arange(x.size) % 2 == (u[0] < 0.5)
            return np.where(kept, 2 * x, 0.0)

    message = Parity().compress([1.0, 2.0, 3.0, 4.0], seed=1)
    certificate = tg.certify(Parity(), dim=50)
    verdicts = tg.verify(["qsgd.strongly-convex"], up=Parity(), quick=True)

``compress(x, u)`` is handed one vector of doubles and as many uniforms in (0, 1) as ``draws(dim)`` says. Called back
from the engine, that is slow. Faster, and with a memory between rounds if it has one, is a kernel in its place:
``kernel(dim)`` returns (compress, params, state_size): a function under ``numba.njit(COMPRESS, **OPTIONS)``, which also
counts the bits of a message, its numbers as a float64 array, and how many floats it keeps.

Bits are known as far as they are given: by ``formula_bits(dim)`` as a paper counts, by ``encode(message)`` and
``decode(data, dim)`` as they travel, by ``entropy_bits(message)``; a trace has no column of those that are not, and
real workers, who send bytes, need a codec. Such a compressor can be a part of one made of compressors, whose messages
then have no bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...common.errors import InputError, counted
from ...common.options import integer
from ...theory.compressors import Composition, Compressor, vector
from ...theory.compressors.registry import of_toolkit
from ..context import context
from .wire import Floats, Ints, Kernel, Origin, Reader


def kernel(comp: Compressor, dim: int) -> Kernel:
    """Return (compress, params, state_size) for vectors of `dim` coordinates.

    Raises
    ------
    InputError
        The compressor does not work on so many coordinates, or has no kernel.
    """
    comp.check(dim)
    if (theirs := getattr(comp, "kernel", None)) is not None:
        return theirs(dim)
    if comp.compress_vector is not None:
        from .own import kernel

        return kernel(comp, dim)
    if not of_toolkit(comp):
        raise InputError(
            f"compressor '{comp.name}' does not say how it compresses: define compress(self, x, u) in "
            f"{type(comp).__name__}, or kernel(self, dim)"
        )
    return _file(comp).kernel(comp, dim)


def selector(comp: Compressor) -> Callable[..., int] | None:
    """Return the kernel of signature `SELECT`, which takes the same numbers, of a compressor that has one."""
    return getattr(_file(comp), "select", None) if of_toolkit(comp) else None


def sifter(comp: Compressor) -> Callable[..., int] | None:
    """Return the kernel of signature `AMONG`, which takes the same numbers, of a compressor that has one."""
    return getattr(_file(comp), "among", None) if of_toolkit(comp) else None


def compress(
    comp: Compressor, x: ArrayLike, u: ArrayLike | None = None, *, seed: int = 0, worker: int = 0, workers: int = 1
) -> Floats:
    """Return C(x); see `Compressor.compress`."""
    given = np.asarray(x)
    if given.dtype.kind not in "biuf" or given.ndim not in (1, 2) or given.shape[-1] == 0:
        raise InputError(
            f"{comp.spec}: an array of type {given.dtype} and shape {given.shape} is neither a vector (d,) of real "
            f"numbers nor several of them (B, d)"
        )
    rows = np.array(given.reshape(-1, given.shape[-1]), dtype=np.float64)
    count, dim = rows.shape
    compress, params, states = kernel(comp, dim)
    draws = comp.draws(dim)
    if u is None:
        random = np.random.Generator(np.random.PCG64(integer("seed", seed, 0)))
        coins = np.multiply(random.integers(0, 2**32, (count, draws)) + 0.5, 2.0**-32)
    else:
        coins = np.array(u, dtype=np.float64).reshape(count, -1)
        if coins.shape[1] < draws or not np.all((coins > 0) & (coins < 1)):
            whose = "the vector" if count == 1 else f"each of {count} vectors"
            raise InputError(f"{comp.spec}: u must hold {counted(draws, 'number')} in (0, 1) for {whose}")
    out, bits = np.empty((count, dim)), np.empty(count)
    ctx = context(0, integer("worker", worker, 0), integer("workers", workers))
    compress(rows, coins, ctx, params, np.zeros((count, states)), out, bits)
    return out.reshape(given.shape)


def has_kernel_bits(comp: Compressor) -> bool:
    """Whether the kernel counts the bits of a message: a plain Python function does only if the compressor encodes."""
    if isinstance(comp, Composition):
        return all(has_kernel_bits(part) for part in comp.parts)
    return comp.compress_vector is None or hasattr(comp, "kernel") or hasattr(comp, "encode")


def has_codec(comp: Compressor) -> bool:
    """Whether messages have bytes."""
    if hasattr(comp, "encode"):
        return hasattr(comp, "decode")
    if isinstance(comp, Composition):
        return all(has_codec(part) for part in comp.parts)
    return of_toolkit(comp)


def has_entropy(comp: Compressor) -> bool:
    """Whether the entropy of a message is known."""
    if isinstance(comp, Composition):
        return all(has_entropy(part) for part in comp.parts)
    return hasattr(comp, "entropy_bits") or of_toolkit(comp)


def tells_entropy(comp: Compressor) -> bool:
    """Whether a message alone tells its entropy: a sum of messages does not, without what it was made of."""
    if isinstance(comp, Composition):
        return not comp.adds_messages and all(map(tells_entropy, comp.parts))
    return has_entropy(comp)


def formula_bits(comp: Compressor, dim: int) -> float | None:
    """The paper's count of bits, if the compressor states one."""
    try:
        return comp.formula_bits(dim)
    except NotImplementedError:
        return None


def codec(comp: Compressor) -> Any:
    """Return the codec of a compressor of the library; raise `InputError` if it is not one."""
    return _file(comp).CODEC


def _file(comp: Compressor) -> ModuleType:
    """The file of this folder that bears the compressor's name."""
    if not of_toolkit(comp):
        raise InputError(
            f"compressor '{comp.name}' is your own and does not say how its messages become bytes; give it encode and "
            "decode, or run it in the engine simulate"
        )
    return import_module(f".{comp.name.replace('-', '_')}", __name__)


def encode(comp: Compressor, message: Floats, coins: Floats | None = None, origin: Origin | None = None) -> bytes:
    """Return the bytes of a message C(x) of shape (dim,).

    Parameters
    ----------
    coins
        The uniforms that made the message; needed where a seed is shared, and by scaled, induced and repeated
        compressors.
    origin
        What else made the message; these and rankr need the vector compressed, powersgd the state after.

    Raises
    ------
    InputError
        The vector is not a message of this compressor, or something that is needed is not given.
    """
    message = vector(message)
    origin = origin or Origin()
    return encoder(comp, message.size)(message, origin if coins is None else replace(origin, coins=coins))


def encoder(comp: Compressor, dim: int) -> Callable[[Floats, Origin], bytes]:
    """Return what `encode` does with finite vectors of `dim` coordinates; what can be checked before is checked now."""
    comp.check(dim)
    if (theirs := getattr(comp, "encode", None)) is not None:
        return lambda message, origin: theirs(message)
    return partial(codec(comp).encode, comp)


def decode(comp: Compressor, data: bytes, dim: int, coins: Floats | None = None) -> Floats:
    """Return the message of shape (dim,) that the bytes carry.

    Raises
    ------
    InputError
        The bytes are cut off, too long, or no message of this compressor; or a seed is shared and `coins` are
        not given.
    """
    return decoder(comp, dim)(data, coins)


def decoder(comp: Compressor, dim: int) -> Callable[[bytes, Floats | None], Floats]:
    """Return what `decode` does with messages of `dim` coordinates; what can be checked before is checked now."""
    comp.check(dim)
    if (theirs := getattr(comp, "decode", None)) is not None:
        return lambda data, coins: theirs(data, dim)
    read, what = codec(comp).read, comp.spec

    def decode(data: bytes, coins: Floats | None) -> Floats:
        reader = Reader(data, what)
        with np.errstate(over="ignore", invalid="ignore"):
            message = read(comp, reader, dim, coins)
        reader.finish()
        if not np.isfinite(message).all():
            raise reader.malformed("its numbers overflow when they are put together")
        return message

    return decode


def entropy_bits(comp: Compressor, message: Floats, origin: Origin | None = None) -> float:
    """Return the empirical entropy of the message's symbols plus the bits of its scales and values.

    Where the message is made of several (scaled, induced, repeated) it is the sum of theirs if the `origin` tells them
    (vector and uniforms); else the sum's own: 64 bits for every magnitude, and the entropy of the symbols.
    """
    message = vector(message)
    comp.check(message.size)
    if (theirs := getattr(comp, "entropy_bits", None)) is not None:
        return theirs(message)
    return codec(comp).entropy(comp, message, origin or Origin())


def encode_entries(comp: Compressor, places: Ints, values: Floats, dim: int, coins: Floats | None) -> bytes:
    """Return `encode` of a sparse message of a compressor with a `selector`, from its finite values at these places."""
    order = np.argsort(places)
    order = order[values[order] != 0.0]
    return codec(comp).encode_entries(comp, places[order], values[order], dim, coins)


def decode_entries(comp: Compressor, data: bytes, dim: int, coins: Floats | None) -> tuple[Ints, Floats]:
    """Return the places and values of `decode`, for a compressor with a `selector`; raise what it raises."""
    reader = Reader(data, comp.spec)
    places, values = codec(comp).read_entries(comp, reader, dim, coins)
    reader.finish()
    return places, values


def entropy_of_entries(comp: Compressor, values: Floats, dim: int) -> float:
    """Return `entropy_bits` of a sparse message by its values, for a compressor with a `selector`."""
    return codec(comp).entropy_of_entries(comp, values, dim)
