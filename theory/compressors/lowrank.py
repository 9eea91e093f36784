"""Low-rank compressors: the vector as a matrix, its best directions sent.

The matrix A has m rows of n coordinates each; the vector fills it row by row, zeros fill the rest. Both compressors
send factors P (m x r) and Q (n x r) with P close to orthonormal and Q = A^T P; the receiver multiplies, C(x) = P Q^T.

The factors travel in 32 bits an entry, and rounding must neither lengthen C(x) nor turn it against x - C(x). With e =
2^-20: P is rounded first, P^T P = I + O(2 e sqrt r); then Q = (1 - s) A^T P, rounded towards zero, s = 4 sqrt(r) e.
What is sent differs from (1 - s) times the projection of A onto the span of P by at most 3.1 sqrt(r) e ||A P||, inside
that span, and s is larger: so ||C(x)|| <= ||x|| and <C(x), x - C(x)> >= 0. The error grows by at most
((s + 3.1 sqrt(r) e)^2 + r e^2) ||x||^2 < 2^-34 r ||x||^2; the last term is the tilt of the span.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.errors import InputError
from .base import MAX_DIM, VALUE_LOW_BITS, VALUE_TRUNCATION, Compressor, Contractive, truncate, vector, whole

RANK_LOSS = 2.0**-34
"""Part of delta that the rounding of the factors costs, per rank."""


@dataclass(frozen=True)
class LowRank(Compressor):
    """A compressor that sends factors of an m x n matrix: `rank` of them, m = `rows`, about sqrt d by default."""

    rank: int = 1
    rows: int | None = None

    def __post_init__(self) -> None:
        whole(self.rank, f"{self.name}: rank", 1, MAX_DIM)
        if self.rows is not None:
            whole(self.rows, f"{self.name}: rows", 1, MAX_DIM)

    def check(self, dim: int) -> None:
        super().check(dim)
        if self.rows is not None and self.rows > dim:
            raise InputError(f"{self.name}: rows = {self.rows} is more than the {dim} coordinates; take rows <= {dim}")
        m, n = self.shape(dim)
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


@dataclass(frozen=True)
class RankR(LowRank):
    """Rank-r approximation: the r largest singular values of the vector as an m x n matrix, with their directions.

    Source: Vogels, Karimireddy, Jaggi 2019 (PowerSGD, arXiv 1905.13727), and before them the atoms of Wang, Sievert,
    Charles, Liu, Wright, Papailiopoulos 2018 (arXiv 1806.04090). delta = r/min(m, n), attained by equal singular
    values; at x the error is the share of ||x||^2 in the other singular values. Nonexpansive and orthogonal. Bits by
    formula: b_f r (m + n).

    Parameters
    ----------
    rank
        r, at most min(m, n).
    rows
        m; n = ceil(d/m). By default m = ceil(sqrt d).
    """

    name: ClassVar[str] = "rankr"
    why_not_unbiased: ClassVar[str] = "it always drops the same directions, so its mean is not x"

    def contractive(self, dim: int) -> Contractive:
        self.check(dim)
        delta = self.rank / min(self.shape(dim)) - self.rank * RANK_LOSS
        return Contractive(delta, nonexpansive=True, orthogonal=True)

    def image(self, x: ArrayLike) -> NDArray[np.float64]:
        x = vector(x)
        self.check(x.size)
        matrix = np.zeros(self.shape(x.size))
        matrix.ravel()[: x.size] = x
        p = truncate(np.linalg.svd(matrix, full_matrices=False)[0][:, : self.rank], VALUE_LOW_BITS)
        q = truncate(self.shrink * (matrix.T @ p), VALUE_LOW_BITS)
        return (p @ q.T).ravel()[: x.size] + 0.0


@dataclass(frozen=True)
class PowerSGD(LowRank):
    """PowerSGD: one step of subspace iteration on the vector as an m x n matrix, begun where the last one ended.

    Source: Vogels, Karimireddy, Jaggi 2019 (arXiv 1905.13727), Algorithm 1 for one sender::

        P <- A Q            Q: what the sender kept of its last message
        P <- orthonormal columns of P
        Q <- A^T P          sent: P and Q; kept: Q
        C(x) = P Q^T

    The first Q is a fixed matrix; a direction that vanishes begins there anew. Given Q it is deterministic. No fixed
    delta: a vector whose matrix is orthogonal to Q is lost whole, although C(x) is never longer than x. For a constant
    stream the messages approach those of `rankr`. It keeps a memory, so it cannot be a part of another compressor.
    Bits by formula: b_f r (m + n).

    Parameters
    ----------
    rank
        r, at most min(m, n).
    rows
        m; n = ceil(d/m). By default m = ceil(sqrt d).
    """

    name: ClassVar[str] = "powersgd"
    why_not_unbiased: ClassVar[str] = "it always drops the same directions, so its mean is not x"
    why_not_contractive: ClassVar[str] = (
        "a vector that is orthogonal to what it kept of the last message is lost; rankr is a contraction"
    )
    stateful: ClassVar[bool] = True

    def start(self, dim: int) -> NDArray[np.float64]:
        """The first Q, (n, r): values that look random, the same everywhere."""
        return np.random.Generator(np.random.PCG64(20190531)).standard_normal((self.shape(dim)[1], self.rank))
