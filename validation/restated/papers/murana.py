"""MURANA with compression both ways, restated.

Condat, Richtarik 2021, arXiv 2106.03056.   minimise f(x) + R(x).
"""

from __future__ import annotations

from math import inf

from ..formulas import Restated, one

RESTATED = {
    "murana.strongly-convex": Restated(
        lambda n, Lmax, wu, b: 1 / (Lmax * (1 + (1 + b) ** 2 * wu / n)),
        lambda n, mu, wu, wd, zs2, R2, b, g, T: (
            (1 - min(g * mu / (1 + wd), (1 - b**-2) / (1 + wu) if wu else inf)) ** T
            * (R2 + (b**2 + b) * g**2 * wu * (1 + wu) / (n * (1 + wd)) * zs2)
        ),
        weights=(one, lambda n, wu, wd, b, g: (b**2 + b) * g**2 * wu * (1 + wu) / (n * (1 + wd))),
        limits={"lam": (None, lambda wu: 1 / (1 + wu)), "beta": (None, lambda wd: 1 / (1 + wd)), "b": (one, None)},
        best=("b",),
    ),
}  # fmt: skip

ASSUMED = {
    "murana.strongly-convex": (
        "convex workers, smooth workers, strongly convex, prox, exact gradients, "
        "coins independent over workers, zero initial memories"
    ),
}
