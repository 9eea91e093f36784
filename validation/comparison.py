"""Error feedback, DoubleSqueeze, CSER, NEOLITHIC and LIEC at equal bits: what the theorems promise, what runs show.

Nothing here is quoted. Bits per round come from the theorems' own count, error terms and bounds from their curves, and
the measurement runs every method for the rounds that the same budget of bits buys it.

Error feedback and CSER are one-way methods: their broadcast is a dense vector (CSER's would be as small as a message if
all workers kept the same random block, which is no choice of the compressors here). DoubleSqueeze and NEOLITHIC
compress both ways and pay with powers of 1/delta; LIEC compresses both ways in all rounds but every H-th and pays with
(H - 1)^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import solvers
from ..common.errors import InputError
from ..problems import Problem
from ..theory import Constants, Contractive, Guarantee, Theorem, theorem
from ..theory.compressors import Compressor, compressor
from ..theory.theorems.neolithic import repeats
from .statistics import mean_limits

#: Method -> the theorems that bound the average of E||grad f||^2; the best of those that apply is taken.
RIVALS: dict[str, tuple[str, ...]] = {
    "sgd": ("sgd.nonconvex",),
    "error-feedback": ("error-feedback.nonconvex", "error-feedback.nonconvex-bounded"),
    "doublesqueeze": ("doublesqueeze.contractive",),
    "cser": ("cser.nonconvex-sharper",),
    "neolithic": ("doublesqueeze.contractive",),
    "liec": ("liec.nonconvex",),
}


@dataclass(frozen=True)
class Row:
    """One method of the comparison.

    Attributes
    ----------
    method, theorem
        The method's word; the id of the theorem that bounds it.
    bits_per_round
        Formula bits per worker and round, both directions.
    rounds
        How many whole rounds the budget buys.
    parameters
        With the step that the theorem recommends for so many rounds.
    noise, error
        The bound's coefficients of gamma (noise) and of gamma^2 (what compression costs).
    bound
        On the average of E||grad f||^2 over these rounds.
    """

    method: str
    theorem: str
    bits_per_round: float
    rounds: int
    parameters: dict[str, float]
    noise: float
    error: float
    bound: float


@dataclass(frozen=True)
class MeasuredRow(Row):
    """A row and its measurement: the mean of (1/T) sum ||grad f||^2 over replicas with its limits, at the best step."""

    mean: float
    low: float
    high: float


def compare(
    constants: Constants,
    up: str | Compressor,
    down: str | Compressor,
    *,
    budget: float,
    H: int | None = None,
    methods: Sequence[str] = tuple(RIVALS),
) -> list[Row]:
    """What the theorems promise for `budget` bits per worker, both directions together.

    Parameters
    ----------
    constants
        Of the problem: n, dim, L, L_max, gap0, sigma_sq, G; zeta_sq for error feedback without bounded gradients.
    up, down
        Compressors, contractive; the one-way methods use `up` alone, CSER takes `down` for its error reset.
    H
        Period of LIEC and CSER; the best power of two for each of them if left out.

    Raises
    ------
    InputError
        If a theorem does not apply, or the budget does not buy one round.
    """
    return [_best(method, constants, compressor(up), compressor(down), budget, H) for method in methods]


def measure(
    problem: Problem,
    up: str | Compressor,
    down: str | Compressor,
    *,
    budget: float,
    H: int | None = None,
    methods: Sequence[str] = tuple(RIVALS),
    steps: Sequence[float] = (),
    replicas: int = 16,
    seed: int = 0,
    alpha: float = 1e-3,
    threads: int | None = None,
) -> list[MeasuredRow]:
    """Run every method for the same bits.

    Parameters
    ----------
    steps
        Values of gamma to try besides the theorem's; the best one of each method is chosen with half of the replicas
        and measured with the other half, so that the choice does not flatter the measurement.
    alpha
        Probability that any of the limits is wrong.
    """
    if replicas < 4:
        raise InputError(f"replicas = {replicas} is too few: half of them choose the step; take 4 or more")
    chosen = []
    for row in compare(problem.constants(), up, down, budget=budget, H=H, methods=methods):
        half = replicas // 2

        def run(gamma: float, first: int, count: int, row: Row = row) -> np.ndarray:
            trace = solvers.simulate(
                row.method, problem, *_sent(theorem(row.theorem), up, down, "identity"),
                parameters={**row.parameters, "gamma": gamma}, rounds=row.rounds, replicas=count, first_replica=first,
                seed=seed, checkpoints=[row.rounds], threads=threads,
            )  # fmt: skip
            return trace.columns["grad_sq_mean"][:, -1]

        gammas = [row.parameters["gamma"], *steps]
        best = gammas[int(np.argmin([run(gamma, 0, half).mean() for gamma in gammas]))]
        samples = run(best, half, replicas - half)
        mean, low, high = mean_limits(samples[:, None], alpha / len(methods))
        values = {**row.__dict__, "parameters": {**row.parameters, "gamma": best}}
        chosen.append(MeasuredRow(**values, mean=float(mean[0]), low=float(low[0]), high=float(high[0])))
    return chosen


def _best(method: str, constants: Constants, up: Compressor, down: Compressor, budget: float, H: int | None) -> Row:
    """The row with the smallest bound over the theorems of a method, and over its periods where they are free."""
    if method not in RIVALS:
        raise InputError(f"no method '{method}' in the comparison; it has: {', '.join(RIVALS)}")
    rows, reasons = [], []
    for subject in map(theorem, RIVALS[method]):
        periodic = "H" in subject.parameters
        for period in [None] if not periodic else [H] if H is not None else [2**k for k in range(11)]:
            try:
                rows.append(_row(method, subject, constants, up, down, budget, period))
            except InputError as refused:
                reasons.append(str(refused))
    if not rows:
        raise InputError(f"{method} cannot be compared: {reasons[0]}")
    return min(rows, key=lambda row: row.bound)


def _row(
    method: str, subject: Theorem, constants: Constants, up: Compressor, down: Compressor, budget: float, H: int | None
) -> Row:
    """The theorem at the rounds that the budget buys."""
    fixed = {} if H is None else {"H": float(H)}
    given: tuple[Compressor | Contractive | None, Compressor | Contractive | None] = _sent(subject, up, down, None)
    extra: dict[str, float] = {}
    repeated = 1
    if method == "neolithic":
        dim = constants.dim or 1
        promises = up.contractive(dim), down.contractive(dim)
        if promises[0] is None or promises[1] is None:
            raise InputError("neolithic needs contractive compressors both ways")
        repeated = repeats(min(p.delta for p in promises if p))
        extra["R"] = float(repeated)
        # R-fold messages, and the mean of R fresh gradients
        given = tuple(Contractive(1 - (1 - p.delta) ** repeated) for p in promises if p)  # type: ignore[assignment]
        if constants.sigma_sq is not None:
            constants = replace(constants, sigma_sq=constants.sigma_sq / repeated)
    bits = _bits(subject, constants, up, down, repeated, fixed)
    rounds = int(budget // bits)
    if rounds < 1:
        raise InputError(f"budget = {budget:g} bits does not pay for a round of {bits:g} bits; give more")
    found = subject.guarantee(constants, given[0], given[1], rounds=rounds, **fixed)
    if not found or found.missing:
        raise InputError(found.reason if not found else found.needs)
    noise, error = _coefficients(subject, found, constants, given, fixed)
    parameters = {**found.parameters, **extra}
    return Row(method, subject.name, bits, rounds, parameters, noise, error, float(found.bound(found.whole(rounds))))


def _bits(
    subject: Theorem, constants: Constants, up: Compressor, down: Compressor, repeated: int, fixed: dict[str, float]
) -> float:
    if constants.dim is None:
        raise InputError("the comparison counts bits; give dim")
    dense = compressor("identity")
    up_bits, down_bits, dense_bits = (c.formula_bits(constants.dim) for c in (*_sent(subject, up, down, dense), dense))
    return repeated * subject.bits_per_round(up_bits, down_bits, dense_bits, fixed)


def _sent(subject: Theorem, up: Any, down: Any, dense: Any) -> tuple[Any, Any]:
    """What goes up and down: the compressors where the theorem compresses, `dense` where it does not."""
    return dense if subject.uplink is None else up, dense if subject.downlink is None else down


def _coefficients(
    subject: Theorem, found: Guarantee, constants: Constants, given: tuple[object, object], fixed: dict[str, float]
) -> tuple[float, float]:
    """The floor of the bound is noise gamma + error gamma^2: both from its values at gamma and gamma/2."""
    gamma = found.parameters["gamma"]
    floors = []
    for step in (gamma, gamma / 2):
        other = subject.guarantee(constants, *given, gamma=step, **fixed)  # type: ignore[arg-type]
        assert isinstance(other, Guarantee)
        assert other.curve is not None
        floors.append(other.curve.floor)
    error = (floors[0] - 2 * floors[1]) / (gamma**2 / 2)
    return (4 * floors[1] - floors[0]) / gamma, max(error, 0.0)
