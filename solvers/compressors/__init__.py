"""Compressors at work: kernels and codecs, found by the compressor's name and loaded when asked for.

A kernel is an ordinary function with the signature COMPRESS of ``solvers.signatures``; it is a pure function
of its arguments, so the same uniforms give the same message everywhere. What it writes is exactly what the
wire carries: ``decode(encode(C(x))) == C(x)`` bit for bit, and the length it counts is the length of the
encoded bytes.

Your own compressor is an object of a class derived from ``theory.compressors.Compressor``; pass the object
wherever a compressor's text form is accepted. It says what it promises and brings

- ``kernel(dim)``, which returns (compress, params, state_size): a function under ``numba.njit(COMPRESS,
  **OPTIONS)``, its numbers as a float64 array, and how many floats it keeps between rounds;
- ``encode(message)``, ``decode(data, dim)`` and ``entropy_bits(message)``, needed only where bytes or
  entropies are wanted (``tersegrad.certify`` wants them).

It can be a part of a compressor made of compressors, whose messages then have no bytes.

::

    class Half(Compressor):
        name = "half"

        def contractive(self, dim):
            return Contractive(0.75)

        def kernel(self, dim):
            return half_kernel, np.zeros(0), 0
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import COMPRESSORS, Compressor, vector
from .wire import Floats, Kernel, Origin, Reader


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
    return _room(comp).kernel(comp, dim)


def codec(comp: Compressor) -> Any:
    """Return the codec of a compressor of the library; raise `InputError` if it is not one."""
    return _room(comp).CODEC


def _room(comp: Compressor) -> ModuleType:
    """The file of this folder that bears the compressor's name."""
    if comp.name not in COMPRESSORS:
        raise InputError(f"compressor '{comp.name}' is not one of the library's and has no method for this")
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
