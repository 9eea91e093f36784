"""The one idea: a method is an uplink channel, a downlink channel and a local rule.

Distributed methods with compressed communication look like a zoo. Read aloud what travels, and they are one animal.
Somebody, A, has a stream of vectors v^0, v^1, ... (a gradient a round, a model a round) and wants B to know it, but may
only send C(...) of something. What can A do about the information that C loses?

- Nothing. Send c = C(v); B takes c for v. If C is unbiased the loss is a noise proportional to ||v||^2, and it stays
  as long as v does: on heterogeneous data the gradients at the solution do not vanish, so QSGD stalls.
- Remember it. Keep e = what C has dropped so far and send C(v + e). Nothing is lost for ever, it arrives later: the
  sum of what B got differs from the sum of the v's by one e. This is error feedback (MEM-SGD, DoubleSqueeze), and it
  works for biased C, too.
- Send only the news. Both sides keep the same guess h of v; A sends C(v - h), B takes h + c for v, and both move the
  guess, h <- h + lambda c. If v settles, v - h vanishes, and with it the noise: this is DIANA (lambda = alpha), and
  EF21 with lambda = 1. When the stream is the model itself and h is B's copy of it, this is EF21-P and the downlink
  of DORE.

One channel does all of these:

    A sends  c = C(v - h + eta e)        B reconstructs  h + nu c
    both     h <- h + lambda c           A  e <- (v - h + eta e) - c

    | channel         | eta | lambda | nu   | used by                                                    |
    |-----------------|-----|--------|------|------------------------------------------------------------|
    | plain           | 0   | 0      | 1    | parallel SGD, QSGD, two-way QSGD, every uncompressed side; |
    |                 |     |        |      | LIEC and CSER uplink (A keeps v - c for its own step)      |
    | error feedback  | 1   | 0      | 1    | MEM-SGD, DoubleSqueeze, NEOLITHIC both ways, LIEC downlink |
    | shift           | 0   | alpha  | 1    | DIANA, Artemis, DORE uplink                                |
    | track           | 0   | 1      | 1    | EF21, EF21-BC both ways; EF21-P (the stream is the model)  |
    | model residual  | eta | beta   | beta | DORE downlink (the stream is the model, h is xhat); MURANA |
    | general         | 0   | lambda | nu   | EF-BV                                                      |

A server that receives from n workers needs only the averages: with hbar = avg h_i and cbar = avg c_i the average
reconstruction is hbar + nu cbar. (Where a worker keeps a guess for every sample, as in DIANA-RR, the server keeps them,
too: h_i is then that of the sample whose turn it is. And a server may send every worker a message of its own,
MARINA-P.) The local rules say what enters the uplink, what enters the downlink, and what everyone does with what
arrives. That is all a method is; see `solvers.method` and one file per method beside this one.

A `Link` is a channel at work: its numbers and the compressor, by the address of a kernel of signature `COMPRESS`. The
states are plain arrays of B replicas; an array with no rows is a state that the channel does not use, and costs
nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit, types

from ..common.door import require_types
from ..common.options import number
from .record import Record, reference
from .signatures import INNER, INTS, MATRIX, VECTOR, call_compress, flat


@dataclass(frozen=True, eq=False)
class Link(Record):
    """One direction of one exchange: a channel and the compressor on it.

    Attributes
    ----------
    compress, parameters
        Address of the compressor's kernel, and its numbers.
    eta, lam, nu
        Of the channel; lam = 0 where the memory is the model, which a rule moves.
    memory, error
        Whether the channel keeps h, and whether the sender keeps e.
    shared
        Whether one coin serves all senders.
    """

    compress: int
    parameters: np.ndarray
    eta: float
    lam: float
    nu: float
    memory: bool
    error: bool
    shared: bool


LINK = reference(Link, types.int64, VECTOR, *[types.float64] * 3, *[types.boolean] * 3)
SEND = types.void(LINK, INTS, MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, VECTOR)


@dataclass(frozen=True)
class Channel:
    """The three numbers of a channel and the states that it needs.

    Parameters
    ----------
    eta, lam, nu
        As in the essay above (`lam` is lambda).
    error, memory
        Whether A keeps e; whether both sides keep h.
    model_is_memory
        The stream is the model and h is the copy of the model that everyone holds.
    """

    eta: float = 0.0
    lam: float = 0.0
    nu: float = 1.0
    error: bool = False
    memory: bool = False
    model_is_memory: bool = False

    def __post_init__(self) -> None:
        require_types(self)
        for name in ("eta", "lam", "nu"):
            number(name, getattr(self, name), -math.inf)


def plain() -> Channel:
    """Send C(v) and forget what it loses."""
    return Channel()


def error_feedback(eta: float = 1.0) -> Channel:
    """Send C(v + eta e), e = what was lost so far (Seide et al. 2014; Stich, Cordonnier, Jaggi 2018)."""
    return Channel(eta=eta, error=True)


def shift(alpha: float) -> Channel:
    """Send C(v - h) and move the memory by alpha (Mishchenko, Gorbunov, Takac, Richtarik 2019)."""
    return Channel(lam=alpha, memory=True)


def track() -> Channel:
    """Send C(v - h) and move the memory all the way (Richtarik, Sokolov, Fatkhullin 2021)."""
    return Channel(lam=1.0, memory=True)


def model_residual(beta: float, eta: float) -> Channel:
    """Send C(x - xhat + eta e), everyone moves xhat by beta (Liu, Li, Tang, Yan 2020)."""
    return Channel(eta=eta, lam=beta, nu=beta, error=True, memory=True, model_is_memory=True)


@njit(**INNER)
def send(link, ctx, u, state, v, h, e, c, bits):
    """A's half: v <- v - h + eta e, c = C(v), e <- v - c. On return v holds what was compressed."""
    eta = link.eta
    flat_v, flat_h, flat_e, flat_c = flat(v), flat(h), flat(e), flat(c)
    for j in range(flat_h.size):
        flat_v[j] -= flat_h[j]
    if eta != 0.0:
        for j in range(flat_e.size):
            flat_v[j] += eta * flat_e[j]
    call_compress(link.compress, v, u, ctx, link.parameters, state, c, bits)
    for j in range(flat_e.size):
        flat_e[j] = flat_v[j] - flat_c[j]


@njit(**INNER)
def reconstruct(link, c, h, y):
    """B's half: y = h + nu c."""
    nu = link.nu
    flat_c, flat_h, flat_y = flat(c), flat(h), flat(y)
    if flat_h.size > 0:
        for j in range(flat_c.size):
            flat_y[j] = flat_h[j] + nu * flat_c[j]
    else:
        for j in range(flat_c.size):
            flat_y[j] = nu * flat_c[j]


@njit(**INNER)
def advance(link, c, h):
    """Both sides: h <- h + lambda c."""
    lam = link.lam
    flat_c, flat_h = flat(c), flat(h)
    if lam != 0.0:
        for j in range(flat_h.size):
            flat_h[j] += lam * flat_c[j]
