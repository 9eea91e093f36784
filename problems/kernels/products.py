"""The two matrix products of the linear models, compiled once for all kernels that need one."""

import numpy as np
from llvmlite import binding
from numba import njit
from threadpoolctl import threadpool_info

from .signatures import OPTIONS


@njit(**OPTIONS)
def scores(X, rows, T):
    """Write a_j.x for every point x and every row a_j: T = X rows^T."""
    np.dot(X, rows.T, T)


@njit(**OPTIONS)
def combine(S, rows, G):
    """Write sum_j s_j a_j for every row s of S: G = S rows."""
    np.dot(S, rows, G)


#: What OpenBLAS calls its kernels with vectors of 512 bits.
WIDE = {"SkylakeX", "Cooperlake", "SapphireRapids"}


def blas_is_narrow() -> bool:
    """Whether the processor has vectors of 512 bits and OpenBLAS leaves them unused, as `OPENBLAS_CORETYPE` may ask."""
    used = {str(library.get("architecture")) for library in threadpool_info() if library["internal_api"] == "openblas"}
    return bool(used) and not used & WIDE and bool(binding.get_host_cpu_features().get("avx512f"))
