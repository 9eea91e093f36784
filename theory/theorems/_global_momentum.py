"""What the theorems of GMC and GMC+ share: their momentum, and what is proved of the memory.

With g' = gamma/(1 - beta), d^t = -(x^t - x^{t-1})/gamma and R^t = avg e_i + beta d^t, the sequence y^t = x^t - g' R^t
follows y^{t+1} = y^t - g' avg g_i for any compressor. So only the memory R counts: E||R^t||^2 <= U^2. The theorems take
the smallest U that is proved for the compressor (`memory_bounds`; the proofs are in docs/proofs/gmc.md), or one that
the caller assumes (the parameter ``U`` of the analysis), as the paper does.
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval, NotCovered
from ..compressors import VALUE_TRUNCATION, Contractive
from ..theorem import ParameterChoice, Point, Request, Theorem

PAPER = "Zhao, Xie, Gao, Li 2019 (arXiv 1905.12948)"
OWN = f"own proof, for the method of {PAPER}, which states the rate"
MOMENTUM = 0.9
"""The momentum of the paper's experiments."""


def memory_bounds(up: Contractive, n: float, beta: float) -> dict[str, tuple[str, float]]:
    """Bounds on the memory, by what they rest on: (constant, factor) with U = factor times the constant.

    Let q = 1 - (1 - beta) kappa and q_2 = 1 - (1 - beta^2) kappa, where kappa is delta but for the rounding of values
    on the wire.

    - random masks that do not depend on the vector (rand-k as is, random block): U = G sqrt q/(1 - sqrt q); the same
      coins on all workers: q_2 for q, but for the rounding; one worker: q_2, also with largest entries and scaled sign;
    - the largest entries (top-k): U = G_l1 q/(1 - q);
    - one worker, any contraction: U = G sqrt q/(1 - sqrt q) with kappa = delta;
    - any contraction with r = sqrt(1-delta) + beta w < 1, where w = sqrt delta if C is orthogonal, 1 if it is
      nonexpansive, else 1 + sqrt(1-delta): U = G r/(1 - r);
    - no compression: U = G beta/(1 - beta).

    Examples
    --------
    >>> from tersegrad.theory import Contractive
    >>> memory_bounds(Contractive(1.0), n=4, beta=0.5)
    {'no compression': ('G', 1.0)}
    >>> list(memory_bounds(Contractive(0.1, nonexpansive=True), n=4, beta=0.9))
    []
    """
    if up.delta == 1.0:
        return {"no compression": ("G", beta / (1 - beta))}
    kappa = up.delta / (1 + VALUE_TRUNCATION)
    found = {}
    if up.keeps == "random":
        found["random masks"] = ("G", _geometric(kappa * (1 - beta)))
    square = kappa * (1 - VALUE_TRUNCATION) * (1 - beta**2)
    if up.keeps and n == 1:
        found["one mask"] = ("G", _geometric(square))
    elif up.keeps == "random" and up.shared_coins:
        root = math.sqrt(1 - square)
        lost = VALUE_TRUNCATION * (1 + math.sqrt(1 - up.delta)) / up.delta  # what rounding adds, worker by worker
        if (left := 1 - root - 2 * beta * lost) > 0:
            found["one mask for all"] = ("G", (root + lost) / left)
    if up.keeps == "largest":
        found["largest entries"] = ("G_l1", (1 - kappa * (1 - beta)) / (kappa * (1 - beta)))
    if n == 1:
        found["one worker"] = ("G", _geometric(up.delta * (1 - beta)))
    left = room(up, beta)
    if left > 0:
        found["contraction"] = ("G", (1 - left) / left)
    return found


def _geometric(gap: float) -> float:
    """sqrt q/(1 - sqrt q) for q = 1 - gap."""
    root = math.sqrt(1 - gap)
    return root * (1 + root) / gap


def _weight(up: Contractive) -> float:
    """w in ||e - part|| + beta ||avg c|| <= (sqrt(1-delta) + beta w)||p||."""
    if up.orthogonal:
        return math.sqrt(up.delta)
    return 1.0 if up.nonexpansive else 1 + math.sqrt(1 - up.delta)


def room(up: Contractive, beta: float) -> float:
    """1 - r with r = sqrt(1-delta) + beta w."""
    return up.delta / (1 + math.sqrt(1 - up.delta)) - beta * _weight(up)


class GlobalMomentum(Theorem):
    """What all theorems of GMC and GMC+ share: beta, the step gamma = (1 - beta) g', and the bound U on the memory."""

    provenance = "ours"
    source = OWN
    method = "gmc"
    uplink = Contractive
    parameters: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    analysis: ClassVar[tuple[str, ...]] = ("U",)
    start_needs: ClassVar[str] = "gap0"
    noise_needs: ClassVar[tuple[str, ...]] = ("sigma_sq",)

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        needs = (self.start_needs, *self.noise_needs)
        if "U" in request.fixed:
            return needs
        bounds = memory_bounds(request.up, request.c.n, self.beta(request))
        if any(factor == 0 or getattr(request.constants, name) is not None for name, factor in bounds.values()):
            return needs
        return (*needs, next(iter(bounds.values()))[0]) if bounds else needs

    def beta(self, request: Request) -> float:
        """beta as fixed by the caller; else 0.9, or half of what the memory bound allows if that is less."""
        default = MOMENTUM if self._any_beta(request) else min(MOMENTUM, self.beta_interval(request).high / 2)
        return request.fixed.get("beta", default)

    @staticmethod
    def _any_beta(request: Request) -> bool:
        """Whether a bound on the memory covers every beta below 1."""
        return (
            "U" in request.fixed
            or request.up.delta == 1
            or request.c.n == 1
            or request.up.keeps in ("random", "largest")
        )

    def beta_interval(self, request: Request) -> Interval:
        if self._any_beta(request):
            return Interval(0.0, 1.0, "0 <= beta < 1", low_open=False, high_open=True)
        weight = (
            "/sqrt(delta)" if request.up.orthogonal else "" if request.up.nonexpansive else "/(1 + sqrt(1 - delta))"
        )
        high = room(request.up, 0.0) / _weight(request.up)
        return Interval(0.0, high, f"0 <= beta < (1 - sqrt(1 - delta)){weight}", low_open=False, high_open=True)

    def memory(self, request: Request, choose: ParameterChoice) -> tuple[float, float]:
        """Take beta and U."""
        interval, beta = self.beta_interval(request), self.beta(request)
        if 0 <= beta < 1 and (refusal := interval.refusal("beta", beta)):
            raise NotCovered(
                f"{refusal}, beyond which no bound on the memory is proved for this compressor and n > 1; take "
                "rand-k as is, a random block or top-k, or give U with E||R||^2 <= U^2"
            )
        choose("beta", interval, beta)
        return beta, choose("U", Interval(0.0, math.inf, "0 <= U", low_open=False), self.U(request))

    def best(self, request: Request) -> tuple[float, str]:
        """The smallest U for which the constants are known, and what it rests on; infinite if there is none."""
        if "U" in request.fixed:
            return request.fixed["U"], "assumption"
        known = [
            (factor * (getattr(request.constants, name) or 0.0), rule)
            for rule, (name, factor) in memory_bounds(request.up, request.c.n, self.beta(request)).items()
            if factor == 0 or getattr(request.constants, name) is not None
        ]
        return min(known, default=(math.inf, ""))

    def U(self, request: Request) -> float:
        """The bound on the memory."""
        return self.best(request)[0]

    def origin(self, request: Request) -> str:
        """What U rests on, as the end of a sentence."""
        U, rule = self.best(request)
        return f"; U = {U:.4g} by {rule}" if rule else ""

    def active(self, request: Request, p: Point) -> str:
        return super().active(request, p) + self.origin(request)  # type: ignore[safe-super]

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        beta, _ = self.memory(request, choose)
        high, text = self.largest(request)
        choose("gamma", Interval(0.0, (1 - beta) * high, f"0 < gamma <= (1 - beta)/{text}"), (1 - beta) * high)

    def largest(self, request: Request) -> tuple[float, str]:
        """The largest g' = gamma/(1 - beta), and its inverse as text."""
        raise NotImplementedError

    def details(self, request: Request, p: Point) -> Point:
        return {"delta": request.up.delta}
