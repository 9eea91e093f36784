"""PowerSGD: one step of subspace iteration a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .lowrank import LowRank


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
        m, a divisor of d, for matrices of m x d/m. By default m = ceil(sqrt d), n = ceil(d/m), and zeros fill the rest.
    """

    name: ClassVar[str] = "powersgd"
    why_not_unbiased: ClassVar[str] = "it always drops the same directions, so its mean is not x"
    why_not_contractive: ClassVar[str] = (
        "a vector that is orthogonal to what it kept of the last message is lost; rankr is a contraction"
    )
    stateful: ClassVar[bool] = True

    def work(self, dim: int) -> float:
        """Two products with the matrix."""
        return 2.0 * dim * self.rank

    def start(self, dim: int) -> NDArray[np.float64]:
        """The first Q, (n, r): values that look random, the same everywhere."""
        return np.random.Generator(np.random.PCG64(20190531)).standard_normal((self.shape(dim)[1], self.rank))
