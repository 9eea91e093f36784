"""Kernels inside kernels: how a compressor made of compressors calls its parts.

A kernel has no argument for other kernels, but it has numbers: `packed` writes a part as (address of its machine code,
its uniforms, how many numbers follow, its numbers), and `run` calls it, one row at a time. An address is below 2^53, so
that a double holds it exactly; it belongs to the process that asked for the kernel, as a function pointer does.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from ...theory.compressors import Compressor
from ..signatures import COMPRESS, INNER, INTS, MATRIX, VECTOR, pointer

i8 = types.int64
FUNCTION = types.FunctionType(COMPRESS)


@intrinsic
def function_at(typing_context: Any, address: Any) -> Any:
    """The kernel whose machine code begins at an address."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.create_struct_proxy(FUNCTION)(context, builder)
        function.c_addr = builder.inttoptr(arguments[0], function.c_addr.type)
        function.py_addr = cgutils.get_null_value(function.py_addr.type)
        function.jit_addr = cgutils.get_null_value(function.jit_addr.type)
        return function._getvalue()

    return FUNCTION(i8), build


@njit(types.void(VECTOR, i8, MATRIX, VECTOR, i8, INTS, MATRIX, MATRIX, VECTOR), **INNER)
def run(params, at, x, coins, first, ctx, state, out, bits):
    """Compress one row x (1, d) by the part that begins at params[at], with the uniforms coins[first], ...."""
    draws, count = int(params[at + 1]), int(params[at + 2])
    u = coins[first : first + draws].reshape((1, draws))
    function_at(int(params[at]))(x, u, ctx, params[at + 3 : at + 3 + count], state, out, bits)


@njit(types.UniTuple(i8, 2)(VECTOR, i8, i8), **INNER)
def after(params, at, first):
    """Where the next part and its uniforms begin."""
    return at + 3 + int(params[at + 2]), first + int(params[at + 1])


def packed(comp: Compressor, dim: int) -> list[float]:
    """Write a part as numbers."""
    from . import kernel

    compress, params, _ = kernel(comp, dim)
    return [float(pointer(compress, COMPRESS).__wrapper_address__()), comp.draws(dim), params.size, *params]
