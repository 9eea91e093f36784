"""Formulas as MathML, which browsers draw themselves: no script, no font and no network is needed."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}(.*)", re.DOTALL)
SIZED = re.compile(r"\\[Bb]ig(?=\\(?:langle|rangle|[|{}]))")
"""Size commands that the converter knows before brackets, but not before these."""
LEFT_OVER = re.compile(r"&amp;|\\[A-Za-z|{}]")
"""What a formula contains that was not understood."""


def mathml(latex: str, *, display: bool) -> str:
    """Return a formula as a ``math`` element; of `aligned` lines, each a row of a table.

    Raises
    ------
    ValueError
        If the converter leaves a part of it as it is.
    """
    latex = SIZED.sub("", latex.strip())
    found = ALIGNED.fullmatch(latex)
    if found is None:
        written = convert(latex, display="block" if display else "inline")
    else:
        rows = [re.split(r"(?<!\\)&", line) for line in re.split(r"\\\\(?![A-Za-z])", found[1])]
        cells = "".join(f"<mtr>{''.join(map(_cell, row))}</mtr>" for row in rows)
        written = f'<math display="block"><mtable displaystyle="true" class="aligned">{cells}</mtable></math>'
    if LEFT_OVER.search(written):
        raise ValueError(f"not understood: {latex}")
    return written


def _cell(latex: str) -> str:
    """A cell of a row: the formula without its outermost element."""
    inside = re.sub(r"^<math[^>]*>|</math>$", "", convert(latex.strip())) if latex.strip() else ""
    return f"<mtd>{inside}</mtd>"


def inline(translator: Any, node: nodes.math) -> None:
    """Write a formula of a line of text."""
    translator.body.append(f'<span class="math">{mathml(node.astext(), display=False)}</span>')
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula of its own line; one that is too wide for the page scrolls by itself."""
    translator.body.append(f'<div class="math display" tabindex="0">{mathml(node.astext(), display=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Enter the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
