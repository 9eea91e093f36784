"""Wrong variants: a method, compressor, theorem or problem with one thing changed, and what rejects it.

A check that has never said no is not trusted. Every variant has one thing changed (a channel, a rule, a parameter, the
schedule of special rounds, a constant), and is put to the same checks as what is right, the cheap ones first:

conformance   what runs is held against the paper's pseudo-code (`conformance`);
moments       its means against exact second moments (`exact`);
instances     a bound against the expectation on the stored hard instances (`worst_cases`);
bound         its measurements against the theorem's bound (`judging`);
certificate   a compressor against its own constants (`certify`).

Variants of methods are derived from the methods themselves (`of_method`): nobody lists them, so that a new method has
its controls from the first day. Known bugs, found in published code, are in `falsification`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

from numba import njit

from ..common.errors import InputError, nearest
from ..solvers.channels import Channel
from ..solvers.channels import plain as plain_channel
from ..solvers.method import WHOLE, Method, known_methods, plain
from ..solvers.method import method as build_method
from ..solvers.rules import identity_rule, no_op
from ..solvers.signatures import OPTIONS, WORKERS, flat
from ..theory import THEOREMS, Constants
from ..theory.compressors import Compressor, compressor
from .certify import certify
from .claims import CLAIMS, Measured, Settings
from .conformance import OTHERWISE, PARAMETERS, conforms
from .exact import agreement
from .experiments import Experiment
from .judging import ConstantsOverride, ParameterOverride, judge
from .tightness import VIOLATED, hard_instances
from .verdict import ControlResult
from .worst_cases import hardest

#: Coordinates of the vectors on which a compressor's constants are tried.
DIM = 12
#: A parameter of a variant is this many times the paper's.
LONGER = 1.5


@dataclass(frozen=True)
class Variant:
    """Something wrong that must be rejected.

    Parameters
    ----------
    name, why
        What is wrong; what happens.
    changed
        The kind of thing that is changed: channel, rule, parameter, schedule, constant.
    method
        The wrong method; it carries the right one's transcription. None if the method is right.
    of
        The name of the method that it claims to be.
    factors
        Parameters that are run at so many times the value that the paper's pseudo-code is told.
    claims
        The experiment on which it claims to be the theorem's method; its bound is tried last.
    override_parameters, override_constants
        From the theorem's guarantee to the parameters that are run; from the problem's constants to those that the
        theorem is told.
    compressor
        A compressor that claims constants which are not its own.
    theorem, bound_factor
        A theorem that states so many times its bound.
    measure
        The measurement of a claim, of something wrong.
    """

    name: str
    why: str
    changed: str
    of: str = ""
    method: Method | None = None
    factors: Mapping[str, float] = field(default_factory=dict)
    claims: Experiment | None = None
    override_parameters: ParameterOverride | None = None
    override_constants: ConstantsOverride | None = None
    compressor: Compressor | None = None
    theorem: str = ""
    bound_factor: float = 1.0
    measure: Callable[[Settings], Measured] | None = None

    def test(self, seed: int = 0) -> ControlResult:
        """Put the variant to the checks that apply, until one rejects it."""
        began = time.perf_counter()
        by, reasons = "", []
        for check in (self._conformance, self._moments, self._certificate, self._instances, self._bound, self._claim):
            found = check(seed)
            if found is None:
                continue
            rejected, reason = found
            if rejected:
                by, reasons = check.__name__[1:], [reason]
                break
            reasons.append(reason)
        seconds = time.perf_counter() - began
        return ControlResult(self.name, self.changed, by, "; ".join(reasons) or "no check applies", seconds)

    def _conformance(self, seed: int) -> tuple[bool, str] | None:
        right = build_method(self.of) if self.of else None
        runs = self.method or (right if self.factors else None)
        if runs is None or right is None or runs.parameters != right.parameters:
            return None
        runs = replace(runs, transcription=right.transcription)
        found = conforms(told_less(runs, self.factors), seed=seed)
        return found.word == "differs", str(found)

    def _moments(self, seed: int) -> tuple[bool, str] | None:
        if self.method is None or self.method.parameters != build_method(self.of).parameters:
            return None
        found = agreement(self.method, reference=self.of, seed=seed)
        return found.word == "differs", f"second moments: {found.word} {found.where}".rstrip()

    def _certificate(self, seed: int) -> tuple[bool, str] | None:
        if self.compressor is None:
            return None
        found = certify(self.compressor, DIM, seed=seed)
        failed = next((row for row in found.rows if row.verdict == "violated"), None)
        if failed is None:
            return False, "every claim about the compressor holds"
        return True, f"{failed.check} at {failed.vector}: {failed.measured:.4g} against {failed.limit:.4g}"

    def _instances(self, seed: int) -> tuple[bool, str] | None:
        if not self.theorem or (case := hardest(self.theorem)) is None:
            return None
        ratio = case.ratio / self.bound_factor
        return ratio > VIOLATED, f"the expectation is {ratio:.4g} times the bound on {case}"

    def _bound(self, seed: int) -> tuple[bool, str] | None:
        if self.claims is None:
            return None
        found = judge(
            self.claims, method=self.method, override_parameters=self.override_parameters,
            override_constants=self.override_constants, seed=seed,
        )  # fmt: skip
        return found.verdict == "violated", f"{found.verdict}: {found.reason}"

    def _claim(self, seed: int) -> tuple[bool, str] | None:
        """A claim's measurement."""
        if self.measure is None:
            return None
        found = self.measure(Settings(quick=True, seed=seed))
        return found.verdict != "holds", f"{found.verdict}: {found.reason}"


def told_less(method: Method, factors: Mapping[str, float]) -> Method:
    """The method with a transcription that is told the parameters divided by the factors."""
    if not factors or method.transcription is None:
        return method
    paper = method.transcription

    def transcription(given: Any, **numbers: Any) -> Any:
        return paper(given, **{k: value / factors[k] if k in factors else value for k, value in numbers.items()})

    return replace(method, transcription=transcription)


# --------------------------------------------------------------------------------------------- variants of a method


#: Methods whose steps do not see the length of the message.
OF_ONE_LENGTH = ("ef21-norm",)


@cache
def _added_up(rule: Any) -> Any:
    """The server's rule behind messages that are added up, and not divided by their number."""

    @njit(nogil=True, error_model="numpy")
    def added_up(ctx, params, x, v, states, common):  # type: ignore[no-untyped-def]
        flat_v = flat(v)
        for j in range(flat_v.size):
            flat_v[j] *= ctx[WORKERS]
        rule(ctx, params, x, v, states, common)

    return added_up if rule is not identity_rule else add_up


@njit(**OPTIONS)
def add_up(ctx, params, x, v, states, common):  # type: ignore[no-untyped-def]
    """v <- n v: the server adds the messages up and forgets to divide."""
    flat_v = flat(v)
    for j in range(flat_v.size):
        flat_v[j] *= ctx[WORKERS]


def of_method(method: Method) -> Iterator[Variant]:
    """Every wrong variant that can be derived from a method by changing one thing."""
    name = method.name

    def variant(what: str, why: str, changed: str, **changes: Any) -> Variant:
        return Variant(f"{name}: {what}", why, changed, name, replace(method, **changes))

    numbers = {p: PARAMETERS.get(p, OTHERWISE) for p in method.parameters}
    for side in ("uplink", "downlink"):
        make = getattr(method, side)
        channel: Channel = make(numbers)
        if channel == plain_channel():
            continue
        if channel.error and not channel.memory:
            yield variant(f"{side} without its error", "what is lost is lost", "channel", **{side: plain})
        elif channel.memory and not channel.model_is_memory:
            yield variant(f"{side} without its memory", "messages do not vanish", "channel", **{side: plain})
        for number, title in (("eta", "error"), ("lam", "memory"), ("nu", "message")):
            if getattr(channel, number) and not (number == "nu" and channel == replace(channel, nu=1.0, memory=False)):
                yield variant(
                    f"{side} with half the weight of the {title}", "another channel", "channel",
                    **{side: _halved(make, number)},
                )  # fmt: skip
    if method.special is not None:
        yield variant("special rounds never come", "nothing is corrected", "schedule", special=None, special_when="")
    if method.drops:
        yield variant("what is too old is used", "delays have no limit", "schedule", drops=False)
    for side, other in (("up", "down"), ("down", "up")):
        if method.two_way and getattr(method, side) == side:
            yield variant(f"the {other}link's compressor on the {side}link", "swapped", "channel", **{side: other})
    for rule, without in (
        ("worker", identity_rule), ("server", identity_rule), ("everyone", identity_rule), ("local", identity_rule),
        ("sent", no_op),
    ):  # fmt: skip
        if getattr(method, rule) is not without:
            yield variant(
                f"without its rule '{rule}'", "a line of the pseudo-code is missing", "rule", **{rule: without}
            )
    for parameter in method.parameters:
        if parameter not in (*WHOLE, "p"):
            title = f"{name}: {parameter} {LONGER} times the paper's"
            yield Variant(title, "another method", "parameter", name, factors={parameter: LONGER})
    if "gamma" in method.parameters:
        yield Variant(
            f"{name}: a step 1 % too long", "no bound would see it", "parameter", name, factors={"gamma": 1.01}
        )
    if method.clock == "" and name not in OF_ONE_LENGTH:  # with arrivals or tables there are other numbers of messages
        if method.up == "nothing" and method.special is not None:
            changes = {"special": replace(method.special, server=_added_up(method.special.server))}
        else:
            changes = {"server": _added_up(method.server)}
        yield variant("messages added up, not averaged", "an n-fold step", "rule", **changes)


def _halved(make: Callable[[Any], Channel], number: str) -> Callable[[Any], Channel]:
    def channel(parameters: Any) -> Channel:
        right = make(parameters)
        return replace(right, **{number: getattr(right, number) / 2})

    return channel


# ------------------------------------------------------------------------------- variants of compressors and problems

#: Compressors whose constants are attained, so that a smaller one is found out.
CERTIFIED = (
    "ternary", "qsgd:levels=2", "randk:k=3", "topk:k=3", "natural", "sign", "randomblock:blocks=3", "bernoulli:p=0.5",
    "natural-dithering:levels=3", "randk:k=3,scaled=0",
)  # fmt: skip


def promising(given: Compressor, what: str, change: Callable[[Any], Any]) -> Compressor:
    """The same compressor with another constant: `change` of the right one."""
    kind = type(given)
    right = getattr(kind, what)

    def wrong(self: Any, dim: int) -> Any:
        return change(right(self, dim))

    other = type(kind.__name__, (kind,), {what: wrong})
    return other(**{f.name: getattr(given, f.name) for f in fields(given) if f.init})


def of_compressors() -> Iterator[Variant]:
    """Compressors that promise twice of what they keep."""
    for spec in CERTIFIED:
        try:
            given = compressor(spec)
        except InputError:
            continue
        if given.unbiased(DIM) is not None:
            wrong = promising(given, "unbiased", lambda right: replace(right, omega=right.omega / 2))
            yield Variant(f"{spec}: half its omega", "too small a variance", "constant", compressor=wrong)
        elif given.contractive(DIM) is not None:
            wrong = promising(given, "contractive", lambda right: replace(right, delta=min(1.0, 2 * right.delta)))
            yield Variant(f"{spec}: twice its delta", "too strong a contraction", "constant", compressor=wrong)


_QUADRATIC = "quadratic:dim=5,mu=0.2,L=1,radius=5"
_NOISY = "quadratic:dim=5,mu=0.2,L=1,radius=2,noise=gaussian,sigma_sq=4"

#: Constants of a problem that are not its own: what, theorem, problem, rounds, step, from the right to the wrong ones.
_WRONG: tuple[tuple[str, str, str, int, float, Callable[[Constants], dict[str, Any]]], ...] = (
    ("sigma_sq is a twentieth", "sgd.strongly-convex", _NOISY, 400, 0.1, lambda c: _times(c, 0.05, "sigma_sq")),
    ("f(x^0) - f* is a tenth", "sgd.nonconvex", _QUADRATIC, 40, 0.5, lambda c: _times(c, 0.1, "gap0")),
)


def _times(c: Constants, factor: float, *names: str) -> dict[str, Any]:
    return {name: factor * value for name in names if (value := getattr(c, name)) is not None}


def of_problems() -> Iterator[Variant]:
    """Theorems that are told constants which are not the problem's."""
    for what, theorem, problem, rounds, gamma, wrong in _WRONG:
        plan = Experiment(
            theorem, problem, rounds=rounds, replicas=16, choices={"gamma": gamma}, rounds_grid=(), workers_grid=()
        )
        yield Variant(
            f"{theorem}: {what}", "a bound for another problem", "constant", claims=plan,
            override_constants=lambda c, wrong=wrong: replace(c, **wrong(c)),  # type: ignore[misc]
        )  # fmt: skip


def of_theorems() -> Iterator[Variant]:
    """Theorems that state a quarter of their bound: the hard instances stored with them tell."""
    for name in THEOREMS:
        if hard_instances(name):
            title = f"{name}: a quarter of the bound"
            yield Variant(title, "a constant is lost", "constant", theorem=name, bound_factor=0.25)


def of_claims() -> Iterator[Variant]:
    """The controls of the claims."""
    for claim in CLAIMS.values():
        for control in claim.controls:
            yield Variant(f"{claim.name}: {control.name}", "the claim must not hold", "claim", measure=control.measure)


@cache
def controls_of(method: str) -> tuple[Variant, ...]:
    """Three variants of a method, those that need no machine code of their own first."""
    found = list(of_method(build_method(method)))
    rank = {"channel": 0, "schedule": 1, "parameter": 2, "rule": 3}
    return tuple(sorted(found, key=lambda v: rank[v.changed])[:3])


def tested_controls(method: str, seed: int) -> tuple[ControlResult, ...]:
    """The results of the three controls of a method."""
    return tuple(variant.test(seed) for variant in controls_of(method))


def catalogue() -> dict[str, Variant]:
    """Every variant by its name: derived ones, wrong constants, known bugs."""
    from .falsification import KNOWN_BUGS

    derived = [v for method in known_methods().values() for v in of_method(method)]
    wrong = [*of_compressors(), *of_problems(), *of_theorems(), *of_claims()]
    return {v.name: v for v in (*derived, *wrong, *(bug.variant() for bug in KNOWN_BUGS))}


def select_variants(names: tuple[str, ...]) -> list[str]:
    """The names of the variants of methods, theorems or compressors, of variants themselves, or of everything.

    Raises
    ------
    InputError
        For a name that nothing has.
    """
    every = catalogue()
    if not names:
        return list(every)
    chosen: dict[str, None] = {}
    for name in names:
        method = THEOREMS[name].method if name in THEOREMS else name
        found = [
            key for key, v in every.items() if key == name or (v.of and v.of == method) or key.startswith(f"{name}:")
        ]
        if not found:
            known = [*known_methods(), *THEOREMS, *every]
            raise InputError(f"no variant of '{name}'{nearest(name, known)}; take a method, a theorem or a variant")
        chosen |= dict.fromkeys(found)
    return list(chosen)


def try_variant(name: str) -> ControlResult:
    """Test one variant of the catalogue: a piece of work for any executor."""
    return catalogue()[name].test()


def try_right(method: str) -> tuple[str, str]:
    """A method's name, and what the checks say of it as it is: a piece of work for any executor."""
    return method, str(conforms(method))
