"""Certify a problem: is its gradient that of its value, and do its constants hold?

Every claim is put to the test at sampled points and pairs of points, and at worse ones that a search finds from there:
along the directions of largest and smallest curvature (power iterations on differences of gradients), and by a random
walk of the point itself. What a search does not refute is not proved; what it refutes comes with the pair of points.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.errors import InputError
from ..common.jsonable import plain
from ..common.options import integer
from ..problems import Problem
from ..theory.constants import Constants

Floats = NDArray[np.float64]
Field = Callable[[Floats], Floats]

#: Relative slack of a claim: what differences of gradients a millionth apart leave.
SLACK = 1e-5
#: Relative deviation of a difference quotient from the slope that is still rounding and curvature.
DEVIATION = 1e-4
#: Steps of a power iteration; steps of a random walk; sampled gradients per point.
POWER, WALK, SAMPLES = 25, 12, 4000
#: Points on the way from the minimiser to the start.
WAY = 120


@dataclass(frozen=True)
class Claim:
    """One claim about a problem.

    Attributes
    ----------
    name
        The constant, or what is claimed in words.
    claimed, measured
        The value stated, and the worst one found (the largest of an upper bound, the smallest of a lower one).
    verdict
        "holds", "violated", or "not given" where the problem does not state it.
    where
        The worst point, or pair of points, each (d,); empty where nothing was measured.
    text
        What was measured, in words.
    """

    name: str
    claimed: float | None
    measured: float | None
    verdict: str
    where: tuple[Floats, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class ProblemCertification:
    """The outcome for one problem.

    Attributes
    ----------
    verdict
        "violated" if a claim is, else "holds".
    claims
        One row for every claim.
    """

    problem: str
    workers: int
    dim: int
    verdict: str
    seed: int
    seconds: float
    claims: list[Claim] = field(default_factory=list)

    @property
    def violated(self) -> list[Claim]:
        """The claims that fail."""
        return [claim for claim in self.claims if claim.verdict == "violated"]

    def as_dict(self) -> dict[str, Any]:
        """The certificate as plain data for JSON."""
        return plain(asdict(self))


class _Search:
    """Points, and the worst ones for each question."""

    def __init__(self, problem: Problem, points: int, rng: np.random.Generator) -> None:
        self.problem, self.rng = problem, rng
        centre = problem.x0 if problem.x_star is None else problem.x_star
        size = max(float(np.linalg.norm(problem.x0 - centre)), float(np.linalg.norm(problem.x0)), 1.0)
        if problem.region is not None:
            size = min(size, problem.region)
        scales = size * np.geomspace(1e-2, 3.0 if problem.region is None else 1.0, points)
        directions = rng.standard_normal((points, problem.dim))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        self.size = size
        self.points = np.vstack([problem.x0, centre + 0.0, centre + scales[:, None] * directions])

    def direction(self) -> Floats:
        """A random unit vector."""
        v = self.rng.standard_normal(self.problem.dim)
        return v / np.linalg.norm(v)

    def extreme(self, slope: Field, shift: float) -> tuple[float, tuple[Floats, Floats]]:
        """The largest curvature of a function, or with a shift > 0 its smallest, and the pair of points that shows it.

        The curvature along v is <grad f(a) - grad f(b), a - b>/||a - b||^2; for the largest one the norm of the
        difference counts, which is what smoothness bounds. Searches from several points go side by side.
        """

        def climb(x: Floats, v: Floats, steps: int) -> tuple[Floats, Floats, Floats, Floats]:
            """Power iteration: curvatures (m,) along directions (m, d) at points (m, d), and pairs that show them."""
            h = 1e-6 * (self.size + np.linalg.norm(x, axis=1, keepdims=True))
            for step in range(steps + 1):
                a, b = x + h * v, x - h * v
                difference = (slope(a) - slope(b)) / np.linalg.norm(a - b, axis=1, keepdims=True)
                following = difference if shift == 0 else shift * v - difference
                length = np.linalg.norm(following, axis=1, keepdims=True)
                if step == steps or not length.any():
                    break
                v = np.where(length > 0, following / np.where(length > 0, length, 1.0), v)
            along = np.linalg.norm(difference, axis=1) if shift == 0 else np.einsum("md,md->m", difference, v)
            return along, v, a, b

        def worst_of(found: tuple[Floats, Floats, Floats, Floats]) -> tuple[float, Floats, tuple[Floats, Floats], int]:
            values, v, a, b = found
            sign = 1.0 if shift == 0 else -1.0
            k = int(np.argmax(np.where(np.isnan(values), -np.inf, sign * values)))  # NaN: an overflow shows nothing
            return float(values[k]), v[k], (a[k], b[k]), k

        directions = np.stack([self.direction() for _ in self.points])
        worst, along, pair, k = worst_of(climb(self.points, directions, POWER))
        start, step = self.points[k], self.size
        for _ in range(WALK):
            x = start + step * self.direction()
            value, v, points, _ = worst_of(climb(x[None], along[None], 3))
            if value > worst if shift == 0 else value < worst:
                worst, pair, start, along = value, points, x, v
            else:
                step /= 2
        return worst, pair


def certify_problem(
    problem: Problem, *, points: int = 12, seed: int = 0, samples: int = SAMPLES
) -> ProblemCertification:
    """Put what a problem says of itself to the test.

    Parameters
    ----------
    points
        Random points from which the searches start, besides x0 and x*.
    seed
        Of the points, and of sampled gradients.
    samples
        Stochastic gradients drawn at a point, for their mean and variance.

    Raises
    ------
    InputError
        If it is not a problem.
    """
    if not isinstance(problem, Problem):
        raise InputError(f"{problem!r} is not a problem; give a tersegrad.Problem, or the text form of one")
    began = time.perf_counter()
    rng = np.random.default_rng(integer("seed", seed, low=0))
    search, known = _Search(problem, integer("points", points), rng), problem.constants()
    claims = [_slopes(search), _kernels(search)]
    if claims[0].verdict == "holds":
        claims += [*_curvature(search, known), *_minimum(search, known), *_dissimilarity(search, known)]
        claims += _noise(search, known, integer("samples", samples, low=2))
    verdict = "violated" if any(claim.verdict == "violated" for claim in claims) else "holds"
    return ProblemCertification(
        problem.spec, problem.workers, problem.dim, verdict, int(seed), time.perf_counter() - began, claims
    )


def check_gradient(problem: Problem) -> None:
    """Check at a few points that a problem's gradient is that of its value.

    Raises
    ------
    InputError
        If it is not; the sentence names the worker and how far they are apart.
    """
    search = _Search(problem, 3, np.random.default_rng(0))
    for claim in (_slopes(search), _kernels(search)):
        if claim.verdict == "violated":
            raise InputError(f"'{problem.spec}': {claim.text}; tersegrad.certify(problem) shows where")


def _workers(problem: Problem) -> range:
    """The workers to look at: a dozen of many."""
    return range(0, problem.workers, max(problem.workers // 12, 1))


def _slopes(search: _Search) -> Claim:
    """Whether the gradient is that of the value, by central differences at two distances."""
    problem, worst, who = search.problem, 0.0, 0
    where: tuple[Floats, ...] = ()
    for i in _workers(problem):
        gradients = problem.worker_gradient(i, search.points)
        typical = float(np.linalg.norm(gradients, axis=1).max())
        for x, g in zip(search.points, gradients, strict=True):
            v = search.direction()
            slope = float(g @ v)
            size = abs(slope) + (float(np.linalg.norm(g)) + 0.01 * typical) / np.sqrt(problem.dim)
            deviations = []
            for h in (1e-5 * (1 + float(np.linalg.norm(x))), 1e-4 * (1 + float(np.linalg.norm(x)))):
                a, b = (problem.worker_value(i, x + sign * h * v) for sign in (1, -1))
                rounding = 8 * np.finfo(float).eps * max(abs(float(a)), abs(float(b))) / h
                excess = abs((float(a) - float(b)) / (2 * h) - slope) - rounding
                deviations.append(max(excess, 0.0) / size if size > 0 else (np.inf if excess > 0 else 0.0))
            if min(deviations) > worst:
                worst, where, who = min(deviations), (x,), i
    holds = worst <= DEVIATION
    text = "the gradient is that of the value"
    if not holds:
        text = (
            f"the gradient of worker {who} is not that of its value: in a random direction they differ by {worst:.3g} "
            f"of its size"
        )
    return Claim("gradient", DEVIATION, float(worst), "holds" if holds else "violated", where, text)


def _kernels(search: _Search) -> Claim:
    """Whether the kernels compute what the NumPy expressions say."""
    problem = search.problem
    kernels, worst = problem.kernels(), 0.0
    where: tuple[Floats, ...] = ()
    X = np.ascontiguousarray(search.points)
    draws = np.empty((len(X), 0))
    for i in _workers(problem):
        G, F = np.empty_like(X), np.empty(len(X))
        kernels.exact_gradient(i, X, draws, kernels.data, G)
        kernels.value(i, X, kernels.data, F)
        g, f = problem.worker_gradient(i, X), problem.worker_value(i, X)
        apart = np.linalg.norm(G - g, axis=1) / (1e-300 + np.linalg.norm(g, axis=1).max())
        apart = np.maximum(apart, np.abs(F - f) / (1e-300 + np.abs(f).max()))
        if not np.isfinite(apart).all() or apart.max() > worst:
            k = int(np.argmax(np.where(np.isfinite(apart), apart, np.inf)))
            worst, where = float(apart[k]), (X[k],)
    holds = bool(worst <= 1e-8)
    text = "the kernels compute the value and the gradient"
    if not holds:
        text = f"the kernels have a relative error of {worst:.3g}"
    return Claim("kernels", 1e-8, worst, "holds" if holds else "violated", where, text)


def _upper(name: str, claimed: float | None, measured: float, where: tuple[Floats, ...], text: str) -> Claim:
    """A claim "at most"."""
    if claimed is None:
        return Claim(name, None, measured, "not given", where, text)
    holds = measured <= claimed * (1 + SLACK) + 1e-12
    return Claim(name, claimed, measured, "holds" if holds else "violated", where, text)


def _lower(
    name: str, claimed: float | None, measured: float, where: tuple[Floats, ...], text: str, scale: float
) -> Claim:
    """A claim "at least"; `scale` is what rounding is relative to."""
    if claimed is None:
        return Claim(name, None, measured, "not given", where, text)
    holds = measured >= claimed - SLACK * (abs(claimed) + scale * 1e-3)
    return Claim(name, claimed, measured, "holds" if holds else "violated", where, text)


def _curvature(search: _Search, known: Constants) -> list[Claim]:
    """L, L_tilde, L_mean, L_shared, L_max, mu and mu_min."""
    problem = search.problem
    largest, pair = search.extreme(problem.gradient, 0.0)
    smallest, low_pair = search.extreme(problem.gradient, largest)
    text = "||grad f(x) - grad f(y)||/||x - y||"
    claims = [_upper("L", known.L, largest, pair, text)]
    each = [search.extreme(lambda x, i=i: problem.worker_gradient(i, x), 0.0) for i in _workers(problem)]  # type: ignore[misc]
    worst = max(each, key=lambda found: found[0])
    claims.append(_upper("L_max", known.L_max, worst[0], worst[1], f"{text} of a worker"))
    if len(each) == problem.workers:
        mean = float(np.sqrt(np.mean([found[0] ** 2 for found in each])))
        claims.append(_upper("L_tilde", known.L_tilde, mean, (), "root mean square over the workers"))
        mean = float(np.mean([found[0] for found in each]))
        claims.append(_upper("L_mean", known.L_mean, mean, (), "mean over the workers"))
    shared = max(problem.workers * largest, worst[0])
    claims.append(_upper("L_shared", known.L_shared, shared, pair, "n times the smoothness of f, or that of a worker"))
    text = "<grad f(x) - grad f(y), x - y>/||x - y||^2"
    claims.append(_lower("mu", known.mu, smallest, low_pair, text, largest))
    lowest = [
        search.extreme(lambda x, i=i: problem.worker_gradient(i, x), max(found[0], 1e-300))  # type: ignore[misc]
        for i, found in zip(_workers(problem), each, strict=True)
    ]
    least = min(lowest, key=lambda found: found[0])
    claims.append(_lower("mu_min", known.mu_min, least[0], least[1], f"{text} of a worker", worst[0]))
    return claims


def _minimum(search: _Search, known: Constants) -> list[Claim]:
    """x*, f* and the Polyak-Lojasiewicz inequality."""
    problem, claims = search.problem, []
    if problem.x_star is not None:
        size = (known.L or 1.0) * max(search.size, 1.0)
        claims.append(
            _upper("x_star", 1e-6 * size, problem.optimality(), (problem.x_star,), "size of the gradient there")
        )
    if problem.f_star is None:
        claims.append(Claim("f_star", None, None, "not given"))
        return claims
    values = np.array([float(problem.objective(x)) for x in search.points])
    below = int(np.argmin(values))
    slack = 1e-9 * max(abs(problem.f_star), float(np.abs(values).max()))
    word = "holds" if values[below] >= problem.f_star - slack else "violated"
    lowest = float(values[below])
    claims.append(Claim("f_star", problem.f_star, lowest, word, (search.points[below],), "smallest value found"))
    modulus = known.pl
    if modulus and problem.f_star_certified and not known.composite:
        points = search.points
        if problem.x_star is not None:  # where f is not convex, the worst point lies between start and minimiser
            steps = np.linspace(0.0, 1.0, WAY)[1:, None]
            points = np.vstack([points, problem.x_star + steps * (problem.x0 - problem.x_star)])
            values = np.array([float(problem.objective(x)) for x in points])
        gaps = values - problem.f_star
        slopes = np.array([float(np.sum(problem.gradient(x) ** 2)) for x in points])
        far = gaps > 1e-8 * (1 + np.abs(values).max())
        if far.any():
            ratios = np.where(far, slopes / np.where(far, 2 * gaps, 1.0), np.inf)
            k = int(np.argmin(ratios))
            claims.append(_lower("pl", modulus, float(ratios[k]), (points[k],), "||grad f||^2/(2 (f - f*))", 0.0))
    return claims


def _dissimilarity(search: _Search, known: Constants) -> list[Claim]:
    """zeta_sq, zeta_star_sq, grad0_scaled and G."""
    problem, claims = search.problem, []

    def spread(x: Floats) -> float:
        g = np.stack([problem.worker_gradient(i, x) for i in range(problem.workers)])
        return float(np.sum((g - g.mean(axis=0)) ** 2) / problem.workers)

    if problem.workers > 1:
        far = [search.points, *(problem.x0 + 10.0 * search.size * search.direction()[None] for _ in range(6))]
        candidates = np.vstack(far) if problem.region is None else search.points
        sizes = [spread(x) for x in candidates]
        k = int(np.argmax(sizes))
        text = "(1/n) sum ||grad f_i(x) - grad f(x)||^2"
        claims.append(_upper("zeta_sq", known.zeta_sq, sizes[k], (candidates[k],), text))
    if problem.x_star is not None:
        g = np.stack([problem.worker_gradient(i, problem.x_star) for i in range(problem.workers)])
        measured = float(np.sum(g**2) / problem.workers)
        claims.append(
            _upper("zeta_star_sq", known.zeta_star_sq, measured, (problem.x_star,), "(1/n) sum ||grad f_i(x*)||^2")
        )
    if known.grad0_scaled is not None and known.L_mean is not None:
        lengths = [float(np.linalg.norm(problem.worker_gradient(i, problem.x0))) for i in range(problem.workers)]
        least = float(np.mean(lengths)) ** 2 / known.L_mean
        text = "(avg ||grad f_i(x^0)||)^2/L_mean, which is at most that"
        claims.append(_upper("grad0_scaled", known.grad0_scaled, least, (problem.x0,), text))
    if known.G is not None:
        sizes = [
            max(float(np.sum(problem.worker_gradient(i, x) ** 2)) for i in _workers(problem)) for x in search.points
        ]
        k = int(np.argmax(sizes))
        noise = problem.noise.sigma_sq
        claims.append(_upper("G", known.G, float(np.sqrt(sizes[k] + noise)), (search.points[k],), "sqrt of E||g_i||^2"))
    return claims


def _noise(search: _Search, known: Constants, samples: int) -> list[Claim]:
    """Mean and variance of sampled gradients; additive noise is the engine's own and known exactly.

    The limits are eight standard errors wide: they are no test at a stated level, they find a factor that is missing.
    """
    problem = search.problem
    kernels = problem.kernels()
    if not kernels.draws:
        return []
    worst_bias, worst, where, bias_where = 0.0, 0.0, search.points[0], search.points[0]
    typical = float(np.linalg.norm(problem.worker_gradient(0, search.points), axis=1).max())
    for x in search.points[:4]:
        for i in list(_workers(problem))[:4]:
            X = np.ascontiguousarray(np.repeat(x[None], samples, axis=0))
            G = np.empty_like(X)
            kernels.gradient(i, X, search.rng.uniform(size=(samples, kernels.draws)), kernels.data, G)
            exact = problem.worker_gradient(i, x)
            squares = np.sum((G - exact) ** 2, axis=1)
            error = float(np.sqrt(squares.mean() / samples))
            apart = float(np.linalg.norm(G.mean(axis=0) - exact)) - 1e-12 * typical
            bias = apart / (8 * error) if apart > 0 else 0.0
            low = float(squares.mean() - 8 * squares.std() / np.sqrt(samples))
            if bias > worst_bias:
                worst_bias, bias_where = bias, x
            if low > worst:
                worst, where = low, x
    text = "distance of the mean from the gradient, in units of eight standard errors"
    claims = [_upper("unbiased", 1.0, worst_bias, (bias_where,), text)]
    claims.append(_upper("sigma_sq", known.sigma_sq, worst, (where,), "lower limit of E||g_i - grad f_i||^2"))
    return claims
