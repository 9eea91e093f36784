"""
A method and a theorem in full
==============================

A declaration with pseudo-code, and a class of theorems: the way where channels, memories, special rounds or a bound of
several terms are to be said. On the command line:
``tersegrad verify --module examples/my_method_full.py mine.gd``.
"""

import tersegrad as tg
from tersegrad.solvers.pseudocode import State, avg
from tersegrad.solvers.rules import descend
from tersegrad.theory.bounds import Interval
from tersegrad.theory.families import LinearTheorem
from tersegrad.theory.hypotheses import EXACT, ONE_WORKER, SMOOTH, STRONGLY_CONVEX
from tersegrad.validation import Experiment


def pseudocode(given, gamma):
    x = given.x0
    for _ in given.rounds():
        x = given.broadcast(x - gamma * avg(given.C_up(given.gradients(x))))
        yield State(x)


MINE = tg.Method(
    name="mine", title="compressed descent", source="here", parameters=("gamma",), everyone=descend,
    transcription=pseudocode,
)  # fmt: skip
tg.register(MINE)


@tg.register
class MineGD(LinearTheorem):
    """E f(x^T) - f* <= (1 - gamma mu)^T (f(x^0) - f*) for gamma <= 1/((1 + omega) L): the descent lemma."""

    name, title, method = "mine.gd", "Compressed descent, one worker", "mine"
    source, provenance = "the descent lemma, with E||C(g)||^2 <= (1 + omega)||g||^2", "ours"
    requires, bound_requires, assumes = ("n", "L", "mu"), ("gap0",), (SMOOTH, STRONGLY_CONVEX, EXACT, ONE_WORKER)
    uplink, measures = tg.Unbiased, (("", "gap"),)
    conditions, bound_latex = r"0 < \gamma \le \frac{1}{(1+\omega)L}", r"(1-\gamma\mu)^t\Delta"

    def choose_parameters(self, request, choose):
        high = 1 / ((1 + request.up.omega) * request.c.L)
        choose("gamma", Interval(0.0, high, "0 < gamma <= 1/((1 + omega) L)"), high)

    def contraction_gaps(self, request, p):
        return {"1 - gamma mu": p["gamma"] * request.c.mu}

    def start(self, request, p):
        return request.c.gap0

    def floor(self, request, p):
        return 0.0


PLAN = Experiment("mine.gd", "quadratic:dim=10,mu=0.2,L=1,radius=5", up="randk:k=5", workers=1, rounds=200)

if __name__ == "__main__":
    (verdict,) = tg.verify(["mine.gd"], problem=PLAN.problem, up="natural", workers=1)
    print(verdict.verdict, verdict.reason, verdict.parameters)
