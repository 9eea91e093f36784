"""DIANA-RR: DIANA on reshuffled samples, with a shift for every sample (Sadiev, Malinovsky, Gorbunov, Sokolov, Khaled,
Burlachenko, Richtarik 2024, arXiv 2206.07021).

epoch    : every worker draws a random permutation pi_i of its m samples
worker i : step k of the epoch, j = pi_i(k): send Q_i = Q(grad f_ij(x) - h_ij) ; h_ij <- h_ij + alpha Q_i
server   : the same shifts ; x <- x - gamma avg(h_ij + Q_i)  (the old h_ij)
"""

import numpy as np

from ...common.errors import InputError
from ..channels import shift
from ..method import Method
from ..pseudocode import State, avg
from ..rules import descend
from .q_rr import PAPER


def pseudocode(given, gamma, alpha):
    """DIANA-RR."""
    x, h = given.x0, np.zeros((given.m, given.n, given.d))
    workers = np.arange(given.n)
    for _ in given.rounds():
        j = [given.row(i) for i in workers]  # whose turn it is
        before = h[j, workers]
        Q = given.C_up(given.gradients(x) - before)
        h[j, workers] = before + alpha * Q
        x = given.broadcast(x - gamma * avg(before + Q))
        yield State(x, memories=h[j, workers], server_memory=avg(h[j, workers]), states=list(h.copy()))


def sample_memory_error(view):
    """The mean over workers and samples of ||h_ij - grad f_ij(x*)||^2, shape (B,)."""
    at_star = view.problem.sample_gradients_at_star
    if at_star is None:
        raise InputError(f"sample_memory_error_sq needs the minimiser, which is not known of '{view.problem.spec}'")
    errors = [((h[: len(g)] - g[:, None]) ** 2).sum(axis=-1) for h, g in zip(view.states, at_star, strict=True)]
    return np.mean([error.mean(axis=0) for error in errors], axis=0)


DIANA_RR = Method(
    name="diana-rr",
    title="DIANA-RR",
    source=PAPER,
    parameters=("gamma", "alpha"),
    uplink=lambda p: shift(p["alpha"]),
    everyone=descend,
    reshuffles=True,
    memory_per_sample=True,
    columns={"sample_memory_error_sq": sample_memory_error},
    transcription=pseudocode,
)
