"""Artemis (Philippenko, Dieuleveut 2020, arXiv 2006.14591): DIANA's uplink, a plain compressed downlink.

worker i : send Q_i = C_up(g_i - h_i) ; h_i <- h_i + alpha Q_i
server   : v = h + avg Q_i  (the old h) ; broadcast C_down(v) ; h <- h + alpha avg Q_i
everyone : x <- x - gamma C_down(v)
"""

from ..channels import shift
from ..method import Method
from ..rules import descend

ARTEMIS = Method(
    name="artemis",
    title="Artemis",
    source="Philippenko, Dieuleveut 2020, arXiv 2006.14591",
    parameters=("gamma", "alpha"),
    uplink=lambda p: shift(p["alpha"]),
    everyone=descend,
    two_way=True,
)
