"""The constants of a problem, what they imply about each other, and which are unknown.

The problem is: minimise f(x) = (1/n) sum_i f_i(x), plus a regulariser R(x) where a prox is allowed, over x
in R^d with n workers. A constant that is None is unknown; a theorem that needs it gives no guarantee and
says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from ..common.door import checked, require_types
from ..common.errors import InputError, nearest
from ..common.hooks import NUMBER, by_name, instance, watch
from ..common.options import positive_numbers

ROUNDING = 1e-9
"""Relative slack allowed between constants that were computed apart (eigenvalues, norms)."""


def _constant(meaning: str) -> Any:
    return field(default=None, metadata={"meaning": meaning})


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Constants of a distributed problem; None means unknown.

    All smoothness constants and variances are upper bounds, `mu`, `mu_min` and `pl` lower bounds, so a valid
    bound may stand in for the exact value. Squared quantities end in ``_sq``.

    Raises
    ------
    InputError
        If a value is not a finite number, has the wrong sign, or contradicts another one
        (mu <= L <= L_mean <= L_tilde <= L_max <= L_sample, mu_min <= mu).

    Examples
    --------
    >>> known = Constants(n=4, L_max=2.0, mu=0.5, gap0=1.0).completed()
    >>> known.L, known.dist0_sq
    (2.0, 4.0)
    >>> known.notes[0]
    'L_tilde = 2: at most L_max'
    """

    n: int | None = _constant("number of workers")
    dim: int | None = _constant("dimension d of x")
    m: int | None = _constant("number of samples of every worker, where a stochastic gradient is that of one")
    L: float | None = _constant("smoothness of f")
    L_tilde: float | None = _constant("sqrt((1/n) sum L_i^2), L_i the smoothness of f_i")
    L_mean: float | None = _constant("(1/n) sum L_i, L_i the smoothness of f_i")
    L_shared: float | None = _constant("largest sum of the L_i of workers whose gradients share a coordinate")
    L_max: float | None = _constant("largest smoothness L_i of a worker's f_i")
    L_sample: float | None = _constant("expected smoothness of a stochastic gradient; for one row, of its loss")
    mu: float | None = _constant("strong convexity of f; 0 says that f is convex")
    mu_min: float | None = _constant("smallest strong convexity of a worker's f_i; 0 says that every f_i is convex")
    mu_sample: float | None = _constant("smallest strong convexity of a sample's loss")
    pl: float | None = _constant("Polyak-Lojasiewicz constant: ||grad f||^2 >= 2 pl (f - f*)")
    sigma_sq: float | None = _constant("variance of one worker's stochastic gradient, at every x")
    sigma_star_sq: float | None = _constant("average variance of the workers' stochastic gradients at x*")
    zeta_sq: float | None = _constant("(1/n) sum ||grad f_i(x) - grad f(x)||^2 <= zeta_sq at every x")
    zeta_star_sq: float | None = _constant("(1/n) sum ||grad f_i(x*)||^2")
    G: float | None = _constant("E||g_i||^2 <= G^2 at every x met")
    gap0: float | None = _constant("f(x^0) - f* (with R: of the sum)")
    dist0_sq: float | None = _constant("||x^0 - x*||^2")
    overlap: float | None = _constant("how many workers' gradients can share a coordinate, in [1, n]")
    tau: float | None = _constant("bound on the delay in rounds: age of a gradient when it is used")
    grad0_sq: float | None = _constant("(1/n) sum ||grad f_i(x^0)||^2")
    grad0_scaled: float | None = _constant("(1/n) sum ||grad f_i(x^0)||^2/L_i")
    gap_star: float | None = _constant("f* - (1/n) sum inf f_i")
    G_mean: float | None = _constant("(1/n) sum C_i, with ||grad f_i(x)|| <= C_i at every x met")
    G_sq_mean: float | None = _constant("(1/n) sum C_i^2, with ||grad f_i(x)|| <= C_i at every x met")
    G_l1: float | None = _constant("E((1/n) sum ||g_i||_1)^2 <= G_l1^2 at every x met")
    L_l1: float | None = _constant("sum of the coordinatewise smoothness constants of f")
    sigma_l1: float | None = _constant("sum over coordinates of the standard deviation of a stochastic gradient")
    composite: bool = field(default=False, metadata={"meaning": "the objective has a regulariser R handled by a prox"})
    quadratic: bool = field(default=False, metadata={"meaning": "every f_i is a quadratic function"})
    same_hessian: bool | None = _constant("every f_i is quadratic, and all have the same Hessian")
    convex_samples: bool | None = _constant("the loss of every sample is convex")
    independent_samples: bool | None = _constant(
        "stochastic gradients are unbiased and independent over workers and rounds"
    )
    reshuffled: bool | None = _constant("every worker goes through its samples in a fresh random order in every epoch")
    independent_delays: bool | None = _constant("which message is used when depends on no sample and no coin")
    uniform_draws: bool | None = _constant("the worker of every message is drawn uniformly, whatever happened before")
    same_age: bool | None = _constant("all messages of one step were computed at the same model")
    every_worker: bool | None = _constant("every step uses one new message of every worker")
    L_i: tuple[float, ...] | None = _constant("smoothness of f_i, worker by worker")
    mu_i: tuple[float, ...] | None = _constant("strong convexity of f_i, worker by worker")
    seconds: tuple[float, ...] | None = _constant("how many seconds a gradient takes each worker, at most")
    notes: tuple[str, ...] = field(default=(), metadata={"meaning": "what `completed` filled in, and why"})
    certainty: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """How a value is known: "exact" (to rounding), "bound" (valid, perhaps loose), "stated" (by a problem of a user's
    own); what is not here was given."""

    def __post_init__(self) -> None:
        require_types(self, (*FLAGS, "notes", "certainty"))
        values = vars(self)
        for name in NAMES:
            if (given := values[name]) is not None and (value := _checked(name, given)) is not given:
                object.__setattr__(self, name, value)
        for name in LISTS:
            if values[name] is not None:
                object.__setattr__(self, name, positive_numbers(name, values[name]))
        for low, high in _ORDERED:
            a, b = values[low], values[high]
            if a is not None and b is not None and a > b * (1 + ROUNDING):
                raise InputError(f"{low} = {a:g} is above {high} = {b:g}, but {low} <= {high} always holds")
        if self.overlap is not None and (self.overlap < 1 or (self.n is not None and self.overlap > self.n)):
            raise InputError(f"overlap = {self.overlap:g} must lie between 1 and n = {self.n}")

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        watch(cls, {"completed": instance(Constants), "replaced": instance(Constants), "known": by_name(NUMBER)})

    @classmethod
    @checked
    def read(cls, pairs: Mapping[str, Any]) -> Constants:
        """Build from names and values as typed by a user.

        Raises
        ------
        InputError
            For an unknown name (with the nearest known one) or a bad value.
        """
        for name in pairs:
            if name not in NAMES + FLAGS + LISTS:
                raise InputError(f"unknown constant '{name}'{nearest(name, NAMES)}; known: {', '.join(NAMES)}")
        return cls(**pairs)

    def known(self) -> dict[str, float]:
        """The constants that are not None, by name."""
        return {name: getattr(self, name) for name in NAMES if getattr(self, name) is not None}

    def rows(self) -> list[tuple[str, float, str, str]]:
        """The known constants: (name, value, how it is known, meaning)."""
        meanings = {f.name: str(f.metadata.get("meaning", "")) for f in fields(self)}
        known = self.known().items()
        return [(name, value, self.certainty.get(name, "given"), meanings[name]) for name, value in known]

    @checked
    def replaced(self, pairs: Mapping[str, Any]) -> Constants:
        """These constants with some replaced or added; with other L_i, what is left of `SELDOM` is no longer known.

        Raises
        ------
        InputError
            For an unknown name, a bad value, or one that contradicts another.
        """
        if not pairs:
            return self
        given = Constants.read(pairs)
        values = {name: getattr(given, name) for name in pairs}
        if not {"L", "L_tilde", "L_max"}.isdisjoint(pairs):
            values = dict.fromkeys((*SELDOM, "L_i", "mu_i")) | values
        kept = {name: how for name, how in self.certainty.items() if name not in values}
        return replace(self, **values, certainty=kept)

    def __str__(self) -> str:
        """A table of the known constants."""
        rows = [(name, f"{value:.6g}", how, meaning) for name, value, how, meaning in self.rows()]
        widths = [max((len(row[k]) for row in rows), default=0) for k in range(3)]
        lines = ["  ".join([*(row[k].ljust(widths[k]) for k in range(3)), row[3]]).rstrip() for row in rows]
        for f in fields(self):
            if f.name in LISTS and getattr(self, f.name) is not None:
                values = ", ".join(f"{value:g}" for value in getattr(self, f.name))
                lines.append(f"{f.name}  {values}  {f.metadata['meaning']}")
        lines += [str(f.metadata["meaning"]) for f in fields(self) if f.name in FLAGS and getattr(self, f.name)]
        return "\n".join([*lines, *self.notes])

    def completed(self, wanted: Iterable[str] = ()) -> Constants:
        """Fill in what the known constants imply, and say so in `notes`; of `SELDOM` only what is `wanted`.

        Equal workers (n = 1 or zeta_sq = 0) share one smoothness and one strong convexity;
        L <= L_mean <= L_tilde <= L_max <= L_sample; L_shared is at most n L_mean and overlap L_max;
        strong convexity implies Polyak-Lojasiewicz; uniform bounds hold at x*;
        (mu/2)||x - x*||^2 <= f(x) - f* <= (L/2)||x - x*||^2 (the right side without R only).
        """
        asked = set(wanted)
        seldom = tuple(name for name in SELDOM if name in asked)
        if seldom not in self._completed:
            self._completed[seldom] = self._complete(seldom)
        return self._completed[seldom]

    @cached_property
    def _completed(self) -> dict[tuple[str, ...], Constants]:
        """What `completed` has answered: a search applies a theorem to the same constants again and again."""
        return {}

    def _complete(self, wanted: tuple[str, ...]) -> Constants:
        value: dict[str, Any] = {name: getattr(self, name) for name in NAMES}
        notes = list(self.notes)

        def fill(name: str, implied: float | None, why: str) -> None:
            if value[name] is None and implied is not None:
                value[name] = implied
                notes.append(f"{name} = {implied:.6g}: {why}")

        if value["n"] == 1 and value["zeta_sq"] != 0.0:
            value["zeta_sq"] = None  # one worker does not differ from itself, however loose the bound given
            fill("zeta_sq", 0.0, "there is one worker")
        if value["zeta_sq"] == 0.0:
            smooth = [value[name] for name in ("L", "L_tilde", "L_max") if value[name] is not None]
            for name in ("L", "L_tilde", "L_max"):
                fill(name, min(smooth, default=None), "all workers have the same gradient")
            fill("mu_min", value["mu"], "all workers have the same gradient")
        for name, above in (("L_max", "L_sample"), ("L_tilde", "L_max"), ("L", "L_tilde")):
            fill(name, value[above], f"at most {above}")
            if name == "L_max":  # before what it implies: a mean that is given bounds L best
                fill("L", value["L_mean"], "at most L_mean")
        if value["mu_min"] is not None and value["mu_min"] >= 0.0:
            fill("mu", value["mu_min"], "at least mu_min")
        if value["mu"]:
            fill("pl", value["mu"], "at least mu")
        if value["G"] is not None:
            fill("G_mean", value["G"], "at most G")
            fill("G_sq_mean", value["G"] ** 2, "at most G^2")
            if value["dim"] is not None:
                fill("G_l1", math.sqrt(value["dim"]) * value["G"], "at most sqrt(dim) G")
        if value["dim"] is not None and value["sigma_sq"] is not None:
            fill("sigma_l1", math.sqrt(value["dim"] * value["sigma_sq"]), "at most sqrt(dim sigma_sq)")
        fill("sigma_star_sq", value["sigma_sq"], "at most sigma_sq")
        if not self.composite:
            fill("zeta_star_sq", value["zeta_sq"], "at most zeta_sq")
        if value["mu"] and value["gap0"] is not None:
            fill("dist0_sq", 2.0 * value["gap0"] / value["mu"], "at most 2 gap0/mu")
        if not self.composite and value["L"] and value["dist0_sq"] is not None:
            fill("gap0", value["L"] * value["dist0_sq"] / 2.0, "at most L dist0_sq/2")
        for name in wanted:
            implied = [(bound, why) for bound, why in _implied(name, value, self.composite) if bound is not None]
            if implied:
                fill(name, *min(implied))
        return replace(self, **value, notes=tuple(notes))


def _implied(name: str, value: Mapping[str, Any], composite: bool) -> tuple[tuple[float | None, str], ...]:
    """What bounds a constant of `SELDOM`: pairs of a value, None if unknown, and why."""

    def times(a: str, b: str) -> float | None:
        return None if value[a] is None or value[b] is None else value[a] * value[b]

    equal = value["zeta_sq"] == 0.0
    if name == "L_mean":
        alike = value["L"] if equal else None
        return (alike, "all workers have the same gradient"), (value["L_tilde"], "at most L_tilde")
    if name == "L_shared":
        mean = "L_tilde" if value["L_mean"] is None else "L_mean"
        return (times("n", mean), f"at most n {mean}"), (times("overlap", "L_max"), "at most overlap L_max")
    alike = value["grad0_sq"] / value["L"] if equal and value["L"] and value["grad0_sq"] is not None else None
    known = not composite and value["gap0"] is not None and value["gap_star"] is not None
    above = 2.0 * (value["gap0"] + value["gap_star"]) if known else None
    return (alike, "all workers have the same gradient"), (above, "at most 2 (gap0 + gap_star)")


SELDOM: tuple[str, ...] = ("L_mean", "L_shared", "grad0_scaled")
"""Constants that few theorems need: filled in for those only."""

FLAGS: tuple[str, ...] = (
    "composite", "quadratic", "same_hessian", "convex_samples", "independent_samples", "reshuffled",
    "independent_delays", "uniform_draws", "same_age", "every_worker",
)  # fmt: skip
"""Names of what is true or false of a problem, or of the schedule of an asynchronous method; None: unknown."""

LISTS: tuple[str, ...] = ("L_i", "mu_i", "seconds")
"""Names of what has a value for every worker; as text, with / between the values."""

NAMES: tuple[str, ...] = tuple(
    f.name for f in fields(Constants) if f.name not in (*FLAGS, *LISTS, "notes", "certainty")
)
"""Names of the numeric constants."""

_ORDERED = (
    *(("mu", name) for name in ("L", "L_mean", "L_tilde", "L_max", "L_sample", "L_shared")),
    *(("pl", name) for name in ("L", "L_mean", "L_tilde", "L_max", "L_sample", "L_shared")),
    ("mu_min", "mu"),
    ("L", "L_tilde"), ("L", "L_max"), ("L", "L_sample"),
    ("L", "L_mean"), ("L_mean", "L_tilde"), ("L_mean", "L_max"), ("L_mean", "L_sample"),
    ("L_tilde", "L_max"), ("L_tilde", "L_sample"),
    ("L_max", "L_sample"),
)  # fmt: skip

_POSITIVE = ("L", "L_mean", "L_shared", "L_tilde", "L_max", "L_sample", "L_l1", "pl")


def _checked(name: str, value: Any) -> int | float:
    """Return `value` as the type its name asks for, or raise `InputError`."""
    if isinstance(value, (bool, str)) or not math.isfinite(number := _number(value)):
        raise InputError(f"{name} = {value!r} is not a finite number")
    if name in ("n", "dim", "m"):
        if number < 1 or number != int(number):
            raise InputError(f"{name} = {value} must be a whole number, 1 or more")
        return int(number)
    if name in _POSITIVE and number <= 0:
        raise InputError(f"{name} = {number:g} must be above 0 (leave {name} out if it is unknown)")
    if number < 0 and name not in ("mu_min", "mu_sample"):
        raise InputError(f"{name} = {number:g} must not be negative (leave {name} out if it is unknown)")
    return number


def _number(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number above all doubles
        return math.inf
    except (TypeError, ValueError):
        return math.nan
