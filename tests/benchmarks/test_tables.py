"""The tables of benchmarks have every method and every compressor, and exponents come out right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks.workloads import QUICK

from benchmarks import tables
from tersegrad.solvers.method import known_methods
from tersegrad.theory.compressors.registry import COMPRESSORS


@pytest.fixture(autouse=True)
def once(monkeypatch):
    """Nothing is timed here: every piece of work is done once."""
    monkeypatch.setattr(tables, "best", lambda work, seconds=0.0: (work(), 1e-3)[1])


def test_every_method_has_a_row_on_both_shapes(monkeypatch):
    small = {
        "W1": replace(QUICK["W1"], problem="least-squares:rows=60,dim=20,reg=0.05", rounds=8, replicas=2),
        "W2": replace(QUICK["W2"], rounds=20, replicas=2),
    }
    monkeypatch.setattr(tables, "QUICK", small)
    rows = tables.methods(quick=True)
    assert [row["method"] for row in rows] == [*known_methods()] * 2
    assert all(row.get("us", 0) > 0 or row["note"] for row in rows)


def test_every_compressor_has_a_row_at_every_dimension():
    rows = tables.codecs(quick=True)
    assert {row["compressor"].partition(":")[0] for row in rows} == {*COMPRESSORS}
    assert all("note" in row or row["bytes"] >= 0 for row in rows)


def test_exponents_are_those_of_the_times(monkeypatch):
    sizes = iter([k**2.0 for k in (1, 2, 4, 8)] * 4)
    monkeypatch.setattr(tables, "best", lambda work, seconds: next(sizes))
    assert [row["exponent"] for row in tables.growth(quick=True)] == pytest.approx([2.0] * 4)


def test_a_table_is_aligned_and_leaves_out_what_is_not_known():
    shown = tables.text([{"method": "sgd", "us": 1.5}, {"method": "dore", "note": "no"}]).splitlines()
    assert [line.split() for line in shown] == [["method", "us", "note"], ["sgd", "1.5"], ["dore", "no"]]
