"""Runs that a theorem's guarantee describes: method, compressors, parameters, averages and columns come from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...common.errors import InputError
from ...theory.compressors import Compressor
from ...theory.guarantee import Guarantee, NoGuarantee
from ..method import method
from .request import log_checkpoints
from .setup import OPTIONAL_COLUMNS

if TYPE_CHECKING:
    from ..trace import Trace
    from .options import RunOptions


def guaranteed(options: RunOptions) -> RunOptions:
    """Fill in what a guarantee says of a run; options that name a method are returned as they are.

    What is given beside the guarantee counts: compressors, parameters that replace its own, further columns.

    Raises
    ------
    InputError
        If there is no guarantee (with its reason), or it assumes a class of compressors instead of naming one.
    """
    found = options.method
    if isinstance(found, NoGuarantee):
        raise InputError(f"there is no guarantee to run: {found.reason}")
    if not isinstance(found, Guarantee):
        return options
    compressors: dict[str, Any] = {}
    for way in ("up", "down"):
        given = getattr(options, way)
        promised = getattr(found, way)
        if given == "identity" and promised is not None:
            if not isinstance(promised, Compressor):
                raise InputError(
                    f"the guarantee assumes {promised} of the {way}link and names no compressor: give {way}=, as in "
                    f'{way}="topk:k=1"'
                )
            compressors[way] = promised
    subject = method(found.theorem.method)
    columns = {name for name, _ in found.metric.terms if name in OPTIONAL_COLUMNS or name in subject.columns}
    if options.columns is not True:
        columns |= set(options.columns or ())
    checkpoints, epoch = options.checkpoints, 1 if found.curve is None else found.curve.every
    if checkpoints is None and epoch > 1:
        checkpoints = epoch * log_checkpoints(-(-options.rounds // epoch))
        checkpoints = checkpoints[checkpoints <= options.rounds]
    return replace(
        options,
        method=subject,
        parameters={**found.parameters, **(options.parameters or {})},
        columns=sorted(columns),
        average=options.average or found.weights,
        checkpoints=checkpoints,
        **compressors,
    )


def with_guarantee(trace: Trace, found: Any) -> Trace:
    """Note in a trace which theorem it is about, its metric, and its bound at the checkpoints, if it is about one."""
    if not isinstance(found, Guarantee) or trace is None:
        return trace
    about: dict[str, Any] = {
        **trace.about,
        "theorem": found.theorem.name,
        "metric": {"latex": found.metric.latex, "terms": [list(term) for term in found.metric.terms]},
    }
    scalars = dict(trace.scalars)
    if found.curve is not None:
        bound = np.full(trace.rounds.size, np.nan)
        inside = found.curve.covers(trace.rounds)
        bound[inside] = found.bound(trace.rounds[inside])
        scalars["bound"] = bound
    return replace(trace, about=about, scalars=scalars)
