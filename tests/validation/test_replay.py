"""Replay: a certificate comes out again bit for bit, and whatever is changed in it is found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.validation import verify
from tersegrad.validation.replay import replay

NOISY = "quadratic:dim=4,mu=0.2,L=1,radius=5,noise=gaussian,sigma_sq=0.1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (verdict,) = verify(["qsgd.strongly-convex"], problem=NOISY, up="randk:k=2", rounds=60, replicas=4, seed=3)
    path = tmp_path_factory.mktemp("certificates") / "qsgd.strongly-convex.json"
    path.write_text(json.dumps(verdict.certificate()))
    return path


def test_a_certificate_carries_the_curves_and_comes_out_again(certificate: Path) -> None:
    held = json.loads(certificate.read_text())
    curves = held["series"]
    assert len(curves["rounds"]) == len(curves["mean"]) == len(curves["low"]) == len(curves["bound"]) > 10
    assert np.all(np.array(curves["low"]) < np.array(curves["high"]))
    assert replay(certificate).word == "confirmed"
    answer = CliRunner().invoke(main, ["replay", str(certificate), "--json"])
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["replays"][0]["word"] == "confirmed"


@pytest.mark.parametrize(
    ("where", "value"), [("seed", 4), ("alpha", 2e-3), ("verdict", "violated"), ("series", None), ("replicas", 5)]
)
def test_what_is_changed_is_found(certificate: Path, tmp_path: Path, where: str, value: object) -> None:
    changed = json.loads(certificate.read_text())
    if where == "series":
        changed["series"]["mean"][7] = np.nextafter(changed["series"]["mean"][7], 1e9)
    else:
        changed[where] = value
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(changed))
    found = replay(path)
    assert found.word == "differs"
    assert "was" in found.reason
    assert CliRunner().invoke(main, ["replay", str(path)]).exit_code == 1


def test_an_own_object_cannot_be_repeated_and_says_so(tmp_path: Path) -> None:
    own = problem(NOISY, workers=3)
    (verdict,) = verify(["sgd.strongly-convex"], problem=own, rounds=20, replicas=4)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(verdict.certificate()))
    found = replay(path)
    assert found.word == "cannot be repeated"
    assert found.reason == "it was run with a problem of your own, which no file holds"
    assert CliRunner().invoke(main, ["replay", str(path)]).exit_code == 3


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"theorem": "x", "seed": 1}'])
def test_what_is_no_certificate_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "no.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is not a certificate"):
        replay(path)
    assert CliRunner().invoke(main, ["replay", str(path)]).exit_code == 2
    with pytest.raises(InputError, match="cannot read the certificate"):
        replay(tmp_path / "missing.json")
