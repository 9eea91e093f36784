"""Replay: is a certificate reproduced, bit for bit?

A certificate carries the experiment, the seed and the error probability, and the curves. On the same kind of machine,
with the same versions, the same numbers come out, on any number of cores.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..common.errors import InputError
from ..common.files import read_document
from ..solvers.engines.simulate import blas_on_one_thread
from ..theory.compressors import compressor
from .claims import examine
from .experiments import Experiment
from .judging import VerificationRun
from .verdict import versions
from .worst_cases import with_worst_cases

#: What a certificate says of the work that was done, not of what came out.
ABOUT_THE_WORK = ("seconds", "versions", "command", "conformance", "controls", "one_step", "statement_check", "needs")


@dataclass(frozen=True)
class Replay:
    """What became of a certificate.

    Attributes
    ----------
    name
        The theorem or claim.
    word
        "confirmed", "differs" or "cannot be repeated".
    reason
        What differs first, with both values; why it cannot be repeated.
    """

    name: str
    word: str
    reason: str


def replay(path: str | Path, *, threads: int | None = None) -> Replay:
    """Repeat what a certificate tells of, and compare every number.

    Raises
    ------
    InputError
        If the file cannot be read or is no certificate.
    """
    certificate = _read(path)
    name = certificate.get("theorem") or certificate["claim"]
    if own := certificate.get("own"):
        return Replay(
            name,
            "cannot be repeated",
            f"it was run with {' and '.join(f'a {what} of your own' for what in own)}, which no file holds",
        )
    if "claim" in certificate:
        settings = {key: certificate[key] for key in ("quick", "seed", "alpha")}
        (result,) = examine([name], jobs=threads, **settings)
        again = result.certificate()
    else:
        plan = _experiment(certificate["experiment"], path)
        run = VerificationRun(
            plan, compressor(plan.up), compressor(plan.down), seed=certificate["seed"], alpha=certificate["alpha"],
            threads=threads,
        )  # fmt: skip
        with blas_on_one_thread():
            verdict = run.judge()
            again = (with_worst_cases(verdict) if certificate.get("one_step") else verdict).certificate()
    for where, before, after in _differences(_told(certificate), _told(again), ""):
        elsewhere = {k: v for k, v in certificate["versions"].items() if versions().get(k) != v}
        cause = "" if not elsewhere else f"; it was made with {', '.join(f'{k} {v}' for k, v in elsewhere.items())}"
        return Replay(name, "differs", f"{where} was {before!r} and is {after!r}{cause}")
    return Replay(name, "confirmed", "every number was reproduced")


def _read(path: str | Path) -> dict[str, Any]:
    try:
        found = json.loads(read_document(path, "the certificate"))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{path}' is not a certificate: it is not a JSON document ({error})") from None
    wanted = ("claim", "quick", "alpha") if isinstance(found, dict) and "claim" in found else ("theorem", "experiment")
    if not isinstance(found, dict) or any(key not in found for key in (*wanted, "seed", "versions")):
        raise InputError(
            f"'{path}' is not a certificate that can be replayed: take a THEOREM.json that tersegrad verify has written"
        )
    return found


def _experiment(given: Mapping[str, Any], path: str | Path) -> Experiment:
    known = {f.name for f in fields(Experiment)}
    if unknown := [key for key in given if key not in known]:
        raise InputError(f"'{path}' has an experiment with '{unknown[0]}', which this version does not know")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return Experiment(**values)


def _told(certificate: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in certificate.items() if key not in ABOUT_THE_WORK}


def _differences(before: Any, after: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """The places at which two documents differ, with what stands there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences(before.get(key), after.get(key), f"{where}.{key}" if where else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for k, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, f"{where}[{k}]")
    elif before != after:
        yield where, before, after
