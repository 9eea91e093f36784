"""Linear algebra with rows (m, d) that are a NumPy array or a SciPy CSR array: one spelling for both."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: The smaller side of a Gram matrix whose spectrum is computed whole, and of a system that is solved directly.
DIRECT = 4000
#: Relative residual at which conjugate gradients stop, and their most iterations.
RESIDUAL, ITERATIONS = 1e-12, 10_000


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
    """Eigenvalues of rows^T rows.

    Attributes
    ----------
    values
        Ascending; those of a wide matrix without the zeros beyond m. The last one is the largest.
    complete
        Whether they are all there; of very large matrices only the largest one is computed.
    """

    values: FloatArray
    complete: bool = True

    @property
    def largest(self) -> float:
        """lambda_max."""
        return float(self.values[-1])

    def smallest(self, dim: int) -> float:
        """lambda_min of the (d, d) matrix, 0 where it is lost in rounding or not computed."""
        if not self.complete or self.values.size < dim:
            return 0.0
        return float(self.values[0]) if self.values[0] > dim * 2.0**-52 * self.values[-1] else 0.0

    def divided(self, by: float) -> Spectrum:
        """The spectrum of rows^T rows/by."""
        return Spectrum(self.values / by, self.complete)


def gram_spectrum(rows: Any) -> Spectrum:
    """Return the eigenvalues of rows^T rows; of a very large one the largest alone, by the Lanczos method."""
    if min(rows.shape) <= DIRECT:
        return Spectrum(np.maximum(np.linalg.eigvalsh(gram(rows)), 0.0))
    from scipy.sparse.linalg import LinearOperator, eigsh

    side = rows.shape[1]
    operator = LinearOperator((side, side), matvec=lambda x: rows.T @ (rows @ x), dtype=np.float64)
    start = np.random.default_rng(0).standard_normal(side)
    largest = eigsh(operator, k=1, which="LA", v0=start, tol=0, return_eigenvectors=False)
    return Spectrum(np.maximum(largest, 0.0), complete=False)


def curvature_solver(rows: Any, curved: FloatArray, diagonal: float) -> Callable[[FloatArray], FloatArray]:
    """Return g -> (rows^T diag(curved) rows + diagonal I)^{-1} g, without a (d, d) matrix where d is large.

    By the (m, m) system of the Woodbury identity where there are fewer rows than features, otherwise by conjugate
    gradients to a relative residual of 1e-12: Newton's method corrects what that leaves.
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
    return lambda g: np.asarray(cg(operator, g, rtol=RESIDUAL, maxiter=ITERATIONS)[0])


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
