"""Objectives whose constants are known exactly or bounded with certainty, noise models, and data sets."""

if not __name__.startswith("tersegrad."):
    raise ImportError(
        f"import tersegrad.{__name__} instead of {__name__}: this folder is a part of the package tersegrad"
    )

from .base import Noise, Problem, ProblemKernels
from .registry import PROBLEMS, problem

__all__ = ["PROBLEMS", "Noise", "Problem", "ProblemKernels", "problem"]
