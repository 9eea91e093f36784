"""Kernels of f_i(x) = (1/m_i) sum_j loss(a_j.x, b_j) + (reg/2)||x||^2 + lam sum_k x_k^2/(1+x_k^2).

All of them share one shape: scores a_j.x, the scalar loss at each score, and the way back through the rows.
For a block of replicas the first and the last are matrix products, which is where the time goes.

``data = (rows (m, d), targets (m,), index (n,), offsets, [loss, reg, lam, batch])``; worker i owns the rows
offsets[index[i]] to offsets[index[i] + 1], so that several workers may hold the same rows.
"""

import math

import numpy as np
from numba import njit

from .products import blas_is_narrow, combine, scores
from .signatures import BARE, INNER, OPTIONS

LEAST_SQUARES, LOGISTIC, ROBUST, HUBER = 0, 1, 2, 3
#: A quarter of the numbers that may stay in the cache while they are used twice.
CACHED = 4096
#: Rows that serve all points while they are in the cache.
GROUP = 8
#: Points that have at least so many coordinates for each of them are long.
LONG = 8
#: Up to how many long points have a kernel of their own, which is then as fast as BLAS or faster: with three, BLAS
#: rearranges the rows for longer than it multiplies them.
FEW = 64 if blas_is_narrow() else 3
#: What the compiler may do to a sum, so that it can add several terms at once; the order is then fixed.
REORDER = {"reassoc", "contract"}


@njit(**BARE)
def span(worker, index, offsets):
    """Return the first row of `worker` and one past its last."""
    part = index[worker]
    return offsets[part], offsets[part + 1]


@njit(**BARE)
def exp(z):
    """Return exp(z) for |z| <= 700, to 1 ulp, by arithmetic alone: unlike a library call it vectorises.

    z = k log 2 + r with |r| <= (log 2)/2; adding 1.5 * 2^52 rounds z/log 2 to k and leaves k in the
    lowest bits, from where a shift puts it into the exponent of the Taylor polynomial at r (degree 13).
    """
    shifted = z * 1.4426950408889634 + 6755399441055744.0
    k = shifted - 6755399441055744.0
    r = (z - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-9
    p = p * r + 2.505210838544172e-8
    p = p * r + 2.755731922398589e-7
    p = p * r + 2.7557319223985893e-6
    p = p * r + 2.48015873015873e-5
    p = p * r + 1.984126984126984e-4
    p = p * r + 1.3888888888888889e-3
    p = p * r + 8.333333333333333e-3
    p = p * r + 4.1666666666666664e-2
    p = p * r + 1.6666666666666666e-1
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    return np.int64(np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)).view(np.float64)


@njit(**BARE)
def slopes(loss, scale, t, b):
    """Replace every score t_j by scale * loss'(t_j, b_j)."""
    if loss == LEAST_SQUARES:
        for j in range(t.size):
            t[j] = scale * (t[j] - b[j])
    elif loss == LOGISTIC:
        for j in range(t.size):
            # Beyond 700 the slope is at its limit and exp would overflow; a NaN must pass through.
            z = b[j] * t[j]
            z = 700.0 if z > 700.0 else z
            z = -700.0 if z < -700.0 else z
            t[j] = -scale * b[j] / (1.0 + exp(z)) + 0.0 * z
    elif loss == HUBER:
        for j in range(t.size):
            r = t[j] - b[j]
            t[j] = scale * r / math.sqrt(1.0 + r * r)
    else:
        for j in range(t.size):
            r = t[j] - b[j]
            q = 1.0 / (1.0 + r * r)
            t[j] = scale * (2.0 * r * q * q)


@njit(**BARE)
def total_loss(loss, t, b):
    """Return sum_j loss(t_j, b_j)."""
    total = 0.0
    if loss == LEAST_SQUARES:
        for j in range(t.size):
            r = t[j] - b[j]
            total += 0.5 * r * r
    elif loss == LOGISTIC:
        for j in range(t.size):
            z = b[j] * t[j]
            total += max(-z, 0.0) + math.log1p(math.exp(-abs(z)))
    elif loss == HUBER:
        for j in range(t.size):
            r_sq = (t[j] - b[j]) ** 2
            total += r_sq / (1.0 + math.sqrt(1.0 + r_sq))
    else:
        for j in range(t.size):
            r = t[j] - b[j]
            total += r * r / (1.0 + r * r)
    return total


@njit(**BARE)
def add_regulariser(reg, lam, X, G):
    """Add the gradient of (reg/2)||x||^2 + lam sum x^2/(1+x^2)."""
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        if lam == 0.0:
            for j in range(x.size):
                g[j] += reg * x[j]
        else:
            for j in range(x.size):
                q = 1.0 / (1.0 + x[j] * x[j])
                g[j] += (reg + 2.0 * lam * q * q) * x[j]


@njit(**BARE)
def dot(a, x):
    """Return a.x from four partial sums; in a single one every addition would wait for the last."""
    q = a.size // 4
    a0, a1, a2, a3 = a[:q], a[q : 2 * q], a[2 * q : 3 * q], a[3 * q :]
    x0, x1, x2, x3 = x[:q], x[q : 2 * q], x[2 * q : 3 * q], x[3 * q :]
    s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
    for j in range(q):
        s0 += a0[j] * x0[j]
        s1 += a1[j] * x1[j]
        s2 += a2[j] * x2[j]
        s3 += a3[j] * x3[j]
    for j in range(q, a3.size):
        s3 += a3[j] * x3[j]
    return (s0 + s1) + (s2 + s3)


@njit(fastmath=REORDER, **INNER)
def scores_at(x, rows, t):
    """Write a_j.x for every row a_j, four rows at a time."""
    whole = rows.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        a0, a1, a2, a3 = rows[j], rows[j + 1], rows[j + 2], rows[j + 3]
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for k in range(x.size):
            s0 += a0[k] * x[k]
            s1 += a1[k] * x[k]
            s2 += a2[k] * x[k]
            s3 += a3[k] * x[k]
        t[j], t[j + 1], t[j + 2], t[j + 3] = s0, s1, s2, s3
    for j in range(whole, rows.shape[0]):
        a0, s0 = rows[j], 0.0
        for k in range(x.size):
            s0 += a0[k] * x[k]
        t[j] = s0


@njit(**INNER)
def add_combination(s, rows, g):
    """g += sum_j s_j a_j, four rows at a time."""
    whole = rows.shape[0] // 4 * 4
    for j in range(0, whole, 4):
        a0, a1, a2, a3 = rows[j], rows[j + 1], rows[j + 2], rows[j + 3]
        s0, s1, s2, s3 = s[j], s[j + 1], s[j + 2], s[j + 3]
        for k in range(g.size):
            g[k] += (s0 * a0[k] + s1 * a1[k]) + (s2 * a2[k] + s3 * a3[k])
    for j in range(whole, rows.shape[0]):
        a0, s0 = rows[j], s[j]
        for k in range(g.size):
            g[k] += s0 * a0[k]


@njit(**OPTIONS, no_cpython_wrapper=True)
def mean_slope(loss, x, rows, b, g):
    """g = (1/m) sum_j loss'(a_j.x, b_j) a_j at one point, reading the rows from memory once.

    Two matrix products read them twice, and at a single point wait for memory all the time. Here a few rows at a time
    go there and back while they are in the cache.
    """
    for k in range(g.size):
        g[k] = 0.0
    few = max(CACHED // max(g.size, 1), 1) * 4
    t = np.empty(min(few, b.size))
    for low in range(0, b.size, few):
        high = min(low + few, b.size)
        part = t[: high - low]
        scores_at(x, rows[low:high], part)
        slopes(loss, 1.0 / b.size, part, b[low:high])
        add_combination(part, rows[low:high], g)


@njit(fastmath=REORDER, **INNER)
def scores_of_group(X, rows, T):
    """Write a_j.x for every point x and each of the `GROUP` rows a_j into T (B, GROUP), two points at a time."""
    a0, a1, a2, a3, a4, a5, a6, a7 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    for r in range(0, X.shape[0] - 1, 2):
        x, y, t, u = X[r], X[r + 1], T[r], T[r + 1]
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
        p0 = p1 = p2 = p3 = p4 = p5 = p6 = p7 = 0.0
        for k in range(x.size):
            s0, p0 = s0 + a0[k] * x[k], p0 + a0[k] * y[k]
            s1, p1 = s1 + a1[k] * x[k], p1 + a1[k] * y[k]
            s2, p2 = s2 + a2[k] * x[k], p2 + a2[k] * y[k]
            s3, p3 = s3 + a3[k] * x[k], p3 + a3[k] * y[k]
            s4, p4 = s4 + a4[k] * x[k], p4 + a4[k] * y[k]
            s5, p5 = s5 + a5[k] * x[k], p5 + a5[k] * y[k]
            s6, p6 = s6 + a6[k] * x[k], p6 + a6[k] * y[k]
            s7, p7 = s7 + a7[k] * x[k], p7 + a7[k] * y[k]
        t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7] = s0, s1, s2, s3, s4, s5, s6, s7
        u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7] = p0, p1, p2, p3, p4, p5, p6, p7
    if X.shape[0] % 2 == 1:
        scores_at(X[-1], rows, T[-1])


@njit(fastmath=REORDER, **INNER)
def add_combinations(T, rows, G):
    """g += sum_j t_j a_j over the `GROUP` rows a_j, for every row t of T (B, GROUP) and g of G (B, d)."""
    a0, a1, a2, a3, a4, a5, a6, a7 = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7]
    for r in range(G.shape[0]):
        g = G[r]
        t0, t1, t2, t3, t4, t5, t6, t7 = T[r, 0], T[r, 1], T[r, 2], T[r, 3], T[r, 4], T[r, 5], T[r, 6], T[r, 7]
        for k in range(g.size):
            g[k] += (t0 * a0[k] + t1 * a1[k] + t2 * a2[k] + t3 * a3[k]) + (
                t4 * a4[k] + t5 * a5[k] + t6 * a6[k] + t7 * a7[k]
            )


@njit(**OPTIONS, no_cpython_wrapper=True)
def mean_slopes(loss, X, rows, b, G):
    """The same as `mean_slope` at a few points x, into the rows of G.

    `GROUP` rows at a time serve all points.
    """
    for r in range(G.shape[0]):
        g = G[r]
        for k in range(g.size):
            g[k] = 0.0
    T = np.empty((X.shape[0], GROUP))
    whole = b.size // GROUP * GROUP
    for low in range(0, whole, GROUP):
        part = rows[low : low + GROUP]
        scores_of_group(X, part, T)
        for r in range(X.shape[0]):
            slopes(loss, 1.0 / b.size, T[r], b[low : low + GROUP])
        add_combinations(T, part, G)
    left = rows[whole:]
    for r in range(X.shape[0]):
        t = T[r, : b.size - whole]
        scores_at(X[r], left, t)
        slopes(loss, 1.0 / b.size, t, b[whole:])
        add_combination(t, left, G[r])


@njit(**OPTIONS)
def gradient(worker, X, u, data, G):
    """Write grad f_worker at every row of X."""
    matrix, targets, index, offsets, parameters = data
    low, high = span(worker, index, offsets)
    rows, b = matrix[low:high], targets[low:high]
    if X.shape[0] == 1:
        mean_slope(parameters[0], X[0], rows, b, G[0])
    elif X.shape[0] <= FEW and X.shape[1] >= LONG * X.shape[0]:
        mean_slopes(parameters[0], X, rows, b, G)
    else:
        T = np.empty((X.shape[0], high - low))
        scores(X, rows, T)
        for r in range(X.shape[0]):
            slopes(parameters[0], 1.0 / (high - low), T[r], b)
        combine(T, rows, G)
    add_regulariser(parameters[1], parameters[2], X, G)


@njit(**OPTIONS)
def sampled_gradient(worker, X, u, data, G):
    """Write the mean gradient of `batch` rows, drawn with replacement."""
    matrix, targets, index, offsets, parameters = data
    low, high = span(worker, index, offsets)
    batch = int(parameters[3])
    t, b = np.empty(batch), np.empty(batch)
    drawn = np.empty(batch, np.int64)
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        for k in range(batch):
            drawn[k] = low + int(u[r, k] * (high - low))
            a = matrix[drawn[k]]
            t[k], b[k] = dot(a, x), targets[drawn[k]]
        slopes(parameters[0], 1.0 / batch, t, b)
        for j in range(g.size):
            g[j] = 0.0
        for k in range(batch):
            a, s = matrix[drawn[k]], t[k]
            for j in range(g.size):
                g[j] += s * a[j]
    add_regulariser(parameters[1], parameters[2], X, G)


@njit(**OPTIONS)
def value(worker, X, data, F):
    """Write f_worker at every row of X."""
    matrix, targets, index, offsets, parameters = data
    low, high = span(worker, index, offsets)
    rows, b = matrix[low:high], targets[low:high]
    T = np.empty((X.shape[0], high - low))
    scores(X, rows, T)
    for r in range(X.shape[0]):
        x = X[r]
        smooth, bounded = 0.0, 0.0
        for j in range(x.size):
            smooth += x[j] * x[j]
            bounded += x[j] * x[j] / (1.0 + x[j] * x[j])
        F[r] = (
            total_loss(parameters[0], T[r], b) / (high - low) + 0.5 * parameters[1] * smooth + parameters[2] * bounded
        )
