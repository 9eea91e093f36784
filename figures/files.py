"""The files of a figure: PNG for a screen, PDF for a journal."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from ..common.errors import InputError
from .style import save


def write(fig: Figure, out_dir: Path, name: str) -> list[Path]:
    """Write `name`.png and `name`.pdf and return their paths; the same data give the same bytes.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    png, pdf = io.BytesIO(), io.BytesIO()
    save(fig, png)
    fig.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    paths = []
    for content, ending in ((png, "png"), (pdf, "pdf")):
        path = Path(out_dir) / f"{name}.{ending}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.getvalue())
        except OSError as trouble:
            raise InputError(f"cannot write '{path}': {trouble.strerror}; choose another directory") from None
        paths.append(path)
    return paths
