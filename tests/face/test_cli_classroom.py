"""``tersegrad classroom`` on the command line; what its pages do is tested in a browser."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tersegrad.cli import main
from tersegrad.figures.classroom import LESSONS

PAGE = Path(__file__).parents[2] / "docs" / "classroom.md"


def run(*words):
    return CliRunner().invoke(main, ["classroom", *words])


def test_the_apps_are_listed_without_marimo(monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", None)
    told = run("--list")
    assert told.exit_code == 0
    assert [line.partition(":")[0] for line in told.stdout.splitlines() if line[0] != " "] == list(LESSONS)
    assert all(lesson.title and lesson.goal.endswith(".") for lesson in LESSONS.values())
    assert run("--list", "price").stdout.startswith("price: The price of compression\n    ")


def test_without_marimo_one_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "marimo", None)
    told = run("price")
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        "error: the classroom needs marimo, which is not installed: pip install 'tersegrad[classroom]'"
    ]


def test_a_mistaken_name_and_a_port_that_is_taken_are_one_sentence():
    told = run("prize")
    assert (told.exit_code, "did you mean 'price'?" in told.stderr) == (2, True)
    assert run("--port", "70000").exit_code == 2

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = run("price", "--port", str(port))
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        f"error: port {port} is taken: give another one with --port, or 0 for any that is free"
    ]


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=list(LESSONS))
def test_an_app_shows_question_curves_numbers_and_an_answer(lesson):
    """Every app runs, also where there is no browser to look at it."""
    pytest.importorskip("marimo", reason="needs marimo, of the extra classroom")
    from importlib import import_module

    outputs, _ = import_module(f"tersegrad.figures.classroom.{lesson.file.stem}").app.run()
    page = "".join(output.text for output in outputs if output is not None)
    for part in ('class="question"', "<marimo-slider", "-run", "-bound", 'class="fact"', "<summary>Answer"):
        assert part in page
    assert lesson.title in page
    (question,) = re.findall(rf"\| `{lesson.name}` \| (.*?) \|", PAGE.read_text(encoding="utf-8"))
    assert f'class="question">{question}<' in page
