"""Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011).

Every random number of a run has an address: key = (seed, replica), counter = (index, round, worker, stream). Any
engine, any number of processes and any order of work therefore draws the same bits. A message that needs D numbers
uses ceil(D / 4) counters; number j is word ``j % 4`` of counter ``j // 4``.

`Draws` holds the keys, the indices and the buffers of one role (noise, uplink, downlink, rows) for a block of B
replicas, so that the generator itself is one flat loop that LLVM vectorises: about 1 ns a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit, types, uint32, uint64

from .record import Record, reference
from .signatures import BARE, INNER, MATRIX, flat

STREAM_ROWS, STREAM_NOISE, STREAM_UP, STREAM_DOWN, STREAM_UP_SPECIAL, STREAM_DOWN_SPECIAL, STREAM_COIN = range(7)
#: The worker number under which coins common to all workers are drawn.
SHARED_WORKER = 2**32 - 1

GAUSSIAN, UNIFORM, RADEMACHER = 1, 2, 3
NOISE_CODES = {"none": 0, "gaussian": GAUSSIAN, "uniform": UNIFORM, "rademacher": RADEMACHER}

U4, F4, I8 = types.uint32, types.float32, types.int64


@dataclass(frozen=True, eq=False)
class Draws(Record):
    """The random numbers of one role of a block: B replicas, D numbers each, M = B ceil(D / 4) counters.

    Attributes
    ----------
    key, index
        The replica and the index of every counter, (M,).
    words
        What the generator makes of them, (4, M).
    numbers
        Uniforms or normals made of the words, (B, 4 ceil(D / 4)).
    room
        What normals are made of on the way, for `CHUNK` counters at a time, (5, 2 CHUNK).
    """

    key: np.ndarray
    index: np.ndarray
    words: np.ndarray
    numbers: np.ndarray
    room: np.ndarray


DRAWS = reference(Draws, U4[::1], U4[::1], U4[:, ::1], MATRIX, F4[:, ::1])
#: Counters whose words become normals at a time.
CHUNK = 128


#: The orders in which workers go through their rows, where these are reshuffled. A row for every worker of this process
#: holds its number of rows, how many it takes at a time, how many draws the order has seen, and then, replica by
#: replica, its rows in the order of this epoch as far as it is drawn. One array, because the steps of every round are
#: handed it, used or not; no rows where nobody reshuffles.
ORDERS = I8[:, ::1]
ROWS, BATCH, DRAWN, ORDER = range(4)

PHILOX = types.void(types.int64, types.int64, types.int64, types.int64, DRAWS)
TO_UNIFORMS = types.void(DRAWS)
ADD_NOISE = types.void(types.int64, types.float64, DRAWS, MATRIX)
RESHUFFLE = types.void(I8, I8, I8, I8, ORDERS, DRAWS)

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = 0xFFFFFFFF
FOUR_WORDS = np.uint64(4)
# Constants of Box and Muller's method in single precision.
_ZERO, _HALF, _ONE, _TWO = (np.float32(v) for v in (0.0, 0.5, 1.0, 2.0))
_LN2, _CENTRE, _ANGLE = (np.float32(v) for v in (math.log(2.0), 2.0**29 - 0.5, math.pi * 2.0**-31))
_L3, _L5, _L7, _L9 = (np.float32(1 / k) for k in (3, 5, 7, 9))
_S3, _S5, _S7, _S9 = (np.float32(v) for v in (-1 / 6, 1 / 120, -1 / 5040, 1 / 362880))
_C2, _C4, _C6, _C8 = (np.float32(v) for v in (-1 / 2, 1 / 24, -1 / 720, 1 / 40320))


def draws(replicas: Sequence[int] | np.ndarray, count: int) -> Draws:
    """Allocate the `Draws` of a block: `count` numbers for each of the given replica numbers."""
    blocks = -(-count // 4)
    key = np.repeat(np.asarray(replicas, dtype=np.uint32), blocks)
    index = np.tile(np.arange(blocks, dtype=np.uint32), len(replicas))
    words, numbers = np.zeros((4, key.size), np.uint32), np.zeros((len(replicas), 4 * blocks))
    return Draws(key, index, words, numbers, np.zeros((5, 2 * CHUNK), np.float32))


def orders(rows: Sequence[int], batch: int, replicas: int) -> np.ndarray:
    """Allocate the `ORDERS` of workers with these numbers of rows for a block."""
    made = np.zeros((len(rows), ORDER + replicas * max(rows, default=0)), np.int64)
    made[:, ROWS], made[:, BATCH] = rows, batch
    return made


def philox_reference(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Compute one Philox-4x32-10 block in plain Python integers, as published: the readable version."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@njit(**BARE)
def philox(seed, rnd, worker, stream, d):
    """Fill the words of `d` for one (round, worker, stream)."""
    key, index, words = d.key, d.index, d.words
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    m0, m1, mask = uint64(_M0), uint64(_M1), uint64(_MASK)
    for m in range(key.size):
        c0, c1, c2, c3 = uint64(index[m]), uint64(rnd), uint64(worker), uint64(stream)
        k0, k1 = uint64(seed), key[m]
        for _ in range(10):
            p0 = m0 * c0
            p1 = m1 * c2
            c0 = (p1 >> uint64(32)) ^ c1 ^ k0
            c1 = p1 & mask
            c2 = (p0 >> uint64(32)) ^ c3 ^ uint64(k1)
            c3 = p0 & mask
            k0 = (k0 + uint64(_W0)) & mask
            k1 = uint32(k1 + uint32(_W1))
        w0[m] = uint32(c0)
        w1[m] = uint32(c1)
        w2[m] = uint32(c2)
        w3[m] = uint32(c3)


@njit(**BARE)
def to_uniforms(d):
    """Turn the words of `d` into uniforms (k + 1/2) 2^-32, strictly inside (0, 1)."""
    words, u = d.words, flat(d.numbers)
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    # Unsigned places in one vector: with rows, or signed ones, this does not vectorise.
    for m in range(uint64(w0.size)):
        j = FOUR_WORDS * m
        u[j] = (float(w0[m]) + 0.5) * 2.0**-32
        u[j + uint64(1)] = (float(w1[m]) + 0.5) * 2.0**-32
        u[j + uint64(2)] = (float(w2[m]) + 0.5) * 2.0**-32
        u[j + uint64(3)] = (float(w3[m]) + 0.5) * 2.0**-32


@njit(**BARE)
def reshuffle(seed, draw, worker, own, orders, d):
    """Make the numbers of `d` the places (j + 1/2)/m of the rows j of a worker's draw number `draw`.

    An epoch is m/batch draws; in each of them Fisher and Yates draw the next `batch` places of a random permutation,
    from the coins that belong to the draw. What was drawn before in the epoch is kept in `orders`, or made again.
    `own` is the worker's place among those of this process.
    """
    numbers, mine = d.numbers, orders[own]
    m, batch, longest = mine[ROWS], mine[BATCH], (mine.size - ORDER) // numbers.shape[0]
    epoch = m // batch
    first, done = draw - draw % epoch, mine[DRAWN]
    if not first < done <= draw + 1:
        done = first
    for t in range(done, draw + 1):
        k = (t - first) * batch
        if k == 0:
            for r in range(numbers.shape[0]):
                for j in range(m):
                    mine[ORDER + r * longest + j] = j
        philox(seed, t, worker, STREAM_ROWS, d)
        to_uniforms(d)
        for r in range(numbers.shape[0]):
            order = mine[ORDER + r * longest :]
            for b in range(batch):
                j = k + b + int(numbers[r, b] * (m - k - b))
                order[k + b], order[j] = order[j], order[k + b]
    mine[DRAWN] = draw + 1
    k = (draw - first) * batch
    for r in range(numbers.shape[0]):
        order = mine[ORDER + r * longest :]
        for b in range(batch):
            numbers[r, b] = (order[k + b] + 0.5) / m


@njit(**INNER, fastmath={"contract"})
def on_circle(word, radius):
    """Return radius (cos, sin) of the angle 2 pi word / 2^32, up to a shift that does not matter.

    Taylor polynomials on [-pi/4, pi/4] from the 30 low bits; the two highest bits choose the quadrant.
    """
    theta = (np.float32(np.int32(word & uint32(0x3FFFFFFF))) - _CENTRE) * _ANGLE
    y = theta * theta
    sine = radius * theta * (_ONE + y * (_S3 + y * (_S5 + y * (_S7 + y * _S9))))
    cosine = radius * (_ONE + y * (_C2 + y * (_C4 + y * (_C6 + y * _C8))))
    odd = (word & uint32(0x40000000)) != 0
    c = sine if odd else cosine
    s = cosine if odd else sine
    c = c if ((word + uint32(0x40000000)) & uint32(0x80000000)) == 0 else -c
    s = s if (word & uint32(0x80000000)) == 0 else -s
    return c, s


@njit(**INNER, fastmath={"contract"})
def box_muller(words, room, z):
    """Turn words (4, M) into independent standard normals z (4 M,), in loops that vectorise.

    Single precision, 1e-6: it is the noise of a gradient, whose law no test of the bounds could tell from the exact
    one, at half the time. ``log`` is 2 atanh((x - 1)/(x + 1)) on the mantissa x in [1/sqrt 2, sqrt 2), by its series.
    """
    x, radius, cosines, sines = room[0], room[1], room[2], room[3]
    bits, angle = x.view(np.int32), room[4].view(np.uint32)
    for base in range(0, words.shape[1], CHUNK):
        m = min(CHUNK, words.shape[1] - base)
        a, b = words[0, base : base + m], words[1, base : base + m]
        c, d = words[2, base : base + m], words[3, base : base + m]
        x2, angle2, cosines2, sines2 = x[m : 2 * m], angle[m : 2 * m], cosines[m : 2 * m], sines[m : 2 * m]
        for j in range(m):
            x[j] = np.float32(a[j]) + _HALF
            angle[j] = b[j]
        for j in range(m):
            x2[j] = np.float32(c[j]) + _HALF
            angle2[j] = d[j]
        for j in range(2 * m):
            exponent = np.int32(((bits[j] + 0x4AFB0D) >> 23) - 127)
            bits[j] -= np.int32(exponent << 23)
            radius[j] = np.float32(np.int32(exponent - 32)) * _LN2
        for j in range(2 * m):
            s = (x[j] - _ONE) / (x[j] + _ONE)
            y = s * s
            log = radius[j] + _TWO * s * (_ONE + y * (_L3 + y * (_L5 + y * (_L7 + y * _L9))))
            radius[j] = np.sqrt(-_TWO * min(log, _ZERO))
        for j in range(2 * m):
            cosines[j], sines[j] = on_circle(angle[j], radius[j])
        to = z[4 * base : 4 * (base + m)]
        for j in range(uint64(m)):  # unsigned places, as in `to_uniforms`
            i = FOUR_WORDS * j
            to[i] = cosines[j]
            to[i + uint64(1)] = sines[j]
            to[i + uint64(2)] = cosines2[j]
            to[i + uint64(3)] = sines2[j]


@njit(**BARE)
def add_noise(kind, sd, d, g):
    """Turn the words of `d` into noise of standard deviation `sd` and add it to g (B, dim)."""
    numbers, z = d.numbers, flat(d.numbers)
    if kind == GAUSSIAN:
        box_muller(d.words, d.room, z)
    else:
        to_uniforms(d)
        for j in range(z.size):
            centred = z[j] - 0.5
            z[j] = math.sqrt(12.0) * centred if kind == UNIFORM else (1.0 if centred > 0.0 else -1.0)
    if g.shape[1] == numbers.shape[1]:
        flat_g = flat(g)
        for j in range(flat_g.size):
            flat_g[j] += sd * z[j]
        return
    for r in range(g.shape[0]):
        to, number = g[r], numbers[r]
        for j in range(to.size):
            to[j] += sd * number[j]
