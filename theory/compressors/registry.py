"""The register of compressors."""

from __future__ import annotations

from collections.abc import Callable

from ...common.door import checked
from ...common.errors import InputError
from ...common.specs import build
from .base import Compressor

COMPRESSORS: dict[str, Callable[..., Compressor]] = {}
"""Every compressor by its name on the command line."""

EXAMPLES = {
    "bernoulli": "bernoulli:p=0.1",
    "clip": "clip:bits=7",
    "composed": "composed:first=topk/ratio=0.01,second=natural",
    "induced": "induced:first=topk/ratio=0.01,second=ternary",
    "mask": "mask:workers=4,s=2",
    "multilevel": "multilevel:ratio=0.01",
    "participation": "participation:of=ternary,p=0.5",
    "permk": "permk:workers=4",
    "randk": "randk:ratio=0.01",
    "randomblock": "randomblock:blocks=10",
    "repeated": "repeated:of=topk/ratio=0.01,times=3",
    "scaled": "scaled:of=ternary",
    "sparsifier": "sparsifier:ratio=0.01",
    "threshold": "threshold:level=2.5",
    "topk": "topk:ratio=0.01",
}
"""Those that need options, with options as they are used; pages and tables show them so, and the others as they are."""


def of_toolkit(comp: Compressor) -> bool:
    """Whether the toolkit brings a compressor of this name, and with it its kernel and codec."""
    return getattr(COMPRESSORS.get(comp.name), "__module__", "").startswith(f"{__package__}.")


def enter(own: type[Compressor]) -> type[Compressor]:
    """Enter a class of compressors of your own in the register.

    Raises
    ------
    InputError
        If it has no name, or a compressor of the toolkit has it.
    """
    name = vars(own).get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"the compressor {own.__name__} has no name: write name = 'WORD' in its class")
    if getattr(COMPRESSORS.get(name), "__module__", "").startswith(f"{__package__}."):
        raise InputError(f"the toolkit already has a compressor '{name}': give yours another name")
    COMPRESSORS[name] = own
    return own


@checked
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
        if not isinstance(getattr(spec, "name", None), str) or not spec.name:
            raise InputError(f"the compressor {type(spec).__name__} has no name: write name = 'WORD' in its class")
        return spec
    if not isinstance(spec, str):
        raise InputError(f"{spec!r} is not a compressor: give a text form such as 'topk:k=10', or an object")
    return build("compressor", spec, COMPRESSORS)
