"""Exact checks of a bound that know nothing of the default run: hard instances, one step from the worst state.

Both are about the theorem alone, without sampling: a ratio of expectation to bound above 1 violates it, whatever the
default experiment says. The stored instances were found for the theorem as it was then; a theorem that has since lost a
term, a factor of its largest step or a hypothesis may hold on all of them. Their `relatives` ask for these: more
noise, a start near the minimiser, where little but the floor of the bound is left, parameters at the ends of what the
theorem allows now, workers that differ, other compressors. A theorem refuses what it does not cover.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from ..common.errors import InputError
from ..theory import Theorem
from ..theory import theorem as find_theorem
from ..theory.hypotheses import EXACT
from .decisions import strength_word
from .exact import NotClosed
from .exact.worst import WorstStep, worst_step
from .tightness import VIOLATED, Instance, hard_instances, spaces
from .verdict import Verdict

#: Rounds of a relative: enough to come near the floor of a bound at its longest steps.
LONG = 40
#: How near to an end of its interval a parameter is taken, relative to the length.
EDGE = 1e-3
#: A start this near to the minimiser: the gap is small beside the other terms of a bound, and large beside rounding.
NEAR = 0.1
#: Relatives are not chosen for well-conditioned moments: a ratio above this is a violation; below, rounding.
BEYOND = 1 + 1e-6
#: For steps that leave out what delays cost: the longest ones that are stable fall like 1/tau.
LATE = "fixed:tau=8"
#: What a theorem may be told of a run, and believes.
TOLD = ("U",)


def violates(ratio: float, stored: bool = True) -> bool:
    """Whether a ratio of an exact expectation to a bound is above 1 by more than rounding."""
    return ratio > (VIOLATED if stored else BEYOND)


@dataclass(frozen=True)
class HardCase:
    """The stored instance with the largest ratio of expected metric to bound, computed anew."""

    ratio: float
    instance: Instance
    stored: bool = True

    @property
    def violated(self) -> bool:
        """Whether the expected metric is above the bound by more than rounding."""
        return violates(self.ratio, self.stored)

    def __str__(self) -> str:
        i = self.instance
        links = f"up {i.up}, down {i.down}"
        kind = "the stored quadratic" if self.stored else "a variation of the stored quadratic"
        return f"{kind} with n = {len(i.minimisers)}, d = {len(i.x0)}, {links}"


@cache
def hardest(theorem: str) -> HardCase | None:
    """The hardest stored instance of a theorem, or a relative of one; None if it has none whose moments close."""
    found = []
    for instance in hard_instances(theorem):
        try:
            found.append(HardCase(instance.ratio(), instance))
        except NotClosed:
            continue
    found.sort(key=lambda case: -case.ratio)
    for case in found[:1]:
        for other in _distinct(relatives(case.instance)):
            try:
                ratios = other.ratios()
            except (NotClosed, InputError):
                continue
            if ratios:
                t = max(ratios, key=lambda t: ratios[t])
                found.append(HardCase(ratios[t], replace(other, rounds=t), stored=False))
    return max(found, key=lambda case: case.ratio, default=None)


def _distinct(instances: Iterable[Instance]) -> Iterator[Instance]:
    """Every instance once."""
    met = set()
    for instance in instances:
        if (key := repr(instance)) not in met:
            met.add(key)
            yield instance


def relatives(instance: Instance) -> Iterator[Instance]:
    """Instances near one of a theorem: noise, starts, steps, numbers of workers and compressors changed in turn."""
    theorem = find_theorem(instance.theorem)
    still = tuple(float(v) + NEAR for v in instance.problem.x_star)
    one, shift = instance.hessians[0], instance.minimisers[0]
    apart = tuple(v + 1.0 for v in shift), tuple(v - 1.0 for v in shift)
    pair = replace(instance, hessians=(one, one), minimisers=apart)
    for base in (instance, pair):
        for x0, sigma_sq in ((base.x0, base.sigma_sq), (base.x0, 1.0), (still, 1.0), (still, 0.0)):
            near = replace(base, x0=x0, sigma_sq=sigma_sq, rounds=LONG)
            yield near
            free = replace(near, parameters={})
            yield free
            if sigma_sq == 1.0 or EXACT in theorem.assumes:
                yield from _at_the_edges(free)
    for up, down in dict.fromkeys((space.up, space.down) for space in spaces(theorem)):
        linked = replace(pair, up=up, down=down, parameters={}, rounds=LONG)
        yield linked
        yield replace(linked, x0=still, sigma_sq=1.0)
        yield replace(linked, x0=still, sigma_sq=0.0)
        yield from _at_the_edges(linked)
    if instance.clock:
        yield replace(instance, clock=LATE, parameters={}, sigma_sq=0.0, rounds=4 * LONG)


def _at_the_edges(instance: Instance) -> Iterator[Instance]:
    """The instance with every parameter in turn just inside an end of the interval that the theorem allows."""
    sure = instance.guarantee()
    if not sure and " needs G" in sure.reason:
        sure = instance.guarantee(1.0)
    for name, interval in sure.intervals.items() if sure else ():
        if name in TOLD or not interval.low < interval.high:
            continue
        if math.isfinite(interval.high):
            inside = EDGE * (interval.high - interval.low)
            ends = [interval.low + inside, interval.high - inside]
        else:
            ends = [(1 + EDGE) * interval.low or EDGE]
        for value in ends:
            yield replace(instance, parameters={name: value})


@cache
def _worst_step(theorem: Theorem) -> WorstStep:
    try:
        return worst_step(theorem)
    except InputError as reason:  # functions of one's own that do not work at all constants
        return WorstStep(theorem.name, "not checked", None, reason=str(reason))


def with_worst_cases(verdict: Verdict) -> Verdict:
    """A verdict with what the exact checks say of its theorem: the word, if they violate the bound; the tightness."""
    case, step = hardest(verdict.theorem), _worst_step(find_theorem(verdict.theorem))
    strong = verdict.strength
    if case is not None and strong is not None and case.ratio > strong.tightness:
        strong = replace(
            strong, tightness=case.ratio, instance=str(case), at_round=case.instance.rounds,
            word=strength_word(case.ratio),
        )  # fmt: skip
    verdict = replace(verdict, strength=strong, one_step=step)
    if step.word == "violated":
        reason = f"from the worst state one step ends {step.ratio:.6g} times above what the theorem allows"
        return replace(verdict, verdict="violated", reason=reason)
    if case is not None and case.violated:
        reason = f"on {case} the expected metric is {case.ratio:.6g} times the bound at round {case.instance.rounds}"
        return replace(verdict, verdict="violated", reason=reason)
    return verdict
