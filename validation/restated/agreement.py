"""Theorems held against what stands of them in `papers`."""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from math import inf, sqrt
from typing import Any

from ...theory import AbsoluteError, Constants, Contractive, Guarantee, Theorem, Unbiased
from ...theory.families import AverageTheorem, OrderTheorem
from ...theory.hypotheses import STRONGLY_CONVEX_WORKERS
from ..statements import ROUNDING, setting
from .formulas import Number, Restated, one
from .papers import ASSUMED, RESTATED
from .papers.gmc import memory
from .papers.gmc_plus import kept

#: Numbers of rounds at which a bound is evaluated: few, and so many that what is left is its floor.
ROUNDS = (3, 37, 5000)
#: Random settings of every case.
DRAWS = 2
#: Rounds that are many for any constants, and how far a slope between them may be from its limit (logarithms).
LATE, SLOPE = (10**17, 10**18), 0.06
#: Rounds at which the largest n with a linear speedup is looked at.
MANY = 10**12
#: Values near a recommended one, by how much better one of them must be to count, and an accuracy that is asked for.
NEAR, NO_BETTER, EPS = (0.9, 1.1), 1e-6, 0.03
#: How far outside of its interval a parameter is tried, relative to the end.
BEYOND = 1e-3
#: What a theorem is told of a compressor is no choice; it has its own formulas.
TOLD = ("U",)
#: Where a linear speedup ends, the rest of a bound is as large as what falls like 1/sqrt(n), or nearly so.
LESS = 2.2
#: The rounding of values on the wire, which the formulas here leave out, changes a bound on a memory by no more.
WIRE = 1e-3


@dataclass(frozen=True)
class Case:
    """Constants and compressors for which a theorem is asked, and how a sentence names them."""

    name: str
    constants: Constants
    up: Any
    down: Any


def cases(theorem: Theorem, seed: int) -> Iterator[Case]:
    """Random constants, and those for which terms drop out."""
    draw, whole = random.Random(seed).uniform, setting(theorem, seed)
    c, probe = whole.constants, theorem.probe
    ups = {Unbiased: Unbiased(draw(1, 8)), Contractive: Contractive(draw(0.1, 0.9)), AbsoluteError: AbsoluteError(1.3)}
    downs = {
        Unbiased: Unbiased(draw(0.5, 4)),
        Contractive: Contractive(draw(0.1, 0.9)),
        AbsoluteError: AbsoluteError(0.4),
    }
    up = ups[theorem.uplink] if theorem.uplink else None
    down = downs[theorem.downlink] if theorem.downlink else None
    yield Case("", c, probe.up or up, probe.down or down)
    yield Case("without noise", replace(c, sigma_sq=0.0, sigma_star_sq=0.0, zeta_sq=0.0, zeta_star_sq=0.0), up, down)
    alone: dict[str, Any] = {
        "n": 1,
        "L": c.L_max,
        "L_tilde": c.L_max,
        "L_mean": c.L_max,
        "L_shared": c.L_max,
        "mu": c.mu_min,
    }
    alone["seconds"] = c.seconds and c.seconds[:1]
    alone |= {"L_i": None, "mu_i": None, "zeta_sq": 0.0, "zeta_star_sq": 0.0, "overlap": 1 if c.overlap else None}
    if c.n != 1:
        yield Case("with one worker", replace(c, **alone), up, down)
    if c.tau:
        yield Case("without delays", replace(c, tau=0.0), up, down)
    if up is not None or down is not None:
        yield Case("without compression", c, None, None)
    # Where most of several limits differ from the rest: curvatures that are nearly equal, little that is lost.
    close: dict[str, Any] = dict.fromkeys(("mu_min", "mu", "pl"), 0.95 * c.known()["L"])
    yield Case("at a good condition", replace(c, **close, tau=c.tau and 0.2), *map(_mild, (up, down)))
    if isinstance(up, Unbiased):
        yield Case("with coins that all workers share", c, replace(up, shared_coins=True), down)
    if theorem.uplink_or is not None:
        yield Case("with a contraction", c, ups[theorem.uplink_or], down)
    if isinstance(up, Contractive) or isinstance(down, Contractive):
        up, down = (
            replace(p, nonexpansive=True, orthogonal=True) if isinstance(p, Contractive) else p for p in (up, down)
        )
        yield Case("with messages no longer than the vector", c, up, down)
    if "U" in theorem.analysis and isinstance(up, Contractive):
        for keeps, shared in (("random", False), ("random", True), ("largest", False), ("projection", False)):
            promise = replace(up, keeps=keeps, shared_coins=shared)
            yield Case(f"with messages that keep {keeps} parts", c, promise, down)
            if not shared:
                yield Case(f"with one worker that keeps {keeps} parts", replace(c, **alone), promise, down)


def _mild(promise: Any) -> Any:
    """A compressor that loses little."""
    if isinstance(promise, Unbiased):
        return replace(promise, omega=0.04)
    return replace(promise, delta=0.97) if isinstance(promise, Contractive) else promise


def symbols(found: Guarantee, case: Case, T: float) -> dict[str, Any]:
    """The value of every letter."""
    theorem, c = found.theorem, found.constants.known()
    worst = STRONGLY_CONVEX_WORKERS in theorem.assumes
    promises = [theorem.promised("uplink", case.up, None), theorem.promised("downlink", case.down, None)]
    up, down = promises
    out: dict[str, Any] = {
        letter: float(c[name])
        for letter, name in {
            "n": "n", "m": "m", "L": "L_max" if worst else "L", "Lmax": "L_max", "Ls": "L_sample", "Lt": "L_tilde",
            "Lbar": "L_mean", "Lsum": "L_shared", "mu": "mu_min" if worst else "mu", "pl": "pl", "s2": "sigma_sq",
            "ss2": "sigma_star_sq", "z2": "zeta_sq", "zs2": "zeta_star_sq", "G": "G", "G1": "G_l1", "C1": "G_mean",
            "C2": "G_sq_mean", "L1": "L_l1", "sig1": "sigma_l1", "D": "gap0", "R2": "dist0_sq", "s": "overlap",
            "tau": "tau", "Dstar": "gap_star", "g0": "grad0_sq", "gL": "grad0_scaled",
        }.items()
        if c.get(name) is not None
    }  # fmt: skip
    for side, promise in (("u", up), ("d", down)):
        if isinstance(promise, Unbiased):
            out["w" + side] = promise.omega
        if isinstance(promise, Contractive):
            out["d" + side] = promise.delta
        if isinstance(promise, AbsoluteError):
            out["e" + side] = promise.eps
    smooth = found.constants.L_i or (out.get("Lmax", 0.0),)
    convex = found.constants.mu_i or (found.constants.mu_min or 0.0,)
    own = [(L, m) for L, m in zip(smooth, convex, strict=True)] if len(smooth) == len(convex) else []
    out["w"] = out.get("wu", 0.0)
    out["a"] = 1 + out["w"]
    out["d"] = min(out.get("du", 1.0), out.get("dd", 1.0))
    inward = isinstance(up, Contractive) and up.nonexpansive
    out["K"] = 1.0 if inward else 2 * (2 - out["d"])
    out["W"] = 1.0 if isinstance(up, Contractive) and up.orthogonal else (1 + sqrt(1 - out.get("du", 1.0))) ** 2
    out["bias"] = 0.0
    if theorem.uplink_or is not None and isinstance(up, Contractive):  # it is largest where all the error is bias
        out["bias"] = sqrt(1 - up.delta)
    out["wav"] = out["w"] / (1 if getattr(up, "shared_coins", False) else out["n"])
    known = {**found.analysis, **found.parameters}
    out |= {name: float(value) for name, value in known.items() if isinstance(value, int | float) and name != "a"}
    if "a" in known:
        out["shift"] = float(known["a"])
    lists: dict[str, Any] = {"sums": [L + m for L, m in own], "gaps": [L - m for L, m in own]}
    lists["promise"] = up
    lists["times"] = list(found.constants.seconds or _times(int(out["n"])))
    return out | lists | {"g": float(found.parameters["gamma"]), "T": float(T)}


def _times(n: int) -> tuple[float, ...]:
    """Seconds of a gradient of every worker, for theorems that do without them: the slow ones come first."""
    return tuple(4.0**-i for i in range(n))


def evaluate(number: Number, letters: Mapping[str, Any]) -> float:
    """A formula at these values.

    Raises
    ------
    KeyError
        If it takes a letter that has none.
    """
    wanted = inspect.signature(number).parameters.values()
    return float(number(**{p.name: letters[p.name] for p in wanted if p.kind is not p.VAR_KEYWORD}))


def for_rounds(theorem: Theorem) -> bool:
    """Whether the parameters depend on T."""
    return theorem.probe.tuned or isinstance(theorem, OrderTheorem)


def asked(theorem: Theorem, case: Case, T: int, inside: random.Random | None) -> Guarantee | None:
    """The guarantee of a case; with random parameters inside their intervals, if there is somebody who draws them."""
    rounds = T if for_rounds(theorem) else None
    fixed: dict[str, float] = {}
    found = theorem.guarantee(case.constants, case.up, case.down, rounds, None)
    if inside is not None:
        for name in sorted((*theorem.analysis, *theorem.parameters), key=("U", "theta").__contains__, reverse=True):
            if name != "gamma":
                fixed |= _drawn(found, name, inside)
                found = theorem.guarantee(case.constants, case.up, case.down, rounds, None, **fixed)
        fixed |= _drawn(found, "gamma", inside)
        found = theorem.guarantee(case.constants, case.up, case.down, rounds, None, **fixed)
    return found if isinstance(found, Guarantee) else None


def _drawn(found: Any, name: str, inside: random.Random) -> dict[str, float]:
    if not found or name not in found.intervals:
        return {"U": 1.7} if name == "U" else {}
    low, high, _ = found.intervals[name]
    if not low < high:
        return {}
    if name in ("M", "H", "R", "B") and name in found.theorem.parameters:
        return {name: float(inside.randint(1, int(min(high, 6))))}
    top = high if math.isfinite(high) else low + 2 * max(low, 1.0)
    return {name: low + inside.uniform(0.2, 0.8) * (top - low)}


def differs(theorem: Theorem, seed: int = 0) -> str:
    """Where a theorem and what stands here of it differ, in a sentence; empty if they agree.

    Raises
    ------
    KeyError
        If it does not stand here.
    """
    right = RESTATED[theorem.name]
    for case in cases(theorem, seed):
        for draw in range(DRAWS):
            inside = random.Random(1000 * seed + draw) if draw else None
            found = asked(theorem, case, ROUNDS[1], inside)
            for T in ROUNDS if found is not None else ():
                if for_rounds(theorem):
                    found = asked(theorem, case, T, inside and random.Random(1000 * seed + draw))
                if found is None:
                    continue
                for what, computed, stated in _compared(right, found, case, T):
                    if not _near(computed, stated):
                        about = " ".join(part for part in (what, case.name) if part)
                        return f"{about} is {computed:.6g} as computed and {stated:.6g} as restated in plain Python"
    return ""


def wrong_slope(theorem: Theorem) -> str:
    """Where a theorem promises slopes that its bound does not have, in a sentence; empty if it has them.

    With the step tuned for T, the bound (of an order its formula) falls for large T with the slower of the two slopes
    in T, and with the slope in n that is promised.
    """
    for case in islice(cases(theorem, 0), 2 if isinstance(theorem, OrderTheorem) else 1):  # an order without noise, too
        if found := _wrong_slope(theorem, case):
            return " ".join(part for part in (found, case.name) if part)
    return ""


def _wrong_slope(theorem: Theorem, case: Case) -> str:
    """The same for one case."""

    def level(T: int, n: int | None = None) -> tuple[float, Guarantee] | None:
        here = case if n is None else replace(case, constants=replace(case.constants, n=n))
        found = theorem.guarantee(here.constants, here.up, here.down, T, None)
        if not isinstance(found, Guarantee) or found.missing or found.rate.kind != "power":
            return None
        if found.curve is not None:
            return float(found.bound(T)), found
        return evaluate(RESTATED[theorem.name].bound, symbols(found, here, T)), found

    if (first := level(LATE[0])) is None or (last := level(LATE[1])) is None or not last[0] > 0:
        return ""
    rate = last[1].rate
    slope = math.log(last[0] / first[0]) / math.log(LATE[1] / LATE[0])
    if rate.in_rounds is not None and abs(slope - max(rate.in_rounds)) > SLOPE:
        return f"the bound falls like T^({slope:.3g}) for large T, and {max(rate.in_rounds):.3g} is promised"
    if rate.in_workers and (more := level(LATE[1], 4 * int(last[1].constants.known()["n"]))) is not None:
        slope = math.log(more[0] / last[0]) / math.log(4)
        if abs(slope - rate.in_workers) > SLOPE:
            return f"the bound falls like n^({slope:.3g}) for large T, and {rate.in_workers:.3g} is promised"
    return _short_speedup(level)


def _short_speedup(level: Callable[..., tuple[float, Guarantee] | None]) -> str:
    """Where a linear speedup is promised up to an n at which it has long ended."""
    if (some := level(MANY)) is None or not 1000 < (until := some[1].rate.speedup_until or 0.0) < math.inf:
        return ""
    # For a sum of powers it ends where another term is as large; for a step that is tuned, where that is at its limit.
    share = 16 if isinstance(some[1].theorem, AverageTheorem) else 64
    few, more = level(MANY, int(until / share)), level(MANY, int(4 * until / share))
    if few is None or more is None:
        return ""
    slope = math.log(more[0] / few[0]) / math.log(int(4 * until / share) / int(until / share))
    if abs(slope - some[1].rate.in_workers) > 2 * SLOPE:
        return f"the bound falls like n^({slope:.3g}) up to n = {4 * until / share:.3g}, where a speedup is promised"
    if isinstance(some[1].theorem, AverageTheorem) and (last := level(MANY, int(0.9 * until))) is not None:
        alone = set(last[1].intervals) == {"gamma"}  # else its limit may move with another parameter
        if alone and last[1].parameters["gamma"] > 0.99 * last[1].intervals["gamma"].high:
            return f"the step is at its limit for n = {int(0.9 * until)}, where a speedup is promised"
        kept = last[0] / few[0] * math.sqrt(int(0.9 * until) / int(until / share))
        if kept > LESS:
            return (
                f"for n = {int(0.9 * until)}, where a speedup is promised, the bound is {kept:.3g} times what it says"
            )
    return ""


def contradiction(theorem: Theorem) -> str:
    """What a theorem says against what stands here, in a sentence; empty if nothing, or if it does not stand here."""
    if theorem.name not in RESTATED:
        return ""
    held = {hypothesis.name for hypothesis in theorem.assumes}
    for name in sorted(held ^ set(ASSUMED[theorem.name].split(", "))):
        what = "does not assume" if name not in held else "assumes"
        wanted = "needs" if name not in held else "does not need"
        return f"the theorem {what} '{name}', which it {wanted} according to the paper"
    return differs(theorem) or wrong_slope(theorem) or unguarded(theorem)


def unguarded(theorem: Theorem) -> str:
    """Which parameter is taken from outside of its interval, in a sentence; empty if none is."""
    case = next(cases(theorem, 0))
    rounds = ROUNDS[1] if for_rounds(theorem) else None
    found = theorem.guarantee(case.constants, case.up, case.down, rounds)
    if not isinstance(found, Guarantee):
        return ""
    chosen = {**found.parameters, **found.analysis}
    for name, interval in found.intervals.items():
        others = {other: chosen[other] for other in found.intervals if other not in (name, *TOLD)}
        outside = [interval.low - BEYOND * (abs(interval.low) or 1)]
        if math.isfinite(interval.high):
            outside += [interval.high + BEYOND * (abs(interval.high) or 1)] + [interval.high] * interval.high_open
        outside += [interval.low] * (interval.low_open and interval.low < interval.high)
        for value in outside:
            fixed = {**others, name: value}
            if isinstance(theorem.guarantee(case.constants, case.up, case.down, rounds, None, **fixed), Guarantee):
                return f"{name} = {value:.6g} is accepted, and only {interval.text} is allowed"
    return ""


def _near(one: float, other: float) -> bool:
    return one == other or math.isclose(one, other, rel_tol=ROUNDING, abs_tol=1e-300)


def _rounds_needed(found: Guarantee, T: int) -> tuple[float, float]:
    """What `rounds_to` says for the bound after T rounds, and the first t whose bound is no larger."""
    eps = float(found.bound(T)) * (1 + ROUNDING)
    if float(found.bound(found.whole(1000 * T))) > eps:  # it rises to its limit
        return float(found.rounds_to(eps) or inf), inf
    rounds = sorted({found.whole(t) for t in range(found.curve.first if found.curve else 1, T + 1)})
    first = next(t for t in rounds if float(found.bound(t)) <= eps)
    return float(found.rounds_to(eps) or inf), float(first)


def _to_the_wire(computed: float, stated: float) -> float:
    """What is stated, where the rounding of values on the wire explains the difference."""
    return stated if math.isclose(computed, stated, rel_tol=WIRE) else computed


def _recommended(
    right: Restated, found: Guarantee, case: Case, letters: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    """What is recommended: by its formula, an end of its interval, or no worse than what is near it."""
    for name, value in {**found.parameters, **found.analysis}.items():
        if name in right.chosen:
            yield f"the recommended {name}", value, evaluate(right.chosen[name], letters)
        elif name in right.best:
            gap = found.rate.contraction_gap or 0.0
            others = [
                found.theorem.guarantee(case.constants, case.up, case.down, None, None, **{name: c * value})
                for c in NEAR
            ]
            better = max((o.rate.contraction_gap or 0.0 for o in others if isinstance(o, Guarantee)), default=0.0)
            yield f"the contraction at the recommended {name}", gap, max(gap, better * (1 - NO_BETTER))
        elif name in found.intervals and name not in TOLD:
            interval = found.intervals[name]
            ends = [interval.high / 2 if interval.high_open else interval.high]
            ends += [] if interval.low_open else [interval.low]
            yield f"the recommended {name}", value, min(ends, key=lambda end: abs(end - value))
    if right.wanted and not case.name:
        aimed = found.theorem.guarantee(case.constants, case.up, case.down, eps=EPS)
        assert isinstance(aimed, Guarantee)
        for name, number in right.wanted.items():
            stated = evaluate(number, {**letters, "eps": EPS})
            yield f"the {name} recommended for an accuracy", aimed.parameters[name], stated


def _compared(right: Restated, found: Guarantee, case: Case, T: int) -> Iterator[tuple[str, float, float]]:
    """What is compared: its name, as computed, as restated."""
    letters = symbols(found, case, T)
    step = found.intervals["gamma"]
    yield "the longest step", step.high, evaluate(right.step, letters)
    for name, ends in right.limits.items():
        low, high, _ = found.intervals[name]
        for number, end in zip(ends, (low, high), strict=True):
            if number is not None:
                yield f"the end of the interval of {name}", end, evaluate(number, letters)
    if not found.fixed:
        yield from _recommended(right, found, case, letters)
    weights = right.weights or tuple(one for _ in found.metric.terms)
    for number, (column, weight) in zip(weights, found.metric.terms, strict=True):
        yield f"the weight of {column}", weight, evaluate(number, letters)
    if "U" in found.analysis and "U" not in found.fixed and isinstance(case.up, Contractive):
        given = letters["n"], letters["beta"], letters["d"], letters["G"], letters["G1"]
        yield "U", _to_the_wire(found.analysis["U"], memory(*given, case.up)), memory(*given, case.up)
        if "V" in found.analysis:
            V = kept(*given, found.analysis["U"], case.up)
            yield "V", _to_the_wire(found.analysis["V"], V), V
    if found.curve is not None and not found.missing:
        T = found.whole(T)
        yield f"the bound after {T} rounds", float(found.bound(T)), evaluate(right.bound, letters | {"T": float(T)})
        if found.whole(ROUNDS[1]) == T and found.horizon is None:
            yield "the number of rounds to an accuracy", *_rounds_needed(found, T)
    times = replace(found.constants, seconds=tuple(letters["times"]))
    seconds = found.theorem.seconds(times, {**found.parameters, **found.analysis}, int(letters["T"]))
    if right.seconds is not None or seconds is not None:
        stated = inf if right.seconds is None else evaluate(right.seconds, letters)
        yield f"how long {T} rounds take", inf if seconds is None else seconds, stated
    if len(found.metric.terms) == 1 and (start := found.start) is not None:
        least = min(letters["g0"], 2 * letters["L"] * letters["D"])
        known = {"dist_sq": letters["R2"], "shadow_dist_sq": letters["R2"]} | dict.fromkeys(
            ("gap", "gap_mean", "gap_avg"), letters["D"]
        )
        column, weight = found.metric.terms[0]
        if column in known or column.endswith(("grad_sq", "grad_sq_mean", "grad_sq_avg")):
            yield f"{column} at the start", start, weight * known.get(column, least)
