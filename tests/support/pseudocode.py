"""What the product's transcriptions say of one run: the tests' references."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tersegrad.problems import Problem
from tersegrad.solvers.method import WHOLE, method
from tersegrad.solvers.pseudocode import Given, State
from tersegrad.theory.compressors import compressor
from tersegrad.validation import conforms


def agrees(word: str, problem: str | Problem, up: str, down: str, p: dict[str, float], **more) -> None:
    """Assert that the engine and the transcription agree in everything that they keep and send."""
    answer = conforms(word, problem, up, down, workers=more.pop("workers", 3), parameters=p, **more)
    assert answer.word == "conforms", str(answer)


def states(word: str, problem: Problem, up: str, down: str, p: dict[str, float], rounds: int, **key) -> list[State]:
    """The states after every round, of a method without samples of its own."""
    given = Given(problem, compressor(up), compressor(down), rounds, **key)
    numbers = {name: int(value) if name in WHOLE else value for name, value in p.items()}
    return list(method(word).transcription(given, **numbers))


class Chosen:
    """What a transcription takes as given when gradients and compressors are functions of the test's own."""

    def __init__(self, gradients: Callable, up: Callable, down: Callable, n: int, d: int, rounds: int) -> None:
        self.gradients, self.C_up, self.C_down = gradients, up, down
        self.n, self.d, self.x0, self._rounds = n, d, np.zeros(d), rounds

    def rounds(self):
        return range(self._rounds)

    def C_up_special(self, v, by):
        return self.C_down(v)

    def send(self, v):
        return v

    broadcast = send
