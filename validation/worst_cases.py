"""Exact checks of a bound that know nothing of the default run: hard instances, one step from the worst state.

Both are about the theorem alone, without sampling: a ratio of expectation to bound above 1 violates it, whatever the
default experiment says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from ..theory import theorem as find_theorem
from .decisions import strength_word
from .exact import NotClosed
from .exact.worst import WorstStep, worst_step
from .tightness import VIOLATED, Instance, hard_instances
from .verdict import Verdict


@dataclass(frozen=True)
class HardCase:
    """The stored instance with the largest ratio of expected metric to bound, computed anew."""

    ratio: float
    instance: Instance

    def __str__(self) -> str:
        i = self.instance
        links = f"up {i.up}, down {i.down}"
        return f"the stored quadratic with n = {len(i.minimisers)}, d = {len(i.x0)}, {links}"


@cache
def hardest(theorem: str) -> HardCase | None:
    """The hardest stored instance of a theorem; None if it has none whose moments close."""
    found = []
    for instance in hard_instances(theorem):
        try:
            found.append(HardCase(instance.ratio(), instance))
        except NotClosed:
            continue
    return max(found, key=lambda case: case.ratio, default=None)


@cache
def _worst_step(theorem: str) -> WorstStep:
    return worst_step(find_theorem(theorem))


def with_worst_cases(verdict: Verdict) -> Verdict:
    """A verdict with what the exact checks say of its theorem: the word, if they violate the bound; the tightness."""
    case, step = hardest(verdict.theorem), _worst_step(verdict.theorem)
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
    if case is not None and case.ratio > VIOLATED:
        reason = f"on {case} the expected metric is {case.ratio:.6g} times the bound at round {case.instance.rounds}"
        return replace(verdict, verdict="violated", reason=reason)
    return verdict
