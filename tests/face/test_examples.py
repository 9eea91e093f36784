"""The examples run as they stand, and are as short as they claim to be."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = ("own_data", "equal_bits", "speedup", "step_grid", "own_loss")


def test_an_own_method_with_its_theorem_takes_forty_lines(tmp_path):
    path = EXAMPLES / "my_method.py"
    docstring = path.read_text().split('"""')[1]
    lines = [line for line in path.read_text().replace(docstring, "").splitlines() if line.strip()]
    assert len([line for line in lines if not line.startswith(("import", "from"))]) <= 40
    done = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("holds ")


@pytest.mark.parametrize("name", SHORT)
def test_an_example_runs_in_at_most_ten_lines(name, tmp_path):
    path = EXAMPLES / f"{name}.py"
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith(('"""', "import "))]
    assert len(lines) <= 10
    done = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "Warning" not in done.stderr
    for picture in tmp_path.glob("*.png"):
        assert picture.stat().st_size > 5000
    assert bool(list(tmp_path.glob("*.png"))) == ("savefig" in path.read_text())
