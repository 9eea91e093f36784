"""Constants, pointwise errors and kernels of the compressors."""

from __future__ import annotations

import itertools
import math
from importlib import import_module

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from support.compressor_table import ALL, SHRINKING, coins, compress, grid, squares, working, works
from tersegrad.solvers.compressors import kernel
from tersegrad.theory import AbsoluteError, Contractive, InputError, Unbiased, compressor
from tersegrad.theory.compressors import COMPRESSORS, SCALE_TRUNCATION, VALUE_TRUNCATION, Composition, truncate
from tersegrad.theory.compressors.threshold import Threshold
from tersegrad.theory.compressors.topk import TopK

# --- constants


def test_constants_of_the_published_rows():
    close = pytest.approx
    assert compressor("identity").unbiased(9) == Unbiased(0.0)
    assert compressor("identity").contractive(9).delta == 1
    assert compressor("ternary:block=256").unbiased(500).omega == close(7.5, rel=1e-12)
    assert compressor("ternary:norm=l2").unbiased(400).omega == close(19, rel=1e-12)
    assert compressor("qsgd:levels=4").unbiased(1600).omega == close(9, rel=1e-12)
    assert compressor("qsgd:levels=40").unbiased(1600).omega == close(0.25, rel=1e-12)
    assert compressor("qsgd:levels=2,norm=linf,block=33").unbiased(100).omega == close(1, rel=1e-12)
    assert compressor("randk:k=10").unbiased(500).omega == close(49, rel=1e-12)
    assert compressor("randk:k=10,scaled=0").contractive(500).delta == close(0.02, rel=1e-12)
    assert compressor("topk:ratio=0.01").contractive(1000).delta == close(0.01, rel=1e-12)
    assert compressor("sign:block=50").contractive(120).delta == close(0.02, rel=1e-12)
    assert compressor("threshold:level=0.25").absolute(400) == AbsoluteError(5.0)


@pytest.mark.parametrize("levels", [1, 2, 3, 10, 50])
@pytest.mark.parametrize("dim", [1, 2, 5, 100, 3000])
def test_sharper_qsgd_constant_is_below_the_published_one(levels, dim):
    published = min(dim / levels**2, math.sqrt(dim) / levels)
    assert compressor(f"qsgd:levels={levels}").unbiased(dim).omega <= published


def test_a_block_longer_than_the_vector_is_the_vector():
    for word in ("ternary", "qsgd", "sign"):
        whole, long = compressor(word), compressor(f"{word}:block=1000")
        assert whole.unbiased(30) == long.unbiased(30)
        assert whole.contractive(30) == long.contractive(30)


def test_one_class_is_never_silently_another():
    assert compressor("ternary").contractive(10) is None
    assert compressor("randk:k=2").contractive(10) is None
    assert compressor("randk:k=2,scaled=0").unbiased(10) is None
    assert compressor("topk:k=2").unbiased(10) is None
    for spec in ALL:
        comp = compressor(spec)
        for promise, reason in (
            (comp.unbiased(10), comp.why_not_unbiased),
            (comp.contractive(10), comp.why_not_contractive),
            (comp.absolute(10), comp.why_not_absolute),
        ):
            # What a composition promises may depend on the dimension: it has its reason ready.
            assert reason if promise is None else not reason or isinstance(comp, Composition)
    assert Unbiased(3.0).scaled() == Contractive(0.25)


def test_shared_coins_cost_the_averaging():
    assert Unbiased(6.0).averaged(3) == 2
    assert compressor("randk:k=1,seed=shared").unbiased(7).averaged(3) == pytest.approx(6)


# --- worst cases: the stated vector attains the constant, no vector exceeds it


def two_valued(dim: int, t: float) -> np.ndarray:
    return np.concatenate([[1.0], np.full(dim - 1, t)])


@pytest.mark.parametrize(
    ("spec", "x"),
    [
        ("ternary", two_valued(256, 1 / 17)),
        ("ternary:block=16", np.concatenate([two_valued(16, 1 / 5), np.zeros(30)])),
        ("ternary:norm=l2", np.ones(64)),
        ("qsgd:levels=4", -np.ones(100)),
        ("qsgd:levels=3,norm=linf", two_valued(73, 1 / (3 * (1 + 3)))),
        ("randk:k=3", np.arange(1.0, 9.0)),
    ],
)
def test_worst_variance_is_attained(spec, x):
    comp = compressor(spec)
    assert comp.pointwise(x) == pytest.approx(comp.unbiased(x.size).omega, rel=1e-9)


@pytest.mark.parametrize(
    ("spec", "x"),
    [("topk:k=3", np.ones(12)), ("sign", np.eye(9)[4]), ("randk:k=2,scaled=0", np.arange(1.0, 6.0))],
)
def test_worst_contraction_is_attained(spec, x):
    comp = compressor(spec)
    assert comp.pointwise(x) == pytest.approx(1 - comp.contractive(x.size).delta, rel=1e-9)


vectors = st.lists(st.floats(-1e6, 1e6).map(lambda v: v if abs(v) > 1e-6 else 0.0), min_size=1, max_size=40).map(
    np.array
)


EXACT = [spec for spec in ALL if spec != "repeated:of=natural" and not compressor(spec).stateful]
"""The compressors that know E||C(x) - x||^2 at x."""


@pytest.mark.parametrize("spec", EXACT)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(x=vectors)
def test_no_vector_exceeds_the_worst_case(spec, x):
    assume(works(spec, x.size))
    comp = compressor(spec)
    error = comp.pointwise(x)
    promised = [
        *(claim.omega * (1 + 1e-12) + 1e-12 for claim in [comp.unbiased(x.size)] if claim),
        *(1 - claim.delta + 1e-12 for claim in [comp.contractive(x.size)] if claim),
        *((claim.eps * (1 + 1e-12)) ** 2 / (x @ x) for claim in [comp.absolute(x.size)] if claim and x @ x),
    ]
    assert all(error <= limit for limit in promised)


# --- pointwise errors and means by enumeration of the coins


@pytest.mark.parametrize(
    ("spec", "x", "size"),
    [
        ("ternary", np.array([1.0, -0.25, 0.0, 0.625, 0.125]), 8),
        ("ternary:block=2", np.array([2.0, -0.5, 0.0, 0.0, -8.0]), 8),
        ("ternary:norm=l2", np.array([3.0, -4.0]), 5),
        ("qsgd:levels=4", np.array([3.0, -4.0]), 5),
        ("qsgd:levels=2,norm=linf", np.array([1.0, -0.25, 0.8125, 0.0]), 8),
    ],
)
def test_dithering_mean_and_variance_by_enumeration(spec, x, size):
    """Coordinates are tossed independently: one grid at all coordinates enumerates each of them."""
    u = np.repeat(grid(size)[:, None], compressor(spec).draws(x.size), axis=1)
    out, _ = compress(spec, np.tile(x, (size, 1)), u)
    assert out.mean(axis=0) == pytest.approx(x, rel=1e-15, abs=1e-15)
    assert squares(out - x).mean() / (x @ x) == pytest.approx(compressor(spec).pointwise(x), rel=1e-14)


def test_rand_k_by_enumeration():
    """k = 2 of 4: Floyd's two draws have 3 and 4 outcomes; each of the 6 pairs must come up twice in 12."""
    x = np.array([1.0, -2.0, 0.0, 0.5])
    pairs = list(itertools.product(grid(3), grid(4)))
    u = np.full((12, compressor("randk:k=2").draws(4)), 0.5)
    u[:, 0], u[:, 2] = np.array(pairs).T
    out, _ = compress("randk:k=2", np.tile(x, (12, 1)), u)
    assert np.array_equal(out.mean(axis=0), x)
    assert squares(out - x).mean() / (x @ x) == pytest.approx(compressor("randk:k=2").pointwise(x), rel=1e-12)
    chosen, _ = compress("randk:k=2,scaled=0", np.ones((12, 4)), u[:, :4])
    found, times = np.unique(chosen, axis=0, return_counts=True)
    assert found.shape == (6, 4)
    assert set(times) == {2}
    assert np.all(found.sum(axis=1) == 2)


@pytest.mark.parametrize("spec", ["ternary", "randk:k=1", "qsgd:levels=1"])
def test_rounding_to_the_wire_is_unbiased(spec):
    """A number with five bits more than the wire carries, all 32 roundings: the mean is the number itself."""
    bits = 1 if spec.startswith("randk") else 0
    value = 1.5 + 11 * 2.0 ** (-26 + bits)
    u = np.full((32, compressor(spec).draws(1)), 1e-9)
    u[:, -1] = grid(32)
    out, _ = compress(spec, np.full((32, 1), -value), u)
    assert len(np.unique(out)) == 2
    assert math.fsum(out[:, 0]) / 32 == -value
    variance = math.fsum((out[:, 0] + value) ** 2) / 32 / value**2
    assert variance == pytest.approx(compressor(spec).pointwise(np.array([value])), rel=1e-9)
    assert variance <= compressor(spec).unbiased(1).omega


@pytest.mark.parametrize("spec", [s for s in ALL if compressor(s).draws(20) == 0 and not compressor(s).stateful])
def test_pointwise_error_of_a_deterministic_compressor_is_its_error(spec):
    x = np.random.default_rng(3).standard_normal((5, 37))
    out, _ = compress(spec, x)
    for row, error in zip(x, squares(out - x), strict=True):
        assert error / (row @ row) == pytest.approx(compressor(spec).pointwise(row), rel=1e-12)


# --- kernels


@pytest.mark.parametrize(("spec", "dim"), working(ALL, (1, 2, 20, 513)))
def test_zero_goes_to_zero_and_every_dimension_works(spec, dim):
    x = np.random.default_rng(dim).standard_normal((4, dim))
    x[0], x[1] = 0.0, -0.0
    out, bits = compress(spec, x)
    assert np.all(np.isfinite(out))
    assert spec.startswith("additive") or not np.any(out[:2])  # which adds its noise to zero, too
    assert np.all(bits >= 0 if spec.startswith("participation") else bits > 0)  # silence costs nothing


@pytest.mark.parametrize("spec", ALL)
def test_a_row_is_compressed_as_if_it_were_alone(spec):
    x, u = np.random.default_rng(5).standard_normal((3, 70)), coins(spec, 70, 3)
    out, bits = compress(spec, x, u)
    for r in range(3):
        alone, length = compress(spec, x[r], u[r : r + 1])
        assert np.array_equal(alone[0], out[r])
        assert length[0] == bits[r]


@pytest.mark.parametrize("word", ["ternary", "sign", "qsgd:levels=3", "qsgd:levels=3,norm=linf"])
def test_blocks_are_compressed_one_by_one(word):
    name, _, options = word.partition(":")
    blocked = f"{name}:{','.join(filter(None, [options, 'block=8']))}"
    x, u = np.random.default_rng(6).standard_normal(20), coins(blocked, 20, 1)
    out, _ = compress(blocked, x, u)
    for b, start in enumerate(range(0, 20, 8)):
        part = slice(start, min(start + 8, 20))
        own = np.concatenate([u[0, part], u[0, 20 + b : 21 + b]])[None] if u.size else u
        assert np.array_equal(compress(word, x[part], own)[0][0], out[0, part])


@pytest.mark.parametrize("spec", SHRINKING)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(x=vectors)
def test_contractions_shrink_and_leave_an_acute_residual(spec, x):
    assume(works(spec, x.size))
    assert compressor(spec).contractive(x.size).orthogonal
    out = compress(spec, x)[0][0]
    assert out @ out <= (x @ x) * (1 + 1e-13)
    assert out @ (x - out) >= -1e-13 * (x @ x)


def reference_top_k(x: np.ndarray, k: int) -> np.ndarray:
    kept = np.argsort(-np.abs(x), kind="stable")[:k]
    out = np.zeros_like(x)
    out[kept] = truncate(x[kept], 32)
    return out


def top_k_cases():
    rng = np.random.default_rng(7)
    for dim in (1, 5, 32, 33, 64, 300, 1024, 5000, 16384, 40_001):
        base = rng.standard_normal(dim)
        yield base
        yield np.ones(dim)
        yield rng.integers(-3, 4, dim).astype(float)
        yield np.exp(30 * base)
        yield np.where(np.arange(dim) % 128 == 0, 9.0, base)
        yield np.where(np.arange(dim) % 128 == 0, 0.0, base)
        yield np.where(rng.random(dim) < 0.01, base, 0.0)


def test_top_k_keeps_exactly_the_k_largest_ties_to_the_lowest_index():
    for x in top_k_cases():
        for k in sorted({1, 2, math.ceil(x.size / 100), math.ceil(x.size / 2), x.size}):
            if k <= x.size:
                out = compress(f"topk:k={k}", x)[0][0]
                assert np.array_equal(out, reference_top_k(x, k)), (x.size, k)
    assert np.count_nonzero(compress("topk:k=7", np.ones(20_000))[0]) == 7


def test_rand_k_takes_every_coordinate_equally_often():
    """3 of 17, 20000 times: a count is binomial(20000, 3/17); 5 sigma hold for all 17 but once in 10^5."""
    out, _ = compress("randk:k=3,scaled=0", np.ones((20_000, 17)))
    assert np.all(np.count_nonzero(out, axis=1) == 3)
    p = 3 / 17
    assert np.all(np.abs(out.sum(axis=0) - 20_000 * p) < 5 * math.sqrt(20_000 * p * (1 - p)))


def test_ternary_and_sign_formulas():
    x, u = np.array([[4.0, -1.0, 0.0, 2.0]]), np.array([[0.9, 0.2, 0.1, 0.6, 0.5]])
    assert np.array_equal(compress("ternary", x, u)[0], [[4.0, -4.0, 0.0, 0.0]])
    assert np.array_equal(compress("sign", x)[0], [[1.75, -1.75, 1.75, 1.75]])


def test_numbers_on_the_wire_are_close_and_short():
    x = np.random.default_rng(8).standard_normal(1000)
    for spec, error, low in (("topk:ratio=1", VALUE_TRUNCATION, 32), ("sign:block=1", SCALE_TRUNCATION, 31)):
        out = compress(spec, x)[0][0]
        assert np.all(np.abs(out - x) <= error * np.abs(x))
        assert not np.any(out.view(np.int64) & ((1 << low) - 1))


@pytest.mark.parametrize(
    "spec",
    [
        *(
            "ternary:block=4",
            "qsgd:levels=3",
            "sign",
            "topk:k=2",
            "threshold",
            "randk:ratio=1",
            "natural",
            "clip:bits=0",
        ),
        *(
            "natural-dithering",
            "natural-dithering:norm=linf",
            "randomblock:blocks=1",
            "bernoulli:p=1",
            "permk:workers=1",
        ),
        *("sparsifier:k=2", "dynamic", "normsign", "rankr", "powersgd", "adversary", "adversary:direction=orthogonal"),
        *("scaled:of=ternary", "induced:first=topk/k=2,second=ternary", "repeated:of=topk/k=2", "sparsifier:k=4"),
        "composed:first=topk/k=2,second=natural",
    ],
)
def test_a_diverged_vector_stays_visible(spec):
    x = np.array([1.0, np.nan, 2.0, -3.0])
    assert not np.all(np.isfinite(compress(spec, x)[0]))


def test_constant_step_of_a_large_range():
    """The wire keeps the exponent of a double: nothing overflows or vanishes between 1e-290 and 1e290."""
    x = np.random.default_rng(9).standard_normal(50)
    for spec in (
        *("ternary", "qsgd:levels=5,norm=linf", "sign", "topk:k=5", "randk:k=5", "natural", "clip", "sparsifier:k=5"),
        *("natural-dithering:norm=linf", "natural-dithering:norm=l1", "permk:workers=4", "bernoulli:p=1", "adversary"),
        *("randomblock:blocks=4,scaled=1", "composed:first=topk/k=5,second=natural", "repeated:of=sign"),
    ):
        u = coins(spec, 50, 1)
        plain = compress(spec, x, u)[0]
        for scale in (2.0**-960, 2.0**960):
            assert np.array_equal(compress(spec, scale * x, u)[0], scale * plain)


# --- mistakes


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("topk", "exactly one of k and ratio"),
        ("topk:k=2,ratio=0.5", "exactly one of k and ratio"),
        ("topk:k=0", "k=0:"),
        ("randk:ratio=0", "ratio=0:"),
        ("randk:ratio=1.5", "ratio=1.5:"),
        ("randk:ratio=nan", "ratio=nan:"),
        ("randk:k=2.5", "whole number"),
        ("randk:k=2,seed=mine", "own, shared"),
        ("qsgd:levels=0", "levels=0:"),
        ("qsgd:norm=l1", "l2, linf"),
        ("ternary:block=0", "block=0:"),
        ("sign:block=-3", "block=-3:"),
        ("threshold:level=0", "level=0:"),
        ("threshold:level=inf", "level=inf:"),
        ("tenary", "did you mean 'ternary'"),
        ("natural-dithering:levels=65", "levels=65:"),
        ("natural-dithering:norm=l3", "l1, l2, linf"),
        ("randomblock", "needs blocks"),
        ("randomblock:blocks=0", "blocks=0:"),
        ("randomblock:blocks=2,seed=none", "own, shared"),
        ("bernoulli:p=0", "p=0:"),
        ("permk:workers=0", "workers=0:"),
        ("sparsifier", "exactly one of k and ratio"),
        ("clip:bits=53", "bits=53:"),
        ("rankr:rank=0", "rank=0:"),
        ("powersgd:rows=0", "rows=0:"),
        ("adversary:delta=0", "delta=0:"),
        ("adversary:direction=up", "shrink, grow"),
        ("repeated:of=topk/k=3,times=0", "times=0:"),
        ("repeated:of=powersgd", "keeps a memory"),
        ("scaled:of=tenary", "did you mean 'ternary'"),
        ("induced:first=topk/k=3", "needs second"),
        ("topk:ration=0.1", "did you mean 'ratio'"),
    ],
)
def test_mistakes_are_named(spec, word):
    with pytest.raises(InputError, match=word):
        compressor(spec)


@pytest.mark.parametrize(
    ("spec", "dim", "word"),
    [
        ("randomblock:blocks=11", 10, "blocks = 11 is more than the 10 coordinates"),
        ("rankr:rank=4", 10, "rank = 4 is more than the 4 x 3 matrix has"),
        ("powersgd:rows=11", 10, "rows = 11 is more than the 10 coordinates"),
        ("powersgd:rows=9", 10, "rows = 9 does not divide the 10 .* take rows=5, or leave rows out for a 4 x 3"),
        ("rankr:rows=5", 8, "rows = 5 does not divide the 8 .* take rows=4, or leave rows out for a 3 x 3"),
        ("adversary:direction=sphere", 1, "needs 2 coordinates"),
        ("induced:first=ternary,second=ternary", 10, "first must be contractive, and ternary is not"),
        ("induced:first=topk/k=2,second=sign", 10, "second must be unbiased, and sign is not"),
        ("composed:first=topk/k=2,second=sign", 10, "second must be unbiased, and sign is not"),
        ("composed:first=normsign,second=natural", 10, "first must be contractive, and normsign is not"),
        ("scaled:of=threshold", 10, "states no constant"),
        ("repeated:of=topk/k=11", 10, "k = 11"),
    ],
)
def test_what_does_not_fit_together_is_named(spec, dim, word):
    with pytest.raises(InputError, match=word):
        kernel(compressor(spec), dim)


def test_k_beyond_the_dimension_is_named():
    with pytest.raises(InputError, match="k = 11 is more than the 10 coordinates"):
        kernel(compressor("topk:k=11"), 10)
    with pytest.raises(InputError, match="dim=0"):
        compressor("sign").contractive(0)


def test_text_form_round_trip():
    for spec in ALL:
        assert compressor(compressor(spec).spec) == compressor(spec)
    assert set(COMPRESSORS) == {spec.partition(":")[0] for spec in ALL}
    assert len(COMPRESSORS) >= 20


@pytest.mark.parametrize("name", COMPRESSORS)
def test_a_compressor_is_two_files_of_its_name(name):
    """Nothing else names it: its class stands in one folder, its kernel and codec in the other."""
    word = name.replace("-", "_")
    assert COMPRESSORS[name].__module__ == f"tersegrad.theory.compressors.{word}"
    room = import_module(f"tersegrad.solvers.compressors.{word}")
    assert callable(room.kernel)
    assert all(hasattr(room.CODEC, needed) for needed in ("encode", "read", "entropy"))
    assert COMPRESSORS[name] is getattr(import_module("tersegrad.theory.compressors"), COMPRESSORS[name].__name__)


def test_numbers_of_numpy_are_numbers():
    """An option may come out of an array; it is kept as Python's, so that the text form stays readable."""
    comp = TopK(k=np.int64(3))
    assert comp == compressor("topk:k=3")
    assert comp.spec == "topk:k=3"
    assert type(comp.k) is int
    assert comp.contractive(np.int64(12)) == comp.contractive(12)
    assert Threshold(level=np.float32(0.5)).spec == "threshold:level=0.5"
    for wrong in (True, float("nan"), "3", None.__class__):
        with pytest.raises(InputError, match=r"topk: k=.*give a whole number"):
            TopK(k=wrong)
