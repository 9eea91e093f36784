"""What a method's theorems say about one of its runs: parameters, what is not covered, what they know of delays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..common import front
from ..common.errors import InputError
from ..common.options import number
from ..theory import THEOREMS

if TYPE_CHECKING:
    from ..theory import Compressor, Constants, Guarantee
    from .method import Method
    from .schedule import Schedule


def recommended(
    method: Method,
    constants: Constants,
    up: Compressor,
    down: Compressor,
    given: Mapping[str, Any],
    rounds: int,
) -> tuple[dict[str, float], Guarantee | None]:
    """Complete the parameters: the first of the method's theorems that covers the request recommends the rest.

    Parameters
    ----------
    method, constants, up, down, rounds
        The run: T rounds of a method with two compressors on a problem with these constants.
    given
        The parameters that are chosen already.

    Returns
    -------
    parameters, guarantee
        All parameters; the guarantee of the theorem that recommended some, None if all were given.

    Raises
    ------
    InputError
        If parameters are missing and no theorem covers the request.
    """
    missing = [name for name in method.parameters if name not in given]
    if not missing:
        return method.check(given), None
    reasons = []
    for theorem in THEOREMS.values():
        if theorem.method == method.name and set(given) <= set(theorem.parameters):
            found = theorem.guarantee(constants, _compressing(up), _compressing(down), rounds, None, **given)
            if found:
                return method.check({**found.parameters, **given}), found
            reasons.append(found.reason)
    why = f" ({reasons[0]})" if reasons else ""
    raise InputError(f"no theorem recommends parameters for this run{why}; write {front.parameters(*missing)}")


def uncovered(
    method: Method,
    constants: Constants,
    up: Compressor,
    down: Compressor,
    parameters: Mapping[str, float],
    rounds: int,
) -> list[tuple[str, str]]:
    """Return the method's theorems that do not cover these parameters here, each by its name and with the reason.

    Parameters
    ----------
    method, constants, up, down, parameters, rounds
        The run: T rounds of a method with two compressors on a problem with these constants.
    """
    outside = []
    for theorem in THEOREMS.values():
        if theorem.method == method.name:
            fixed = {name: value for name, value in parameters.items() if name in theorem.parameters}
            found = theorem.guarantee(constants, _compressing(up), _compressing(down), rounds, None, **fixed)
            if not found:
                outside.append((theorem.name, found.reason))
    return outside


def covering(
    method: Method,
    constants: Constants,
    up: Compressor,
    down: Compressor,
    parameters: Mapping[str, float],
    rounds: int,
) -> list[Guarantee]:
    """Return what the theorems guarantee of a run, those of other methods, too, of which it is a run as well.

    A theorem is about what a method does, not about its name: gradient descent is QSGD and D-QGD without compression
    (`same_runs`).

    Parameters
    ----------
    method, constants, up, down, parameters, rounds
        The run: T rounds of a method with two compressors on a problem with these constants.
    """
    found = []
    for other in same_runs(method, up, down, parameters, constants.dim or 1):
        for theorem in THEOREMS.values():
            if theorem.method == other.name:
                known = {*theorem.parameters} & {*other.parameters}
                fixed = {name: value for name, value in parameters.items() if name in known}
                answer = theorem.guarantee(constants, _compressing(up), _compressing(down), rounds, None, **fixed)
                if answer:
                    found.append(answer)
    return found


def same_runs(
    method: Method, up: Compressor, down: Compressor, parameters: Mapping[str, float], dim: int
) -> list[Method]:
    """Return the methods that do the same with these compressors and parameters, by what they declare; itself first.

    Two methods do the same if their rules, states, special rounds and clocks are the same and their channels have the
    same numbers; on a side without compression, channels that hand over what enters them are all the same.

    Parameters
    ----------
    method, up, down, parameters
        What runs.
    dim
        d, on which it depends whether a compressor loses anything.
    """
    from .method import known_methods

    same = [method]
    for other in known_methods().values():
        shared = method.parameters[: len(other.parameters)] == other.parameters
        if other.name != method.name and shared and _deeds(other) == _deeds(method):
            numbers = {name: float(parameters[name]) for name in other.parameters if name in parameters}
            if len(numbers) == len(other.parameters) and all(
                _way(other, way, link, numbers, dim) == _way(method, way, link, parameters, dim)
                for way, link in (("uplink", up), ("downlink", down))
            ):
                same.append(other)
    return same


def _deeds(method: Method) -> tuple[Any, ...]:
    """What a method does beside its channels."""
    return (
        method.worker, method.sent, method.server, method.everyone, method.local, method.gradient, method.states,
        method.each, method.special, method.special_when, method.special_adds, method.models, method.model_state,
        method.memory_state, method.clock, method.drops, method.samples, method.reshuffles, method.memory_per_sample,
        method.wrap,
    )  # fmt: skip


def _way(method: Method, way: str, link: Compressor, parameters: Mapping[str, float], dim: int) -> Any:
    """A channel's numbers; None where what enters it comes out."""
    from .method import channel_of

    channel = channel_of(method, method, way, dict(parameters))
    promise = link.unbiased(dim)
    exact = promise is not None and promise.omega == 0
    return None if exact and channel.nu == 1 and not channel.model_is_memory else channel


def _compressing(link: Compressor) -> Compressor | None:
    return None if link.name == "identity" else link


def bound_on_delays(method: Method, delays: Schedule, tau: Any, forecast: bool = False) -> float:
    """Return the bound tau that the theorems may count on: the user's, the recorded run's, or the largest delay.

    Parameters
    ----------
    method, delays
        An asynchronous method and who reports when.
    tau
        The user's bound, or None.
    forecast
        Whether the delays are those of another run: what happens in this one is kept within the bound.

    Raises
    ------
    InputError
        If the delays exceed the bound, or it is no number.
    """
    table = method.clock == "table"
    if tau is None and delays.tau is None:
        return delays.realised(table).maximal
    bound = number("tau", delays.tau if tau is None else tau)
    if not forecast:
        delays.require(tau=bound, table=table)
    return bound


def facts_of_delays(
    method: Method, delays: Schedule, parameters: Mapping[str, Any], forecast: bool = False
) -> dict[str, Any]:
    """Return what theorems ask of a schedule, by the names of `Constants`.

    Parameters
    ----------
    method, delays, parameters
        An asynchronous method, who reports when, and the method's parameters as far as they are given.
    forecast
        Whether the delays are those of another run: then only what the server enforces is a fact, M = n messages of all
        workers.
    """
    facts = delays.facts(method.clock == "table")
    if not forecast:
        return facts
    together = method.clock == "arrivals" and not method.drops and parameters.get("M", 1) == delays.n
    enforced = {"same_age": together, "every_worker": together, "uniform_draws": False}
    return {"tau": facts["tau"], "independent_delays": None, **enforced}  # compute times may depend on the data
