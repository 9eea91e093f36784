"""The largest step with which a method is stable in the mean square, exactly.

On f_i(x) = (lam/2) ||x||^2 + <b_i, x> with compressors that are random diagonal maps every coordinate goes its own way,
and the second moments of one of them close. The method is stable where the spectral radius of their map is below 1;
sigma = gamma lam is all that matters, and the frontier is the smallest sigma > 0 beyond which it is not. On quadratics
with Hessians between mu and L that are diagonal, the largest curvature decides: gamma < frontier/L.

For a few methods the frontier is a formula (ours): no compression, memoryless masks, error feedback, EF21, DIANA with
alpha = p, MARINA. For the rest the place where the spectral radius is 1 is searched for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.optimize import brentq

from ...common.door import checked
from ...common.errors import InputError
from ...common.options import integer, number
from ...problems import problem as build_problem
from ...solvers.method import Method
from ...solvers.method import method as build_method
from ...theory import THEOREMS, Constants
from ...theory.compressors import Compressor, compressor
from .coins import Coins, NotClosed, coins
from .moments import Recursion

#: Coordinates that a compressor works on where nothing is said: rand-k with a ratio needs some.
DIM = 1000
#: The strong convexity, in units of L, for which theorems state their steps.
MU = 0.1
#: With more workers than this only formulas are quick; with more than `CHECKED` they are not checked on the way.
MOST_WORKERS = 64
CHECKED = 16
#: The pairs of more workers than this do not fit.
MOST_PAIRED = 2048
#: Steps tried before a method is said to be unstable with every step, or stable with every one.
SMALLEST, LARGEST = 2.0**-24, 2.0**20
#: Growth below 1 by less than this is taken for 1: the rounding of eigenvalues.
ROUNDING = 1e-11
BOUNDED = "for bounded gradients, which a quadratic does not have"


@dataclass(frozen=True)
class TheoremStep:
    """What a theorem of the method says.

    Attributes
    ----------
    theorem
        Its name.
    step, ratio
        Its step for L = 1, and that in units of the frontier at the theorem's own parameters; None if it gives none.
    reason
        Why it gives none; or why it may be beyond the frontier.
    """

    theorem: str
    step: float | None
    ratio: float | None
    reason: str = ""


@dataclass(frozen=True)
class Frontier:
    """The largest stable step of a method.

    Attributes
    ----------
    step
        gamma L: 0 if no step is stable, infinity if every step is.
    formula, radius
        By the formula, where there is one, and by the spectral radius, where it was computed.
    parameters
        Of the method, gamma aside.
    theorems
        The steps of the method's theorems.
    """

    method: str
    up: str
    down: str
    workers: int
    dim: int
    mu: float
    parameters: dict[str, float]
    step: float
    formula: float | None
    radius: float | None
    theorems: tuple[TheoremStep, ...] = ()


@checked
def frontier(
    method: str | Method,
    up: str | Compressor = "identity",
    down: str | Compressor = "identity",
    *,
    workers: int = 1,
    dim: int = DIM,
    mu: float = MU,
    parameters: Mapping[str, float] | None = None,
    theorems: bool = True,
) -> Frontier:
    """The largest stable step, in units of 1/L, and what the method's theorems say beside it.

    Parameters
    ----------
    method
        A name, or an object of your own; synchronous, with linear rules that do not depend on the round.
    up, down
        Compressors that are random diagonal maps, as they work on `dim` coordinates.
    workers, dim
        n, and the number of coordinates on which the compressors work.
    mu
        Of the theorems' steps, in units of L.
    parameters
        The method's numbers but gamma; those left out are taken from its theorems.
    theorems
        Whether to look at the theorems' steps.

    Raises
    ------
    `coins.NotClosed`
        If the second moments do not close, or the rounds are not all alike.
    InputError
        For a compressor, a number of workers or parameters that are not possible.

    Examples
    --------
    >>> round(frontier("ef21", "randk:ratio=0.5,scaled=0", workers=10, theorems=False).step, 10)
    3.3333333333
    """
    method = build_method(method)
    links = compressor(up), compressor(down)
    if integer("workers", workers, low=1) > MOST_PAIRED:
        raise InputError(f"workers = {workers}: the coins of so many make too many pairs; give at most {MOST_PAIRED}")
    integer("dim", dim, low=1)
    mu = number("mu", mu, strict=True)
    if mu > 1:
        raise InputError(f"mu = {mu:g} is above L = 1: give the strong convexity in units of L")
    for link in links:
        link.check(dim)
    if not method.two_way and links[1].name != "identity":
        raise InputError(f"method '{method.name}' broadcasts uncompressed: leave out the downlink compressor {down}")
    given = {name: float(value) for name, value in (parameters or {}).items()}
    if "gamma" in given:
        raise InputError("gamma is what is computed: leave it out")
    incomplete = len(given) + 1 < len(method.parameters)
    found = _theorems(method, links, workers, dim, mu, given) if theorems or incomplete else []
    numbers = _complete(method, given, found)
    known: dict[tuple[float, ...], tuple[float, float | None, float | None]] = {}

    def at(others: Mapping[str, float]) -> tuple[float, float | None, float | None]:
        key = tuple(others[name] for name in method.parameters if name != "gamma")
        if key not in known:
            known[key] = _largest(method, links, workers, dim, others)
        return known[key]

    step, formula, radius = at(numbers)
    steps = []
    for name, chosen, reason in found if theorems else []:
        if chosen is None:
            steps.append(TheoremStep(name, None, None, reason))
            continue
        limit = at(chosen)[0]
        gamma = chosen["gamma"]
        bounded = {"G", "G_l1"} & {*THEOREMS[name].requires, *THEOREMS[name].bound_requires}
        steps.append(TheoremStep(name, gamma, gamma / limit if limit > 0 else math.inf, BOUNDED if bounded else ""))
    return Frontier(
        method.name, links[0].spec, links[1].spec, workers, dim, mu, numbers, step, formula, radius, tuple(steps)
    )


def _theorems(
    method: Method, links: tuple[Compressor, Compressor], workers: int, dim: int, mu: float, given: Mapping[str, float]
) -> list[tuple[str, dict[str, float] | None, str]]:
    """The parameters that every theorem of the method chooses for L = 1, or why it chooses none."""
    constants = Constants(
        n=workers, dim=dim, L=1.0, L_max=1.0, L_tilde=1.0, L_sample=1.0, mu=mu, mu_min=mu, pl=mu, sigma_sq=0.0,
        sigma_star_sq=0.0, zeta_sq=0.0, zeta_star_sq=0.0, quadratic=True,
    )  # fmt: skip
    up, down = (None if link.name == "identity" else link for link in links)
    out: list[tuple[str, dict[str, float] | None, str]] = []
    for theorem in THEOREMS.values():
        if theorem.method != method.name:
            continue
        foreign = [name for name in given if name not in theorem.parameters]
        if foreign:
            out.append((theorem.name, None, f"{theorem.name} has no parameter {foreign[0]}"))
            continue
        sure = theorem.guarantee(constants, up, down, None, None, **given)
        out.append((theorem.name, dict(sure.parameters), "") if sure else (theorem.name, None, sure.reason))
    return out


def _complete(
    method: Method, given: Mapping[str, float], found: list[tuple[str, dict[str, float] | None, str]]
) -> dict[str, float]:
    """All parameters but gamma."""
    chosen = next((chosen for _, chosen, _ in found if chosen is not None), {})
    everything = method.check({"gamma": 1.0, **{k: v for k, v in chosen.items() if k != "gamma"}, **given})
    return {name: value for name, value in everything.items() if name != "gamma"}


def _largest(
    method: Method, links: tuple[Compressor, Compressor], workers: int, dim: int, others: Mapping[str, float]
) -> tuple[float, float | None, float | None]:
    """The frontier, by formula where there is one, and both ways of getting it."""
    numbers = {name: value for name, value in others.items() if name != "gamma"}
    formula = None
    if method.name in FORMULAS and _plain(coins(links[1], dim, 1, [0])):
        formula = FORMULAS[method.name](coins(links[0], dim, workers, [0]), workers, numbers)
    radius = None
    if workers <= (MOST_WORKERS if formula is None else CHECKED):
        radius = _by_radius(method, links, workers, dim, numbers)
    elif formula is None:
        raise InputError(
            f"workers = {workers}: without a formula for {method.name} with {links[0].spec} the spectral radius takes "
            f"too long; give at most {MOST_WORKERS}"
        )
    return (formula if formula is not None else radius or 0.0), formula, radius


def _by_radius(
    method: Method, links: tuple[Compressor, Compressor], workers: int, dim: int, numbers: Mapping[str, float]
) -> float:
    """The smallest step beyond which second moments grow."""
    problem = build_problem(f"quadratic:dim=1,mu=1,L=1,heterogeneity={int(workers > 1)}", workers=workers)

    def excess(step: float) -> float:
        exact = Recursion(method, problem, *links, parameters={"gamma": step, **numbers}, coin_dim=dim)
        return math.log(max(exact.growth(), 1e-300))

    low = 2.0**-6
    while not excess(low) < -ROUNDING:
        low /= 4
        if low < SMALLEST:
            return 0.0
    high = low
    while excess(high) < -ROUNDING:
        low, high = high, 1.25 * high
        if high > LARGEST:
            return math.inf
    return float(brentq(excess, low, high, xtol=1e-13 * high, rtol=1e-13))


# -------------------------------------------------------------------------------------------------------- formulas

#: From the coins of one coordinate of all messages, the number of workers and the method's numbers to the frontier.
Formula = Callable[[Coins, int, Mapping[str, float]], float | None]


def _plain(c: Coins) -> bool:
    return c.fixed is not None and bool(np.all(c.fixed == np.eye(len(c.fixed))))


def _second(c: Coins) -> np.ndarray:
    return np.outer(c.mean, c.mean) if c.fixed is not None else c.second


def memoryless(c: Coins, n: int, numbers: Mapping[str, float]) -> float:
    """2 E M/E M^2 with M the average of the workers' masks; 2 without compression."""
    return float(2 * c.mean.mean() / _second(c).mean())


def kept(c: Coins) -> tuple[float, float] | None:
    """(p, a) of messages that are a times the coordinate with probability p, else 0, independently; None for others."""
    mean, second = c.mean, _second(c)
    n = mean.size
    square, p = second[0, 0], mean[0] ** 2 / second[0, 0]
    apart = second[~np.eye(n, dtype=bool)]
    if not (np.all(mean == mean[0]) and np.allclose(apart, mean[0] ** 2, rtol=1e-12)):
        return None
    return float(p), float(square / mean[0])


def contraction(c: Coins, n: int, numbers: Mapping[str, float]) -> float | None:
    """Error feedback and EF21 with entries that are kept as they are: 2 n p (2 - p)/(n p^2 + 4 (1 - p))."""
    found = kept(c)
    if found is None or not math.isclose(found[1], 1.0):
        return None
    p = found[0]
    return 2 * n * p * (2 - p) / (n * p * p + 4 * (1 - p))


def diana(c: Coins, n: int, numbers: Mapping[str, float]) -> float | None:
    """DIANA with alpha = p and entries divided by p: the smallest positive root of a quadratic."""
    found = kept(c)
    if found is None or not math.isclose(c.mean[0], 1.0):
        return None
    p = found[0]
    if not math.isclose(numbers["alpha"], p, rel_tol=1e-9):
        return None
    return _least_root((1 - p) * (n * p + 2 * (1 - p)), p * (3 * n * p - 2 * n + 4 * (1 - p)), -2 * n * p * p)


def marina(c: Coins, n: int, numbers: Mapping[str, float]) -> float | None:
    """MARINA with the coin q and unbiased messages: the positive root of a quadratic."""
    found = kept(c)
    if found is None or not math.isclose(c.mean[0], 1.0):
        return None
    q, omega = numbers["p"], 1 / found[0] - 1
    return _least_root((1 - q) * (n + 2 * omega), n * (3 * q - 2), -2 * n * q)


def _least_root(a: float, b: float, c: float) -> float:
    """The smallest positive root of a z^2 + b z + c."""
    if abs(a) < 1e-14:
        return -c / b
    return float(min(root.real for root in np.roots([a, b, c]) if abs(root.imag) < 1e-12 and root.real > 0))


FORMULAS: dict[str, Formula] = {
    "sgd": memoryless,
    "qsgd": memoryless,
    "q-gd": memoryless,
    "d-qgd": memoryless,
    "compressed-gd": memoryless,
    "error-feedback": contraction,
    "ef21": contraction,
    "diana": diana,
    "marina": marina,
}


#: Where theorems' steps are compared with the largest stable ones: links that keep the vector with probability `KEPT`,
#: divided by it (unbiased) or not (contractive), and numbers of workers.
KEPT, FEW_WORKERS = 0.25, (1, 4)
LINKS = (f"bernoulli:p={KEPT}", f"scaled:of=bernoulli/p={KEPT}")


@cache
def granted(name: str) -> Mapping[str, float]:
    """How much of the largest stable step each theorem of a method grants; the largest share over `LINKS` and workers.

    Empty for a method whose second moments do not close; theorems that give no step there are left out.

    Examples
    --------
    >>> {theorem: round(share, 3) for theorem, share in granted("qsgd-two-way").items()}
    {'qsgd.nonconvex-two-way': 0.5}
    """
    found: dict[str, float] = {}
    for link, n in product(LINKS, FEW_WORKERS):
        try:
            answer = frontier(name, link, link if build_method(name).two_way else "identity", workers=n)
        except (NotClosed, InputError):
            continue
        for step in answer.theorems:
            if step.ratio is not None and not step.reason and answer.step > 0:
                found[step.theorem] = max(step.ratio, found.get(step.theorem, 0.0))
    return found


def granted_words(theorem: str, method: str) -> str:
    """What `granted` says of a theorem, in a sentence; empty if it says nothing."""
    share = granted(method).get(theorem)
    if share is None:
        return ""
    return (
        f"its step is {share:.3g} times the largest one that is stable in the mean square (exact, on quadratics with "
        f"mu = "
        f"{MU:g} L; links that keep a vector with probability {KEPT:g}, {' or '.join(map(str, FEW_WORKERS))} workers)"
    )
