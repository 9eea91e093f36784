"""MARINA-P: every worker gets its own compressed difference of models, and now and then the model.

Gruntkowska, Tyurin, Richtarik 2024 (arXiv 2402.06412).

    worker i :  send grad f_i(w_i)
    server   :  v = avg grad f_i(w_i) ;  x+ = x - gamma v
    coin     :  heads with probability p, heads in round 0: w_i = x+ for everyone ;
                tails: send C_i(x+ - x) to worker i, w_i <- w_i + C_i(x+ - x)

The C_i are unbiased with constant omega. What they do together decides where all Hessians agree: the mean of n messages
of one vector has a variance omega_av, omega/n with coins of their own and (but for the rounding of values) none with
perm-k.
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval
from ..compressors import Unbiased
from ..families import Average, AverageTheorem, LinearTheorem
from ..hypotheses import (
    DENSE_START,
    EXACT,
    POLYAK_LOJASIEWICZ,
    QUADRATIC,
    SAME_HESSIAN,
    SMOOTH,
    SMOOTH_ON_AVERAGE,
)
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, Theorem, register

SOURCE = "own proof, for the method of Gruntkowska, Tyurin, Richtarik 2024 (arXiv 2402.06412)"


class _MarinaP(Theorem):
    """What all cases share: p, the step, the bits."""

    method = "marina-p"
    provenance = "ours"
    source = SOURCE
    bound_requires: ClassVar[tuple[str, ...]] = ("gap0",)
    downlink = Unbiased
    parameters = ("gamma", "p")
    conditions = r"0 < \gamma \le \gamma_{\max}"
    smoothness: ClassVar[str] = "L_tilde sqrt("
    variance: ClassVar[str] = "omega"

    def drift(self, request: Request) -> float:
        """K in E||avg(grad f_i(w_i) - grad f_i(x))||^2 <= K (the squared steps since the last head)."""
        return request.c.L_tilde**2 * request.down.omega

    def coin(self, request: Request, choose: ParameterChoice) -> float:
        """Take p; 1/(1 + omega) makes both kinds of rounds cost about the same bits."""
        return choose("p", Interval(0.0, 1.0, "0 < p <= 1"), 1 / (1 + request.down.omega))

    def limit(self, request: Request, p: float, times: float) -> tuple[float, str]:
        """1/(L + sqrt(times (1-p) K/p)), and how it is written."""
        twice = "" if times == 1 else f"{times:g} "
        text = f"1/(L + {self.smoothness}{twice}(1 - p) {self.variance}/p))"
        return 1 / (request.c.L + math.sqrt(times * (1 - p) / p * self.drift(request))), text

    def bits_per_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return up + p["p"] * dense + (1 - p["p"]) * down

    def bits_of_first_round(self, up: float, down: float, dense: float, p: Point) -> float:
        return up + dense


class _SameHessian(_MarinaP):
    """Where all Hessians agree, the mean of the w_i decides."""

    smoothness = "L sqrt("
    variance = "omega_av"
    probe = Probe(symbols={r"\omega_{av}": lambda found, symbols: symbols[r"\omega_d"] / symbols["n"]})

    def drift(self, request: Request) -> float:
        return request.c.L**2 * request.down.of_one_vector(int(request.c.n))


class _Nonconvex(_MarinaP, AverageTheorem):
    """The mean of ||grad f||^2 over the rounds."""

    measures = (("", "grad_sq_mean"),)
    bound_latex = r"\frac{2\Delta}{\gamma T}"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        high, text = self.limit(request, self.coin(request, choose), 1)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text}"), high)

    def average(self, request: Request, p: Point) -> Average:
        return Average(start=2 * request.c.gap0, noise=0.0)


class _PolyakLojasiewicz(_MarinaP, LinearTheorem):
    """Linear convergence under the Polyak-Lojasiewicz inequality."""

    measures = (("", "gap"),)
    bound_latex = r"\rho^t\Delta"

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        p = self.coin(request, choose)
        smooth, text = self.limit(request, p, 2)
        rare = p / (2 * request.c.pl)
        high = min(smooth, rare)
        choose("gamma", Interval(0.0, high, f"0 < gamma <= {text if smooth <= rare else 'p/(2 pl)'}"), high)

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        return {"1 - gamma pl": p["gamma"] * request.c.pl}

    def start(self, request: Request, p: Point) -> float:
        return request.c.gap0

    def floor(self, request: Request, p: Point) -> float:
        return 0.0


_START = r"Let $0 < p \le 1$ and $w_i^0 = x^0$."
_TOGETHER = (
    r"Let $0 < p \le 1$, $w_i^0 = x^0$, and let the mean of the $n$ messages of one vector have the variance "
    r"$\omega_{av}$ ($\frac{\omega_d}{n}$ with independent coins, none with perm-k)."
)


@register
class Nonconvex(_Nonconvex):
    """MARINA-P on smooth nonconvex f.

    Problem: f is L-smooth, f_i is L_i-smooth, L_tilde^2 = avg L_i^2; exact gradients. Algorithm: see the module.

    Guarantee: gamma <= 1/(L + L_tilde sqrt((1-p) omega/p)) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T). The coins of the workers may depend on each other.

    Provenance: ours, see docs/proofs/marina_p.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=9, L=1.0, L_tilde=2.0, gap0=1.0)
    >>> found = theorem("marina-p.nonconvex").guarantee(known, down=Unbiased(1.0), p=0.2)
    >>> found.parameters, float(found.bound(10))
    ({'gamma': 0.2, 'p': 0.2}, 1.0)
    """

    name = "marina-p.nonconvex"
    title = "MARINA-P, nonconvex"
    requires = ("L", "L_tilde")
    assumes = (SMOOTH, SMOOTH_ON_AVERAGE, EXACT, DENSE_START)
    setting = _START
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+\tilde L\sqrt{\frac{(1-p)\omega_d}{p}}}"),)


@register
class PolyakLojasiewicz(_PolyakLojasiewicz):
    """MARINA-P under the Polyak-Lojasiewicz inequality.

    Problem: as `Nonconvex`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: see the module.

    Guarantee: gamma <= min{1/(L + L_tilde sqrt(2 (1-p) omega/p)), p/(2 pl)} gives
    E f(x^T) - f* <= (1 - gamma pl)^T Delta.

    Provenance: ours, see docs/proofs/marina_p.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=9, L=1.0, L_tilde=1.0, pl=0.3, gap0=1.0)
    >>> found = theorem("marina-p.pl").guarantee(known, down=Unbiased(1.0), p=1 / 3)
    >>> round(found.rate.contraction, 6), found.active
    (0.9, 'rho = 0.9 is set by 1 - gamma pl')
    """

    name = "marina-p.pl"
    title = "MARINA-P, Polyak-Lojasiewicz"
    requires = ("L", "L_tilde", "pl")
    assumes = (SMOOTH, SMOOTH_ON_AVERAGE, POLYAK_LOJASIEWICZ, EXACT, DENSE_START)
    setting = _START
    definitions = (
        (r"\gamma_{\max}", r"\min\{\frac{1}{L+\tilde L\sqrt{\frac{2(1-p)\omega_d}{p}}},\frac{p}{2\mu_{PL}}\}"),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )


@register
class SameHessian(_SameHessian, _Nonconvex):
    """MARINA-P on quadratic f_i with one Hessian.

    Problem: every f_i is quadratic, with the same Hessian, of norm L (convex or not; f bounded below); exact gradients.
    Algorithm: see the module.

    Guarantee: gamma <= 1/(L + L sqrt((1-p) omega_av/p)), omega_av the variance of the mean of the messages, gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2 <= 2 Delta/(gamma T). Perm-k: omega_av = 0 (2^-45 for the rounding of its
    values), and the step is that of gradient descent, whatever p.

    Provenance: ours, see docs/proofs/marina_p.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=4, L=1.0, gap0=1.0, quadratic=True, same_hessian=True, dim=8)
    >>> found = theorem("marina-p.same-hessian").guarantee(known, down="permk:workers=4")
    >>> round(found.parameters["gamma"], 5), round(found.parameters["p"], 5)
    (1.0, 0.25)
    """

    name = "marina-p.same-hessian"
    title = "MARINA-P, one Hessian"
    requires = ("n", "L")
    assumes = (SMOOTH, QUADRATIC, SAME_HESSIAN, EXACT, DENSE_START)
    setting = _TOGETHER
    definitions = ((r"\gamma_{\max}", r"\frac{1}{L+L\sqrt{\frac{(1-p)\omega_{av}}{p}}}"),)


@register
class SameHessianPolyakLojasiewicz(_SameHessian, _PolyakLojasiewicz):
    """MARINA-P on quadratic f_i with one Hessian, under the Polyak-Lojasiewicz inequality.

    Problem: as `SameHessian`, and ||grad f||^2 >= 2 pl (f - f*). Algorithm: see the module.

    Guarantee: gamma <= min{1/(L + L sqrt(2 (1-p) omega_av/p)), p/(2 pl)} gives
    E f(x^T) - f* <= (1 - gamma pl)^T Delta.

    Provenance: ours, see docs/proofs/marina_p.md.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=2, L=1.0, pl=0.1, gap0=1.0, quadratic=True, same_hessian=True)
    >>> found = theorem("marina-p.same-hessian-pl").guarantee(known, down=Unbiased(1.0), p=0.5)
    >>> round(found.rate.contraction, 6)
    0.95
    """

    name = "marina-p.same-hessian-pl"
    title = "MARINA-P, one Hessian, Polyak-Lojasiewicz"
    requires = ("n", "L", "pl")
    assumes = (SMOOTH, POLYAK_LOJASIEWICZ, QUADRATIC, SAME_HESSIAN, EXACT, DENSE_START)
    setting = _TOGETHER
    definitions = (
        (r"\gamma_{\max}", r"\min\{\frac{1}{L+L\sqrt{\frac{2(1-p)\omega_{av}}{p}}},\frac{p}{2\mu_{PL}}\}"),
        (r"\rho", r"1-\gamma\mu_{PL}"),
    )
