"""DORE: double residual compression (Liu, Li, Tang, Yan, AISTATS 2020, arXiv 1910.07561).

worker i : Delta_i = g_i(xhat) - h_i ; send D_i = C_up(Delta_i) ; h_i <- h_i + alpha D_i
server   : ghat = h + avg D_i ; h <- h + alpha avg D_i ; x+ = prox_{gamma R}(xhat - gamma ghat)
           q = x+ - xhat + eta e ; broadcast qhat = C_down(q) ; e <- q - qhat
everyone : xhat <- xhat + beta qhat
"""

import numpy as np

from ..channels import model_residual, shift
from ..method import Method
from ..pseudocode import State, avg
from ..rules import next_model, set_model


def pseudocode(given, gamma, alpha, beta, eta):
    """DORE."""
    xhat, h = given.x0, np.zeros((given.n, given.d))
    hbar, e = np.zeros(given.d), np.zeros(given.d)
    for _ in given.rounds():
        D = given.C_up(given.gradients(xhat) - h)
        ghat = hbar + avg(D)
        h, hbar = h + alpha * D, hbar + alpha * avg(D)
        x = given.prox(xhat - gamma * ghat, gamma)
        q = x - xhat + eta * e
        qhat = given.C_down(q)
        e = q - qhat
        xhat = xhat + beta * qhat
        yield State(xhat, memories=h, server_memory=hbar, server_error=e)


DORE = Method(
    name="dore",
    title="DORE",
    source="Liu, Li, Tang, Yan 2020, arXiv 1910.07561",
    parameters=("gamma", "alpha", "beta", "eta"),
    uplink=lambda p: shift(p["alpha"]),
    server=next_model,
    downlink=lambda p: model_residual(p["beta"], p["eta"]),
    everyone=set_model,
    two_way=True,
    prox=True,
    transcription=pseudocode,
)
