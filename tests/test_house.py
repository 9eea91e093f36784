"""The house: one package however it is reached, every file once, and tests that cannot pass without asserting."""

from __future__ import annotations

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("theory", "problems", "solvers", "validation", "figures")
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


def run_python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python started in a folder, without what this process has on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


# --------------------------------------------------------------------------------------------------------- one package


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_not_a_package_of_its_own(room):
    """`import theory` in the root would make a second set of classes and registers."""
    done = run_python(f"import {room}", ROOT)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: import tersegrad.{room} instead of {room}")


def test_python_in_the_root_imports_the_same_theory_as_elsewhere(tmp_path):
    code = "import os, tersegrad.theory as t; print(os.path.realpath(t.__file__), len(t.THEOREMS))"
    here, there = run_python(code, ROOT), run_python(code, tmp_path)
    assert here.stdout == there.stdout
    assert here.stdout.startswith(str(ROOT / "theory" / "__init__.py"))


def test_a_class_has_one_home(tmp_path):
    """Whichever way a module is reached, by its folder or by the package, its classes are the same."""
    code = "import tersegrad as tg, tersegrad.theory.constants as c; print(tg.Constants is c.Constants, c.__name__)"
    assert run_python(code, ROOT).stdout.split() == ["True", "tersegrad.theory.constants"]


@pytest.mark.parametrize("name", ["tersegrad", "tersegrad.solvers", "tersegrad.validation"])
def test_names_that_are_loaded_late_are_the_names_that_type_checkers_see(name):
    """What `__getattr__` finds stands in `__all__` and in the imports for type checkers, and nothing else."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(module.__file__).read_text())
    (checked,) = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    seen = {alias.name for node in checked.body for alias in node.names}
    assert seen == set(module.__all__) - {"__version__"}
    assert all(getattr(module, name) is not None for name in module.__all__)


# ---------------------------------------------------------------------------------------------- every file is seen once


@pytest.mark.skipif(shutil.which("ruff") is None, reason="needs ruff, of the extra dev")
def test_the_linter_sees_every_file_once():
    shown = subprocess.run(["ruff", "check", "--show-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    seen = [os.path.realpath(line) for line in shown.stdout.splitlines()]
    assert len(seen) == len(set(seen))
    assert {str(ROOT / "theory" / "theorem.py"), str(ROOT / "src" / "tersegrad" / "cli.py")} <= set(seen)


def test_the_links_of_the_face_are_the_rooms():
    """Everything below src/tersegrad is either the face's own or a relative link to a room of the root."""
    links = {path.name: path for path in (ROOT / "src" / "tersegrad").iterdir() if path.is_symlink()}
    assert set(links) == set(ROOMS)
    for name, link in links.items():
        assert os.readlink(link) == os.path.join("..", "..", name)


# ----------------------------------------------------------------------------------------------------------- the tests


def functions(path: Path) -> list[ast.FunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def own_blocks(body: list[ast.stmt]) -> list[list[ast.stmt]]:
    """All blocks of statements of a function, without those of functions inside."""
    found = [body]
    for statement in body:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            inside = [getattr(statement, field, []) for field in ("body", "orelse", "finalbody")]
            inside += [handler.body for handler in getattr(statement, "handlers", [])]
            found += [block for part in inside if part for block in own_blocks(part)]
    return found


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_leaves_early_and_counts_as_passed(path):
    """A case that says nothing is not generated, is skipped with a reason, or is outside hypothesis' assumptions."""
    early = [
        f"{path.name}:{block[-1].lineno} {function.name}"
        for function in functions(path)
        for block in own_blocks(function.body)
        if isinstance(block[-1], ast.Return) and not any(isinstance(statement, ast.Assert) for statement in block)
    ]
    assert early == []


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_test_file_imports_another(path):
    """What two files share is in tests/support."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.rpartition(".")[2].startswith("test_")]


def test_every_room_of_the_tests_is_a_room_of_the_house():
    rooms = {path.parent.relative_to(ROOT / "tests").parts[0] for path in TESTS if path.parent != ROOT / "tests"}
    assert rooms <= {*ROOMS, "common", "face", "benchmarks", "browser"}


# -------------------------------------------------------------------------------------------- the contributor's path


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/adding.md"])
def test_the_files_that_a_page_names_exist(page):
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`((?:[\w.-]+/)*[\w.-]+(?:/|\.py|\.md))`", text)) | set(re.findall(r"\]\((\S+?)\)", text))
    assert len(named) >= 5
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_worked_example_is_the_method_in_the_toolkit():
    """The transcription in docs/adding.md is the one of the file, line by line."""
    (shown,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adding.md").read_text(), re.DOTALL)
    code = (ROOT / "solvers" / "methods" / "econtrol.py").read_text().replace('    """EControl."""\n', "")
    assert shown in code


def test_the_version_to_cite_is_the_version():
    from tersegrad import __version__

    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
