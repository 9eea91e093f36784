"""Low-rank compressors: the vector as a matrix, its best directions sent.

The matrix A has m rows of n coordinates each, filled row by row. Rows that are given divide d; by default
m = ceil(sqrt d), n = ceil(d/m), and zeros fill what is left of the matrix. Both compressors
send factors P (m x r) and Q (n x r) with P close to orthonormal and Q = A^T P; the receiver multiplies, C(x) = P Q^T.

The factors travel in 32 bits an entry, and rounding must neither lengthen C(x) nor turn it against x - C(x). With e =
2^-20: P is rounded first, P^T P = I + O(2 e sqrt r); then Q = (1 - s) A^T P, rounded towards zero, s = 4 sqrt(r) e.
What is sent differs from (1 - s) times the projection of A onto the span of P by at most 3.1 sqrt(r) e ||A P||, inside
that span, and s is larger: so ||C(x)|| <= ||x|| and <C(x), x - C(x)> >= 0. The error grows by at most
((s + 3.1 sqrt(r) e)^2 + r e^2) ||x||^2 < 2^-34 r ||x||^2; the last term is the tilt of the span.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...common.errors import InputError, counted
from .base import MAX_DIM, VALUE_TRUNCATION, Compressor

RANK_LOSS = 2.0**-34
"""Part of delta that the rounding of the factors costs, per rank."""


@dataclass(frozen=True)
class LowRank(Compressor):
    """A compressor that sends factors of an m x n matrix: `rank` of them, m = `rows`, about sqrt d by default."""

    rank: int = 1
    rows: int | None = None

    def __post_init__(self) -> None:
        self.whole_option("rank", 1, MAX_DIM)
        if self.rows is not None:
            self.whole_option("rows", 1, MAX_DIM)

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.rows is not None and self.rows > dim:
            raise InputError(
                f"{self.name}: rows = {self.rows} is more than the {counted(dim, 'coordinate')}; take rows <= {dim}"
            )
        m, n = self.shape(dim)
        if self.rows is not None and dim % m:
            small = [k for k in range(1, math.isqrt(dim) + 1) if dim % k == 0]
            near = max(k for k in (*small, *(dim // k for k in small)) if k < m)
            square = "{} x {} matrix".format(*replace(self, rows=None).shape(dim))
            raise InputError(
                f"{self.name}: rows = {m} does not divide the {dim} coordinates, which are to fill an m x n matrix; "
                f"take rows={near}, or leave rows out for a {square} whose last places are filled with zeros"
            )
        if self.rank > min(m, n):
            raise InputError(
                f"{self.name}: rank = {self.rank} is more than the {m} x {n} matrix has; take rank <= {min(m, n)}"
            )

    def shape(self, dim: int) -> tuple[int, int]:
        """(m, n): rows and columns."""
        m = self.rows if self.rows is not None else math.isqrt(dim - 1) + 1
        return m, -(-dim // m)

    @property
    def shrink(self) -> float:
        """1 - s, by which Q is shortened before it is rounded."""
        return 1 - 4 * math.sqrt(self.rank) * VALUE_TRUNCATION

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        self.check(dim)
        return float(float_bits * self.rank * sum(self.shape(dim)))
