"""The `ctx` that every kernel of a method or a compressor is handed: seven integers, made here and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Entries of ctx.
ROUND, WORKER, WORKERS, ARRIVALS, AGE, LARGEST_AGE, SPECIAL = range(7)
CONTEXT_ENTRIES = 7


def write_context(
    ctx: NDArray[np.int64], rnd: int, worker: int, n: int, arrivals: int, age: int, largest_age: int, special: int
) -> None:
    """Write every entry of a ctx; in the signatures' version, from a kernel as well."""
    ctx[ROUND], ctx[WORKER], ctx[WORKERS], ctx[ARRIVALS] = rnd, worker, n, arrivals
    ctx[AGE], ctx[LARGEST_AGE], ctx[SPECIAL] = age, largest_age, special


def context(
    rnd: int = 0,
    worker: int = 0,
    n: int = 1,
    *,
    arrivals: int | None = None,
    age: int = 0,
    largest_age: int | None = None,
    special: int = 0,
) -> NDArray[np.int64]:
    """Make a ctx.

    Parameters
    ----------
    rnd, worker, n
        The round t, the worker i (n for the server), and how many workers there are.
    arrivals
        Messages in this round; default: n.
    age, largest_age
        Of this message and of the oldest in this round; by default 0, and `age`.
    special
        1 in a method's special exchange.
    """
    ctx = np.zeros(CONTEXT_ENTRIES, np.int64)
    oldest = age if largest_age is None else largest_age
    write_context(ctx, rnd, worker, n, n if arrivals is None else arrivals, age, oldest, special)
    return ctx


__all__ = [
    "AGE", "ARRIVALS", "CONTEXT_ENTRIES", "LARGEST_AGE", "ROUND", "SPECIAL", "WORKER", "WORKERS", "context",
    "write_context",
]  # fmt: skip
