"""Theorems as objects: constants, step sizes, bounds and rates. Pure Python and NumPy."""

if not __name__.startswith("tersegrad."):
    raise ImportError(
        f"import tersegrad.{__name__} instead of {__name__}: this folder is a part of the package tersegrad"
    )

from ..common.errors import InputError, WorkerError
from . import theorems
from .bounds import COLUMNS, Interval, Metric, Rate
from .compressors import COMPRESSORS, AbsoluteError, Compressor, Contractive, Unbiased, compressor
from .constants import Constants
from .guarantee import Guarantee, NoGuarantee
from .theorem import THEOREMS, Theorem, theorem

__all__ = [
    "COLUMNS",
    "COMPRESSORS",
    "THEOREMS",
    "AbsoluteError",
    "Compressor",
    "Constants",
    "Contractive",
    "Guarantee",
    "InputError",
    "Interval",
    "Metric",
    "NoGuarantee",
    "Rate",
    "Theorem",
    "Unbiased",
    "WorkerError",
    "compressor",
    "theorem",
    "theorems",
]
