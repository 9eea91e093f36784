"""What a notebook shows of an object: a small table in HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def card(title: str, subtitle: str, rows: Iterable[tuple[str, object]]) -> str:
    """A table with a title, a line below it, and rows (name, value); numbers with six digits, nothing for None."""
    told = [(name, value) for name, value in rows if value is not None]
    shown = [(name, f"{value:.6g}" if isinstance(value, float) else str(value)) for name, value in told]
    body = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(value)}</td></tr>'
        for name, value in shown
    )
    return f"<div><strong>{escape(title)}</strong><br>{escape(subtitle)}<table>{body}</table></div>"


def pairs(values: dict[str, float]) -> str:
    """``gamma = 0.1, alpha = 1``."""
    return ", ".join(f"{name} = {value:.6g}" for name, value in values.items())
