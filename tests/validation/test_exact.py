"""Exact second moments against enumeration, simulation and deliberately wrong implementations."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from tersegrad.problems import problem
from tersegrad.problems.explicit import ExplicitQuadratic
from tersegrad.solvers.channels import plain
from tersegrad.solvers.engines import setup
from tersegrad.solvers.engines.request import timetable
from tersegrad.solvers.engines.setup import Setup
from tersegrad.solvers.method import known_methods, method
from tersegrad.theory import compressor
from tersegrad.validation.exact import NotClosed, Recursion, agreement
from tersegrad.validation.exact.coins import coins
from tersegrad.validation.variants import add_up

CLOSED = sorted(set(known_methods()) - {"dgc", "ef21-norm", "signsgd", "q-rr", "diana-rr"})
QUADRATIC = "quadratic:dim=2,mu=0.3,L=1,hessians=different,rotate=1,heterogeneity=1,noise=gaussian,sigma_sq=0.4"


def masks(spec, dim):
    """The outcomes of one message's coins and their probabilities."""
    c = compressor(spec)
    if c.name == "randk":
        k = c.kept(dim)
        chosen = [m for m in product((0.0, 1.0), repeat=dim) if sum(m) == k]
        return [(1 / len(chosen), np.array(m) * (dim / k if c.scaled else 1.0)) for m in chosen]
    assert c.name == "bernoulli"
    p = c.probability
    return [(p, np.ones(dim) / p), (1 - p, np.zeros(dim))]


def diana_by_enumeration(p, spec, gamma, alpha, rounds, shared=False):
    """E||x - x*||^2 of DIANA without noise, every outcome of every coin followed."""
    n, d = p.workers, p.dim
    paths = [(1.0, p.x0.copy(), np.zeros((n, d)))]
    found = [float(np.sum((p.x0 - p.x_star) ** 2))]
    one = masks(spec, d)
    for _ in range(rounds):
        after = []
        for probability, x, h in paths:
            g = np.stack([p.worker_gradient(i, x) for i in range(n)])
            for outcome in [(m,) * n for m in one] if shared else product(one, repeat=n):
                q = probability * (outcome[0][0] if shared else np.prod([m[0] for m in outcome]))
                Q = np.stack([m[1] for m in outcome]) * (g - h)
                after.append((q, x - gamma * (h.mean(axis=0) + Q.mean(axis=0)), h + alpha * Q))
        paths = after
        found.append(sum(q * float(np.sum((x - p.x_star) ** 2)) for q, x, _ in paths))
    return np.array(found)


@pytest.mark.parametrize(
    ("spec", "shared"), [("randk:k=1", False), ("randk:k=1,seed=shared", True), ("bernoulli:p=0.3", False)]
)
def test_moments_are_those_of_all_outcomes_of_the_coins(spec, shared):
    p = problem("quadratic:dim=2,mu=0.3,L=1,hessians=different,rotate=1,heterogeneity=1", workers=2)
    exact = Recursion("diana", p, spec, parameters={"gamma": 0.4, "alpha": 0.3}).expected(["dist_sq"], range(5))
    expected = diana_by_enumeration(p, spec, 0.4, 0.3, 4, shared)
    assert exact["dist_sq"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "spec",
    [
        "randk:k=2", "randk:k=1,scaled=0,seed=shared", "randomblock:blocks=2,scaled=1", "randomblock:blocks=3,seed=own",
        "bernoulli:p=0.25", "permk:workers=2", "scaled:of=randk/k=1", "repeated:of=randk/k=1/scaled=0,times=2",
        "composed:first=randk/k=2,second=bernoulli/p=0.5", "induced:first=randk/k=1/scaled=0,second=randk/k=2",
    ],
)  # fmt: skip
def test_coins_have_the_moments_of_the_kernels(spec):
    """E M_a and E M_a M_b over two workers, against the masks that the compiled compressor really draws."""
    from tersegrad.solvers import simulate

    c, dim, n, replicas = compressor(spec), 3, 2, 20000
    found = coins(c, dim, n)
    ones = problem("quadratic:dim=3,mu=1,L=1,heterogeneity=0.5", workers=n)
    trace = simulate("compressed-gd", ones, c, parameters={"gamma": 1.0}, rounds=1, replicas=replicas, checkpoints=[1])
    exact = Recursion("compressed-gd", ones, c, parameters={"gamma": 1.0})
    mean, error = trace.columns["dist_sq"].mean(), trace.columns["dist_sq"].std() / np.sqrt(replicas)
    assert abs(mean - exact.expected(["dist_sq"], [1])["dist_sq"][0]) < 5 * error + 1e-5
    assert np.allclose(found.second, found.second.T)
    assert np.linalg.eigvalsh(found.second - np.outer(found.mean, found.mean)).min() > -1e-12
    if c.unbiased(dim) is not None:
        assert found.mean == pytest.approx(1.0)
        assert np.diag(found.second) - 1 == pytest.approx(c.unbiased(dim).omega, rel=1e-5)
    elif c.contractive(dim) is not None:
        lost = 1 - 2 * found.mean + np.diag(found.second)
        assert lost.max() <= 1 - c.contractive(dim).delta + 1e-5


def test_one_coordinate_has_the_coins_of_the_whole_vector():
    for spec in ("randk:k=2", "permk:workers=2", "randomblock:blocks=2"):
        whole, one = coins(compressor(spec), 4, 2), coins(compressor(spec), 4, 2, [0])
        assert one.mean == pytest.approx(whole.mean[[0, 4]])
        assert one.second == pytest.approx(whole.second[np.ix_([0, 4], [0, 4])])


@pytest.mark.parametrize("name", CLOSED)
def test_simulations_agree_with_the_exact_moments(name):
    found = agreement(name)
    assert found.word == "agrees", found.where
    assert {"dist_sq", "up_residual_sq", "down_residual_sq"} <= set(found.columns)


@pytest.mark.parametrize("name", ["dore", "marina", "cser", "doublesqueeze-async"])
def test_the_adjoint_is_the_adjoint(name):
    p, numbers = (
        problem(QUADRATIC, workers=3),
        {"gamma": 0.2, "alpha": 0.4, "beta": 0.5, "eta": 0.1, "H": 2, "p": 0.3, "M": 2},
    )
    subject = method(name)
    numbers = {k: v for k, v in numbers.items() if k in subject.parameters}
    down = "randk:k=1" if subject.two_way else "identity"
    times = timetable(subject, 3, 4, 0, numbers, None)
    exact = Recursion(subject, p, "randk:k=1", down, parameters=numbers, schedule=times)
    random = np.random.default_rng(0)
    size = exact.layout.size
    for t in range(3):
        Q, Z = (m @ m.T for m in random.standard_normal((2, size, size)))
        Z /= Z[0, 0]
        assert np.sum(Q * exact.advance(Z, t)) == pytest.approx(np.sum(exact.back(Q, t) * Z), rel=1e-10)


@pytest.mark.parametrize("name", ["dgc", "ef21-norm", "signsgd"])
def test_rules_that_are_not_linear_are_refused(name):
    found = agreement(name)
    assert found.word == "not closed"
    assert "is not linear" in found.where


@pytest.mark.parametrize("spec", ["topk:k=1", "sign", "qsgd:levels=4", "sparsifier:k=2"])
def test_compressors_that_look_at_the_vector_are_refused(spec):
    with pytest.raises(NotClosed, match="not a random linear map"):
        Recursion("ef21", problem(QUADRATIC, workers=2), spec, parameters={"gamma": 0.1}).advance(np.eye(9), 1)


def test_problems_that_are_not_quadratic_are_refused():
    for spec, reason in (("logistic:rows=20,dim=2", "not quadratic"), ("quadratic:dim=2,l1=0.1", "l1 is not linear")):
        with pytest.raises(NotClosed, match=reason):
            Recursion("sgd", problem(spec, workers=2), parameters={"gamma": 0.1})


# ---------------------------------------------------------------------------------------- wrong implementations


WRONG = {
    "n-fold sum": ("diana", {"server": add_up}),
    "memory of the uplink dropped": ("doublesqueeze", {"uplink": lambda p: plain()}),
    "memory of the downlink dropped": ("doublesqueeze", {"downlink": lambda p: plain()}),
    "memory never moved": ("diana", {"uplink": lambda p: replace(method("diana").uplink(p), lam=0.0)}),
    "memory moved too far": ("diana", {"uplink": lambda p: replace(method("diana").uplink(p), lam=1.2 * p["alpha"])}),
    "error of the other round": ("dore", {"downlink": lambda p: replace(method("dore").downlink(p), eta=0.0)}),
    "no compensation": ("liec", {"local": method("cser").local}),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_methods_differ_from_the_moments_of_the_right_one(what):
    name, changes = WRONG[what]
    found = agreement(replace(method(name), **changes), reference=name)
    assert found.word == "differs"
    assert "at round" in found.where


@pytest.mark.parametrize("what", WRONG)
def test_wrong_methods_differ_from_their_transcription_without_any_sampling(what):
    name, changes = WRONG[what]
    found = agreement(replace(method(name), **changes))
    assert (found.word, found.replicas) == ("differs", 0)
    assert "the declared rules give" in found.where


@pytest.mark.parametrize("name", CLOSED)
def test_declarations_and_transcriptions_have_the_same_moments(name):
    assert agreement(name, replicas=2, rounds=6).transcribed


def test_coins_shared_by_mistake_are_found(monkeypatch):
    usual = setup._link
    monkeypatch.setattr(setup, "_link", lambda *given: replace(usual(*given), shared=True))
    for name in ("qsgd", "ef21", "diana", "doublesqueeze"):
        assert agreement(name).word == "differs"


def test_noise_of_the_wrong_size_is_found(monkeypatch):
    usual = Setup.__init__

    def louder(self, *arguments, **options):
        usual(self, *arguments, **options)
        oracle = self.common.oracle
        self.common = replace(self.common, oracle=replace(oracle, sd=1.15 * oracle.sd))

    monkeypatch.setattr(Setup, "__init__", louder)
    assert agreement("sgd").word == "differs"


def test_additive_noise_by_enumeration():
    """DoubleSqueeze in one dimension whose two messages are off by eps, up or down: every outcome followed."""
    gamma, up, down, rounds = 0.4, 0.7, 0.3, 3
    total = 0.0
    for signs in product((-1.0, 1.0), repeat=2 * rounds):
        x, e_i, e = 2.0, 0.0, 0.0
        for t in range(rounds):
            v = x + e_i
            c_i = v + up * signs[2 * t]
            v, e_i = c_i + e, v - c_i
            c = v + down * signs[2 * t + 1]
            x, e = x - gamma * c, v - c
        total += x * x / 4**rounds
    one = ExplicitQuadratic([[[1.0]]], [[0.0]], [2.0])
    exact = Recursion("doublesqueeze", one, f"additive:eps={up}", f"additive:eps={down}", parameters={"gamma": gamma})
    assert exact.expected(["dist_sq"], [rounds])["dist_sq"][0] == pytest.approx(total, rel=1e-12)
