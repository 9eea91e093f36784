"""The kernels of `linear` for rows that are stored by their nonzero entries: memory and time in proportion to those.

``data = (values (1, nnz), targets (m,), layout, columns (nnz,), [loss, reg, lam, batch])``, with
``layout = [n, p, index (n), offsets (p), starts (m + 1)]``: the entries of row j are those from starts[j] to
starts[j + 1], and worker i owns the rows offsets[index[i]] to offsets[index[i] + 1].
"""

import numpy as np
from numba import njit

from .linear import add_regulariser, slopes, total_loss
from .signatures import BARE, OPTIONS


@njit(**BARE)
def located(worker, layout):
    """Return the first row of `worker`, one past its last, and where the row starts stand in the layout."""
    n, parts = layout[0], layout[1]
    part = layout[2 + worker]
    offsets = 2 + n
    return layout[offsets + part], layout[offsets + part + 1], offsets + parts


@njit(**BARE)
def score(row, x, values, columns, starts):
    """Return a_row.x."""
    total = 0.0
    for k in range(starts[row], starts[row + 1]):
        total += values[k] * x[columns[k]]
    return total


@njit(**BARE)
def add_row(row, s, values, columns, starts, g):
    """g += s a_row."""
    for k in range(starts[row], starts[row + 1]):
        g[columns[k]] += s * values[k]


@njit(**OPTIONS)
def gradient(worker, X, u, data, G):
    """Write grad f_worker at every row of X."""
    matrix, targets, layout, columns, parameters = data
    low, high, first = located(worker, layout)
    values, starts = matrix[0], layout[first:]
    b = targets[low:high]
    t = np.empty(high - low)
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        for j in range(t.size):
            t[j] = score(low + j, x, values, columns, starts)
        slopes(parameters[0], 1.0 / t.size, t, b)
        for k in range(g.size):
            g[k] = 0.0
        for j in range(t.size):
            add_row(low + j, t[j], values, columns, starts, g)
    add_regulariser(parameters[1], parameters[2], X, G)


@njit(**OPTIONS)
def sampled_gradient(worker, X, u, data, G):
    """Write the mean gradient of `batch` rows, drawn with replacement."""
    matrix, targets, layout, columns, parameters = data
    low, high, first = located(worker, layout)
    values, starts = matrix[0], layout[first:]
    batch = int(parameters[3])
    t, b = np.empty(batch), np.empty(batch)
    drawn = np.empty(batch, np.int64)
    for r in range(X.shape[0]):
        x, g = X[r], G[r]
        for k in range(batch):
            drawn[k] = low + int(u[r, k] * (high - low))
            t[k], b[k] = score(drawn[k], x, values, columns, starts), targets[drawn[k]]
        slopes(parameters[0], 1.0 / batch, t, b)
        for j in range(g.size):
            g[j] = 0.0
        for k in range(batch):
            add_row(drawn[k], t[k], values, columns, starts, g)
    add_regulariser(parameters[1], parameters[2], X, G)


@njit(**OPTIONS)
def value(worker, X, data, F):
    """Write f_worker at every row of X."""
    matrix, targets, layout, columns, parameters = data
    low, high, first = located(worker, layout)
    values, starts = matrix[0], layout[first:]
    b = targets[low:high]
    t = np.empty(high - low)
    for r in range(X.shape[0]):
        x = X[r]
        for j in range(t.size):
            t[j] = score(low + j, x, values, columns, starts)
        smooth, bounded = 0.0, 0.0
        for j in range(x.size):
            smooth += x[j] * x[j]
            bounded += x[j] * x[j] / (1.0 + x[j] * x[j])
        F[r] = total_loss(parameters[0], t, b) / t.size + 0.5 * parameters[1] * smooth + parameters[2] * bounded
