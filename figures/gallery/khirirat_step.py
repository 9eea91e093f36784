"""The explicit step of Q-IAG against the largest stable one."""

from __future__ import annotations

import numpy as np

from ...validation.stability import largest_stable_step
from ..drawing import Drawing, Frame, Frames, Line

CASES = {"dense": "equally late", "held": "in turn"}


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Bisect for the largest stable step over delays and compressors."""
    taus = {"dense": (0, 1, 3), "held": (0, 1, 3)} if quick else {"dense": (0, 1, 3, 7, 15), "held": (0, 1, 3, 7)}
    factors = (1,) if quick else (1, 4)
    frames = []
    for case, title in CASES.items():
        x = [1 + 2 * tau for tau in taus[case]]
        lines = []
        for look, a in enumerate(factors):
            found = [largest_stable_step(case, tau, a, seed) for tau in taus[case]]
            lines.append(Line(f"largest stable, $a={a}$", x, [one.stable for one in found], look=look))
            lines.append(Line(f"rule, $a={a}$", x, [one.largest for one in found], "bound", look))
        if case == "dense":
            exact = [2 * np.sin(np.pi / (2 * v)) for v in x]
            lines.append(Line("exact limit, $a=1$", x, exact, "reference"))
        frames.append(
            Frame(
                r"$1+2\tau$, delay $\tau$ in rounds",
                r"step $\gamma$",
                tuple(lines),
                title,
                letter="ur" if case == "dense" else "ll",
            )
        )
    return tuple(frames)


FIGURE = Drawing(
    "khirirat-step",
    "Khirirat et al.",
    "The explicit step of Q-IAG against the largest stable one",
    "The largest step from which a run still comes closer to the solution, by bisection, on problems that interpolate, "
    "and the theorem's rule 3 n/(8 s a L_max (1 + 2 tau)); tau is the delay, s the number of workers that share a "
    "coordinate, a the compressor's second moment: E||C(v)||^2 = a ||v||^2. (a) All workers report equally late with "
    "the same coins (s = n); without compression the limit is that of delayed gradient descent, "
    "2 sin(pi/(2 (2 tau + 1)))/L. (b) Each of n = tau + 1 workers owns its coordinates, and they report in turn "
    "(s = 1). The problems have 12 coordinates a worker: they test the rule, not a saving.",
    measure,
    seconds=(4, 1),
)
