"""The fixed call signatures of compressors and local rules, one per role.

Shapes: B replicas of one block, d coordinates, k states.

COMPRESS ``(x, u, ctx, params, state, out, bits)``
    Writes C(x) of every row of x (B, d) into out (B, d) and the exact length in bits of the encoded message into
    bits (B,). `u` (B, >= draws) holds independent uniforms in (0, 1), `state` (B, s) what the compressor keeps
    between rounds.
SELECT ``(x, u, ctx, params, state, places, values, bits)``
    The same message of the one row of x (1, d), as long as it is sparse: writes the places that may not be zero, each
    once, and their values, and returns how many there are; places (d,) and values (d,) have room for all.
AMONG ``(x, u, ctx, params, state, left, places, values, bits)``
    The same of a compressor that sends the entries of largest magnitude: places[:left] are, in order, all those whose
    magnitude is not below some floor. Returns -1 if they are too few to tell the message.
RULE ``(ctx, params, x, v, states, common)``
    A local rule: reads the model x (B, d), works on the vector v (B, d) in place, may keep states (k, B, d) of its own
    and read the common states (k, B, d), which every process holds alike and only the rule `everyone` writes.
SENT ``(ctx, params, v, c, states, common)``
    What a worker does once it has sent: v is what was compressed, c the message as the server will add it up (both
    (B, d), c may be changed in place).
SHADOW ``(ctx, params, x, memories, errors, states, server_error, server_states, common, y)``
    Writes the shadow sequence y (B, d) that belongs to the state before a round: memories, errors (n, B, d), states
    (n, k, B, d) of the workers, error (B, d) and states (k, B, d) of the server.

`ctx` has seven entries, which bear the names below: the round t (ROUND), the worker i (WORKER; n stands for the
server), their number n (WORKERS), the messages in this round (ARRIVALS), the age of this message (AGE), the largest age
in this round (LARGEST_AGE), and whether this is a method's special exchange (SPECIAL); `context` makes one. The ages
are 0 but for asynchronous methods. In asynchronous rounds `server` and `everyone` are handed all of it; a worker, which
cannot know when its message will arrive, is handed its own count of messages for the round, n for the messages and 0
for the ages, and its coins belong to that count. A compressor is handed the same. `params` are the method's or the
compressor's own numbers.

The engine calls a kernel by the address of its machine code (`address`, `caller`): a kernel of your own plugs in
without recompiling anything, and what it raises ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from traceback import walk_tb
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, register_jitable
from numba.np import arrayobj

from ..common.errors import InputError, told
from ..problems.kernels.signatures import BARE, GRADIENT, INNER, INTS, MATRIX, ONTO, OPTIONS, VALUE, VECTOR
from .context import (
    AGE,
    ARRIVALS,
    CONTEXT_ENTRIES,
    LARGEST_AGE,
    ROUND,
    SPECIAL,
    WORKER,
    WORKERS,
    context,
    write_context,
)

CUBE = types.float64[:, :, ::1]
FOUR = types.float64[:, :, :, ::1]

COMPRESS = types.void(MATRIX, MATRIX, INTS, VECTOR, MATRIX, MATRIX, VECTOR)
SELECT = types.int64(MATRIX, MATRIX, INTS, VECTOR, MATRIX, INTS, VECTOR, VECTOR)
AMONG = types.int64(MATRIX, MATRIX, INTS, VECTOR, MATRIX, types.int64, INTS, VECTOR, VECTOR)
RULE = types.void(INTS, VECTOR, MATRIX, MATRIX, CUBE, CUBE)
SENT = types.void(INTS, VECTOR, MATRIX, MATRIX, CUBE, CUBE)
SHADOW = types.void(INTS, VECTOR, MATRIX, CUBE, CUBE, FOUR, MATRIX, CUBE, CUBE, MATRIX)

register_jitable(write_context)


def _compiled(kernel: Any, signature: Any) -> Any:
    """What numba compiled of a kernel for this signature; now, if it was not asked for before.

    Raises
    ------
    InputError
        If it is not a numba function of this signature.
    """
    try:
        return kernel.get_compile_result(signature)
    except (AttributeError, KeyError, TypeError, NumbaError):
        name = getattr(kernel, "__name__", repr(kernel))
        raise InputError(
            f"'{name}' is not a kernel of the signature {signature}: decorate it with numba.njit(SIGNATURE, **OPTIONS)"
        ) from None


@cache
def address(kernel: Any, signature: Any) -> int:
    """Return the address of a kernel's machine code, which `caller` calls; compile it if need be.

    The cache keeps the kernel, and with it the code, alive.

    Raises
    ------
    InputError
        If it is not a numba function of this signature.
    """
    compiled = _compiled(kernel, signature)
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


@cache
def entry(kernel: Any, signature: Any) -> Callable[..., Any]:
    """Return the machine code of a kernel for calls from Python: typing its many arguments at every call takes 2 ms."""
    return kernel.get_compile_result(signature).entry_point


def caller(signature: Any) -> Any:
    """Return ``call(address, *arguments)`` for kernels of this signature, to be used in other kernels.

    An exception in the kernel is one in the kernel that called it, as if it had been called by its name; numba's
    first-class functions of a C signature print it and go on.
    """

    @intrinsic
    def call(typing_context: Any, where: Any, *arguments: Any) -> Any:
        def build(context: Any, builder: Any, made: Any, values: Any) -> Any:
            convention = context.call_conv
            given = zip(cgutils.unpack_tuple(builder, values[1]), made.args[1], signature.args, strict=True)
            kind = convention.get_function_type(signature.return_type, signature.args).as_pointer()
            status, result = convention.call_function(
                builder, builder.inttoptr(values[0], kind), signature.return_type, signature.args,
                [context.cast(builder, value, type_, wanted) for value, type_, wanted in given],
            )  # fmt: skip
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return result

        return signature.return_type(types.int64, types.StarArgTuple.from_types(arguments)), build

    return call


call_gradient, call_onto, call_value = map(caller, (GRADIENT, ONTO, VALUE))
call_compress, call_select, call_among = map(caller, (COMPRESS, SELECT, AMONG))
call_rule, call_sent, call_shadow = map(caller, (RULE, SENT, SHADOW))


@contextmanager
def failures(of: str) -> Iterator[None]:
    """Turn what a kernel raises into one sentence.

    Parameters
    ----------
    of
        Whose kernels are at work: "method 'dore' with ...".

    Raises
    ------
    InputError
        With the exception, the kernel and its line as far as numba tells them.
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # numba puts the kernel that raised into the traceback, as a frame of no module.
        codes = [frame.f_code for frame, _ in walk_tb(error.__traceback__) if "__name__" not in frame.f_globals]
        where = f" '{codes[-1].co_name}'" if codes else ""
        raise InputError(f"a kernel{where} of {of} failed: {told(error)}") from error


@intrinsic
def flat(typing_context: Any, array: Any) -> Any:
    """View a contiguous (B, d) array as one vector: short rows in one long loop vectorise, one by one they do not.

    ``reshape`` does the same in 90 ns, several times what the loop over a small block takes.
    """
    vector = types.Array(array.dtype, 1, "C")

    def view(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source = arrayobj.make_array(array)(context, builder, arguments[0])
        result = arrayobj.make_array(vector)(context, builder)
        arrayobj.populate_array(
            result, data=source.data, shape=[source.nitems], strides=[source.itemsize], itemsize=source.itemsize,
            meminfo=source.meminfo, parent=source.parent,
        )  # fmt: skip
        return impl_ret_borrowed(context, builder, vector, result._getvalue())

    return vector(array), view


__all__ = [
    "AGE", "AMONG", "ARRIVALS", "BARE", "COMPRESS", "CONTEXT_ENTRIES", "CUBE", "FOUR", "GRADIENT", "INNER", "INTS",
    "LARGEST_AGE", "MATRIX", "ONTO", "OPTIONS", "ROUND", "RULE", "SELECT", "SENT", "SHADOW", "SPECIAL", "VALUE",
    "VECTOR", "WORKER", "WORKERS", "address", "call_among", "call_compress", "call_gradient", "call_onto", "call_rule",
    "call_select", "call_sent", "call_shadow", "call_value", "caller", "context", "entry", "failures", "flat",
    "write_context",
]  # fmt: skip
