"""Which stored run may be gone on with: that of the same problem, whatever its file is called; damaged files."""

from __future__ import annotations

import copy
import hashlib
import json

import numpy as np
import pytest

import tersegrad as tg
from support.problem_table import NOISY
from support.wires import differing, over_threads
from tersegrad.problems import problem as build
from tersegrad.problems.digest import problem_digest, share_digests
from tersegrad.problems.share import without_optimum
from tersegrad.solvers import snapshot
from tersegrad.theory import InputError

DORE = {"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2}
ROWS = [f"{1 if (7 * k) % 5 < 2 else -1} 1:{k % 7 + 1}.5 2:{k % 3 - 1} 3:{(k * k) % 11}" for k in range(24)]


def data(path, rows=ROWS):
    path.write_text("\n".join(rows) + "\n")
    return path


# -- what a problem is -------------------------------------------------------------------------------------------------


def digest(problem):
    return problem_digest(problem, share_digests(problem))


def test_a_digest_is_that_of_the_data_not_of_the_name(tmp_path):
    pytest.importorskip("sklearn.datasets")
    spec = "logistic:data={},reg=0.1"
    one = digest(build(spec.format(data(tmp_path / "a.svm")), workers=3))
    assert one == digest(build(spec.format(data(tmp_path / "b.svm")), workers=3))
    flipped = [ROWS[0].replace("1 1:", "-1 1:", 1), *ROWS[1:]]
    assert one != digest(build(spec.format(data(tmp_path / "a.svm", flipped)), workers=3))
    assert one != digest(build(spec.format(data(tmp_path / "a.svm", ROWS[:-1])), workers=3))
    assert one != digest(build(spec.format(data(tmp_path / "a.svm")), workers=4))
    assert one != digest(build("logistic:data={},reg=0.2".format(tmp_path / "a.svm"), workers=3))


@pytest.mark.parametrize("change", ["x0", "A", "b"])
def test_a_digest_knows_every_number_of_a_problem(change):
    problem = build("least-squares:rows=12,dim=3,reg=0.1", workers=2)
    before = digest(problem)
    getattr(problem, change).flat[1] += 2.0**-40
    assert digest(problem) != before


def test_shares_alone_give_the_digest_of_the_whole(tmp_path):
    """A server that holds no rows, in every engine: the trace says the same of the problem."""
    pytest.importorskip("sklearn.datasets")
    spec = f"logistic:data={data(tmp_path / 'a.svm')},reg=0.01"
    whole = build(spec, workers=3)
    for with_data in (True, False):
        assert without_optimum(spec, 3, with_data).spec == whole.spec  # reg is at its default
    options = {"parameters": {"gamma": 0.1}, "rounds": 4, "columns": ()}
    simulated = tg.simulate("sgd", without_optimum(spec, 3, True), **options)
    real = tg.run("sgd", without_optimum(spec, 3, False), engine="processes", **options)
    assert simulated.about == real.about
    assert real.about["problem_digest"] == digest(whole)


@pytest.mark.parametrize("carry_out", [tg.simulate, over_threads])
def test_a_checkpoint_goes_with_its_data_not_with_their_name(carry_out, tmp_path):
    pytest.importorskip("sklearn.datasets")
    spec = "logistic:data={},reg=0.1"
    options = {"workers": 3, "parameters": {"gamma": 0.1}, "rounds": 9}
    first, other, file = data(tmp_path / "a.svm"), data(tmp_path / "b.svm"), tmp_path / "c"
    whole = carry_out("sgd", spec.format(first), **options, checkpoint=file, checkpoint_every=4)
    again = carry_out("sgd", spec.format(other), **options, resume=file)
    assert np.array_equal(whole.final, again.final)
    data(first, ROWS[:-1])
    with pytest.raises(InputError, match=r"the data of logistic:data=.*a\.svm,reg=0\.1 were different"):
        carry_out("sgd", spec.format(first), **options, resume=file)


def test_replicas_of_other_data_are_not_put_together():
    options = {"workers": 2, "parameters": {"gamma": 0.1}, "rounds": 4}
    one, two = (tg.simulate("sgd", f"least-squares:rows=12,dim=3,seed={seed}", **options) for seed in (1, 2))
    with pytest.raises(InputError, match="different data"):
        one.merge(two)
    assert one.merge(one).replicas == 2


# -- longer runs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "parameters", "schedule"),
    [("dore", DORE, None), ("iag", {"gamma": 0.02}, "fixed:tau=0"), ("gmc", {"gamma": 0.02, "beta": 0.5}, None)],
)
@pytest.mark.parametrize("carry_out", [tg.simulate, over_threads])
def test_a_finished_run_can_be_made_longer(word, parameters, schedule, carry_out, tmp_path):
    """It has the checkpoints of both, and the bits of the run that was as long from the beginning."""
    up = "identity" if word == "iag" else "topk:k=3" if word == "gmc" else "ternary"
    what = (word, NOISY, up, "identity")
    options = {"workers": 3, "parameters": parameters, "replicas": 2, "schedule": schedule}
    file = tmp_path / "c"
    carry_out(*what, **options, rounds=12, checkpoint=file, checkpoint_every=5)
    longer = carry_out(*what, **options, rounds=30, resume=file, checkpoint=file)
    points = sorted({*tg.simulate(*what, **options, rounds=12).rounds, *range(13, 31)} & {*longer.rounds})
    assert longer.rounds.tolist() == points
    whole = tg.simulate(*what, **options, rounds=30, checkpoints=longer.rounds)
    assert differing(whole, longer, tmp_path) == []
    with pytest.raises(InputError, match="rounds was 30, now it is 12; a run can be made longer, not shorter"):
        carry_out(*what, **options, rounds=12, resume=file)


def test_a_longer_run_cannot_have_had_other_checkpoints(tmp_path):
    options = {"workers": 2, "parameters": {"gamma": 0.1}}
    tg.simulate("sgd", NOISY, **options, rounds=8, checkpoints=[2, 8], checkpoint=tmp_path / "c", checkpoint_every=4)
    with pytest.raises(InputError, match="other checkpoints in its first 8 rounds"):
        tg.simulate("sgd", NOISY, **options, rounds=20, checkpoints=[3, 9], resume=tmp_path / "c")
    longer = tg.simulate("sgd", NOISY, **options, rounds=20, checkpoints=[2, 9], resume=tmp_path / "c")
    assert longer.rounds.tolist() == [2, 8, 9, 20]


# -- with --shares-only and without ------------------------------------------------------------------------------------


def test_a_checkpoint_does_not_cross_shares_only(tmp_path):
    """One run measures distances to x*, the other one cannot: together they would be no trace."""
    spec = "least-squares:rows=12,dim=3,reg=0.1"
    options = {"parameters": {"gamma": 0.1}, "rounds": 9, "columns": ()}
    problems = {"False": build(spec, workers=3), "True": without_optimum(spec, 3, True)}
    for was, now in (("False", "True"), ("True", "False")):
        tg.simulate("sgd", problems[was], **options, checkpoint=tmp_path / "c", checkpoint_every=4)
        with pytest.raises(InputError, match=f"--shares-only was {was}, now it is {now}"):
            tg.simulate("sgd", problems[now], **options, resume=tmp_path / "c")


# -- files that say what cannot be -------------------------------------------------------------------------------------


def rewritten(about, entries, arrays):
    """The bytes of a checkpoint with a checksum that fits."""
    header = json.dumps({"about": about, "arrays": entries}).encode()
    body = snapshot.MAGIC + len(header).to_bytes(8, "little") + header + b"".join(a.tobytes() for a in arrays)
    return body + hashlib.blake2b(body, digest_size=snapshot.CHECKSUM_BYTES).digest()


def edits(about, arrays):
    """(what was done, file) of a checkpoint that was edited in one place."""
    entries = snapshot.describe(arrays)

    def with_about(changed):
        return rewritten(changed, entries, arrays.values())

    def with_arrays(changed):
        return rewritten(about, snapshot.describe(changed), changed.values())

    for place in ("run", "done"):
        for value in (None, [], 3, "text", {}):
            if value != about[place] and not (place == "done" and value == {}):
                yield f"{place} = {value}", with_about({**about, place: value})
    for key in about["run"]:
        for value in (None, [], -1, 1.5, "text", {"a": 1}, [[]], True):
            if value != about["run"][key] and key != "problem":
                changed = copy.deepcopy(about)
                changed["run"][key] = value
                yield f"run.{key} = {value}", with_about(changed)
        changed = copy.deepcopy(about)
        del changed["run"][key]
        if key != "problem":
            yield f"no run.{key}", with_about(changed)
    for done in ({"0": -1}, {"0": 99}, {"0": 1.5}, {"0": "4"}, {"0": True}, {"1": 4}, {"x": 4}, {"": 4}, {"0": None}):
        yield f"done = {done}", with_about({**about, "done": done})
    for name, array in arrays.items():
        others = {n: a for n, a in arrays.items() if n != name}
        yield f"no {name}", with_arrays(others)
        yield f"{name} renamed", with_arrays({**others, name + "x": array})
        yield f"{name} of another block", with_arrays({**arrays, "7" + name: array})
        yield f"{name} longer", with_arrays({**others, name: np.concatenate([array, array])})
        yield f"{name} flat", with_arrays({**others, name: array.ravel()[:-1]})
        kind = np.int64 if array.dtype == np.float64 else np.float64
        yield f"{name} {kind.__name__}", with_arrays({**others, name: array.astype(kind)})
        if name.endswith("/x") and name.count("/") == 1:
            yield f"{name} NaN", with_arrays({**others, name: array * np.nan})
        if name.endswith("record"):
            for value in (np.nan, -1.0, 0.5, 1e9):
                yield f"{name} = {value}", with_arrays({**others, name: np.full_like(array, value)})
        if name in ("schedule", "versions"):
            for value in (-1, 1000, 2**62):
                yield f"{name} = {value}", with_arrays({**others, name: np.full_like(array, value)})


@pytest.mark.parametrize(
    ("word", "parameters", "real"),
    [("dore", DORE, False), ("dore", DORE, True), ("q-iag", {"gamma": 0.03}, True), ("cser", None, False)],
)
def test_edited_checkpoints_are_refused_in_one_sentence(word, parameters, real, tmp_path):
    from support.method_table import PARAMETERS

    carry_out = over_threads if real else tg.simulate
    what = (word, NOISY, "qsgd:levels=3", "ternary" if word == "dore" else "identity")
    options = {
        "workers": 2, "parameters": parameters or PARAMETERS[word], "rounds": 9, "replicas": 2, "paths": True,
        "columns": (),
    }  # fmt: skip
    file = tmp_path / "c"
    carry_out(*what, **options, checkpoint=file, checkpoint_every=4)
    about, arrays = snapshot.read(file)
    accepted, said = [], []
    for name, content in edits(about, arrays):
        file.write_bytes(content)
        try:
            carry_out(*what, **options, resume=file)
            accepted.append(name)
        except InputError as error:
            said.append(str(error))
    assert accepted == []
    assert len(said) > 150
    assert not any("\n" in sentence for sentence in said)


def test_edited_traces_are_refused_in_one_sentence(tmp_path):
    trace = tg.simulate("sgd", NOISY, workers=2, parameters={"gamma": 0.1}, rounds=9, replicas=3, paths=True)
    trace.save(tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz") as file:
        arrays = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        others = {n: a for n, a in arrays.items() if n != name}
        broken = [np.array("text"), np.array(1.5), np.zeros((2, 2, 2, 2)), np.zeros(0), array.astype("U")]
        if name == "about":
            broken = [np.array("[]"), np.array("{"), np.array(1.5)]
        if name in ("rounds", "first_bad"):
            broken += [-1 - array, array.astype(float), array + 2**40 if name == "first_bad" else array[::-1]]
        elif name != "about":
            broken += [array[:-1], array[None], array.astype(bool)]
        for wrong in broken:
            np.savez(tmp_path / "w.npz", **others, **{name: wrong})
            with pytest.raises(InputError, match="trace"):
                tg.Trace.load(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", **arrays)
    assert tg.Trace.load(tmp_path / "w.npz").about == trace.about
