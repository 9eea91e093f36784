"""``tersegrad doctor``: what is here, what is missing, and what that costs."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ..common.files import writable_directory
from ..common.limits import memory
from ..common.optional import EXTRAS, way_out
from ..common.version import __version__
from ..output import aligned, print_json
from .options import json_option

NEEDED = ("numpy", "scipy", "numba", "click", "threadpoolctl")
OPTIONAL = {
    "matplotlib": ("matplotlib", "pictures"),
    "jinja2": ("Jinja2", "report.html"),
    "latex2mathml": ("latex2mathml", "formulas in report.html"),
    "rich": ("rich", "progress bars, tables as wide as the terminal"),
    "sklearn": ("scikit-learn", "real data sets by name, such as data=breast_cancer"),
    "constriction": ("constriction", "messages with coder=ans"),
    "mpi4py": ("mpi4py", "--engine mpi, --executor mpi"),
    "distributed": ("distributed", "--executor dask"),
    "marimo": ("marimo", "tersegrad classroom"),
    "pandas": ("pandas", "data frames, Trace.to_pandas"),
    "xarray": ("xarray", "Trace.to_xarray"),
}
"""Package -> (its name where it is installed from, what needs it)."""


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Say what tersegrad finds on this machine: versions, cores, caches, optional parts, and what is missing.

    Status 0 if everything that is needed is here, 2 if something is missing.
    """
    found = examined()
    if as_json:
        print_json(found)
        return 0 if found["well"] else 2
    rows = [["tersegrad", found["tersegrad"]], ["Python", found["python"]], ["machine", found["machine"]]]
    rows += [["cores", str(found["cores"])], ["memory", found["memory"]]]
    rows += [[name, version or "MISSING"] for name, version in found["needed"].items()]
    rows += [["compiled kernels", found["kernels"]], ["MPI", found["mpiexec"] or "no mpiexec on the path"]]
    click.echo(aligned(rows))
    click.echo("optional")
    click.echo(
        aligned(
            [name, part["version"] or f"not installed: {part['install']}", part["for"]]
            for name, part in found["optional"].items()
        )
    )
    for sentence in found["missing"]:
        click.echo(f"missing: {sentence}")
    return 0 if found["well"] else 2


def examined() -> dict[str, Any]:
    """What the command prints, with stable keys."""
    needed = {name: _version(name) for name in NEEDED}
    kernels, works = _kernels()
    missing = [f"{name}: pip install {name}" for name, version in needed.items() if version is None]
    if not works:
        missing.append(kernels)
    optional = {
        name: {
            "version": _version(name) if find_spec(module) else None,
            "for": what,
            "install": way_out(module) if module in EXTRAS else f"pip install {name}",
        }
        for module, (name, what) in OPTIONAL.items()
    }
    return {
        "tersegrad": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _memory(),
        "needed": needed,
        "kernels": kernels,
        "mpiexec": shutil.which("mpiexec"),
        "optional": optional,
        "missing": missing,
        "well": not missing,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> str:
    return f"{size / 1e9:.1f} GB" if (size := memory()) < float("inf") else "unknown"


def _kernels() -> tuple[str, bool]:
    """Where compiled kernels are kept, and whether kernels can be compiled at all."""
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "NUMBA_DISABLE_JIT is set, and methods run as compiled kernels: unset it", False
    folder = os.environ.get("NUMBA_CACHE_DIR")
    where = Path(folder) if folder else Path(__file__).resolve().parents[1]
    try:
        writable_directory(where)
    except Exception:
        return f"'{where}' cannot be written to: kernels may be compiled anew at every start; set NUMBA_CACHE_DIR", True
    return f"kept in {where}{'' if folder else ', beside the sources'}", True
