"""Do compressors and problems keep what their constants promise? Small certificates, as part of a verdict."""

from __future__ import annotations

from ..problems import Problem
from ..problems import problem as build_problem
from ..theory.compressors import Compressor
from .certify import certify
from .certify_problem import certify_problem
from .conformance import Conformance

#: Random points at which a problem of a verification is held against its constants.
POINTS = 4
#: Entries of the messages by which a compressor of a verification is certified, and the error probability of that.
MESSAGES, CERTAIN = 1e6, 1e-6


def promises_conform(given: Compressor, dim: int, messages: float = MESSAGES) -> Conformance:
    """Whether a compressor keeps what its constants promise, by a small certificate (`certify`)."""
    found = certify(given, dim, alpha=CERTAIN, budget=messages)
    for row in found.rows:
        if row.verdict == "violated":
            return Conformance("differs", f"at {row.check}: {row.measured:.4g} against {row.limit:.4g}, {row.vector}")
    return Conformance("conforms")


def constants_conform(problem: str | Problem, workers: int | None = None) -> Conformance:
    """Whether a problem's constants are its own, as far as a few points tell (`certify_problem`)."""
    found = certify_problem(build_problem(problem, workers=workers), points=POINTS)
    for claim in found.violated:
        return Conformance("differs", f"in {claim.name}: {claim.claimed} is claimed, {claim.measured} was found")
    return Conformance("conforms")
