"""Optional parts: imported where they are used, with a sentence where they are missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .errors import InputError

#: Package -> the extra of tersegrad that brings it, where one does.
EXTRAS = {
    "matplotlib": "plots",
    "PIL": "plots",
    "jinja2": "report",
    "latex2mathml": "report",
    "rich": "progress",
    "constriction": "coder",
    "sklearn": "data",
    "mpi4py": "mpi",
    "distributed": "dask",
    "marimo": "classroom",
}


def needed(package: str, what: str) -> Any:
    """Import a package.

    Parameters
    ----------
    what
        What needs it, for the sentence.

    Raises
    ------
    InputError
        If it is not installed; the sentence says what to install.
    """
    try:
        return import_module(package)
    except ImportError:
        raise InputError(f"{what} needs {package}, which is not installed: {way_out(package)}") from None


def way_out(package: str) -> str:
    """The command that installs what is missing."""
    extra = EXTRAS.get(package)
    return f"pip install 'tersegrad[{extra}]'" if extra else f"pip install {package}"


def missing(*packages: str) -> str | None:
    """The first of the packages that is not installed; None if all are."""
    return next((package for package in packages if find_spec(package) is None), None)
