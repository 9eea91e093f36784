"""The fixed call signatures of compressors and local rules, one per role.

Shapes: B replicas of one block, d coordinates, k states.

COMPRESS ``(x, u, ctx, params, state, out, bits)``
    Writes C(x) of every row of x (B, d) into out (B, d) and the exact length in bits of the encoded message into
    bits (B,). `u` (B, >= draws) holds independent uniforms in (0, 1), `state` (B, s) what the compressor keeps
    between rounds.
RULE ``(ctx, params, x, v, states, common)``
    A local rule: reads the model x (B, d), works on the vector v (B, d) in place, may keep states (k, B, d) of its own
    and read the common states (k, B, d), which every process holds alike and only the rule `everyone` writes.
SENT ``(ctx, params, v, c, states, common)``
    What a worker does once it has sent: v is what was compressed, c the message as the server will add it up (both
    (B, d), c may be changed in place).
SHADOW ``(ctx, params, x, memories, errors, states, server_error, server_states, common, y)``
    Writes the shadow sequence y (B, d) that belongs to the state before a round: memories, errors (n, B, d), states
    (n, k, B, d) of the workers, error (B, d) and states (k, B, d) of the server.

`ctx` is ``(round t, worker i, n, messages in this round, age of this message, largest age in this round, special)``:
the ages are 0 but for asynchronous methods, `special` is 1 in a method's special exchange. In asynchronous rounds
`server` and `everyone` are handed all of it; a worker, which cannot know when its message will arrive, is handed its
own count of messages for the round, n for the messages and 0 for the ages, and its coins belong to that count. A
compressor is handed the same. `params` are the method's or the compressor's own numbers.
"""

from functools import cache
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np import arrayobj

from ..common.errors import InputError
from ..problems.kernels.signatures import ENTRY, INNER, INTS, MATRIX, OPTIONS, VECTOR

CUBE = types.float64[:, :, ::1]
FOUR = types.float64[:, :, :, ::1]

COMPRESS = types.void(MATRIX, MATRIX, INTS, VECTOR, MATRIX, MATRIX, VECTOR)
RULE = types.void(INTS, VECTOR, MATRIX, MATRIX, CUBE, CUBE)
SENT = types.void(INTS, VECTOR, MATRIX, MATRIX, CUBE, CUBE)
SHADOW = types.void(INTS, VECTOR, MATRIX, CUBE, CUBE, FOUR, MATRIX, CUBE, CUBE, MATRIX)

#: Entries of ctx.
ROUND, WORKER, WORKERS, ARRIVALS, AGE, LARGEST_AGE, SPECIAL = range(7)


class Pointer(types.WrapperAddressProtocol):
    """A compiled kernel as a first-class function whose address is looked up once, not at every call that takes it."""

    def __init__(self, kernel: Any, signature: Any) -> None:
        compiled = kernel.get_compile_result(signature)
        self.kernel = kernel  # keeps the machine code alive
        self._signature = signature
        self._address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)

    def __wrapper_address__(self) -> int:
        return self._address

    def __index__(self) -> int:
        return self._address

    def signature(self) -> Any:
        """Return the numba signature."""
        return self._signature


@cache
def pointer(kernel: Any, signature: Any) -> Pointer:
    """Return the pointer to a kernel that was compiled for this signature.

    Raises
    ------
    InputError
        If it is not a numba function of this signature.
    """
    try:
        return Pointer(kernel, signature)
    except (AttributeError, KeyError, TypeError, NumbaError):
        name = getattr(kernel, "__name__", repr(kernel))
        raise InputError(
            f"'{name}' is not a kernel of the signature {signature}: decorate it with numba.njit(SIGNATURE, **OPTIONS)"
        ) from None


def function_at(signature: Any) -> Any:
    """Return the compiled function from an address to the kernel of this signature that stands there.

    To hand a kernel over as a number costs nothing; as an object, 10 us of numba's own Python at every call.
    """
    function = types.FunctionType(signature)

    def build(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
        result = cgutils.create_struct_proxy(function)(context, builder)
        result.c_addr = builder.inttoptr(arguments[0], result.c_addr.type)
        return result._getvalue()

    @intrinsic
    def at(typing_context: Any, address: Any) -> Any:
        return function(types.int64), build

    return at


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
    "COMPRESS", "CUBE", "ENTRY", "FOUR", "INNER", "INTS", "MATRIX", "OPTIONS", "RULE", "SENT", "SHADOW", "VECTOR",
    "flat", "function_at", "pointer",
]  # fmt: skip
