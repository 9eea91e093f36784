"""Compressors written in plain Python: one kernel for all of them, which calls back.

This is the slow path: every message holds Python's lock and costs some microseconds more than the function itself.
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
from numba import njit, objmode
from numba.core.errors import NumbaWarning

from ...common.errors import InputError, told
from ...theory.compressors import Compressor
from .wire import Floats, Kernel

# Here that is what is wanted, and said above.
warnings.filterwarnings("ignore", "Code running in object mode", NumbaWarning)

_CALLED: list[tuple[Compressor, int]] = []
"""(compressor, dimension) by the number that the kernel is handed."""
_LOCK = threading.Lock()


def kernel(comp: Compressor, dim: int) -> Kernel:
    """Return a kernel that calls ``comp.compress(x, u)`` for every row."""
    with _LOCK:
        number = next((i for i, (known, d) in enumerate(_CALLED) if known is comp and d == dim), len(_CALLED))
        if number == len(_CALLED):
            _CALLED.append((comp, dim))
        return compress, np.array([number], dtype=float), 0


def one(comp: Compressor, x: Floats, u: Floats) -> Floats:
    """C(x) (d,) by the compressor's own function, checked for its shape."""
    name = type(comp).__name__
    try:
        with np.errstate(all="ignore"):
            found = comp.compress_vector(x, u)  # type: ignore[call-arg]
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"{name}.compress fails: {told(error)}") from error
    try:
        message = np.asarray(found)
    except ValueError:
        message = np.array(None)
    if message.shape != x.shape or message.dtype.kind not in "biuf":
        raise InputError(
            f"compressor '{comp.name}': {name}.compress returned an array of type {message.dtype} and shape "
            f"{message.shape} for a vector of shape {x.shape}; it must return real numbers of the same shape"
        )
    return message.astype(np.float64) + 0.0  # never -0


def call(number: int, x: Floats, u: Floats, out: Floats, bits: Floats) -> None:
    """Compress every row; what the function raises ends the run, as the exception of any kernel does."""
    comp, dim = _CALLED[number]
    draws, encode = comp.draws(dim), getattr(comp, "encode", None)
    for r in range(x.shape[0]):
        out[r] = one(comp, x[r].copy(), u[r, :draws].copy())
        bits[r] = 8.0 * len(encode(out[r])) if encode is not None and np.isfinite(out[r]).all() else np.nan


@njit(nogil=True, error_model="numpy")
def compress(x: Any, u: Any, ctx: Any, params: Any, state: Any, out: Any, bits: Any) -> None:
    number = int(params[0])
    with objmode():
        call(number, x, u, out, bits)
