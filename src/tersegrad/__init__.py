"""tersegrad: the theory of communication-compressed distributed optimisation, put to the test.

    >>> import tersegrad as tg
    >>> known = tg.Constants(n=20, dim=500, L_max=1.0, mu=0.1, dist0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.0)
    >>> guarantee = tg.theorem("sgd.strongly-convex").guarantee(known)
    >>> guarantee.parameters["gamma"] > 0
    True

Names are loaded when they are first used, so that importing the package takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .common.version import __version__

if TYPE_CHECKING:
    from .figures.curves import rate_plot
    from .problems import Noise, Problem, problem
    from .report import write_report
    from .solvers import Channel, Method, Schedule, Trace, run, simulate
    from .solvers.method import method
    from .theory import (
        AbsoluteError,
        Compressor,
        Constants,
        Contractive,
        Guarantee,
        InputError,
        NoGuarantee,
        Theorem,
        Unbiased,
        WorkerError,
        compressor,
        theorem,
    )
    from .theory.advice import advise
    from .validation import Experiment, Verdict, certify, exit_status, verify
    from .validation.exact.frontier import frontier
    from .validation.judging import judge
    from .validation.own import register
    from .validation.studies import compare, fit_rate, speedup, step_table, sweep
    from .validation.tightness import hard_instances, tightness

_HOME = {
    "theory": (
        "AbsoluteError",
        "Compressor",
        "Constants",
        "Contractive",
        "Guarantee",
        "InputError",
        "NoGuarantee",
        "Theorem",
        "Unbiased",
        "WorkerError",
        "compressor",
        "theorem",
    ),
    "theory.advice": ("advise",),
    "problems": ("Noise", "Problem", "problem"),
    "solvers": ("Channel", "Method", "Schedule", "Trace", "run", "simulate"),
    "solvers.method": ("method",),
    "validation": ("Experiment", "Verdict", "exit_status", "verify"),
    "validation.certify": ("certify",),
    "validation.exact.frontier": ("frontier",),
    "validation.tightness": ("hard_instances", "tightness"),
    "validation.judging": ("judge",),
    "validation.own": ("register",),
    "validation.studies": ("compare", "fit_rate", "speedup", "step_table", "sweep"),
    "figures.curves": ("rate_plot",),
    "report": ("write_report",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AbsoluteError",
    "Channel",
    "Compressor",
    "Constants",
    "Contractive",
    "Experiment",
    "Guarantee",
    "InputError",
    "Method",
    "NoGuarantee",
    "Noise",
    "Problem",
    "Schedule",
    "Theorem",
    "Trace",
    "Unbiased",
    "Verdict",
    "WorkerError",
    "__version__",
    "advise",
    "certify",
    "compare",
    "compressor",
    "exit_status",
    "fit_rate",
    "frontier",
    "hard_instances",
    "judge",
    "method",
    "problem",
    "rate_plot",
    "register",
    "run",
    "simulate",
    "speedup",
    "step_table",
    "sweep",
    "theorem",
    "tightness",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
