"""The files of a figure: PNG for a screen, PDF for a journal, and texts beside them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from ..common.errors import InputError
from ..common.files import write_whole
from .style import save


def write(fig: Figure, out_dir: Path, name: str, texts: Mapping[str, str] | None = None) -> list[Path]:
    """Write `name`.png, `name`.pdf and the texts by their endings; return the paths. The same data give the same bytes.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    png, pdf = io.BytesIO(), io.BytesIO()
    save(fig, png)
    fig.savefig(pdf, format="pdf", metadata={"CreationDate": None})
    contents: dict[str, bytes | str] = {"png": png.getvalue(), "pdf": pdf.getvalue(), **(texts or {})}
    paths = []
    for ending, content in contents.items():
        path = Path(out_dir) / f"{name}.{ending}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as trouble:
            raise InputError(f"cannot write '{path}': {trouble.strerror}; choose another directory") from None
        write_whole(path, content, "choose another directory")
        paths.append(path)
    return paths
