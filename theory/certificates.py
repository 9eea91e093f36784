"""Certificates: proofs of one round's inequality as data, which anybody can check without believing us.

An inequality "left side <= 0" is certified by an identity

    left side = - sum_k multiplier_k slack_k - sum_j weight_j (combination_j)^2

with multipliers and weights that are not negative, where the slacks are not negative by the hypotheses (two points of
an L-smooth, mu-strongly convex function: <(g - g') - mu (x - x'), L (x - x') - (g - g')> >= 0). The letters stand for
vectors; as both sides are quadratic forms, the identity for numbers in their place is the identity for vectors. On n
workers the averages and the deviations from them, whose sums vanish, have an identity each.

The parameters are functions of z = sqrt(rho) and s = sqrt(1 - delta), s < z^2 < 1: rational in both, in units in which
L + mu = 2, so that rational z and s make every number rational. `tests/theory/test_certificates.py` checks the
identities as polynomials in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """left = - multiplier slack - sum weight combination^2.

    Attributes
    ----------
    about
        "averages" or "deviations".
    left
        The quadratic form that is to be at most zero.
    multiplier, slack
        Of the inequality that strong convexity and smoothness give (averaged over the workers).
    squares
        Pairs (weight, combination).
    """

    about: str
    left: str
    multiplier: str
    slack: str
    squares: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Certificate:
    """The proof of a theorem's contraction.

    Attributes
    ----------
    theorem
        Its name.
    claim
        What one round satisfies, in words.
    letters
        What the letters of the identities mean.
    parameters
        By name, each in terms of z, s and the ones before.
    identities
        That of the averages and that of the deviations.
    """

    theorem: str
    claim: str
    letters: Mapping[str, str]
    parameters: Mapping[str, str]
    identities: tuple[Identity, ...]

    def text(self) -> str:
        """All of it, line by line."""
        lines = [f"certificate of {self.theorem}: {self.claim}", "", "letters"]
        lines += [f"  {name:6} {meaning}" for name, meaning in self.letters.items()]
        lines += ["", "parameters (L + mu = 2; z = sqrt(rho), s = sqrt(1 - delta), s < z^2 < 1)"]
        lines += [f"  {name:6} = {value}" for name, value in self.parameters.items()]
        for one in self.identities:
            lines += ["", f"{one.about}:  left = - multiplier slack - sum of weight combination^2"]
            lines += [f"  left        {one.left}", f"  multiplier  {one.multiplier}", f"  slack       {one.slack}"]
            lines += [f"  square      ({weight}) ({combination})^2" for weight, combination in one.squares]
        return "\n".join(lines)


_PARAMETERS = {
    "rho": "z**2",
    "D": "(z - s/z)/(1 - s)",
    "L": "1 + D",
    "mu": "1 - D",
    "gamma": "(1 - s)/(1 + s)",
}

CERTIFICATES: dict[str, Certificate] = {
    found.theorem: found
    for found in (
        Certificate(
            "ef21.tight",
            "s W+ <= rho V for W = ||avg g_i||^2 + s avg||g_i - h_i||^2 before and "
            "V = s ||avg g_i||^2 + avg||g_i - m_i||^2 after the messages, and E V <= s W by the compressor",
            {
                "g": "the average gradient at x; gp: at x+ = x - gamma m",
                "m": "the average memory after the messages, which is that before the next ones",
                "a": "deviation of a worker's g_i(x+) - g_i(x) from the average",
                "w": "deviation of its g_i(x) - m_i",
            },
            _PARAMETERS | {"lam": "s*rho*(1 + s)/(rho - s)"},
            (
                Identity(
                    "averages",
                    "s*gp**2 + s**2*(gp - m)**2 - rho*(s*g**2 + (g - m)**2)",
                    "lam",
                    "((gp - g) + mu*gamma*m)*(-L*gamma*m - (gp - g))",
                    (("s**2*(1 + s)/(rho - s)", "gp - rho/s*g + (rho - s**2)/(s*(1 + s))*m"),),
                ),
                Identity(
                    "deviations",
                    "s**2*(a + w)**2 - rho*w**2",
                    "lam",
                    "-a**2",
                    (("rho - s**2", "w - s**2/(rho - s**2)*a"), ("lam - s**2 - s**4/(rho - s**2)", "a")),
                ),
            ),
        ),
        Certificate(
            "error-feedback.tight",
            "||x - avg p_i||^2 + s avg||p_i||^2 <= rho V for p_i = e_i + gamma g_i and V = avg||x - e_i||^2 + "
            "||avg e_i||^2/s with x* = 0, and E V+ is at most the left side by the compressor",
            {
                "x": "the model less x*",
                "e": "averages: the average error; deviations: of a worker's error from it",
                "g": "averages: the average gradient; deviations: of a worker's gradient from it",
            },
            _PARAMETERS | {"lam": "(1 + s)*gamma**2*rho/(rho - s)", "A": "(1 + s)*(rho - s)/s"},
            (
                Identity(
                    "averages",
                    "(x - e - gamma*g)**2 + s*(e + gamma*g)**2 - rho*((x - e)**2 + e**2/s)",
                    "lam",
                    "(g - mu*x)*(L*x - g)",
                    (("A", "e + (1 - rho)/A*x - gamma*s/(rho - s)*g"),),
                ),
                Identity(
                    "deviations",
                    "s*(e + gamma*g)**2 - rho*e**2",
                    "lam",
                    "-g**2",
                    (
                        ("rho - s", "e - s*gamma/(rho - s)*g"),
                        ("lam - s*gamma**2 - s**2*gamma**2/(rho - s)", "g"),
                    ),
                ),
            ),
        ),
    )
}
"""Every certificate by the theorem's name."""
