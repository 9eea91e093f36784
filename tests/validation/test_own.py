"""Own theorems, methods, problems and experiments: registered, judged, and told of in certificates."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import tersegrad as tg
from support.own import cli, undone
from tersegrad.problems.least_squares import LeastSquares
from tersegrad.theory.families import LinearTheorem
from tersegrad.theory.theorem import THEOREMS
from tersegrad.validation import own
from tersegrad.validation.experiments import EXPERIMENTS, Experiment
from tersegrad.validation.sweeps import started

MODULE = Path(__file__).parents[2] / "examples" / "my_method_full.py"
FLAT = "quadratic:dim=5,mu=0.5,L=1,radius=2"
NOISY = "quadratic:dim=5,mu=0.5,L=1,radius=2,noise=gaussian,sigma_sq=4"
FAST = {"rounds": 60, "replicas": 16}


@pytest.fixture(scope="module", autouse=True)
def loaded():
    with undone():
        own.load(MODULE)
        yield


@pytest.fixture(autouse=True)
def alone(loaded):
    """No test knows what another one registered."""
    with undone():
        yield


def test_an_own_theorem_is_judged_on_any_problem_without_a_default_experiment(monkeypatch):
    monkeypatch.delitem(EXPERIMENTS, "mine.gd")
    (verdict,) = tg.verify(["mine.gd"], problem=FLAT, up="randk:k=2", workers=1, **FAST)
    assert (verdict.verdict, verdict.method) == ("holds", "mine")
    assert verdict.parameters["gamma"] == pytest.approx(1 / 2.5)  # omega = d/k - 1, L = 1
    assert verdict.conformance.word == "conforms"
    with pytest.raises(tg.InputError, match=r"no default experiment: give it a problem, problem="):
        tg.verify(["mine.gd"])


def test_a_wrong_own_theorem_is_found_out(monkeypatch):
    class Wrong(type(THEOREMS["mine.gd"])):
        name = "mine.wrong"

        def contraction_gaps(self, request, p):
            return {"(1 + omega)^2 gamma mu": 1.5 * p["gamma"] * request.c.mu * (1 + request.up.omega)}

    monkeypatch.setitem(THEOREMS, "mine.wrong", Wrong())
    problem = "quadratic:dim=5,mu=0.2,L=0.2,radius=2"
    (verdict,) = tg.verify(["mine.wrong"], problem=problem, up="randk:k=2", workers=1, **FAST)
    assert verdict.verdict == "violated"


def test_processes_of_a_pool_run_the_module_too():
    with started("processes", 1) as pool:
        (verdict,) = tg.verify(["mine.gd"], modules=[str(MODULE)], executor=pool, quick=True)
    assert verdict.verdict == "holds"
    assert f"--module {MODULE}" in verdict.command
    assert verdict.own == ("module",)
    assert verdict.needs[0].startswith("the module my_method_full.py (digest ")


def test_the_command_line_runs_a_module_and_says_what_is_wrong_with_it(tmp_path, capsys):
    for text, told in (
        ("import tersegrad as tg\n\n1/0\n", "cannot be run: ZeroDivisionError: division by zero (line 3)"),
        ("def f(:\n", "cannot be run: SyntaxError"),
        ("import tersegrad as tg\nE = tg.Method(name='ef21', title='', source='', parameters=['gamma'])\n", "already"),
        ("raise SystemExit(0)\n", "cannot be run: SystemExit"),
    ):
        file = tmp_path / f"m{len(told)}.py"
        file.write_text(text)
        status, _, err = cli(f"verify --module {file} sgd.convex --out {tmp_path / 'r'}", capsys)
        assert (status, told in err) == (2, True), err
        assert err.count("\n") == 1
        assert not [name for name in sys.modules if name.endswith(file.stem)]
    status, _, err = cli(f"verify --module {tmp_path / 'none.py'} sgd.convex", capsys)
    assert (status, "is not a Python file" in err) == (2, True)


def test_what_a_module_defines_has_its_name_on_the_command_line(tmp_path, capsys):
    file = tmp_path / "brings_things.py"
    file.write_text(
        "import numpy as np\nimport tersegrad as tg\n"
        "BOWL = tg.Problem.from_functions(lambda x: 0.5 * float(x @ x), lambda x: x, dim=3, L=1.0, mu=1.0, name='bowl',"
        " x0=np.ones(3), x_star=np.zeros(3))\n"
        "class Half(tg.Compressor):\n"
        "    name = 'half'\n"
        "    def contractive(self, dim):\n        return tg.Contractive(0.75)\n"
        "    def compress(self, x, u):\n        return 0.5 * x\n"
    )
    words = f"verify --module {file} ef21.pl --problem bowl --up half --rounds 50 --json --out {tmp_path / 'r'}"
    status, out, err = cli(words, capsys)
    (told,) = json.loads(out)["verdicts"]
    assert (status, told["verdict"], told["problem"], told["up"]) == (0, "holds", "bowl", "half"), err
    assert told["workers"] == 1


def test_a_theorem_that_lacks_a_part_is_refused_with_its_names():
    class Half(LinearTheorem):
        name = "mine.half"
        title, source, provenance, method = "", "", "ours", "mine"

    with pytest.raises(tg.InputError, match=r"lacks requires, .*choose_parameters, contraction_gaps, floor, start"):
        tg.register(Half)

    class Taken(type(THEOREMS["mine.gd"])):
        name = "ef21.pl"

    with pytest.raises(tg.InputError, match=r"there is already a theorem 'ef21.pl', in ef21.py"):
        tg.register(Taken)

    class Unknown(type(THEOREMS["mine.gd"])):
        name, requires = "mine.unknown", ("n", "L_maxx")

    with pytest.raises(tg.InputError, match=r"requires 'L_maxx', which is not a constant \(did you mean 'L_max'"):
        tg.register(Unknown)
    with pytest.raises(tg.InputError, match="3 cannot be registered"):
        tg.register(3)
    with pytest.raises(tg.InputError, match=r"give yours to tersegrad\.judge"):
        tg.register(Experiment("ef21.pl", FLAT))


def test_a_gradient_that_is_not_the_gradient_does_not_run_through_verify():
    wrong = tg.Problem.from_functions(
        lambda x: 0.5 * float(x @ x), lambda x: 0.9 * x, dim=3, L=1.0, mu=0.5, x0=np.ones(3), x_star=np.zeros(3)
    )
    with pytest.raises(tg.InputError, match="the gradient of worker 0 is not that of its value"):
        tg.verify(["sgd.strongly-convex"], problem=wrong, **FAST)


def test_the_speedup_of_an_own_problem_is_measured_where_n_may_vary_and_otherwise_it_is_said_why_not():
    (verdict,) = tg.verify(["sgd.strongly-convex"], problem=NOISY, workers=4)
    assert verdict.speedup.workers[:3] == (1, 2, 4)
    assert verdict.speedup.problem == tg.problem(NOISY, workers=1).spec
    assert verdict.speedup.slope == pytest.approx(-1, abs=0.15)
    (verdict,) = tg.verify(["sgd.strongly-convex"], problem=tg.problem(NOISY, workers=4))
    assert verdict.speedup is None
    assert any("no speedup over n was measured: the problem was made for 4 workers" in note for note in verdict.notes)
    (verdict,) = tg.verify(["sgd.strongly-convex"], problem=FLAT, workers=4)
    assert any("promises none here (contracts by 0.5 a round, without a floor)" in note for note in verdict.notes)


class Tilted(LeastSquares):
    """Own data, and a class of one's own."""


def test_a_certificate_says_when_no_command_repeats_it_and_carries_what_it_needs():
    X, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20.0)
    for problem in (Tilted(data=X, targets=y, workers=2), tg.problem("least-squares", X, y, workers=2)):
        (verdict,) = tg.verify(["sgd.strongly-convex"], problem=problem, **FAST)
        assert verdict.command.startswith("no command repeats this run")
        (need,) = verdict.certificate()["needs"]
        assert type(problem).__qualname__ in need
        assert "3 coordinates and 2 workers (digest " in need
    (verdict,) = tg.verify(["sgd.strongly-convex"], problem=tg.problem(FLAT, workers=2), **FAST)
    assert verdict.command.startswith(
        "tersegrad verify sgd.strongly-convex --workers 2 --problem quadratic:dim=5,mu=0.5,"
    )
    assert verdict.needs == ()


def test_judging_at_the_users_own_step_and_constants(tmp_path, capsys):
    (verdict,) = tg.verify(["sgd.strongly-convex"], problem=FLAT, parameters={"gamma": 0.25}, **FAST)
    assert verdict.parameters["gamma"] == 0.25
    assert verdict.series.bound[0] == pytest.approx(verdict.constants["gap0"] * 0.875 ** verdict.series.rounds[0])
    words = f"verify sgd.strongly-convex --problem {FLAT} --rounds 60 --json --out {tmp_path}"
    status, out, _ = cli(f"{words} --set gamma=0.25 mu=0.25 mu_min=0.25", capsys)
    (told,) = json.loads(out)["verdicts"]
    assert (status, told["constants"]["mu"], told["parameters"]["gamma"]) == (0, 0.25, 0.25)
    assert told["command"].endswith("--set gamma=0.25 mu=0.25 mu_min=0.25 --seed 0")
    assert told["experiment"]["constants"] == {"mu": 0.25, "mu_min": 0.25}
    status, out, _ = cli(
        f"{words} --set mu=0.9 mu_min=0.9", capsys
    )  # more than the problem has: the bound does not hold
    assert (status, json.loads(out)["verdicts"][0]["verdict"]) == (1, "violated")
    status, out, _ = cli(f"{words} --set gamma=1.5", capsys)
    assert (status, json.loads(out)["verdicts"][0]["verdict"]) == (3, "no guarantee")
    assert "gamma = 1.5" in json.loads(out)["verdicts"][0]["reason"]
    status, _, err = cli(f"{words} --set gama=1", capsys)
    assert (status, "did you mean 'gamma'" in err) == (2, True)


def test_the_way_out_is_that_of_the_front_end_at_hand(capsys):
    reason = tg.theorem("sgd.convex").guarantee(tg.Constants(n=2)).reason
    assert reason.endswith("give Constants(L=..., mu=...)")
    with pytest.raises(tg.InputError, match=r"write parameters=\{'gamma': VALUE\}"):
        tg.run("sgd", FLAT, workers=2, rounds=3)
    assert cli("step-size sgd.convex --set n=2", capsys)[2].endswith("give --set L=... mu=...\n")
    assert tg.theorem("sgd.convex").guarantee(tg.Constants(n=2)).reason == reason  # and is so again
