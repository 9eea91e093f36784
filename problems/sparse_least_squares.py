"""Least squares on sparse rows: the workers' supports overlap as much as one likes."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..common.options import integer
from .base import FloatArray
from .data import gaussian, share_offsets
from .least_squares import LeastSquares
from .sparsity import windows


class SparseLeastSquares(LeastSquares):
    """f_i(x) = (1/(2 m_i))||A_i x - b_i||^2 with rows of worker i that are zero outside its support S_i.

    Every coordinate lies in the supports of exactly `overlap` workers (`problems.sparsity.windows`), without a
    regulariser, so that `overlap` is the constant of the same name: 1 for disjoint supports, n for dense rows. With
    m_i >= overlap d/n rows for every worker, f is strongly convex; all constants are exact. target_noise = 0 makes
    x_true the minimiser of every f_i.

    Parameters
    ----------
    rows, dim
        Rows of all workers together and d >= n; 400 x 20 by default.
    overlap
        In how many workers' supports each coordinate lies, from 1 to n.
    target_noise, scale, batch, noise, sigma_sq, seed
        As in `LinearOptions`.
    """

    name = "sparse-least-squares"
    splits = ("given",)
    without: ClassVar[tuple[str, ...]] = (
        "data", "reg", "lam", "homogeneous", "split", "standardise", "l1", "l2prox", "targets", "target", "n_features",
        "positive", "intercept",
    )  # fmt: skip
    defaults: ClassVar[dict[str, Any]] = {"rows": 400, "dim": 20, "split": "given"}
    further: ClassVar[dict[str, Any]] = {"overlap": 1}

    def __init__(self, *, workers: int = 1, overlap: int = 1, **given: Any) -> None:
        self._mask = windows(
            integer("workers", workers), integer("dim", given.get("dim", 20)), integer("overlap", overlap)
        )
        super().__init__(workers=workers, overlap=overlap, **given)

    @property
    def interpolates(self) -> bool:
        """Whether every equation holds at x_true."""
        return self.options.target_noise == 0

    def _synthetic(
        self, rows: int, dim: int, target_noise: float, seed: int, scale: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        A, targets, x_true = gaussian(rows, dim, target_noise, seed, scale=scale)
        noise = targets - A @ x_true
        offsets = share_offsets(rows, len(self._mask))
        owner = np.repeat(np.arange(len(self._mask)), np.diff(offsets))
        A = A * self._mask[owner]
        return A, A @ x_true + noise, x_true

    @cached_property
    def x_star(self) -> FloatArray | None:
        """x_true where it solves every equation and is the only point that does, else the least-squares solution."""
        return self.x_true if self.interpolates and self.modulus > 0 else super().x_star

    def convexity(self) -> dict[str, float]:
        """Besides mu and mu_min: no dissimilarity at the minimiser where every equation holds there."""
        return super().convexity() | ({"zeta_star_sq": 0.0} if self.interpolates else {})
