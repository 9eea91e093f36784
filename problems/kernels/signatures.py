"""The fixed call signatures of a problem's kernels, one per role.

A kernel of any role is an ordinary function under ``numba.njit(SIGNATURE, **OPTIONS)``; the engine calls it by the
address of its machine code, so a user's own kernel plugs in without recompiling anything.

Shapes: B replicas of one block, d coordinates, m rows of data in all, n workers.

GRADIENT ``(worker, X, u, data, G)``
    Writes a gradient of f_worker at every row of X (B, d) into G (B, d). `u` (B, draws) holds independent
    uniforms in (0, 1); an exact gradient draws none.
ONTO ``(worker, X, first, last, data, G)``
    Adds the coordinates first, ..., last - 1 of the exact gradient of f_worker at every row of X (B, d) to those of
    G (B, d).
VALUE ``(worker, X, data, F)``
    Writes f_worker at every row of X (B, d) into F (B,).

`data` is ``(matrix, values, index, offsets, parameters)``, whatever the problem's kernels make of it; the linear
models keep their rows in `matrix`, and worker i owns those from offsets[index[i]] to offsets[index[i] + 1].
"""

from typing import Any

from numba import types

from ...common import kernel_cache  # noqa: F401 (before any kernel is defined)

f8, i8 = types.float64, types.int64
MATRIX, VECTOR, INTS = f8[:, ::1], f8[::1], i8[::1]
DATA = types.Tuple((MATRIX, VECTOR, INTS, INTS, VECTOR))

GRADIENT = types.void(i8, MATRIX, MATRIX, DATA, MATRIX)
ONTO = types.void(i8, MATRIX, i8, i8, DATA, MATRIX)
VALUE = types.void(i8, MATRIX, DATA, VECTOR)

#: Kernels call each other by the address of what numba makes of them, never through its wrapper for calls from C.
OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
#: For kernels that allocate nothing (numba refuses those that do): references to arrays are not counted. Every row that
#: is taken out would be, by an atomic addition at either end of its life: half the time of a round of short vectors.
BARE: dict[str, Any] = {**OPTIONS, "_nrt": False}
#: For those of them that only other kernels call, by name or by address: no wrapper for calls from Python either.
INNER: dict[str, Any] = {**BARE, "no_cpython_wrapper": True}
