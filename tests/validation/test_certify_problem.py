"""Problems held against what they claim: right ones hold, and every wrong claim is found with its pair of points."""

import numpy as np
import pytest
from click.testing import CliRunner
from numba import njit

import tersegrad as tg
from tersegrad.cli import main
from tersegrad.common.errors import InputError
from tersegrad.problems import PROBLEMS, Problem
from tersegrad.validation.certify_problem import certify_problem, check_gradient

H = np.array([np.diag([1.0, 2.0, 4.0]), np.diag([3.0, 2.0, 0.5])])
S = np.array([[1.0, 1.0, 0.0], [-1.0, 0.0, 2.0]])
RIGHT = {
    "L": 2.25, "L_max": 4.0, "L_tilde": np.sqrt((16 + 9) / 2), "mu": 2.0, "mu_min": 0.5, "f_star": None,
}  # fmt: skip


def values(scale=1.0):
    return [lambda x, i=i: float(0.5 * scale * (x - S[i]) @ H[i] @ (x - S[i])) for i in range(2)]


def gradients(scale=1.0):
    return [lambda x, i=i: scale * H[i] @ (x - S[i]) for i in range(2)]


def build(**changes):
    options = {**RIGHT, "x_star": None, "x0": [3.0, 3.0, 3.0]} | changes
    given = {name: value for name, value in options.items() if value is not None}
    functions = {"value": values(), "gradient": gradients()} | {
        name: given.pop(name) for name in ("value", "gradient") if name in given
    }
    return Problem.from_functions(functions["value"], functions["gradient"], dim=3, **given)


X_STAR = np.linalg.solve(H.mean(axis=0), np.mean([H[i] @ S[i] for i in range(2)], axis=0))


@pytest.mark.parametrize("name", list(PROBLEMS))
@pytest.mark.parametrize("workers", [1, 3])
def test_the_librarys_problems_hold(name, workers):
    batch = ":batch=3" if name in ("logistic", "least-squares", "robust", "huber", "logistic-nonconvex") else ""
    found = certify_problem(tg.problem(f"{name}{batch}", workers=workers), points=6)
    assert found.verdict == "holds", found.violated


def test_right_claims_hold_and_tight_ones_are_met():
    found = tg.certify(build(x_star=X_STAR))
    assert found.verdict == "holds", found.violated
    measured = {claim.name: claim.measured for claim in found.claims}
    for name in ("L", "L_max", "L_tilde", "mu", "mu_min"):
        assert measured[name] == pytest.approx(RIGHT[name], rel=1e-4), name


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"gradient": gradients(1.001)}, "gradient"),
        ({"gradient": [gradients()[0], lambda x: H[1] @ (x + S[1])]}, "gradient"),
        ({"gradient": [gradients()[0], lambda x: np.abs(H[1] @ (x - S[1]))]}, "gradient"),
        ({"L": 2.2}, "L"),
        ({"L_max": 3.9}, "L_max"),
        ({"L_tilde": 3.4, "L": 2.25}, "L_tilde"),
        ({"mu": 2.1}, "mu"),
        ({"mu_min": 0.6}, "mu_min"),
        ({"x_star": [0.0, 0.0, 0.0]}, "x_star"),
        ({"x_star": X_STAR, "f_star": 3.0}, "f_star"),
        ({"x_star": X_STAR, "mu": 0.0, "pl": 2.2, "mu_min": 0.0}, "pl"),
        ({"zeta_sq": 1.0}, "zeta_sq"),
        ({"x_star": X_STAR, "zeta_star_sq": 0.1}, "zeta_star_sq"),
        ({"G": 2.0}, "G"),
    ],
)
def test_a_wrong_claim_is_found(changes, name):
    found = certify_problem(build(**changes))
    assert found.verdict == "violated"
    assert name in [claim.name for claim in found.violated]
    (claim,) = [claim for claim in found.violated if claim.name == name]
    if name == "L":
        x, y = claim.where
        p = build(**changes)
        assert np.linalg.norm(p.gradient(x) - p.gradient(y)) > 2.2 * np.linalg.norm(x - y)


def test_curvature_far_from_the_start_is_found():
    """f'' = 1 + 3/(1 + (x - 2)^2): L = 2 holds at x0 = 0 and fails at 2."""

    def value(x):
        return float(np.sum(x**2 / 2 + 3 * ((x - 2) * np.arctan(x - 2) - np.log1p((x - 2) ** 2) / 2)))

    def gradient(x):
        return x + 3 * np.arctan(x - 2)

    right = Problem.from_functions(value, gradient, dim=2, L=4.0, mu=1.0)
    assert certify_problem(right).verdict == "holds"
    wrong = Problem.from_functions(value, gradient, dim=2, L=3.0, mu=1.0)
    assert next(claim.name for claim in certify_problem(wrong).violated) == "L"


def test_a_sampled_gradient_with_a_bias_or_more_noise_than_stated_is_found():
    p = tg.problem("logistic:rows=60,dim=4,reg=0.1,batch=2", workers=2)
    assert certify_problem(p, points=4).verdict == "holds"
    honest = p.constants()

    class Louder(type(p)):
        def constants(self):
            return honest.replaced({"sigma_sq": honest.sigma_sq / 50})

    q = Louder(rows=60, dim=4, reg=0.1, batch=2, workers=2)
    assert [claim.name for claim in certify_problem(q, points=4).violated] == ["sigma_sq"]


def test_what_is_not_stated_is_not_violated():
    found = certify_problem(build(L=None, L_max=None, L_tilde=None, mu=None, mu_min=None))
    assert found.verdict == "holds"
    assert {claim.verdict for claim in found.claims if claim.name in ("L", "mu", "f_star")} == {"not given"}


def test_numba_functions_and_python_functions_make_the_same_runs():
    """sinh at every coordinate; the kernels differ, the numbers do not."""

    @njit
    def value(x):
        return np.sum(np.cosh(x)) - x.size

    @njit
    def gradient(x):
        return np.sinh(x)

    options = {"dim": 3, "workers": 2, "L": 8.0, "x0": [1.0, -2.0, 0.5], "x_star": np.zeros(3)}
    fast = Problem.from_functions(value, gradient, **options)
    slow = Problem.from_functions(value.py_func, gradient.py_func, **options)
    assert fast.compiled
    assert not slow.compiled
    runs = [
        tg.simulate("diana", p, "ternary", parameters={"gamma": 0.1, "alpha": 0.3}, rounds=40, replicas=2)
        for p in (fast, slow)
    ]
    np.testing.assert_allclose(runs[0].final, runs[1].final, atol=1e-13)
    np.testing.assert_allclose(runs[0].columns["gap"], runs[1].columns["gap"], atol=1e-12)


def test_what_a_function_raises_ends_the_run_in_one_sentence():
    def broken(x):
        if x[0] < 2:
            raise ZeroDivisionError("too close")
        return x

    p = Problem.from_functions(lambda x: float(x @ x / 2), broken, dim=2, x0=[3.0, 3.0], L=1.0)
    with pytest.raises(InputError, match="ZeroDivisionError: too close"):
        tg.simulate("sgd", p, parameters={"gamma": 0.1}, rounds=20)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"value": 3}, "value=3: give a function or a list of functions"),
        ({"value": [np.sum], "gradient": [np.sign, np.sign]}, "1 values and 2 gradients do not match"),
        ({"workers": 3, "value": values(), "gradient": gradients()}, "2 functions for 3 workers"),
        ({"gradient": lambda x: x[:2]}, "returns an array of shape (2,) at x0"),
        ({"gradient": lambda x: x * np.nan}, "it must return 3 finite numbers"),
        ({"value": lambda x: x}, "it must return one finite number"),
        ({"LL": 3}, "did you mean 'L'"),
        ({"x_star": [1.0]}, "x_star has the shape (1,)"),
        ({"mu": 3.0, "L": 1.0}, "mu = 3 is above L = 1"),
    ],
)
def test_functions_that_do_not_fit_get_one_sentence(arguments, words):
    given = {"value": lambda x: float(x @ x / 2), "gradient": lambda x: x, "dim": 3} | arguments
    with pytest.raises(InputError) as caught:
        Problem.from_functions(given.pop("value"), given.pop("gradient"), **given).constants()
    assert words in str(caught.value)


def test_a_wrong_gradient_is_refused_where_constants_are_taken_on_trust():
    check_gradient(build())
    with pytest.raises(InputError, match="the gradient of worker 1 is not that of its value"):
        check_gradient(build(gradient=[gradients()[0], gradients(2.0)[1]]))


def test_on_the_command_line():
    found = CliRunner().invoke(main, ["certify", "logistic:rows=40,dim=3,reg=0.1", "--workers", "2"])
    assert found.exit_code == 0
    assert "2 workers: holds" in found.output
    for words, sentence in (
        (["certify", "logistic", "--dim", "3"], "--dim 3 is for compressors"),
        (["certify", "topk:k=1"], "give --dim D"),
        (["certify", "topk:k=1", "--dim", "3", "--workers", "2"], "--workers 2 is for problems"),
    ):
        found = CliRunner().invoke(main, words)
        assert found.exit_code == 2
        assert sentence in found.stderr
