"""Figures: the papers' experiments and overviews of the theory, pictures of verdicts and claims, curves of runs.

Importing this package is light; matplotlib is loaded by the modules that draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if not __name__.startswith("tersegrad."):
    raise ImportError(
        f"import tersegrad.{__name__} instead of {__name__}: this folder is a part of the package tersegrad"
    )

if TYPE_CHECKING:
    from .drawing import Drawing

    #: Every figure of the folder `gallery` by its name on the command line.
    FIGURES: dict[str, Drawing]


def __getattr__(name: str) -> Any:
    """Load the register when it is asked for."""
    if name != "FIGURES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .gallery import FIGURES

    globals()["FIGURES"] = FIGURES
    return FIGURES
