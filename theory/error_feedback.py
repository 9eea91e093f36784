"""Error feedback (MEM-SGD): what the compressor drops is kept and sent later."""

from __future__ import annotations

from .compressors import Contractive
from .theorem import Average, AverageTheorem, Case, Choice, Interval, Point, register


@register
class Nonconvex(AverageTheorem):
    """Distributed error feedback on a smooth nonconvex f, without bounded gradients.

    Problem: f is L-smooth with dissimilarity zeta^2. Algorithm: worker i sends c_i = C(e_i + gamma g_i) and
    keeps e_i <- e_i + gamma g_i - c_i; x <- x - avg c_i. C is contractive with constant delta.

    Guarantee: gamma <= delta/(4L) gives
    (1/T) sum_{t<T} E||grad f(x^t)||^2
        <= 4 Delta/(gamma T) + 2 L gamma sigma^2/n + 4 L^2 gamma^2 (1 - delta)(sigma^2/delta + 2
        zeta^2/delta^2).

    Provenance: ours, in the form of Stich, Karimireddy 2020 (arXiv 1909.05350).

    Examples
    --------
    >>> from tersegrad.theory import Constants, theorem
    >>> known = Constants(n=4, dim=100, L=1.0, gap0=1.0, sigma_sq=0.0, zeta_sq=0.0)
    >>> found = theorem("error-feedback.nonconvex").guarantee(known, up="topk:k=10")
    >>> found.rounds_to(0.501), found.bits_per_round
    (320, 3590.0)
    >>> theorem("error-feedback.nonconvex").guarantee(known, up="topk:k=10", down="topk:k=10").reason
    'error-feedback.nonconvex has no downlink compression, and topk:k=10 compresses'
    """

    id = "error-feedback.nonconvex"
    title = "Distributed error feedback, nonconvex"
    source = "own proof; the form is that of Stich, Karimireddy 2020 (arXiv 1909.05350)"
    provenance = "ours"
    method = "error-feedback"
    requires = ("n", "L")
    bound_requires = ("gap0", "sigma_sq", "zeta_sq")
    uplink = Contractive
    assumptions = (
        r"Let $f$ be $L$-smooth, $\frac{1}{n}\sum_i\|\nabla f_i(x)-\nabla f(x)\|^2 \le \zeta^2$, the noise "
        r"of variance at "
        r"most $\sigma^2$ and the compressor contractive with constant $\delta$."
    )
    conditions = r"0 < \gamma \le \gamma_{\max}"
    definitions = ((r"\gamma_{\max}", r"\frac{\delta}{4L}"),)
    measures = (("", "grad_sq_mean"),)
    bound_latex = (
        r"\frac{4\Delta}{\gamma T} + \frac{2L\gamma\sigma^2}{n} "
        r"+ 4L^2\gamma^2(1-\delta)(\frac{\sigma^2}{\delta} + \frac{2\zeta^2}{\delta^2})"
    )

    def bound_needs(self, case: Case) -> tuple[str, ...]:
        return self.bound_requires if case.up.delta < 1 else ("gap0", "sigma_sq")

    def settle(self, case: Case, take: Choice) -> None:
        high = case.up.delta / (4 * case.c.L)
        take("gamma", Interval(0.0, high, "0 < gamma <= delta/(4 L)"), high)

    def average(self, case: Case, p: Point) -> Average:
        c, delta = case.c, case.up.delta
        kept = (1 - delta) * (c.sigma_sq / delta + 2 * c.zeta_sq / delta**2) if delta < 1 else 0.0
        return Average(start=4 * c.gap0, noise=2 * c.L * c.sigma_sq / c.n, drift=4 * c.L**2 * kept)
