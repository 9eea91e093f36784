"""One step from the worst state: the largest E[V+ | state]/(rho V + (1 - rho) floor) over all states, an eigenvalue.

On a quadratic with random linear compressors E[V+ | state] is a quadratic form of the state, and so is V where the
theorem's metric is a Lyapunov function of it; the largest ratio of the two is a generalised eigenvalue. Above 1 the
theorem's inequality fails in one step from the state that belongs to it. States are all that a method can be in:
what server and workers hold alike stays alike.

A bound that is about the start alone need not contract from every state. Where the metric leaves out something that the
next round depends on, the ratio is infinite, and the theorem is not checked here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
from scipy.linalg import eigh

from ...problems import Problem
from ...problems.base import Noise
from ...problems.explicit import ExplicitQuadratic
from ...solvers.method import Method
from ...theory import Constants, Contractive, Theorem, Unbiased
from ...theory.bounds import LinearCurve
from ...theory.families import LinearTheorem
from ...theory.functions import FunctionTheorem
from ...theory.guarantee import Guarantee
from ...theory.hypotheses import EQUAL_WORKERS, EXACT, MASKS, ONE_WORKER
from ...theory.theorems.tight import error_ratio
from .coins import FloatArray, NotClosed
from .columns import OF_THE_ROUND
from .moments import Recursion

#: A ratio above this is a violation; below, rounding: a ratio of 1, with steps that are a thousandth of the longest,
#: comes out up to 1.2e-9 above.
VIOLATED = 1 + 1e-8
#: Directions in which V is smaller than this, relative to its largest, are left out of V.
FLAT = 1e-12
#: A register that contributes less than this, relative to the largest, contributes rounding.
ROUNDED = 1e-8
#: How near to the ends of their intervals parameters are taken, relative to the length.
EDGE = 1e-3


@dataclass(frozen=True)
class WorstStep:
    """The worst step that was found.

    Attributes
    ----------
    word
        "contracts", "violated" or "not checked".
    ratio
        The largest E[V+]/(rho V + (1 - rho) floor).
    instance
        Where: curvatures of the workers, compressors, parameters; and the state.
    reason
        Why nothing was checked.
    tried
        How many instances.
    """

    theorem: str
    word: str
    ratio: float | None
    instance: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    tried: int = 0


def one_step(
    sure: Guarantee,
    problem: Problem,
    up: str,
    down: str,
    parameters: Mapping[str, float] | None = None,
    method: Method | None = None,
) -> tuple[float, FloatArray]:
    """The largest ratio on one instance, and the state (1, x, memories, ...), up to a factor, that attains it.

    Parameters
    ----------
    sure
        A guarantee with a contraction.
    parameters, method
        What is run, if it is not what the guarantee says.

    Raises
    ------
    NotClosed
        If the moments do not close, or the metric is no Lyapunov function of the state.
    """
    if not isinstance(sure.curve, LinearCurve):
        raise NotClosed(f"{sure.theorem.name} states no contraction")
    rate = 1 - sure.curve.contraction_gap
    exact = Recursion(method or sure.theorem.method, problem, up, down, parameters=parameters or sure.parameters)
    before, after, residuals = CONDITIONAL.get(sure.theorem.name, _the_metric)(sure, exact)
    M = exact.back(after, 1, residuals)
    B = rate * before if before is not None else rate * after
    B = B.copy()
    B[0, 0] += sure.curve.contraction_gap * sure.curve.floor
    # Models and memories have weights of different sizes in V: registers are measured by what they contribute.
    weight = np.sqrt(np.maximum(np.maximum(np.diag(B), np.diag(M)), 0.0))
    weight = np.where(weight > ROUNDED * weight.max(), weight, 1.0)
    basis = np.linalg.svd(weight[:, None] * exact.span(), full_matrices=False)[0]
    span = basis / weight[:, None]
    M, B = span.T @ M @ span, span.T @ B @ span
    sizes, ways = np.linalg.eigh((B + B.T) / 2)
    large = sizes > FLAT * max(float(sizes.max()), float(np.abs(M).max()))
    flat = ways[:, ~large]
    if flat.size and np.abs(flat.T @ M @ flat).max() > 1e-8 * np.abs(M).max():
        raise NotClosed(f"the metric of {sure.theorem.name} leaves out what the next round depends on")
    onto = ways[:, large]
    values, vectors = eigh(onto.T @ ((M + M.T) / 2) @ onto, onto.T @ B @ onto)
    worst = onto @ vectors[:, -1]
    # The ratio at that very state: an eigenvalue is as uncertain as the two forms are ill-conditioned.
    return min(float(values[-1]), float(worst @ M @ worst) / float(worst @ B @ worst)), span @ worst


Forms = tuple[FloatArray | None, FloatArray, dict[str, float]]


def _the_metric(sure: Guarantee, exact: Recursion) -> Forms:
    """V before and after the step: the theorem's metric."""
    total = np.zeros((exact.layout.size, exact.layout.size))
    for column, weight in sure.metric.terms:
        if weight and column in OF_THE_ROUND:
            raise NotClosed(f"{column} is about the last round, not about the state")
        if weight:
            total += weight * exact.form(column)
    return None, total, {}


def _dore(sure: Guarantee, exact: Recursion) -> Forms:
    """DORE: ||q||^2 of the round itself on the left, ||e||^2 of the state on the right, as in the proof.

    E[V+ | state] <= rho_x ||xhat - x*||^2 + beta (eta^2 + eta) ||e||^2 + (1 - alpha) c' avg||h_i - grad f_i(x*)||^2.
    """
    terms = dict(sure.metric.terms)
    p = sure.parameters
    rate = sure.rate.contraction or 1.0
    error = p["beta"] * (p["eta"] ** 2 + p["eta"])
    state = terms["dist_sq"] * exact.form("dist_sq")
    if terms["memory_error_sq"]:
        state = state + terms["memory_error_sq"] * exact.form("memory_error_sq")
    before = state + (error / rate * exact.form("error_sq") if error else 0.0)
    return before, state, {"down_residual_sq": terms["down_residual_sq"]}


def _unequal(sure: Guarantee, exact: Recursion) -> Forms:
    """EF21 on unequal workers: W of the proof, whose gaps h_i - grad f_i(x) have weights of their own."""
    (_, slope), (_, _) = sure.metric.terms
    layout, model, c = exact.layout, exact.model, sure.constants
    total = slope * exact.form("grad_sq")
    sums = np.add(c.L_i, c.mu_i) if c.L_i is not None and c.mu_i is not None else np.ones(layout.workers)
    promise = sure.theorem.promised("uplink", sure.up, c.dim)
    assert isinstance(promise, Contractive)
    weights = error_ratio(promise.delta) * sums.mean() / sums / layout.workers
    (x,) = layout.vectors("x", layout.size)
    for h, H, b, weight in zip(
        layout.vectors("memories", layout.size), model.hessians, model.slopes, weights, strict=True
    ):
        gap = h - x @ H
        gap[0] -= b
        total = total + weight * (gap @ gap.T)
    return None, total, {}


#: Theorems whose inequality holds conditionally on the state in another form than the metric's.
CONDITIONAL = {
    "dore.strongly-convex": _dore, "dore.strongly-convex-tuned": _dore, "ef21.tight-unequal": _unequal,
}  # fmt: skip


def worst_step(theorem: Theorem, *, L: float = 1.0, mu: float = 0.1, seed: int = 0) -> WorstStep:
    """The worst step over curvatures, numbers of workers, heterogeneity, compressors and parameters.

    Two families of instances: one coordinate, the workers' curvatures at the ends of [mu, L] and between, under the
    constants of the class; and two coordinates with Hessians along axes of their own, under their own constants.
    """
    if not isinstance(theorem, LinearTheorem | FunctionTheorem):
        return WorstStep(theorem.name, "not checked", None, reason="it states no contraction")
    best, where, tried, reason = -math.inf, {}, 0, ""
    for problem, constants, about in _instances(theorem, L, mu, seed):
        for up, down in _links(theorem):
            for chosen in _choices(theorem, constants, up, down):
                if not chosen:
                    reason = chosen.reason
                    continue
                try:
                    ratio, state = one_step(chosen, problem, up, down)
                except NotClosed as limit:
                    return WorstStep(theorem.name, "not checked", None, reason=str(limit))
                tried += 1
                if ratio > best:
                    best = ratio
                    where = about | {
                        "up": up, "down": down, "parameters": chosen.parameters, "workers": problem.workers,
                        "state": state.tolist(),
                    }  # fmt: skip
    if not tried:
        return WorstStep(theorem.name, "not checked", None, reason=reason or "no instance is covered")
    return WorstStep(theorem.name, "violated" if best > VIOLATED else "contracts", best, where, "", tried)


def _instances(theorem: Theorem, L: float, mu: float, seed: int) -> Iterator[tuple[Problem, Any, dict[str, Any]]]:
    """Problems, the constants that the theorem is handed, and what to call them."""
    random = np.random.default_rng(seed)
    counts = (1,) if ONE_WORKER in theorem.assumes else (1, 2, 3)
    noise = Noise() if EXACT in theorem.assumes else Noise.read("gaussian", 0.3)
    for n in counts:
        for curvatures in combinations_with_replacement((mu, (mu + L) / 2, L) if n == 1 else (mu, L), n):
            H = np.array(curvatures).reshape(n, 1, 1)
            if EQUAL_WORKERS in theorem.assumes and len(set(curvatures)) > 1:
                continue
            for spread in (0.0, 1.0) if n > 1 else (0.0,):
                s = spread * np.linspace(-1.0, 1.0, n).reshape(n, 1) if n > 1 else np.zeros((1, 1))
                problem = _centred(H, s, np.array([2.0]), noise)
                own = problem.constants()
                constants = Constants(
                    n=n, dim=1, L=L, L_tilde=L, L_max=L, L_sample=L, mu=mu, mu_min=mu, pl=mu, sigma_sq=own.sigma_sq,
                    sigma_star_sq=own.sigma_sq, zeta_star_sq=own.zeta_star_sq,
                    zeta_sq=own.zeta_sq, gap0=own.gap0, dist0_sq=own.dist0_sq, grad0_sq=own.grad0_sq, quadratic=True,
                    overlap=n, gap_star=own.gap_star,
                )  # fmt: skip
                yield problem, constants, {"curvatures": curvatures, "spread": spread}
    for n in counts:
        for turn in range(2):
            bases = [np.linalg.qr(random.standard_normal((2, 2)))[0] for _ in range(n)]
            H = np.stack([(Q * [mu, L]) @ Q.T for Q in bases])
            s = random.standard_normal((n, 2)) if n > 1 else np.zeros((1, 2))
            problem = _centred(H, s, np.array([2.0, 1.0]), noise)
            yield problem, problem.constants(), {"hessians": H.tolist(), "minimisers": s.tolist(), "turn": turn}


def _centred(H: FloatArray, s: FloatArray, x0: FloatArray, noise: Noise) -> ExplicitQuadratic:
    """The problem with its minimiser moved to 0, where forms like ||x - x*||^2 have nothing that cancels."""
    slopes = np.einsum("njk,nk->j", H, s)
    return ExplicitQuadratic(H, s - np.linalg.solve(H.sum(axis=0), slopes), x0, noise)


def _links(theorem: Theorem) -> list[tuple[str, str]]:
    """Pairs of compressors, one for every class that the theorem assumes."""

    def of(kind: type | None) -> list[str]:
        if kind is None:
            return ["identity"]
        coins = [f"bernoulli:p={p}" for p in (0.25, 0.9)]
        if kind is Unbiased:
            return coins
        return [*(f"scaled:of={c.replace(':', '/')}" for c in coins), "adversary:delta=0.5,direction=grow",
                "adversary:delta=0.5,direction=shrink"]  # fmt: skip

    if MASKS in theorem.assumes:
        return [("identity", "identity"), ("mask:workers=3,s=2", "identity")]
    return list(product(of(theorem.uplink), of(theorem.downlink)))


def _choices(theorem: Theorem, constants: Any, up: str, down: str) -> Iterator[Any]:
    """Guarantees: as recommended, and with every parameter in turn near the ends of its interval."""
    given = (None if up == "identity" else up, None if down == "identity" else down)
    usual = theorem.guarantee(constants, *given)
    yield usual
    if not usual:
        return
    for name, interval in usual.intervals.items():
        low, high = interval.low, min(interval.high, 1e3)
        for value in (low + EDGE * (high - low), high - EDGE * (high - low)):
            if low < high and name in theorem.parameters:
                found = theorem.guarantee(constants, given[0], given[1], None, None, **{name: value})
                if found:
                    yield found
