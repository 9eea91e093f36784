"""DIANA (Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269).

worker i : send Q_i = C(g_i - h_i) ; h_i <- h_i + alpha Q_i
server   : v = h + avg Q_i  (the old h) ; x <- prox_{gamma R}(x - gamma v) ; h <- h + alpha avg Q_i
"""

from ..channels import shift
from ..method import Method
from ..rules import descend

DIANA = Method(
    name="diana",
    title="DIANA",
    source="Mishchenko, Gorbunov, Takac, Richtarik 2019, arXiv 1901.09269",
    parameters=("gamma", "alpha"),
    uplink=lambda p: shift(p["alpha"]),
    everyone=descend,
    prox=True,
)
