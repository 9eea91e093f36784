"""The command line: exit statuses, one sentence per mistake, one JSON document and nothing else, speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from support.verdict_examples import diverged, linear, uncovered, vacuous
from tersegrad import __version__, figures, validation
from tersegrad.cli import COMMANDS, main
from tersegrad.figures.drawing import Drawing, Frame, Line
from tersegrad.solvers import Trace
from tersegrad.theory import COMPRESSORS, THEOREMS, Constants, InputError, theorem
from tersegrad.validation import Verdict

HOLDS, VIOLATED, BAD_INPUT, NO_GUARANTEE = 0, 1, 2, 3
DORE = (
    "step-size dore.strongly-convex --set L_max=1 mu=0.1 n=20 dim=500 --up ternary:block=256 --down ternary:block=256"
)


def run(words: str | list[str]) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(main, words.split() if isinstance(words, str) else words)


def process(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    return subprocess.run([sys.executable, "-m", "tersegrad", *words], capture_output=True, text=True, **options)


def document(result: Result) -> Any:
    """The one JSON document that standard output must be."""
    return json.loads(result.stdout, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


# ------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("verfy", ["unknown command 'verfy'", "'verify'"]),
        ("verify dore.strongly-convx", ["'dore.strongly-convx'", "'dore.strongly-convex'"]),
        ("verify --paper dor", ["'dor'", "'dore'"]),
        ("verify --quik", ["no such option '--quik'", "'--quick'"]),
        ("verify --rounds many", ["--rounds", "'many'"]),
        ("verify sgd.convex --replicas 0", ["--replicas", "0"]),
        ("verify sgd.convex --problem quadratik", ["'quadratik'", "'quadratic'"]),
        ("step-size dore.nonconvx", ["'dore.nonconvx'", "'dore.nonconvex'"]),
        ("step-size sgd.convex --set L_mx=1", ["'L_mx'", "'L_max'"]),
        ("step-size sgd.convex --set L=1 gama=1", ["'gama'", "'gamma'"]),
        ("step-size sgd.convex --set L=-1", ["L = -1", "above 0"]),
        ("step-size sgd.convex --set L=1 n=2.5", ["n = 2.5", "whole number"]),
        ("step-size sgd.convex --set L=1 L=2", ["'L'", "twice"]),
        ("step-size sgd.convex --set L", ["'L'", "key=value"]),
        ("step-size sgd.convex --set L=1 --eps 1 --rounds 3", ["rounds or eps"]),
        ("step-size sgd.convex --set L=1 --eps=-1", ["eps = -1"]),
        ("step-size dore.strongly-convex --set L_max=1 mu=0.1 n=2 dim=4 --up topk:k=5", ["k = 5", "4"]),
        (
            "step-size dore.strongly-convex --set L_max=1 mu=0.1 n=2 dim=4 --up ternry",
            ["'ternry'", "'ternary'"],
        ),
        (
            "step-size dore.strongly-convex --set L_max=1 mu=0.1 n=2 dim=4 --up ternary:blok=2",
            ["'blok'", "'block'"],
        ),
        ("step-size", ["'ID'"]),
        ("run dor --problem quadratic", ["'dor'", "'dore'"]),
        ("run sgd", ["--problem"]),
        ("run sgd --problem quadratik", ["'quadratik'", "'quadratic'"]),
        ("run sgd --problem quadratic:dmi=3", ["'dmi'", "'dim'"]),
        ("run sgd --problem quadratic --set gama=1", ["'gama'", "'gamma'"]),
        ("run sgd --problem quadratic --set gamma=-1", ["gamma = -1", "gamma > 0"]),
        ("run sgd --problem quadratic --set gamma=zero", ["gamma = 'zero'", "number"]),
        ("run sgd --problem quadratic --engine simulated", ["--engine", "'simulate'"]),
        ("run sgd --problem logistic:data=/no/such/file.svm", ["/no/such/file.svm"]),
        ("run dore --problem quadratic:dim=4 --up topk:k=9", ["k = 9", "4"]),
        (
            "run dore --problem quadratic:dim=4 --up topk:k=2",
            ["no theorem recommends", "unbiased", "--set gamma=VALUE"],
        ),
        ("run sgd --problem quadratic --down sign --set gamma=0.1", ["sgd", "sign"]),
        ("certify topkk --dim 3", ["'topkk'", "'topk'"]),
        ("certify topk:k=4 --dim 3", ["k = 4", "3"]),
        ("certify topk:k=4", ["--dim"]),
        ("list theorms", ["'theorms'", "'theorems'"]),
        ("show dorre", ["'dorre'", "'dore'"]),
    ],
)
def test_a_mistake_is_one_sentence(words: str, said: list[str], tmp_path: Path) -> None:
    result = run([*words.split(), *(["--out", str(tmp_path)] if words.startswith("verify") else [])])
    assert result.exit_code == BAD_INPUT
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for part in said:
        assert part in result.stderr


@pytest.mark.parametrize(
    "words", ["step-size dore.x --json", "run sgd --problem quadratic:dim=0 --json", "list x --json"]
)
def test_a_mistake_leaves_standard_output_empty_with_json(words: str) -> None:
    result = run(words)
    assert (result.exit_code, result.stdout) == (BAD_INPUT, "")


@pytest.mark.parametrize("words", ["verify sgd.convex --out", "run sgd --problem quadratic --out", "figures --out"])
def test_an_unwritable_place_is_found_before_the_work(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any, **__: Any) -> None:
        pytest.fail("the work began")

    monkeypatch.setattr(validation, "verify", work)
    monkeypatch.setattr("tersegrad.solvers.engines.simulate.simulate", work)
    monkeypatch.setattr(figures, "FIGURES", {})
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = run([*words.split(), str(blocked / "inside")])
    assert result.exit_code == BAD_INPUT
    assert "--out" in result.stderr
    assert result.stderr.count("\n") == 1


def test_trouble_becomes_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for trouble, status, said in (
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (MemoryError(), BAD_INPUT, "memory"),
        (OSError(5, "Input/output error", "data.svm"), BAD_INPUT, "'data.svm': Input/output error"),
    ):

        def fail(*_: Any, trouble: BaseException = trouble, **__: Any) -> None:
            raise trouble

        monkeypatch.setattr(validation, "verify", fail)
        result = run(["verify", "--out", str(tmp_path)])
        assert result.exit_code == status
        assert said in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_defect_does_not_pass_for_a_violated_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "verify", lambda **_: 1 / 0)
    result = run(["verify", "--out", str(tmp_path)])
    assert result.exit_code == 70
    assert "ZeroDivisionError" in result.stderr


def test_a_full_disk_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tersegrad", "list", "compressors"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == BAD_INPUT
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


def test_a_closed_pipe_is_quiet() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "tersegrad", "list", "compressors"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


# ------------------------------------------------------------------------------------------------------ step-size


def test_step_size_shows_steps_limits_and_the_active_term() -> None:
    result = run(DORE)
    assert result.exit_code == HOLDS
    sure = theorem("dore.strongly-convex").guarantee(
        Constants(L_max=1, mu=0.1, n=20, dim=500), "ternary:block=256", "ternary:block=256"
    )
    assert sure
    for name, value in sure.parameters.items():
        assert f"{name} = {value:.6g}" in result.stdout
    assert sure.active in result.stdout
    assert f"{sure.rate.contraction:.8g}" in result.stdout
    assert f"{sure.bits_per_round:.6g} bits" in result.stdout


def test_set_takes_words_until_the_next_option_and_may_be_repeated() -> None:
    several = (
        "step-size --set L_max=1 mu=0.1 dore.strongly-convex --up ternary:block=256 --set n=20 --set=dim=500 --json "
        "--down ternary:block=256"
    )
    assert document(run(several)) == document(run(DORE + " --json"))


def test_a_fixed_parameter_is_kept_and_refused_outside_its_limits() -> None:
    kept = document(run(DORE + " --set gamma=0.8 --json"))
    assert kept["guarantee"]
    assert kept["parameters"]["gamma"] == 0.8
    refused = run(DORE + " --set gamma=5 --json")
    assert refused.exit_code == NO_GUARANTEE
    assert "gamma = 5 is not below" in document(refused)["reason"]


def test_an_order_has_a_step_but_no_bound_and_says_so() -> None:
    words = "step-size neolithic.nonconvex --set L=1 n=8 dim=100 gap0=1 sigma_sq=1 --up sign --down sign"
    step = run(f"{words} --rounds 1000")
    assert step.exit_code == HOLDS
    assert "gamma = " in step.stdout
    assert "states an order only: it has a slope, but no bound" in step.stdout
    answer = document(run(f"{words} --eps 0.1 --json"))
    assert answer["bound"] is None
    assert answer["rounds_to_eps"] is None
    assert "states an order only" in answer["reason"]
    assert run(f"{words} --eps 0.1").exit_code == NO_GUARANTEE


def test_the_answer_to_eps_is_the_theorems() -> None:
    words = "step-size sgd.strongly-convex --set L=1 mu=0.1 n=20 dim=10 sigma_sq=1 dist0_sq=10 --eps 0.01"
    answer = document(run(words + " --json"))
    known = Constants(L=1, mu=0.1, n=20, dim=10, sigma_sq=1, dist0_sq=10)
    sure = theorem("sgd.strongly-convex").guarantee(known, eps=0.01)
    assert sure
    assert answer["rounds_to_eps"] == sure.rounds_to(0.01)
    assert answer["bits_to_eps"] == sure.bits_to(0.01) == answer["rounds_to_eps"] * 2 * 32 * 10
    assert answer["bound"] <= 0.01
    assert str(answer["rounds_to_eps"]) in run(words).stdout


def test_the_bound_at_T_is_the_theorems() -> None:
    answer = document(run("step-size sgd.convex --set L=1 mu=0 n=4 sigma_sq=1 dist0_sq=2 gamma=0.1 --rounds 50 --json"))
    assert answer["bound"] == pytest.approx(2 / (0.1 * 50) + 0.1 / 4, rel=1e-12)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("step-size sgd.strongly-convex --set L=1 n=2", "needs mu"),
        ("step-size dore.strongly-convex --set L_max=1 mu=0.1 n=2 dim=9 --up topk:k=1", "not unbiased"),
        (
            "step-size sgd.strongly-convex --set L=1 mu=0.1 n=1 sigma_sq=1 dist0_sq=1 gamma=1 --eps 0.001",
            "floor",
        ),
        ("step-size sgd.strongly-convex --set L=1 mu=0.1 n=1 --eps 0.001", "sigma_sq"),
    ],
)
def test_no_guarantee_is_a_status_with_a_reason(words: str, said: str) -> None:
    result = run(words)
    assert result.exit_code == NO_GUARANTEE
    assert said in result.stderr
    machine = run(words + " --json")
    assert machine.exit_code == NO_GUARANTEE
    assert said in document(machine)["reason"]
    assert machine.stderr == ""


def test_one_worker_needs_no_dissimilarity() -> None:
    answer = document(run("step-size dore.nonconvex --set L=1 n=1 dim=8 --up ternary --down ternary --json"))
    assert answer["guarantee"]
    assert any("one worker" in note for note in answer["notes"])


def test_the_answer_has_its_keys_with_and_without_a_guarantee() -> None:
    yes, no = document(run(DORE + " --json")), document(run("step-size sgd.convex --set n=1 --json"))
    stable = {
        "theorem",
        "guarantee",
        "reason",
        "parameters",
        "intervals",
        "active",
        "contraction",
        "rate",
        "bound",
        "rounds_to_eps",
        "bits_to_eps",
        "seconds",
        "seconds_to_eps",
        "constants",
        "notes",
        "provenance",
        "source",
    }
    assert yes.keys() >= stable
    assert no.keys() >= stable
    assert (yes["guarantee"], no["guarantee"]) == (True, False)
    assert set(yes["intervals"]) == {"gamma", "alpha", "beta", "eta", "c"}


def test_what_has_no_limit_is_null_in_json() -> None:
    text = run("step-size dore.strongly-convex --set L_max=1 mu=0.1 n=20 dim=500 --json").stdout
    assert "Infinity" not in text
    assert "NaN" not in text


# --------------------------------------------------------------------------------------------------------- verify


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let `verify` return given verdicts and no claims; returns a function that calls the command line."""

    def call(verdicts: list[Verdict], *words: str) -> Result:
        monkeypatch.setattr(validation, "verify", lambda **request: verdicts)
        monkeypatch.setattr(validation, "examine", lambda ids, **request: [])
        return run(["verify", "--out", str(tmp_path / "report"), *words])

    return call


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([linear()], HOLDS),
        ([linear(), diverged()], VIOLATED),
        ([diverged(), uncovered()], VIOLATED),
        ([linear(), vacuous()], NO_GUARANTEE),
        ([linear(), uncovered()], NO_GUARANTEE),
    ],
    ids=["holds", "violated", "violated and undecided", "vacuous", "no guarantee"],
)
def test_the_exit_status_says_what_the_verdicts_say(pretend: Any, verdicts: list[Verdict], status: int) -> None:
    result = pretend(verdicts)
    assert result.exit_code == status
    for verdict in verdicts:
        assert verdict.theorem in result.stdout
        assert verdict.verdict in result.stdout
        assert verdict.verdict == "holds" or verdict.reason in result.stdout


def test_verify_writes_report_pictures_and_certificates(pretend: Any, tmp_path: Path) -> None:
    result = pretend([linear(), uncovered()])
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {
        "report.html",
        "dore.strongly-convex.json",
        "qsgd.strongly-convex.json",
    }
    assert str(tmp_path / "report" / "report.html") in result.stdout


@pytest.mark.parametrize(
    ("words", "drawn"),
    [([], True), (["--quick"], False), (["--quick", "--pictures"], True), (["--no-pictures"], False)],
)
def test_a_quick_report_has_pictures_only_when_asked(
    pretend: Any, tmp_path: Path, words: list[str], drawn: bool
) -> None:
    assert pretend([linear()], *words).exit_code == 0
    assert ("data:image/webp" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")) == drawn


def test_verdicts_are_printed_even_if_the_report_cannot_be_written(
    pretend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise InputError("cannot write 'report.html': No space left on device; choose another place with --out")

    monkeypatch.setattr("tersegrad.commands.verify.write_report", full)
    result = pretend([linear()])
    assert result.exit_code == 2
    assert "holds" in result.stdout
    assert "No space left" in result.stderr


def test_verify_json_is_one_document(pretend: Any, tmp_path: Path) -> None:
    result = pretend([linear(), uncovered()], "--json")
    answer = document(result)
    assert answer["exit_status"] == result.exit_code == NO_GUARANTEE
    assert answer["verdicts"] == [v.certificate() for v in (linear(), uncovered())]
    assert Path(answer["report"]).exists()


def test_verify_passes_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def decide(**request: Any) -> list[Verdict]:
        seen.update(request)
        return [linear()]

    monkeypatch.setattr(validation, "verify", decide)
    run(
        "verify sgd.convex sgd.pl --paper dore --quick --problem quadratic:dim=3 --up sign --down topk:k=1 "
        "--participation 0.5 --workers 3 "
        f"--rounds 7 --replicas 5 --seed 11 --jobs 2 --out {tmp_path}"
    )
    seen.pop("progress")
    assert seen.pop("ids") == ["sgd.convex", "sgd.pl", *(i for i in THEOREMS if i.startswith("dore."))]
    assert seen.pop("executor")._max_workers == 2
    assert seen.pop("alpha") == pytest.approx(1e-3)  # the claims of the paper have experiments of their own
    assert seen == {
        "quick": True,
        "modules": (),
        "problem": "quadratic:dim=3",
        "up": "sign",
        "down": "topk:k=1",
        "participation": 0.5,
        "workers": 3,
        "rounds": 7,
        "replicas": 5,
        "seed": 11,
        "jobs": 2,
    }


@pytest.fixture
def claim(monkeypatch: pytest.MonkeyPatch) -> str:
    """A claim of the test's own, under the word of a paper."""
    from tersegrad.validation.claims import CLAIMS, Claim, Curve, Measured, Panel

    def measure(settings: Any) -> Measured:
        settings.advance(0.5)
        curves = Curve("measured", [1, 2], [2, 1]), Curve("bound", [1, 2], [3, 2], bound=True)
        panel = Panel("rounds", "error", curves)
        return Measured("violated", "two is not below one", 0.5, ("x", "word"), ((1.5, "high"), (2, "low")), (panel,))

    subject = Claim("dore.claim-two", "Two", "Two is below one: counted.", "this test", measure)
    monkeypatch.setitem(CLAIMS, subject.name, subject)
    return subject.name


def test_a_claim_is_judged_listed_shown_and_reported(claim: str, tmp_path: Path) -> None:
    result = run(["verify", claim, "--quick", "--json", "--out", str(tmp_path)])
    answer = document(result)
    assert result.exit_code == answer["exit_status"] == VIOLATED
    (found,) = answer["claims"]
    assert (found["claim"], found["verdict"], found["rows"]) == (claim, "violated", [[1.5, "high"], [2, "low"]])
    assert found["command"] == f"tersegrad verify {claim} --quick --seed 0"
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", f"{claim}.json"}
    assert "two is not below one" in (tmp_path / "report.html").read_text()
    assert "two is not below one" in run(["verify", claim, "--out", str(tmp_path)]).stdout
    assert claim in run("list claims").stdout
    assert "Two is below one" in run(["show", claim]).stdout


def test_a_claim_does_not_take_another_problem(claim: str, tmp_path: Path) -> None:
    result = run(["verify", claim, "--problem", "quadratic", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert claim in result.stderr
    assert "--problem" in result.stderr


def test_verify_for_real(tmp_path: Path) -> None:
    problem = "quadratic:dim=3,noise=gaussian"
    words = f"verify sgd.strongly-convex --quick --rounds 200 --replicas 8 --problem {problem} --json --out {tmp_path}"
    result = run(words)
    answer = document(result)
    assert result.exit_code == answer["exit_status"]
    (verdict,) = answer["verdicts"]
    assert verdict["theorem"] == "sgd.strongly-convex"
    assert verdict["rounds"] == 200
    assert (tmp_path / "sgd.strongly-convex.json").exists()


# ------------------------------------------------------------------------------------------------------------ run


def test_run_takes_recommended_parameters_and_says_whose() -> None:
    answer = document(
        run("run dore --problem quadratic:dim=6 --up ternary --down ternary --workers 3 --rounds 200 --json")
    )
    assert answer["parameters_from"] == "dore.strongly-convex"
    assert set(answer["parameters"]) == {"gamma", "alpha", "beta", "eta"}
    assert answer["final"]["dist_sq"] < answer["start"]["dist_sq"]
    assert answer["diverged"] is None
    assert "dore.strongly-convex" not in [entry["theorem"] for entry in answer["outside"]]
    assert {"formula", "encoded", "entropy", "saved_vs_dense32"} <= answer["bits"].keys()


def test_run_says_when_parameters_are_outside_a_theorem_and_runs_all_the_same() -> None:
    result = run(
        "run dore --problem quadratic:dim=6 --up ternary --down ternary --workers 3 --rounds 50 "
        "--set gamma=0.1 alpha=0.1 beta=1 eta=1"
    )
    assert result.exit_code == HOLDS
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("outside dore.strongly-convex:")]
    assert "beta = 1 is not below 1/(omega_d + 1)" in line
    assert "after 50 rounds" in result.stdout


def test_run_says_plainly_that_it_diverged() -> None:
    words = "run sgd --problem quadratic:dim=4 --set gamma=30 --rounds 300 --replicas 2"
    result = run(words)
    assert result.exit_code == NO_GUARANTEE
    assert "diverged: 2 of 2 replicas, the first in round" in result.stderr
    answer = document(run(words + " --json"))
    assert 0 < answer["diverged"] < 300
    assert answer["final"]["dist_sq"] is None


def test_run_writes_its_trace(tmp_path: Path) -> None:
    file = tmp_path / "trace.npz"
    result = run(
        "run diana --problem quadratic:dim=5 --up topk:k=2 --set gamma=0.1 alpha=0.1 --rounds 40 --replicas 3 "
        f"--out {file}"
    )
    assert result.exit_code == HOLDS
    trace = Trace.load(file)
    assert (trace.replicas, trace.rounds[-1]) == (3, 40)
    assert list(tmp_path.iterdir()) == [file]


# ---------------------------------------------------------------------------------------------- lists, show, rest


def test_lists_are_complete() -> None:
    assert [entry["id"] for entry in document(run("list theorems --json"))] == list(THEOREMS)
    assert [entry["id"] for entry in document(run("list compressors --json"))] == list(COMPRESSORS)
    for what in ("theorems", "methods", "compressors", "problems"):
        entries = document(run(f"list {what} --json"))
        lines = run(f"list {what}").stdout.splitlines()
        assert [line.split()[0] for line in lines] == [entry["id"] for entry in entries]


@pytest.mark.parametrize("name", ["sgd.convex", "dore", "ternary", "least-squares", "topk:k=3"])
def test_show_knows_everything_that_has_a_name(name: str) -> None:
    result = run(["show", name])
    assert result.exit_code == HOLDS
    assert name.partition(":")[0] in result.stdout.splitlines()[0]


def test_show_a_theorem_tells_what_it_needs() -> None:
    text = run("show dore.strongly-convex").stdout
    subject = THEOREMS["dore.strongly-convex"]
    assert subject.source in text
    assert subject.provenance in text
    for constant in (*subject.requires, *subject.bound_requires):
        assert f"\n  {constant} " in text


def test_certify_says_whether_the_claims_hold() -> None:
    result = run("certify sign --dim 9")
    assert result.exit_code == HOLDS
    assert result.stdout.startswith("sign, d = 9: holds")
    answer = document(run("certify sign --dim 9 --json"))
    assert answer["verdict"] == "holds"
    assert answer["claims"]["delta"] == pytest.approx(1 / 9, rel=1e-5)


def test_figures_draws_what_the_register_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = Drawing(
        "some-experiment", "DORE", "An experiment", "A line.", lambda quick, seed: (
            Frame("x", "y", (Line("a line", [1, 10], [1, 2 + quick]),)),
        ), seconds=(120, 30),
    )  # fmt: skip
    monkeypatch.setattr(figures, "FIGURES", {"some-experiment": drawing})
    result = run(f"figures some-experiment --quick --out {tmp_path}")
    assert result.exit_code == HOLDS
    files = [tmp_path / f"some-experiment.{ending}" for ending in ("png", "pdf", "csv", "txt")]
    assert result.stdout.splitlines() == [str(path) for path in files]
    assert files[2].read_text().splitlines()[1:] == ["a,a line,measured,1.0,1.0,x,y", "a,a line,measured,10.0,3.0,x,y"]
    assert result.stderr.splitlines()[0] == "1 figure: about 30 seconds of one core"
    listed = run("figures --list")
    assert listed.exit_code == HOLDS
    assert listed.stdout == "some-experiment (DORE), about 2 minutes of one core\n    An experiment. A line.\n"
    unknown = run(f"figures some-experimnt --out {tmp_path}")
    assert unknown.exit_code == BAD_INPUT
    assert "'some-experiment'" in unknown.stderr


def test_help_and_version() -> None:
    assert run("--version").stdout == f"tersegrad {__version__}\n"
    text = run([]).stdout
    for command in COMMANDS:
        assert command in text
        assert run([command, "--help"]).exit_code == HOLDS


@pytest.mark.parametrize(
    "words", [["-c", "import tersegrad"], ["-m", "tersegrad", *DORE.split()]], ids=["import", "step-size"]
)
def test_starting_is_light(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"scipy", "numba", "matplotlib", "rich", "jinja2", "sklearn", "pandas"}
    assert not heavy & loaded
    assert "numpy" not in loaded or "import tersegrad" not in words
    rooms = {module.split(".")[1] for module in loaded if module.startswith("tersegrad.")}
    assert not rooms & {"problems", "solvers", "validation", "figures"}  # a step size is theory


def test_a_number_that_rounds_to_one_tells_its_distance():
    """rho = 1 would promise nothing."""
    lines = run("step-size sgd.strongly-convex --set L=1 mu=1e-9 n=2 sigma_sq=0 dist0_sq=1").stdout
    assert "rho = 1 - 1e-09" in lines
    assert "contraction  1 - 1e-09 a round" in lines
    assert "gamma = 1 " in lines
