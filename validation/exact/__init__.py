"""Exact checks without sampling: second moments, one step from the worst state, the largest stable step.

On quadratics, with additive noise and compressors that are random linear maps independent of what they compress, the
joint second moments of everything that a method keeps obey a linear recursion. What a simulation estimates from
replicas is computed here, and so is the largest value of E[V+]/V over all states: an eigenvalue.
"""

from .agreement import Agreement, agreement
from .coins import NotClosed
from .moments import Recursion

__all__ = ["Agreement", "NotClosed", "Recursion", "agreement"]
