"""DORE: double residual compression (Liu, Li, Tang, Yan, AISTATS 2020, arXiv 1910.07561).

worker i : Delta_i = g_i(xhat) - h_i ; send D_i = C_up(Delta_i) ; h_i <- h_i + alpha D_i
server   : ghat = h + avg D_i ; h <- h + alpha avg D_i ; x+ = prox_{gamma R}(xhat - gamma ghat)
           q = x+ - xhat + eta e ; broadcast qhat = C_down(q) ; e <- q - qhat
everyone : xhat <- xhat + beta qhat
"""

from ..channels import model_residual, shift
from ..method import Method
from ..rules import adopt, next_model

DORE = Method(
    name="dore",
    title="DORE",
    source="Liu, Li, Tang, Yan 2020, arXiv 1910.07561",
    parameters=("gamma", "alpha", "beta", "eta"),
    uplink=lambda p: shift(p["alpha"]),
    server=next_model,
    downlink=lambda p: model_residual(p["beta"], p["eta"]),
    everyone=adopt,
    two_way=True,
    prox=True,
)
