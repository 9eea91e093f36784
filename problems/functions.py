"""Problems made of a user's own functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..common.door import checked
from ..common.errors import InputError, counted, nearest, told
from ..common.options import integer, number
from ..theory.constants import FLAGS, NAMES, Constants
from .base import FloatArray, Noise, Problem, ProblemKernels

Value = Callable[[FloatArray], float]
Gradient = Callable[[FloatArray], ArrayLike]

_numbers = itertools.count()


class FunctionProblem(Problem):
    """f_i given by functions; see `Problem.from_functions`.

    Parameters
    ----------
    values, gradients
        One function for each worker, or a single one for all.
    dim, workers
        d and n.
    x_star, f_star
        A minimiser (d,) and the minimum, where they are known.
    given
        Constants that the user states.
    """

    def __init__(
        self,
        values: Sequence[Value],
        gradients: Sequence[Gradient],
        dim: int,
        workers: int,
        *,
        name: str,
        x0: ArrayLike | None,
        noise: Noise,
        l1: float,
        l2prox: float,
        x_star: ArrayLike | None,
        f_star: float | None,
        given: dict[str, Any],
    ) -> None:
        self.name = name
        super().__init__(dim, workers, x0=x0, noise=noise, l1=l1, l2prox=l2prox)
        self._values, self._gradients, self._given = values, gradients, given
        self.quadratic = bool(given.pop("quadratic", False))
        if x_star is not None:
            point = np.asarray(x_star, dtype=np.float64)
            if point.shape != (self.dim,) or not np.isfinite(point).all():
                raise InputError(f"x_star has the shape {point.shape}; give {self.dim} finite numbers")
            self.x_star = point
        if f_star is not None:
            self.f_star = number("f_star", f_star, -math.inf)
        if len(gradients) == 1:
            self._given.setdefault("zeta_sq", 0.0)
        Constants.read(given)
        for i in range(len(gradients)):
            self._check(i)

    @property
    def stated(self) -> bool:
        """Always: what the functions are is known to who wrote them."""
        return True

    @property
    def f_star_certified(self) -> bool:
        """Whether f_star is the minimum: as stated."""
        return self.f_star is not None

    def _check(self, worker: int) -> None:
        """Call both functions once, at x0."""
        value = self._called("value", self._values[worker], worker)
        slope = self._called("gradient", self._gradients[worker], worker)
        if np.shape(value) != () or not np.isfinite(float(value)):
            raise InputError(
                f"{self._whose('value', worker)} returns {value!r} at x0; it must return one finite number"
            )
        if np.shape(slope) != (self.dim,) or not np.isfinite(np.asarray(slope, dtype=np.float64)).all():
            raise InputError(
                f"{self._whose('gradient', worker)} returns an array of shape {np.shape(slope)} at x0; "
                f"it must return {self.dim} finite numbers"
            )

    def _called(self, what: str, function: Callable[[FloatArray], Any], worker: int) -> Any:
        try:
            return function(self.x0.copy())
        except Exception as error:
            raise InputError(f"{self._whose(what, worker)} fails at x0: {told(error)}") from error

    def _whose(self, what: str, worker: int) -> str:
        return f"the {what}" if len(self._gradients) == 1 else f"the {what} of worker {worker}"

    def _of(self, functions: Sequence[Any], worker: int) -> Any:
        return functions[worker if len(functions) > 1 else 0]

    def worker_value(self, worker: int, X: FloatArray) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        f = self._of(self._values, worker)
        return np.array([float(f(x.copy())) for x in X.reshape(-1, self.dim)]).reshape(X.shape[:-1])

    def worker_gradient(self, worker: int, X: FloatArray) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        g = self._of(self._gradients, worker)
        return np.array([np.asarray(g(x.copy()), dtype=np.float64) for x in X.reshape(-1, self.dim)]).reshape(X.shape)

    def constants(self) -> Constants:
        return self.known(**self._given)

    @property
    def compiled(self) -> bool:
        """Whether all functions are numba functions, which the engine calls without Python."""
        return all(hasattr(f, "py_func") for f in (*self._values, *self._gradients))

    def kernels(self) -> ProblemKernels:
        return self._kernels

    @cached_property
    def _kernels(self) -> ProblemKernels:
        from .kernels import functions as kernels

        number = next(_numbers)
        data = (
            np.zeros((1, 1)), np.zeros(1), *(np.zeros(1, dtype=np.int64) for _ in range(2)), np.array([float(number)]),
        )  # fmt: skip
        if self.compiled:
            gradient, value = kernels.compiled(self._gradients, self._values)
        else:
            gradient, value = kernels.called(number, self)
        return ProblemKernels(gradient, gradient, value, data)


@checked
def from_functions(
    value: Value | Sequence[Value],
    gradient: Gradient | Sequence[Gradient],
    *,
    dim: int,
    workers: int | None = None,
    name: str = "functions",
    x0: ArrayLike | None = None,
    noise: str = "none",
    sigma_sq: float | None = None,
    l1: float = 0.0,
    l2prox: float = 0.0,
    x_star: ArrayLike | None = None,
    f_star: float | None = None,
    **constants: Any,
) -> FunctionProblem:
    """Make a problem of functions; `Problem.from_functions` describes it."""
    values: Sequence[Any] = value if isinstance(value, Sequence) else [value]
    gradients: Sequence[Any] = gradient if isinstance(gradient, Sequence) else [gradient]
    if len(values) != len(gradients):
        raise InputError(f"{len(values)} values and {len(gradients)} gradients do not match: give equally many")
    workers = len(gradients) if workers is None else integer("workers", workers)
    if len(gradients) not in (1, workers):
        raise InputError(
            f"{len(gradients)} functions for {counted(workers, 'worker')}: give one for all, or one for each"
        )
    own = [key for key in (*NAMES, *FLAGS) if key not in ("n", "dim", "composite", "sigma_sq")]
    for key in constants:
        if key not in own:
            raise InputError(
                f"'{key}' is not a constant that a problem can state{nearest(key, own)}; those are: {', '.join(own)}"
            )
    return FunctionProblem(
        values, gradients, integer("dim", dim), workers, name=name, x0=x0, noise=Noise.read(noise, sigma_sq), l1=l1,
        l2prox=l2prox, x_star=x_star, f_star=f_star, given=dict(constants),
    )  # fmt: skip
