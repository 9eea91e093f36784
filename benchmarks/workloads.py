"""The workloads, and the arrays of their problems as plain NumPy for whoever runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tersegrad.problems import Problem, problem


@dataclass(frozen=True)
class Workload:
    """A method on a problem, to be run by everyone.

    Parameters
    ----------
    name, title
        Short name, and what it is.
    method, problem, up, down, parameters, workers
        As `tersegrad.solvers.simulate` takes them.
    message
        Block length of the ternary compressor (DORE) or number of coordinates kept (DoubleSqueeze), both
        ways.
    rounds, replicas
        Length and number of runs.
    pairs
        How often the pair (ours, rival) is timed, at most.
    """

    name: str
    title: str
    method: str
    problem: str
    up: str
    down: str
    message: int
    parameters: Mapping[str, float]
    workers: int
    rounds: int
    replicas: int
    pairs: int = 7


def large(dim: int, rounds: int, pairs: int) -> Workload:
    """W3 with `dim` coordinates, of which a thousandth travels."""
    k = dim // 1000
    return Workload(
        name="W3",
        title=f"large: DoubleSqueeze, top-k 0.1 % both ways, d = {dim:.0e}, n = 8",
        method="doublesqueeze",
        problem=f"quadratic:dim={dim},heterogeneity=100,radius=100",
        up=f"topk:k={k}",
        down=f"topk:k={k}",
        message=k,
        parameters={"gamma": 0.01},
        workers=8,
        rounds=rounds,
        replicas=1,
        pairs=pairs,
    )


WORKLOADS = {
    "W1": Workload(
        name="W1",
        title="regression of the DORE paper: DORE, ternary blocks of 256, d = 500, n = 20, 16 replicas",
        method="dore",
        problem="least-squares:rows=1200,dim=500,reg=0.05",
        up="ternary:block=256",
        down="ternary:block=256",
        message=256,
        parameters={"gamma": 0.025, "alpha": 0.1, "beta": 1.0, "eta": 1.0},
        workers=20,
        rounds=400,
        replicas=16,
    ),
    "W2": Workload(
        name="W2",
        title="classroom: DORE, ternary, gaussian noise, d = 20, n = 8, 100 replicas",
        method="dore",
        problem="quadratic:dim=20,heterogeneity=1,noise=gaussian,sigma_sq=0.2",
        up="ternary:block=20",
        down="ternary:block=20",
        message=20,
        parameters={"gamma": 0.2, "alpha": 0.15, "beta": 0.3, "eta": 0.0},
        workers=8,
        rounds=10_000,
        replicas=100,
        pairs=5,
    ),
    "W3": large(10**7, rounds=40, pairs=3),
}

#: The same in shorter: fewer rounds and pairs, W3 with a tenth of the dimension.
QUICK = {
    "W1": replace(WORKLOADS["W1"], rounds=100, pairs=5),
    "W2": replace(WORKLOADS["W2"], rounds=500, pairs=5),
    "W3": large(10**6, rounds=10, pairs=3),
}


@dataclass(frozen=True)
class LeastSquares:
    """f_i(x) = ||A_i x - b_i||^2 / (2 m) + (reg / 2) ||x||^2, all workers with the same number m of rows.

    Parameters
    ----------
    A
        Rows (n, m, d).
    b
        Right-hand sides (n, m).
    reg
        The regulariser's factor.
    """

    A: np.ndarray
    b: np.ndarray
    reg: float


@dataclass(frozen=True)
class Quadratic:
    """f_i(x) = (1/2) sum_j hessian_j (x_j - centre_ij)^2, gradients with gaussian noise.

    Parameters
    ----------
    hessian
        The common diagonal Hessian (d,).
    centre
        Each worker's minimiser (n, d).
    sd
        Standard deviation of the noise, per coordinate.
    """

    hessian: np.ndarray
    centre: np.ndarray
    sd: float


@dataclass(frozen=True)
class Instance:
    """A workload with its problem: the object that we run and the arrays that the rivals run."""

    workload: Workload
    problem: Problem = field(repr=False)
    arrays: LeastSquares | Quadratic = field(repr=False)

    @property
    def x0(self) -> np.ndarray:
        """Where all start (d,)."""
        return np.asarray(self.problem.x0, dtype=np.float64)

    @property
    def quadratic(self) -> Quadratic:
        """The arrays of a workload that is known to have a quadratic."""
        assert isinstance(self.arrays, Quadratic)
        return self.arrays

    def dist_sq(self, x: np.ndarray) -> np.ndarray:
        """||x - x*||^2 of every replica; x (replicas, d)."""
        return np.square(x - self.problem.x_star).sum(axis=1)


def instance(workload: Workload) -> Instance:
    """Build the problem, and take the arrays for the rivals from it."""
    built = problem(workload.problem, workers=workload.workers)
    n, d = built.workers, built.dim
    arrays: LeastSquares | Quadratic
    if built.name == "least-squares":
        arrays = LeastSquares(built.A.reshape(n, -1, d), built.b.reshape(n, -1), built.reg)
    else:
        arrays = Quadratic(built.hessian(0), built.shifts, float(np.sqrt(built.noise.sigma_sq / d)))
    return Instance(workload, built, arrays)
