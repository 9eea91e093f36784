"""Which theorems apply to a problem and its compressors, and which of them promises most.

Every registered theorem is asked for its guarantee. Those that have one are ranked, those whose bound has no value
stand apart with the constant that is missing, those that do not apply say why.
Bounds on different metrics are not compared: there is a ranking for every metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..common.door import checked
from ..common.errors import InputError, nearest
from .constants import Constants
from .guarantee import Guarantee, NoGuarantee
from .theorem import THEOREMS, Given, HasConstants, Theorem

ORDERS = ("rounds", "bits", "seconds", "bound")


@dataclass(frozen=True)
class Link:
    """A network link between each worker and the server, and the workers' speed.

    Parameters
    ----------
    bandwidth
        Bits per second.
    latency
        Seconds that a message takes whatever its length.
    compute
        Seconds that a worker takes for a gradient.
    """

    bandwidth: float
    latency: float = 0.0
    compute: float = 0.0

    def __post_init__(self) -> None:
        for name, value, positive in (
            ("bandwidth", self.bandwidth, self.bandwidth > 0),
            ("latency", self.latency, self.latency >= 0),
            ("compute", self.compute, self.compute >= 0),
        ):
            if not (positive and math.isfinite(value)):
                raise InputError(f"{name} = {value:g} is not possible: give a finite number, the bandwidth above 0")

    @classmethod
    def read(cls, text: str) -> Link:
        """Read ``bandwidth[,latency[,compute]]`` in bits per second and seconds, as in ``1e9,5e-5``.

        Raises
        ------
        InputError
            If it is not of this form.
        """
        try:
            numbers = [float(part) for part in text.split(",")]
            if not 1 <= len(numbers) <= 3:
                raise ValueError
        except ValueError:
            raise InputError(
                f"'{text}' is not a link: write bandwidth,latency,compute in bits/s and seconds, as in 1e9,5e-5,0.01"
            ) from None
        return cls(*numbers)

    def round(self, bits: float) -> float:
        """Seconds of a round in which a worker sends and receives so many bits together."""
        return self.compute + 2 * self.latency + bits / self.bandwidth


@dataclass(frozen=True)
class Option:
    """A theorem that applies.

    Attributes
    ----------
    guarantee
        What it guarantees.
    rounds, bits, seconds
        Until the bound is eps, the bits of one worker both ways; None if the bound never gets there or is unknown. If a
        number of rounds was asked for, those of these rounds.
    bound
        The bound after T rounds, if T was asked for.
    missing
        Why there is no number; empty if there is one.
    """

    guarantee: Guarantee
    rounds: int | None = None
    bits: float | None = None
    seconds: float | None = None
    bound: float | None = None
    missing: str = ""

    @property
    def theorem(self) -> Theorem:
        """The theorem."""
        return self.guarantee.theorem


@dataclass(frozen=True)
class Advice:
    """The theorems that apply, best first, and why the others do not.

    Attributes
    ----------
    options
        By metric (in LaTeX): ranked options. Those whose bound does not get to eps stand last.
    without_bound
        Theorems that apply and give a step, but whose bound cannot be computed: a constant is unknown
        (`Guarantee.missing`), or the theorem states an order only.
    refused
        (theorem, reason) of the others.
    by
        What they are ranked by: one of `ORDERS`.
    eps, rounds
        What was asked for.
    """

    options: dict[str, list[Option]]
    without_bound: list[Option]
    refused: list[tuple[Theorem, str]]
    by: str
    eps: float | None
    rounds: int | None

    @property
    def best(self) -> list[Option]:
        """The best option of every metric that has one with a number."""
        return [ranked[0] for ranked in self.options.values() if getattr(ranked[0], self.by) is not None]


@checked
def advise(
    known: Constants | HasConstants,
    up: Given = None,
    down: Given = None,
    *,
    eps: float | None = None,
    rounds: int | None = None,
    by: str | None = None,
    link: Link | str | None = None,
    theorems: Sequence[str] | None = None,
    constants: Mapping[str, Any] | None = None,
) -> Advice:
    """Ask every theorem what it guarantees, and rank the answers.

    Parameters
    ----------
    known
        A problem, or `Constants`.
    up, down
        Compressors of the workers' messages and of the broadcast, as for `Theorem.guarantee`.
    eps, rounds
        The accuracy to reach, or the number of rounds to spend: at most one of them. With neither, the theorems that
        apply are listed in alphabetical order.
    by
        "rounds" (default with eps), "bits", "seconds" (needs a link), or "bound" (default with rounds).
    link
        A `Link`, or its text form, for the seconds.
    theorems
        Names of theorems to ask; default: all.
    constants
        Constants that replace or add to those known.

    Raises
    ------
    InputError
        For an unknown order, theorem or constant, or an order that the request cannot have.

    Examples
    --------
    >>> from tersegrad.theory import Constants
    >>> known = Constants(n=8, dim=10, L_max=1.0, mu=0.1, dist0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.0)
    >>> advice = advise(known, up="topk:k=1", eps=1e-3)
    >>> all(option.theorem.method != "qsgd" for ranked in advice.options.values() for option in ranked)
    True
    """
    known = known if isinstance(known, Constants) else known.constants()
    known = known.replaced(constants or {})
    if by is None:
        by = "bound" if rounds is not None else "rounds"
    if by not in ORDERS:
        raise InputError(f"by={by}: rank by one of {', '.join(ORDERS)}{nearest(by, ORDERS)}")
    if by == "bound" and rounds is None:
        raise InputError("by=bound ranks bounds after T rounds: give rounds")
    if by != "bound" and rounds is not None:
        raise InputError(
            f"by={by} ranks by what it takes to reach an accuracy: give eps instead of rounds, or rank by the bound"
        )
    if by == "seconds" and link is None:
        raise InputError("by=seconds needs a link, bandwidth and latency in bits/s and seconds, as in 1e9,5e-5")
    link = Link.read(link) if isinstance(link, str) else link
    for name in theorems or ():
        if name not in THEOREMS:
            raise InputError(f"unknown theorem '{name}'{nearest(name, THEOREMS)}")
    options: dict[str, list[Option]] = {}
    without_bound: list[Option] = []
    refused: list[tuple[Theorem, str]] = []
    for name in theorems or sorted(THEOREMS):
        if THEOREMS[name].provenance == "conjectured" and not theorems:
            refused.append((THEOREMS[name], "it is conjectured, and is asked only by name"))
            continue
        found = THEOREMS[name].guarantee(known, up, down, rounds, eps)
        if isinstance(found, NoGuarantee):
            refused.append((found.theorem, found.reason))
        elif found.needs:
            without_bound.append(Option(found, missing=found.needs))
        else:
            options.setdefault(found.metric.latex, []).append(_option(found, eps, rounds, link))
    for ranked in options.values():
        ranked.sort(key=_key(by))
    return Advice(options, without_bound, refused, by, eps, rounds)


def _option(found: Guarantee, eps: float | None, rounds: int | None, link: Link | None) -> Option:
    """Evaluate a guarantee."""
    each = found.bits_per_round

    def seconds(needed: int) -> float | None:
        return None if link is None or each is None else needed * link.round(each)

    if rounds is not None:
        rounds = found.whole(rounds)
        bits = None if each is None else rounds * each
        return Option(found, rounds, bits, seconds(rounds), float(found.bound(rounds)))
    if eps is None:
        return Option(found)
    needed = found.rounds_to(eps)
    if needed is None:
        return Option(found, missing=found.unreachable(eps) or "")
    return Option(found, needed, found.bits_to(eps), seconds(needed))


def _key(by: str) -> Callable[[Option], tuple[float, str]]:
    """By value, what has none last, equals by name."""

    def key(option: Option) -> tuple[float, str]:
        value = getattr(option, by)
        return (math.inf if value is None else float(value), option.theorem.name)

    return key
