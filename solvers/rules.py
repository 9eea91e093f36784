"""Local rules shared by several methods. Signature `RULE`: (ctx, params, x, v, states), v in place.

`params` starts with (gamma, l1, l2): the step size and the weights of the regulariser R(x) = l1 ||x||_1 +
(l2 / 2) ||x||^2, which the method takes by its proximal map.
"""

from __future__ import annotations

from numba import njit, types

from .signatures import OPTIONS, RULE, flat


@njit(RULE, **OPTIONS)
def keep(ctx, params, x, v, states):
    """Leave v as it is: the gradient itself enters the channel."""


@njit(RULE, **OPTIONS)
def times_step(ctx, params, x, v, states):
    """v <- gamma v: the channel carries steps, not gradients."""
    gamma, flat_v = params[0], flat(v)
    for j in range(flat_v.size):
        flat_v[j] *= gamma


@njit(types.float64(types.float64, types.float64, types.float64, types.float64), **OPTIONS)
def prox(gamma, l1, l2, z):
    """Evaluate prox_{gamma R}(z) for one coordinate: soft threshold, then shrink."""
    threshold = gamma * l1
    if z > threshold:
        z -= threshold
    elif z < -threshold:
        z += threshold
    elif threshold > 0.0:
        z = 0.0
    return z / (1.0 + gamma * l2)


@njit(RULE, **OPTIONS)
def next_model(ctx, params, x, v, states):
    """v <- prox_{gamma R}(x - gamma v): from an average gradient to the model it leads to."""
    gamma, l1, l2 = params[0], params[1], params[2]
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_v[j] = flat_x[j] - gamma * flat_v[j]
    if l1 > 0.0 or l2 > 0.0:
        for j in range(flat_v.size):
            flat_v[j] = prox(gamma, l1, l2, flat_v[j])


@njit(RULE, **OPTIONS)
def adopt(ctx, params, x, v, states):
    """x <- v: what arrived is the model."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] = flat_v[j]


@njit(RULE, **OPTIONS)
def descend(ctx, params, x, v, states):
    """x <- prox_{gamma R}(x - gamma v)."""
    next_model(ctx, params, x, v, states)
    adopt(ctx, params, x, v, states)


@njit(RULE, **OPTIONS)
def subtract(ctx, params, x, v, states):
    """x <- x - v: what arrived is a step already."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] -= flat_v[j]
