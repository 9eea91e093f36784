"""Linear models: f_i(x) = (1/m_i) sum_j loss(a_j.x, b_j) + (reg/2)||x||^2 + lam sum_k x_k^2/(1+x_k^2).

The sum runs over the m_i rows of worker i, and f = (1/n) sum_i f_i: with shares of unequal size a row's
weight in f is 1/(n m_i), and all constants are those of this f. Least squares, logistic and robust regression
differ in the scalar loss only: its value, slope and curvature.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError, nearest
from ..common.options import choice, flag, integer, number
from .base import FloatArray, Noise, Problem, ProblemKernels
from .data import (
    BUNDLED,
    SYNTHETIC,
    compact,
    gaussian,
    load,
    numeric,
    own,
    split,
    standardised,
    with_intercept,
)
from .files import MOST_BYTES
from .optimum import minimise, newton
from .rows import (
    DIRECT,
    Spectrum,
    combine,
    curvature_solver,
    digest,
    gram_spectrum,
    is_sparse,
    norms_sq,
    scaled,
    scores,
    support,
    weighted_gram,
)

if TYPE_CHECKING:
    from ..theory.constants import Constants

# The largest feature value or target: fourth powers still are doubles.
LARGEST = 1e75
#: Up to so many features the workers' Hessians are compared.
MOST_COMPARED = 1000
# max |d/dr r^2/(1+r^2)|, attained at r = 1/sqrt(3).
BOUNDED_SLOPE = 3.0 * np.sqrt(3.0) / 8.0


@dataclass(frozen=True, kw_only=True)
class LinearOptions:
    """The options of the linear models; which of them a model takes, and with which defaults, the model says.

    Parameters
    ----------
    data
        "synthetic" (default); "breast_cancer" or "digits", bundled with scikit-learn; the path of a file: LIBSVM (.gz,
        .bz2 and .xz, too), .csv or .tsv, .npz with X and y, .npy; in Python also the rows themselves, dense, sparse
        or a data frame.
    targets
        In Python the targets that belong to such rows; with an .npy file the file of its targets.
    target
        Of a table: name or number (from 0) of the column of targets; the last one if left out.
    n_features
        Of a LIBSVM file: the number of features, where it is more than the largest that occurs.
    positive
        The label that is +1 where there are more than two; all others are -1 (logistic regression).
    rows, dim
        Size of the synthetic data, 400 x 20 by default.
    reg
        lambda of (lambda/2)||x||^2, a part of every f_i.
    lam
        lambda of the nonconvex regulariser lambda sum_k x_k^2/(1+x_k^2), a part of every f_i.
    homogeneous
        1: every worker holds all rows, so that all f_i are equal.
    split
        "shuffled", "sorted" (by target) or "given" (in their order) shares of the rows; in Python also an array of the
        workers' numbers (from 0), one a row. A worker's rows weigh 1/(n m_i) each in f, whatever its share.
    standardise
        1: features get mean 0 and variance 1. Default 1 for the bundled sets, whose features have different units, and
        0 for files, synthetic data and rows of one's own.
    intercept
        1: a feature that is always 1 comes before the others (after standardising).
    batch
        Rows that a worker draws per gradient. Left out: all its rows, the exact gradient.
    sampling
        "replacement" (default): the rows of every gradient are drawn anew, with replacement; "reshuffled": a worker
        goes through its rows in a random order, a fresh one in every epoch (random reshuffling), batch rows at a time.
    noise, sigma_sq
        Additive gradient noise and its total variance, in place of batch.
    l1, l2prox
        The regulariser l1 ||x||_1 + (l2prox/2)||x||^2 that the methods handle by its prox.
    target_noise
        Standard deviation of the noise in the synthetic targets.
    scale
        Standard deviation of the entries of the synthetic A.
    region
        R: the sharper bounds that hold where ||x - x*|| <= R take the place of those that hold everywhere, for zeta_sq
        and G (least squares and logistic regression); a verdict of a run that goes farther says so.
    x0
        The starting point: one number for all coordinates, in Python also an array (d,).
    seed
        Of the synthetic data and of the shuffle.
    """

    data: Any = SYNTHETIC
    rows: int | None = None
    dim: int | None = None
    reg: float = 0.0
    lam: float = 0.0
    homogeneous: int = 0
    split: Any = "shuffled"
    standardise: int | None = None
    batch: int | None = None
    sampling: str = "replacement"
    noise: str = "none"
    sigma_sq: float | None = None
    l1: float = 0.0
    l2prox: float = 0.0
    target_noise: float = 1.0
    scale: float = 1.0
    seed: int = 0
    targets: Any = None
    target: str | int | None = None
    n_features: int | None = None
    positive: Any = None
    intercept: int = 0
    region: float | None = None
    x0: Any = 0.0


def sparse_data(
    rows: Any, targets: FloatArray, index: NDArray[np.int64], offsets: NDArray[np.int64], parameters: FloatArray
) -> tuple[Any, ...]:
    """Return what `kernels.sparse` read, of CSR rows (m, d)."""
    layout = np.concatenate([[index.size, offsets.size], index, offsets, rows.indptr]).astype(np.int64)
    return rows.data[None, :], targets, layout, rows.indices.astype(np.int64), parameters


def shuffled_rows(noise: Noise, index: NDArray[np.int64], offsets: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the numbers (n,) of rows that the workers reshuffle; none where they do not.

    Raises
    ------
    InputError
        If an epoch of a worker is no whole number of gradients.
    """
    if not noise.reshuffled:
        return ()
    rows = tuple(np.diff(offsets)[index].tolist())
    batch = noise.batch or 1
    for worker, count in enumerate(rows):
        if count % batch:
            raise InputError(
                f"sampling=reshuffled goes through the {count} rows of worker {worker} in batches of {batch}, and "
                f"{batch} does not divide {count}: give batch=1, or other numbers of rows or workers"
            )
    return rows


class LinearModel(Problem):
    """Common part of the linear models; their options are described in `LinearOptions`.

    A model is a scalar loss, the names of the options that it does without, and the defaults that differ.
    """

    #: Options of `LinearOptions` that the model does not take, and defaults of its own.
    without: ClassVar[tuple[str, ...]] = ()
    defaults: ClassVar[dict[str, Any]] = {}
    #: Options that only this model has, with their defaults.
    further: ClassVar[dict[str, Any]] = {}
    # Code of the loss in the kernels, and the range of its second derivative.
    loss: int
    curvature: tuple[float, float]
    bounded = frozenset({"L_l1", "sigma_sq", "zeta_sq", "G", "G_mean", "G_sq_mean", "gap_star", "L_sample"})
    # Constants that come from the largest eigenvalues, and bounds where those are.
    _OF_SPECTRA = frozenset({"L", "L_tilde", "L_max", "L_mean", "L_shared", "grad0_scaled"})
    # Whether synthetic rows begin with a constant feature.
    constant_feature = False
    # The ways in which rows can be shared.
    splits: tuple[str, ...] = ("shuffled", "sorted", "given")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        taken = {
            field.name: (field.type, cls.defaults.get(field.name, field.default))
            for field in fields(LinearOptions)
            if field.name not in cls.without
        }
        for name, default in cls.further.items():
            taken[name] = (type(default).__name__, default)
        taken["workers"] = ("int", 1)
        keyword = inspect.Parameter.KEYWORD_ONLY
        cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, keyword, annotation=kind, default=value) for name, (kind, value) in taken.items()]
        )

    @classmethod
    def read_options(cls, given: dict[str, Any]) -> LinearOptions:
        """Return all options of `LinearOptions`, with the model's defaults.

        Raises
        ------
        InputError
            For an option that the model does not take.
        """
        known = [key for key in inspect.signature(cls).parameters if key != "workers"]
        for key in given:
            if key not in known:
                raise InputError(
                    f"problem '{cls.name}' has no option '{key}'{nearest(key, known)}; it takes: {', '.join(known)}"
                )
        return LinearOptions(**(cls.defaults | {k: v for k, v in given.items() if k not in cls.further}))

    def __init__(self, *, workers: int = 1, **given: Any) -> None:
        options = self.read_options(given)
        self.options = options
        self.homogeneous = flag("homogeneous", options.homogeneous)
        self.reg, self.lam = number("reg", options.reg), number("lam", options.lam)
        self.region = None if options.region is None else number("region", options.region, strict=True)
        if isinstance(options.split, str):
            choice("split", options.split, self.splits)
        A, targets, source = self._rows(options)
        self.from_objects = not isinstance(options.data, str)
        b = self.targets_of(targets, source, options.positive)
        if (largest := float(np.abs(b).max())) > LARGEST:
            raise InputError(
                f"data={source} has a target of {largest:.3g}: products of values above {LARGEST:g} overflow; "
                "rescale the targets"
            )
        named = {} if isinstance(options.data, str) else {"data": f"array/{A.shape[0]}x{A.shape[1]}/{digest(A, b)}"}
        super().__init__(
            A.shape[1], workers, l1=options.l1, l2prox=options.l2prox, x0=self.start(options, A.shape[1]),
            noise=Noise.read(options.noise, options.sigma_sq, options.batch, options.sampling),
            options=self.written(vars(options) | given | named),
        )  # fmt: skip
        share = split(b, self.workers, options.split, self.homogeneous, integer("seed", options.seed, low=0))
        self.A = A[share.order]
        self.b = np.ascontiguousarray(b[share.order])
        self.index, self.offsets = share.index, share.offsets
        self.shuffled = shuffled_rows(self.noise, self.index, self.offsets)
        if self.regulariser[0] > 0 and self.modulus + self.regulariser[1] == 0:
            raise InputError("l1 needs a strongly convex problem here: give reg > 0 or l2prox > 0")

    def _rows(self, options: LinearOptions) -> tuple[Any, NDArray[Any], str]:
        """Rows, dense or sparse, targets as the data have them, and what the data are called."""
        seed = integer("seed", options.seed, low=0)
        self.x_true: FloatArray | None = None
        source = str(options.data) if isinstance(options.data, str) else "X"
        if source == SYNTHETIC:
            foreign = {name: getattr(options, name) for name in ("targets", "target", "n_features", "positive")}
            for name, value in foreign.items():
                if value is not None:
                    raise InputError(f"{name}={value} is an option of data of your own; leave it out, or give data")
            A, targets, self.x_true = self._synthetic(
                integer("rows", 400 if options.rows is None else options.rows),
                integer("dim", 20 if options.dim is None else options.dim),
                number("target_noise", options.target_noise), seed, number("scale", options.scale, strict=True),
            )  # fmt: skip
        elif options.rows is not None or options.dim is not None:
            raise InputError(f"rows and dim are those of data={source}; leave them out, or leave data out")
        elif isinstance(options.data, str):
            A, targets = load(
                source, target=options.target, targets=options.targets,
                n_features=None if options.n_features is None else integer("n_features", options.n_features),
            )  # fmt: skip
            if source not in BUNDLED:
                A, targets = own(A, targets, source)
        else:
            for name in ("target", "n_features"):
                if (value := getattr(options, name)) is not None:
                    raise InputError(f"{name}={value} is an option of data files; leave it out where X and y are given")
            A, targets = own(options.data, options.targets)
        if flag("standardise", source in BUNDLED if options.standardise is None else options.standardise):
            A = standardised(A)
            self.x_true = None
        if flag("intercept", options.intercept):
            A = with_intercept(A)
            self.x_true = None
        A = compact(A)
        largest = float(np.abs(A.data if is_sparse(A) else A).max(initial=0.0))
        if largest > LARGEST:
            raise InputError(
                f"data={source} has a feature value of {largest:.3g}: products of values above {LARGEST:g} overflow; "
                "rescale the features (standardise=1)"
            )
        return A, targets, source

    @classmethod
    def written(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the options that differ from their defaults, as the text form shows them; arrays by a digest."""
        written: dict[str, Any] = {}
        for key, parameter in inspect.signature(cls).parameters.items():
            value = values.get(key, parameter.default)
            if key == "workers" or value is parameter.default:
                continue
            if isinstance(value, str | int | float | None):
                if value != parameter.default:
                    written[key] = int(value) if isinstance(value, bool) else value
            elif key != "targets":
                written[key] = f"array/{digest(value)}"
        return written

    @staticmethod
    def start(options: LinearOptions, dim: int) -> FloatArray:
        """The starting point (d,)."""
        x0 = options.x0
        return np.full(dim, number("x0", x0, low=-np.inf)) if np.ndim(x0) == 0 else np.asarray(x0, dtype=np.float64)

    def _synthetic(
        self, rows: int, dim: int, target_noise: float, seed: int, scale: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draw rows, targets and the parameters that the targets were made of."""
        return gaussian(rows, dim, target_noise, seed, self.constant_feature, scale)

    @staticmethod
    def targets_of(targets: NDArray[Any], source: str, positive: Any = None) -> FloatArray:
        """Make the model's targets (m,) of the data's.

        Raises
        ------
        InputError
            If they are not what the model takes.
        """
        if positive is not None:
            raise InputError(f"positive={positive} is an option of logistic regression; leave it out")
        return numeric(targets, source)

    @abstractmethod
    def _loss(self, t: FloatArray, b: FloatArray) -> FloatArray:
        """Return the scalar loss at scores t and targets b."""

    @abstractmethod
    def _slope(self, t: FloatArray, b: FloatArray) -> FloatArray:
        """Return its derivative with respect to t."""

    @abstractmethod
    def _curvature(self, t: FloatArray, b: FloatArray) -> FloatArray:
        """Return its second derivative with respect to t."""

    def span(self, worker: int) -> slice:
        """Return the rows of `worker`."""
        return self.shares[self.index[worker]]

    @cached_property
    def shares(self) -> list[slice]:
        """The distinct shares of the rows: one per worker, or a single one that all hold."""
        return [slice(low, high) for low, high in pairwise(self.offsets.tolist())]

    @cached_property
    def weights(self) -> FloatArray:
        """The weight (m,) of every row in f: 1/(n m_i), or 1/m where every worker holds all rows."""
        sizes = np.diff(self.offsets)
        return np.repeat(1.0 / (sizes.size * sizes), sizes)

    def _regulariser_value(self, X: FloatArray) -> FloatArray:
        return 0.5 * self.reg * np.sum(X**2, axis=-1) + self.lam * np.sum(X**2 / (1 + X**2), axis=-1)

    def _regulariser_gradient(self, X: FloatArray) -> FloatArray:
        return self.reg * X + 2 * self.lam * X / (1 + X**2) ** 2

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        A, b = self.A[self.span(worker)], self.b[self.span(worker)]
        return self._loss(scores(A, X), b).mean(axis=-1) + self._regulariser_value(X)

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        A, b = self.A[self.span(worker)], self.b[self.span(worker)]
        return combine(self._slope(scores(A, X), b), A) / b.size + self._regulariser_gradient(X)

    def value(self, X: Any) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        return self._loss(scores(self.A, X), self.b) @ self.weights + self._regulariser_value(X)

    def gradient(self, X: Any) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        return combine(self._slope(scores(self.A, X), self.b) * self.weights, self.A) + self._regulariser_gradient(X)

    def hessian(self, x: FloatArray) -> FloatArray:
        """Return the Hessian (d, d) of f at x (d,)."""
        return self._hessian_of(self.A, self.b, self.weights, x)

    def worker_hessian(self, worker: int, x: FloatArray) -> FloatArray:
        """Return the Hessian (d, d) of f_worker at x (d,)."""
        A, b = self.A[self.span(worker)], self.b[self.span(worker)]
        return self._hessian_of(A, b, np.full(b.size, 1.0 / b.size), x)

    def _hessian_of(self, A: Any, b: FloatArray, weights: FloatArray, x: FloatArray) -> FloatArray:
        diagonal = self.reg + 2 * self.lam * (1 - 3 * x**2) / (1 + x**2) ** 3
        return weighted_gram(A, self._curvature(A @ x, b) * weights) + np.diag(diagonal)

    @cached_property
    def row_norms_sq(self) -> FloatArray:
        """||a_j||^2 (m,)."""
        return norms_sq(self.A)

    @cached_property
    def worker_spectra(self) -> list[Spectrum]:
        """The ends of the spectrum of A_i^T A_i/m_i for every distinct share."""
        return [gram_spectrum(self.A[p], self.quadratic).divided(p.stop - p.start) for p in self.shares]

    @cached_property
    def spectrum(self) -> Spectrum:
        """The ends of the spectrum of (1/n) sum A_i^T A_i/m_i."""
        whole = gram_spectrum(scaled(self.A, np.sqrt(self.weights)), self.quadratic)
        if whole.exact:
            return whole
        mean = float(np.mean([spectrum.largest for spectrum in self.worker_spectra]))
        return whole._replace(largest=min(whole.largest, mean))

    @property
    def modulus(self) -> float:
        """A strong convexity that f certainly has; 0 if none is known."""
        return self.reg

    def convexity(self) -> dict[str, float]:
        """Return mu, mu_min and pl as far as the model has them."""
        return {}

    def _certainty(self, name: str) -> str:
        inexact = name in self._OF_SPECTRA and not all(s.exact for s in (self.spectrum, *self.worker_spectra))
        return "bound" if inexact else super()._certainty(name)

    def smoothness(self, largest: Any) -> Any:
        """Return the smoothness of a function whose data part has the largest eigenvalue `largest`."""
        return self.curvature[1] * largest + self.reg + 2 * self.lam

    @cached_property
    def sample_gradients_at_star(self) -> list[FloatArray] | None:
        """The (m_i, d) gradients of the losses of every worker's rows at x*, or None without x*."""
        x = self.x_star
        if x is None:
            return None
        regular, slope = self._regulariser_gradient(x), self._slope(self.A @ x, self.b)
        rows = [self.A[p].toarray() if is_sparse(self.A) else self.A[p] for p in self.shares]
        each = [slope[p, None] * a + regular for p, a in zip(self.shares, rows, strict=True)]
        return [each[k] for k in self.index]

    def _share_means(self, s: FloatArray) -> Iterator[FloatArray]:
        """Yield (1/m_i) sum_j s_j a_j (d,) for every distinct share."""
        for p in self.shares:
            yield combine(s[p], self.A[p]) / (p.stop - p.start)

    def gradient_spread(self, x: FloatArray) -> float:
        """Return the mean over workers of E||g_i - grad f_i||^2 at x (d,) for row sampling.

        Rows drawn without replacement vary less together: by (m_i - batch)/(m_i - 1).
        """
        slope, batch = self._slope(self.A @ x, self.b), self.noise.batch or 1
        sizes = np.diff(self.offsets)
        kept = (sizes - batch) / np.maximum(sizes - 1, 1) if self.noise.reshuffled else np.ones(sizes.size)
        second = np.sum(np.repeat(kept, sizes) * self.weights * slope**2 * self.row_norms_sq)
        first = float(np.mean([k * np.sum(v**2) for k, v in zip(kept, self._share_means(slope), strict=True)]))
        return max(float(second - first), 0.0) / batch

    @property
    def slope_bound(self) -> float | None:
        """The largest |loss'|, or None where it has no bound."""
        return None

    @property
    def slope_centres(self) -> tuple[FloatArray, float]:
        """Centres (m,) of the intervals in which the slopes of the rows lie, and half their common width."""
        return np.zeros(self.b.size), self.slope_bound or 0.0

    def _largest(self, slopes: FloatArray) -> FloatArray:
        """Bounds of ||(1/m_i) sum_j s_j a_j|| for every distinct share and all |s_j| <= slopes (m,).

        The mean of s_j ||a_j||, and sqrt(lambda_max(A_i^T A_i/m_i) mean s_j^2).
        """
        lengths = slopes * np.sqrt(self.row_norms_sq)
        mean = np.array([lengths[p].mean() for p in self.shares])
        squares = np.array([np.mean(slopes[p] ** 2) for p in self.shares])
        return np.minimum(mean, np.sqrt(squares * [spectrum.largest for spectrum in self.worker_spectra]))

    def _bounds_of_gradients(self) -> dict[str, float]:
        """Return sigma_sq, zeta_sq and G where the loss has bounded slope s.

        With rows a_j: a row's gradient has norm at most s||a_j||, and the mean over a worker's rows at most
        B_i = s min(mean ||a_j||, sqrt(lambda_max(A_i^T A_i/m_i))), which the l2 term leaves untouched in
        differences. sigma_sq is the largest worker's E||row gradient||^2/batch; zeta_sq <= (1/n) sum B_i^2, and, with
        slopes within h of centres c_j, also (1/n) sum (||C_i - avg C_i|| + (h/s) B_i)^2 by the triangle inequality in
        the mean square, C_i = (1/m_i) sum c_j a_j. G and the means of the workers' exact bounds add the nonconvex
        regulariser and are finite for reg = 0 only.
        """
        s = self.slope_bound
        if s is None:
            return {}
        largest = self._largest(np.full(self.b.size, s))
        second = s**2 * np.array([self.row_norms_sq[p].mean() for p in self.shares])
        batch = self.noise.batch
        variance = self.noise.sigma_sq if batch is None else float(second.max()) / batch
        bounds = {"sigma_sq": variance}
        if self.reg == 0:
            exact = largest + self.lam * BOUNDED_SLOPE * np.sqrt(self.dim)
            bounds["G"] = float(np.sqrt(exact.max() ** 2 + variance))
            bounds |= {"G_mean": float(exact.mean()), "G_sq_mean": float(np.mean(exact**2))}
        if not self.homogeneous:
            centres, half = self.slope_centres
            mean = combine(centres * self.weights, self.A)
            spread = float(np.sqrt(np.mean([np.sum((C - mean) ** 2) for C in self._share_means(centres)])))
            together = (spread + half / s * float(np.sqrt(np.mean(largest**2)))) ** 2
            bounds["zeta_sq"] = min(float(np.mean(largest**2)), together)
        return bounds

    def slope_lines(self, at: FloatArray, reach: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield (kappa, rho), (m,) each: |loss'(t) - loss'(at) - kappa (t - at)| <= rho wherever |t - at| <= reach."""
        if self.curvature[0] == self.curvature[1]:
            yield np.full(at.size, self.curvature[0]), np.zeros(at.size)

    def _bounds_in_region(self, L_i: FloatArray, known: dict[str, Any]) -> dict[str, float]:
        """Return zeta_sq, G and the means of the workers' bounds where ||x - x*|| <= region = R.

        ||grad f_i(x)|| <= ||grad f_i(x*)|| + L_i R; where slopes are bounded, also what they give and reg (||x*|| + R).
        With the lines of `slope_lines` at reach ||a_j|| R, grad f_i(x) - grad f(x) is its value at x*, plus (H_i -
        H)(x - x*) with H_i = A_i^T diag(kappa) A_i/m_i and H their mean, plus what lies within rho, which `_largest`
        bounds; sqrt(zeta_sq) is at most the sum of the root mean squares over the workers, whatever the lines.
        """
        assert self.region is not None
        if self.x_star is None:
            raise InputError("region is a distance from x*, and x* is not known for this problem: leave region out")
        R = self.region
        reached = np.sqrt(self._slopes_sq(self.x_star)) + L_i[self.index] * R
        if self.slope_bound is not None:
            everywhere = self._largest(np.full(self.b.size, self.slope_bound))[self.index]
            reached = np.minimum(reached, everywhere + self.reg * (float(np.linalg.norm(self.x_star)) + R))
        bounds = {"G_mean": float(reached.mean()), "G_sq_mean": float(np.mean(reached**2))}
        variance = self.noise.sigma_sq if self.noise.batch is None else known.get("sigma_sq")
        if variance is not None:
            bounds["G"] = float(np.sqrt(reached.max() ** 2 + variance))
        if self.homogeneous or self.workers == 1 or self.dim > MOST_COMPARED:
            return bounds
        zetas, ends = [known["zeta_sq"]] if "zeta_sq" in known else [], self.gradients_at_star
        assert ends is not None
        start = float(np.sqrt(np.mean(np.sum((ends - ends.mean(axis=0)) ** 2, axis=1))))
        for kappa, rho in self.slope_lines(self.A @ self.x_star, R * np.sqrt(self.row_norms_sq)):
            H = np.stack([weighted_gram(self.A[p], kappa[p] / (p.stop - p.start)) for p in self.shares])
            H -= H.mean(axis=0)
            apart = float(np.linalg.eigvalsh(np.einsum("ijk,ijl->kl", H, H) / len(H))[-1])
            rest = float(np.sqrt(np.mean(self._largest(rho) ** 2)))
            zetas.append((start + R * float(np.sqrt(max(apart, 0.0))) + rest) ** 2)
        return bounds | ({"zeta_sq": min(zetas)} if zetas else {})

    def constants(self) -> Constants:
        L_i = self.smoothness(np.array([spectrum.largest for spectrum in self.worker_spectra]))
        if L_i.min() == 0:
            raise InputError(
                f"a worker of {self.spec} has rows of zeros only, or of values whose squares vanish, and reg = 0: "
                "its f_i is constant; give reg > 0, or leave out such rows"
            )
        self._strength()
        known: dict[str, Any] = {
            "L": float(self.smoothness(self.spectrum.largest)),
            "L_tilde": float(np.sqrt(np.mean(L_i**2))),
            "L_max": float(L_i.max()),
            "overlap": self.overlap,
        } | self.convexity()
        if self.homogeneous or self.workers == 1:
            known["zeta_sq"] = 0.0
        known = self._bounds_of_gradients() | known
        if self.region is not None:
            known |= self._bounds_in_region(L_i, known)
            notes = known.get("notes", ())
            known["notes"] = (*notes, f"G and zeta_sq hold where ||x - x*|| <= {self.region:g} (region)")
        if self.noise.batch is not None:
            known["L_sample"] = self.expected_smoothness(self.noise.batch, L_i)
            known |= self._of_samples()
            if self.x_star is not None:
                known["sigma_star_sq"] = self.gradient_spread(self.x_star)
        if not (self.reg or self.lam):
            known["L_shared"] = max(self._busiest(L_i[self.index]), known["L_max"])
        return self.known(L_i[self.index], **known)

    def _of_samples(self) -> dict[str, Any]:
        """m where every worker has as many rows and draws one of them, and mu_sample where the losses are convex."""
        sizes = np.diff(self.offsets)
        known: dict[str, Any] = {}
        if self.noise.batch == 1 and np.all(sizes == sizes[0]):
            known["m"] = int(sizes[0])
        if self.curvature[0] >= 0 and self.lam == 0:
            # A row's loss is curved along the row alone.
            along = self.curvature[0] * float(self.row_norms_sq.min()) if self.dim == 1 else 0.0
            known["mu_sample"] = along + self.reg
        return known

    def expected_smoothness(self, batch: int, L_i: FloatArray) -> float:
        """Return the expected smoothness of a batch that is drawn with replacement, of the worst worker.

        E||g_i(x) - g_i(y)||^2 <= 2 L_i(batch) D_i(x, y) for convex losses, D_i the Bregman distance of f_i, with
        L_i(batch) = L_row/batch + (1 - 1/batch) L_i, L_row the largest smoothness of a row's loss (Gower, Loizou,
        Qian, Sailanbayev, Shulgin, Richtarik 2019, arXiv 1901.09401). Where losses are not convex, that of one row.
        """
        rows = np.array([self.smoothness(self.row_norms_sq[p].max()) for p in self.shares])
        if self.curvature[0] < 0 or self.lam > 0:
            return float(rows.max())
        return float((rows / batch + (1 - 1 / batch) * L_i).max())

    def supports(self) -> NDArray[np.bool_]:
        """Return the coordinates (n, d) that worker i's gradient can move: those of its rows, or all."""
        if self.reg > 0 or self.lam > 0:
            return np.ones((self.workers, self.dim), dtype=np.bool_)
        return np.stack([support(self.A[self.span(i)]) for i in range(self.workers)])

    @property
    def overlap(self) -> int:
        """The largest number of workers whose gradients move one coordinate."""
        return self.workers if self.reg > 0 or self.lam > 0 else max(int(self._busiest(np.ones(self.workers))), 1)

    def _busiest(self, sizes: FloatArray) -> float:
        """The largest sum, over the workers whose rows have a coordinate, of their sizes (n,)."""
        total = np.zeros(self.dim)
        for p, size in zip(self.shares, np.bincount(self.index, sizes), strict=True):
            total += size * support(self.A[p])
        return float(total.max())

    @cached_property
    def infima(self) -> FloatArray:
        """Lower bounds (n,) of inf f_i: no term is negative."""
        return np.zeros(self.workers)

    def _strength(self) -> float:
        """The strong convexity that F certainly has; 0 if none is known.

        Raises
        ------
        InputError
            If it is lost in the rounding of the Hessian.
        """
        modulus, L = self.modulus + self.regulariser[1], float(self.smoothness(self.spectrum.largest))
        if self.reg + self.regulariser[1] > 0 and modulus < 2.0**-52 * L:
            raise InputError(
                f"reg={self.reg:g} is lost in rounding next to the smoothness {L:.3g}; give at least {1e-15 * L:.1g}"
            )
        return modulus

    @cached_property
    def x_star(self) -> FloatArray | None:
        """The minimiser (d,) of F, where F is known to be strongly convex; None otherwise."""
        L = float(self.smoothness(self.spectrum.largest))
        if self._strength() == 0:
            return None
        l1, l2 = self.regulariser
        if self.dim <= min(DIRECT, max(self.b.size, DIRECT // 4)) or l1 > 0:
            if 8.0 * self.dim**2 > MOST_BYTES:
                raise InputError(
                    f"the minimiser with l1={l1:g} takes a {self.dim} x {self.dim} matrix, "
                    f"{8e-9 * self.dim**2:.3g} GB; the limit is {MOST_BYTES / 1e9:g} GB: "
                    "leave l1 out, or use fewer features"
                )
            return minimise(self.gradient, self.hessian, L, self.x0, l1, l2)
        return newton(lambda x: self.gradient(x) + l2 * x, self._newton_step, self.x0)

    def _newton_step(self, x: FloatArray) -> Callable[[FloatArray], FloatArray]:
        """Return how the Hessian of F at x (d,) is solved where it has too many features to be written down."""
        curved = self._curvature(self.A @ x, self.b) * self.weights
        return curvature_solver(self.A, curved, self.reg + self.regulariser[1])

    def magnitudes(self) -> tuple[float, float, int]:
        """Sizes at x* (at a point of size sqrt(d) where it is unknown).

        A score is known up to |a_j|.|x| + |b_j|, which the curvature passes on to its slope; an error e_j in
        every slope moves the gradient by at most sqrt(lambda_max sum_j w_j e_j^2), lambda_max that of (1/n)
        sum A_i^T A_i/m_i.
        """
        x = np.ones(self.dim) if self.x_star is None else self.x_star
        slope = np.abs(self._slope(self.A @ x, self.b))
        score = abs(self.A) @ np.abs(x) + np.abs(self.b)
        spread = float(np.sqrt(self.spectrum.largest * (self.weights @ (slope + self.curvature[1] * score) ** 2)))
        terms = self.dim + self.workers + int(np.diff(self.offsets).max())
        gradient = spread + (self.reg + 2 * self.lam) * float(np.linalg.norm(x))
        return gradient, float(self.weights @ (slope * score) + self.value(x)), terms

    def kernels(self) -> ProblemKernels:
        batch = self.noise.batch or 0
        parameters = np.array([self.loss, self.reg, self.lam, batch], dtype=np.float64)
        if is_sparse(self.A):
            from .kernels import sparse

            return ProblemKernels(
                sparse.sampled_gradient if batch else sparse.gradient,
                sparse.gradient,
                sparse.value,
                sparse_data(self.A, self.b, self.index, self.offsets, parameters),
                batch,
                self.shuffled,
            )
        from .kernels import linear

        return ProblemKernels(
            linear.sampled_gradient if batch else linear.gradient,
            linear.gradient,
            linear.value,
            (self.A, self.b, self.index, self.offsets, parameters),
            batch,
            self.shuffled,
        )
