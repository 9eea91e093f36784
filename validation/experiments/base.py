"""What a default experiment is, and the problems that several of them share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ...common.door import require_types

if TYPE_CHECKING:
    from ...problems import Problem

#: strongly convex, every constant exact, zeta_sq finite
QUADRATIC = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1,radius=20,noise=gaussian,sigma_sq=1"
#: the linear regression of the DORE paper, exact gradients
REGRESSION = "least-squares:rows=1200,dim=500,reg=0.05"
#: real data, and what stands in for it where scikit-learn is not installed
CANCER = "logistic:data=breast_cancer,reg=0.1"
LOGISTIC = "logistic:rows=512,dim=30,reg=0.1"
#: the same with a shorter way to go, so that the noise shows early
NEAR = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=1,radius=5,noise=gaussian,sigma_sq=1"
#: nonconvex, all workers hold the same f, far from its minimiser; and with more noise
SINES = "pl:dim=10,noise=gaussian,sigma_sq=100"
LOUD_SINES = "pl:dim=10,noise=gaussian,sigma_sq=400"
#: nonconvex with bounded gradients, all workers hold the same f
ROBUST = "robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=1"
#: nonconvex and heterogeneous, with a uniform zeta_sq
NONCONVEX = "logistic-nonconvex:rows=256,dim=10,lam=0.1,split=sorted,noise=gaussian,sigma_sq=10"


#: Numbers of workers for the speedup on a problem of one's own.
OWN_GRID = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Experiment:
    """How a theorem is put to the test.

    Parameters
    ----------
    theorem
        Its id.
    problem, up, down, workers
        Specs and n.
    rounds, replicas
        T of the main run; replicas to start with (doubled while undecided).
    quick_rounds
        T of the main run with --quick; half of `rounds` if None.
    choices
        Parameters fixed by the experiment instead of recommended by the theorem.
    rounds_grid
        Values of T at which the rate in T is measured, each with the step that the theorem recommends for this T;
        empty for linear rates, which are fitted within the main run.
    workers_grid
        Values of n for the linear speedup; empty where the theorem promises none for this problem.
    speedup_problem, speedup_up, speedup_down, speedup_rounds, speedup_replicas
        What the speedup is measured on, where it is not what the main run uses (a noisy problem for a main run with
        exact gradients, a small one for a large one).
    without_data
        The problem where scikit-learn, which provides the real data, is not installed.
    constants
        Constants that the theorem is told in place of what the problem says of itself, or beside it.
    own_problem
        Whether a problem of the user's replaces the default one; then a verdict says why no speedup was
        measured.
    clock
        Of an asynchronous method: the spec of the clock that makes the schedules (solvers.clocks).
    """

    theorem: str
    problem: str | Problem
    up: str = "identity"
    down: str = "identity"
    workers: int = 8
    rounds: int = 4000
    replicas: int = 32
    quick_rounds: int | None = None
    choices: dict[str, float] = field(default_factory=dict)
    rounds_grid: tuple[int, ...] = (256, 1024, 4096, 16384)
    workers_grid: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    speedup_problem: str | None = None
    speedup_up: str | None = None
    speedup_down: str | None = None
    speedup_rounds: int | None = None
    speedup_replicas: int = 32
    without_data: str | None = None
    clock: str = ""
    constants: dict[str, Any] = field(default_factory=dict)
    own_problem: bool = False

    def __post_init__(self) -> None:
        require_types(self)

    def at_hand(self) -> Experiment:
        """This experiment, with `without_data` in place of data that cannot be read here."""
        if self.without_data is None or find_spec("sklearn") is not None:
            return self
        return replace(self, problem=self.without_data)

    def speedup(self) -> Experiment:
        """The experiment on which the speedup is measured."""
        return replace(
            self,
            problem=self.speedup_problem or self.problem,
            up=self.speedup_up or self.up,
            down=self.speedup_down or self.down,
            rounds=self.speedup_rounds or self.rounds,
        )

    def adapted(self, **changes: Any) -> Experiment:
        """This experiment with some fields replaced; a problem of one's own brings its own length and its own n-grid.

        With another problem the number of rounds is chosen by the bound (0 here) unless it is given, because the
        default belongs to the default problem, and the speedup is measured on it: on an object, which was made for its
        n, not at all.
        """
        if "problem" in changes:
            changes = {
                "rounds": 0,
                "own_problem": True,
                "workers_grid": OWN_GRID if isinstance(changes["problem"], str) else (),
                **{f"speedup_{what}": None for what in ("problem", "up", "down", "rounds")},
                **changes,
            }
        return replace(self, **changes)

    def quick(self) -> Experiment:
        """The same experiment at a fraction of the cost."""
        return replace(
            self,
            rounds=self.quick_rounds or self.rounds // 2,
            replicas=min(self.replicas, 16),
            rounds_grid=self.rounds_grid[:3],
            workers_grid=self.workers_grid[:3],
            speedup_rounds=None if self.speedup_rounds is None else self.speedup_rounds // 2,
            speedup_replicas=16,
        )


#: Linear rates are fitted within the main run.
LINEAR: dict[str, Any] = {"rounds_grid": ()}
#: Grids of n for problems whose workers differ, which takes at least two.
HETEROGENEOUS: dict[str, Any] = {"workers_grid": (2, 4, 8, 16, 32, 64)}
#: Where the theorem promises no speedup.
ALONE: dict[str, Any] = {"workers_grid": ()}
TERNARY: dict[str, Any] = {"up": "ternary", "down": "ternary"}
