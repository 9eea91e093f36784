"""Formulas as MathML, which browsers draw themselves: no script, no font and no network is needed."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}")


def mathml(latex: str, *, display: bool) -> str:
    """Return a formula as a ``math`` element; several lines (``\\\\``) are aligned at their ``&``."""
    latex = latex.strip()
    if display and (r"\\" in latex or "&" in latex) and not ENVIRONMENT.match(latex):
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    return convert(latex, display="block" if display else "inline")


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
