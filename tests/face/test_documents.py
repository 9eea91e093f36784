"""Every block of Python in the README and the documents runs; every command in them is one that the program knows."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import textwrap
from pathlib import Path
from types import ModuleType

import click
import matplotlib
import pytest

from support.own import undone
from tersegrad.cli import main
from tersegrad.figures import FIGURES
from tersegrad.theory import THEOREMS
from tersegrad.validation.claims import CLAIMS
from tersegrad.validation.tightness import FOLDER, hard_instances

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if "reference" not in page.parts]
"""What is written by hand; the reference is made from the objects."""
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in their order, without the indent of a list."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [textwrap.dedent(block["text"]) for block in found if block["language"] == language]


WITH_PYTHON = [page for page in PAGES if blocks(page, "python")]
FRAGMENTS = {"docs/adding.md": "the transcription of a method, which test_house holds against the method's file"}
"""Pages whose Python is no script, and where it is tested instead."""


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [p for p in WITH_PYTHON if named(p) not in FRAGMENTS], ids=named)
def test_the_python_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    """In one namespace, so that later blocks may use what earlier ones made; what a page asserts must be true."""
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    space = {"__name__": "page"}
    with undone():
        for number, block in enumerate(blocks(page, "python"), start=1):
            exec(compile(block, f"{named(page)}, block {number}", "exec"), space)
    saved = re.findall(r'savefig\("([^"]+)"', page.read_text(encoding="utf-8"))
    assert [name for name in saved if not (tmp_path / name).exists()] == []


def test_the_pages_with_code_are_found():
    found = set(map(named, WITH_PYTHON))
    assert {"README.md", "docs/start.md", "docs/course/memory.md", "docs/course/delays.md"} <= found


def extension(name: str) -> ModuleType:
    """A module of the site."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / "_ext" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_symbol_of_every_statement_is_explained():
    """The pages of the theorems list the symbols with their meaning; a new symbol needs one."""
    symbols = extension("symbols")
    for theorem in THEOREMS.values():
        explained = dict(symbols.meanings(theorem))
        assert {r"\mathbb{E}", r"\gamma"} <= set(explained)
        assert all(explained.values())


def test_the_latest_verdicts_are_of_all_theorems_and_claims_and_no_instance_is_tighter():
    """Their pages show them; an instance that was found since then, or a theorem, asks for a new run."""
    latest = json.loads(extension("verdicts").LATEST.read_text(encoding="utf-8"))
    assert {*latest} == {*THEOREMS, *CLAIMS}
    for name in THEOREMS:
        for instance in hard_instances(name)[:1]:
            stored = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))[0]["ratio"]
            assert instance.ratio() == pytest.approx(stored, abs=1e-6)
            assert latest[name]["strength"]["tightness"] >= stored - 1e-6


def test_the_latest_verdicts_come_from_certificates_of_a_full_run(tmp_path):
    verdicts = extension("verdicts")
    with pytest.raises(SystemExit, match="has no certificates"):
        verdicts.entries(tmp_path)
    control = {"rejected_by": "bound", "verdict": "violated"}
    document = {
        "verdict": "holds", "reason": "it does", "command": "tersegrad verify", "margin": 1.5, "conformance": None,
        "strength": {"word": "tight", "tightness": 0.9, "at_round": 10, "instance": "here", "end_ratio": 2.0},
        "controls": [control, control | {"rejected_by": "", "verdict": "holds"}], "versions": {"tersegrad": "0"},
    }  # fmt: skip
    for kind, name in (("theorem", "sgd.convex"), ("claim", "dore.claim-bits")):
        (tmp_path / f"{name}.json").write_text(json.dumps({kind: name, **document}))
    found = verdicts.entries(tmp_path)
    assert found["sgd.convex"]["strength"]["tightness"] == 0.9
    assert [entry["controls"] for entry in found.values()] == [[1, 2], [1, 2]]
    (tmp_path / "sgd.convex.json").write_text(json.dumps(document | {"command": "tersegrad verify --quick"}))
    with pytest.raises(SystemExit, match=r"sgd\.convex are of a quick run"):
        verdicts.entries(tmp_path)


def test_bars_in_tables_are_bars(monkeypatch):
    """Norms in plain words stay as they are escaped; those of formulas are TeX's, since a bar ends a cell."""
    pytest.importorskip("sphinx", reason="needs sphinx, of the extra docs")
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    table = extension("pages").table
    rows = table(["constant", "meaning"], [[r"\|\|x^0\|\| | y", r"$\|x\| |y|$"]]).splitlines()
    assert rows[-1] == r"| \|\|x^0\|\| \| y | $\Vert x\Vert  \vert y\vert $ |"


def test_captions_read_in_the_gallery_as_they_are(monkeypatch):
    """Stars and bars of formulas are no marks of reStructuredText there."""
    pytest.importorskip("sphinx_gallery", reason="needs sphinx-gallery, of the extra docs")
    from docutils.core import publish_doctree

    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_ext"))
    for name, drawing in FIGURES.items():
        text = extension("gallery").script(drawing, full=True).split('"""')[1]
        page = publish_doctree(text, settings_overrides={"halt_level": 2})
        title, caption, command = (" ".join(part.split()) for part in page.astext().split("\n\n"))
        assert (title, caption) == (drawing.title, drawing.caption)
        assert command.startswith(f"tersegrad figures {name} ")


def test_every_document_is_reached_from_the_contents():
    """A page of the site that no table of contents names is one that nobody finds."""
    listed = set()
    for page in (ROOT / "docs").rglob("index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            entries = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {path for entry in entries for path in page.parent.glob(f"{entry}.md")}
    own = [page for page in PAGES if page.parent != ROOT and page != ROOT / "docs" / "index.md"]
    assert [named(page) for page in own if page not in listed] == []


def commands(page: Path) -> list[str]:
    """The lines of shell blocks and of indented code that call the program, continued lines joined."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if re.match(r"(    |   )?(mpiexec .*)?tersegrad ", line)]
    return [re.sub(r"^mpiexec .*?(?=tersegrad )", "", line) for line in lines]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=named)
def test_the_commands_of_a_page_exist_with_their_options(page):
    for line in commands(page):
        words = shlex.split(line, comments=True)
        assert isinstance(main, click.Group)
        command = main.get_command(click.Context(main), words[1]) if words[1:] and words[1][0] != "-" else main
        assert command is not None, f"{named(page)}: {line}"
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        unknown = [w.partition("=")[0] for w in words[2:] if w.startswith("--") and w.partition("=")[0] not in known]
        assert unknown == [], f"{named(page)}: {line}"
