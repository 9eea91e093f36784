"""What a worker's process is told about the run: plain text and numbers, never pickled objects.

Methods, compressors and kernels go by name. One of your own must be found under its name at the top level of a module
that the worker can import.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np

from ....common.errors import InputError
from ....problems import Noise, ProblemKernels
from ....problems.share import Share
from ....theory.compressors import Compressor, compressor
from ....theory.compressors.registry import of_toolkit as toolkits
from ...method import Method, method, of_toolkit
from ..request import Job
from ..setup import Run


def address(thing: Any, what: str) -> str:
    """`@module:name` of an object at the top level of a module.

    Raises
    ------
    InputError
        If it is not at the top level of an importable module.
    """
    name = getattr(thing, "__name__", None)
    home = sys.modules.get(getattr(thing, "__module__", None) or "")
    if name is not None and home is not None and getattr(home, name, None) is thing and home.__name__ != "__main__":
        return f"@{home.__name__}:{name}"
    for module in list(sys.modules.values()):
        for key, value in list(getattr(module, "__dict__", {}).items()):
            if value is thing and module.__name__ not in ("__main__", "__mp_main__"):
                return f"@{module.__name__}:{key}"
    raise InputError(
        f"{what} is an object that another process cannot find: put it at the top level of a module that can be "
        f"imported, or use the engine simulate"
    )


def find(where: str) -> Any:
    """The object at an `address`."""
    module, _, name = where.removeprefix("@").partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"a worker cannot import '{where}': {error}") from None


def _method(given: Method) -> str:
    return given.name if of_toolkit(given) else address(given, f"the method '{given.name}'")


def _compressor(given: Compressor) -> str:
    try:
        same = toolkits(given) and type(compressor(given.spec)) is type(given)
    except InputError:
        same = False
    return given.spec if same else address(given, f"the compressor {given.spec}")


def run_spec(job: Job) -> dict[str, Any]:
    """The run as text and numbers."""
    run, problem = job.run, job.run.problem
    kernels = problem.kernels()
    return {
        "method": _method(run.method),
        "up": _compressor(run.up),
        "down": _compressor(run.down),
        "numbers": run.numbers,
        "rounds": run.rounds,
        "seed": run.seed,
        "columns": sorted(run.columns),
        "weights": None if run.weights is None else list(run.weights),
        "asynchronous": run.live or run.schedule is not None,
        "parts": [[part[0], len(part)] for part in job.parts],
        "problem": {
            "spec": problem.spec,
            "dim": problem.dim,
            "workers": problem.workers,
            "noise": [problem.noise.kind, problem.noise.sigma_sq, problem.noise.batch, problem.noise.sampling],
            "regulariser": list(problem.regulariser),
            "kernels": [
                address(kernel, f"a kernel of the problem {problem.spec}")
                for kernel in (kernels.gradient, kernels.exact_gradient, kernels.value)
            ],
            "draws": kernels.draws,
            "shuffled": kernels.shuffled,
        },
    }


def from_spec(config: dict[str, Any], arrays: list[np.ndarray]) -> tuple[Run, list[list[int]]]:
    """The run as a worker sees it, and the replicas of its blocks."""
    about = config["problem"]
    gradient, exact, value = map(find, about["kernels"])
    *data, x0 = arrays
    l1, l2 = about["regulariser"]
    problem = Share(
        about["spec"], about["dim"], about["workers"], x0, Noise(*about["noise"]), (l1, l2),
        ProblemKernels(gradient, exact, value, tuple(data), about["draws"], tuple(about["shuffled"])),
    )  # fmt: skip
    up, down = (find(config[way]) if config[way].startswith("@") else compressor(config[way]) for way in ("up", "down"))
    weights = None if config["weights"] is None else tuple(config["weights"])
    run = Run(
        find(config["method"]) if config["method"].startswith("@") else method(config["method"]),
        problem, up, down, config["numbers"], config["rounds"], config["seed"], np.zeros(0, np.int64),
        frozenset(config["columns"]), None, weights, live=config["asynchronous"],
    )  # fmt: skip
    return run, [list(range(first, first + size)) for first, size in config["parts"]]
