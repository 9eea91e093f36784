"""Objectives whose constants are known exactly or bounded with certainty, noise models, and data sets."""

from .base import Noise, Problem, ProblemKernels
from .registry import PROBLEMS, problem

__all__ = ["PROBLEMS", "Noise", "Problem", "ProblemKernels", "problem"]
