"""Every option of every command with values that it cannot have: one sentence, status 2, and soon."""

import random
import time

import click
import pytest
from click.testing import CliRunner

from support.bad_lines import make_files
from tersegrad.cli import COMMANDS, main
from tersegrad.commands.options import Real, Whole

#: A short line of every command that is right; of those that have much to do or would serve, one that is refused last.
RIGHT = {
    "verify": "sgd.strongly-convex --problem quadratic:dim=3 --workers 2 --rounds 3 --replicas 2 --no-pictures",
    "constants": "quadratic:dim=4 --workers 2",
    "advise": "--problem quadratic:dim=4 --workers 2 --up topk:k=1",
    "step-size": "ef21.pl --problem quadratic:dim=4 --workers 2 --up topk:k=1",
    "compare": "ef21.pl --problem quadratic:dim=4 --workers 2 --up topk:k=1",
    "run": "ef21 --problem quadratic:dim=4 --workers 2 --up topk:k=1 --rounds 3 --set gamma=0.1",
    "speedup": "ef21 --problem quadratic:dim=4 --up topk:k=1",
    "frontier": "sgd",
    "tightness": "ef21.pl",
    "list": "theorems",
    "show": "ef21",
    "certify": "topk:k=1 --dim 4",
    "falsify": "sgd",
    "replay": "nope.json",
    "figures": "nope",
    "classroom": "nope",
    "doctor": "",
}
NUMBERS = [
    "nan",
    "inf",
    "-1",
    "1e400",
    "x",
    "",
    "٣",
    "½",
    "0x10",
    "1_0",
    " 1",
    "1,5",
    "true",
    "\x1b[31m",
    "a\nb",
    "１２",
    "NaN",
]
WORDS = ["nope", "", "💥", "a\nb", "x" * 2000, "\x1b[31m", "٣"]
SPECS = [
    "nope",
    "",
    ":",
    "topk",
    "topk:k=",
    "topk:k=0",
    "topk:k=nan",
    "topk:k=٣",
    "qsgd:levels=0",
    "💥:k=1",
    "topk:K=1",
]
PROBLEMS = ["nope", "", "::", "quadratic:dim=0", "quadratic:dim=x", "quadratic:dim=٣", "quadratic:mu=2,L=1", "topk:k=1",
            "logistic:data=/nope/x", "logistic:data=noise.svm", "pl:nope=1", "quadratic:dim=3,dim=3"]  # fmt: skip
SETTINGS = ["nope=1", "gamma", "=1", "gamma=", "gamma=x", "gamma=٣", "💥=1"]
FILES = ["/nope/x", "folder", "noise.svm", "pipe", "", "\x1b[31m", "a" * 5000]
TEXTS = {
    "--problem": PROBLEMS, "--up": SPECS, "--down": SPECS, "--set": SETTINGS, "--module": FILES, "--config": FILES,
    "--resume": FILES, "--schedule": FILES, "--paper": WORDS, "--by": WORDS, "--engine": WORDS, "--executor": WORDS,
    "--clock": ["nope", "fixed:tau=x", "straggler:factor=nan", "💥"], "--columns": ["nope", "💥", "gap,nope"],
    "--out": [""], "--checkpoint-every": ["x", "-1s", "nan", "", "💥"], "--schedule-out": ["folder", ""],
    "--checkpoint": ["folder", ""], "--keep": ["noise.svm/x"], "--link": ["x", "", "nan", "0", "-1", "1,x", "1,2,3,4"],
    "--minimise-bits": ["x", "", "k", "k=", "k=x", "nope=1..3", "💥"],
}  # fmt: skip
#: What an option takes that is text to click and a list of numbers to its command.
LISTS = {"speedup": {"--workers": ["x", "", "0", "-1", "1,x", "nan", "1.5"], "--seconds": ["x", "nan", "-1", "1,2,3"],
                     "--rounds": ["x", "0"]}}  # fmt: skip


def options():
    """Every option of every command that takes a value: (command, option, values that it cannot have)."""
    ctx = click.Context(main)
    for name in COMMANDS:
        for option in main.get_command(ctx, name).params:
            if isinstance(option, click.Option) and not option.is_flag:
                flag = max(option.opts, key=len)
                if isinstance(option.type, Whole):
                    yield name, flag, [*NUMBERS, "1.5"]
                elif isinstance(option.type, Real):
                    yield name, flag, NUMBERS
                else:
                    yield name, flag, LISTS.get(name, {}).get(flag) or TEXTS[flag]


def refused(words):
    """Run a line in this process; what is wrong with how it ends, or an empty string."""
    began = time.process_time()
    result = CliRunner().invoke(main, words)
    if time.process_time() - began > 2:
        return "slow"
    if (result.exit_code, result.stderr.count("\n")) != (2, 1) or "Traceback" in result.stderr:
        return f"status {result.exit_code}: {result.stderr[-200:]}"
    return "" if result.stderr.strip("\n").isprintable() else "control characters"


def with_value(name, option, value):
    words = [name, *RIGHT[name].split()]
    if option in words:
        words[words.index(option) + 1] = value
        return words
    return [*words, option, value]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path)


def test_every_option_of_every_command_refuses_what_it_cannot_take(here):
    draw = random.Random(3)
    lines = [with_value(name, option, value) for name, option, values in options()
             for value in draw.sample(values, min(4, len(values)))]  # fmt: skip
    assert len(lines) > 300
    assert {tuple(words): why for words in lines if (why := refused(words))} == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_refuses_options_that_it_does_not_have_and_values_that_are_missing(name, here):
    words = [name, *RIGHT[name].split()]
    own = [option for command, option, _ in options() if command == name]
    tried = [[*words, "--nope"], [*words, "--💥", "1"], *([*words, option] for option in own)]
    tried += [[*words, option, "1"] for option in TEXTS if option not in own]
    assert {tuple(line): why for line in tried if (why := refused(line))} == {}


@pytest.mark.parametrize(
    "name", [name for name in COMMANDS if name not in ("advise", "doctor", "constants", "certify", "verify")]
)
def test_a_command_knows_its_names(name, here):
    words = [name, *RIGHT[name].split()]
    tried = [[name, word, *words[2:]] for word in WORDS]
    assert {tuple(line): why for line in tried if (why := refused(line))} == {}
