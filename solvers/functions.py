"""Methods made of a user's own function: how the model moves by what arrives."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numba import njit, objmode
from numpy.typing import ArrayLike, NDArray

from ..common.door import checked
from ..common.errors import InputError, told
from .method import Method
from .pseudocode import Given, State, Vector, avg
from .signatures import OPTIONS

#: The engine calls back by number: numba's kernels hold no Python objects.
_CALLED: dict[int, Update] = {}
_numbers = itertools.count()
#: Compiled anew for every function, and under the interpreter's lock.
_BACK = {key: value for key, value in OPTIONS.items() if key not in ("cache", "nogil")}


class Update:
    """The function, and what it is called with.

    Parameters
    ----------
    method
        The method's name.
    function
        From the model x (d,), what arrived v (d,), what is kept and the parameters to the new model, followed by what
        is kept anew.
    keeps
        Names of the vectors (d,) that are kept between rounds.
    """

    def __init__(self, method: str, function: Callable[..., Any], keeps: Sequence[str]) -> None:
        self.method, self.function, self.keeps = method, function, tuple(keeps)
        self.parameters = self._parameters()

    def _parameters(self) -> tuple[str, ...]:
        """The names of the method's parameters: the function's arguments after x, v and what is kept."""
        whose = f"the update of method '{self.method}'"
        first = ("x", "v", *self.keeps)
        wanted = f"give a function of {', '.join((*first, 'gamma'))} and further parameters"
        try:
            given = inspect.signature(self.function).parameters.values()
        except (TypeError, ValueError):
            raise InputError(f"{whose} takes arguments that cannot be read off: give a lambda or a def") from None
        names = [one.name for one in given]
        if any(one.kind is not one.POSITIONAL_OR_KEYWORD for one in given) or len(names) <= len(first):
            raise InputError(f"{whose} takes ({', '.join(map(str, given))}): {wanted}")
        parameters = tuple(names[len(first) :])
        if parameters[0] != "gamma":
            raise InputError(
                f"{whose} takes '{parameters[0]}' where its step gamma is expected: {wanted}; what it keeps between "
                "rounds is named with keeps="
            )
        return parameters

    def __call__(self, x: Vector, v: Vector, kept: Sequence[Vector], numbers: Sequence[float]) -> list[Vector]:
        """The new model, followed by what is kept anew.

        Raises
        ------
        InputError
            If the function fails, or returns something else.
        """
        try:
            found = self.function(x, v, *kept, *numbers)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"the update of method '{self.method}' fails: {told(error)}") from error
        parts = found if self.keeps and isinstance(found, tuple) else (found,)
        names = ["the new x", *(f"the new {name}" for name in self.keeps)]
        if len(parts) != len(names):
            raise InputError(
                f"the update of method '{self.method}' returns {len(parts)} of {len(names)} vectors: return "
                f"({', '.join(names)})"
            )
        return [self._vector(name, part, x.shape) for name, part in zip(names, parts, strict=True)]

    def _vector(self, name: str, value: ArrayLike, shape: tuple[int, ...]) -> Vector:
        try:
            array = np.asarray(value)
        except ValueError:
            array = np.array(None)
        if array.shape != shape or array.dtype.kind not in "iuf":
            raise InputError(
                f"the update of method '{self.method}' returns an array of type {array.dtype} and shape {array.shape} "
                f"for {name}: return {shape[0]} real numbers"
            )
        return array.astype(np.float64)

    def transcription(self, given: Given, **parameters: float) -> Iterator[State]:
        """x <- update(x, avg C(g_i)): every worker sends its compressed gradient, everyone moves x."""
        x, kept = given.x0, [np.zeros(given.d) for _ in self.keeps]
        for _ in given.rounds():
            v = given.broadcast(avg(given.C_up(given.gradients(x))))
            x, *kept = self(x, v, kept, list(parameters.values()))
            yield State(x, common=kept)


def call_update(number: int, params: Vector, x: NDArray[np.float64], v: NDArray[np.float64], common: Any) -> None:
    """Move the rows of x (B, d) and of what is kept (k, B, d)."""
    update = _CALLED[number]
    numbers = [float(params[0]), *map(float, params[3:])]
    for r in range(x.shape[0]):
        x[r], *kept = update(x[r].copy(), v[r].copy(), [row[r].copy() for row in common[: len(update.keeps)]], numbers)
        for row, vector in zip(common, kept, strict=False):
            row[r] = vector


def _kernel(update: Update) -> Callable[..., None]:
    """A kernel of the signature `RULE` that calls the function."""
    number = next(_numbers)
    _CALLED[number] = update

    @njit(**_BACK)
    def everyone(ctx, params, x, v, states, common):
        with objmode():
            call_update(number, params, x, v, common)

    return everyone


@checked
def from_functions(
    name: str,
    update: Callable[..., Any],
    *,
    keeps: Sequence[str] = (),
    title: str = "",
    source: str = "your own",
) -> Method:
    """Make a method of a function; `Method.from_functions` describes it."""
    if not name.strip():
        raise InputError("name='': give the method a name")
    moved = Update(name, update, keeps)
    return Method(
        name=name, title=title or name, source=source, parameters=moved.parameters, states=(0, 0, len(moved.keeps)),
        everyone=_kernel(moved), transcription=moved.transcription,
    )  # fmt: skip
