"""How far the step can go: exact frontiers of mean-square stability over the compression and over the workers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...theory.compressors import compressor
from ...validation.exact.coins import coins
from ...validation.exact.frontier import FORMULAS, frontier, kept
from ..drawing import Drawing, Frame, Frames, Line

WORKERS = 10
"""Of the panel over p."""
KEPT = 0.25
"""The probability of the panel over n."""
MOST = 8
"""DORE's frontier has no formula; its spectral radius is searched for up to so many workers."""


def formula(method: str, p: float, n: int) -> float:
    """gamma L at the frontier: entries kept with probability p, divided by p where the method wants them unbiased."""
    biased = method == "ef21"
    spec = f"scaled:of=bernoulli/p={p!r}" if biased else f"bernoulli:p={p!r}"
    law = coins(compressor(spec), 1, n, [0])
    entry = kept(law)
    assert entry is not None
    numbers = {"diana": {"alpha": entry[0]}, "marina": {"p": entry[0]}}.get(method, {})  # p as the coins have it
    found = FORMULAS[method](law, n, numbers)
    assert found is not None
    return found


def dore(p: float, n: int) -> float:
    """gamma L at the frontier of DORE with both links at p and its theorem's alpha, beta and eta, by the radius."""
    spec = f"bernoulli:p={p!r}"
    return frontier("dore", spec, spec, workers=n, theorems=False).step


ENTRIES: dict[str, Callable[[float, int], float]] = {
    "QSGD (no memory)": lambda p, n: formula("qsgd", p, n),
    "error feedback = EF21": lambda p, n: formula("ef21", p, n),
    "DIANA": lambda p, n: formula("diana", p, n),
    "MARINA": lambda p, n: formula("marina", p, n),
}


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Evaluate the formulas, and search for DORE's frontier at some points."""
    ps = np.concatenate([np.geomspace(0.02, 0.2, 20), np.linspace(0.22, 1.0, 40)])
    ns = np.unique(np.geomspace(1, 1000, 40).round()).astype(int)
    few_p = np.array([0.1, 0.3, 0.5, 0.7, 0.9])[:: 2 if quick else 1]
    few_n = np.array([1, 2, 4, MOST])[:: 2 if quick else 1]
    over_p = [Line(name, ps, [at(float(p), WORKERS) for p in ps]) for name, at in ENTRIES.items()]
    over_n = [Line(name, ns, [at(KEPT, int(n)) for n in ns]) for name, at in ENTRIES.items()]
    over_p.append(Line("DORE (computed)", few_p, [dore(float(p), WORKERS) for p in few_p], "points"))
    over_n.append(Line("DORE (computed)", few_n, [dore(KEPT, int(n)) for n in few_n], "points"))
    over_p.append(Line("gradient descent: 2", (0.02, 1.0), (2.0, 2.0), "reference"))
    over_n.append(Line("gradient descent: 2", (1, 1000), (2.0, 2.0), "reference"))
    label = r"largest stable step, $\gamma L$"
    return (
        Frame(
            "probability $p$ that an entry is kept", label, tuple(over_p), f"$n={WORKERS}$", log_x=False, letter="lr"
        ),
        Frame("workers $n$", label, tuple(over_n), f"$p={KEPT:g}$", letter="lr"),
    )


FIGURE = Drawing(
    "overview-frontier",
    "overview",
    "The largest step with which a method is stable in the mean square",
    "gamma L at the exact frontier on quadratics whose workers keep each entry with probability p, independently: "
    "QSGD, DIANA (alpha = p) and MARINA (coin p) send it divided by p, error feedback and EF21 as it is; for these two "
    f"the curve is 2 n p (2 - p)/(n p^2 + 4 (1 - p)). (a) Over p with n = {WORKERS}. (b) Over n with p = {KEPT:g}. "
    "Lines are formulas (ours); points are spectral radii of the second moments of DORE with the same p on both links "
    "and the alpha, beta and eta of its theorem. Above 2 a method is stable where gradient descent is not.",
    measure,
    seconds=(1.2, 1.2),
)
