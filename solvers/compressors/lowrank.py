"""What the low-rank compressors share: from P to the message, and from the factors to the vector."""

import numpy as np
from numba import njit, types

from ...common.errors import InputError
from ...theory.compressors import VALUE_LOW_BITS, LowRank
from ..signatures import INNER
from .reductions import dot, length, truncated
from .remake import agree, compressed, source
from .symbols import pattern
from .wire import Floats, Origin, Reader, fixed, packed

f8 = types.float64
NEGLIGIBLE = 1e-10
"""A column of P that loses all but this share to the columns before it carries no direction of its own."""


@njit(**INNER)
def fill(row, matrix):
    """Fill a matrix row by row, and the rest with zeros."""
    m, n = matrix.shape
    for i in range(m):
        for j in range(n):
            matrix[i, j] = row[i * n + j] if i * n + j < row.size else 0.0


@njit(**INNER)
def orthonormalise(p):
    """Gram and Schmidt on the rows, twice, which is enough; a row that depends on those before it becomes zero."""
    for k in range(p.shape[0]):
        row = p[k]
        before = length(row)
        for _ in range(2):
            for other in range(k):
                share = dot(row, p[other])
                for i in range(row.size):
                    row[i] -= share * p[other, i]
        norm = length(row)
        for i in range(row.size):
            row[i] = 0.0 if norm <= NEGLIGIBLE * before else row[i] / norm


@njit(**INNER)
def keep(p, q, state):
    """Write Q, then P, into the state of one replica."""
    rank, n = q.shape
    for k in range(rank):
        for j in range(n):
            state[k * n + j] = q[k, j]
        for i in range(p.shape[1]):
            state[rank * n + k * p.shape[1] + i] = p[k, i]


@njit(**INNER)
def project(matrix, p, q, shrink, to):
    """Round P (r, m), compute Q = shrink A^T P (r, n), round it, write P^T Q; factors lie row by row."""
    (rank, m), n = p.shape, q.shape[1]
    for k in range(rank):
        for j in range(n):
            q[k, j] = 0.0
        for i in range(m):
            p[k, i] = truncated(p[k, i], VALUE_LOW_BITS)
            for j in range(n):
                q[k, j] += matrix[i, j] * p[k, i]
        for j in range(n):
            q[k, j] = truncated(shrink * q[k, j], VALUE_LOW_BITS)
    for j in range(to.size):
        to[j] = 0.0
    for i in range(m):
        row = to[i * n : (i + 1) * n]
        for k in range(rank):
            for j in range(row.size):
                row[j] += p[k, i] * q[k, j]


def product(p: Floats, q: Floats, dim: int) -> Floats:
    """The vector that factors (r, m) and (r, n) make, with the kernel's order of summation."""
    value = np.zeros((p.shape[1], q.shape[1]))
    for row, column in zip(p, q, strict=True):
        value += np.outer(row, column)
    return value.ravel()[:dim] + 0.0


def numbers(comp: LowRank, dim: int) -> list[float]:
    """Rows, columns, rank, the shortening of Q, bits of a message."""
    comp.check(dim)
    m, n = comp.shape(dim)
    return [m, n, comp.rank, comp.shrink, 8 * (4 * comp.rank * (m + n))]


class FactorsCodec:
    """The two factors in 32 bits an entry."""

    def encode(self, comp: LowRank, message: Floats, origin: Origin) -> bytes:

        dim = message.size
        (m, n), rank = comp.shape(dim), comp.rank
        if not comp.stateful:
            factors = compressed(comp, source(comp, origin, dim), origin, rank * (m + n))[1]
        elif origin.state is None or origin.state.size != rank * (m + n):
            raise InputError(f"{comp.spec}: its messages need what the sender keeps (state=)")
        else:
            factors = origin.state
        q, p = factors[: rank * n].reshape(rank, n), factors[rank * n :].reshape(rank, m)
        agree(comp, product(p, q, dim), message)
        return packed(fixed(pattern(np.ascontiguousarray(factors), VALUE_LOW_BITS, comp.spec), 32))

    def read(self, comp: LowRank, reader: Reader, dim: int, coins: Floats | None) -> Floats:

        (m, n), rank = comp.shape(dim), comp.rank
        q = reader.floats(rank * n, VALUE_LOW_BITS, signed=True).reshape(rank, n)
        p = reader.floats(rank * m, VALUE_LOW_BITS, signed=True).reshape(rank, m)
        with np.errstate(over="ignore", invalid="ignore"):
            value = product(p, q, dim)
        if not np.all(np.isfinite(value)):
            raise reader.malformed("its factors overflow")
        return value

    def entropy(self, comp: LowRank, message: Floats, origin: Origin) -> float:
        return 32.0 * comp.rank * sum(comp.shape(message.size))
