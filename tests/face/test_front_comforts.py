"""Completion, doctor, experiments as files, what a notebook shows, and what there is of no guarantee."""

import json
import os
import pickle
import subprocess
import sys

import pytest
from click.testing import CliRunner

import tersegrad as tg
from tersegrad.cli import main
from tersegrad.commands import doctor

QUADRATIC = "quadratic:dim=3,mu=0.5,L=1,radius=1"


def run(*words):
    return CliRunner().invoke(main, list(words))


@pytest.mark.parametrize(("words", "offered"), [("tersegrad ver", "verify"), ("tersegrad run --rou", "--rounds")])
def test_the_shell_completes_commands_and_options(words, offered):
    asked = {"_TERSEGRAD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "tersegrad"], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, f"plain,{offered}" in done.stdout) == (0, True), done
    script = {**os.environ, "_TERSEGRAD_COMPLETE": "zsh_source"}
    done = subprocess.run([sys.executable, "-m", "tersegrad"], env=script, capture_output=True, text=True, timeout=60)
    assert "#compdef tersegrad" in done.stdout


def test_doctor_says_what_is_here_and_what_is_missing(monkeypatch):
    found = json.loads(run("doctor", "--json").stdout)
    assert found["well"]
    assert found["tersegrad"] == tg.__version__
    assert found["cores"] >= 1
    assert all(found["needed"].values())
    assert run("doctor").exit_code == 0
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("click", "pandas") else "1")
    result = run("doctor")
    assert result.exit_code == 2
    assert "missing: click: pip install click" in result.output
    assert "not installed: pip install pandas" in result.output


def test_an_experiment_may_be_a_file_and_the_command_line_counts_more(tmp_path):
    file = tmp_path / "e.toml"
    file.write_text(
        f'method = "sgd"\nproblem = "{QUADRATIC}"\nworkers = 2\nrounds = 7\njson = true\n[set]\ngamma = 0.25\n'
    )
    told = json.loads(run("run", "--config", str(file)).stdout)
    assert (told["method"], told["rounds"], told["parameters"]) == ("sgd", 7, {"gamma": 0.25})
    told = json.loads(run("run", "--config", str(file), "--rounds", "9", "--set", "gamma=0.5").stdout)
    assert (told["rounds"], told["workers"], told["parameters"]) == (9, 2, {"gamma": 0.5})
    file.write_text(f'id = ["sgd.strongly-convex"]\nproblem = "{QUADRATIC}"\nrounds = 30\nout = "{tmp_path / "r"}"\n')
    told = json.loads(run("verify", "--config", str(file), "--json").stdout)["verdicts"]
    assert [(v["theorem"], v["rounds"]) for v in told] == [("sgd.strongly-convex", 30)]
    file.write_text(f'name = ["sgd.strongly-convex", "qsgd.strongly-convex"]\nproblem = "{QUADRATIC}"\nrounds = 5\n')
    assert len(json.loads(run("compare", "--config", str(file), "--json").stdout)["rows"]) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("metod = 'sgd'", "has 'metod', which tersegrad run does not take (did you mean 'method'?)"),
        ("rounds = 'x'", "'--rounds': 'x' is not a valid whole number"),
        ("rounds = [1, 2]", "rounds = [1, 2]; give a string or a number"),
        ("json = 1", "json = 1; give true or false"),
        ("[up]\nk = 1", "up is a table; only [set] is one"),
        ("rounds = ", "is not TOML"),
        ("config = 'other.toml'", "has 'config', which tersegrad run does not take"),
    ],
)
def test_a_bad_file_is_one_sentence(text, sentence, tmp_path):
    file = tmp_path / "e.toml"
    file.write_text(text)
    result = run("run", "sgd", "--problem", QUADRATIC, "--config", str(file))
    assert (result.exit_code, sentence in result.stderr) == (2, True), result.stderr
    assert result.stderr.count("\n") == 1
    assert "cannot read" in run("run", "--config", str(tmp_path / "none")).stderr


def test_a_notebook_shows_a_card_and_escapes_what_it_shows():
    known = tg.Constants(n=2, L=1.0, mu=0.5, gap0=1.0, sigma_sq=0.0)
    found, none = tg.theorem("sgd.strongly-convex").guarantee(known), tg.theorem("sgd.pl").guarantee(tg.Constants(n=1))
    trace = tg.simulate("sgd", QUADRATIC, workers=2, parameters={"gamma": 0.1}, rounds=3)
    (verdict,) = tg.verify(["sgd.strongly-convex"], problem=QUADRATIC, rounds=20)
    for thing, says in ((found, "gamma = 1"), (none, "needs L"), (trace, "gamma = 0.1"), (verdict, "holds")):
        html = thing._repr_html_()
        assert html.startswith("<div>")
        assert says in html
        assert len(repr(thing)) < 300
    assert repr(tg.method("ef21")) == "method('ef21')"
    assert repr(found) == "<Guarantee of sgd.strongly-convex: gamma = 1, contraction 0.5>"
    assert "f* &lt; 3" in type(none)(none.theorem, "f* < 3")._repr_html_()


def test_no_guarantee_used_as_one_says_its_reason():
    none = tg.theorem("sgd.pl").guarantee(tg.Constants(n=1))
    for use in (lambda: none.parameters, lambda: none.bound(3), lambda: none.rate.contraction):
        with pytest.raises(tg.InputError, match=r"there is no guarantee, and so no .*: sgd.pl needs L and pl"):
            use()
    assert not hasattr(none, "parameters")
    assert not hasattr(none, "nonsense")
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = none.nonsense
    assert pickle.loads(pickle.dumps(none)).reason == none.reason
