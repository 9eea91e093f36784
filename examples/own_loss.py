"""
A loss of your own, certified
=============================

The gradient is held against the value, and both against the constants that you state.
"""

import numpy as np

import tersegrad as tg

value = lambda x: float(np.sum(np.sqrt(1 + x**2) - 1 + 0.05 * x**2))
gradient = lambda x: x / np.sqrt(1 + x**2) + 0.1 * x
problem = tg.Problem.from_functions(value, gradient, dim=5, L=1.1, mu=0.1, x0=np.ones(5), x_star=np.zeros(5))
found = tg.certify(problem)
print(found.verdict, [(claim.name, claim.measured) for claim in found.claims])
guarantee = tg.theorem("sgd.strongly-convex").guarantee(problem)
print(guarantee.parameters)
tg.run(guarantee, problem, rounds=200).plot().savefig("own_loss.png")
