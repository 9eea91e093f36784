"""What the commands print: one JSON document, aligned text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import click

from .common.jsonable import as_json


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(as_json(value))


def aligned(rows: Iterable[Sequence[str]], indent: str = "  ") -> str:
    """Lay rows of text out in columns; the last column may be of any length."""
    table = [list(row) for row in rows]
    widths = [max(len(row[k]) for row in table if len(row) > k) for k in range(max(map(len, table), default=0))]
    return "\n".join(
        (indent + "  ".join(cell.ljust(widths[k]) for k, cell in enumerate(row))).rstrip() for row in table
    )


def number(value: float | None, digits: int = 6) -> str:
    """A number for people: at most so many digits; what they would round to 1 tells its distance from 1."""
    if value is None:
        return "unknown"
    text = f"{value:.{digits}g}"
    return text if text != "1" or value == 1 else f"1 {'-' if value < 1 else '+'} {abs(value - 1):.3g}"


def bits(count: float | None) -> str:
    """A number of bits, with its size in bytes."""
    if count is None:
        return "unknown"
    size, units = count / 8, ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{count:.6g} bit{'' if count == 1 else 's'} ({size:.3g} {units[0]})"
