"""Methods, compressors' kernels, engines and traces.

Importing this package is light; numba is loaded when a name is first used.
"""

if not __name__.startswith("tersegrad."):
    raise ImportError(
        f"import tersegrad.{__name__} instead of {__name__}: this folder is a part of the package tersegrad"
    )

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .channels import Channel
    from .engines.run import run
    from .engines.simulate import simulate
    from .method import Method, method
    from .schedule import Schedule
    from .trace import Trace

__all__ = ["Channel", "Method", "Schedule", "Trace", "method", "run", "simulate"]

_HOME = {
    "Channel": "channels",
    "Method": "method",
    "method": "method",
    "Schedule": "schedule",
    "Trace": "trace",
    "run": "engines.run",
    "simulate": "engines.simulate",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
