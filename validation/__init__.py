"""Verdicts, statistics, default experiments and the certification of compressors.

Importing this package is light; numba is loaded when a name is first used.
"""

if not __name__.startswith("tersegrad."):
    raise ImportError(
        f"import tersegrad.{__name__} instead of {__name__}: this folder is a part of the package tersegrad"
    )

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .certify import Certification, certify
    from .claims import CLAIMS, ClaimResult, examine
    from .conformance import Conformance, conforms
    from .experiments import EXPERIMENTS, Experiment, experiment
    from .parts import compressor_conforms, problem_conforms
    from .verdict import Event, Series, Verdict, exit_status
    from .verification import select, verify

__all__ = [
    "CLAIMS",
    "EXPERIMENTS",
    "Certification",
    "ClaimResult",
    "Conformance",
    "Event",
    "Experiment",
    "Series",
    "Verdict",
    "certify",
    "compressor_conforms",
    "conforms",
    "examine",
    "exit_status",
    "experiment",
    "problem_conforms",
    "select",
    "verify",
]

_HOME = {
    "CLAIMS": "claims",
    "ClaimResult": "claims",
    "examine": "claims",
    "EXPERIMENTS": "experiments",
    "Experiment": "experiments",
    "experiment": "experiments",
    "Conformance": "conformance",
    "conforms": "conformance",
    "compressor_conforms": "parts",
    "problem_conforms": "parts",
    "Event": "verdict",
    "Series": "verdict",
    "Verdict": "verdict",
    "exit_status": "verdict",
    "select": "verification",
    "verify": "verification",
    "Certification": "certify",
    "certify": "certify",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
