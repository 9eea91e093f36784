"""The compressor that reaches an accuracy with the fewest bits, among those that differ in one option.

A coarser compressor makes a message shorter and the guaranteed number of rounds larger. Their product, bits to eps, has
a minimum in between, and a theorem says where: bits to eps = (formula bits of a round) x (rounds until the bound is
eps, each with the step that suits it). A dense broadcast is a part of every round that does not shrink, which moves the
minimum to finer compressors; the workers' messages alone are counted beside it. For QSGD the formula is the shorter of
the fixed length and the published expected length of the Elias code, which rests on the published
E||C(v)||_0 <= s (s + sqrt d).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..common import front
from ..common.errors import InputError
from ..common.specs import Value, format_spec, parse_spec, parse_value
from .compressors import Compressor, compressor
from .guarantee import Guarantee, NoGuarantee

MOST_VALUES = 100_000


@dataclass(frozen=True)
class Entry:
    """One value of the option: the compressor, what is guaranteed with it, rounds and bits to eps (None: never).

    `bits` are those of a worker, both ways; `uplink` those of its own messages alone, which is what papers count that
    compress one way.
    """

    value: Value
    up: Compressor
    found: Guarantee | NoGuarantee
    rounds: int | None
    bits: float | None
    uplink: float | None


@dataclass(frozen=True)
class Sweep:
    """The entries of a sweep over one option, in the order of its values."""

    option: str
    eps: float
    entries: tuple[Entry, ...]

    @property
    def best(self) -> Entry | None:
        """The entry with the fewest bits both ways (the first of equals); None if no bound gets to eps."""
        reached = [entry for entry in self.entries if entry.bits is not None]
        return min(reached, key=lambda entry: entry.bits or 0.0, default=None)

    @property
    def best_uplink(self) -> Entry | None:
        """The entry with the fewest bits from the workers alone."""
        reached = [entry for entry in self.entries if entry.uplink is not None]
        return min(reached, key=lambda entry: entry.uplink or 0.0, default=None)

    @property
    def reason(self) -> str:
        """Why there is no best entry, by the last value; empty if there is one."""
        if self.best is not None:
            return ""
        last = self.entries[-1]
        why = last.found.reason if not last.found else last.found.needs or last.found.unreachable(self.eps)
        if not why:
            why = f"the bits of a round are unknown; give {front.constants('dim')}"
        return f"no value of {self.option} reaches eps = {self.eps:.4g}; with {last.up.spec}: {why}"


def values_of(text: str) -> tuple[str, tuple[Value, ...]]:
    """Read ``option=1:64``, ``option=1:64:3`` or ``option=1,2,4``: an option and its values.

    Raises
    ------
    InputError
        If it is nothing of the kind.

    Examples
    --------
    >>> values_of("levels=1:4"), values_of("k=1:10:4"), values_of("ratio=0.1,0.5")
    (('levels', (1, 2, 3, 4)), ('k', (1, 5, 9)), ('ratio', (0.1, 0.5)))
    """
    option, equals, right = text.partition("=")
    if not (option and equals and right):
        raise InputError(f"'{text}' is not of the form option=1:64 or option=1,2,4")
    if ":" not in right:
        return option, tuple(parse_value(word) for word in right.split(","))
    ends = [word for word in map(parse_value, right.split(":")) if isinstance(word, int)]
    if len(ends) not in (2, 3) or len(ends) != right.count(":") + 1:
        raise InputError(f"'{text}': a range is two or three whole numbers, first:last or first:last:step")
    first, last, step = (*ends, 1)[:3]
    if step < 1 or last < first or (last - first) // step >= MOST_VALUES:
        raise InputError(
            f"'{text}': a range goes up from first to last, in steps of at least 1, over at most {MOST_VALUES} values"
        )
    return option, tuple(range(first, last + 1, step))


def fewest_bits(
    ask: Callable[[Compressor], Guarantee | NoGuarantee],
    up: str,
    option: str,
    values: Sequence[Value],
    eps: float,
) -> Sweep:
    """Ask for a guarantee with every value of one of the uplink compressor's options.

    Parameters
    ----------
    ask
        From an uplink compressor to the guarantee, tuned for eps.
    up
        Spec of the compressor; the option's own value in it is replaced.

    Raises
    ------
    InputError
        For an option or a value that the compressor refuses.

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=8, dim=400, L_max=1.0, mu=0.1, overlap=8, tau=4, dist0_sq=1.0, zeta_star_sq=0.0)
    >>> subject = theorem("khirirat.q-iag-strongly-convex")
    >>> sweep = fewest_bits(lambda up: subject.guarantee(known, up, eps=1e-3), "qsgd", "levels", range(1, 65), 1e-3)
    >>> sweep.best.value, sweep.best_uplink.value
    (63, 31)
    """
    name, options = parse_spec(up)
    entries = []
    for value in values:
        chosen = compressor(format_spec(name, {**options, option: value}))
        found = ask(chosen)
        known = isinstance(found, Guarantee) and not found.needs
        rounds = found.rounds_to(eps) if isinstance(found, Guarantee) and known else None
        bits = found.bits_to(eps) if isinstance(found, Guarantee) and rounds is not None else None
        dim = found.constants.dim if isinstance(found, Guarantee) else None
        uplink = None if bits is None or rounds is None or dim is None else rounds * chosen.formula_bits(dim)
        entries.append(Entry(value, chosen, found, rounds, bits, uplink))
    if not entries:
        raise InputError(f"no value of {option} is given")
    return Sweep(option, eps, tuple(entries))
