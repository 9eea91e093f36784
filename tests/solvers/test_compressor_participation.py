"""Workers that take part with a probability, from the front door to the verdict."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import tersegrad as tg
from tersegrad.cli import main
from tersegrad.theory import THEOREMS, Constants, InputError, NoGuarantee
from tersegrad.theory.compressors.participation import participating

KNOWN = Constants(
    n=4, dim=20, L=1.0, L_max=1.5, mu=0.2, gap0=1.0, dist0_sq=2.0, grad0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.1
)


def test_a_contraction_is_weaker_and_a_dithering_noisier():
    """The guarantee is the theorem's at p delta, and at (1 + omega)/p - 1."""
    biased = tg.theorem("ef21.pl").guarantee
    found = biased(KNOWN, "topk:k=5", participation=0.5)
    delta = tg.compressor("topk:k=5").contractive(20).delta
    assert found.parameters == biased(KNOWN, tg.Contractive(0.5 * delta)).parameters
    assert found.parameters["gamma"] < biased(KNOWN, "topk:k=5").parameters["gamma"]
    unbiased = tg.theorem("diana.strongly-convex").guarantee
    found = unbiased(KNOWN, "ternary", participation=0.25)
    omega = tg.compressor("ternary").unbiased(20).omega
    assert found.parameters == pytest.approx(unbiased(KNOWN, tg.Unbiased((1 + omega) / 0.25 - 1)).parameters)
    assert (
        unbiased(KNOWN, tg.Unbiased(1.0), participation=0.25).parameters == unbiased(KNOWN, tg.Unbiased(7.0)).parameters
    )


def test_no_compression_is_sent_as_the_theorem_needs_it():
    """The identity is both: as it is for EF21, divided by p for DIANA."""
    for name, wanted in (("ef21.pl", tg.Contractive(0.5)), ("diana.strongly-convex", tg.Unbiased(1.0))):
        ask = tg.theorem(name).guarantee
        assert ask(KNOWN, participation=0.5).parameters == ask(KNOWN, wanted).parameters
        assert ask(KNOWN, "identity", participation=0.5).parameters == ask(KNOWN, wanted).parameters


@pytest.mark.parametrize("name", THEOREMS)
@pytest.mark.parametrize("up", [None, "topk:k=5", "ternary", "sign"])
def test_every_theorem_answers_with_a_guarantee_or_a_reason(name, up):
    ask = THEOREMS[name].guarantee
    partial, full = ask(KNOWN, up, participation=0.5, rounds=100), ask(KNOWN, up, rounds=100)
    assert bool(partial) <= bool(full)
    if not partial:
        assert isinstance(partial, NoGuarantee)
        assert partial.reason
    always = ask(KNOWN, up, participation=1, rounds=100)
    assert always.parameters == full.parameters if full else not always


def test_silence_has_no_bounded_error():
    found = tg.theorem("doublesqueeze.nonconvex").guarantee(KNOWN, "threshold", participation=0.5)
    assert not found
    with pytest.raises(InputError, match=r"eps = 0\.1 is lost"):
        participating(tg.AbsoluteError(0.1), 0.5)
    for wrong in (0, -1, 1.5, float("nan"), "x", True):
        with pytest.raises(InputError, match="participation="):
            participating("topk:k=1", wrong)


def test_on_the_command_line_as_in_python(tmp_path):
    known = "L=1 L_max=1.5 mu=0.2 n=4 dim=20"
    words = f"step-size ef21.pl --set {known} --up topk:k=5 --participation 0.5 --json"
    answer = json.loads(CliRunner().invoke(main, words.split()).stdout)
    exact = Constants(L=1, L_max=1.5, mu=0.2, n=4, dim=20)
    found = tg.theorem("ef21.pl").guarantee(exact, "topk:k=5", participation=0.5)
    assert answer["parameters"]["gamma"] == pytest.approx(found.parameters["gamma"])
    words = "run ef21 --problem quadratic:dim=20 --up topk:k=5 --participation 0.5 --workers 4 --rounds 300 --json"
    answer = json.loads(CliRunner().invoke(main, words.split()).stdout)
    assert answer["up"] == "participation:of=topk/k=5,p=0.5"
    always = json.loads(
        CliRunner().invoke(main, [w for w in words.split() if w not in ("--participation", "0.5")]).stdout
    )
    silent = 64 * 20  # the broadcast, which everybody hears
    spoken = (answer["bits"]["encoded"] - silent) / (always["bits"]["encoded"] - silent)
    assert spoken == pytest.approx(0.5, abs=0.08)
    wrong = CliRunner().invoke(main, ["run", "ef21", "--problem", "quadratic", "--participation", "0"])
    assert wrong.exit_code == 2


@pytest.mark.parametrize(("name", "up"), [("qsgd.strongly-convex", "ternary"), ("ef21.pl", None)])
def test_a_verdict_with_partial_participation(name, up):
    (verdict,) = tg.verify([name], up=up, participation=0.5, quick=True)
    assert verdict.verdict == "holds"
    assert "--participation 0.5" in verdict.command
    assert verdict.up.startswith("participation:of=")


def test_real_workers_are_silent_to_the_same_bits():
    given = {"parameters": {"gamma": 0.05, "alpha": 0.2}, "workers": 2, "rounds": 12, "paths": True}
    up = "participation:of=qsgd/levels=4,p=0.5"
    here = tg.simulate("diana", "quadratic:dim=9", up, **given)
    there = tg.run("diana", "quadratic:dim=9", "qsgd:levels=4", engine="processes", participation=0.5, **given)
    assert here.about["up"] == there.about["up"] == up
    assert np.array_equal(here.paths["x"], there.paths["x"])
    assert np.array_equal(here.columns["bits_up_encoded"], there.columns["bits_up_encoded"])
