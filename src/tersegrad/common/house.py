"""Where things are in the repository: the file, the proof and the tests of something that has a name.

Of an installed package only the files of the code are there; then there are no proofs and no tests to name.
"""

from __future__ import annotations

import fnmatch
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
"""The repository, where the package runs from one."""

PROOFS = ROOT / "docs" / "proofs"
TESTS = ROOT / "tests"


def file_of(thing: object) -> Path:
    """The file in which a class or function is written, or the class of an object."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return Path(getattr(sys.modules.get(module), "__file__", None) or "").resolve()


def shown(path: Path) -> str:
    """A path as text, relative to the repository where it is inside it."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def proof_of(name: str) -> Path | None:
    """The document that proves a theorem: one that has its name in backticks, or a pattern such as `gmc.*`."""
    for path in sorted(PROOFS.glob("*.md")):
        patterns = re.findall(r"`([a-z0-9-]+\.[a-z0-9*-]+)`", path.read_text(encoding="utf-8"))
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            return path
    return None


def files_of_tests(name: str, stem: str) -> list[Path]:
    """Test files with the stem of its file in their own name, then those with the quoted name in their text."""
    quoted = re.compile(rf"""["' `/]{re.escape(name)}(?![\w-])""")
    paths = sorted(TESTS.rglob("test_*.py"))
    own = [path for path in paths if path.stem.removeprefix("test_").startswith(stem)]
    return own + [path for path in paths if path not in own and quoted.search(path.read_text("utf-8"))]
