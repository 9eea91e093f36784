"""Linear algebra with rows (m, d) that are a NumPy array or a SciPy CSR array: one spelling for both."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from .files import MOST_BYTES

FloatArray = NDArray[np.float64]

#: The smaller side of a Gram matrix whose spectrum is computed whole, and of a system that is solved directly.
DIRECT = 4000
#: From this ratio of extreme eigenvalues on, the Gram matrix gives the smallest one to half the digits or better.
WELL_CONDITIONED = 1e-8
#: Numbers up to which rows are decomposed themselves, without a look at their Gram matrix.
MUCH = 1 << 20
#: Relative residual at which conjugate gradients and the Lanczos method stop, and the most iterations of the former.
RESIDUAL, ITERATIONS = 1e-12, 10_000
#: The smaller side of a Gram matrix up to which all eigenvalues are computed although one is asked for.
FEW = 500
#: Restarts after which the Lanczos method gives up, and steps of the power method for a bound then.
RESTARTS, POWERS = 150, 30


def is_sparse(rows: Any) -> bool:
    """Whether the rows are stored by their nonzero entries."""
    return not isinstance(rows, np.ndarray)


def scores(rows: Any, X: FloatArray) -> FloatArray:
    """Return a_j.x for points X (..., d), shape (..., m)."""
    if isinstance(rows, np.ndarray):
        return X @ rows.T
    flat = np.ascontiguousarray(X.reshape(-1, X.shape[-1]))
    return np.asarray((rows @ flat.T).T).reshape(*X.shape[:-1], rows.shape[0])


def combine(S: FloatArray, rows: Any) -> FloatArray:
    """Return sum_j s_j a_j for weights S (..., m), shape (..., d)."""
    if isinstance(rows, np.ndarray):
        return S @ rows
    flat = np.ascontiguousarray(S.reshape(-1, S.shape[-1]))
    return np.asarray((rows.T @ flat.T).T).reshape(*S.shape[:-1], rows.shape[1])


def scaled(rows: Any, factors: FloatArray) -> Any:
    """Return the rows times one factor each (m,)."""
    if isinstance(rows, np.ndarray):
        return rows * factors[:, None]
    copy = rows.copy()
    copy.data = copy.data * np.repeat(factors, np.diff(copy.indptr))
    return copy


def norms_sq(rows: Any) -> FloatArray:
    """Return ||a_j||^2 (m,)."""
    if isinstance(rows, np.ndarray):
        return np.einsum("jk,jk->j", rows, rows)
    return np.asarray(rows.multiply(rows).sum(axis=1)).ravel()


def support(rows: Any) -> NDArray[np.bool_]:
    """Return which features (d,) occur in any row."""
    if isinstance(rows, np.ndarray):
        return np.asarray((rows != 0).any(axis=0))
    return np.bincount(rows.indices[rows.data != 0], minlength=rows.shape[1]) > 0


def gram(rows: Any) -> FloatArray:
    """Return the smaller one of rows^T rows (d, d) and rows rows^T (m, m), dense."""
    product = rows.T @ rows if rows.shape[0] >= rows.shape[1] else rows @ rows.T
    return np.asarray(product if isinstance(product, np.ndarray) else product.toarray())


def weighted_gram(rows: Any, weights: FloatArray) -> FloatArray:
    """Return sum_j w_j a_j a_j^T (d, d), dense."""
    product = scaled(rows, weights).T @ rows
    return np.asarray(product.toarray() if is_sparse(product) else product)


class Spectrum(NamedTuple):
    """The ends of the spectrum of rows^T rows.

    Attributes
    ----------
    largest
        lambda_max, or a bound of it.
    smallest
        lambda_min; 0 where it is lost in rounding or not computed.
    exact
        Whether `largest` is lambda_max (to rounding), not only a bound.
    complete
        Whether `smallest` is lambda_min, not only a bound.
    """

    largest: float
    smallest: float = 0.0
    exact: bool = True
    complete: bool = True

    @property
    def well_conditioned(self) -> bool:
        """Whether `smallest` is so far from zero that the Gram matrix gives it."""
        return self.smallest > WELL_CONDITIONED * self.largest

    def divided(self, by: float) -> Spectrum:
        """That of rows^T rows/by."""
        return self._replace(largest=self.largest / by, smallest=self.smallest / by)


def gram_spectrum(rows: Any, lowest: bool = True) -> Spectrum:
    """Return the ends of the spectrum of rows^T rows, in time and memory that go with the nonzero entries.

    The whole spectrum is computed where the matrix is small, or where the smallest eigenvalue is asked for and not zero
    anyhow, as it is with fewer rows than features. Else the Lanczos method finds the largest one alone.

    Parameters
    ----------
    lowest
        Whether the smallest eigenvalue is asked for.
    """
    dim = rows.shape[1]
    rows, _ = occurring(rows)
    singular = min(rows.shape) < dim
    if min(rows.shape) <= (DIRECT if lowest and not singular else FEW):
        values = np.linalg.eigvalsh(gram(rows)) if min(rows.shape) else np.zeros(1)
        largest = max(float(values[-1]), 0.0)
        lost = singular or values[0] <= dim * 2.0**-52 * largest
        return Spectrum(largest, 0.0 if lost else float(values[0]))
    largest, exact = _largest(rows)
    return Spectrum(largest, 0.0, exact, singular)


def occurring(rows: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the rows without the features that none of them has, and the numbers of those that are left; sparse only.

    Dense rows are returned as they are.
    """
    if isinstance(rows, np.ndarray):
        return rows, np.arange(rows.shape[1])
    there = np.flatnonzero(support(rows))
    if there.size == rows.shape[1]:
        return rows, there
    place = np.zeros(rows.shape[1], dtype=rows.indices.dtype)
    place[there] = np.arange(there.size)
    kept = rows.copy()
    kept.eliminate_zeros()
    return type(rows)((kept.data, place[kept.indices], kept.indptr), shape=(rows.shape[0], there.size)), there


Lift = Callable[[FloatArray], FloatArray]


def factors(rows: Any) -> tuple[FloatArray, FloatArray, Lift]:
    """Return (U, s, z -> V z) of rows = U diag(s) V^T without what is zero up to rounding: U (m, r), s (r,) falling.

    The one place where a rank is decided. The Gram matrix, whose eigenvalues are the squares, could not tell those
    below 1e-8 of the largest from zero; it serves where there are none, and rows are long.

    Raises
    ------
    InputError
        If both sides of the rows are long, or the rows written down are too large.
    """
    held, there = occurring(rows)
    (m, k), what = held.shape, f"reg=0 with {rows.shape[0]} x {rows.shape[1]} rows"
    if min(m, k) > DIRECT:
        raise InputError(
            f"{what} takes a singular value decomposition; the limit is {DIRECT} on the smaller side: give reg > 0"
        )
    if m < k and m * k > MUCH:
        values, Q = np.linalg.eigh(gram(held))
        if values[0] > WELL_CONDITIONED * values[-1]:
            U, s = Q[:, ::-1], np.sqrt(values[::-1])
            return U, s, lambda z: np.asarray(rows.T @ (U @ (z / s)))
    if 8.0 * m * k > MOST_BYTES:
        raise InputError(
            f"{what} takes a singular value decomposition of {8e-9 * m * k:.3g} GB, so ill-conditioned are they; "
            f"the limit is {MOST_BYTES / 1e9:g} GB: give reg > 0"
        )
    U, s, Vt = np.linalg.svd(held.toarray() if is_sparse(held) else held, full_matrices=False)
    kept = s > max(rows.shape) * 2.0**-52 * s[0]
    V = Vt[kept].T

    def lift(z: FloatArray) -> FloatArray:
        x = np.zeros(rows.shape[1])
        x[there] = V @ z
        return x

    return U[:, kept], s[kept], lift


def _largest(rows: Any) -> tuple[float, bool]:
    """(lambda_max of rows^T rows, True); where the Lanczos method does not get there (a bound of it, False).

    A start at random lacks the eigenvector with probability zero.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    if rows.shape[0] < rows.shape[1]:
        rows = rows.T.tocsr() if is_sparse(rows) else rows.T
    if not (rows.data if is_sparse(rows) else rows).any():
        return 0.0, True
    side = rows.shape[1]
    back = rows.T.tocsr() if is_sparse(rows) else rows.T
    operator = LinearOperator((side, side), matvec=lambda x: back @ (rows @ x), dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(side)
    try:
        found = eigsh(operator, k=1, which="LA", v0=start, tol=RESIDUAL, maxiter=RESTARTS, return_eigenvectors=False)
    except ArpackNoConvergence:
        return _largest_at_most(abs(rows)), False
    return max(float(found[-1]), 0.0), True


def _largest_at_most(rows: Any) -> float:
    """A bound of lambda_max of rows^T rows for rows without a negative entry.

    The smaller one of the trace and of max_k (rows^T rows v)_k/v_k, which is a bound for every v > 0 (Collatz) and
    falls along the power method.
    """
    v, bound = np.ones(rows.shape[1]), float(norms_sq(rows).sum())
    for _ in range(POWERS):
        w = rows.T @ (rows @ v)
        bound = min(bound, float((w / v).max()))
        v = np.maximum(w / w.max(), 1e-100)
    return bound * (1 + sum(rows.shape) * 2.0**-52)


def curvature_solver(rows: Any, curved: FloatArray, diagonal: float) -> Callable[[FloatArray], FloatArray]:
    """Return g -> (rows^T diag(curved) rows + diagonal I)^{-1} g, without a (d, d) matrix where d is large.

    By the (m, m) system of the Woodbury identity where there are fewer rows than features, otherwise by conjugate
    gradients, with the diagonal as preconditioner, to a relative residual of 1e-12: Newton's method corrects what that
    leaves.

    Raises
    ------
    InputError
        If they do not get there.
    """
    B = scaled(rows, np.sqrt(np.maximum(curved, 0.0)))
    if rows.shape[0] <= min(DIRECT, rows.shape[1]):
        from scipy.linalg import cho_factor, cho_solve

        small = np.asarray(B @ B.T if isinstance(B, np.ndarray) else (B @ B.T).toarray())
        factor = cho_factor(small + diagonal * np.eye(small.shape[0]))
        return lambda g: (g - B.T @ cho_solve(factor, B @ g)) / diagonal
    from scipy.sparse.linalg import LinearOperator, cg

    side = rows.shape[1]
    operator = LinearOperator((side, side), matvec=lambda x: B.T @ (B @ x) + diagonal * x, dtype=np.float64)
    own = norms_sq(B.T) + diagonal
    preconditioner = LinearOperator((side, side), matvec=lambda x: x / own, dtype=np.float64)

    def solve(g: FloatArray) -> FloatArray:
        x, unfinished = cg(operator, g, rtol=RESIDUAL, maxiter=ITERATIONS, M=preconditioner)
        if unfinished:
            raise InputError(
                f"the minimiser is not found within {ITERATIONS} steps of conjugate gradients, so ill-conditioned is "
                f"the problem with reg + l2prox = {diagonal:g}: give a larger reg, or rescale the features"
            )
        return np.asarray(x)

    return solve


def digest(*things: Any) -> str:
    """Return a short digest of arrays, dense or sparse: 16 hexadecimal digits."""
    hashed = blake2b(digest_size=8)
    for thing in things:
        parts = (thing.data, thing.indices, thing.indptr) if is_sparse(thing) and hasattr(thing, "indptr") else (thing,)
        for part in parts:
            array = np.ascontiguousarray(part)
            hashed.update(str((array.dtype.str, array.shape)).encode())
            hashed.update(array.view(np.uint8).data if array.size else b"")
    return hashed.hexdigest()
