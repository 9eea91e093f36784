"""Theorems as objects: constants, step sizes, bounds and rates. Pure Python and NumPy."""

from . import diana, dore, doublesqueeze, error_feedback, qsgd, sgd
from .compressors import COMPRESSORS, AbsoluteError, Compressor, Contractive, Unbiased, compressor
from .constants import Constants
from .errors import InputError
from .theorem import (
    COLUMNS,
    THEOREMS,
    Guarantee,
    Interval,
    Metric,
    NoGuarantee,
    Rate,
    Theorem,
    theorem,
)

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
    "compressor",
    "diana",
    "dore",
    "doublesqueeze",
    "error_feedback",
    "qsgd",
    "sgd",
    "theorem",
]
