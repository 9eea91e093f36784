"""One-dimensional minimisation: golden sections around the best point of a grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

GOLDEN = (math.sqrt(5) - 1) / 2


def refined(
    score: Callable[[float], float], grid: NDArray[np.float64], values: Sequence[float], precision: float
) -> float:
    """Return where `score` is smallest: a point of the grid, or one found by golden sections around the best of them.

    Parameters
    ----------
    score
        Has one minimum between the neighbours of the best point of the grid.
    grid, values
        Rising points (K,), and the scores there.
    precision
        Width of the last bracket.

    Examples
    --------
    >>> grid = np.linspace(0.0, 3.0, 4)
    >>> round(refined(lambda x: (x - 1.2) ** 2, grid, [(x - 1.2) ** 2 for x in grid], 1e-9), 6)
    1.2
    """
    k = int(np.argmin(values))
    left, right = float(grid[max(k - 1, 0)]), float(grid[min(k + 1, len(grid) - 1)])
    a, b = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
    fa, fb = score(a), score(b)
    while right - left > precision:
        if fa <= fb:
            right, b, fb = b, a, fa
            a = right - GOLDEN * (right - left)
            fa = score(a)
        else:
            left, a, fa = a, b, fb
            b = left + GOLDEN * (right - left)
            fb = score(b)
    return min((fa, a), (fb, b), (values[k], float(grid[k])))[1]
