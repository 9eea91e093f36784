"""What is registered in a test is gone after it; and a command line, in this process."""

import sys
from contextlib import contextmanager

import pytest

from tersegrad.cli import main
from tersegrad.problems.registry import OBJECTS, PROBLEMS
from tersegrad.solvers.method import known_methods
from tersegrad.theory.compressors.registry import COMPRESSORS
from tersegrad.theory.theorem import THEOREMS
from tersegrad.validation import own
from tersegrad.validation.experiments import EXPERIMENTS

REGISTERS = (THEOREMS, EXPERIMENTS, COMPRESSORS, PROBLEMS, OBJECTS, known_methods())


@contextmanager
def undone():
    """What is registered, and the modules that are loaded for it, are there until the end and no longer."""
    before, loaded = [dict(register) for register in REGISTERS], set(sys.modules)
    yield
    for register, known in zip(REGISTERS, before, strict=True):
        register.clear()
        register.update(known)
    for name in set(sys.modules) - loaded:
        if name.startswith(own.PREFIX):
            del sys.modules[name]


def cli(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words.split())
    return end.value.code, *capsys.readouterr()
