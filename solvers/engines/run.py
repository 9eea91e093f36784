"""One door to all engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .guaranteed import guaranteed, with_guarantee
from .options import ENGINES, RunOptions, takes_options
from .request import prepare

if TYPE_CHECKING:
    from ..trace import Trace


@takes_options(RunOptions)
def run(options: RunOptions) -> Trace:
    """Run a method on a problem and record a `Trace`, which has the same bits in every engine.

    Raises
    ------
    InputError
        For anything that cannot be run, in one sentence.
    WorkerError
        If a worker's process is lost.
    """
    return with_guarantee(_carry_out(guaranteed(options)), options.method)


def _carry_out(options: RunOptions) -> Trace:
    if options.engine == "mpi":
        from .distributed import mpi

        return mpi.everywhere(lambda: prepare(options))
    job = prepare(options)
    if options.engine == "processes":
        from .distributed import processes

        return processes.carry_out(job, options.patience or processes.PATIENCE)
    from .simulate import carry_out

    return carry_out(job, options.threads)


__all__ = ["ENGINES", "run"]
