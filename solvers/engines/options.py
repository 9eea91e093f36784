"""What a run is asked for: the one record, and signature, of `run`, `simulate` and `prepare`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from ...common.door import is_real, require_types
from ...common.errors import InputError, nearest
from ...common.options import integer
from .saving import DEFAULT_EVERY, Every

if TYPE_CHECKING:
    import numpy as np

    from ...problems import Problem
    from ...theory import Guarantee, NoGuarantee
    from ...theory.compressors import Compressor
    from ..method import Method
    from ..schedule import Schedule

ENGINES = ("simulate", "processes", "mpi")
#: Kinds of weights of an average, and how many numbers follow (see `theory.bounds.Weights`).
WEIGHTS = {"polynomial": 2, "geometric": 1, "after": 0}

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class RunOptions:
    """What a run is asked for.

    Parameters
    ----------
    method, problem, up, down
        Words and specs, or objects of your own: a `Method`, a `Problem`, a `Compressor` with a kernel. Other processes
        must find those, and kernels, at the top level of modules that they can import. Instead of a method, a
        `Guarantee` stands for the run that it describes: method, compressors, parameters, averages and the columns of
        its metric are then the guarantee's, unless they are given, and `Trace.metric` and `Trace.bound` are there.
    parameters
        The method's numbers, ``gamma`` first of all; those of a guarantee need not be repeated.
    rounds, replicas, seed, first_replica
        T >= 1 rounds of R >= 1 independent replicas, numbered from `first_replica`; the seed is a 32-bit number.
    workers
        n, needed when `problem` is a spec.
    checkpoints
        Rounds at which to record; default: about 40, spaced geometrically.
    columns
        Which optional columns to record. Means over all rounds: ``grad_sq_mean`` is free where the workers compute
        exact gradients at x anyway, the others (``gap_mean``, ``grad_l1_mean``, ``grad_norm_mean``,
        ``shadow_grad_sq_mean``, ``shadow_spread_mean``) cost an evaluation a round. ``gap_avg`` and
        ``grad_sq_avg`` need `average`; ``memory_gap_sq`` and a method's own columns cost something at checkpoints
        only. True means ("grad_sq_mean",), where workers sample rows and for asynchronous
        methods nothing.
    schedule
        Of an asynchronous method: a `Schedule`, or the spec of a clock that makes one. If left out, the clock
        "exponential" in the engine simulate, and the workers' own times where they are real (`Trace.schedule` is what
        happened).
    average
        Weights of the averages over iterates, as a theorem's guarantee has them (`Guarantee.weights`).
    paths
        Whether to keep the models and shadow sequences at all checkpoints, in `Trace.paths`.
    progress
        Called with the number of replica-rounds just done.
    engine
        "simulate": virtual workers in this process. "processes": a process for every worker on this machine. "mpi":
        one rank for the server and one for every worker, under mpiexec; all ranks call, and only rank 0, which serves,
        gets the trace: the others work, and get None.
    checkpoint, checkpoint_every
        A file in which the run is stored every so many rounds (500) or seconds ("60s").
    resume
        A file written by `checkpoint`, from which to continue.
    delay_bound
        tau, which no delay of real asynchronous workers may exceed: where one would, the server waits.
    patience
        Of the engine processes: seconds without a sign of life after which a worker is given up; default 10.
    threads
        Of the engine simulate: how many blocks of replicas run at once, or where there are fewer of them and vectors
        are long, how many workers; default: all cores. No result depends on it.
    participation
        The probability with which a worker takes part in a round; a silent one sends nothing.

    Raises
    ------
    InputError
        For an engine, a patience or a number of threads that does not exist.
    """

    method: str | Method | Guarantee | NoGuarantee
    problem: str | Problem
    up: str | Compressor = "identity"
    down: str | Compressor = "identity"
    _: KW_ONLY
    parameters: Mapping[str, float] | None = None
    rounds: int
    workers: int | None = None
    replicas: int = 1
    seed: int = 0
    first_replica: int = 0
    checkpoints: Sequence[int] | np.ndarray | None = None
    columns: bool | Sequence[str] = True
    schedule: str | Schedule | None = None
    average: tuple[Any, ...] | None = None
    paths: bool = False
    progress: Callable[[int], None] | None = None
    engine: str = "simulate"
    checkpoint: str | Path | None = None
    checkpoint_every: str | int = DEFAULT_EVERY
    resume: str | Path | None = None
    delay_bound: int | None = None
    patience: float | None = None
    threads: int | None = None
    participation: float | None = None

    def __post_init__(self) -> None:
        require_types(self)
        if self.engine not in ENGINES:
            raise InputError(
                f"unknown engine '{self.engine}'{nearest(self.engine, ENGINES)}; known: {', '.join(ENGINES)}"
            )
        if self.average is not None and not _are_weights(self.average):
            raise InputError(f"average={self.average}: give the weights of a guarantee, as Guarantee.weights has them")
        Every.read(self.checkpoint_every)
        if self.patience is not None and not self.patience > 0:
            raise InputError(f"patience = {self.patience} is not a number of seconds above 0")
        for name, low in (("threads", 1), ("delay_bound", 0)):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name), low)


def _are_weights(average: Sequence[Any]) -> bool:
    kind, *numbers = average or ("",)
    return isinstance(kind, str) and kind in WEIGHTS and len(numbers) == WEIGHTS[kind] and all(map(is_real, numbers))


def takes_options(options: Callable[P, RunOptions]) -> Callable[[Callable[[RunOptions], R]], Callable[P, R]]:
    """Have a function of a `RunOptions` take what that is made of instead, for editors and for `help` alike."""

    def decorate(function: Callable[[RunOptions], R]) -> Callable[P, R]:
        returned = inspect.signature(function).return_annotation
        signature = inspect.signature(options).replace(return_annotation=returned)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as mistake:
                raise TypeError(f"{function.__name__}() {mistake}") from None
            return function(options(*args, **kwargs))

        vars(call)["__signature__"] = signature
        before, raises, after = (inspect.getdoc(function) or "").partition("Raises\n------\n")
        described = (inspect.getdoc(options) or "").partition("Parameters\n----------\n")[2].partition("Raises\n")[0]
        call.__doc__ = f"{before}Parameters\n----------\n{described}{raises}{after}"
        return call

    return decorate


__all__ = ["ENGINES", "RunOptions", "takes_options"]
