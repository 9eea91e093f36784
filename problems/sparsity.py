"""Data sparsity: which workers' gradients can meet in a coordinate.

Worker i's gradient lies in the coordinates S_i, its support, at every x. Two workers are in conflict if their
supports meet. Where few do, a sum of the workers' vectors is shorter than n of them can be:

    ||sum_i v_i||^2 <= s sum_i ||v_i||^2     for all v_i supported in S_i,

with s = min{sqrt(n (1 + average degree)), 1 + largest degree} of the conflict graph (Khirirat, Feyzmahdavian,
Johansson 2018, arXiv 1806.06573), and also with the largest number of supports that one coordinate lies in, the
multiplicity, which is never above s: k supports through a coordinate are k workers in conflict with one another.
A term that all f_i share, such as an l2 regulariser, makes every support full and both numbers n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.errors import InputError
from ..common.limits import require_memory

BoolArray = NDArray[np.bool_]


def _patterns(supports: ArrayLike) -> BoolArray:
    S = np.asarray(supports)
    if S.ndim != 2 or 0 in S.shape:
        raise InputError(f"supports have shape {S.shape}; give one row of d entries for each of the n workers")
    return S != 0


def conflicts(supports: ArrayLike) -> BoolArray:
    """Return the adjacency matrix (n, n) of the conflict graph of supports (n, d); nonzero means in the support."""
    S = _patterns(supports).astype(np.float32)
    adjacent = S @ S.T > 0
    np.fill_diagonal(adjacent, False)
    return adjacent


def degrees(supports: ArrayLike) -> NDArray[np.int64]:
    """Return with how many others every worker is in conflict (n,)."""
    return conflicts(supports).sum(axis=1)


def overlap(supports: ArrayLike) -> float:
    """Return the paper's s = min{sqrt(n (1 + average degree)), 1 + largest degree}, in [1, n].

    Examples
    --------
    >>> chain = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]  # the one in the middle meets both others
    >>> degrees(chain).tolist(), round(overlap(chain), 4), multiplicity(chain)
    ([1, 2, 1], 2.6458, 2)
    """
    degree = degrees(supports)
    return float(min(np.sqrt(degree.size + degree.sum()), 1 + degree.max()))


def multiplicity(supports: ArrayLike) -> int:
    """Return the largest number of supports that share a coordinate, 1 or more."""
    return max(int(_patterns(supports).sum(axis=0).max()), 1)


def windows(workers: int, dim: int, width: int) -> BoolArray:
    """Return supports (n, d) of multiplicity `width` everywhere: coordinate j belongs to `width` workers in a row.

    The coordinates are cut into n stretches; the j-th stretch belongs to the workers j, j + 1, ..., j + width - 1
    (mod n).

    Raises
    ------
    InputError
        Unless 1 <= width <= workers <= dim.
    """
    if not 1 <= width <= workers:
        raise InputError(f"overlap={width}: a coordinate belongs to at least 1 worker and at most all {workers}")
    if workers > dim:
        raise InputError(
            f"dim={dim} coordinates are too few for the supports of {workers} workers; give dim >= {workers}"
        )
    require_memory(2.0 * dim + float(workers) * dim / 4, f"the supports of {workers} workers in {dim} coordinates")
    stretch = np.arange(dim) * workers // dim
    return (np.arange(workers)[:, None] - stretch) % workers < width
