"""QSGD: memoryless compression of the gradients, one way or both ways.

one way   x <- prox_{gamma R}(x - gamma avg C_up(g_i))          Alistarh et al. 2017, arXiv 1610.02132
two-way   x <- prox_{gamma R}(x - gamma C_down(avg C_up(g_i)))  Horvath et al. 2019, arXiv 1905.10988
"""

from dataclasses import replace

from ..method import Method
from ..rules import descend

QSGD = Method(
    name="qsgd",
    title="QSGD / DCSGD",
    source="Alistarh, Grubic, Li, Tomioka, Vojnovic 2017, arXiv 1610.02132",
    parameters=("gamma",),
    everyone=descend,
    prox=True,
)

QSGD_TWO_WAY = replace(
    QSGD,
    name="qsgd-two-way",
    title="two-way QSGD",
    source="Horvath, Ho, Horvath, Sahu, Canini, Richtarik 2019, arXiv 1905.10988",
    two_way=True,
)
