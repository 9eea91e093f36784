"""What a problem is, as a digest: its data and its starting point, not the name of the file that they came from.

A problem's digest is made of one digest for every worker's share, so that processes that hold no more than a share can
make it together, and to the same value.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import InputError
from .base import Problem
from .share import share

#: 128 bits: no two problems that anybody meets have the same digest by chance.
DIGEST_BYTES = 16
#: Bytes of an array that is compared by what it holds.
SMALL = 4096
#: Bytes from which on several threads read.
MUCH = 1 << 22
#: What the arrays of `ProblemKernels.data` are: matrix, values, index, offsets, parameters.
KINDS = (np.float64, np.float64, np.int64, np.int64, np.float64)


def share_of(problem: Problem, worker: int) -> tuple[bool, list[np.ndarray]]:
    """Whether the data could be reduced to this worker, and its arrays of `ProblemKernels.data`."""
    kernels = problem.kernels()
    reduced = share(kernels, worker, problem.dim)
    data = kernels.data if reduced is None else reduced
    return reduced is not None, [np.ascontiguousarray(a, dtype=kind) for a, kind in zip(data, KINDS, strict=True)]


def share_digest(arrays: Sequence[np.ndarray]) -> str:
    """The digest of the arrays of one worker's share."""
    return _read(arrays).hexdigest()


def _read(arrays: Sequence[np.ndarray], begun: Any = None) -> Any:
    """What has read these arrays, after what it has begun with."""
    made = begun or hashlib.blake2b(digest_size=DIGEST_BYTES)
    for array in arrays:
        made.update(f"{array.dtype}{array.shape}".encode())
        if array.size:
            made.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return made


def share_digests(problem: Problem) -> list[str]:
    """The digests of all workers' shares; a matrix, or a whole share, that several workers have is read once."""
    shares = [share_of(problem, worker)[1] for worker in range(problem.workers)]
    keys = [tuple(map(_identity, arrays)) for arrays in shares]
    matrices = {key[0]: arrays[:1] for key, arrays in zip(keys, shares, strict=True)}
    different = dict(zip(keys, shares, strict=True))
    much = sum(array.nbytes for arrays in shares for array in arrays) >= MUCH
    with ThreadPoolExecutor(os.cpu_count()) if much else nullcontext() as pool:
        over = map if pool is None else pool.map
        begun = dict(zip(matrices, over(_read, matrices.values()), strict=True))
        whole = over(lambda key: _read(different[key][1:], begun[key[0]].copy()).hexdigest(), different)
        known = dict(zip(different, whole, strict=True))
    return [known[key] for key in keys]


def _identity(array: np.ndarray) -> tuple[Any, ...]:
    """What tells an array from another one that is there at the same time: its numbers, or where they are if many."""
    return array.shape, array.tobytes() if array.nbytes <= SMALL else array.ctypes.data


def problem_digest(problem: Problem, shares: Sequence[str]) -> str:
    """The digest of a problem whose workers' shares have these digests."""
    kernels, noise = problem.kernels(), problem.noise
    functions = (kernels.gradient, kernels.exact_gradient, kernels.value)
    about = {
        "dim": problem.dim,
        "regulariser": [float(number) for number in problem.regulariser],
        "noise": [noise.kind, float(noise.sigma_sq), noise.batch, *(["reshuffled"] if noise.reshuffled else [])],
        "functions": [getattr(function, "__name__", "") for function in functions],
        "x0": share_digest([np.asarray(problem.x0, dtype=np.float64)]),
        "shares": list(shares),
    }
    return hashlib.blake2b(json.dumps(about).encode(), digest_size=DIGEST_BYTES).hexdigest()


def file_digest(path: str | Path) -> str:
    """The digest of the bytes of a file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    made = hashlib.blake2b(digest_size=DIGEST_BYTES)
    try:
        with Path(path).open("rb") as file:
            while data := file.read(1 << 22):
                made.update(data)
    except OSError as error:
        raise InputError(f"data file '{path}' cannot be read: {error.strerror or error}") from None
    return made.hexdigest()
