"""C: the straightforward loops of c/*.c, -O3 -march=native, OpenMP over replicas (W3: over workers).

xoshiro256++ with Box and Muller's gaussians by libm, top-k by quickselect, everything in double. Compiled
once a process into a temporary directory by ``$CC`` or ``cc``; the time is taken inside the C function.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .rival import Outcome, Rival, Runner
from .workloads import Instance, LeastSquares

SOURCES = Path(__file__).parent / "c"
FLAGS = ["-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]

_i8, _f8 = ctypes.c_int64, ctypes.c_double
_array = np.ctypeslib.ndpointer(dtype=np.float64, flags="C_CONTIGUOUS")


class Dore(ctypes.Structure):
    """``dore_t`` of c/dore.h."""

    _fields_ = (
        ("gamma", _f8),
        ("alpha", _f8),
        ("beta", _f8),
        ("eta", _f8),
        ("block_up", _i8),
        ("block_down", _i8),
    )


#: Arguments of ``run`` in each source.
ARGUMENTS: dict[str, list[Any]] = {
    "dore_least_squares": [
        _array,
        _array,
        _i8,
        _i8,
        _i8,
        _f8,
        Dore,
        _array,
        _i8,
        _i8,
        ctypes.c_uint64,
        ctypes.c_int,
    ],
    "dore_quadratic": [_array, _array, _i8, _i8, _f8, Dore, _array, _i8, _i8, ctypes.c_uint64, ctypes.c_int],
    "doublesqueeze": [_array, _array, _i8, _i8, _i8, _i8, _f8, _array, _i8, ctypes.c_int],
}


def compiler() -> list[str]:
    """Return the command that compiles C."""
    return shlex.split(os.environ.get("CC", "")) or ["cc"]


@cache
def compiled() -> tuple[dict[str, ctypes.CDLL], str | None]:
    """Compile and load all sources; returns them, and a sentence if that fails."""
    if shutil.which(compiler()[0]) is None:
        return {}, f"there is no C compiler '{compiler()[0]}'"
    libraries = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, arguments in ARGUMENTS.items():
            target = Path(directory) / f"{name}.so"
            command = [*compiler(), *FLAGS, str(SOURCES / f"{name}.c"), "-o", str(target), "-lm"]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode:
                reason = result.stderr.strip().partition("\n")[0]
                return {}, f"'{compiler()[0]}' does not compile {name}.c: {reason}"
            libraries[name] = ctypes.CDLL(str(target))
            libraries[name].run.restype, libraries[name].run.argtypes = _f8, arguments
    return libraries, None


def missing() -> str | None:
    """Return why C cannot run here, if so."""
    return compiled()[1]


def version() -> str:
    """Return the first line of ``cc --version`` and the flags."""
    result = subprocess.run([*compiler(), "--version"], capture_output=True, text=True, check=True)
    return f"{result.stdout.splitlines()[0]} {' '.join(FLAGS[:3])}"


def prepare(instance: Instance, threads: int) -> Runner:
    """Return the runner; the libraries are compiled when `missing` has been asked."""
    libraries, _ = compiled()
    workload, arrays = instance.workload, instance.arrays
    p, n = workload.parameters, workload.workers

    def run(rounds: int, seed: int) -> Outcome:
        models = np.tile(instance.x0, (workload.replicas, 1))
        d = models.shape[1]
        if workload.method == "doublesqueeze":
            k = workload.message
            seconds = libraries["doublesqueeze"].run(
                instance.quadratic.hessian,
                instance.quadratic.centre,
                n,
                d,
                k,
                k,
                p["gamma"],
                models,
                rounds,
                threads,
            )
        else:
            numbers = Dore(p["gamma"], p["alpha"], p["beta"], p["eta"], workload.message, workload.message)
            rest = (numbers, models, workload.replicas, rounds, seed, threads)
            if isinstance(arrays, LeastSquares):
                m = arrays.A.shape[1]
                seconds = libraries["dore_least_squares"].run(arrays.A, arrays.b, n, m, d, arrays.reg, *rest)
            else:
                seconds = libraries["dore_quadratic"].run(arrays.hessian, arrays.centre, n, d, arrays.sd, *rest)
        if seconds < 0:
            raise MemoryError(f"the C program found too little memory for {workload.name}")
        return Outcome(seconds, models)

    return run


RIVAL = Rival(name="C", workloads=("W1", "W2", "W3"), missing=missing, version=version, prepare=prepare)
