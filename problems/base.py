"""What every problem is: minimise f(x) + l1 ||x||_1 + (l2/2)||x||^2, f = (1/n) sum_i f_i, on n workers.

A problem states the constants that theorems ask for, exactly or as valid bounds, says where its minimiser
lies, and gives its gradients twice: as NumPy expressions to read, and as kernels for the engines to run.

To make a problem of your own, derive from `Problem`, set ``name``, implement `worker_value`,
`worker_gradient`, `constants` and `kernels`, and, where they are known, pass or override ``x_star`` and
``f_star``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.door import checked, is_real, require_types, shown
from ..common.errors import InputError, counted
from ..common.hooks import NUMBER, SIZE, TRUTH, Promise, array, by_name, instance, perhaps, several, watch
from ..common.limits import require_memory
from ..common.options import choice, integer, number
from ..common.specs import format_spec, parameters_of
from ..theory.constants import Constants
from .optimum import soft_threshold, subgradient_norm

FloatArray = NDArray[np.float64]

UNIT_ROUNDOFF = 2.0**-53
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Noise:
    """How a worker's gradient is noisy: additively (the engine adds it), or because it samples its rows.

    Parameters
    ----------
    kind
        "none", or the law of every coordinate of an additive noise: "gaussian", "uniform", "rademacher".
    sigma_sq
        E||noise||^2 of the additive noise, summed over the coordinates (sigma_sq/d each).
    batch
        Rows drawn per gradient; None where the gradient is not row-sampled.
    sampling
        "replacement": every gradient draws its rows anew; "reshuffled": a worker goes through its rows in a random
        order, a fresh one for every epoch (random reshuffling).
    """

    kind: str = "none"
    sigma_sq: float = 0.0
    batch: int | None = None
    sampling: str = "replacement"

    KINDS = ("none", "gaussian", "uniform", "rademacher")
    SAMPLINGS = ("replacement", "reshuffled")

    def __post_init__(self) -> None:
        require_types(self)
        choice("noise", self.kind, self.KINDS)
        number("sigma_sq", self.sigma_sq)
        if self.kind == "none" and self.sigma_sq > 0:
            raise InputError(
                f"sigma_sq={self.sigma_sq:g} needs a distribution: add noise=gaussian, uniform or rademacher"
            )
        if self.batch is not None:
            integer("batch", self.batch)
            if self.kind != "none":
                raise InputError(f"noise={self.kind} and batch={self.batch} exclude each other: give one of them")
        choice("sampling", self.sampling, self.SAMPLINGS)
        if self.reshuffled and self.batch is None:
            raise InputError("sampling=reshuffled is for sampled rows: add batch=1, or another number of rows")

    @property
    def reshuffled(self) -> bool:
        """Whether rows are drawn without replacement."""
        return self.sampling == "reshuffled"

    @classmethod
    def read(cls, kind: str, sigma_sq: float | None, batch: int | None = None, sampling: str = "replacement") -> Noise:
        """Build from a problem's options; a law without sigma_sq has sigma_sq = 1."""
        if sigma_sq is None:
            sigma_sq = 0.0 if kind == "none" else 1.0
        return cls(kind, number("sigma_sq", sigma_sq), batch, sampling)


@dataclass(frozen=True)
class ProblemKernels:
    """A problem's kernels, with the signatures of `problems.kernels.signatures`.

    Attributes
    ----------
    gradient
        The oracle: row-sampled where the problem says batch, else the exact gradient.
    exact_gradient, value
        Gradient and value of f_worker.
    data
        What the kernels read; shared by all workers and replicas.
    draws
        Uniforms that `gradient` takes per replica.
    shuffled
        The numbers (n,) of rows of the workers, where they are reshuffled: row j of m is then the uniform (j + 1/2)/m,
        and the engine sees to it that every row comes once in an epoch. Empty where rows are drawn anew.
    onto
        If there is one, the kernel that adds the coordinates of a range of what `exact_gradient` writes, in one pass.
    """

    gradient: Callable[..., None]
    exact_gradient: Callable[..., None]
    value: Callable[..., None]
    data: tuple[Any, ...]
    draws: int = 0
    shuffled: tuple[int, ...] = ()
    onto: Callable[..., None] | None = None


def given_options(entry: type, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those arguments of a constructor that differ from their defaults, `workers` aside."""
    for key, value in arguments.items():
        if isinstance(value, np.ndarray):
            raise InputError(f"{key} is an array of shape {value.shape}: give one value")
    return {
        key: int(arguments[key]) if isinstance(arguments[key], bool) else arguments[key]
        for key, parameter in parameters_of(entry).items()
        if key != "workers" and arguments[key] != parameter.default
    }


def _of_worker(function: Callable[..., FloatArray]) -> Callable[..., FloatArray]:
    """Have a function of a worker and of points refuse workers and shapes that there are not."""

    @wraps(function)
    def call(self: Problem, worker: int, X: ArrayLike) -> FloatArray:
        return function(self, integer("worker", worker, -self.workers, self.workers - 1), self._at(X))

    return checked(call)


class Problem(ABC):
    """A problem on n workers.

    Parameters
    ----------
    dim, workers
        d and n.
    x0
        Starting point (d,), the same for every replica; zeros by default.
    noise
        The workers' gradient noise.
    l1, l2prox
        The regulariser R(x) = l1 ||x||_1 + (l2prox/2)||x||^2 that the methods handle by its prox.
    options
        What the text form shows.

    Attributes
    ----------
    spec : str
        Text form that `problem` reads back.
    region : float | None
        The distance from x_star up to which constants hold that hold nowhere else; None if they hold everywhere.
    """

    name = "custom"
    # Whether every f_i is a quadratic function.
    quadratic = False
    region: float | None = None
    #: Whether they hold as well where only the mean square of the distance is at most region^2.
    region_in_mean_square = False
    #: Names of the constants that are valid bounds, perhaps loose ones; the others are exact to rounding.
    bounded: frozenset[str] = frozenset({"L_l1"})

    def __init__(
        self,
        dim: int,
        workers: int = 1,
        *,
        x0: ArrayLike | None = None,
        noise: Noise | None = None,
        l1: float = 0.0,
        l2prox: float = 0.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.dim = integer("dim", dim)
        self.workers = integer("workers", workers)
        self.noise = Noise() if noise is None else noise
        self.regulariser = (number("l1", l1), number("l2prox", l2prox))
        require_memory(
            float(self.dim) * (1 + self.workers),
            f"{counted(self.workers, 'worker')} with vectors of {counted(self.dim, 'coordinate')}",
        )
        self.x0: FloatArray = np.zeros(self.dim) if x0 is None else np.array(x0, dtype=np.float64)
        if self.x0.shape != (self.dim,) or not np.isfinite(self.x0).all():
            raise InputError(f"x0 has shape {self.x0.shape}; it must be {self.dim} finite numbers, one per coordinate")
        self.spec = format_spec(self.name, options or {})

    @staticmethod
    @checked
    def from_functions(
        value: Callable[[FloatArray], float] | Sequence[Callable[[FloatArray], float]],
        gradient: Callable[[FloatArray], ArrayLike] | Sequence[Callable[[FloatArray], ArrayLike]],
        *,
        dim: int,
        workers: int | None = None,
        **options: Any,
    ) -> Problem:
        """Make a problem of your own functions.

        Parameters
        ----------
        value, gradient
            Functions of a point x (d,) that return f_i(x) and grad f_i(x) (d,): one for all workers, or a list with one
            for each. Plain Python functions are called back from the engine, one point at a time, which is slow and
            works in one process only (the engine simulate); numba functions (``numba.njit``) are called at full speed.
        dim, workers
            d and n; n is the length of the lists if left out.
        options
            ``L``, ``mu``, ``L_max`` and further constants of `Constants` that you state (`tersegrad.certify` checks
            them); ``x_star`` and ``f_star``, where they are known; ``x0``, ``noise``, ``sigma_sq``, ``l1`` and
            ``l2prox``, as problems of the library take them; ``name``.

        Raises
        ------
        InputError
            For what is not a function, numbers that do not match, an unknown constant, or a function that does not
            return finite numbers of the right shape at x0.

        Examples
        --------
        >>> import numpy as np
        >>> from tersegrad.problems import Problem
        >>> p = Problem.from_functions(
        ...     lambda x: float(np.sum(np.cosh(x) - 1)), np.sinh, dim=3, L=4.0, x0=[1.0, 2.0, 0.5], f_star=0.0
        ... )
        >>> p.constants().L, round(p.constants().gap0, 4)
        (4.0, 3.4329)
        """
        from .functions import from_functions

        return from_functions(value, gradient, dim=dim, workers=workers, **options)

    def __repr__(self) -> str:
        return f"<{self.spec}, {counted(self.workers, 'worker')}>"

    @abstractmethod
    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        """Return f_worker at points X (..., d), shape (...)."""

    @abstractmethod
    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        """Return grad f_worker at points X (..., d), shape (..., d)."""

    @abstractmethod
    def constants(self) -> Constants:
        """Return what is known of the problem, exact or valid; None where infinite or unknown."""

    @abstractmethod
    def kernels(self) -> ProblemKernels:
        """Return the compiled kernels (numba is imported here)."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        watch(cls, HOOKS)
        for name in ("worker_value", "worker_gradient"):
            if name in vars(cls):
                setattr(cls, name, _of_worker(vars(cls)[name]))

    def _at(self, X: ArrayLike) -> FloatArray:
        """Points (..., d) as an array."""
        array = np.asarray(X, dtype=np.float64)
        if array.ndim == 0 or array.shape[-1] != self.dim:
            raise InputError(f"X has the shape {array.shape}; give points of shape (..., {self.dim})")
        return array

    @checked
    def value(self, X: ArrayLike) -> FloatArray:
        """Return f at points X (..., d), shape (...); the regulariser is left out."""
        X = self._at(X)
        return np.mean([self.worker_value(i, X) for i in range(self.workers)], axis=0)

    @checked
    def gradient(self, X: ArrayLike) -> FloatArray:
        """Return grad f at points X (..., d), shape (..., d)."""
        X = self._at(X)
        return np.mean([self.worker_gradient(i, X) for i in range(self.workers)], axis=0)

    @checked
    def objective(self, X: ArrayLike) -> FloatArray:
        """Return F = f + l1 ||.||_1 + (l2prox/2)||.||^2 at points X (..., d), shape (...)."""
        X = self._at(X)
        l1, l2 = self.regulariser
        return self.value(X) + l1 * np.abs(X).sum(axis=-1) + 0.5 * l2 * (X**2).sum(axis=-1)

    @checked
    def prox(self, x: ArrayLike, gamma: float) -> FloatArray:
        """Return argmin_z R(z) + ||z - x||^2/(2 gamma), coordinate by coordinate, gamma >= 0."""
        l1, l2 = self.regulariser
        gamma = number("gamma", gamma)
        return soft_threshold(self._at(x), gamma * l1) / (1.0 + gamma * l2)

    @cached_property
    def x_star(self) -> FloatArray | None:
        """A minimiser (d,) of F to rounding error, the nearest to x0 of several; None if unknown."""
        return None

    @cached_property
    def f_star(self) -> float | None:
        """The minimum of F; where ``f_star_certified`` is False, only a certified lower bound of it."""
        return None if self.x_star is None else float(self.objective(self.x_star))

    @cached_property
    def infima(self) -> FloatArray | None:
        """The infima (n,) of the f_i, or lower bounds of them; None if unknown."""
        return None

    @property
    def f_star_certified(self) -> bool:
        """Whether f_star is the minimum itself (to rounding error)."""
        return self.x_star is not None

    @cached_property
    def gradients_at_star(self) -> FloatArray | None:
        """The (n, d) gradients grad f_i(x*), or None."""
        if self.x_star is None:
            return None
        return np.stack([self.worker_gradient(i, self.x_star) for i in range(self.workers)])

    @cached_property
    def sample_gradients_at_star(self) -> list[FloatArray] | None:
        """The (m_i, d) gradients of the losses of every worker's samples at x*, or None without samples or x*."""
        return None

    def optimality(self) -> float:
        """Return the distance of 0 to the subdifferential of F at x_star.

        For mu-strongly convex F it certifies ||x_star - x*|| <= optimality/mu and F(x_star) - F* <=
        optimality^2/(2 mu).
        """
        if self.x_star is None:
            raise InputError(f"'{self.spec}' has no known minimiser to certify")
        l1, l2 = self.regulariser
        return subgradient_norm(self.gradient(self.x_star) + l2 * self.x_star, self.x_star, l1)

    @checked
    def known(
        self,
        L_i: ArrayLike | None = None,
        supports: ArrayLike | None = None,
        mu_i: ArrayLike | None = None,
        **constants: Any,
    ) -> Constants:
        """Return `constants` together with those that hold by the problem's shape: n, d, distances, additive
        noise.

        Unless given, L_sample is L_max: a gradient that is exact, or exact plus a noise that does not depend
        on x, is the gradient of a sample as smooth as f_i; and every coordinate is as smooth as f. Where f* is
        not known, f(x0) stands for it in gap_star. Samples are drawn independently, and convex where every f_i is
        known to be: losses are of one kind, and additive noise is linear. The smoothness L_i (n,) of the workers, or
        one for all, gives its mean, with their supports (n, d) the largest sum over workers that share a coordinate,
        and the scaled gradients at x0. The strong convexity mu_i (n,) of the workers is mu_min where it is not given.
        """
        Constants.read({name: value for name, value in constants.items() if name not in ("notes", "certainty")})
        composite = self.regulariser != (0.0, 0.0)
        mu_min = constants.get("mu_min")
        slopes = self._slopes_sq(self.x0)
        common: dict[str, Any] = {
            "independent_samples": not self.noise.reshuffled,
            "reshuffled": self.noise.reshuffled,
            # Gradients of quadratic functions differ by a bounded vector just where their Hessians agree.
            "same_hessian": self.quadratic and constants.get("zeta_sq") is not None,
            "convex_samples": None if mu_min is None else mu_min >= 0,
            "n": self.workers,
            "dim": self.dim,
            "L_sample": constants.get("L_max"),
            "composite": composite,
            "quadratic": self.quadratic,
            "grad0_sq": sum(slopes.tolist()) / self.workers,
        }
        if L_i is not None:
            smooth = np.asarray(L_i, dtype=np.float64)
            if smooth.shape not in ((), (1,), (self.workers,)) or not (smooth > 0).any() or not (smooth >= 0).all():
                raise InputError(f"L_i={shown(L_i)}: give one number above 0, or one for each worker")
            smooth = np.broadcast_to(smooth, self.workers)
            common |= self._of_workers(smooth, slopes, supports)
            convex = np.broadcast_to(mu_min or 0.0, self.workers) if mu_i is None else np.asarray(mu_i)
            if min(smooth.min(), convex.min()) > 0:
                common |= {"L_i": tuple(smooth.tolist()), "mu_i": tuple(np.minimum(convex, smooth).tolist())}
        if constants.get("L") is not None:
            common["L_l1"] = self.dim * constants["L"]
        if self.infima is not None and not composite:
            lowest = float(self.value(self.x0))
            if self.f_star is not None and self.f_star_certified:
                lowest = self.f_star
            common["gap_star"] = max(lowest - float(np.mean(self.infima)), 0.0)
        if self.noise.batch is None:
            common |= {"sigma_sq": self.noise.sigma_sq, "sigma_star_sq": self.noise.sigma_sq}
        if self.f_star is not None:
            common["gap0"] = max(self._gap(self.f_star, composite), 0.0)
        if self.x_star is not None:
            common["dist0_sq"] = float(np.sum((self.x0 - self.x_star) ** 2))
            common["zeta_star_sq"] = float(self._slopes_sq(self.x_star).mean())
        if constants.get("zeta_sq") == 0.0 and not composite:
            common |= {"zeta_star_sq": 0.0, "gap_star": 0.0}
        together = common | constants
        return Constants(**together, certainty={name: self._certainty(name) for name in together})

    @property
    def stated(self) -> bool:
        """Whether gradient and constants are what a user states, in a class or functions of his own."""
        return not type(self).__module__.startswith(f"{__package__}.")

    def _gap(self, f_star: float, composite: bool) -> float:
        """F(x0) - F*; of a quadratic function without the difference, of which little is left where x0 is near x*."""
        if self.quadratic and not composite and self.x_star is not None:
            return 0.5 * float(self.gradient(self.x0) @ (self.x0 - self.x_star))
        return float(self.objective(self.x0)) - f_star

    def _slopes_sq(self, x: FloatArray) -> FloatArray:
        """||grad f_i(x)||^2 (n,) at a point x (d,), with one gradient in memory at a time."""
        return np.array([np.sum(self.worker_gradient(i, x) ** 2) for i in range(self.workers)])

    def _of_workers(self, L_i: FloatArray, slopes: FloatArray, supports: ArrayLike | None) -> dict[str, float]:
        """L_mean, L_shared and grad0_scaled; a worker whose gradient is constant counts as smooth as the mean.

        `slopes` are the ||grad f_i(x0)||^2.
        """
        L_i = np.where(L_i > 0, L_i, L_i.mean())
        shared = L_i.sum() if supports is None else (L_i @ np.asarray(supports, dtype=np.float64)).max()
        return {
            "L_mean": float(L_i.mean()),
            "L_shared": max(float(shared), float(L_i.max())),
            "grad0_scaled": float(np.mean(slopes / L_i)),
        }

    def _certainty(self, name: str) -> str:
        """How the value of a constant is known."""
        if self.stated:
            return "exact" if name in ("n", "dim") else "stated"
        loose = name in self.bounded or (name in ("gap0", "gap_star") and not self.f_star_certified)
        return "bound" if loose else "exact"

    def magnitudes(self) -> tuple[float, float, int]:
        """Return the sizes that rounding errors of gradient and value are relative to, and the terms per sum.

        The default, for problems that do not say more, is L_max ||x|| + sqrt(zeta_star_sq) for the gradient,
        the same times ||x|| for the value, and d terms; ||x|| is that of x_star, or max(||x0||, sqrt(d))
        where x_star is unknown.
        """
        known = self.constants()
        unknown = max(float(np.linalg.norm(self.x0)), self.dim**0.5)
        size = unknown if self.x_star is None else float(np.linalg.norm(self.x_star))
        slope = (known.L_max or known.L or 0.0) * size + (known.zeta_star_sq or 0.0) ** 0.5
        return slope, slope * size + abs(self.f_star or 0.0), self.dim

    def rounding_floor(self) -> dict[str, float]:
        """Return the values of dist_sq, gap and grad_sq below which double precision says nothing.

        With u = 2^-53, a sum of N terms carries a relative error of about sqrt(N) u (Higham and Mary 2019, "A
        new approach to probabilistic rounding error analysis"), so that a gradient made of terms of total
        size S is known up to e = 4 sqrt(N) u S. A method then stops making progress where ||grad F|| ~ e:

        - grad_sq: (2 e)^2;
        - dist_sq: (2 (e/mu + u ||x*||))^2 by strong convexity (mu_PL in place of mu where f only has that);
        - gap: the rounding of the value, 4 sqrt(N) u times the size of its terms, plus (2 e)^2/(2 mu), with L
          for mu where no modulus is known (which leaves the value's rounding to second order).

        A quantity that cannot be measured (no known minimiser) or has no modulus to go by has the floor
        infinity; none is below the smallest normal number.
        """
        slope, level, terms = self.magnitudes()
        known = self.constants()
        modulus = (known.mu or known.pl or 0.0) + self.regulariser[1]
        relative = 4.0 * np.sqrt(terms) * UNIT_ROUNDOFF
        error = relative * slope
        floor = {"grad_sq": (2 * error) ** 2, "dist_sq": np.inf, "gap": np.inf}
        if modulus > 0 and self.x_star is not None:
            floor["dist_sq"] = (2 * (error / modulus + UNIT_ROUNDOFF * float(np.linalg.norm(self.x_star)))) ** 2
            floor["gap"] = relative * level + (2 * error) ** 2 / (2 * modulus)
        elif self.f_star is not None:
            floor["gap"] = relative * level + (2 * error) ** 2 / (2 * (known.L or 1.0))
        return {key: max(float(size), TINY) for key, size in floor.items()}


def _points(problem: Problem, *_: Any) -> tuple[int, ...]:
    return (problem.dim,)


HOOKS: dict[str, Promise] = {
    "worker_value": array("a number for each point of X (..., d)", lambda _, worker, X: X.shape[:-1]),
    "worker_gradient": array("a gradient for each point of X (..., d)", lambda _, worker, X: X.shape),
    "value": array("a number for each point of X (..., d)", lambda _, X: np.shape(X)[:-1]),
    "objective": array("a number for each point of X (..., d)", lambda _, X: np.shape(X)[:-1]),
    "gradient": array("a gradient for each point of X (..., d)", lambda _, X: np.shape(X)),
    "prox": array("a point for each of x (..., d)", lambda _, x, *gamma: np.shape(x)),
    "sample_gradients_at_star": instance(list, none=True),
    "constants": instance(Constants),
    "known": instance(Constants),
    "kernels": instance(ProblemKernels),
    "x_star": perhaps(array("dim numbers", _points)),
    "f_star": perhaps(NUMBER),
    "f_star_certified": TRUTH,
    "stated": TRUTH,
    "infima": perhaps(array("a number for each worker", lambda problem, *_: (problem.workers,))),
    "gradients_at_star": perhaps(
        array("a gradient (d,) for each worker", lambda problem, *_: (problem.workers, problem.dim))
    ),
    "optimality": SIZE,
    "magnitudes": several("(size of gradients, size of values, terms of a sum)", SIZE, lambda *_: 3),
    "rounding_floor": by_name(Promise("a number of at least 0", lambda value, *_: is_real(value) and value >= 0)),
}
"""What classes of a user's own may define, and what that must return."""


def check_attributes(problem: Problem) -> None:
    """Hold what an object of a user's own class was given in the place of its hooks against what they promise.

    Raises
    ------
    InputError
        If it is something else.
    """
    for name, promise in HOOKS.items():
        if name in vars(problem) and not callable(value := vars(problem)[name]) and not promise.kept(value, problem):
            raise InputError(f"{name} of {type(problem).__name__} is {shown(value)}: it must be {promise.words}")
