"""Theorems made of a user's own functions: the largest step, and the bound after t rounds.

What a function takes is told by the names of its arguments: ``c`` (the constants of the problem, as `Request.c`),
``up`` and ``down`` (what the theorem may assume of the compressors), ``p`` (the parameters that were chosen before) or
a parameter by its name, and for the bound ``t``. Which constants a theorem needs is found out by calling its functions;
a bound that turns out to be rho^t V_0 + floor is one of that form, and judged as such.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.door import checked, is_real, shown
from ..common.errors import InputError, counted, nearest, told
from .bounds import COLUMNS, Curve, FunctionCurve, Interval, LinearCurve, NotCovered, Rate, Weights
from .compressors import AbsoluteError, Contractive, Unbiased
from .constants import FLAGS, NAMES, Constants
from .formulas import formula_of, latex_of, symbol
from .hypotheses import (
    CONSTANT_STEP,
    DOWNLINK,
    EVERYONE,
    KNOWN,
    NO_REGULARISER,
    STATEMENT,
    UPLINK,
    Hypothesis,
)  # fmt: skip
from .request import KnownConstants, NoSuchError, ParameterChoice, Point, Request
from .theorem import EXACT_PROMISE, Theorem

ASSUMABLE: dict[str, Hypothesis] = {}
"""What a theorem may assume, by name; what every theorem assumes, and the classes of its compressors, go without."""
for _hypothesis in STATEMENT:
    if _hypothesis not in (CONSTANT_STEP, DOWNLINK, EVERYONE, KNOWN, NO_REGULARISER, UPLINK):
        ASSUMABLE.setdefault(_hypothesis.name.lower(), _hypothesis)
PARTS = ("c", "up", "down", "p", "t")
"""What a function may take besides parameters."""
LATE = (1e100, 1e30, 1e15)
"""Rounds after which nothing but the floor of a bound is left; the first that can be evaluated counts."""
FALLING = (1, 2, 3, 10, 10**2, 10**4, 10**6, 10**9)
"""Rounds at which it is checked that a bound falls."""
ROUNDING = 1e-9
FLAGGED: dict[str, Any] = {flag: flag != "composite" for flag in FLAGS}
WHOLE = 2.0**53
"""From here on every double is a whole number."""


class FunctionTheorem(Theorem):
    """A theorem given by functions; see `Theorem.from_functions`."""

    provenance = "ours"
    limits: ClassVar[Mapping[str, Callable[..., float]]]
    """The largest value of every parameter, the step size last."""
    bounded_by: ClassVar[Callable[..., float]]
    texts: ClassVar[Mapping[str, str]]
    """The limits as formulas, as far as they can be read."""

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        for name, limit in self.limits.items():
            high = self._evaluated(f"the largest {name}", limit, request, choose.values, None)
            if high <= 0:
                raise NotCovered(f"{self.name} allows no {name} here: the largest one would be {high:.4g}")
            choose(name, Interval(0.0, high, f"0 < {name} <= {self.texts[name]}"), high)

    def bound_at(self, t: float, request: Request, p: Point) -> float:
        """The bound after t rounds."""
        value = self._evaluated("the bound", self.bounded_by, request, p, t)
        if value < 0:
            raise InputError(
                f"the bound of {self.name} is {value:.4g} after {counted(int(t), 'round')}: it must not be negative"
            )
        return value

    def curve(self, request: Request, p: Point) -> Curve:
        def at(t: ArrayLike) -> NDArray[np.float64]:
            rounds = np.asarray(t, dtype=np.float64)
            return np.array([between(float(r)) for r in rounds.flat]).reshape(rounds.shape)

        def between(t: float) -> float:
            """The bound at whole t, handed over as integers; a search for t passes between them."""
            if t >= WHOLE:
                return self.bound_at(t, request, p)
            low, share = int(t), t - math.floor(t)
            value = self.bound_at(low, request, p)
            return value if share == 0.0 else (1 - share) * value + share * self.bound_at(low + 1, request, p)

        values = at(FALLING)
        if rising := [k for k in range(1, len(FALLING)) if values[k] > values[k - 1] * (1 + ROUNDING)]:
            k = rising[0]
            raise InputError(
                f"the bound of {self.name} rises from {values[k - 1]:.4g} after {counted(FALLING[k - 1], 'round')} to "
                f"{values[k]:.4g} after {FALLING[k]}: a bound must not rise with t"
            )
        floor = self._floor(request, p)
        return _linear(lambda t: float(at(t)), floor) or FunctionCurve(at, floor)

    def _floor(self, request: Request, p: Point) -> float:
        """What the bound falls to."""
        for late in LATE[:-1]:
            try:
                return self.bound_at(late, request, p)
            except InputError:  # its powers are above all doubles
                continue
        return self.bound_at(LATE[-1], request, p)

    def rate(self, request: Request, p: Point, curve: Curve | None) -> Rate:
        if isinstance(curve, LinearCurve):
            return Rate.linear(curve.contraction_gap, curve.floor, floor_falls_with="")
        return Rate("power", "as its bound says")

    def contraction_gap(self, request: Request, p: Point) -> float:
        return 0.0

    def active(self, request: Request, p: Point) -> str:
        return "gamma = {gamma}; the limit is {limit}"

    def weights(self, request: Request, p: Point) -> Weights | None:
        return ("polynomial", 1.0, 0.0) if self.measures[0][1] in ("gap_avg", "grad_sq_avg") else None

    def _evaluated(self, what: str, function: Callable[..., Any], request: Request, p: Point, t: Any) -> float:
        """Call one of the functions.

        Raises
        ------
        NotCovered
            If it asks for a constant that is unknown.
        InputError
            If it fails, or returns no finite number.
        """
        constants = _Noted(request.constants)
        values = {**p, "c": constants, "up": request.up, "down": request.down, "p": _Chosen(p), "t": t}
        try:
            value = function(**{name: values[name] for name in _arguments(function)})
        except (NotCovered, InputError):
            raise
        except Exception as error:
            raise InputError(
                f"{what} of {self.name} cannot be computed{_where(constants, request, p, t)}: {told(error)}"
            ) from error
        number = value.item() if isinstance(value, np.ndarray | np.generic) and value.size == 1 else value
        if not is_real(number) or not math.isfinite(number):
            raise InputError(
                f"{what} of {self.name} is {shown(value)}{_where(constants, request, p, t)}: "
                "the function must return a finite number"
            )
        return float(number)


class _Noted(KnownConstants):
    """Constants that know which of them were asked for."""

    def __init__(self, constants: Constants) -> None:
        super().__init__(constants)
        self._asked: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        self._asked[name] = value
        return value


class _Chosen(dict[str, float]):
    """Parameters by name, where a wrong name is one sentence."""

    def __missing__(self, name: str) -> float:
        raise NoSuchError(f"p[{name!r}]: there is no such parameter here; there are: {', '.join(self) or 'none yet'}")


def _where(constants: _Noted, request: Request, p: Point, t: Any) -> str:
    """At which numbers a function was called, as far as it looked at them."""
    numbers = {name: value for name, value in constants._asked.items() if isinstance(value, float)} | p
    for side, promise in (("up", request.up), ("down", request.down)):
        for name in ("omega", "delta", "eps"):
            if hasattr(promise, name):
                numbers[f"{side}.{name}"] = getattr(promise, name)
    if t is not None:
        numbers["t"] = t
    return " at " + ", ".join(f"{name} = {value:.4g}" for name, value in numbers.items()) if numbers else ""


def _arguments(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _linear(bound: Callable[[float], float], floor: float) -> LinearCurve | None:
    """The curve rho^t V_0 + floor, if the bound is one wherever it is looked at."""
    try:
        start, first = bound(0) - floor, bound(1) - floor
    except InputError:  # the bound is about t >= 1
        return None
    if not 0 <= first < start:
        return None
    span = next((k for k in (10**j for j in range(13)) if bound(k) - floor < 0.5 * start), None)
    if span is None:
        return None
    kept = (bound(span) - floor) / start
    gap = -math.expm1(math.log(kept) / span) if kept > 0 else 1.0
    curve = LinearCurve(gap, start, floor)
    tried = (1, 2, 3, 7, span, 2 * span, 3 * span)
    same = all(math.isclose(bound(t), float(curve.at(t)), rel_tol=ROUNDING, abs_tol=0.0) for t in tried)
    return curve if same else None


@checked
def from_functions(
    name: str,
    method: Any,
    step: Callable[..., float],
    bound: Callable[..., float],
    *,
    metric: str,
    assumes: Sequence[str | Hypothesis] = (),
    up: Any = None,
    down: Any = None,
    limits: Mapping[str, Callable[..., float]] | None = None,
    requires: Sequence[str] | None = None,
    bound_requires: Sequence[str] | None = None,
    title: str = "",
    source: str = "your own",
    bound_latex: str = "",
) -> FunctionTheorem:
    """Make a theorem of functions; `Theorem.from_functions` describes it."""
    if not name.strip():
        raise InputError("name='': give the theorem a name, such as mine.gd")
    if metric not in COLUMNS:
        raise InputError(f"metric='{metric}' is not a metric{nearest(metric, COLUMNS)}; metrics: {', '.join(COLUMNS)}")
    word = getattr(method, "name", method)
    if not isinstance(word, str):
        raise InputError(f"method={shown(method)}: give a Method, or its name")
    for side, kind in (("up", up), ("down", down)):
        if kind is not None and not any(kind is known for known in EXACT_PROMISE):
            raise InputError(
                f"{side}={shown(kind)}: give the class of compressors that the theorem assumes, tg.Unbiased, "
                "tg.Contractive or tg.AbsoluteError"
            )
    if unknown := [needed for needed in (*(requires or ()), *(bound_requires or ())) if needed not in NAMES]:
        raise InputError(
            f"the theorem requires '{unknown[0]}', which is not a constant{nearest(unknown[0], NAMES)}; constants: "
            f"{', '.join(NAMES)}"
        )
    missing = [side for side, kind in (("up", up), ("down", down)) if kind is None]
    all_limits = {**(limits or {}), "gamma": step}
    before: list[str] = []
    for key, function in all_limits.items():
        _check_function("step" if key == "gamma" else f"limits[{key!r}]", function, before, missing, timed=False)
        before.append(key)
    _check_function("bound", bound, before, missing, timed=True)
    letter = "T" if "t<T" in COLUMNS[metric] else "t"
    subject: FunctionTheorem = type(
        name,
        (FunctionTheorem,),
        {
            "__module__": getattr(step, "__module__", None) or "__main__", "__doc__": title or f"The theorem '{name}'.",
            "name": name, "title": title or name, "source": source,
            "method": word, "measures": (("", metric),),
            "assumes": tuple(dict.fromkeys(_assumed(word) for word in assumes)),
            "uplink": up, "downlink": down, "parameters": tuple(all_limits), "limits": all_limits,
            "bounded_by": staticmethod(bound), "requires": tuple(requires or ()),
            "bound_requires": tuple(bound_requires or ()), "bound_latex": bound_latex or latex_of(bound, letter) or "B",
            "conditions": ", ".join(rf"0 < {symbol(key)} \le {_high(key, limit)}" for key, limit in all_limits.items()),
            "texts": {key: formula_of(limit) or f"the limit that {name} states" for key, limit in all_limits.items()},
        },
    )()  # fmt: skip
    if requires is None or bound_requires is None:
        of_step, of_bound = _explore(subject)
        type(subject).requires = of_step if requires is None else tuple(requires)
        type(subject).bound_requires = of_bound if bound_requires is None else tuple(bound_requires)
    return subject


def _high(name: str, limit: Callable[..., float]) -> str:
    """The end of a parameter's interval in LaTeX."""
    return latex_of(limit) or rf"{symbol(name)}_{{\max}}"


def _assumed(word: str | Hypothesis) -> Hypothesis:
    if isinstance(word, Hypothesis):
        return word
    key = " ".join(word.lower().replace("_", " ").split())
    if key not in ASSUMABLE:
        raise InputError(
            f"assumes: there is no hypothesis '{word}'{nearest(key, ASSUMABLE)}; those are: {', '.join(ASSUMABLE)}"
        )
    return ASSUMABLE[key]


def _check_function(
    what: str, function: Callable[..., Any], parameters: Sequence[str], missing: Sequence[str], *, timed: bool
) -> None:
    """Whether a function takes what it can be handed.

    Raises
    ------
    InputError
        If it takes anything else, or the bound does not take t.
    """
    allowed = [*(word for word in PARTS if word not in missing and (timed or word != "t")), *parameters]
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise InputError(f"{what} takes arguments that cannot be read off: give a lambda or a def") from None
    for one in given:
        if one.name in missing:
            raise InputError(
                f"{what} takes '{one}', and the theorem has no compression there: give "
                f"{one}=tg.Unbiased, tg.Contractive or tg.AbsoluteError, or leave it out"
            )
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY) or one.name not in allowed:
            raise InputError(
                f"{what} takes '{one}', which it cannot be given{nearest(one.name, allowed)}: name its arguments "
                f"after what it needs, some of {', '.join(allowed)}"
            )
    if timed and "t" not in [one.name for one in given]:
        raise InputError(f"{what} does not take t, the number of rounds: give a function of t and what else it needs")


class _Recorded:
    """Constants that take down which of them were asked for."""

    def __init__(self, constants: Constants, asked: dict[str, None]) -> None:
        self._constants, self._asked = constants, asked

    def __getattr__(self, name: str) -> Any:
        self._asked[name] = None
        return getattr(self._constants, name)


def _explore(subject: FunctionTheorem) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which constants the limits ask for, and which further ones the bound does, at typical values of all.

    Raises
    ------
    InputError
        If the functions do not work anywhere.
    """
    of_step: dict[str, None] = {}
    of_bound: dict[str, None] = {}
    failures: list[Exception] = []
    for constants, up, down in _settings(subject):
        choose = ParameterChoice({})
        try:
            subject.choose_parameters(Request(_Recorded(constants, of_step), up, down, None, None), choose)  # type: ignore[arg-type]
            subject.curve(Request(_Recorded(constants, of_bound), up, down, None, None), choose.values)  # type: ignore[arg-type]
        except NoSuchError:
            raise
        except (InputError, NotCovered) as failure:
            failures.append(failure)
    if len(failures) == len([*_settings(subject)]):
        raise InputError(
            f"{failures[0]}; the same at all constants that were tried (requires= and bound_requires= make the trial "
            f"unnecessary)"
        )
    step = tuple(name for name in of_step if name in NAMES)
    return step, tuple(name for name in of_bound if name in NAMES and name not in step)


def _settings(subject: Theorem) -> Iterator[tuple[Constants, Any, Any]]:
    """Typical constants, with promises of compressors that lose much and that lose nothing."""
    for noise, n, L in ((1.0, 4, 1.0), (0.0, 4, 3.0), (1.0, 1, 3.0), (0.0, 1, 1.0)):
        constants = Constants(
            n=n, dim=10, m=8, L=L, L_mean=1.1 * L, L_tilde=1.2 * L, L_max=1.5 * L, L_sample=2 * L, L_shared=2 * L,
            L_l1=5 * L, mu=0.1, mu_min=0.05, mu_sample=0.02, pl=0.2, gap0=3.0, dist0_sq=5.0, grad0_sq=4.0,
            grad0_scaled=3.0, gap_star=1.0, G=4.0, G_mean=3.0, G_sq_mean=12.0, G_l1=9.0, overlap=1.0, tau=2.0,
            sigma_sq=noise, sigma_star_sq=noise / 2, sigma_l1=noise, zeta_sq=noise, zeta_star_sq=noise / 2,
            L_i=(1.5 * L,) * n, mu_i=(0.1,) * n, seconds=(1.0,) * n,
            **FLAGGED,
        )  # fmt: skip
        for lossy in (True, False):
            yield constants, *(_promise(kind, lossy) for kind in (subject.uplink, subject.downlink))


def _promise(kind: type | None, lossy: bool) -> Any:
    typical = {Unbiased: Unbiased(1.5), Contractive: Contractive(0.4), AbsoluteError: AbsoluteError(0.1)}
    return None if kind is None else typical[kind] if lossy else EXACT_PROMISE[kind]
