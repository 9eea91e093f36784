"""What a problem is, as a digest: its data and its starting point, not the name of the file that they came from.

A problem's digest is made of one digest for every worker's share, so that processes that hold no more than a share can
make it together, and to the same value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import InputError
from .base import Problem
from .share import share

#: 128 bits: no two problems that anybody meets have the same digest by chance.
DIGEST_BYTES = 16
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
    made = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for array in arrays:
        made.update(f"{array.dtype}{array.shape}".encode())
        if array.size:
            made.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return made.hexdigest()


def share_digests(problem: Problem) -> list[str]:
    """The digests of all workers' shares; equal shares that are the same memory are read once."""
    known: dict[tuple[Any, ...], str] = {}
    digests = []
    for worker in range(problem.workers):
        _, arrays = share_of(problem, worker)
        large = max(arrays, key=lambda array: array.nbytes)
        small = b"".join(array.tobytes() for array in arrays if array is not large)
        key = (large.ctypes.data, large.shape, small)
        if key not in known:
            known[key] = share_digest(arrays)
        digests.append(known[key])
    return digests


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
