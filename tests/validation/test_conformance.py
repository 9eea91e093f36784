"""Is it the method? All that is in the library is; what has one thing changed is not, and where is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.wrong_methods import EDITS, ENGINE_EDITS, OBJECTS, changed, edited
from tersegrad import solvers
from tersegrad.common.errors import InputError
from tersegrad.solvers.channels import SEND
from tersegrad.solvers.engines import rounds, setup
from tersegrad.solvers.method import Method, known_methods, method
from tersegrad.solvers.methods.diana import DIANA
from tersegrad.solvers.methods.doublesqueeze import DOUBLESQUEEZE
from tersegrad.solvers.methods.sgd import SGD
from tersegrad.solvers.random import ADD_NOISE, PHILOX, TO_UNIFORMS
from tersegrad.solvers.rules import descend
from tersegrad.solvers.signatures import address
from tersegrad.validation import conformance, conforms
from tersegrad.validation.identities import IDENTITIES, REDUCTIONS, Drawn, Step
from tersegrad.validation.watching import watch


def settings_of(subject):
    """Runs of a method in the settings of the product."""
    numbers = {name: conformance.PARAMETERS[name] for name in subject.parameters}
    usual = [*conformance.SETTINGS, conformance.Setting(conformance._QUADRATIC)]
    for setting in conformance.RESHUFFLED if subject.reshuffles else usual:
        yield conformance._prepare(subject, setting, numbers, 12, 0), setting


@pytest.mark.parametrize("name", list(known_methods()))
def test_every_method_is_its_papers(name):
    """All that the engine keeps is compared, and agrees to a few roundings: an eighth of what is allowed."""
    answer = conforms(name)
    assert answer.word == "conforms", str(answer)
    assert answer.difference < answer.tolerance / 8
    subject = method(name)
    run, _ = next(settings_of(subject))
    *_, last = watch(run)
    kept = set()
    for key, value in last.arrays.items():
        kept |= {f"{key}[{k}]" for k in range(len(value))} if isinstance(value, tuple) else {key}
    kept -= (
        set() if subject.two_way and name != "cser" else {"broadcast"}
    )  # what travels dense is x or what it is made of
    kept -= {"message"} if subject.clock == "table" else set()  # a report travels whole, its news are added up
    assert kept <= set(answer.checked)


@pytest.mark.parametrize("name", list(OBJECTS))
def test_a_method_with_one_field_changed_differs(name):
    answer = conforms(OBJECTS[name])
    assert answer.word == "differs"
    assert answer.difference > 1e3 * answer.tolerance


@pytest.mark.parametrize("edit", EDITS, ids=lambda e: f"{e.method}: {e.instead.strip() or 'nothing'}")
def test_a_method_whose_source_is_changed_differs(edit, tmp_path):
    answer = conforms(edited(edit, tmp_path))
    assert answer.word == "differs"
    assert answer.difference > 1e3 * answer.tolerance


@pytest.mark.parametrize(("file", "kernel", "text", "instead", "shows"), ENGINE_EDITS, ids=lambda v: v[:24])
def test_an_engine_whose_source_is_changed_differs(file, kernel, text, instead, shows, tmp_path, monkeypatch):
    """The engine's loop gets one wrong kernel; the transcription draws its coins from the right ones."""
    wrong = getattr(changed(Path(solvers.__path__[0]) / file, text, instead, tmp_path), kernel)
    signatures = {"philox": PHILOX, "to_uniforms": TO_UNIFORMS, "add_noise": ADD_NOISE, "send": SEND}
    tools = replace(rounds.tools(noise=True), **{kernel: address(wrong, signatures[kernel])})
    monkeypatch.setattr(rounds, "tools", lambda noise, reshuffled: tools)
    answer = conforms(shows)
    assert answer.word == "differs"
    assert answer.difference > 1e3 * answer.tolerance


def test_an_engine_that_tosses_one_coin_for_all_workers_differs(monkeypatch):
    link = setup._link
    monkeypatch.setattr(setup, "_link", lambda *given: replace(link(*given), shared=True))
    assert conforms("diana").word == "differs"


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda i: i.title)
def test_an_identity_holds_and_fails_when_a_state_is_off_by_a_millionth(identity):
    """For every method to which it applies. Rounding is below 1e-12 here."""
    rng, seen = np.random.default_rng(0), 0
    for subject in filter(identity.applies, known_methods().values()):
        for run, setting in settings_of(subject):
            drawn, past, before = Drawn(run, conformance._given(run, setting.down)), [], None
            for t, record in enumerate(watch(run)):
                if before is not None:
                    step = Step(run, t - 1, before, record, *drawn.next(before, past))
                    left = identity.left(step)
                    if left is not None and left.size:
                        seen += 1
                        assert np.abs(left).max() < 1e-12 * max(1.0, np.abs(record.arrays["x"]).max())
                        spoilt = replace(
                            record,
                            shadow=record.shadow + 1e-6,
                            arrays={k: off(v, rng) for k, v in record.arrays.items()},
                        )
                        assert np.abs(identity.left(replace(step, after=spoilt))).max() > 1e-9
                past.append(record.arrays["x"])
                before = record
    assert seen > 5


def off(value, rng):
    """Arrays with errors of about a millionth."""
    if isinstance(value, tuple):
        return tuple(off(part, rng) for part in value)
    return value + 1e-6 * rng.standard_normal(np.shape(value))


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: f"{r.one.method} is {r.other.method}")
def test_a_reduction_holds_and_fails_for_another_step(reduction):
    right, wrong = conformance.Tally(), conformance.Tally()
    subject = method(reduction.one.method)
    conformance.reduce(subject, reduction, 12, 1, right)
    assert right.found is None
    gamma = 1.001 * reduction.one.parameters["gamma"]
    other = replace(reduction.one, parameters={**reduction.one.parameters, "gamma": gamma})
    conformance.reduce(subject, replace(reduction, one=other), 12, 1, wrong)
    assert wrong.found is not None


def test_where_it_differs_is_said():
    answer = conforms(replace(DIANA, transcription=wrong_in_round_three))
    assert answer.word == "differs"
    assert answer.where.startswith("at round 3 in the memory of worker 1, on quadratic:")
    assert str(answer).startswith("differs at round 3 in the memory of worker 1, on ")
    assert answer.difference == pytest.approx(1e-3)
    assert answer.as_dict()["word"] == "differs"


def wrong_in_round_three(given, gamma, alpha):
    for t, state in enumerate(DIANA.transcription(given, gamma, alpha)):
        if t == 3:
            state.memories[1, 0] += 1e-3
        yield state


def test_a_method_of_ones_own_without_a_transcription_is_not_checked():
    own = Method(name="mine", title="mine", source="ours", parameters=("gamma",), everyone=descend)
    answer = conforms(own)
    assert answer.word == "not checked"
    assert str(answer) == ("not checked: method 'mine' has neither a transcription nor a step of its shadow sequence")


def test_a_method_of_ones_own_is_compared_with_its_transcription():
    own = Method(
        name="mine", title="mine", source="ours", parameters=("gamma",), everyone=descend,
        transcription=SGD.transcription,
    )  # fmt: skip
    assert conforms(own).word == "conforms"
    assert conforms(replace(own, transcription=twice_as_far)).word == "differs"


def twice_as_far(given, gamma):
    return SGD.transcription(given, 2 * gamma)


def test_a_method_of_ones_own_is_compared_with_its_shadow_sequence():
    own = replace(DOUBLESQUEEZE, name="mine", transcription=None)
    answer = conforms(own)
    assert answer.word == "conforms"
    assert "the shadow sequence" in answer.checked
    assert "x" not in answer.checked
    slow = replace(own, shadow_step=lambda p, t: 0.5 * p["gamma"])
    assert "from what must hold (the shadow sequence)" in conforms(slow).where


def test_a_transcription_that_ends_early_is_refused_with_a_sentence():
    with pytest.raises(InputError, match="ends after 2 rounds"):
        conforms(replace(SGD, transcription=two_rounds))


def two_rounds(given, gamma):
    states = SGD.transcription(given, gamma)
    yield next(states)
    yield next(states)


@pytest.mark.parametrize(
    ("name", "problem", "up", "down"),
    [
        ("dore", "quadratic:dim=12,mu=0.2,L=2,heterogeneity=1,rotate=1", "powersgd:rank=1", "powersgd:rank=1"),
        ("qsgd", "quadratic:dim=6,mu=0.2,L=2,heterogeneity=1", "permk:workers=3", "identity"),
        ("diana", "logistic:rows=40,dim=5,reg=0.1,batch=3", "randk:k=2,seed=shared", "identity"),
        ("cser", "quadratic:dim=6,mu=0.2,L=2,heterogeneity=1", "ternary", "powersgd:rank=1"),
        ("neolithic", "quadratic:dim=6,mu=0.2,L=2,heterogeneity=1", "randk:k=2,scaled=0", "natural"),
    ],
)
def test_in_a_setting_of_ones_own(name, problem, up, down):
    """Compressors that keep states, that know the worker, that share their coins."""
    answer = conforms(name, problem, up, down, workers=3)
    assert answer.word == "conforms", str(answer)
    if "powersgd" in up:
        assert {"up", "down"} <= set(answer.checked)
    if name == "cser":
        assert "up_special" in answer.checked
