"""Certify a compressor: does it do what its constants claim?

Every claim is put to the test on vectors chosen to expose a wrong compressor, the worst one found by a search
among them. What is random is judged by confidence limits that hold simultaneously over the whole certificate;
what holds for every coin is checked for every sample.

The limits are empirical Bernstein limits (Maurer and Pontil 2009, arXiv 0907.3740). The entries of the usual
compressors are independent or negatively associated, so that a sum over entries and samples is a sum of terms as
large as one entry; where one coin decides about many entries, a term is as large as the whole vector. How large one
entry (or C(x)) can be, relative to the largest of x (or x), is read off messages of all vectors: rare events that no
sample of one vector met are thereby allowed for, which a normal limit would not do.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ..common.door import checked
from ..common.errors import InputError
from ..common.jsonable import plain
from ..common.limits import require_memory, require_time
from ..common.options import integer, number
from ..problems import Problem
from ..solvers.compressors import (
    Origin,
    decode,
    encode,
    entropy_bits,
    formula_bits,
    has_codec,
    has_entropy,
    has_kernel_bits,
    kernel,
)
from ..solvers.context import context
from ..theory.compressors import MAX_DIM, VALUE_TRUNCATION, Blockwise, Compressor, compressor
from ..theory.compressors.base import beside
from .certify_problem import ProblemCertification, certify_problem

Floats = NDArray[np.float64]

ROUNDING = 1e-9
"""Relative tolerance of comparisons that hold exactly but for rounding."""
WIRE_ROUNDING = 4 * VALUE_TRUNCATION
"""What values rounded to the wire may be off, relative to the largest."""
FINITE = "C(x) is finite"
TIE = "threshold"
"""How the vectors on the compressor's own thresholds are called."""
POWERS = (-950, -540, 540, 950)
"""Powers of two that the whole range of doubles is tried with: squares vanish or overflow from 2^-538, 2^512 on."""
TERMS = 2_000_000
"""Entries of the messages held at a time."""
VECTORS_AT_ONCE = 24
"""A dozen awkward vectors, and what is made of one of them."""


@dataclass(frozen=True)
class Check:
    """One row of a certificate.

    Attributes
    ----------
    vector, check
        What was compressed, and what is claimed about it.
    measured, low, high
        The measured value and its confidence limits (equal to it when nothing is random).
    limit
        What the claim allows; the variance at x is held against it from both sides.
    verdict
        "holds" or "violated"; "not given" where the compressor does not say what would be checked.
    """

    vector: str
    check: str
    measured: float
    low: float
    high: float
    limit: float
    verdict: str


@dataclass(frozen=True)
class Certification:
    """The outcome for one compressor.

    Attributes
    ----------
    claims
        The worst-case constants put to the test: omega, delta, eps; gamma and beta of a correlated compressor.
    worst
        The largest error at a single vector that the search found, and its share of the worst-case constant.
    bits
        The three meters of a message of a gaussian vector, means over a few: formula, encoded, entropy.
    samples
        Messages per vector.
    verdict
        "violated" when a row is, else "holds".
    """

    spec: str
    dim: int
    verdict: str
    alpha: float
    samples: int
    seed: int
    claims: dict[str, float]
    worst: dict[str, float]
    bits: dict[str, float]
    seconds: float
    rows: list[Check] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The certificate as plain data for JSON; a number that is not finite becomes None."""
        return plain(asdict(self))


def bernstein(mean: float, variance: float, largest: float, samples: int, alpha: float) -> float:
    """Half-width of a one-sided limit for a mean; `largest` bounds one term of one sample."""
    if samples < 2:
        return 0.0
    log = math.log(2 / alpha)
    return math.sqrt(2 * variance * log / samples) + 7 * largest * log / (3 * (samples - 1))


class Certifier:
    """Collects the rows of one certificate."""

    def __init__(self, comp: Compressor, dim: int, samples: int, alpha: float, rng: np.random.Generator) -> None:
        self.comp, self.dim, self.rng = comp, dim, rng
        self.compress, self.params, self.states = kernel(comp, dim)
        self.ctx = context()
        self.samples = samples if comp.draws(dim) else 1
        self.alpha = alpha
        self.unbiased, self.contractive, self.absolute, self.correlated = (
            comp.unbiased(dim),
            comp.contractive(dim),
            comp.absolute(dim),
            comp.correlated(dim),
        )
        self.relative = any(promise is not None for promise in (self.unbiased, self.contractive, self.correlated))
        """Whether the error vanishes with the vector: where it is absolute only, nothing is said of C(0)."""
        self.rows: list[Check] = []
        self.stretch = 0.0

    def explore(self, vectors: list[Floats]) -> None:
        """Read off messages of all vectors how large a term of C(x) gets, relative to that of x."""
        self.stretch = 1 / (self.comp.keep_probability(self.dim) or math.inf)
        for x in vectors:
            out, *_ = self.messages(x, min(self.samples, 32))
            if np.all(np.isfinite(out)) and np.any(x):
                self.stretch = max(self.stretch, self.term(out) / self.term(x))

    def term(self, vectors: Floats) -> float:
        """The largest entry; the longest vector where one coin decides about many entries."""
        if self.comp.together:
            return float(np.sqrt(np.square(vectors).sum(axis=-1).max()))
        return float(np.abs(vectors).max())

    def add(self, vector: str, check: str, measured: float, width: float, limit: float, holds: bool) -> None:
        """Add a row; a measured value that is not finite never holds."""
        verdict = "holds" if holds and math.isfinite(measured) else "violated"
        self.rows.append(Check(vector, check, measured, measured - width, measured + width, limit, verdict))

    def not_given(self, check: str) -> None:
        """Say that the compressor brings nothing that could be checked."""
        self.rows.append(Check("any", check, math.nan, math.nan, math.nan, math.nan, "not given"))

    def messages(self, x: Floats, count: int) -> tuple[Floats, Floats, Floats, Floats]:
        """`count` messages of x, the bits that the kernel counts for each, the uniforms used, the states left."""
        coins = self.rng.integers(0, 2**32, (count, self.comp.draws(self.dim)))
        u = np.multiply(coins + 0.5, 2.0**-32, dtype=np.float64)
        repeated, out, bits = (
            np.tile(x, (count, 1)),
            np.full((count, self.dim), np.nan),
            np.full(count, np.nan),
        )
        states = np.zeros((count, self.states))
        self.compress(repeated, u, self.ctx, self.params, states, out, bits)
        return out, bits, u, states

    def errors(self, name: str, x: Floats, power: int = 0) -> None:
        """Check what is claimed about C(y) - y at y = 2^power x, everything divided by 2^power."""
        square = float(x @ x)
        direction = np.zeros(self.dim)
        squared, along, aligned = np.empty(self.samples), np.empty(self.samples), np.empty(self.samples)
        largest_entry = self.stretch * self.term(x)
        longest = 0.0
        inward = math.inf
        half = (self.samples + 1) // 2
        at = 0
        while at < self.samples:
            count = min(max(1, TERMS // self.dim), (half if at < half else self.samples) - at)
            out, *_ = self.messages(np.ldexp(x, power), count)
            if not np.all(np.isfinite(out)):
                self.add(name, FINITE, math.nan, 0.0, 0.0, False)
                return
            out = np.ldexp(out, -power)
            error = out - x
            squared[at : at + count] = np.einsum("ij,ij->i", error, error)
            if at < half:
                direction += error.sum(axis=0)
                if at + count == half and (norm := float(np.linalg.norm(direction))) > 0:
                    direction /= norm
            else:
                along[at : at + count] = error @ direction
            aligned[at : at + count] = error @ x
            largest_entry = max(largest_entry, self.term(error))
            length = np.einsum("ij,ij->i", out, out)
            longest = max(longest, float(length.max()))
            inward = min(inward, float((np.einsum("ij,j->i", out, x) - length).min()))
            at += count

        if square == 0:
            if self.relative or self.absolute is None:
                self.add(name, "C(0) = 0", longest, 0.0, 0.0, longest == 0)
            else:
                eps = self.absolute.eps
                self.add(name, "||C(x)-x|| <= eps", math.sqrt(longest), 0.0, eps, longest <= eps**2 * (1 + ROUNDING))
            return
        relative = squared / square
        mean = float(relative.mean())
        width = bernstein(mean, float(relative.var()), largest_entry**2 / square, self.samples, self.alpha)
        slack = ROUNDING * max(1.0, mean)
        if self.unbiased is not None:
            self.bias(name, "bias along x", aligned, x, largest_entry)
            self.bias(name, "bias learned from half the samples", along[half:], direction, largest_entry)
            omega = self.unbiased.omega
            self.add(name, "E||C(x)-x||^2 <= omega ||x||^2", mean, width, omega, mean - width <= omega + slack)
        if self.contractive is not None:
            limit = 1 - self.contractive.delta
            self.add(name, "E||C(x)-x||^2 <= (1-delta) ||x||^2", mean, width, limit, mean - width <= limit + slack)
            if self.contractive.nonexpansive:
                ratio = longest / square
                self.add(name, "||C(x)|| <= ||x||", ratio, 0.0, 1.0, ratio <= 1 + ROUNDING)
            if self.contractive.orthogonal:
                share = inward / square
                self.add(name, "<C(x), x - C(x)> >= 0", share, 0.0, 0.0, share >= -ROUNDING)
            if self.contractive.keeps and np.any(x):
                self.keeps(name, x, out)
        if self.correlated is not None:
            # These compressors are deterministic: every message is as good as the mean.
            products = (out @ x) / square
            gamma, share = self.correlated.gamma, float((np.einsum("ij,ij->i", out, out) / square / products).max())
            least = float(products.min())
            self.add(name, "<C(x), x> >= gamma ||x||^2", least, 0.0, gamma, least >= gamma * (1 - ROUNDING))
            limit = self.correlated.beta
            self.add(name, "||C(x)||^2 <= beta <C(x), x>", share, 0.0, limit, share <= limit * (1 + ROUNDING))
        if self.absolute is not None:
            size = math.sqrt(squared.max())
            limit = float(np.ldexp(self.absolute.eps, -power))
            self.add(name, "||C(x)-x|| <= eps", size, 0.0, limit, size <= limit * (1 + ROUNDING))
        # On a threshold the kernel and the statement may decide differently, by a rounding.
        if not name.startswith(TIE) and (exact := pointwise(self.comp, np.ldexp(x, power))) is not None:
            held = abs(mean - exact) <= width + slack
            self.add(name, "E||C(x)-x||^2 as stated at x", mean, width, exact, held)

    def keeps(self, name: str, x: Floats, out: Floats) -> None:
        """Check what a message is said to be: random entries, the largest ones, or projections block by block."""
        promise = self.contractive
        assert promise is not None
        kept = out != 0
        if promise.keeps == "projection":
            whole = np.arange(float(self.dim))
            parts = self.comp.split(whole) if isinstance(self.comp, Blockwise) else [whole]
            places = [part.astype(int) for part in parts]
            left = np.array([[float(row[p] @ (x[p] - row[p])) for p in places] for row in out])
            sizes = np.array([float(x[p] @ x[p]) or 1.0 for p in places])
            far = float(np.abs(left / sizes).max())
            self.add(name, "<C(x), x - C(x)> = 0 in every block", far, 0.0, 0.0, far <= WIRE_ROUNDING)
            return
        changed = float(np.abs(np.where(kept, out - x, 0.0)).max() / np.abs(x).max())
        self.add(name, "entries as they are, or none", changed, 0.0, 0.0, changed <= WIRE_ROUNDING)
        if promise.keeps == "largest":
            share = float((np.abs(out).sum(axis=1) / np.abs(x).sum()).min())
            self.add(
                name, "the entries' share of ||x||_1", share, 0.0, promise.delta, share >= promise.delta - WIRE_ROUNDING
            )
        elif np.all(x != 0):
            often = kept.mean(axis=0)
            tossed = self.comp.draws(self.dim) > 0
            width = math.sqrt(math.log(2 * self.dim / self.alpha) / (2 * len(out))) if tossed else 0.0
            apart = float(np.abs(often - promise.delta).max())
            self.add(name, "how often an entry is kept, less delta", apart, width, 0.0, apart <= width)

    def bias(self, name: str, check: str, products: Floats, direction: Floats, largest: float) -> None:
        """Check that the mean of <C(x)-x, direction> is zero, from both sides."""
        if products.size == 0:
            return
        norm = float(np.linalg.norm(direction)) or 1.0
        values = products / norm
        term = largest * self.term(direction) / norm
        mean = float(values.mean())
        width = bernstein(mean, float(values.var()), term, values.size, self.alpha / 2)
        self.add(name, check, mean, width, 0.0, abs(mean) <= width + ROUNDING * largest)

    def wire(self, name: str, x: Floats, count: int) -> dict[str, float]:
        """Check that the bytes carry the message and that the kernel counts their length."""
        out, counted, u, states = self.messages(x, count)
        if not np.all(np.isfinite(out)):
            self.add(name, FINITE, math.nan, 0.0, 0.0, False)
            return {}
        if not has_codec(self.comp):
            return {}
        carried, charged = True, 0.0
        sizes: list[float] = []
        entropies: list[float] = []
        for message, bits, coins, state in zip(out, counted, u, states, strict=True):
            try:
                origin = Origin(x, coins, state, self.ctx)
                data = encode(self.comp, message, origin=origin)
                received = decode(self.comp, data, self.dim, coins)
                sizes.append(8.0 * len(data))
                if has_entropy(self.comp):
                    entropies.append(entropy_bits(self.comp, message, origin))
            except InputError:
                self.add(name, "decode(encode(C(x))) = C(x)", 0.0, 0.0, 1.0, False)
                return {}
            carried = carried and np.array_equal(received.view(np.int64), message.view(np.int64))
            charged = max(charged, abs(float(bits) - sizes[-1]))
        self.add(name, "decode(encode(C(x))) = C(x)", float(carried), 0.0, 1.0, carried)
        self.add(name, "bits counted - bits sent", charged, 0.0, 0.0, charged == 0)
        meters = {"encoded": float(np.mean(sizes))}
        return meters | ({"entropy": float(np.mean(entropies))} if entropies else {})

    def visible(self, x: Floats) -> None:
        """Check that no finite message hides an entry that is not: where a huge one is sent, it must be seen."""
        place, coins = int(np.argmax(np.abs(x))), self.rng.bit_generator.state
        large = x.copy()
        large[place] *= 1e6
        sent = self.messages(large, min(self.samples, 64))[0][:, place] != 0
        for name, entry in (("an infinite entry", math.inf), ("an entry that is not a number", math.nan)):
            broken = x.copy()
            broken[place] = entry
            self.rng.bit_generator.state = coins  # the same uniforms
            out = self.messages(broken, min(self.samples, 64))[0]
            hidden = float(np.count_nonzero(sent & np.isfinite(out).all(axis=1)))
            self.add(name, "no finite message hides it", hidden, 0.0, 0.0, hidden == 0)

    def capacity(self) -> None:
        """Check that no message says more than its bits can: entries with 52 random bits cannot come back
        exactly.

        By counting, B bits return m entries unchanged with probability below 2^(B - 52 m).
        """
        x = (1 + self.rng.integers(0, 2**52, self.dim) * 2.0**-52) * self.rng.choice([-1.0, 1.0], self.dim)
        out, bits, *_ = self.messages(x, 1)
        if math.isnan(bits[0]):
            return
        carried = 52.0 * float(np.count_nonzero(out[0] == x))
        self.add(
            "random digits",
            "bits that must have been sent",
            carried,
            0.0,
            float(bits[0]),
            carried <= bits[0] + 64,
        )


def pointwise(comp: Compressor, x: Floats) -> float | None:
    """The stated relative error at x, if the compressor states it."""
    try:
        return comp.pointwise(x)
    except NotImplementedError:
        return None


def worst_vector(comp: Compressor, dim: int, rng: np.random.Generator, steps: int) -> Floats:
    """Search for the x of largest stated error.

    First among vectors with one entry 1, others t and the rest 0, which hold the worst case of most
    compressors; then by random changes of single entries, kept when the error does not fall.
    """
    sizes = {1, 2, dim, max(1, math.isqrt(dim))} | ({comp.block_size(dim)} if isinstance(comp, Blockwise) else set())
    best, error = np.ones(dim), pointwise(comp, np.ones(dim))
    if error is None:
        return best
    for size in sorted(sizes):
        for t in np.concatenate([np.geomspace(1e-4, 1, 60), [1 / (1 + math.sqrt(size))]]):
            x = np.zeros(dim)
            x[:size] = t
            x[0] = 1.0
            if (found := comp.pointwise(x)) > error:
                best, error = x, found
    for _ in range(steps):
        x = best.copy()
        j = rng.integers(dim)
        x[j] = x[j] * math.exp(rng.normal()) if x[j] else rng.random() * float(np.abs(x).max())
        if (found := comp.pointwise(x)) >= error:
            best, error = x, found
    return best


@overload
def certify(spec: Problem, dim: None = None, seed: int = 0, *, points: int = 12) -> ProblemCertification: ...


@overload
def certify(
    spec: str | Compressor, dim: int, seed: int = 0, alpha: float = 1e-3, budget: float = 2.5e7
) -> Certification: ...


@checked
def certify(
    spec: str | Compressor | Problem,
    dim: int | None = None,
    seed: int = 0,
    alpha: float = 1e-3,
    budget: float = 2.5e7,
    *,
    points: int = 12,
) -> Certification | ProblemCertification:
    """Put every claim of a compressor, or of a problem, to the test.

    A compressor: bias (along x and along a direction learned from half of the samples), variance (against the worst
    case and against the exact value at x), contraction, absolute error, zero vector, one coordinate, codec and meters,
    on vectors of `dim` coordinates. A problem: its gradient against its value, its kernels, smoothness, convexity, PL,
    minimum, dissimilarity, mean and variance of sampled gradients (`certify_problem`).

    Parameters
    ----------
    spec
        A compressor's text form, a compressor (your own, for instance), or a problem.
    dim
        Of a compressor: the length of the vectors.
    seed
        Of the uniforms and the vectors or points.
    alpha
        Probability that a right compressor is called "violated".
    budget
        Entries compressed in all; it sets the samples per vector, between 32 and 20000.
    points
        Of a problem: random points from which the searches start.

    Raises
    ------
    InputError
        Unknown compressor, or one that does not work on `dim` coordinates; a compressor without `dim`.
    """
    seed = integer("seed", seed, 0, 2**32 - 1)
    if not 0 < alpha < 1:
        raise InputError(f"alpha = {alpha} is not an error probability; it must lie in (0, 1)")
    number("budget", budget, strict=True)
    if isinstance(spec, Problem):
        if dim is not None:
            raise InputError(f"dim={dim} is for compressors; a problem knows its own, {spec.dim}")
        return certify_problem(spec, points=integer("points", points), seed=seed)
    if dim is None:
        raise InputError("a compressor is tested on vectors of one length: give dim")
    return _certify(spec, dim, seed, alpha, budget)


def _certify(spec: str | Compressor, dim: int, seed: int, alpha: float, budget: float) -> Certification:
    """Certify a compressor."""
    started = time.perf_counter()
    dim = integer("dim", dim, 1, MAX_DIM)
    require_memory(VECTORS_AT_ONCE * float(dim), f"the vectors of {dim} coordinates on which a compressor is tested")
    comp = compressor(spec)
    comp.check(dim)
    most = int(np.clip(budget / (VECTORS_AT_ONCE * dim), 32, 20_000))
    require_time(
        float(most) * VECTORS_AT_ONCE,
        comp.work(dim),
        f"{most} messages of {comp.spec} for each of about {VECTORS_AT_ONCE} vectors of {dim} coordinates",
    )
    rng = np.random.Generator(np.random.PCG64(seed))
    gaussian = rng.standard_normal(dim)
    sparse = np.where(rng.permutation(dim) < max(1, dim // 20), gaussian, 0.0)
    single = np.where(np.arange(dim) == dim // 2, 1e3 * np.sqrt(dim), gaussian)
    searched = worst_vector(comp, dim, rng, steps=min(400, int(2e6 / dim)))
    vectors = {
        "gaussian": gaussian,
        "sparse": sparse,
        "one large entry": single,
        "one entry": np.where(np.arange(dim) == dim - 1, -2.0, 0.0),
        "all equal": np.full(dim, -0.7),
        "geometric": np.exp(-np.arange(dim) * min(1.0, 30.0 / dim)),
        "ties": beside(2.0 ** (np.arange(dim) % 3))[1],
        "worst found": searched,
        "zero": np.zeros(dim),
    } | {f"{TIE} {i}": x for i, x in enumerate(comp.ties(dim), 1)}
    samples = int(np.clip(budget / (len(vectors) * dim), 32, 20_000))
    tests = 5 * (len(vectors) + len(POWERS) + 2)  # most limits of one vector, and the vectors of one coordinate
    main = Certifier(comp, dim, samples, alpha / tests, rng)
    main.explore(list(vectors.values()))
    for name, x in vectors.items():
        main.errors(name, x)
    for power in POWERS if main.relative or main.absolute is None else (p for p in POWERS if p > 0):
        main.errors(f"gaussian times 2^{power}", gaussian, power)
    main.visible(gaussian)
    bits = {"formula": formula} if (formula := formula_bits(comp, dim)) is not None else {}
    count = 3 if dim <= 100_000 else 1
    for name, x in {**vectors, **{f"gaussian times 2^{p}": np.ldexp(gaussian, p) for p in POWERS}}.items():
        many = 20 * count if name.startswith((TIE, "gaussian")) else count
        meters = main.wire(name, x, many if comp.draws(dim) else 1)
        bits |= meters if name == "gaussian" else {}
    if not has_codec(comp):
        main.not_given("decode(encode(C(x))) = C(x)")
    if not has_kernel_bits(comp):
        main.not_given("bits counted - bits sent")
    main.capacity()
    if dim > 1:
        try:
            comp.check(1)
        except InputError:
            pass
        else:
            tiny = Certifier(comp, 1, min(samples, 2000), alpha / tests, rng)
            tiny.explore([np.array([-3.0])])
            for name, entry in (("one coordinate", -3.0), ("one coordinate, zero", 0.0)):
                tiny.errors(name, np.array([entry]))
                tiny.wire(name, np.array([entry]), 1)
            main.rows += tiny.rows
    claims, worst = {}, {}
    if main.unbiased is not None:
        claims["omega"] = main.unbiased.omega
    if main.contractive is not None:
        claims["delta"] = main.contractive.delta
    if main.absolute is not None:
        claims["eps"] = main.absolute.eps
    if main.correlated is not None:
        claims |= {"gamma": main.correlated.gamma, "beta": main.correlated.beta}
    if (error := pointwise(comp, searched)) is not None:
        worst["error"] = error
        limits = ([main.unbiased.omega] if main.unbiased else []) + (
            [1 - main.contractive.delta] if main.contractive else []
        )
        for limit in limits:
            main.add(
                "worst found",
                "stated error within the worst case",
                error,
                0.0,
                limit,
                error <= limit + ROUNDING * max(1, limit),
            )
        if limits and min(limits) > 0:
            worst["share"] = error / min(limits)
    if not claims:
        main.not_given("a constant that a theorem could use")
    verdict = "violated" if any(row.verdict == "violated" for row in main.rows) else "holds"
    seconds = time.perf_counter() - started
    return Certification(comp.spec, dim, verdict, alpha, main.samples, seed, claims, worst, bits, seconds, main.rows)
