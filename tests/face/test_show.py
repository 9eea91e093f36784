"""``tersegrad show ID`` names the file, the proof and the tests of what it shows."""

import inspect
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.common.house import ROOT, proof_of
from tersegrad.solvers.method import known_methods, method
from tersegrad.theory import THEOREMS

KHIRIRAT = "docs/proofs/khirirat.md"


def where(name):
    """The paths that `show` prints, by the word before them."""
    text = CliRunner().invoke(main, ["show", name]).stdout
    lines = {line.partition(": ")[0]: line.partition(": ")[2] for line in text.splitlines()}
    found = {key: re.findall(r"[\w/.]+/[\w.]+\.(?:py|md)", lines.get(key, "")) for key in ("file", "proof", "tests")}
    for paths in found.values():
        assert all((ROOT / path).exists() for path in paths)
    return found


@pytest.mark.parametrize(
    ("name", "file", "proof", "test"),
    [
        ("khirirat.q-iag-convex", "theory/theorems/q_iag.py", KHIRIRAT, "tests/solvers/test_khirirat.py"),
        ("khirirat.q-gd-convex", "theory/theorems/q_gd.py", KHIRIRAT, None),
        ("dore.strongly-convex", "theory/theorems/dore.py", "docs/proofs/dore.md", "tests/theory/test_dore.py"),
        ("sgd.convex", "theory/theorems/sgd.py", None, None),
        ("d-qgd", "solvers/methods/d_qgd.py", None, "tests/solvers/test_khirirat.py"),
        ("topk", "theory/compressors/topk.py", None, "tests/solvers/test_compressors.py"),
        ("topk", "solvers/compressors/topk.py", None, None),
        ("logistic", "problems/logistic.py", None, "tests/problems/test_problems.py"),
        ("dore.claim-bits", "validation/claims/dore.py", None, "tests/validation/test_claims.py"),
    ],
)  # fmt: skip
def test_the_files_of_a_thing_are_named(name, file, proof, test):
    found = where(name)
    assert file in found["file"]
    assert found["proof"] == ([proof] if proof else [])
    assert test is None or test in found["tests"] or len(found["tests"]) == 6


@pytest.mark.parametrize("id", THEOREMS)
def test_what_is_ours_or_restated_has_a_proof_in_the_repository(id):
    t = THEOREMS[id]
    assert t.file == Path(ROOT / "theory" / "theorems" / f"{type(t).__module__.rpartition('.')[2]}.py")
    if t.provenance in ("ours", "restated"):
        assert t.proof is not None
        assert t.proof == proof_of(id)


@pytest.mark.parametrize("name", list(known_methods()))
def test_the_pseudo_code_of_every_method_is_a_page(name):
    """Twenty lines at most; what is shown is what runs."""
    result = CliRunner().invoke(main, ["show", name, "--pseudocode"])
    assert result.exit_code == 0
    title, _, _, *code = result.stdout.rstrip().splitlines()
    assert title == f"# {method(name).title}: {method(name).source}"
    assert code == inspect.getsource(method(name).transcription).rstrip().splitlines()
    assert len(code) <= 20
    assert any("yield State(" in line for line in code)


def test_the_pseudo_code_of_a_theorem_is_that_of_its_method():
    shown = [CliRunner().invoke(main, ["show", n, "--pseudocode"]).stdout for n in ("dore", "dore.nonconvex")]
    assert shown[0] == shown[1]
    assert "ghat = hbar + avg(D)" in shown[0]


def test_there_is_no_pseudo_code_of_a_compressor():
    result = CliRunner().invoke(main, ["show", "topk", "--pseudocode"])
    assert result.exit_code == 2
    assert "unknown method 'topk'" in result.output


def test_a_certificate_is_shown_where_there_is_one():
    """Multipliers and squares, in letters that the text explains."""
    result = CliRunner().invoke(main, ["show", "ef21.tight", "--certificate"])
    assert result.exit_code == 0
    assert result.stdout.count("multiplier") == 4
    assert "lam    = s*rho*(1 + s)/(rho - s)" in result.stdout
    result = CliRunner().invoke(main, ["show", "ef21.pl", "--certificate"])
    assert result.exit_code == 2
    assert "no certificate of 'ef21.pl'; there are: ef21.tight, error-feedback.tight" in result.output
