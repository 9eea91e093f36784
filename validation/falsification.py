"""Known wrong implementations, kept to show that the validator says so.

A validator that has never said "violated" is not trusted. Every entry of `KNOWN_BUGS` is a mistake that was found in
published code, or a parameter beyond a theorem's range; each is judged against the bound of the method that it claims
to be, and must come out violated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from numba import njit

from ..solvers.channels import error_feedback, plain
from ..solvers.method import Method
from ..solvers.methods.dgc import DGC
from ..solvers.methods.diana import DIANA
from ..solvers.methods.dore import DORE
from ..solvers.methods.doublesqueeze import DOUBLESQUEEZE
from ..solvers.methods.ef21 import EF21
from ..solvers.methods.error_feedback import ERROR_FEEDBACK, MEM_SGD
from ..solvers.methods.liec import LIEC
from ..solvers.methods.marina_p import MARINA_P
from ..solvers.methods.momentum import distributed_momentum
from ..solvers.methods.q_iag import Q_IAG
from ..solvers.methods.qsgd import QSGD
from ..solvers.rules import identity_rule, next_model
from ..solvers.signatures import OPTIONS, ROUND, flat
from ..theory import theorem
from .experiments import Experiment
from .judging import ParameterOverride, judge
from .variants import Variant, add_up
from .verdict import Verdict


@njit(**OPTIONS)
def sum_then_next_model(ctx, params, x, v, states, common):
    """DORE's server with a sum in place of the average."""
    add_up(ctx, params, x, v, states, common)
    next_model(ctx, params, x, v, states, common)


@njit(**OPTIONS)
def accumulate_for_ever(ctx, params, x, v, states, common):
    """v <- s, s <- s + gamma g: an error accumulator from which nothing that was sent is taken away."""
    flat_v, s = flat(v), flat(states[0])
    for j in range(flat_v.size):
        s[j] += params[0] * flat_v[j]
        flat_v[j] = s[j]


@njit(**OPTIONS)
def subtract_common_memory(ctx, params, x, v, states, common):
    """v <- g - h with ONE h for all workers, which every worker reads off the model's last move.

    The move is gamma (h + avg Q), so h <- h + alpha avg Q needs no message; states are (x before, h).
    """
    gamma, alpha = params[0], params[3]
    flat_x, flat_v, before, h = flat(x), flat(v), flat(states[0]), flat(states[1])
    for j in range(flat_v.size):
        if ctx[ROUND] > 0:
            h[j] += alpha * ((before[j] - flat_x[j]) / gamma - h[j])
        before[j] = flat_x[j]
        flat_v[j] -= h[j]


@njit(**OPTIONS)
def add_common_memory(ctx, params, x, v, states, common):
    """v <- h + avg Q, then h <- h + alpha avg Q, at the server."""
    alpha, flat_v, h = params[3], flat(v), flat(states[0])
    for j in range(flat_v.size):
        mean = flat_v[j]
        flat_v[j] = h[j] + mean
        h[j] += alpha * mean


@njit(**OPTIONS)
def subtract_shared(ctx, params, x, v, states, common):
    """v <- v - h with EF21's memory h held once, for all workers."""
    flat_v, h = flat(v), flat(common[0])
    for j in range(flat_v.size):
        flat_v[j] -= h[j]


@njit(**OPTIONS)
def track_shared(ctx, params, x, v, states, common):
    """h <- h + avg C, and x <- x - gamma h."""
    flat_x, flat_v, h = flat(x), flat(v), flat(common[0])
    for j in range(flat_v.size):
        h[j] += flat_v[j]
        flat_x[j] -= params[0] * h[j]


@njit(**OPTIONS)
def subtract_falling_steps(ctx, params, x, v, states, common):
    """x <- x - gamma/(a + t) v: what was remembered in units of gradients gets the step of a later round."""
    step, flat_x, flat_v = params[0] / (params[3] + ctx[ROUND]), flat(x), flat(v)
    for j in range(flat_x.size):
        flat_x[j] -= step * flat_v[j]


@njit(**OPTIONS)
def report_what_is_ten_reports_old(ctx, params, x, v, states, common):
    """v <- the gradient of ten reports ago, kept in states 1, ..., 10; state 0 is the stored report."""
    flat_v, kept = flat(v), flat(states[1 + ctx[ROUND] % 10])
    for j in range(flat_v.size):
        now = flat_v[j]
        flat_v[j] = kept[j]
        kept[j] = now


@njit(**OPTIONS)
def unscale(ctx, params, x, v, states, common):
    """v <- v/4: messages of rand-k with ratio 1/4 that were sent without the factor 4."""
    flat_v = flat(v)
    for j in range(flat_v.size):
        flat_v[j] *= 0.25


@dataclass(frozen=True)
class KnownBug:
    """One wrong implementation.

    Parameters
    ----------
    name, why
        What is wrong; what happens.
    claims
        The experiment on which it claims to be the theorem's method.
    method
        The wrong method, None for the right one with wrong parameters.
    override_parameters
        From the theorem's guarantee to the parameters that are run; the theorem's own if None.
    """

    name: str
    why: str
    claims: Experiment
    method: Method | None = None
    override_parameters: ParameterOverride | None = None

    def judge(self, seed: int = 0) -> Verdict:
        """Judge the wrong implementation against the theorem's bound."""
        return judge(self.claims, method=self.method, override_parameters=self.override_parameters, seed=seed)

    def variant(self) -> Variant:
        """The bug as a variant of the method that it claims to be."""
        return Variant(
            self.name, self.why, "parameter" if self.method is None else "method", theorem(self.claims.theorem).method,
            self.method, claims=self.claims, override_parameters=self.override_parameters,
        )  # fmt: skip


def _beyond(name: str, factor: float) -> ParameterOverride:
    """Set a parameter to `factor` times the upper end of its admissible interval."""
    return lambda sure: {**sure.parameters, name: factor * sure.intervals[name].high}


def _claim(theorem: str, problem: str, up: str = "identity", down: str = "identity", rounds: int = 3000) -> Experiment:
    return Experiment(theorem, problem, up, down, rounds=rounds, replicas=8, rounds_grid=(), workers_grid=())


def _round_robin(problem: str, up: str) -> Experiment:
    return replace(_claim("khirirat.q-iag-strongly-convex", problem, up), workers=4, clock="cyclic")


_EXACT = "quadratic:dim=20,mu=0.1,L=1,heterogeneity=2"
_SINES = "pl:dim=10"
_SHUFFLED = "least-squares:rows=20,dim=10,reg=2,split=sorted,batch=1"
_THRESHOLD = "threshold:level=1"

KNOWN_BUGS: tuple[KnownBug, ...] = (
    KnownBug(
        "one memory shared by all workers",
        "heterogeneous workers never learn their own gradients: a floor where there should be none",
        _claim("diana.strongly-convex", _EXACT, "ternary"),
        replace(
            DIANA, name="diana-one-memory", uplink=lambda p: plain(), worker=subtract_common_memory,
            server=add_common_memory, states=(2, 1, 0),
        ),
    ),
    KnownBug(
        "one memory shared by all workers (EF21)",
        "each worker sends its difference from everyone's average: the messages do not vanish, the gradient stalls",
        _claim("ef21.pl", "least-squares:rows=80,dim=10,reg=0.1", "topk:k=3", rounds=2000),
        replace(
            EF21, name="ef21-one-memory", uplink=lambda p: plain(), worker=subtract_shared, everyone=track_shared,
            states=(0, 0, 1),
        ),
    ),
    KnownBug(
        "the dense rounds never come (MARINA)",
        "the errors of the compressed differences add up and are never corrected",
        _claim("marina.pl", "least-squares:rows=80,dim=10,reg=0.1", "randk:k=2", rounds=1000),
        override_parameters=lambda sure: {**sure.parameters, "p": 1e-12},
    ),
    KnownBug(
        "one shift for all samples of a worker (DIANA-RR)",
        "it follows the last sample: the compression noise of the others stays, and with it a floor of order gamma",
        replace(_claim("diana-rr.strongly-convex", f"{_SHUFFLED},sampling=reshuffled", "randk:k=1"), workers=4),
        replace(DIANA, name="diana-rr-one-shift", reshuffles=True),
    ),
    KnownBug(
        "one message for all workers (MARINA-P with perm-k)",
        "the messages no longer add up to the step: the workers' models drift off together, at a step that is too long",
        replace(
            _claim("marina-p.same-hessian-pl", "quadratic:dim=8,mu=0.05,L=1,heterogeneity=1", down="permk:workers=8"),
            workers=8, choices={"p": 0.1},
        ),
        replace(MARINA_P, name="marina-p-broadcast", each=False),
    ),
    KnownBug(
        "momentum applied twice (DGC)",
        "the optimiser adds a momentum to the workers': with k = d DGC is SGD, and this is not",
        _claim("sgd.strongly-convex", "quadratic:dim=20,mu=0.5,L=1,heterogeneity=2"),
        replace(DGC, name="dgc-momentum-twice", everyone=distributed_momentum, states=(2, 0, 1)),
        lambda sure: {**sure.parameters, "beta": 0.9},
    ),
    KnownBug(
        "local instead of global momentum on heterogeneous workers (DGC for GMC)",
        "masks clear the momentum of the entries that a worker sends often: its gradients weigh less there, for ever",
        Experiment(
            "gmc.nonconvex", "quadratic:dim=4,mu=1,L=1,heterogeneity=4,radius=1,region=1.2", "topk:k=3", workers=3,
            rounds=50000, choices={"beta": 0.5}, rounds_grid=(), workers_grid=(),
        ),
        DGC,
    ),
    KnownBug(
        "rand-k sent unscaled but treated as unbiased",
        "a mean that is k/d of the gradient: the contraction is d/k times slower than promised",
        _claim("qsgd.strongly-convex", "quadratic:dim=20,mu=0.1,L=1", "randk:ratio=0.25"),
        replace(QSGD, name="qsgd-unscaled", server=unscale),
    ),
    KnownBug(
        "error accumulator never reset",
        "what was sent is sent again: an undamped momentum, which diverges",
        _claim("error-feedback.nonconvex", _EXACT, "topk:k=10"),
        replace(
            ERROR_FEEDBACK, name="error-feedback-no-reset", uplink=lambda p: plain(), worker=accumulate_for_ever,
            states=(1, 0, 0),
        ),
    ),
    KnownBug(
        "server sums instead of averaging (DoubleSqueeze)",
        "an n-fold step",
        _claim("doublesqueeze.nonconvex", _SINES, _THRESHOLD, _THRESHOLD),
        replace(DOUBLESQUEEZE, name="doublesqueeze-sum", server=add_up),
        lambda sure: {"gamma": 1 / 9},
    ),
    KnownBug(
        "server sums instead of averaging (DORE)",
        "an n-fold step",
        _claim("dore.strongly-convex", _EXACT, "ternary", "ternary"),
        replace(DORE, name="dore-sum", server=sum_then_next_model),
    ),
    KnownBug(
        "error feedback dropped",
        "coordinates below the threshold are never sent",
        _claim("doublesqueeze.nonconvex", _SINES, _THRESHOLD, _THRESHOLD, rounds=20000),
        replace(
            DOUBLESQUEEZE, name="doublesqueeze-no-memory", uplink=lambda p: plain(), downlink=lambda p: plain()
        ),
    ),
    KnownBug(
        "server memory dropped",
        "what the second compression loses is lost",
        _claim("doublesqueeze.nonconvex", _SINES, "identity", _THRESHOLD, rounds=20000),
        replace(DOUBLESQUEEZE, name="doublesqueeze-no-server-memory", downlink=lambda p: plain()),
    ),
    KnownBug(
        "error memory scaled by the step",
        "c = C(gamma (g + e)): the memory already holds steps, and is scaled by gamma once more in every round",
        _claim("error-feedback.nonconvex", _EXACT, "topk:k=4", rounds=20000),
        replace(ERROR_FEEDBACK, name="error-feedback-scaled", uplink=lambda p: error_feedback(p["gamma"])),
    ),
    KnownBug(
        "error memory not scaled by a decreasing step",
        "it holds gradients, does not fall with the step, and is sent on at the step of a later round",
        _claim("error-feedback.memory", "robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=1", "topk:k=1"),
        replace(MEM_SGD, name="mem-sgd-unscaled", worker=identity_rule, everyone=subtract_falling_steps),
    ),
    KnownBug(
        "averaging skipped (LIEC)",
        "H is infinite: the workers' models drift apart, and the mean of their gradients is that of nothing",
        replace(
            _claim("liec.nonconvex", "robust:rows=16,dim=8,split=sorted", "topk:k=1", "topk:k=1", rounds=20000),
            workers=4, choices={"H": 4},
        ),
        replace(LIEC, name="liec-no-averaging", special=None, special_when=""),
    ),
    KnownBug(
        "alpha outside its interval (DIANA)",
        "the memories diverge for alpha > 2/(1 + omega)",
        _claim("diana.strongly-convex", _EXACT, "ternary"),
        override_parameters=_beyond("alpha", 4.0),
    ),
    KnownBug(
        "alpha outside its interval (DORE)",
        "the memories diverge",
        _claim("dore.strongly-convex", _EXACT, "ternary", "ternary"),
        override_parameters=_beyond("alpha", 10.0),
    ),
    KnownBug(
        "gradients older than tau",
        "the step is that of reports which are at most 3 rounds old; these are 40 rounds older",
        _round_robin("quadratic:dim=5,mu=1,L=1", "identity"),
        replace(Q_IAG, name="q-iag-stale", worker=report_what_is_ten_reports_old, states=(11, 1, 0)),
    ),
    *(
        KnownBug(
            f"step {factor} times the admissible one (khirirat.q-iag-strongly-convex, {up})",
            "the largest stable step is 8 to 16 times the simple one, n/(4 s a L_max (1 + 2 tau))",
            _round_robin("sparse-least-squares:rows=400,dim=20,overlap=1,target_noise=0.1", up),
            override_parameters=_beyond("gamma", factor),
        )
        for factor, up in ((16, "identity"), (64, "qsgd:levels=4"))
    ),
    *(
        KnownBug(
            f"step {factor} times the admissible one ({theorem})",
            "the bound belongs to the admissible step",
            _claim(theorem, _EXACT if theorem != "doublesqueeze.nonconvex" else _SINES, up, down),
            override_parameters=_beyond("gamma", factor),
        )
        for factor, theorem, up, down in (
            (2, "sgd.strongly-convex", "identity", "identity"),
            (4, "sgd.strongly-convex", "identity", "identity"),
            (16, "qsgd.strongly-convex", "ternary", "identity"),
            (16, "diana.strongly-convex", "ternary", "identity"),
            (16, "dore.strongly-convex", "ternary", "ternary"),
            (16, "doublesqueeze.nonconvex", _THRESHOLD, _THRESHOLD),
        )
    ),
)  # fmt: skip
