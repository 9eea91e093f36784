"""Are a compressor and a problem what they say? Kernels beside plain NumPy, number by number.

A compressor's kernel is held against its reference (see `references`) on vectors chosen to be awkward, with the same
uniforms: every message must agree to rounding, and so must what is kept for the next one; the bits that it counts are
those of the encoded message, which decodes to the message, to the bit; formula and entropy are those of `meters`.
Whether it keeps its promises (bias, variance, contraction) is what `certify` measures.
A problem's gradient and value kernels are held against its NumPy expressions, these against each other by differences,
and a gradient of sampled rows against the mean over all rows. What a run records of its model, and what a problem says
of its start and minimiser, are held against the same expressions; the noise against its variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError, together
from ..problems import Problem
from ..problems import problem as build_problem
from ..problems.explicit import ExplicitQuadratic
from ..solvers import simulate
from ..solvers.compressors import Origin, decode, encode, entropy_bits, formula_bits, kernel, selector
from ..solvers.pseudocode import kernel_data
from ..theory.compressors import VALUE_TRUNCATION, Composition, Compressor, LowRank, compressor
from ..theory.compressors.registry import of_toolkit
from . import meters
from .conformance import ROUNDINGS, UNIT, Conformance, Tally
from .references import reference

Floats = NDArray[np.float64]

#: Coordinates: one, few, an odd number, more than a chunk of the loops, more than a top-k sorts as they are.
DIMS = (1, 6, 13, 40, 1500, 20000)
#: Messages that one sender sends, one after the other.
MESSAGES = 3
#: The most coordinates of a message whose symbols are counted one by one.
SYMBOLS = 40
#: Rounds of the run whose columns are computed anew.
MEASURED = 4
#: Numbers of noise from which its variance is told; Gaussian ones tell it to 6 sqrt(2/8192), a tenth, for sure.
NOISE_NUMBERS = 8192
#: Steps of gradient descent by which a worker's own minimum is approached.
DESCENTS = 60
#: Rows of a worker that are looked at one by one.
ROWS = 400
#: How far columns and constants may be from the same sums in another order, relative to their terms.
NEARLY = 1e-9


def compressor_conforms(spec: str | Compressor, dims: Sequence[int] = DIMS, seed: int = 0) -> Conformance:
    """Compare a compressor's kernel with its reference.

    Parameters
    ----------
    spec
        The compressor's text form, or an object of your own: a deterministic one with `image(x)` has a reference.
    dims
        Numbers of coordinates; those on which it does not work are left out.
    seed
        Of vectors and uniforms.

    Returns
    -------
    Conformance
        "not checked" if it has no reference. Rounds count messages.

    Raises
    ------
    InputError
        If it works on none of `dims`, or has no kernel.
    """
    comp, tally = compressor(spec), Tally()
    tried = [dim for dim in dims if _works(comp, dim)]
    if not tried:
        raise InputError(f"{comp.spec} works on none of {', '.join(map(str, dims))} coordinates: give other dims")
    for dim, worker in product(tried, (0, 2)):
        _compare(comp, dim, worker, np.random.default_rng((seed, dim, worker)), tally)
        if tally.found:
            break
    if not tally.checked:
        return Conformance("not checked", f"compressor '{comp.name}' has no reference")
    return tally.answer()


def _works(comp: Compressor, dim: int) -> bool:
    try:
        comp.check(dim)
    except InputError:
        return False
    return True


def _rank(comp: Compressor) -> int:
    """The rank of a compressor that sends factors, or has a part that does; else 0."""
    parts = comp.parts if isinstance(comp, Composition) else ()
    return comp.rank if isinstance(comp, LowRank) else max(map(_rank, parts), default=0)


def awkward(dim: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Vectors (d,) by name: ordinary ones, zeros, ties, one entry, far apart, very large and very small ones."""
    gaussian = rng.standard_normal(dim)
    vectors = {"gaussian": gaussian, "a gaussian": rng.standard_normal(dim)}
    if dim > 5000:
        return vectors
    return vectors | {
        "zero": np.zeros(dim),
        "half zeros": np.where(np.arange(dim) % 2 == 0, gaussian, 0.0),
        "one entry": np.where(np.arange(dim) == dim - 1, -2.0, 0.0),
        "equal sizes": np.where(gaussian > 0, 0.7, -0.7),
        "far apart": gaussian * 10.0 ** -(np.arange(dim) % 12),
        "large": 1e120 * gaussian,
        "small": 1e-120 * gaussian,
    }


def _compare(comp: Compressor, dim: int, worker: int, rng: np.random.Generator, tally: Tally) -> None:
    """One sender's messages of every vector in turn, all senders in one block."""
    compress, parameters, size = kernel(comp, dim)
    select = selector(comp)
    vectors = awkward(dim, rng)
    if rank := _rank(comp):  # equal singular values have no one best approximation
        vectors.pop("equal sizes", None)
    names, X = list(vectors), np.array(list(vectors.values()))
    if not np.isnan(right := meters.formula(comp, dim)):
        gap = np.array([(formula_bits(comp, dim) or 0.0) - right])
        _note(tally, f"the formula of the bits of {dim} coordinates", "the formula", gap, NEARLY * right)
    ours, theirs = np.zeros((len(X), size)), np.zeros((len(X), size))
    for message in range(MESSAGES if size else 1):
        u = (rng.integers(0, 2**32, (len(X), comp.draws(dim))) + 0.5) * 2.0**-32
        ctx = np.array([message, worker, 3, 3, 0, 0, 0])
        out, bits = np.full_like(X, np.nan), np.full(len(X), np.nan)
        compress(X.copy(), u, ctx, parameters, ours, out, bits)
        for r, x in enumerate(X):
            expected = reference(comp, x, u[r], worker, theirs[r])
            if expected is None:
                return
            about = f"of the vector '{names[r]}' of {dim} coordinates"
            scale = float(np.abs(np.concatenate([x, expected])).max())
            # A singular vector is known to rounding, and an entry at the edge of what the wire carries falls on its
            # other side.
            wire = 4 * np.sqrt(rank) * VALUE_TRUNCATION
            allowed = max(ROUNDINGS * (1 + dim) * UNIT, wire) * scale
            differences = [("the message", out[r] - expected, allowed)]
            if select is not None:
                places, values, count_bits = np.zeros(dim, np.int64), np.zeros(dim), np.zeros(1)
                count = select(
                    x[None].copy(), u[r : r + 1], ctx, parameters, ours[r : r + 1], places, values, count_bits
                )
                chosen = np.zeros(dim)
                chosen[places[:count]] = values[:count]
                differences.append(("the message by places and values", chosen - out[r], 0.0))
                differences.append(("the bits by places and values", count_bits - bits[r], 0.0))
            if size:
                kept = float(np.abs(theirs[r]).max())
                differences.append(("what is kept", np.abs(ours[r]) - np.abs(theirs[r]), allowed * max(1, kept)))
            for what, gap, limit in differences:
                _note(tally, f"{what} {about}", what, gap, limit)
            if tally.found:
                return
            if of_toolkit(comp) and dim < 5000:
                origin = Origin(x, u[r], ours[r], ctx)
                sent = encode(comp, out[r], origin=origin)
                if (whole := meters.length(comp, dim)) is not None:
                    _note(tally, f"the length of the bytes {about}", "the bits", np.array([8 * len(sent) - whole]), 0.0)
                if dim <= SYMBOLS and (counted := meters.entropy_of_message(comp, out[r])) is not None:
                    gap = np.array([entropy_bits(comp, out[r], origin) - counted])
                    _note(tally, f"the entropy {about}", "the entropy", gap, NEARLY * (1 + counted))
                _note(tally, f"the bits {about}", "the bits", bits[r : r + 1] - 8 * len(sent), 0.0)
                _note(tally, f"what is decoded {about}", "what is decoded", decode(comp, sent, dim, u[r]) - out[r], 0.0)
            tally.rounds += 1


def _note(tally: Tally, where: str, what: str, gap: Floats, limit: float) -> None:
    largest = float(np.abs(gap).max())
    largest = largest if np.isfinite(largest) else np.inf
    if tally.note(what, largest, limit):
        tally.found = f"in {where}", largest, limit


def problem_conforms(spec: str | Problem, workers: int | None = None, seed: int = 0) -> Conformance:
    """Compare a problem's kernels with its NumPy expressions, and its gradient with differences of its value.

    Parameters
    ----------
    spec, workers
        As `tersegrad.run` takes them.
    seed
        Of the points: x0, and points around it.

    Raises
    ------
    InputError
        For a problem that cannot be built.
    """
    problem = build_problem(spec, workers=workers)
    oracle, tally, rng = problem.kernels(), Tally(), np.random.default_rng(seed)
    X = problem.x0 + np.vstack([np.zeros((1, problem.dim)), rng.standard_normal((2, problem.dim))])
    G, F, none = np.empty_like(X), np.empty(len(X)), np.empty((len(X), 0))
    data = kernel_data(oracle.data)
    for i in range(problem.workers):
        gradient, value = problem.worker_gradient(i, X), problem.worker_value(i, X)
        oracle.exact_gradient(i, X, none, data, G)
        oracle.value(i, X, data, F)
        size = float(max(np.abs(gradient).max(), np.abs(value).max(), 1.0))
        rows = [
            ("the gradient kernel", np.abs(G - gradient).max(), 1e-12 * size),
            ("the value kernel", np.abs(F - value).max(), 1e-12 * size),
            ("the gradient, which is not that of the value", _slope(problem, i, X, gradient, rng), 1e-6 * size),
        ]
        if oracle.draws and hasattr(problem, "span"):
            rows.append(("the mean of the sampled gradients", _mean(problem, i, X, gradient), 1e-12 * size))
        for what, gap, allowed in rows:
            if tally.note(what, float(gap), allowed):
                tally.found = f"in {what} of worker {i}", float(gap), allowed
                return tally.answer()
        tally.rounds += 1
    return tally.answer()


def _slope(problem: Problem, i: int, X: Floats, gradient: Floats, rng: np.random.Generator) -> float:
    """How far <grad f_i, v> is from a central difference of f_i along random unit vectors v."""
    v, h = rng.standard_normal(X.shape), 1e-5
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    difference = (problem.worker_value(i, X + h * v) - problem.worker_value(i, X - h * v)) / (2 * h)
    return float(np.abs(difference - np.sum(gradient * v, axis=1)).max())


def _mean(problem: Problem, i: int, X: Floats, gradient: Floats) -> float:
    """How far the mean over all rows, each drawn in turn, of the sampled gradients is from the gradient."""
    oracle, rows = problem.kernels(), problem.span(i)  # type: ignore[attr-defined]
    m, total, G = rows.stop - rows.start, np.zeros_like(X), np.empty_like(X)
    for k in range(m):
        oracle.gradient(i, X, np.full((len(X), oracle.draws), (k + 0.5) / m), kernel_data(oracle.data), G)
        total += G
    return float(np.abs(total / m - gradient).max())


def measures_conform(spec: str | Problem, workers: int | None = None, seed: int = 0) -> Conformance:
    """Compare what a run records of its model, and what a problem says of start and minimiser, with NumPy expressions.

    A few rounds of SGD; the columns are those of every method. In one round of many replicas the mean square of the
    noise, which is how x moved less the gradient, is sigma^2/n.

    Parameters
    ----------
    spec, workers
        As `tersegrad.run` takes them.
    seed
        Of the run.

    Raises
    ------
    InputError
        For a problem that cannot be built or run.
    """
    problem, tally = build_problem(spec, workers=workers), Tally()
    c, points = problem.constants(), range(MEASURED + 1)
    gamma, plain = 0.1 / (c.L_max or c.L or 1.0), problem.regulariser == (0.0, 0.0)
    columns = ["grad_sq_mean", *(["gap_mean"] if plain and problem.f_star_certified else [])]
    trace = simulate(
        "sgd", problem, parameters={"gamma": gamma}, rounds=MEASURED, checkpoints=points, paths=True, columns=columns,
        seed=seed,
    )  # fmt: skip
    X = trace.paths["x"][0]
    recorded = {name: column[0] for name, column in trace.columns.items()}
    slopes = np.sum(problem.gradient(X) ** 2, axis=1)
    expected = {"grad_sq": slopes, "grad_sq_mean": _running(slopes)}
    if problem.f_star is not None:
        expected["gap"] = problem.objective(X) - problem.f_star
        expected["gap_mean"] = _running(expected["gap"])
    if problem.x_star is not None:
        expected["dist_sq"] = np.sum((X - problem.x_star) ** 2, axis=1)
    stated: dict[str, float] = {
        "grad0_sq": _mean_square([problem.worker_gradient(i, X[0]) for i in range(problem.workers)])
    }
    if problem.x_star is not None:
        stated["dist0_sq"] = float(expected["dist_sq"][0])
        stated["zeta_star_sq"] = _mean_square(
            [problem.worker_gradient(i, problem.x_star) for i in range(problem.workers)]
        )
        if problem.f_star_certified:
            stated["gap0"] = float(problem.objective(X[0]) - problem.objective(problem.x_star))
    size = float(np.abs(problem.objective(X)).max()) + float(slopes.max()) + sum(map(abs, stated.values()))
    for name, values in expected.items():
        if name in recorded:
            _note(tally, f"the column {name}", f"the column {name}", recorded[name] - values, NEARLY * size)
    for name, value in stated.items():
        if (claimed := getattr(c, name)) is not None:
            _note(tally, f"the constant {name}", f"the constant {name}", np.array([claimed - value]), NEARLY * size)
    _apart(problem, X[0], tally)
    if problem.noise.batch is not None and hasattr(problem, "span"):
        _sampling(problem, X[0], tally)
    if plain and problem.noise.batch is None and problem.noise.sigma_sq > 0:
        replicas = int(np.clip(NOISE_NUMBERS // problem.dim, 2, 512))
        moved = simulate("sgd", problem, parameters={"gamma": gamma}, rounds=1, replicas=replicas, seed=seed).final
        noise = (X[0] - moved) / gamma - problem.gradient(X[0])
        level = float(np.mean(np.sum(noise**2, axis=1))) * problem.workers / problem.noise.sigma_sq
        allowed = 6 * float(np.sqrt(2 / noise.size))
        _note(tally, "the variance of the noise", "the variance of the noise", np.array([level - 1]), allowed)
    tally.rounds += MEASURED
    return tally.answer()


def _apart(problem: Problem, x0: Floats, tally: Tally) -> None:
    """Whether the overlap is no smaller than what gradients share, and gap_star than what single workers gain."""
    c, points = problem.constants(), x0 + np.random.default_rng(0).standard_normal((2, problem.dim))
    touched = sum(np.any(problem.worker_gradient(i, points) != 0, axis=0).astype(int) for i in range(problem.workers))
    if c.overlap is not None:
        short = float(np.max(touched)) - c.overlap
        _note(tally, "the constant overlap", "the constant overlap", np.array([max(short, 0.0)]), NEARLY)
    if c.gap_star is None or problem.regulariser != (0.0, 0.0):
        return
    if not problem.f_star_certified and problem.infima is not None and c.zeta_sq != 0:  # f(x^0) is what bounds f*
        gap = np.array([c.gap_star - max(float(problem.value(x0)) - float(np.mean(problem.infima)), 0.0)])
        _note(tally, "the constant gap_star", "the constant gap_star", gap, NEARLY * (1 + c.gap_star))
    if problem.f_star is None or not problem.f_star_certified or not c.L_max:
        return
    lowest = []
    for i in range(problem.workers):
        z = np.array(x0 if problem.x_star is None else problem.x_star)
        for _ in range(DESCENTS):
            z = z - problem.worker_gradient(i, z) / c.L_max
        lowest.append(float(problem.worker_value(i, z)))
    gained = problem.f_star - float(np.mean(lowest))
    allowed = NEARLY * (1 + abs(problem.f_star))
    short = max(gained - c.gap_star, 0.0)
    _note(tally, "the constant gap_star", "the constant gap_star", np.array([short]), allowed)


def _sampling(problem: Problem, x0: Floats, tally: Tally) -> None:
    """Whether sigma_star^2 is the variance of sampled rows at x*, and L_sample no smaller than a row's smoothness."""
    oracle, c, batch = problem.kernels(), problem.constants(), problem.noise.batch or 1
    centre = x0 if problem.x_star is None else problem.x_star
    points, data = np.vstack([centre, x0 + 0.1]), kernel_data(oracle.data)
    variances, steepest = [], 0.0
    for i in range(problem.workers):
        rows = problem.span(i)  # type: ignore[attr-defined]
        m, whole = rows.stop - rows.start, problem.worker_gradient(i, centre)
        each = range(0, m, max(1, m // ROWS))
        G, total = np.empty_like(points), 0.0
        for k in each:
            u = np.full((2, oracle.draws), (k + 0.5) / m)
            oracle.gradient(i, points, u, data, G)
            total += float(np.sum((G[0] - whole) ** 2)) / len(each)
            move = 1e-3 * (G[1] - G[0]) / max(float(np.linalg.norm(G[1] - G[0])), 1e-300)
            near, H = points[1] + np.vstack([np.zeros_like(move), move]), np.empty_like(points)
            oracle.gradient(i, near, u, data, H)
            steepest = max(steepest, float(np.linalg.norm(H[1] - H[0])) / max(float(np.linalg.norm(move)), 1e-300))
        variances.append(total / batch)
        whole_row = m <= ROWS
    if problem.x_star is not None and c.sigma_star_sq is not None and whole_row:
        right = float(np.mean(variances))
        gap = np.array([c.sigma_star_sq - right])
        _note(tally, "the constant sigma_star_sq", "the constant sigma_star_sq", gap, 1e-7 * (1 + right))
    if c.L_sample is not None:
        short = max(steepest / batch - c.L_sample, 0.0)
        _note(tally, "the constant L_sample", "the constant L_sample", np.array([short]), 1e-6 * steepest)


#: Constants that are bounds from below; all others are bounds from above.
LOWER = ("mu", "mu_min", "pl")
#: Constants that are dropped together, as somebody who knows few of them leaves them out.
UNKNOWN = (
    ("L",), ("L_tilde",), ("L_max",), ("L", "L_tilde"), ("L", "L_tilde", "L_mean"), ("mu",), ("pl",), ("mu", "pl"),
    ("gap0",), ("dist0_sq",), ("zeta_star_sq",), ("sigma_star_sq",), ("L_mean",), ("L_shared",), ("grad0_scaled",),
    ("L_shared", "L_mean"), ("G_l1",), ("G_mean",), ("G_sq_mean",), ("sigma_l1",),
)  # fmt: skip


def completion_conforms(seed: int = 0) -> Conformance:
    """Check that what constants imply is true of a problem: with some left out, what is filled in still bounds them.

    Quadratics with Hessians of their own, whose constants are eigenvalues and sums; noise of the size that is stated.
    """
    rng, tally = np.random.default_rng(seed), Tally()
    for n, spread in ((3, 1.0), (3, 0.0), (1, 1.0)):
        curvatures = rng.uniform(0.3, 1.0, (n if spread else 1, 4)) * np.ones((n, 1)) * rng.uniform(1, 3)
        sums = rng.standard_normal((n, 4)) * spread
        problem = ExplicitQuadratic([np.diag(row) for row in curvatures], sums, rng.standard_normal(4) + 2)
        G = 1.7  # of gradients and noise whose entries are all of one size
        true = replace(
            problem.constants(), sigma_sq=0.7, sigma_star_sq=0.6, L_sample=None, G=G, G_mean=G, G_sq_mean=G**2,
            G_l1=math.sqrt(4) * G, sigma_l1=math.sqrt(4 * 0.7),
        )  # fmt: skip
        if not spread:
            true = replace(true, zeta_sq=0.0, zeta_star_sq=0.0)
        for names in UNKNOWN:
            dropped: dict[str, Any] = dict.fromkeys(names)
            try:
                filled = replace(true, **dropped).completed(("L_mean", "L_shared", "grad0_scaled"))
            except InputError as contradiction:
                tally.found = f"in what is filled in where {together(names)} are unknown: {contradiction}", 1.0, 0.0
                return tally.answer()
            for name in names:
                right, found = getattr(true, name), getattr(filled, name)
                if right is None or found is None:
                    continue
                beyond = (found - right if name in LOWER else right - found) / abs(right or 1.0)
                where = f"{name}, which is filled in where {together(names)} are unknown, of {n} workers"
                _note(tally, where, "what is filled in", np.array([max(beyond, 0.0)]), NEARLY)
            tally.rounds += 1
    return tally.answer()


def _running(values: Floats) -> Floats:
    """The means over the rounds before; the value itself before the first."""
    return np.concatenate([values[:1], np.cumsum(values[:-1]) / np.arange(1, values.size)])


def _mean_square(gradients: Sequence[Floats]) -> float:
    return float(np.mean([np.sum(g**2) for g in gradients]))
