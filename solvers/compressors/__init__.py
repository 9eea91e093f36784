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

::

    class Half(Compressor):
        name = "half"

        def contractive(self, dim):
            return Contractive(0.75)

        def kernel(self, dim):
            return half_kernel, np.zeros(0), 0
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...theory.compressors import Compressor, vector
from ...theory.errors import InputError
from .wire import Floats, Kernel


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
    codec(comp)
    return import_module(f".{comp.name}", __name__).kernel(comp, dim)


def codec(comp: Compressor) -> Any:
    """Return the codec of a compressor of the library; raise `InputError` if it is not one."""
    from .codecs import CODECS

    if comp.name not in CODECS:
        raise InputError(f"compressor '{comp.name}' is not one of the library's and has no method for this")
    return CODECS[comp.name]


def encode(comp: Compressor, message: Floats, coins: Floats | None = None) -> bytes:
    """Return the bytes of a message C(x) of shape (dim,).

    Parameters
    ----------
    coins
        The uniforms that made the message; needed by rand-k with a shared seed only.

    Raises
    ------
    InputError
        The vector is not a message of this compressor.
    """
    message = vector(message)
    comp.check(message.size)
    if (theirs := getattr(comp, "encode", None)) is not None:
        return theirs(message)
    return codec(comp).encode(comp, message, coins)


def decode(comp: Compressor, data: bytes, dim: int, coins: Floats | None = None) -> Floats:
    """Return the message of shape (dim,) that the bytes carry.

    Raises
    ------
    InputError
        The bytes are cut off, too long, or no message of this compressor.
    """
    comp.check(dim)
    if (theirs := getattr(comp, "decode", None)) is not None:
        return theirs(data, dim)
    return codec(comp).decode(comp, data, dim, coins)


def entropy_bits(comp: Compressor, message: Floats) -> float:
    """Return the empirical entropy of the message's symbols plus the bits of its scales and values."""
    message = vector(message)
    comp.check(message.size)
    if (theirs := getattr(comp, "entropy_bits", None)) is not None:
        return theirs(message)
    return codec(comp).entropy(comp, message)
