"""What the literature states about single compressors: identities, worst cases, constructions, exact moments."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import njit
from scipy.optimize import brentq

from support.compressor_table import ALL, coins, compress, grid, squares, works
from support.pseudocode import agrees
from tersegrad.common.specs import nested, unnested
from tersegrad.problems import problem as build
from tersegrad.solvers import simulate
from tersegrad.solvers.compressors import Origin, encode, kernel
from tersegrad.solvers.compressors.permk import places
from tersegrad.solvers.context import context
from tersegrad.solvers.signatures import COMPRESS, OPTIONS
from tersegrad.theory import InputError, compressor
from tersegrad.theory.compressors import (
    SCALE_TRUNCATION,
    VALUE_TRUNCATION,
    Compressor,
    Contractive,
    Correlated,
    General,
    PermK,
    Repeated,
    Sparsifier,
    TopK,
)

close = pytest.approx


@njit(COMPRESS, **OPTIONS)
def half_kernel(x, u, ctx, params, state, out, bits):
    for r in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[r, j] = 0.5 * x[r, j]
        bits[r] = 64.0 * x.shape[1]


class Half(Compressor):
    """A compressor of one's own."""

    name = "half"

    def contractive(self, dim: int) -> Contractive:
        return Contractive(0.75)

    def kernel(self, dim: int):
        return half_kernel, np.zeros(0), 0


# --- constants


def test_constants_of_the_published_rows():
    assert compressor("randomblock:blocks=8").contractive(100).delta == close(1 / 8, rel=1e-11)
    assert compressor("randomblock:blocks=8,scaled=1").unbiased(100).omega == close(7, rel=1e-11)
    assert compressor("bernoulli:p=0.25").unbiased(9).omega == close(3, rel=1e-11)
    assert compressor("permk:workers=5").unbiased(20).omega == close(4, rel=1e-11)
    assert compressor("natural").unbiased(7).omega == 1 / 8
    assert compressor("sparsifier:k=4").unbiased(20).omega == close(4, rel=1e-11)
    assert compressor("rankr:rank=2").contractive(100).delta == close(2 / 10, rel=1e-9)
    assert compressor("rankr:rank=2,rows=4").contractive(100).delta == close(2 / 4, rel=1e-9)
    assert compressor("adversary:delta=0.3").contractive(6).delta == 0.3
    assert compressor("dynamic").correlated(99).beta == 10
    assert compressor("induced:first=topk/k=5,second=randk/k=5").unbiased(50).omega == close(0.9 * 9, rel=1e-11)
    assert compressor("composed:first=randk/k=5,second=natural").unbiased(50).omega == close(
        9 * 9 / 8 + 1 / 8, rel=1e-9
    )
    assert compressor("composed:first=randk/k=5,second=bernoulli").unbiased(50).omega == close(9 + 1 + 9, rel=1e-9)
    assert compressor("composed:first=topk/k=5,second=natural").contractive(50).delta == close(0.1 * 7 / 8, rel=1e-9)
    assert compressor("scaled:of=randk/k=5").contractive(50).delta == close(0.1, rel=1e-9)
    assert compressor("scaled:of=dynamic").contractive(81).delta == close(1 / 9, rel=1e-6)
    assert compressor("repeated:of=topk/k=5,times=3").contractive(50).delta == close(1 - 0.9**3, rel=1e-9)
    assert compressor("repeated:of=natural,times=3").unbiased(50).omega == 8.0**-3


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("levels", [1, 2, 5, 9])
@pytest.mark.parametrize("dim", [1, 2, 5, 100, 3000])
def test_sharper_natural_dithering_constant_is_below_the_published_one(norm, levels, dim):
    a = dim ** (1 / {"l1": 1, "l2": 2, "linf": 2}[norm]) * 2.0 ** (1 - levels)
    ours = compressor(f"natural-dithering:levels={levels},norm={norm}").unbiased(dim).omega
    assert ours <= (1 / 8 + a * min(1, a)) * (1 + 1e-12)


@pytest.mark.parametrize("bits", [0, 1, 5, 20])
def test_sharper_clipping_constant_is_above_the_published_one(bits):
    assert compressor(f"clip:bits={bits}").contractive(3).delta >= 1 - 4.0**-bits


@given(st.floats(0, 0.99), st.floats(0, 20))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_scaling_of_a_general_compressor_is_the_best_one(eta, omega):
    def delta(factor: float) -> float:
        return 1 - (1 - factor + factor * eta) ** 2 - factor**2 * omega

    claim = General(eta, omega)
    assert claim.scaled().delta == close(delta(claim.scaling()), rel=1e-9)
    assert all(delta(factor) <= claim.scaled().delta + 1e-12 for factor in np.linspace(0.001, 1, 200))
    assert General(0.0, omega).scaled().delta == close(1 / (1 + omega))


# --- worst cases that are attained


@pytest.mark.parametrize(
    ("spec", "x"),
    [
        ("natural", np.array([4 / 3, -8 / 3, 0.0])),
        ("bernoulli:p=0.2", np.arange(1.0, 6.0)),
        ("randomblock:blocks=3,scaled=1", np.arange(1.0, 9.0)),
        ("permk:workers=3", np.arange(1.0, 9.0)),
        ("sparsifier:k=3", -np.ones(12)),
        ("natural-dithering:levels=1", np.ones(64)),
        ("natural-dithering:levels=2,norm=l1", np.ones(16)),
        ("multilevel:k=3", np.ones(12)),
        ("multilevel:k=3", -np.ones(14)),
        ("multilevel:k=20", np.arange(1.0, 21.0)),
        ("participation:of=identity,p=0.2", np.arange(1.0, 6.0)),
        ("participation:of=ternary/norm=l2,p=0.2", np.ones(9)),
    ],
)
def test_worst_variance_is_attained(spec, x):
    comp = compressor(spec)
    assert comp.pointwise(x) == close(comp.unbiased(x.size).omega, rel=1e-9)


@pytest.mark.parametrize(
    ("spec", "x"),
    [
        ("randomblock:blocks=3", np.arange(1.0, 9.0)),
        ("clip:bits=3", np.full(4, 1.125 * (1 - 2.0**-52))),
        ("clip:bits=0", np.full(4, 2 - 2.0**-50)),
        ("rankr:rank=2", np.eye(5).ravel()),
        ("adversary:delta=0.3,direction=grow", np.arange(1.0, 6.0)),
        ("participation:of=topk/k=3,p=0.2", np.ones(12)),
        ("participation:of=identity,p=0.2,scaled=0", np.arange(1.0, 6.0)),
    ],
)
def test_worst_contraction_is_attained(spec, x):
    comp = compressor(spec)
    worst = 1 - comp.contractive(x.size).delta
    assert comp.pointwise(x) == close(worst if spec != "clip:bits=0" else (1 / 2) ** 2, rel=1e-9)


# --- moments by enumeration of the coins


@pytest.mark.parametrize(
    ("spec", "x", "size"),
    [
        ("natural", np.array([1.25, -3.0, 0.0, 0.4375, -1.0]), 8),
        ("natural-dithering:levels=3,norm=linf", np.array([1.0, -0.625, 0.3125, 0.125, 0.0]), 8),
        ("natural-dithering:levels=2,norm=l1", np.array([0.5, -0.25, 0.125, 0.125]), 4),
        ("natural-dithering:levels=3", np.array([3.0, -4.0]), 5),
        ("sparsifier:k=3", np.array([4.0, 1.0, -1.0, 1.0, 1.0]), 2),
        ("bernoulli:p=0.25", np.array([1.0, -2.0, 0.5]), 4),
        ("participation:of=identity,p=0.25", np.array([1.0, -2.0, 0.5]), 4),
        ("multilevel:k=1", np.array([1.0, -3.0, 0.0]), 4),
    ],
)
def test_mean_and_variance_by_enumeration(spec, x, size):
    """Coordinates are tossed independently (bernoulli: once): one grid at all coordinates enumerates each of them."""
    u = np.repeat(grid(size)[:, None], compressor(spec).draws(x.size), axis=1)
    out, _ = compress(spec, np.tile(x, (size, 1)), u)
    assert out.mean(axis=0) == close(x, rel=1e-12, abs=1e-12)
    assert squares(out - x).mean() / (x @ x) == close(compressor(spec).pointwise(x), rel=1e-9)


@pytest.mark.parametrize("dim", [6, 7, 3])
def test_random_block_takes_every_block_once_in_three(dim):
    x = np.arange(1.0, dim + 1)
    for scaled in (0, 1):
        spec = f"randomblock:blocks=3,scaled={scaled}"
        u = np.full((3, compressor(spec).draws(dim)), 0.5)
        u[:, 0] = grid(3)
        out, _ = compress(spec, np.tile(x, (3, 1)), u)
        assert np.array_equal(out.sum(axis=0), x * (3 if scaled else 1))
        assert squares(out - x).mean() / (x @ x) == close(compressor(spec).pointwise(x), rel=1e-12)
        assert all(np.ptp(np.flatnonzero(row)) == np.count_nonzero(row) - 1 for row in out)


def perm_k(x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """What every worker (n, d) sends with these uniforms (R, draws): (R, n, d)."""
    n, dim = x.shape
    comp = PermK(n)
    compressed, params, _ = kernel(comp, dim)
    out, bits = np.empty((len(u), n, dim)), np.empty(len(u))
    for i in range(n):
        one = np.empty((len(u), dim))
        ctx = context(0, i, n)
        compressed(np.tile(x[i], (len(u), 1)), u, ctx, params, np.zeros((len(u), 0)), one, bits)
        out[:, i] = one
    return out


@pytest.mark.parametrize("dim", [4, 3])
def test_perm_k_over_all_permutations(dim):
    """The 24 permutations of 4 places: unbiased, omega = n - 1, error of the mean avg||x_i||^2 - ||avg x_i||^2."""
    outcomes = np.array(list(itertools.product(grid(4), grid(3), grid(2))))
    u = np.full((24, PermK(2).draws(dim)), 0.5)
    u[:, [0, 2, 4]] = outcomes
    assert len({tuple(places(row, 2, 2).ravel()) for row in u}) == 24
    x = np.random.default_rng(1).integers(-8, 9, (2, dim)) / 4
    out = perm_k(x, u)
    assert np.array_equal(out.mean(axis=0), x)
    for i in range(2):
        assert squares(out[:, i] - x[i]).mean() == close((x[i] @ x[i]) * (2 - 1))
    mean = x.mean(axis=0)
    assert squares(out.mean(axis=1) - mean).mean() == close(squares(x).mean() - mean @ mean)


def test_perm_k_of_equal_inputs_has_no_error_and_each_coordinate_one_owner():
    x = np.tile(np.random.default_rng(2).integers(-9, 9, 22) / 2 + 0.25, (4, 1))
    u = coins("permk:workers=4", 22, 7)
    out = perm_k(x, u)
    assert np.array_equal(out.mean(axis=1), np.tile(x[0], (7, 1)))
    assert np.all(np.count_nonzero(out, axis=1) == 1)


# --- one by one


def test_multilevel_sends_one_group_of_the_sorted_entries():
    """Levels of 3 among 10 coordinates: messages are s_l/p_l with p_l = ||s_l||/S, as often as p_l says."""
    x = np.array([0.1, -7.0, 3.0, 0.5, -2.0, 6.0, 1.0, -0.3, 4.0, 0.0])
    groups = [[1, 5, 8], [2, 4, 6], [3, 7, 0], [9]]
    norms = np.array([np.linalg.norm(x[group]) for group in groups])
    u = np.random.default_rng(0).random((20_000, 5))
    out, _ = compress("multilevel:k=3", np.tile(x, (20_000, 1)), u)
    edges = np.cumsum(norms) / norms.sum()
    chosen = np.searchsorted(edges, u[:, 0])
    for level in range(3):
        expected = np.zeros(10)
        expected[groups[level]] = x[groups[level]] * norms.sum() / norms[level]
        rows = out[(chosen == level) & (np.abs(u[:, :1] - edges).min(axis=1) > 1e-9)]
        assert len(rows) > 100
        assert rows == close(np.tile(expected, (len(rows), 1)), rel=1e-6)
    assert compressor("multilevel:k=3").pointwise(x) == close(norms.sum() ** 2 / (x @ x) - 1, rel=1e-9)


def test_multilevel_is_cheap_where_sizes_fall_quickly():
    """Sizes 4^-j: each level has a quarter of the norm of the last, so omega(x) = (4/3)^2 (15/16) - 1 < 0.67."""
    x = 4.0 ** -np.arange(20)
    assert compressor("multilevel:k=1").pointwise(x) == close((4 / 3) ** 2 * (15 / 16) - 1, rel=1e-6)
    assert compressor("multilevel:k=1").unbiased(20).omega == close(19)


def test_what_participation_promises():
    """B_p o C: delta' = p delta; divided by p: omega' = (1 + omega)/p - 1."""
    top, dithered = compressor("participation:of=topk/k=3,p=0.25"), compressor("participation:of=ternary,p=0.25")
    assert top.contractive(12).delta == close(0.25 * 0.25)
    assert top.contractive(12).keeps == ""
    assert top.unbiased(12) is None
    assert dithered.unbiased(16).omega == close((1 + 1.5) / 0.25 - 1)
    assert dithered.contractive(16) is None
    assert compressor("participation:of=identity,p=0.25,scaled=0").contractive(4).delta == 0.25
    shared = compressor("participation:of=randk/k=2/seed=shared,p=0.25").unbiased(4)
    assert shared.averaged(10) == shared.omega
    with pytest.raises(InputError, match="of must be unbiased"):
        compressor("participation:of=topk/k=3,p=0.5,scaled=1").check(12)
    bare = compressor("participation:of=ternary,p=0.5,scaled=0")  # in no class but that of bias and variance apart
    assert bare.unbiased(16) is None
    assert bare.contractive(16) is None
    assert bare.general(16).eta == close(0.5)
    assert bare.general(16).omega == close(0.5 * 1.5 + 0.25)
    with pytest.raises(InputError, match="p=0"):
        compressor("participation:of=ternary,p=0")
    with pytest.raises(InputError, match="keeps a memory"):
        compressor("participation:of=powersgd,p=0.5")


def test_a_silent_worker_is_charged_nothing():
    """In a run a worker speaks p of the time, and the meters count that."""
    given = {"parameters": {"gamma": 0.02}, "workers": 5, "rounds": 400, "replicas": 4, "seed": 1}
    always, half = (
        simulate("ef21", "quadratic:dim=12,mu=0.2,L=2", up, **given)
        for up in ("topk:k=3", "participation:of=topk/k=3,p=0.5")
    )
    spoken = half.columns["bits_up_encoded"][:, -1].mean() / always.columns["bits_up_encoded"][:, -1].mean()
    assert spoken == close(0.5, abs=0.03)
    assert half.scalars["bits_up_formula"][-1] == close(0.5 * always.scalars["bits_up_formula"][-1])


def test_natural_compression_sends_powers_of_two():
    x = np.exp(np.random.default_rng(3).uniform(-200, 200, 500)) * np.random.default_rng(4).choice([-1, 1], 500)
    out = compress("natural", x)[0][0]
    assert np.all(np.frexp(np.abs(out))[0] == 0.5)
    ratio = out / x
    assert np.all((ratio > 0.5) & (ratio < 2))


def test_natural_dithering_levels():
    x = np.random.default_rng(5).standard_normal(400)
    out = compress("natural-dithering:levels=4,norm=linf", x)[0][0]
    sizes = np.unique(np.abs(out)) / np.abs(x).max()
    assert sizes == close(np.array([0, 1 / 8, 1 / 4, 1 / 2, 1]), rel=2 * SCALE_TRUNCATION)


@given(st.lists(st.floats(-100, 100).map(lambda v: round(v, 2)), min_size=2, max_size=40), st.integers(1, 12))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_the_sparsifier_solves_its_equation(values, k):
    x = np.array(values)
    k = min(k, x.size)
    lam = Sparsifier(k=k).lam(x)
    sizes = np.abs(x[x != 0])
    if sizes.size <= k:
        assert lam == 0
        return
    root = brentq(lambda t: np.minimum(1, sizes / t).sum() - k, 1e-9, sizes.sum() / k * 2, xtol=1e-12)
    # Where all p_j < 1 change together the root is unique; on a plateau (an entry equal to lambda) it is, too.
    assert lam == close(root, rel=1e-6)
    out = compress(f"sparsifier:k={k}", np.tile(x, (3, 1)))[0]
    rare = (out != 0) & (np.abs(out) < np.abs(x) * (1 - 1e-5)) | (np.abs(out) > np.abs(x) * (1 + 1e-5))
    assert np.all(np.abs(out[rare & (out != 0)]) == close(lam, rel=1e-5))


@given(st.integers(0, 10**6))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_other_probabilities_have_less_variance(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(12) ** 3
    p = rng.random(12) ** 2 + 0.01
    p = np.minimum(1, p / p.sum() * 4)
    variance = np.sum(x**2 / p) - x @ x
    assert compressor(f"sparsifier:k={max(4, math.ceil(p.sum()))}").pointwise(x) * (x @ x) <= variance * (1 + 1e-9)


def test_the_sparsifier_sends_k_entries_on_average():
    """sum p_j = k: 4000 messages of at most 60 independent tosses; 5 sigma with sigma^2 <= sum p_j."""
    x = np.random.default_rng(6).standard_normal(60) ** 3
    out, _ = compress("sparsifier:k=9", np.tile(x, (4000, 1)))
    assert abs(np.count_nonzero(out, axis=1).mean() - 9) < 5 * math.sqrt(9 / 4000)


@pytest.mark.parametrize("spec", ["sparsifier:k=3", "sparsifier:k=7"])
def test_a_sparse_vector_is_sent_whole(spec):
    x = np.array([0.0, 4.0, 0.0, -0.25, 0.0, 0.0, 7.0])
    assert np.array_equal(compress(spec, x)[0][0], x)


finite = st.lists(st.floats(-1e3, 1e3).map(lambda v: v if abs(v) > 1e-3 else 0.0), min_size=1, max_size=60).map(
    np.array
)


@given(finite)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_dynamic_quantiser(x):
    """Transcription: add the largest entries until they reach the norm; the three published inequalities."""
    norm, kept, total = np.linalg.norm(x), [], 0.0
    for j in np.argsort(-np.abs(x), kind="stable"):
        if total >= norm * (1 - 2.0**-40):
            break
        kept.append(j)
        total += abs(x[j])
    out = compress("dynamic", x)[0][0]
    assert sorted(np.flatnonzero(out)) == sorted(kept)
    assert np.all(np.sign(out[kept]) == np.sign(x[kept]))
    assert len(kept) <= math.ceil(math.sqrt(x.size))
    assert out @ x >= (1 - 2 * SCALE_TRUNCATION) * (x @ x)
    assert out @ out <= math.ceil(math.sqrt(x.size)) * (x @ x) * (1 + 1e-12)


@given(finite)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_norm_preserving_sign_is_no_contraction_where_the_one_norm_is_short(x):
    assume(np.any(x))
    out, norm = compress("normsign", x)[0][0], np.linalg.norm(x)
    assert np.linalg.norm(out) == close(norm, rel=2 * SCALE_TRUNCATION)
    balance = 2 * np.abs(x).sum() / (math.sqrt(x.size) * norm)
    error = squares((out - x)[None])[0] / norm**2
    assert error == close(2 - balance, abs=8 * SCALE_TRUNCATION)
    if abs(balance - 1) > 8 * SCALE_TRUNCATION:
        assert (error > 1) == (balance < 1)


def test_clipping_is_truncation_of_the_fraction():
    x = np.array([1.9999, -1.3, 0.7, 0.0, -1e-30])
    two_bits = np.ldexp(np.trunc(np.frexp(x)[0] * 8) / 8, np.frexp(x)[1])
    assert np.array_equal(compress("clip:bits=2", x)[0][0], two_bits)
    assert np.array_equal(compress("clip:bits=52", x)[0][0], x)


RANK_R = [
    (f"rankr:rank={rank}" + (f",rows={rows}" if rows else ""), dim)
    for dim, rows in ((60, None), (60, 4), (60, 20), (7, None), (1, None), (53, 53))
    for rank in (1, 2, 3)
]


@pytest.mark.parametrize(("spec", "dim"), [case for case in RANK_R if works(*case)])
def test_rank_r_error_is_that_of_the_other_singular_values(spec, dim):
    rank = compressor(spec).rank
    x = np.random.default_rng(dim).standard_normal(dim)
    m, n = compressor(spec).shape(dim)
    matrix = np.concatenate([x, np.zeros(m * n - dim)]).reshape(m, n)
    tail = np.sum(np.linalg.svd(matrix, compute_uv=False)[rank:] ** 2)
    out = compress(spec, x)[0][0]
    padded = np.concatenate([out, np.zeros(m * n - dim)]).reshape(m, n)
    # Rounding of the factors moves the message by at most 7.1 sqrt(r) 2^-20 ||x||, mostly along itself.
    size = 7.1 * math.sqrt(rank) * VALUE_TRUNCATION
    assert (out - x) @ (out - x) <= tail * (1 + 1e-9) + size**2 * (x @ x)
    assert np.linalg.matrix_rank(padded, tol=1e-9 * np.linalg.norm(x)) <= max(rank, 1) + (dim != m * n)


def stream(matrices: list[np.ndarray], rank: int) -> list[np.ndarray]:
    """The messages of one PowerSGD sender for a stream of m x n matrices, and its state row."""
    m, n = matrices[0].shape
    comp = compressor(f"powersgd:rank={rank},rows={m}")
    compressed, params, size = kernel(comp, m * n)
    state, messages, bits = np.zeros((1, size)), [], np.empty(1)
    for matrix in matrices:
        out = np.empty((1, m * n))
        compressed(matrix.ravel()[None].copy(), np.zeros((1, 0)), context(), params, state, out, bits)
        messages.append(out.reshape(m, n))
    return messages


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_powersgd_is_its_pseudo_code(rank):
    """P = orth(A Q), Q = A^T P, P Q^T; the factors are rounded to 2^-20, here of well-conditioned matrices."""
    rng = np.random.default_rng(rank)
    matrices = [rng.standard_normal((7, 5)) for _ in range(6)]
    q = compressor(f"powersgd:rank={rank},rows=7").start(35)
    for matrix, sent in zip(matrices, stream(matrices, rank), strict=True):
        p = np.linalg.qr(matrix @ q)[0]
        q = matrix.T @ p
        assert np.linalg.norm(sent - p @ q.T) <= 1e-4 * np.linalg.norm(matrix)
        assert np.linalg.norm(sent) <= np.linalg.norm(matrix)
        assert np.sum(sent * (matrix - sent)) >= 0


def test_powersgd_approaches_the_best_approximation_of_a_constant_stream():
    rng = np.random.default_rng(9)
    u, v = (np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(2))
    matrix = u @ np.diag([5.0, 3.0, 1.0, 0.5, 0.2, 0.1]) @ v.T
    errors = [np.linalg.norm(sent - matrix) for sent in stream([matrix] * 12, 2)]
    best = math.sqrt(1.0 + 0.25 + 0.04 + 0.01)
    assert errors[0] > 1.01 * best
    assert errors[-1] == close(best, rel=1e-4)


def test_powersgd_survives_zeros_and_directions_that_vanish():
    matrix = np.outer(np.arange(1.0, 5), [1.0, -1.0, 2.0])
    messages = stream([np.zeros((4, 3)), matrix, 0 * matrix, matrix, np.zeros((4, 3))], 2)
    assert np.all(np.isfinite(messages))
    assert not np.any(messages[0])
    assert not np.any(messages[2])
    assert messages[3] == close(matrix, rel=1e-4)


@pytest.mark.parametrize("dim", [1, 3, 41])
def test_additive_noise_attains_its_error_at_every_vector_and_is_fair(dim):
    x = np.random.default_rng(dim).standard_normal((4000, dim))
    x[0] = 0.0
    out, _ = compress("additive:eps=0.7", x)
    assert squares(out - x) == close(np.full(len(x), 0.49), rel=1e-12)
    assert np.abs((out - x).mean(axis=0)).max() < 6 * 0.7 / math.sqrt(dim * len(x))


@pytest.mark.parametrize("direction", ["shrink", "grow", "orthogonal", "sphere"])
@pytest.mark.parametrize("dim", [2, 3, 8, 41])
@pytest.mark.parametrize("delta", [0.1, 0.5, 1.0])
def test_the_adversary_attains_its_bound(direction, dim, delta):
    x = np.random.default_rng(dim).standard_normal((4, dim))
    x[1, :-1] = 0.0
    out, _ = compress(f"adversary:delta={delta},direction={direction}", x)
    assert squares(out - x) == close((1 - delta) * squares(x), rel=1e-12, abs=1e-12)
    residual = np.einsum("ij,ij->i", out, x - out) / squares(x)
    along = np.einsum("ij,ij->i", out, x) / squares(x)
    r = math.sqrt(1 - delta)
    expected = {"shrink": (1 - r, r * (1 - r)), "grow": (1 + r, -r * (1 + r)), "sphere": (delta, 0.0)}
    assert along == close(expected.get(direction, (1.0, 0.0))[0], abs=1e-12)
    assert residual == close(expected.get(direction, (1.0, delta - 1))[1], abs=1e-12)


# --- compressors made of compressors


def parts(spec: str, dim: int, u: np.ndarray):
    """The parts of a composition, and the uniforms of each in turn."""
    comp, at, found = compressor(spec), 0, []
    for part in comp.parts * (comp.times if isinstance(comp, Repeated) else 1):
        found.append((part.spec, u[:, at : at + part.draws(dim)]))
        at += part.draws(dim)
    assert at == comp.draws(dim)
    return found


@pytest.mark.parametrize("first", ["topk/k=3", "randk/k=3/scaled=0", "sign", "clip/bits=1"])
@pytest.mark.parametrize("second", ["ternary", "randk/k=4", "natural", "qsgd/levels=3"])
def test_induced_is_its_definition(first, second):
    spec = f"induced:first={first},second={second}"
    x, u = np.random.default_rng(1).standard_normal((5, 20)), coins(spec, 20, 5)
    (one, u1), (two, u2) = parts(spec, 20, u)
    biased = compress(one, x, u1)[0]
    assert np.array_equal(compress(spec, x, u)[0], biased + compress(two, x - biased, u2)[0])


@pytest.mark.parametrize("spec", ["composed:first=ternary,second=natural", "composed:first=topk/k=3,second=qsgd"])
def test_composed_is_its_definition(spec):
    x, u = np.random.default_rng(1).standard_normal((5, 20)), coins(spec, 20, 5)
    (one, u1), (two, u2) = parts(spec, 20, u)
    assert np.array_equal(compress(spec, x, u)[0], compress(two, compress(one, x, u1)[0], u2)[0])


@pytest.mark.parametrize("of", ["ternary", "natural", "permk/workers=2", "dynamic"])
def test_scaled_is_its_definition(of):
    spec = f"scaled:of={of}"
    x, u = np.random.default_rng(1).standard_normal((5, 20)), coins(spec, 20, 5)
    ((inner, own),) = parts(spec, 20, u)
    assert np.array_equal(compress(spec, x, u)[0], compressor(spec).factor(20) * compress(inner, x, own)[0])


@pytest.mark.parametrize("of", ["topk/k=3", "randk/k=3/scaled=0", "natural", "sign/block=7"])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_repeated_is_its_recursion(of, times):
    spec = f"repeated:of={of},times={times}"
    x, u = np.random.default_rng(1).standard_normal((5, 20)), coins(spec, 20, 5)
    v, total = np.zeros_like(x), 0
    for inner, own in parts(spec, 20, u):
        message, bits = compress(inner, x - v, own)
        v, total = v + message, total + bits
    out, counted = compress(spec, x, u)
    assert np.array_equal(out, v)
    assert np.array_equal(counted, total)


def test_reductions_of_compositions():
    x, u = np.random.default_rng(2).standard_normal((3, 20)), coins("ternary", 20, 3)
    plain = compress("ternary", x, u)[0]
    assert np.array_equal(compress("repeated:of=ternary,times=1", x, u)[0], plain)
    assert np.array_equal(compress("composed:first=identity,second=ternary", x, u)[0], plain)
    assert np.array_equal(compress("induced:first=identity,second=ternary", x, u)[0], x)
    assert np.array_equal(compress("scaled:of=topk/k=3", x)[0], compress("topk:k=3", x)[0])
    top = compress("repeated:of=topk/k=3,times=2", x)[0]
    assert top == close(compress("topk:k=6", x)[0], rel=2 * VALUE_TRUNCATION)


def test_a_composition_of_compositions():
    spec = "repeated:of=scaled/of=randk//k=5,times=3"
    x, u = np.random.default_rng(2).standard_normal((3, 20)), coins(spec, 20, 3)
    v = np.zeros_like(x)
    for inner, own in parts(spec, 20, u):
        v = v + compress(inner, x - v, own)[0]
    assert np.array_equal(compress(spec, x, u)[0], v)


def test_moments_of_compositions():
    """20000 messages; the relative errors have a standard deviation below 4 times their mean: 5 sigma = 0.15."""
    x = np.random.default_rng(3).standard_normal(20)
    for spec in (
        "induced:first=topk/k=5,second=ternary",
        "induced:first=randk/k=5/scaled=0,second=randk/k=10",
        "composed:first=randk/k=5,second=natural",
        "composed:first=topk/k=5,second=natural",
        "composed:first=ternary,second=bernoulli",
        "scaled:of=ternary",
        "repeated:of=randk/k=15,times=3",
    ):
        out, _ = compress(spec, np.tile(x, (20_000, 1)), coins(spec, 20, 20_000, seed=4))
        errors = squares(out - x) / (x @ x)
        assert errors.std() < 4 * errors.mean()
        assert errors.mean() == close(compressor(spec).pointwise(x), rel=0.15)


def test_shared_coins_spread_over_a_composition():
    assert compressor("induced:first=topk/k=2,second=randk/k=2/seed=shared").unbiased(9).shared_coins
    assert compressor("scaled:of=permk/workers=3").contractive(9).shared_coins
    assert not compressor("scaled:of=randk/k=3").contractive(9).shared_coins


# --- text forms


@pytest.mark.parametrize(
    "spec",
    [
        "topk:k=5",
        "induced:first=topk/k=5,second=qsgd/levels=4/norm=linf",
        "repeated:of=scaled/of=randk//k=5//seed=shared,times=3",
        "scaled:of=composed/first=induced//first=topk///k=3//second=ternary///block=7///norm=l2/second=natural",
    ],
)
def test_nested_text_forms_round_trip(spec):
    assert unnested(nested(spec)) == spec
    assert compressor(spec).spec == spec
    assert compressor(compressor(spec).spec) == compressor(spec)


def test_a_part_may_be_an_object():
    comp = Repeated(TopK(k=3), times=4)
    assert comp.spec == "repeated:of=topk/k=3,times=4"
    assert comp == compressor(comp.spec)
    assert Repeated("topk:k=3", 4) == comp


def test_a_part_of_ones_own_needs_no_bytes_to_run():
    half = Half()
    x = np.random.default_rng(0).standard_normal((2, 5))
    compressed, params, _ = kernel(Repeated(half, 2), 5)
    out, bits = np.empty_like(x), np.empty(2)
    compressed(x, np.zeros((2, 0)), context(), params, np.zeros((2, 0)), out, bits)
    assert np.array_equal(out, 0.75 * x)
    assert Repeated(half, 2).contractive(5).delta == 1 - 0.25**2
    with pytest.raises(InputError, match="does not say how its messages become bytes"):
        encode(Repeated(half, 2), out[0], origin=Origin(x[0]))


def test_classes_refuse_impossible_constants():
    for wrong in (lambda: General(1.0, 0.0), lambda: General(0.5, -1.0), lambda: Correlated(0.0, 1.0)):
        with pytest.raises(InputError):
            wrong()
    assert Correlated(1.0, 5.0).scaled() == Contractive(0.2)


# --- sparsity


@pytest.mark.parametrize(
    "spec",
    [
        *("qsgd:levels=2", "ternary:norm=l2", "randk:k=3", "topk:k=3", "bernoulli:p=0.3", "permk:workers=7"),
        *("sparsifier:k=3", "randomblock:blocks=7", "dynamic", "induced:first=topk/k=2,second=randk/k=3"),
        *("composed:first=topk/k=4,second=natural", "repeated:of=topk/k=2,times=3", "scaled:of=dynamic"),
    ],
)
def test_expected_number_of_nonzero_entries(spec):
    """Mean over 4000 messages of 40 coordinates; a count has a standard deviation of at most 20: 5 sigma = 1.6."""
    for x in (np.ones(40), np.random.default_rng(1).standard_normal(40) ** 3):
        out, _ = compress(spec, np.tile(x, (4000, 1)), coins(spec, 40, 4000))
        assert np.count_nonzero(out, axis=1).mean() <= compressor(spec).nonzeros(40) + 1.6
        assert compressor(spec).nonzeros(40) <= 40


# --- in a method


@pytest.mark.parametrize("spec", [spec for spec in ALL if works(spec, 12)])
def test_every_compressor_runs_in_a_method(spec):
    """DoubleSqueeze both ways, six rounds, against its pseudo-code with the same coins, worker numbers and states."""
    problem = build("quadratic:dim=12,mu=0.2,L=2,heterogeneity=1", workers=3)
    numbers = {"gamma": 0.02}
    agrees("doublesqueeze", problem, spec, spec, numbers, rounds=6, seed=3)
    trace = simulate("doublesqueeze", problem, spec, spec, parameters=numbers, rounds=6, checkpoints=range(7))
    sent = np.diff(trace.columns["bits_up_encoded"])
    assert np.all(sent >= 0 if spec.startswith("participation") else sent > 0)
