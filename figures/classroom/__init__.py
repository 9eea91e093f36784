"""The classroom: demonstrations with sliders, one marimo app a file, found by what is in this folder.

An app's docstring is its title and, after an empty line, its goal. To look at what there is, marimo is not needed.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Lesson:
    """An app.

    Attributes
    ----------
    name
        On the command line and in the address.
    title, goal
        A few words; what a class learns from it.
    file
        The marimo app.
    """

    name: str
    title: str
    goal: str
    file: Path

    @classmethod
    def of(cls, file: Path) -> Lesson:
        """Read what the docstring of an app's file says."""
        title, _, goal = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n\n")
        return cls(file.stem.replace("_", "-"), title.rstrip("."), " ".join(goal.split()), file)


LESSONS: dict[str, Lesson] = {
    lesson.name: lesson for file in sorted(Path(__file__).parent.glob("[!_]*.py")) for lesson in [Lesson.of(file)]
}
"""Every app by its name."""
