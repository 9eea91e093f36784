"""What a round takes from the heap: counted by numba's run-time, not timed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from numba.core.runtime import _nrt_python, rtsys

from tersegrad.solvers import simulate

#: Method, uplink, downlink and parameters: allocations of a round of three workers with Gaussian noise. Top-k, rand-k
#: and QSGD take room for candidates, places and levels in every message, nothing else takes any.
A_ROUND = {
    ("sgd", "identity", "identity", ("gamma",)): 0.0,
    ("qsgd", "qsgd:levels=4", "identity", ("gamma",)): 12.0,
    ("ef21", "topk:k=4", "identity", ("gamma",)): 18.0,
    ("diana", "randk:k=4", "identity", ("gamma", "alpha")): 6.0,
    ("doublesqueeze", "topk:k=4", "topk:k=4", ("gamma",)): 24.0,
    ("dore", "ternary", "ternary", ("gamma", "alpha", "beta", "eta")): 0.0,
}


@pytest.fixture
def counted() -> Iterator[None]:
    """Numba counts what its compiled code allocates."""
    _nrt_python.memsys_enable_stats()
    yield
    _nrt_python.memsys_disable_stats()


@pytest.mark.parametrize(("what", "expected"), A_ROUND.items(), ids=lambda v: v[0] if isinstance(v, tuple) else "")
def test_a_round_allocates_no_more_than_it_did(what, expected, counted):
    method, up, down, names = what

    def allocations(rounds: int) -> int:
        before = rtsys.get_allocation_stats().alloc
        simulate(
            method, "quadratic:dim=40,noise=gaussian", up, down, parameters=dict.fromkeys(names, 0.01), rounds=rounds,
            workers=3, replicas=4, checkpoints=[rounds], columns=False, threads=1,
        )  # fmt: skip
        return rtsys.get_allocation_stats().alloc - before

    allocations(10)
    each = (allocations(144) - allocations(80)) / 64
    assert each == pytest.approx(expected, rel=0.1)  # fewer: lower the number above
