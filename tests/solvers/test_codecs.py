"""Wire formats: what the bytes carry is C(x), bit for bit, and their length is what the kernels count."""

from __future__ import annotations

import contextlib
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import njit

from support.compressor_table import ON_THE_WIRE, coins, working, works
from tersegrad.solvers import simulate
from tersegrad.solvers.compressors import Origin, decode, encode, entropy_bits, kernel
from tersegrad.solvers.compressors.wire import Reader, fixed, omega, omega_bits, omega_width, packed, variable
from tersegrad.solvers.context import context
from tersegrad.theory import InputError, compressor


def message(spec: str, x: np.ndarray, seed: int = 0) -> tuple[np.ndarray, float, np.ndarray]:
    """C(x), the bits that the kernel counts, and the uniforms."""
    return sent(spec, x, seed)[:3]


def sent(spec: str, x: np.ndarray, seed: int = 0, worker: int = 0) -> tuple[np.ndarray, float, np.ndarray, Origin]:
    """C(x), the bits that the kernel counts, the uniforms, and all that made the message."""
    comp = compressor(spec)
    compress, params, states = kernel(comp, x.size)
    u = coins(spec, x.size, 1, seed)
    out, bits = np.full((1, x.size), np.nan), np.full(1, np.nan)
    ctx, state = context(0, worker, 3), np.zeros((1, states))
    compress(x[None].copy(), u, ctx, params, state, out, bits)
    return out[0], bits[0], u[0], Origin(x, u[0], state[0], ctx)


def vectors(dim: int) -> list[np.ndarray]:
    rng = np.random.default_rng(dim)
    base = rng.standard_normal(dim)
    return [
        base,
        np.zeros(dim),
        np.full(dim, -0.0),
        -np.ones(dim),
        np.where(np.arange(dim) == dim // 2, -3.0, 0.0),
        np.exp(-np.arange(dim) / 3.0),
        np.where(rng.random(dim) < 0.02, base, -0.0),
        2.0 ** rng.integers(-5, 5, dim),
        1e-200 * base,
    ]


@pytest.mark.parametrize(("spec", "dim"), working(ON_THE_WIRE, (1, 2, 3, 20, 257, 2000)))
def test_the_wire_carries_the_message_and_the_kernel_counts_its_bits(spec, dim):
    comp = compressor(spec)
    for number, x in enumerate(vectors(dim)):
        content, bits, coins, origin = sent(spec, x, number, worker=number % 3)
        data = encode(comp, content, origin=origin)
        received = decode(comp, data, dim, coins)
        assert np.array_equal(received.view(np.int64), content.view(np.int64))
        assert bits == 8 * len(data)
        assert encode(comp, received, origin=origin) == data
        assert 0 <= entropy_bits(comp, content, origin) < np.inf


@pytest.mark.parametrize("spec", ON_THE_WIRE)
def test_a_message_cut_off_or_too_long_is_refused(spec):
    comp = compressor(spec)
    x = np.random.default_rng(1).standard_normal(41)
    content, _, coins, origin = max((sent(spec, x, seed) for seed in range(9)), key=lambda made: made[1])
    data = encode(comp, content, origin=origin)
    pieces = (b"", data[: len(data) // 2], data[:-1], data + b"\0", b"\0" + data)
    if spec.startswith("participation"):  # no byte at all is silence, which is a message
        pieces = [piece for piece in pieces if piece]
        assert not np.any(decode(comp, b"", 41, coins))
    for wrong in pieces:
        with pytest.raises(InputError, match="not a message of"):
            decode(comp, wrong, 41, coins)


@pytest.mark.parametrize("spec", ON_THE_WIRE)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(data=st.binary(min_size=0, max_size=60), dim=st.integers(1, 30))
def test_any_bytes_give_a_finite_vector_or_an_error(spec, data, dim):
    assume(works(spec, dim))
    comp = compressor(spec)
    coins = np.full(comp.draws(dim), 0.4)
    with contextlib.suppress(InputError):
        received = decode(comp, data, dim, coins)
        assert received.shape == (dim,)
        assert np.all(np.isfinite(received))


@pytest.mark.parametrize(
    ("spec", "foreign"),
    [
        ("ternary", [1.0, -1.0, 0.5]),
        ("ternary", [1.1, -1.1, 0.0]),
        ("sign", [1.0, -1.0, 0.0]),
        ("topk:k=1", [1.0, -1.0, 0.0]),
        ("topk:k=2", [0.1, 0.0, 0.0]),
        ("qsgd:levels=4", [5.0, 1.0, 0.0]),
        ("qsgd:levels=4", [math.pi, math.e, 0.0]),
        ("identity", [np.nan, 0.0, 0.0]),
        ("natural", [1.5, 0.0, 1.0]),
        ("natural-dithering:levels=2", [1.0, 0.5, 0.25]),
        ("natural-dithering:levels=4", [1.0, 0.75, 0.0]),
        ("clip:bits=1", [1.25, 0.0, 0.0]),
        ("randomblock:blocks=3,seed=own", [1.0, 1.0, 0.0]),
        ("bernoulli", [math.pi, 0.0, 0.0]),
        ("sparsifier:k=2", [math.pi, 1.0, 0.0]),
        ("normsign", [1.0, -1.0, 0.5]),
        ("dynamic", [1.0, -0.5, 0.0]),
        ("dynamic", [1.0, -1.0, 1.0]),
        ("composed:first=topk/k=2,second=natural", [1.5, 0.0, 0.0]),
    ],
)
def test_a_vector_that_is_no_message_is_refused(spec, foreign):
    with pytest.raises(InputError):
        encode(compressor(spec), np.array(foreign))


def test_malformed_fields_are_refused():
    with pytest.raises(InputError, match="five symbols"):
        decode(compressor("ternary"), b"\0\0\0\0\xff", 5)
    with pytest.raises(InputError, match="five symbols"):
        decode(compressor("ternary"), b"\0\0\0\0\x51", 3)
    with pytest.raises(InputError, match="not finite"):
        decode(compressor("sign"), b"\xff\xf0\0\0\0", 3)
    with pytest.raises(InputError, match="in increasing order"):
        decode(compressor("topk:k=2"), packed(np.zeros(64 + 10, np.uint8)), 20)


def test_a_shared_seed_needs_the_coins():
    comp = compressor("randk:k=3,seed=shared")
    sent, bits, coins = message(comp.spec, np.arange(1.0, 11.0))
    assert bits == 3 * 32 == comp.formula_bits(10)
    with pytest.raises(InputError, match="uniforms"):
        encode(comp, sent)
    with pytest.raises(InputError, match="uniforms"):
        decode(comp, encode(comp, sent, coins), 10)


@pytest.mark.parametrize("spec", ["permk:workers=3", "randomblock:blocks=2"])
def test_every_shared_seed_needs_the_coins(spec):
    comp = compressor(spec)
    content, _, coins = message(spec, np.arange(1.0, 11.0))
    with pytest.raises(InputError, match="uniforms"):
        encode(comp, content)
    with pytest.raises(InputError, match="uniforms"):
        decode(comp, encode(comp, content, coins), 10)
    with pytest.raises(InputError, match="not a message of"):
        encode(comp, np.arange(1.0, 11.0), coins)


@pytest.mark.parametrize(
    ("spec", "missing"),
    [
        ("scaled:of=ternary", "vector that was compressed"),
        ("induced:first=topk/k=2,second=ternary", "vector that was compressed"),
        ("rankr", "vector that was compressed"),
        ("powersgd", "what the sender keeps"),
    ],
)
def test_a_message_made_of_several_needs_its_origin(spec, missing):
    comp = compressor(spec)
    content, _, coins, origin = sent(spec, np.arange(1.0, 11.0))
    with pytest.raises(InputError, match=missing):
        encode(comp, content, coins)
    with pytest.raises(InputError, match="given origin makes a different"):
        encode(comp, 2 * content, origin=origin)


def test_entropy_of_a_sum_is_that_of_its_messages():
    x = np.random.default_rng(4).standard_normal(64)
    comp = compressor("induced:first=topk/k=4,second=ternary")
    content, _, _, origin = sent(comp.spec, x)
    first, _, _ = message("topk:k=4", x)
    second = content - first
    apart = entropy_bits(comp.first, first) + entropy_bits(comp.second, second)
    assert entropy_bits(comp, content, origin) == pytest.approx(apart, rel=1e-12)
    assert entropy_bits(comp, content) <= 64 * 64


NUMBERS = st.integers(0, 63).flatmap(lambda width: st.tuples(st.just(width), st.lists(st.integers(0, 2**width - 1))))


@given(NUMBERS, st.integers(0, 9))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_numbers_of_any_width_are_written_as_python_writes_them_and_read_from_any_bit(words, before):
    width, numbers = words
    bits = "1" * before + "".join(f"{number:0{width}b}" for number in numbers if width)
    data = packed(np.ones(before, np.uint8), fixed(np.array(numbers, np.int64), width))
    assert data == int((bits or "0").ljust(8 * len(data), "0"), 2).to_bytes(len(data), "big")
    reader = Reader(data, "a test")
    reader.take(before)
    assert reader.fixed(len(numbers), width).tolist() == numbers
    reader.finish()


def test_elias_omega_code_words():
    """The table of Elias 1975 (IEEE Transactions on Information Theory 21)."""
    words = {1: "0", 2: "100", 3: "110", 4: "101000", 7: "101110", 8: "1110000", 15: "1111110"}
    words |= {16: "10100100000", 32: "101011000000", 100: "1011011001000", 1000: "11100111111010000"}
    for number, word in words.items():
        assert "".join(map(str, omega_bits(np.array([number])))) == word
    width = njit(lambda number: omega_width(number))  # what kernels call is not for Python
    for number in [*words, *range(250, 260), 65535, 65536, 2**31]:  # their table ends at 255
        assert width(number) == omega_bits(np.array([number])).size


@given(st.lists(st.integers(1, 2**31), min_size=1, max_size=50))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_elias_omega_round_trip(numbers):
    reader = Reader(packed(omega_bits(np.array(numbers))), "a test")
    assert reader.omega(len(numbers)).tolist() == numbers
    reader.finish()


def test_variable_length_words():
    assert variable(np.array([5, 0, 1]), np.array([3, 0, 2])).tolist() == [1, 0, 1, 0, 1]
    word, width = omega(np.array([1, 17]))
    assert word.tolist() == [0, 0b10100100010]
    assert width.tolist() == [1, 11]


def test_lengths_by_the_formats():
    x = np.random.default_rng(2).standard_normal(1000)

    def sent(spec: str) -> float:
        return message(spec, x)[1]

    assert sent("natural") == 12 * 1000
    assert sent("natural-dithering:block=256") == 8 * math.ceil((4 * 32 + 1000 * 5) / 8)
    assert sent("clip:bits=4") == 16 * 1000
    assert sent("randomblock:blocks=10") == 3200
    assert sent("randomblock:blocks=10,seed=own") == 8 * math.ceil((3200 + 4) / 8)
    assert sent("permk:workers=10") == 8 * math.ceil((3200 + 4) / 8)
    assert sent("rankr:rank=2") == 2 * 32 * (32 + 32)
    assert sent("composed:first=topk/k=10,second=natural") == 8 * math.ceil((10 + 10 * (10 + 12)) / 8)
    assert sent("repeated:of=topk/k=10,times=3") == 3 * sent("topk:k=10")
    assert sent("induced:first=topk/k=10,second=natural") == sent("topk:k=10") + sent("natural")
    assert sent("identity") == 64 * 1000
    assert sent("ternary:block=256") == 4 * 32 + 8 * 200
    assert sent("sign:block=256") == 4 * 32 + 1000
    assert sent("topk:k=10") == 8 * math.ceil(10 * (32 + 10) / 8)
    assert sent("topk:k=200") == 200 * 32 + 1000
    assert sent("topk:k=1000") == 32 * 1000
    assert sent("randk:k=10,seed=shared") == 320


def test_three_meters_of_the_papers():
    """DORE, blocks of 256: 94.9 % of 64 d saved by formula. QSGD, s = sqrt d: at most 2.26 bits an entry."""
    dim = 256 * 40
    both_ways = 2 * compressor("ternary:block=256").formula_bits(dim)
    assert 1 - both_ways / (64 * dim) == pytest.approx(0.949, abs=5e-4)
    x = np.random.default_rng(3).standard_normal(4096)
    comp = compressor("qsgd:levels=64")
    sent, bits, _ = message(comp.spec, x)
    assert entropy_bits(comp, sent) <= 2.26 * 4096 + 64
    assert 2.26 * 4096 < bits < 4 * 4096
    small = compressor("qsgd:levels=1")
    sent, bits, _ = message(small.spec, x)
    assert entropy_bits(small, sent) <= bits <= 1.2 * small.formula_bits(4096)


def test_entropy_by_hand():
    three_symbols = entropy_bits(compressor("ternary"), np.array([1.0, -1.0, 0.0]))
    assert three_symbols == pytest.approx(32 + 3 * math.log2(3))
    assert entropy_bits(compressor("sign"), np.array([2.0, -2.0, 2.0, -2.0])) == 32 + 4
    assert entropy_bits(compressor("topk:k=1"), np.array([0.0, 3.0, 0.0, 0.0])) == pytest.approx(
        32 - math.log2(1 / 4) - 3 * math.log2(3 / 4)
    )
    assert entropy_bits(compressor("ternary"), np.zeros(7)) == 32


def test_qsgd_message_has_one_encoding():
    """Levels 2, 4, 0 of one step are levels 1, 2, 0 of another: the larger step is sent."""
    comp = compressor("qsgd:levels=8")
    assert encode(comp, np.array([2.0, -4.0, 0.0])) == encode(comp, np.array([1.0, -2.0, 0.0]) * 2)
    once, twice = np.array([0.25, 0.5]), np.array([0.75, 1.5])
    assert np.array_equal(decode(comp, encode(comp, twice), 2), 3 * once)


def test_codecs_compile_nothing():
    """Bytes are read without a kernel: of all kernels' machine code none is made."""
    code = (
        "from tersegrad.theory.compressors import COMPRESSORS, compressor;"
        "from tersegrad.solvers.compressors import decode, encode;"
        "import numpy as np, pkgutil, importlib, tersegrad.solvers.compressors as rooms;"
        "from numba.core.dispatcher import Dispatcher;"
        "[importlib.import_module(rooms.__name__ + '.' + m.name) for m in pkgutil.iter_modules(rooms.__path__)];"
        "[decode(c, encode(c, np.ones(5)), 5) for c in map(compressor, ('ternary', 'qsgd', 'topk:k=5', 'natural'))];"
        "import gc; kernels = [k for k in gc.get_objects() if isinstance(k, Dispatcher)];"
        "ours = [k for k in kernels if k.py_func.__module__.startswith(rooms.__name__)];"
        "print(len(ours) > 30, any(k.signatures for k in ours))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"]


def test_a_message_whose_numbers_overflow_when_put_together_is_refused():
    """Found by coverage-guided fuzzing: a finite step times a level beyond the largest double."""
    with pytest.raises(InputError, match="overflow"):
        decode(compressor("qsgd:levels=4"), bytes.fromhex("ffd5d5d57250"), 14)


@pytest.mark.parametrize(
    ("up", "part"),
    [
        ("scaled:of=qsgd/levels=4", "qsgd:levels=4"),
        ("scaled:of=ternary", "ternary"),
        ("scaled:of=topk/k=4", "topk:k=4"),
    ],
)
def test_a_shortened_message_has_the_entropy_of_what_travels(up, part):
    """The receiver multiplies: the symbols are those of the part, and never exceed its bytes."""
    x = np.random.default_rng(0).standard_normal(40)
    message, bits, u, _ = sent(up, x)
    comp, inner = compressor(up), compressor(part)
    assert entropy_bits(comp, message) == entropy_bits(inner, sent(part, x)[0])
    assert entropy_bits(comp, message) <= bits
    assert np.array_equal(u, sent(part, x)[2])


def test_a_run_does_not_claim_the_entropy_of_a_sum_of_messages():
    given = {"parameters": {"gamma": 0.02}, "workers": 2, "rounds": 10}
    trace = simulate("qsgd", "quadratic:dim=40", "induced:first=topk/k=2,second=randk/k=4", **given)
    assert "entropy_up" not in trace.scalars
    trace = simulate("qsgd", "quadratic:dim=40", "composed:first=ternary,second=natural", **given)
    per_message = trace.columns["bits_up_encoded"][0, -1] / 10
    assert 0 < trace.scalars["entropy_up"][-1] <= per_message


@pytest.mark.parametrize(
    "spec", ["ternary:block=256,coder=ans", "qsgd:levels=16,norm=linf,coder=ans", "natural:coder=ans"]
)
def test_an_entropy_coder_takes_two_per_cent_more_than_the_entropy(spec):
    content, bits, _ = message(spec, np.random.default_rng(3).standard_normal(20_000))
    entropy = entropy_bits(compressor(spec), content)
    assert entropy <= bits <= 1.02 * entropy
    assert bits < 0.95 * message(spec.replace("coder=ans", "coder=plain"), content)[1]


def test_words_that_hold_something_else_than_the_histogram_are_refused():
    comp = compressor("ternary:coder=ans")
    content, _, _ = message(comp.spec, np.random.default_rng(3).standard_normal(2000))
    data = bytearray(encode(comp, content))
    data[20] ^= 1
    with pytest.raises(
        InputError, match=r"not a message of ternary:coder=ans: its (symbols do not occur|words hold more)"
    ):
        decode(comp, bytes(data), 2000)
