"""DORE: double residual compression.

Liu, Li, Tang, Yan, AISTATS 2020, arXiv 1910.07561.   minimise f(x) + R(x)

    worker i :  Delta_i = g_i(xhat) - h_i ;  send D_i = C_up(Delta_i) ;  h_i <- h_i + alpha D_i
    server   :  ghat = h + avg D_i ;  h <- h + alpha avg D_i ;  x+ = prox_{gamma R}(xhat - gamma ghat) ;
                q = x+ - xhat + eta e ;  broadcast qhat = C_down(q) ;  e <- q - qhat
    everyone :  xhat <- xhat + beta qhat

C_up and C_down are unbiased with constants omega_u and omega_d, with coins independent over workers and
rounds. The theorems bound quantities at xhat, with L the largest smoothness of a worker (`Constants.L_max`).
"""

from __future__ import annotations

import math
from typing import ClassVar

from ..bounds import Interval, NotCovered
from ..compressors import Unbiased
from ..families import Average, AverageTheorem, LinearTheorem, TunedTheorem
from ..hypotheses import (
    ALIKE_SMOOTH_WORKERS,
    EQUAL_WORKERS,
    NOISE,
    NOISE_ON_AVERAGE,
    OWN_COINS,
    PROX,
    SMOOTH,
    STRONGLY_CONVEX_WORKERS,
    ZERO_ERRORS,
    ZERO_MEMORIES,
)
from ..probe import Probe
from ..theorem import ParameterChoice, Point, Request, prescribe, register

PAPER = "Liu, Li, Tang, Yan 2020 (arXiv 1910.07561)"


def memory(request: Request, choose: ParameterChoice, target: float) -> tuple[float, float]:
    """Take c and alpha, from c >= 4 omega_u(omega_u+1)/n and |2(omega_u+1) alpha - 1| <= s.

    Here s = sqrt(1 - 4 omega_u(omega_u+1)/(n c)). In y = 2(omega_u+1) alpha, the smallest c that allows
    alpha is 4 omega_u(omega_u+1)/(n y(2-y)), which makes c alpha = 2 omega_u/(n(2-y)). `target` is the y to
    use where alpha and c are free.
    """
    n, omega = request.c.n, request.up.omega
    least = 4 * omega * (omega + 1) / n
    y = 2 * (omega + 1) * choose.fixed["alpha"] if "alpha" in choose.fixed else target
    if omega == 0:
        c, s = choose.fixed.get("c", 0.0), 1.0
    elif "c" in choose.fixed:
        c = choose.fixed["c"]
        s = math.sqrt(max(0.0, 1 - least / c)) if c > 0 else 0.0
        y = min(max(y, 1 - s), 1 + s)
    elif 0 < y < 2:
        c, s = least / (y * (2 - y)), abs(1 - y)
    else:
        choose("alpha", Interval(0.0, 1 / (omega + 1), "0 < alpha < 1/(omega_u + 1)", high_open=True), math.nan)
        raise NotCovered(f"no c allows alpha = {y / (2 * (omega + 1)):.4g}")
    choose("c", Interval(least, math.inf, "4 omega_u (omega_u + 1)/n <= c", low_open=False), c)
    low, high = (1 - s) / (2 * (omega + 1)), (1 + s) / (2 * (omega + 1))
    text = "(1 - s)/(2 (omega_u + 1)) <= alpha <= (1 + s)/(2 (omega_u + 1))"
    return c, choose("alpha", Interval(low, high, text, low_open=low == 0), y / (2 * (omega + 1)))


@register
class StronglyConvex(LinearTheorem):
    """DORE converges linearly to a neighbourhood of size O(sigma^2/n); exactly without noise.

    Problem: every f_i is L-smooth and mu-strongly convex, R closed and convex. Algorithm: see the module.

    Guarantee, with c >= 4 omega_u(omega_u+1)/n, s = sqrt(1 - 4 omega_u(omega_u+1)/(n c)):
    (1-s)/(2(omega_u+1)) <= alpha <= (1+s)/(2(omega_u+1));
    0 < beta <= 1/(omega_d+1), strict if eta > 0 and omega_d > 0;
    eta = 0, or 0 < eta < min{[-omega_d + sqrt(omega_d^2 + 4 omega_d(1-(omega_d+1) beta))]/(2 omega_d),
    4 mu L/((mu+L)^2 (1 + c alpha) - 4 mu L)};
    eta(mu+L)/(2(1+eta) mu L) < gamma <= 2/((1 + c alpha)(mu+L));
    then  V^{k+1} <= rho V^k + N  in total expectation, so  V^k <= rho^k V^0 + N (1-rho^k)/(1-rho),  for
    V^k = beta(1-(omega_d+1)beta)||q^{k-1}||^2 + ||xhat^k - x*||^2 + (1+eta) c beta gamma^2 avg||h_i^k - grad
    f_i(x*)||^2, rho = max{(eta^2+eta) omega_d/(1-(omega_d+1)beta), 1 + eta beta - 2(1+eta) beta gamma mu
    L/(mu+L), 1 - alpha}, N = (1+eta)(1 + n c alpha) beta gamma^2 sigma^2/n.  V^0 is for h_i = 0, e = 0 and
    q^{-1} = 0.

    Recommended: eta = 0 and beta = 1/(omega_d+1), which are best for rho, and alpha, c, gamma with the
    smallest rho (there the last two entries are equal), or with the smallest bound at the given T.

    Source: Theorem 1 of the paper. Provenance: restated (constants re-derived in our proof).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=20, dim=512, L_max=1.0, mu=0.1)
    >>> ask = theorem("dore.strongly-convex").guarantee
    >>> both = dict(up="ternary:block=256", down="ternary:block=256")
    >>> found = ask(known, **both)
    >>> {name: round(value, 4) for name, value in found.parameters.items()}
    {'gamma': 1.2263, 'alpha': 0.0262, 'beta': 0.1176, 'eta': 0.0}
    >>> round(found.rate.contraction, 5)
    0.97377
    >>> found.needs
    'the bound of dore.strongly-convex needs dist0_sq, zeta_star_sq and sigma_sq; \
give Constants(dist0_sq=..., zeta_star_sq=..., sigma_sq=...)'
    >>> ask(known, **both, alpha=0.1, beta=1.0, eta=1.0, gamma=0.05).reason
    'beta = 1 is not below 1/(omega_d + 1) = 0.1176'
    """

    name = "dore.strongly-convex"
    probe = Probe(fixed={"eta": 0.003})
    title = "DORE, strongly convex"
    source = f"{PAPER}, Theorem 1, constants re-derived in our proof"
    provenance = "restated"
    method = "dore"
    iterate = r"\hat x"
    requires = ("n", "L_max", "mu")
    bound_requires = ("dist0_sq", "zeta_star_sq", "sigma_sq")
    uplink = Unbiased
    downlink = Unbiased
    parameters = ("gamma", "alpha", "beta", "eta")
    analysis = ("c",)
    rules: ClassVar[tuple[str, ...]] = ("standard", "fast")
    saturating = True
    assumes = (
        STRONGLY_CONVEX_WORKERS,
        ALIKE_SMOOTH_WORKERS,
        PROX,
        OWN_COINS,
        NOISE_ON_AVERAGE,
        ZERO_MEMORIES,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $c \ge \frac{4\omega_u(\omega_u+1)}{n}$, $|2(\omega_u+1)\alpha-1| \le "
        r"\sqrt{1-\frac{4\omega_u(\omega_u+1)}{nc}}$, $0 < \beta \le \frac{1}{\omega_d+1}$ (strict if $\eta > "
        r"0$), and $0 \le \eta < \eta_{\max}$ or $\eta = 0$; $q^{-1} = 0$."
    )
    conditions = r"\gamma_{\min} < \gamma \le \gamma_{\max}"
    definitions: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            r"\eta_{\max}",
            r"\min\{\frac{-\omega_d+\sqrt{\omega_d^2+4\omega_d(1-(\omega_d+1)\beta)}}{2\omega_d},"
            r"\frac{4\mu L}{(\mu+L)^2(1+c\alpha)-4\mu L}\}",
        ),
        (r"\gamma_{\min}", r"\frac{\eta(\mu+L)}{2(1+\eta)\mu L}"),
        (r"\gamma_{\max}", r"\frac{2}{(1+c\alpha)(\mu+L)}"),
        (
            r"\rho",
            r"\max\{\frac{(\eta^2+\eta)\omega_d}{1-(\omega_d+1)\beta},"
            r"1+\eta\beta-\frac{2(1+\eta)\beta\gamma\mu L}{\mu+L},1-\alpha\}",
        ),
        ("N", r"\frac{(1+\eta)(1+nc\alpha)\beta\gamma^2\sigma^2}{n}"),
        ("V_0", r"R_0^2+(1+\eta)c\beta\gamma^2\zeta_\star^2"),
    )
    measures = (
        (r"\beta(1-(\omega_d+1)\beta)", "down_residual_sq"),
        ("", "dist_sq"),
        (r"(1+\eta)c\beta\gamma^2", "memory_error_sq"),
    )
    bound_latex = r"\rho^t V_0 + \frac{N(1-\rho^t)}{1-\rho}"

    def bound_needs(self, request: Request) -> tuple[str, ...]:
        return self.bound_requires if request.up.omega > 0 else ("dist0_sq", "sigma_sq")

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        mu, L = request.c.mu, request.c.L_max
        omega_d, eta = request.down.omega, choose.fixed.get("eta", 0.0)
        strict = eta > 0 and omega_d > 0
        c, alpha = memory(request, choose, self._target(request, choose))
        gamma_max = 2 / ((1 + c * alpha) * (mu + L))
        gamma = choose.fixed.get("gamma", gamma_max)
        beta_max = 1 / (omega_d + 1)
        balanced = self._balanced_beta(request, eta, gamma) if strict and "beta" not in choose.fixed else beta_max
        choose(
            "beta",
            Interval(0.0, beta_max, f"0 < beta {'<' if strict else '<='} 1/(omega_d + 1)", high_open=strict),
            balanced,
        )
        choose("eta", self._eta_interval(request, choose.values), 0.0)
        text = "eta (mu + L)/(2 (1 + eta) mu L) < gamma <= 2/((1 + c alpha)(mu + L))"
        choose("gamma", Interval(eta * (mu + L) / (2 * (1 + eta) * mu * L), gamma_max, text), gamma_max)

    def _eta_interval(self, request: Request, p: Point) -> Interval:
        """eta = 0, or 0 < eta below the smaller of two limits."""
        mu, L, omega_d = request.c.mu, request.c.L_max, request.down.omega
        limits = {}
        if omega_d > 0:
            room = max(0.0, 1 - (omega_d + 1) * p["beta"])
            root = 2 * room / (omega_d + math.sqrt(omega_d**2 + 4 * omega_d * room))
            limits["(-omega_d + sqrt(omega_d^2 + 4 omega_d (1 - (omega_d + 1) beta)))/(2 omega_d)"] = root
        denominator = (mu - L) ** 2 + (mu + L) ** 2 * p["c"] * p["alpha"]
        if denominator > 0:
            limits["4 mu L/((mu + L)^2 (1 + c alpha) - 4 mu L)"] = 4 * mu * L / denominator
        text = min(limits, key=lambda name: limits[name], default="infinity")
        high = limits.get(text, math.inf)
        return Interval(0.0, high, f"eta = 0 or 0 < eta < {text}", low_open=False, high_open=high > 0)

    def _target(self, request: Request, choose: ParameterChoice) -> float:
        """y = 2(omega_u+1) alpha: 1, or for the rule "fast" the y with the smallest rho (eta = 0)."""
        if choose.rule != "fast":
            return 1.0
        mu, L, n, omega = request.c.mu, request.c.L_max, request.c.n, request.up.omega
        beta = choose.fixed.get("beta", 1 / (request.down.omega + 1))
        if omega == 0:
            return 2.0
        q, gamma = 2 * omega / n, choose.fixed.get("gamma")
        if beta <= 0 or (gamma is not None and gamma <= 0):
            return 1.0
        if gamma is not None:  # as fast as the model, as long as c alpha = q/(2 - y) leaves room for gamma
            room = 2 / (gamma * (mu + L)) - 1
            if room <= q / 2:
                limit = 2 / ((1 + omega / n) * (mu + L))
                choose(
                    "gamma",
                    Interval(0.0, limit, "0 < gamma < 2/((1 + omega_u/n)(mu + L))", high_open=True),
                    gamma,
                )
            return min(4 * (omega + 1) * beta * gamma * mu * L / (mu + L), 2 - q / room)
        if "c" in choose.fixed:  # alpha (1 + c alpha) = model
            model, c = 4 * beta * mu * L / (mu + L) ** 2, choose.fixed["c"]
            return 2 * (omega + 1) * 2 * model / (1 + math.sqrt(1 + 4 * max(c, 0.0) * model))
        # alpha = y/(2(omega+1)) equals model/(1 + q/(2-y)); the cap keeps c finite
        a = 8 * (omega + 1) * beta * mu * L / (mu + L) ** 2
        y = 4 * a / (2 + q + a + math.sqrt((a - 2) ** 2 + q * (q + 4 + 2 * a)))
        return min(y, 2 - 1e-8)

    def _balanced_beta(self, request: Request, eta: float, gamma: float) -> float:
        """The beta at which the first two entries of rho are equal, for eta > 0 and omega_d > 0."""
        mu, L, omega_d = request.c.mu, request.c.L_max, request.down.omega
        model = 2 * (1 + eta) * gamma * mu * L / (mu + L) - eta
        room = 1 - (eta**2 + eta) * omega_d
        if room <= 0:
            raise NotCovered(
                f"eta = {eta:.4g} leaves no admissible beta: eta^2 + eta must be below 1/omega_d = {1 / omega_d:.4g}"
            )
        total = omega_d + 1 + model
        return 2 * room / (total + math.sqrt(max(0.0, total**2 - 4 * (omega_d + 1) * model * room)))

    def contraction_gaps(self, request: Request, p: Point) -> dict[str, float]:
        mu, L, omega_d = request.c.mu, request.c.L_max, request.down.omega
        alpha, beta, gamma, eta = p["alpha"], p["beta"], p["gamma"], p["eta"]
        residual = (eta**2 + eta) * omega_d / (1 - (omega_d + 1) * beta) if eta > 0 and omega_d > 0 else 0.0
        return {
            "the downlink residual, (eta^2 + eta) omega_d/(1 - (omega_d + 1) beta)": 1 - residual,
            "the model, 1 + eta beta - 2 (1 + eta) beta gamma mu L/(mu + L)": (
                2 * (1 + eta) * beta * gamma * mu * L / (mu + L) - eta * beta
            ),
            "the workers' memories, 1 - alpha": alpha,
        }

    def coefficients(self, request: Request, p: Point) -> tuple[float, ...]:
        beta, gamma = p["beta"], p["gamma"]
        residual = beta * max(0.0, 1 - (request.down.omega + 1) * beta)
        return residual, 1.0, (1 + p["eta"]) * p["c"] * beta * gamma**2

    def start(self, request: Request, p: Point) -> float:
        memories = (1 + p["eta"]) * p["c"] * p["beta"] * p["gamma"] ** 2
        return request.c.dist0_sq + (memories * request.c.zeta_star_sq if memories > 0 else 0.0)

    def floor(self, request: Request, p: Point) -> float:
        n, sigma_sq = request.c.n, request.c.sigma_sq
        N = (1 + p["eta"]) * (1 + n * p["c"] * p["alpha"]) * p["beta"] * p["gamma"] ** 2 * sigma_sq / n
        return N / self.contraction_gap(request, p)


@register
class StronglyConvexTuned(StronglyConvex):
    """DORE with the paper's parameters, strongly convex.

    Guarantee: `StronglyConvex` at eta = 0, alpha = 1/(2(omega_u+1)), beta = 1/(omega_d+1),
    c = 4 omega_u(omega_u+1)/n, gamma = 2/((mu+L)(1 + 2 omega_u/n)):
    1/(1-rho) = max{2(omega_u+1), (omega_d+1)((mu+L)^2/(2 mu L))(1/2 + omega_u/n)}.
    Without noise it is linear to x*, otherwise down to (1 + 2 omega_u) sigma^2/(n mu L (1 + 2 omega_u/n)) if
    the second entry is active.

    Source: Corollary of Theorem 1 of the paper. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=15, L_max=1.0, mu=1.0)
    >>> found = theorem("dore.strongly-convex-tuned").guarantee(known, up=Unbiased(7.5), down=Unbiased(1.0))
    >>> found.parameters["gamma"], round(1 / (1 - found.rate.contraction), 6)
    (0.5, 17.0)
    """

    name = "dore.strongly-convex-tuned"
    probe = Probe()
    title = "DORE, strongly convex, the paper's parameters"
    source = f"{PAPER}, Corollary 1, constants re-derived in our proof"
    general = "dore.strongly-convex"
    rules = ("",)
    assumes = (
        STRONGLY_CONVEX_WORKERS,
        ALIKE_SMOOTH_WORKERS,
        PROX,
        OWN_COINS,
        NOISE_ON_AVERAGE,
        ZERO_MEMORIES,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $\eta = 0$, $\alpha = \frac{1}{2(\omega_u+1)}$, $\beta = \frac{1}{\omega_d+1}$ and $c = "
        r"\frac{4\omega_u(\omega_u+1)}{n}$; $q^{-1} = 0$."
    )
    conditions = r"\gamma = \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{2}{(\mu+L)(1+\frac{2\omega_u}{n})}"),
        (
            r"\rho",
            r"1-\frac{1}{\max\{2(\omega_u+1),"
            r"\frac{(\omega_d+1)(\mu+L)^2}{2\mu L}(\frac{1}{2}+\frac{\omega_u}{n})\}}",
        ),
        ("N", r"\frac{(1+2\omega_u)\beta\gamma^2\sigma^2}{n}"),
        ("V_0", r"R_0^2+c\beta\gamma^2\zeta_\star^2"),
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        mu, L, n = request.c.mu, request.c.L_max, request.c.n
        omega_u, omega_d = request.up.omega, request.down.omega
        prescribe(self, choose, {
            "c": (4 * omega_u * (omega_u + 1) / n, "4 omega_u (omega_u + 1)/n"),
            "alpha": (1 / (2 * (omega_u + 1)), "1/(2 (omega_u + 1))"),
            "beta": (1 / (omega_d + 1), "1/(omega_d + 1)"),
            "eta": (0.0, "0"),
            "gamma": (2 / ((mu + L) * (1 + 2 * omega_u / n)), "2/((mu + L)(1 + 2 omega_u/n))"),
        })  # fmt: skip


@register
class Nonconvex(AverageTheorem):
    """DORE on a smooth nonconvex f that every worker samples.

    Problem: R = 0, all f_i equal f, which is L-smooth. Algorithm: see the module, h_i^0 = 0.

    Guarantee: beta = 1/(omega_d+1), alpha and c as in `StronglyConvex`, gamma < 1/(6 L beta(1 + c
    alpha)(omega_d+1)), eta >= 0 with eta^2 omega_d(1 + 6 gamma(omega_d+1) L beta) <= 2 gamma(omega_d+1) L
    beta; then (beta/2 - 3(1 + c alpha)(omega_d+1) L beta^2 gamma)(1/K) sum_{k<K} E||grad f(xhat^k)||^2
        <= Lambda^0/(gamma K) + 3(omega_d+1)(1 + n c alpha) L beta^2 sigma^2 gamma/n,    Lambda^0 = f(xhat^0)
        - f*.
    The paper's eta = gamma qualifies if gamma <= (-1 + sqrt(1 + 48 L^2/omega_d))/(12 L).

    Source: Theorem 2 of the paper. Provenance: restated (constants re-derived in our proof).

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=15, L=1.0, zeta_sq=0.0, gap0=1.0, sigma_sq=0.0)
    >>> found = theorem("dore.nonconvex").guarantee(known, up=Unbiased(7.5), down=Unbiased(1.0))
    >>> round(found.parameters["gamma"], 6), round(float(found.bound(100)), 6)
    (0.041667, 1.92)
    """

    name = "dore.nonconvex"
    title = "DORE, nonconvex"
    source = f"{PAPER}, Theorem 2, constants re-derived in our proof"
    provenance = "restated"
    method = "dore"
    iterate = r"\hat x"
    requires = ("n", "L", "zeta_sq")
    bound_requires = ("gap0", "sigma_sq")
    uplink = Unbiased
    downlink = Unbiased
    parameters = ("gamma", "alpha", "beta", "eta")
    analysis = ("c",)
    assumes = (
        EQUAL_WORKERS,
        SMOOTH,
        OWN_COINS,
        NOISE,
        ZERO_MEMORIES,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $\beta = \frac{1}{\omega_d+1}$, $c \ge \frac{4\omega_u(\omega_u+1)}{n}$, "
        r"$|2(\omega_u+1)\alpha-1| \le \sqrt{1-\frac{4\omega_u(\omega_u+1)}{nc}}$ and $0 \le \eta \le "
        r"\eta_{\max}$."
    )
    conditions = r"0 < \gamma < \gamma_{\max}"
    definitions = (
        (r"\gamma_{\max}", r"\frac{1}{6L\beta(1+c\alpha)(\omega_d+1)}"),
        (r"\eta_{\max}", r"\sqrt{\frac{2\gamma(\omega_d+1)L\beta}{\omega_d(1+6\gamma(\omega_d+1)L\beta)}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{\frac{\Delta}{\gamma T}+\frac{3(\omega_d+1)(1+nc\alpha)L\beta^2\sigma^2\gamma}{n}}"
        r"{\frac{\beta}{2}-3(1+c\alpha)(\omega_d+1)L\beta^2\gamma}"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        L, omega_d = request.c.L, request.down.omega
        c, alpha = memory(request, choose, 1.0)
        beta = 1 / (omega_d + 1)
        choose("beta", Interval(beta, beta, "1/(omega_d + 1) <= beta <= 1/(omega_d + 1)", low_open=False), beta)
        # The bound is infinite at the end of the interval; half of it makes the start's coefficient smallest.
        high = 1 / (6 * L * (1 + c * alpha))
        gamma = choose(
            "gamma",
            Interval(0.0, high, "0 < gamma < 1/(6 L beta (1 + c alpha)(omega_d + 1))", high_open=True),
            high / 2,
        )
        eta = math.sqrt(2 * gamma * L / (omega_d * (1 + 6 * gamma * L))) if omega_d > 0 else math.inf
        text = "0 <= eta <= sqrt(2 gamma L/(omega_d (1 + 6 gamma L)))"
        choose("eta", Interval(0.0, eta, text, low_open=False), 0.0)

    def average(self, request: Request, p: Point) -> Average:
        """The theorem, divided by beta/2."""
        L, n, omega_d = request.c.L, request.c.n, request.down.omega
        c, alpha, beta = p["c"], p["alpha"], p["beta"]
        return Average(
            start=2 * request.c.gap0 / beta,
            noise=6 * (omega_d + 1) * (1 + n * c * alpha) * L * beta * request.c.sigma_sq / n,
            damping=6 * (1 + c * alpha) * (omega_d + 1) * L * beta,
        )


@register
class NonconvexTuned(TunedTheorem):
    """DORE with the step for K rounds, nonconvex: O(1/K + 1/sqrt(nK)).

    Guarantee: `Nonconvex` at alpha = 1/(2(omega_u+1)), c = 4 omega_u(omega_u+1)/n, eta = 0 and
    gamma = 1/(12 L(1 + c alpha) + sigma sqrt(K/n)):
    (1/K) sum_{k<K} E||grad f(xhat^k)||^2 <= 48(omega_d+1) L(1 + 2 omega_u/n) Delta/K
        + [4(omega_d+1) Delta + 12(1 + 2 omega_u) L] sigma/sqrt(nK).
    Any eta that `Nonconvex` allows at this step may be given.

    Source: Corollary of Theorem 2 of the paper. Provenance: restated.

    Examples
    --------
    >>> from tersegrad.theory import Constants, Unbiased, theorem
    >>> known = Constants(n=15, L=1.0, zeta_sq=0.0, gap0=1.0, sigma_sq=15.0)
    >>> found = theorem("dore.nonconvex-tuned").guarantee(known, up=Unbiased(7.5), rounds=10**4)
    >>> round(1 / found.parameters["gamma"], 6), round(float(found.bound(10**4)), 6)
    (124.0, 1.9696)
    >>> theorem("dore.nonconvex-tuned").guarantee(known, up=Unbiased(7.5)).reason
    'dore.nonconvex-tuned tunes the step for T; give rounds or eps'
    """

    name = "dore.nonconvex-tuned"
    probe = Probe(tuned=True)
    title = "DORE, nonconvex, tuned step"
    source = f"{PAPER}, Corollary 2, constants re-derived in our proof"
    provenance = "restated"
    method = "dore"
    iterate = r"\hat x"
    requires = ("n", "L", "zeta_sq", "sigma_sq")
    bound_requires = ("gap0",)
    uplink = Unbiased
    downlink = Unbiased
    parameters = ("gamma", "alpha", "beta", "eta")
    analysis = ("c",)
    general = "dore.nonconvex"
    assumes = (
        EQUAL_WORKERS,
        SMOOTH,
        OWN_COINS,
        NOISE,
        ZERO_MEMORIES,
        ZERO_ERRORS,
    )
    setting = (
        r"Let $\alpha = \frac{1}{2(\omega_u+1)}$, $\beta = \frac{1}{\omega_d+1}$, $c = "
        r"\frac{4\omega_u(\omega_u+1)}{n}$ and $0 \le \eta \le \eta_{\max}$."
    )
    conditions = r"\gamma = \gamma_T"
    definitions = (
        (r"\gamma_T", r"\frac{1}{12L(1+c\alpha)+\sigma\sqrt{\frac{T}{n}}}"),
        (r"\eta_{\max}", r"\sqrt{\frac{2\gamma L}{\omega_d(1+6\gamma L)}}"),
    )
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{48(\omega_d+1)L(1+\frac{2\omega_u}{n})\Delta}{T} "
        r"+ (4(\omega_d+1)\Delta+12(1+2\omega_u)L)\frac{\sigma}{\sqrt{nT}}"
    )

    def choose_parameters(self, request: Request, choose: ParameterChoice) -> None:
        L, n, sigma_sq = request.c.L, request.c.n, request.c.sigma_sq
        omega_u, omega_d = request.up.omega, request.down.omega
        gamma = 1 / (12 * L * (1 + 2 * omega_u / n) + math.sqrt(sigma_sq * self.horizon(request) / n))
        prescribe(self, choose, {
            "c": (4 * omega_u * (omega_u + 1) / n, "4 omega_u (omega_u + 1)/n"),
            "alpha": (1 / (2 * (omega_u + 1)), "1/(2 (omega_u + 1))"),
            "beta": (1 / (omega_d + 1), "1/(omega_d + 1)"),
            "gamma": (gamma, "1/(12 L (1 + c alpha) + sigma sqrt(T/n))"),
        })  # fmt: skip
        eta = math.sqrt(2 * gamma * L / (omega_d * (1 + 6 * gamma * L))) if omega_d > 0 else math.inf
        text = "0 <= eta <= sqrt(2 gamma L/(omega_d (1 + 6 gamma L)))"
        choose("eta", Interval(0.0, eta, text, low_open=False), 0.0)

    def powers(self, request: Request) -> tuple[tuple[float, float], ...]:
        L, n, gap0, sigma_sq = request.c.L, request.c.n, request.c.gap0, request.c.sigma_sq
        omega_u, omega_d = request.up.omega, request.down.omega
        return (
            ((4 * (omega_d + 1) * gap0 + 12 * (1 + 2 * omega_u) * L) * math.sqrt(sigma_sq / n), 1 / 2),
            (48 * (omega_d + 1) * L * (1 + 2 * omega_u / n) * gap0, 1.0),
        )

    def active(self, request: Request, p: Point) -> str:
        T, n, sigma_sq = self.horizon(request), request.c.n, request.c.sigma_sq
        smooth = 12 * request.c.L * (1 + 2 * request.up.omega / n)
        larger = "12 L (1 + c alpha)" if smooth >= math.sqrt(sigma_sq * T / n) else "sigma sqrt(T/n)"
        return f"1/gamma is dominated by {larger} at T = {T}"
