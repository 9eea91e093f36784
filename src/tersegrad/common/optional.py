"""Optional parts: imported where they are used, with a sentence where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import InputError

#: Package -> the extra of tersegrad that brings it, where one does.
EXTRAS = {"sklearn": "data", "mpi4py": "mpi", "distributed": "dask"}


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
        extra = EXTRAS.get(package)
        target = f"'tersegrad[{extra}]'" if extra else package
        raise InputError(f"{what} needs {package}, which is not installed: pip install {target}") from None
