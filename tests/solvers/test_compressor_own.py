"""Compressors of one's own, in plain Python, and `compress` for any array."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tersegrad as tg
from tersegrad.solvers import compressors
from tersegrad.solvers.compressors import kernel
from tersegrad.theory import InputError


class Parity(tg.Compressor):
    """The even or the odd coordinates, twice as large."""

    name = "parity"
    together = True

    def unbiased(self, dim: int) -> tg.Unbiased:
        return tg.Unbiased(omega=1.0)

    def draws(self, dim: int) -> int:
        return 1

    def compress(self, x, u):  # type: ignore[no-untyped-def, override]
        return np.where(np.arange(x.size) % 2 == (u[0] < 0.5), 2 * x, 0.0)


class Half(tg.Compressor):
    """Every other coordinate, the rest dropped; sent as doubles."""

    name = "half"

    def contractive(self, dim: int) -> tg.Contractive | None:
        return None

    def compress(self, x, u):  # type: ignore[no-untyped-def, override]
        return np.where(np.arange(x.size) % 2, 0.0, x)

    def encode(self, message: np.ndarray) -> bytes:
        return message[::2].tobytes()

    def decode(self, data: bytes, dim: int) -> np.ndarray:
        message = np.zeros(dim)
        message[::2] = np.frombuffer(data)
        return message

    def formula_bits(self, dim: int, float_bits: int = 32) -> float:
        return float(float_bits * ((dim + 1) // 2))


def simulate(up: Any, **options: Any) -> tg.Trace:
    settings = {"parameters": {"gamma": 0.1}, "workers": 3, "rounds": 20, "replicas": 2} | options
    return tg.simulate("qsgd", "quadratic:dim=10,noise=gaussian,sigma_sq=0.1", up, **settings)


def test_the_documented_example_runs_word_for_word():
    text = inspect.cleandoc(compressors.__doc__ or "")
    block = text.partition("needed::\n")[2].partition("\n``compress(x, u)``")[0]
    names: dict[str, Any] = {}
    exec(inspect.cleandoc("\n" + block), names)
    assert names["message"].tolist() in ([2, 0, 6, 0], [0, 4, 0, 8])
    assert names["certificate"].verdict == "holds"
    assert names["certificate"].claims == {"omega": 1.0}
    (verdict,) = names["verdicts"]
    assert verdict.verdict == "holds"
    assert verdict.up == "parity"
    assert verdict.speedup is not None
    assert "your own uplink compressor 'parity'" in verdict.command


def test_what_is_not_given_is_absent_and_not_violated():
    found = tg.certify(Parity(), 30, budget=1e6)
    verdicts = {row.check: row.verdict for row in found.rows}
    assert verdicts["decode(encode(C(x))) = C(x)"] == verdicts["bits counted - bits sent"] == "not given"
    assert found.bits == {}
    trace = simulate(Parity())
    assert "bits_up_encoded" not in trace.columns
    assert not {"bits_up_formula", "entropy_up"} & set(trace.scalars)
    assert {"bits_down_encoded"} <= set(trace.columns)


def test_what_is_given_is_counted():
    trace = simulate(Half())
    assert trace.columns["bits_up_encoded"][0, -1] == pytest.approx(20 * 64 * 5)
    assert trace.scalars["bits_up_formula"][-1] == pytest.approx(20 * 32 * 5)
    assert "entropy_up" not in trace.scalars
    found = tg.certify(Half(), 10)
    assert found.verdict == "holds"
    assert found.bits == {"formula": 160, "encoded": 320}
    assert {row.check for row in found.rows if row.verdict == "not given"} == {"a constant that a theorem could use"}


def test_a_wrong_constant_in_python_is_seen():
    class Boasting(Parity):
        def unbiased(self, dim: int) -> tg.Unbiased:
            return tg.Unbiased(omega=0.5)

    assert tg.certify(Boasting(), 30, budget=1e6).verdict == "violated"


def test_a_plain_function_gives_the_bits_of_a_kernel():
    """Top-1 in NumPy, run by the engine, walks the path of the library's kernel."""

    class Largest(tg.Compressor):
        name = "largest"

        def compress(self, x, u):  # type: ignore[no-untyped-def, override]
            kept = np.argmax(np.abs(x))
            out = np.zeros_like(x)
            out[kept] = np.array([x[kept]]).view(np.int64)[0:1].__and__(-(1 << 32)).view(np.float64)[0]
            return out

    ours, theirs = (
        tg.simulate("ef21", "quadratic:dim=10", up, parameters={"gamma": 0.05}, workers=3, rounds=30, paths=True)
        for up in (Largest(), "topk:k=1")
    )
    assert np.array_equal(ours.paths["x"], theirs.paths["x"])


def test_a_part_written_in_python():
    """scaled:of=... of an own unbiased compressor is the contraction 1/(1 + omega)."""
    scaled = tg.compressor("scaled:of=ternary").__class__(of=Parity())
    assert scaled.contractive(6).delta == 0.5
    assert np.array_equal(2 * scaled.compress(np.arange(6.0), seed=3), Parity().compress(np.arange(6.0), seed=3))
    assert tg.certify(scaled, 12, budget=1e6).verdict == "holds"


def test_a_failure_in_python_ends_the_run_with_its_own_words():
    class Broken(Parity):
        def compress(self, x, u):  # type: ignore[no-untyped-def, override]
            raise ZeroDivisionError("no message today")

    class Short(Parity):
        def compress(self, x, u):  # type: ignore[no-untyped-def, override]
            return x[1:]

    for call in (simulate, lambda c: c.compress(np.ones(10)), lambda c: tg.certify(c, 10)):
        with pytest.raises(InputError, match=r"^Broken\.compress fails: ZeroDivisionError: no message today$"):
            call(Broken())
        with pytest.raises(
            InputError, match=r"returned an array of type float64 and shape \(9,\) for a vector of shape \(10,\)"
        ):
            call(Short())


def test_real_workers_need_bytes():
    with pytest.raises(InputError, match="does not say how its messages become bytes"):
        compressors.encoder(Parity(), 10)


# --- compress for any array


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint16, np.int64, bool, ">f8"])
def test_any_real_numbers_are_compressed(dtype):
    x = np.array([0, 1, 2, 3, 4]).astype(dtype)
    expected = [0, 1, 1, 0, 0] if dtype is bool else [0, 0, 0, 3, 4]
    assert tg.compressor("topk:k=2").compress(x).tolist() == expected


def test_rows_strides_and_lists():
    comp = tg.compressor("qsgd:levels=3")
    x = np.random.default_rng(0).standard_normal((4, 6))
    each = comp.compress(x, seed=5)
    assert each.shape == (4, 6)
    assert np.array_equal(comp.compress(x[0], seed=5), each[0])
    assert np.array_equal(comp.compress(np.asfortranarray(x), seed=5), each)
    assert np.array_equal(comp.compress(np.repeat(x, 2, axis=1)[:, ::2], seed=5), each)
    assert np.array_equal(comp.compress(x[0].tolist(), seed=5), each[0])
    assert not np.array_equal(comp.compress(x, seed=6), each)
    assert comp.compress(np.zeros((0, 6))).shape == (0, 6)
    u = np.full((4, comp.draws(6)), 0.5)
    assert np.array_equal(comp.compress(x, u), comp.compress(x, u, seed=9))


def test_perm_k_of_all_workers_is_the_vector():
    """n messages of one vector, dealt out by one seed, average to it (but for 32-bit rounding)."""
    comp, x = tg.compressor("permk:workers=3"), np.arange(1.0, 7.0)
    parts = [comp.compress(x, seed=2, worker=i, workers=3) for i in range(3)]
    assert np.mean(parts, axis=0) == pytest.approx(x, rel=1e-6)


@pytest.mark.parametrize(
    ("x", "options", "word"),
    [
        ([], {}, "neither a vector"),
        (np.zeros((2, 0)), {}, "neither a vector"),
        (3.0, {}, "neither a vector"),
        (["a"], {}, "give an array of numbers"),
        ([1j], {}, "give an array of numbers"),
        (np.zeros((2, 2, 2)), {}, "neither a vector"),
        ([1.0], {"seed": -1}, "seed=-1"),
        ([1.0], {"seed": None}, "seed=None"),
        ([1.0, 2.0], {"u": [0.5]}, "u must hold"),
        ([1.0], {"u": [1.0, 2.0]}, "u must hold"),
    ],
)
def test_what_is_no_vector_is_named(x, options, word):
    with pytest.raises(InputError, match=word):
        tg.compressor("ternary").compress(x, **options)
    with pytest.raises(InputError, match="dim=0"):
        kernel(tg.compressor("topk:k=1"), 0)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"dim": 0}, "dim=0"),
        ({"dim": 2.5}, "dim=2.5"),
        ({"dim": 8, "seed": -1}, "seed=-1"),
        ({"dim": 8, "seed": True}, "seed=True"),
        ({"dim": 8, "budget": float("nan")}, "budget=nan"),
        ({"dim": 8, "alpha": "x"}, "alpha='x'"),
        ({"dim": 8, "alpha": float("nan")}, "alpha=nan"),
    ],
)
def test_arguments_of_certify_are_checked(arguments, word):
    with pytest.raises(InputError, match=word):
        tg.certify("topk:k=1", **arguments)


def test_certify_takes_numbers_of_numpy():
    assert tg.certify("topk:k=1", np.int64(8), seed=np.uint8(3)).rows == tg.certify("topk:k=1", 8, seed=3).rows


@pytest.mark.parametrize("wrong", [None, 3, 0.5, ["topk"], tg.Compressor])
def test_what_is_no_compressor_is_named(wrong):
    with pytest.raises(InputError, match="give a string or a Compressor"):
        tg.compressor(wrong)


@pytest.mark.parametrize("spec", ["topk:k=1", "dynamic"])
def test_a_raw_kernel_comes_back_from_an_empty_row(spec):
    """It once looked for ever for the largest of no entries."""
    compress, params, _ = kernel(tg.compressor(spec), 4)
    none, bits = np.zeros((1, 0)), np.zeros(1)
    compress(none, none, np.zeros(7, np.int64), params, none, np.zeros((1, 0)), bits)
