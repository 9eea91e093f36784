"""The examples run as they stand, and are as short as they claim to be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = {
    "own_data": "<=",  # rows and labels of one's own, to a step, a bound and a run
    "equal_bits": "ef21",  # five methods at equal bits, with a picture
    "speedup": "slope",  # of DoubleSqueeze, with a picture
    "step_grid": "best",  # a grid of steps as a table
    "own_loss": "holds",  # a loss of one's own, certified
    "my_method": "holds",  # a method of one's own with its theorem, verified
}
"""What a user wants to do, and a word of what it prints."""


def lines_of_code(text: str) -> list[str]:
    """All lines but empty ones, comments, and the docstring of the module."""
    docstring = ast.parse(text).body[0]
    assert isinstance(docstring, ast.Expr)
    lines = text.splitlines()[docstring.end_lineno :]
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def run(name: str, folder: Path) -> str:
    """Run an example in a folder, and return what it prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return done.stdout


def test_the_lines_that_count_are_all_that_is_code():
    assert lines_of_code('"""Two\nlines."""\n\nimport a\n# why\n\nif a:\n    a.b()  # so\n') == [
        "import a", "if a:", "    a.b()  # so",
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_begins_with_a_title_for_the_gallery(path):
    start, title, line, blank, *words = path.read_text().split('"""')[1].splitlines()
    assert (start, blank) == ("", "")
    assert line == "=" * len(title)
    assert " ".join(words).rstrip().endswith(".")


@pytest.mark.parametrize("name", SHORT)
def test_an_example_runs_in_at_most_ten_lines(name, tmp_path):
    text = (EXAMPLES / f"{name}.py").read_text()
    lines = lines_of_code(text)
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 120
    assert not [word for word in (";", "fmt:", "noqa", "exec(", "__import__") if word in text]
    assert SHORT[name] in run(name, tmp_path)
    for picture in tmp_path.glob("*.png"):
        assert picture.stat().st_size > 5000
    assert bool(list(tmp_path.glob("*.png"))) == ("savefig" in text)


def test_an_own_method_with_its_theorem_in_full_takes_forty_lines(tmp_path):
    text = (EXAMPLES / "my_method_full.py").read_text()
    assert len([line for line in lines_of_code(text) if not line.startswith(("import", "from"))]) <= 40
    assert run("my_method_full", tmp_path).startswith("holds ")
