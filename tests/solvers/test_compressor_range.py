"""Compressors over the whole range of doubles: huge, tiny, tied and infinite entries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.compressor_table import ALL, coins
from tersegrad.solvers.compressors import Origin, decode, encode, kernel
from tersegrad.solvers.context import context
from tersegrad.theory import compressor

DIM = 12
HOMOGENEOUS = [spec for spec in ALL if not spec.startswith(("threshold", "additive"))]
entries = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 1.0 + 2.0**-52, 1.0 - 2.0**-53, 0.4, -0.4, 3.0, 4.0]),
    st.floats(-8, 8, allow_subnormal=False).map(lambda x: x if abs(x) > 1e-3 else 0.0),
)
doubles = st.one_of(st.floats(allow_nan=False, allow_infinity=False), entries)


def send(spec: str, x: np.ndarray, seed: int = 0) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """C(x) of one vector, the bits counted, the state left and the uniforms."""
    compress, params, states = kernel(compressor(spec), x.size)
    u, out, bits, state = coins(spec, x.size, 1, seed), np.full((1, x.size), np.nan), np.zeros(1), np.zeros((1, states))
    compress(np.array(x[None]), u, context(), params, state, out, bits)
    return out[0], float(bits[0]), state[0], u[0]


@pytest.mark.parametrize("spec", HOMOGENEOUS)
@settings(max_examples=25, deadline=None)
@given(values=st.lists(entries, min_size=DIM, max_size=DIM), exponent=st.integers(-950, 960), seed=st.integers(0, 99))
@example(values=[1.0, -3.0, 4.0] * 4, exponent=-600, seed=1)
@example(values=[1.0, -3.0, 4.0] * 4, exponent=600, seed=1)
def test_a_power_of_two_passes_through(spec, values, exponent, seed):
    """C(2^e x) = 2^e C(x) bit for bit: no norm overflows, none vanishes."""
    x = np.array(values)
    message, bits, *_ = send(spec, x, seed)
    scaled, scaled_bits, *_ = send(spec, np.ldexp(x, exponent), seed)
    assert np.array_equal(scaled, np.ldexp(message, exponent))
    assert scaled_bits == bits


@pytest.mark.parametrize("spec", ALL)
@settings(max_examples=40, deadline=None)
@given(values=st.lists(doubles, min_size=DIM, max_size=DIM), seed=st.integers(0, 99))
@example(values=[5e-324] * DIM, seed=0)
@example(values=[2.0**1023] * DIM, seed=0)
@example(values=[0.3 * 4, *[0.3] * 4, *[0.0] * (DIM - 5)], seed=3)
def test_every_finite_message_of_any_vector_travels(spec, values, seed):
    x = np.array(values)
    message, bits, state, u = send(spec, x, seed)
    if not np.isfinite(message).all():
        assert np.abs(x).max() > 2.0**1000  # C(x) is beyond the largest double
        return
    data = encode(compressor(spec), message, origin=Origin(x, u, state))
    assert np.array_equal(decode(compressor(spec), data, DIM, u), message)
    assert bits == 8 * len(data)


def test_a_lambda_beyond_the_largest_double_is_no_zero():
    """Four entries of 1e308 with k = 2 have lambda = 2e308, which no double is; three-quarters of that is one."""
    assert not np.isfinite(send("sparsifier:k=2", np.full(4, 1e308), 0)[0]).any()
    assert send("sparsifier:k=2", np.full(4, 7.5e307), 0)[0].max() == pytest.approx(1.5e308, rel=1e-6)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("spec", ALL)
def test_no_finite_message_hides_an_entry_that_is_not(spec, bad):
    """Where the largest entry would be sent, an infinite one, or one that is no number, leaves its trace."""
    x = np.random.default_rng(4).standard_normal(DIM)
    met = 0
    for seed in range(12):
        for place in range(DIM):
            large, broken = x.copy(), x.copy()
            large[place], broken[place] = 1e6, bad
            if send(spec, large, seed)[0][place] != 0:
                met += 1
                assert not np.isfinite(send(spec, broken, seed)[0]).all()
    assert met > 0


@pytest.mark.parametrize(
    ("spec", "kind"), [("ternary:norm=l2", "unbiased"), ("qsgd", "unbiased"), ("sparsifier:k=3", "unbiased")]
)
@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e160, 1e290])
def test_unbiased_at_any_size(spec, kind, size):
    """The mean of C(x)/size is x/size: not zero, not NaN."""
    x = np.array([3.0, -1.0, 0.5, 2.0])
    compress, params, _ = kernel(compressor(spec), 4)
    u, out, bits = coins(spec, 4, 40_000), np.empty((40_000, 4)), np.empty(40_000)
    compress(np.tile(size * x, (40_000, 1)), u, context(), params, np.zeros((40_000, 0)), out, bits)
    assert np.abs((out / size).mean(axis=0) - x).max() < 0.06


@pytest.mark.parametrize("of", ["normsign", "dynamic"])
@pytest.mark.parametrize("size", [1e-300, 1e-170, 1e160, 1e300])
def test_scaled_contractions_contract_at_any_size(of, size):
    comp = compressor(f"scaled:of={of}")
    x = np.random.default_rng(0).standard_normal(9)
    message = send(comp.spec, size * x)[0] / size
    error = float(((message - x) ** 2).sum() / (x**2).sum())
    assert error <= 1 - comp.contractive(9).delta
    assert comp.pointwise(size * x) == pytest.approx(error, rel=1e-5)
