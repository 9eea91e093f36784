"""Columns, meters and schedules of every method, held against its pseudo-code and plain Python."""

from dataclasses import replace

import numpy as np
import pytest

from support.compressor_table import ALL
from tersegrad.solvers import bits
from tersegrad.solvers import clocks as made
from tersegrad.solvers.method import known_methods
from tersegrad.solvers.schedule import Schedule
from tersegrad.solvers.trace import Trace
from tersegrad.theory.compressors import COMPRESSORS, compressor
from tersegrad.validation import clocks, meters, recorded
from tersegrad.validation.clocks import schedules_conform
from tersegrad.validation.parts import compressor_conforms
from tersegrad.validation.recorded import records_conform

ASYNCHRONOUS = [name for name, method in known_methods().items() if method.clock]


@pytest.mark.parametrize("name", known_methods())
def test_every_method_records_what_it_did(name):
    found = records_conform(name)
    assert found.word == "conforms", str(found)
    assert {"the column grad_sq", "the column bits_up_encoded", "the round of a divergence"} <= set(found.checked)


def test_without_pseudocode_nothing_is_said():
    assert records_conform(replace(known_methods()["sgd"], transcription=None)).word == "not checked"


@pytest.mark.parametrize(
    ("method", "column", "factor"),
    [
        ("doublesqueeze", "error_sq", 0.5), ("doublesqueeze", "entropy_up", 0.5), ("sgd", "grad_sq_mean", 2.0),
        ("diana", "memory_error_sq", 1.01), ("liec", "consensus_sq", 1.01), ("qsgd", "bits_up_formula", 1.001),
        ("marina", "bits_up_encoded", 1.001), ("error-feedback", "shadow_dist_sq", 0.9),
    ],
)  # fmt: skip
def test_a_number_that_is_recorded_wrongly_is_found(method, column, factor, monkeypatch):
    right = recorded.simulate

    def wrong(*arguments, **options):
        trace = right(*arguments, **options)
        for group in (trace.columns, trace.scalars):
            if column in group:
                group[column] = factor * group[column]
        return trace

    monkeypatch.setattr(recorded, "simulate", wrong)
    found = records_conform(method)
    assert found.word == "differs"
    assert f"recorded as {column}," in found.where


def test_a_divergence_that_comes_late_is_found(monkeypatch):
    right = recorded.simulate

    def late(*arguments, **options) -> Trace:
        trace = right(*arguments, **options)
        return replace(trace, first_bad=np.where(trace.first_bad > 0, trace.first_bad + 1, 0))

    monkeypatch.setattr(recorded, "simulate", late)
    assert "in the round of a divergence" in records_conform("sgd").where


def test_bits_a_round_that_are_summed_up_wrongly_are_found(monkeypatch):
    right = bits.bits_per_round
    monkeypatch.setattr(recorded, "bits_per_round", lambda trace, d: replace(right(trace, d), encoded=1.0))
    assert "bits a round (encoded)" in records_conform("qsgd").where


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_every_schedule_is_what_its_clock_says(name):
    found = schedules_conform(name, seed=3)
    assert found.word == "conforms", str(found)


def test_a_synchronous_method_has_no_schedule():
    assert schedules_conform("sgd").word == "not checked"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("straggler", lambda right: lambda factor=10.0: right(factor / 2)),
        ("fixed", lambda right: lambda tau: right(tau + 1)),
        ("exponential", lambda right: lambda mean=1.0: made.CLOCKS["constant"]()),
        ("cyclic", lambda right: lambda: made.CLOCKS["constant"]()),
        ("drawn", lambda right: lambda tau=0: lambda *a: replace(made.CLOCKS["fixed"](tau)(*a), drawn=True)),
        ("power", lambda right: lambda exponent=0.5: lambda a: replace(right(exponent)(a), seconds=None)),
    ],
)
def test_a_clock_that_goes_wrong_is_found(name, change, monkeypatch):
    monkeypatch.setitem(made.CLOCKS, name, change(made.CLOCKS[name]))
    words = ("delayed-sgd",) if name == "cyclic" else ("delayed-sgd", "ringmaster")  # there it takes equal times anyway
    for word in words:
        assert f"under the clock {name}" in schedules_conform(word).where


def test_a_server_that_drops_too_little_or_keeps_another_time_is_found(monkeypatch):
    right = made._dropping
    for change, words in (
        (lambda wanted, duration, limit: right(wanted, duration, limit + 1), "in message"),
        (lambda *a: replace(right(*a), seconds=right(*a).seconds + 1), "in the seconds"),
    ):
        monkeypatch.setattr(made, "_dropping", change)
        assert words in schedules_conform("ringmaster").where


@pytest.mark.parametrize(("fact", "value"), [("tau", 1), ("same_age", False), ("uniform_draws", True)])
def test_a_wrong_fact_of_a_schedule_is_found(fact, value, monkeypatch):
    right = Schedule.facts
    monkeypatch.setattr(Schedule, "facts", lambda self, table=False: {**right(self, table), fact: value})
    assert f"in {fact} of the schedule" in schedules_conform("delayed-sgd").where


def test_the_facts_of_a_schedule_by_hand():
    """Worker 1 reports in step 1 what it computed at x^0, and its report is still in use in step 2."""
    rows = [(0, 0, 0), (0, 1, 0), (1, 1, 0), (2, 0, 2)]
    assert clocks.facts(rows, 2, 3, table=True) == {"tau": 2, "same_age": True, "every_worker": False}
    assert clocks.facts(rows, 2, 3, table=False)["tau"] == 1


def test_every_compressor_has_its_formula():
    assert {
        name for name, made in COMPRESSORS.items() if made.__module__.startswith("tersegrad.theory.compressors.")
    } == set(meters.FORMULAS)


def test_entropy_by_hand():
    assert meters.entropy("aabb") == 4.0
    assert meters.entropy("aaaa") == 0.0
    assert meters.entropy("aaab") == pytest.approx(3 * np.log2(4 / 3) + 2)


@pytest.mark.parametrize("spec", [spec for spec in ALL if compressor(spec).name in meters.ENTROPIES])
def test_half_an_entropy_is_found(spec, monkeypatch):
    from tersegrad.validation import parts

    right = parts.entropy_bits
    monkeypatch.setattr(parts, "entropy_bits", lambda *a: right(*a) / 2)
    assert "the entropy of the vector" in compressor_conforms(spec, dims=(13, 6, 12)).where


def test_a_formula_and_a_length_that_are_off_are_found(monkeypatch):
    kind = type(compressor("topk:k=2"))
    monkeypatch.setattr(kind, "formula_bits", lambda self, dim, float_bits=32: 32.0 * self.kept(dim))
    assert "the formula of the bits" in compressor_conforms("topk:k=2", dims=(6,)).where
    monkeypatch.undo()
    monkeypatch.setitem(meters.LENGTHS, "topk", lambda c, d: 40.0)
    assert "the length of the bytes" in compressor_conforms("topk:k=2", dims=(6,)).where


def test_bits_that_a_theorem_counts_wrongly_are_found(monkeypatch):
    from tersegrad.theory import THEOREMS

    kind = type(THEOREMS["liec.nonconvex"])
    monkeypatch.setattr(kind, "bits_per_round", lambda self, up, down, dense, p: up + down)
    assert "in the bits that liec.nonconvex counts" in records_conform("liec").where


def test_what_constants_imply_is_true_of_a_problem(monkeypatch):
    from tersegrad.theory import Constants
    from tersegrad.validation.parts import completion_conforms

    assert completion_conforms(seed=2).word == "conforms"
    right = Constants.completed

    def smaller(self, wanted=()):
        filled = right(self, wanted)
        return filled if self.gap0 is not None else replace(filled, gap0=filled.gap0 / 100)

    monkeypatch.setattr(Constants, "completed", smaller)
    assert "gap0, which is filled in" in completion_conforms().where


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s, rnd, i, stream, d, right: right(s, rnd >> 3, i, stream, d), "in the words"),
        (lambda s, rnd, i, stream, d, right: right(s, rnd, i >> 1, stream, d), "in the words"),
    ],
)
def test_random_numbers_that_repeat_are_found(change, sentence, monkeypatch):
    from tersegrad.solvers import random
    from tersegrad.validation.drawn import random_conforms

    assert random_conforms().word == "conforms"
    right = random.philox
    monkeypatch.setattr(random, "philox", lambda *a: change(*a, right))
    assert sentence in random_conforms().where


def test_shorter_uniforms_and_a_common_stream_are_found(monkeypatch):
    from tersegrad.solvers import random
    from tersegrad.validation.drawn import random_conforms

    monkeypatch.setattr(random, "STREAM_DOWN", random.STREAM_UP)
    assert "in the streams" in random_conforms().where
    right = random.to_uniforms

    def shorter(d):
        right(d)
        d.numbers[:] *= 0.99

    monkeypatch.setattr(random, "to_uniforms", shorter)
    assert "in the uniforms" in random_conforms().where
