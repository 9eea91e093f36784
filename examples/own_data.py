"""
Your data, to a guarantee and a run
===================================

Rows and labels become a problem with known constants. A theorem answers with a step, the rounds to an accuracy and a
bound, and a run stays below it.
"""

import numpy as np

import tersegrad as tg

X, y = np.random.default_rng(0).normal(size=(400, 20)), np.arange(400) % 2
problem = tg.problem("logistic", X, y, reg=0.1, workers=20)
guarantee = tg.theorem("ef21.pl").guarantee(problem, up="topk:k=2", eps=1e-6)
print(guarantee.parameters["gamma"], guarantee.rounds_to(1e-6))
trace = tg.run(guarantee, problem, rounds=500)
print(trace.metric.mean(axis=0)[-1], "<=", trace.bound[-1])
trace.plot().savefig("own_data.png")
