"""
A method and a theorem of your own
==================================

Both are judged like any other, here on another problem than the experiment's. On the command line:
``tersegrad verify --module examples/my_method.py mine.gd``.
"""

import tersegrad as tg

step = lambda c, up: 1 / ((1 + up.omega) * c.L)
bound = lambda t, c, gamma: (1 - gamma * c.mu) ** t * c.gap0
assumes = ["smooth", "strongly convex", "exact gradients", "one worker"]
mine = tg.register(tg.Method.from_functions("mine", lambda x, v, gamma: x - gamma * v))  # v: the mean of all C(g_i)
tg.register(tg.Theorem.from_functions("mine.gd", mine, step, bound, metric="gap", up=tg.Unbiased, assumes=assumes))
tg.register(tg.Experiment("mine.gd", "quadratic:dim=10,mu=0.2,L=1,radius=5", up="randk:k=5", workers=1, rounds=200))
if __name__ == "__main__":
    (verdict,) = tg.verify(["mine.gd"], problem="logistic:rows=50,dim=5,reg=0.1", up="natural", workers=1)
    print(verdict.verdict, verdict.reason, verdict.parameters)
