"""The bounds once more, as their papers' theorem boxes state them: plain Python, a line each, nothing shared.

A theorem of the toolkit says its step, its bound and its LaTeX in one place. Whoever changes them together changes the
theorem, and what is left may still be true of every problem that is tried. So every theorem stands here a second time,
written from the paper or from our proof, and `differs` holds the two against each other: the longest step (or the one
that is prescribed), the bound (of an order its formula), the seconds, the weights of the metric and the limits of other
parameters, at random constants and parameters, and in the cases where terms drop out: one worker, no compression, no
noise, contractions that never lengthen a vector.

Arguments are constants by their letters: n, m (samples of a worker), L (of f), Lmax, Lt (root mean square of the
L_i), Lbar (mean), Lsum (rho_L), Ls (of a sample), mu, pl; s2, ss2, z2, zs2 for sigma^2, sigma_star^2, zeta^2,
zeta_star^2; G, G1, C1, C2 of the gradients; D = f(x^0) - f*, R2 = ||x^0 - x*||^2, Dstar, g0 and gL of the start; s
the overlap, tau; w, wu, wd the variances of the compressors and a = 1 + w; d, du, dd their contractions, eu, ed their
absolute errors; K and W for K_c and the growth of a message; sums, gaps and times the lists of L_i + mu_i, of
L_i - mu_i and of the seconds of a gradient; g the step, T the rounds; further parameters have their own names, `shift`
is a of a + t.
"""

from __future__ import annotations

from .agreement import Case, contradiction, differs, evaluate, symbols, wrong_slope
from .papers import ASSUMED, RESTATED

__all__ = ["ASSUMED", "RESTATED", "Case", "contradiction", "differs", "evaluate", "symbols", "wrong_slope"]
