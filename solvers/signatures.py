"""The fixed call signatures of compressors and local rules, one per role.

Shapes: B replicas of one block, d coordinates, k states.

COMPRESS ``(x, u, ctx, params, state, out, bits)``
    Writes C(x) of every row of x (B, d) into out (B, d) and the exact length in bits of the encoded message into
    bits (B,). `u` (B, >= draws) holds independent uniforms in (0, 1), `state` (B, s) what the compressor keeps
    between rounds.
RULE ``(ctx, params, x, v, states)``
    A local rule: reads the model x (B, d), works on the vector v (B, d) in place, may keep states (k, B, d).

`ctx` is ``(round, worker, n)``; `params` are the method's or the compressor's own numbers.
"""

from numba import njit, types

from ..problems.kernels.signatures import ENTRY, INNER, INTS, MATRIX, OPTIONS, VECTOR

CUBE = types.float64[:, :, ::1]

COMPRESS = types.void(MATRIX, MATRIX, INTS, VECTOR, MATRIX, MATRIX, VECTOR)
RULE = types.void(INTS, VECTOR, MATRIX, MATRIX, CUBE)


@njit(VECTOR(MATRIX), **INNER)
def flat(a):
    """A contiguous (B, d) array as one vector: short rows in one long loop vectorise, one by one they do not."""
    return a.reshape(a.size)


__all__ = ["COMPRESS", "CUBE", "ENTRY", "INNER", "INTS", "MATRIX", "OPTIONS", "RULE", "VECTOR", "flat"]
