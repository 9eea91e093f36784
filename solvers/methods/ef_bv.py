"""EF-BV (Condat, Yi, Richtarik 2022, arXiv 2205.04180): DIANA and EF21 in one method.

worker i : send d_i = C(grad f_i(x) - h_i) ; h_i <- h_i + lam d_i
server   : v = h + nu avg d_i  (the old h) ; x <- x - gamma v ; h <- h + lam avg d_i
"""

from ..channels import Channel
from ..method import Method
from ..rules import descend

EF_BV = Method(
    name="ef-bv",
    title="EF-BV",
    source="Condat, Yi, Richtarik 2022, arXiv 2205.04180",
    parameters=("gamma", "lam", "nu"),
    uplink=lambda p: Channel(lam=p["lam"], nu=p["nu"], memory=True),
    everyone=descend,
)
