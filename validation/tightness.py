"""How tight a theorem is: a search for the instance with the largest measured/bound, by exact expectations.

An `Instance` is a small quadratic, compressors, parameters and a number of rounds t >= 10; its ratio is E metric/bound,
both computed exactly (`exact.Recursion`). `tightness` searches spectra, heterogeneity, starts, noise, compressors (the
adversary included), delays and the parameters within their intervals, with SciPy's global optimiser, from the instances
that are stored and from some that are known to be bad. A ratio above 1 would be a counterexample.

The worst instances that were found are stored with the theorem, `instances/<theorem>.json`, and `hard_instances` reads
them.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import differential_evolution, minimize

from ..common.door import checked
from ..common.errors import InputError
from ..common.files import write_whole
from ..common.jsonable import as_json
from ..common.options import integer, number
from ..problems.base import Noise
from ..problems.explicit import ExplicitQuadratic
from ..solvers.engines.request import timetable
from ..solvers.method import WHOLE
from ..solvers.method import method as build_method
from ..solvers.schedule import Schedule
from ..theory import Constants, Guarantee, NoGuarantee, Theorem, Unbiased
from ..theory import theorem as find_theorem
from ..theory.compressors import AbsoluteError, Contractive
from ..theory.hypotheses import EQUAL_WORKERS, EXACT, MASKS, ONE_WORKER
from .exact import NotClosed, Recursion
from .exact.coins import FloatArray
from .exact.rounds import Round

FOLDER = Path(__file__).parent / "instances"
#: The first round that counts: earlier ones compare the start with itself.
FIRST = 10
#: Ratios beyond this are violations; below, rounding.
VIOLATED = 1 + 1e-8
#: A bound that is smaller than this, relative to the largest metric before, is lost in the metric's rounding.
RESOLVED = 1e-6
#: The smallest curvature, in units of the largest, is 1/CONDITION.
CONDITION = 100.0
#: Three copies of the space of instances are tried: short runs and long ones.
LENGTHS = (12, 40, 100)
#: How near to the minimiser, as a share of the range of starts, the nearest start to begin with is.
NEAR = 0.01
CLOCKS = ("cyclic", "fixed:tau=1", "fixed:tau=3")


@dataclass(frozen=True)
class Instance:
    """A problem, compressors and parameters on which a bound is put to the test.

    Attributes
    ----------
    theorem
        Its name.
    hessians, minimisers, x0
        (n, d, d), (n, d), (d,): f_i(x) = (1/2)(x - s_i)^T H_i (x - s_i).
    rounds
        t, at which metric and bound are compared.
    sigma_sq
        Variance of the gradient noise.
    up, down
        Compressors.
    parameters
        Those that are fixed; the theorem chooses the others.
    clock
        Of an asynchronous method.
    seed
        Of the clock.
    """

    theorem: str
    hessians: tuple[tuple[tuple[float, ...], ...], ...]
    minimisers: tuple[tuple[float, ...], ...]
    x0: tuple[float, ...]
    rounds: int
    sigma_sq: float = 0.0
    up: str = "identity"
    down: str = "identity"
    parameters: dict[str, float] = field(default_factory=dict)
    clock: str = ""
    seed: int = 0

    @property
    def problem(self) -> ExplicitQuadratic:
        """The quadratic."""
        return _problem(self.hessians, self.minimisers, self.x0, self.sigma_sq)[0]

    def schedule(self, parameters: Mapping[str, float]) -> Schedule | None:
        """Who reports when, for an asynchronous method."""
        subject = build_method(find_theorem(self.theorem).method)
        if not subject.clock:
            return None
        return timetable(subject, len(self.x0_of_workers), self.rounds, self.seed, parameters, self.clock or "cyclic")

    @property
    def x0_of_workers(self) -> tuple[tuple[float, ...], ...]:
        """One row per worker."""
        return self.minimisers

    def constants(self, schedule: Schedule | None = None) -> Constants:
        """What the theorem is told: the problem's constants, and the delays."""
        known = _problem(self.hessians, self.minimisers, self.x0, self.sigma_sq)[1]
        if schedule is None:
            return known
        table = build_method(find_theorem(self.theorem).method).clock == "table"
        return replace(known, **schedule.facts(table))

    def guarantee(self, G: float | None = None) -> Guarantee | NoGuarantee:
        """The theorem applied to this instance; G is the bound on the gradients met, where it needs one."""
        theorem = find_theorem(self.theorem)
        constants = self.constants(self.schedule({"M": 1.0, **self.parameters}))
        if G is not None:
            constants = replace(constants, G=G)
        up, down = (None if spec == "identity" else spec for spec in (self.up, self.down))
        found = theorem.guarantee(constants, up, down, None, None, **self.parameters)
        if not found and "give rounds or eps" in found.reason:
            found = theorem.guarantee(constants, up, down, self.rounds, None, **self.parameters)
        return found

    def ratios(self) -> dict[int, float]:
        """E metric/bound for every t from `FIRST` to `rounds`.

        Raises
        ------
        NotClosed
            If the theorem does not cover the instance, or its moments do not close.
        """
        sure = self.guarantee()
        if (sure and "G" in sure.missing) or (not sure and " needs G" in sure.reason):
            sure = self._with_gradients_met()
        if not sure:
            raise NotClosed(sure.reason)
        if sure.missing or sure.curve is None:
            raise NotClosed(sure.needs)
        exact = self._recursion(sure)
        columns = [column for column, weight in sure.metric.terms if weight]
        metrics = [
            sum(weight * values[column] for column, weight in sure.metric.terms if weight)
            for _, values in exact.walk(columns, self.rounds)
        ]
        largest = np.maximum.accumulate(metrics)
        rounds = [t for t in range(FIRST, self.rounds + 1) if sure.horizon is None or t == sure.horizon]
        bounds = np.broadcast_to(sure.bound(np.array(rounds)), len(rounds)) if rounds else ()
        return {
            t: metrics[t] / float(bound)
            for t, bound in zip(rounds, bounds, strict=True)
            if math.isfinite(metrics[t]) and bound > RESOLVED * largest[t]
        }

    def ratio(self) -> float:
        """E metric/bound after `rounds` rounds; 0 where the bound is below the rounding of the metric."""
        return self.ratios().get(self.rounds, 0.0)

    def _recursion(self, sure: Guarantee) -> Recursion:
        theorem = find_theorem(self.theorem)
        whatever_the_start = (
            theorem, self.hessians, self.minimisers, self.sigma_sq, self.up, self.down, self.clock, self.seed,
            self.rounds, tuple(sure.parameters.items()), sure.weights,
        )  # fmt: skip
        return Recursion(
            theorem.method, self.problem, self.up, self.down, parameters=sure.parameters,
            schedule=self.schedule(sure.parameters), average=sure.weights, rounds=_rounds(whatever_the_start),
        )  # fmt: skip

    def _with_gradients_met(self) -> Guarantee | NoGuarantee:
        """The guarantee with G^2 the largest E||g_i||^2 that the run meets, at the step that the first guess chose."""
        sure = self.guarantee(1.0)
        if not sure:
            return sure
        G = self._largest_gradient(self._recursion(sure))
        fixed = {
            name: value for name, value in sure.parameters.items() if name in find_theorem(self.theorem).parameters
        }
        return replace(self, parameters={**self.parameters, **fixed}).guarantee(G)

    def _largest_gradient(self, exact: Recursion) -> float:
        """sqrt of the largest E||g_i||^2 over rounds and workers."""
        model, layout, size = exact.model, exact.layout, exact.layout.size
        points = layout.vectors("models", size)
        forms = []
        for i in range(layout.workers):
            v = (points[i] if len(points) else layout.vectors("x", size)[0]) @ model.hessians[i]
            v[0] += model.slopes[i]
            forms.append(v @ v.T)
        Z, largest = exact.start(), 0.0
        for t in range(self.rounds):
            largest = max(largest, *(float(np.sum(Q * Z)) for Q in forms))
            Z = exact.advance(Z, t)
        return math.sqrt(largest + self.sigma_sq)

    def spec(self) -> dict[str, Any]:
        """The instance as numbers, lists and text."""
        return asdict(self)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Instance:
        """The instance of `spec`.

        Raises
        ------
        InputError
            If something is missing or unknown.
        """
        try:
            known = dict(spec)
            known.pop("ratio", None)
            shaped = {name: _tuples(known[name]) for name in ("hessians", "minimisers", "x0")}
            return cls(**{**known, **shaped})
        except (KeyError, TypeError) as trouble:
            raise InputError(f"the fields {', '.join(spec)} are not those of an instance ({trouble})") from None


@lru_cache(64)
def _problem(hessians: Any, minimisers: Any, x0: Any, sigma_sq: float) -> tuple[ExplicitQuadratic, Constants]:
    """A quadratic and its constants; instances that differ in their parameters only share it."""
    noise = Noise.read("gaussian", sigma_sq) if sigma_sq > 0 else Noise()
    problem = ExplicitQuadratic(hessians, minimisers, x0, noise)
    return problem, problem.constants()


@lru_cache(16)
def _rounds(instance: tuple[Any, ...]) -> dict[Any, Round]:
    """The rounds of an instance that are known; those that differ in their start, or are met twice, share them."""
    return {}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple | np.ndarray) else float(value)


@cache
def _stored(name: str) -> tuple[Instance, ...]:
    path = FOLDER / f"{name}.json"
    if not path.exists():
        return ()
    return tuple(Instance.from_spec(spec) for spec in json.loads(path.read_text(encoding="utf-8")))


@checked
def hard_instances(theorem: str | Theorem) -> list[Instance]:
    """The worst instances that are known for a theorem, the worst one first; often none.

    Parameters
    ----------
    theorem
        A name or an object.

    Raises
    ------
    InputError
        For an unknown theorem.

    Examples
    --------
    >>> [round(instance.ratio(), 2) for instance in hard_instances("ef21.tight-single-worker")][:1]
    [1.0]
    """
    return list(_stored((find_theorem(theorem) if isinstance(theorem, str) else theorem).name))


def store(instances: Sequence[Instance], folder: Path = FOLDER) -> Path:
    """Write the instances of one theorem where `hard_instances` finds them, the worst one first."""
    ranked = sorted(instances, key=lambda instance: -instance.ratio())
    path = folder / f"{ranked[0].theorem}.json"
    write_whole(path, as_json([{"ratio": round(i.ratio(), 9), **i.spec()} for i in ranked]) + "\n")
    _stored.cache_clear()
    return path


# ----------------------------------------------------------------------------------------------------- the search


@dataclass(frozen=True)
class Tightness:
    """What a search has found.

    Attributes
    ----------
    ratio
        The largest measured/bound at t >= 10; None if no instance is covered.
    instance
        Where.
    evaluations, seconds
        What it took.
    reason
        Why there is none.
    instances
        The worst one for every pair of compressors, the worst pair first, with their ratios.
    """

    theorem: str
    ratio: float | None
    instance: Instance | None
    evaluations: int
    seconds: float
    reason: str = ""
    instances: tuple[tuple[float, Instance], ...] = ()

    @property
    def tried(self) -> str:
        """Where the search looked, in words."""
        chosen = spaces(find_theorem(self.theorem))
        parts = [
            f"quadratics of {_listed(s.workers for s in chosen)} worker{'s' * any(s.workers > 1 for s in chosen)}",
            f"{_listed(s.dim for s in chosen)} coordinates",
            f"up {_listed(s.up for s in chosen)}",
            f"down {_listed(s.down for s in chosen)}",
            f"t from {FIRST} to {max(LENGTHS)}",
        ]
        return "; ".join(parts) + "; curvatures, minimisers, starts, noise and parameters by a global optimiser"

    @property
    def word(self) -> str:
        """ "violated", "found" or "not closed"."""
        if self.ratio is None:
            return "not closed"
        return "violated" if self.ratio > VIOLATED else "found"


def _listed(values: Iterable[Any]) -> str:
    """Different values, in order: "1, 2 or 3"."""
    *others, last = dict.fromkeys(map(str, values))
    return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True)
class Space:
    """The discrete part of an instance; the rest is a point of a unit cube."""

    theorem: Theorem
    workers: int
    dim: int
    up: str
    down: str
    rounds: int
    clock: str

    @property
    def size(self) -> int:
        """Curvatures, minimisers, x0, the angle between the workers' axes, noise, the parameters."""
        return 2 * self.workers * self.dim + self.dim + 2 + len(self.names)

    @property
    def names(self) -> list[str]:
        """The proof's constants, the parameters, the step last: the interval of one may depend on those before."""
        return sorted((*self.theorem.analysis, *self.theorem.parameters), key=lambda name: name == "gamma")

    def instance(self, point: FloatArray) -> Instance | None:
        """The instance at a point of [0, 1]^size, None where the theorem covers none."""
        n, d = self.workers, self.dim
        cut = np.split(np.clip(point, 0.0, 1.0), np.cumsum([n * d, n * d, d, 1, 1]))
        curvatures = CONDITION ** (cut[0].reshape(n, d) - 1)
        curvatures /= curvatures.max()
        shifts = 2 * cut[1].reshape(n, d) - 1
        angle, noise = cut[3][0], cut[4][0]
        if EQUAL_WORKERS in self.theorem.assumes:
            curvatures[:], shifts[:], angle = curvatures[0], shifts[0], 0.0
        hessians = np.stack([_turned(row, i * angle * math.pi / 2) for i, row in enumerate(curvatures)])
        sigma_sq = 0.0 if EXACT in self.theorem.assumes or noise < 0.3 else float(10.0 ** (6 * noise - 5))
        slopes = np.einsum("njk,nk->j", hessians, shifts)
        shifts -= np.linalg.solve(hessians.sum(axis=0), slopes)  # the minimiser is 0: nothing cancels in ||x - x*||^2
        found = Instance(
            self.theorem.name, _tuples(hessians), _tuples(shifts), _tuples(4 * cut[2] - 2), self.rounds, sigma_sq,
            self.up, self.down, {}, self.clock,
        )  # fmt: skip
        for name, share in zip(self.names, cut[5], strict=True):
            sure = found.guarantee()
            if not sure and " needs G" in sure.reason:
                sure = found.guarantee(1.0)
            if not sure:
                return None
            interval = sure.intervals.get(name)
            if interval is None or not interval.low < interval.high:
                continue
            if share > 0.9 or name in WHOLE:  # as recommended, usually the upper end
                continue
            part = max(share / 0.9, 1e-3)
            if math.isinf(interval.high):
                value = interval.low + max(interval.low, 1.0) * 10 ** (4 * part - 2)
            else:
                value = interval.low + part * (interval.high - interval.low)
            found = replace(found, parameters={**found.parameters, name: float(value)})
        return found


def _turned(diagonal: FloatArray, angle: float) -> FloatArray:
    """A Hessian with these eigenvalues, its first two axes turned."""
    H = np.diag(diagonal)
    if len(diagonal) > 1 and angle:
        turn = np.eye(len(diagonal))
        turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        H = turn @ H @ turn.T
    return H


def spaces(theorem: Theorem) -> list[Space]:
    """Every discrete choice that the search tries."""

    def links(kind: type | None) -> list[str]:
        if kind is None:
            return ["identity"]
        if MASKS in theorem.assumes:
            return ["identity", "mask:workers=3,s=2"]
        if kind is Unbiased:
            return ["identity", "bernoulli:p=0.5", "bernoulli:p=0.2"]
        if kind is Contractive:
            return ["identity", "scaled:of=bernoulli/p=0.5", "adversary:delta=0.5,direction=grow",
                    "adversary:delta=0.19,direction=grow", "adversary:delta=0.19,direction=shrink",
                    "adversary:delta=0.08,direction=shrink"]  # fmt: skip
        return ["identity", "additive:eps=1"] if kind is AbsoluteError else []

    method = build_method(theorem.method)
    counts = (1,) if ONE_WORKER in theorem.assumes else (1, 2, 3)
    clocks = CLOCKS if method.clock else ("",)
    return [
        Space(theorem, n, d, up, down, rounds, clock)
        for up in links(theorem.uplink)
        for down in links(theorem.downlink)
        for n in counts
        for d in (1, 2)
        for rounds in LENGTHS
        for clock in clocks
    ]


class _Search:
    """The best instance so far, and the clock."""

    def __init__(self, budget: float) -> None:
        self.began, self.budget = time.perf_counter(), budget
        self.best: dict[tuple[str, str], tuple[float, Instance]] = {}
        self.evaluations = 0
        self.reason = "no instance is covered"

    def left(self) -> float:
        """Seconds left; none once a counterexample is found."""
        if any(ratio > VIOLATED for ratio, _ in self.best.values()):
            return 0.0
        return self.budget - (time.perf_counter() - self.began)

    def rate(self, instance: Instance | None) -> float:
        """The largest ratio over t; minus infinity where there is none."""
        if instance is None:
            return -math.inf
        self.evaluations += 1
        try:
            ratios = instance.ratios()
        except (NotClosed, InputError) as reason:
            self.reason = str(reason)
            return -math.inf
        if not ratios:
            return -math.inf
        t, ratio = max(ratios.items(), key=lambda pair: pair[1])
        links = instance.up, instance.down
        if links not in self.best or ratio > self.best[links][0]:
            self.best[links] = ratio, replace(instance, rounds=t)
        return ratio


#: Seconds of the longest search: thirty days.
LONGEST_BUDGET = 30 * 86400.0


@checked
def tightness(theorem: str | Theorem, budget: float = 10.0, seed: int = 0) -> Tightness:
    """Search for the largest measured/bound of a theorem.

    Parameters
    ----------
    theorem
        A name or an object.
    budget
        Seconds.
    seed
        Of the optimiser.

    Raises
    ------
    InputError
        For an unknown theorem or a budget that is not above 0.
    """
    subject = find_theorem(theorem) if isinstance(theorem, str) else theorem
    budget, seed = number("budget", budget, 0.0, LONGEST_BUDGET, strict=True), integer("seed", seed, 0, 2**32 - 1)
    search, random = _Search(budget), np.random.default_rng(seed)
    for known in hard_instances(subject):
        search.rate(known)
    ranked: list[tuple[float, Space, FloatArray]] = []
    chosen = spaces(subject)
    # Without compression first: cheap, and often the worst. Then whatever comes, until half of the budget is spent.
    plain = [s for s in chosen if (s.up, s.down, s.rounds) == ("identity", "identity", LENGTHS[0])][:4]
    others = [s for s in chosen if s not in plain]
    for space in [*plain, *(others[k] for k in random.permutation(len(others)))]:
        if search.left() < (0.5 * budget if search.best else 0.0):
            break
        ranked.append(
            max(((search.rate(space.instance(p)), space, p) for p in _starts(space, random)), key=lambda e: e[0])
        )
    ranked.sort(key=lambda entry: -entry[0])
    for value, space, point in ranked[:4]:
        if not math.isfinite(value) or search.left() <= 0:
            break
        _refine(search, space, point, budget / 8, seed)
    compressed = [entry for entry in ranked if (entry[1].up, entry[1].down) != ("identity", "identity")]
    for value, space, point in compressed[:1]:
        if math.isfinite(value) and search.left() > 0:
            _refine(search, space, point, search.left(), seed + 1)
    took = time.perf_counter() - search.began
    found = sorted(search.best.values(), key=lambda entry: -entry[0])
    if not found:
        return Tightness(subject.name, None, None, search.evaluations, took, search.reason)
    return Tightness(subject.name, *found[0], search.evaluations, took, "", tuple(found))


def _starts(space: Space, random: np.random.Generator) -> Iterator[FloatArray]:
    """Points to begin with: equal curvatures at both ends, agreeing workers, the recommended step; and random ones."""
    n, d = space.workers, space.dim
    for curvature in (0.0, 1.0):
        for spread in (0.5, None):
            point = np.ones(space.size)
            point[: n * d] = 1.0
            point[0] = curvature
            point[n * d : 2 * n * d] = 0.5 if spread else np.linspace(0, 1, n * d)
            point[2 * n * d + d] = 0.0
            point[2 * n * d + d + 1] = 0.0 if curvature else 0.6
            yield point
    near = np.ones(space.size)  # next to the minimiser, at a short step: little but what messages lose is left
    near[n * d : 2 * n * d + d] = 0.5 + NEAR
    near[2 * n * d + d : 2 * n * d + d + 2] = 0.0
    for share in (0.1, 0.03):
        yield np.where(np.arange(space.size) == space.size - 1, share, near)
    for _ in range(3):
        point = random.random(space.size)
        point[-len(space.names) :] = random.choice([0.5, 0.85, 1.0], len(space.names))
        yield point


def _refine(search: _Search, space: Space, point: FloatArray, seconds: float, seed: int) -> None:
    """Differential evolution around everything, then the simplex method of Nelder and Mead from the best point."""
    until = time.perf_counter() + min(seconds, search.left())

    def loss(p: FloatArray) -> float:
        value = search.rate(space.instance(p)) if time.perf_counter() < until else -math.inf
        return -value if math.isfinite(value) else 1.0

    def stop(*_: Any, **__: Any) -> bool:
        return time.perf_counter() >= until

    found = differential_evolution(
        loss, [(0.0, 1.0)] * space.size, x0=point, popsize=4, maxiter=40, tol=1e-8, seed=seed, polish=False,
        callback=stop, init="latinhypercube",
    )  # fmt: skip
    if not stop():
        minimize(loss, found.x, method="Nelder-Mead", options={"maxfev": 400, "xatol": 1e-5, "fatol": 1e-9})
