"""The register of compressors."""

from __future__ import annotations

from collections.abc import Callable

from ...common.errors import InputError
from ...common.specs import build
from .base import Compressor

COMPRESSORS: dict[str, Callable[..., Compressor]] = {}
"""Every compressor by its name on the command line."""


def compressor(spec: str | Compressor) -> Compressor:
    """Build a compressor from its text form, such as ``topk:ratio=0.01``; a compressor passes through.

    Parameters
    ----------
    spec
        ``name:key=value,key=value``; inside a value ``/`` stands for ``:`` and ``,``.

    Raises
    ------
    InputError
        Unknown name or option, or a value out of range.
    """
    if isinstance(spec, Compressor):
        return spec
    if not isinstance(spec, str):
        raise InputError(f"{spec!r} is no compressor: give a text form such as 'topk:k=10', or an object")
    return build("compressor", spec, COMPRESSORS)
