"""Run kernels of methods, compressors and problems once; numba checks every index (NUMBA_BOUNDSCHECK=1)."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tersegrad as tg
from support.compressor_table import ALL
from support.failing import BEYOND, LOOK
from support.method_table import call
from tersegrad.common.errors import InputError
from tersegrad.solvers import compressors
from tersegrad.solvers.context import context
from tersegrad.solvers.engines import long, sparse

#: Between them they have every kind of exchange, state, clock, own model, noise and average.
METHODS = ("dore", "liec", "cser", "marina", "gmc-plus", "q-iag", "delay-adaptive", "ef21-p-diana")
PROBLEMS = (
    "quadratic:dim=6,mu=0.2,L=2,heterogeneity=1,noise=gaussian,sigma_sq=0.5", "least-squares:rows=15,dim=6,batch=2",
    "logistic:rows=15,dim=6,reg=0.1",
)  # fmt: skip


def main() -> None:
    # Otherwise this checks nothing.
    with pytest.raises(InputError, match="IndexError"):
        tg.simulate("qsgd", PROBLEMS[0], BEYOND, parameters={"gamma": 0.1}, workers=2, rounds=1)
    for number, word in enumerate(METHODS):
        what, options = call(word, PROBLEMS[number % len(PROBLEMS)])
        tg.simulate(*what, **options, average=("polynomial", 1.0, 2.0))
    sparse.LONG = long.MUCH = 0
    for word, up in (("doublesqueeze", "topk:k=2"), ("ef21", "randk:k=2"), ("error-feedback", "threshold:level=0.1")):
        what, options = call(word, PROBLEMS[0].partition(",noise")[0], replicas=1, columns=False)
        tg.simulate(what[0], what[1], up, up if word == "doublesqueeze" else what[3], **options)
    rng = np.random.default_rng(0)
    for spec in {spec.partition(":")[0]: spec for spec in ALL}.values():
        comp = tg.compressor(spec)
        try:
            compress, params, states = compressors.kernel(comp, 12)
        except InputError:
            continue
        u = rng.random((3, comp.draws(12)))
        x, out = rng.standard_normal((3, 12)), np.empty((3, 12))
        compress(x, u, context(1, 1, 3), params, np.zeros((3, states)), out, np.empty(3))
        assert np.isfinite(out).all(), spec
    assert tg.certify(LOOK, 6).verdict == "holds"


if __name__ == "__main__":
    main()
    sys.stdout.write("within bounds\n")
