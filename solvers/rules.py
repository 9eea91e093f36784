"""Local rules shared by several methods. Signature `RULE`: (ctx, params, x, v, states, common), v in place.

`params` starts with (gamma, l1, l2): the step size and the weights of the regulariser R(x) = l1 ||x||_1 +
(l2 / 2) ||x||^2, which the method takes by its proximal map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numba import njit

from .signatures import BARE, flat


@njit(**BARE)
def identity_rule(ctx, params, x, v, states, common):
    """Leave v as it is: the gradient itself enters the channel."""


@njit(**BARE)
def times_step(ctx, params, x, v, states, common):
    """v <- gamma v: the channel carries steps, not gradients."""
    gamma, flat_v = params[0], flat(v)
    for j in range(flat_v.size):
        flat_v[j] *= gamma


@njit(**BARE)
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


@njit(**BARE)
def next_model(ctx, params, x, v, states, common):
    """v <- prox_{gamma R}(x - gamma v): from an average gradient to the model it leads to."""
    gamma, l1, l2 = params[0], params[1], params[2]
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_v[j] = flat_x[j] - gamma * flat_v[j]
    if l1 > 0.0 or l2 > 0.0:
        for j in range(flat_v.size):
            flat_v[j] = prox(gamma, l1, l2, flat_v[j])


@njit(**BARE)
def set_model(ctx, params, x, v, states, common):
    """x <- v: what arrived is the model."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] = flat_v[j]


@njit(**BARE)
def descend(ctx, params, x, v, states, common):
    """x <- prox_{gamma R}(x - gamma v)."""
    next_model(ctx, params, x, v, states, common)
    set_model(ctx, params, x, v, states, common)


@njit(**BARE)
def subtract(ctx, params, x, v, states, common):
    """x <- x - v: what arrived is a step already."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] -= flat_v[j]


@njit(**BARE)
def no_op(ctx, params, v, c, states, common):
    """Do nothing after sending."""


@njit(**BARE)
def keep_residual(ctx, params, v, c, states, common):
    """states[0] <- v - c: keep what this message lost, for this round's own step."""
    flat_v, flat_c, kept = flat(v), flat(c), flat(states[0])
    for j in range(flat_v.size):
        kept[j] = flat_v[j] - flat_c[j]


@njit(**BARE)
def copy(x, y):
    """y = x; with a slice numba compiles all that it may have to say of shapes, which takes seconds."""
    flat_x, flat_y = flat(x), flat(y)
    for j in range(flat_y.size):
        flat_y[j] = flat_x[j]


@njit(**BARE)
def subtract_errors(errors, server_error, factor, y):
    """y <- y - factor (server_error + avg errors); an error that is not kept counts as zero."""
    n, flat_y = errors.shape[0], flat(y)
    for i in range(n):
        e = flat(errors[i])
        for j in range(e.size):
            flat_y[j] -= factor * e[j] / n
    e = flat(server_error)
    for j in range(e.size):
        flat_y[j] -= factor * e[j]


@njit(**BARE)
def model_less_errors(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - (e + avg e_i), for errors in units of the model."""
    copy(x, y)
    subtract_errors(errors, server_error, 1.0, y)


@njit(**BARE)
def model_less_scaled_errors(ctx, params, x, memories, errors, states, server_error, server_states, common, y):
    """y = x - gamma (e + avg e_i), for errors in units of gradients."""
    copy(x, y)
    subtract_errors(errors, server_error, params[0], y)


def leaves_zeros_alone(rule: Callable[..., None], parameters: Sequence[float] | Any) -> bool:
    """Whether a rule does nothing to a coordinate of x where v is 0, and looks at that coordinate alone.

    Then it may be handed the coordinates at which something arrived, in the place of all.
    """
    return rule in (identity_rule, subtract) or (rule is descend and not any(parameters[1:3]))
