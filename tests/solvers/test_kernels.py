"""Kernels: what they are handed, what they may read, what happens when they raise, and which of them are compiled."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tersegrad as tg
from support import failing
from support.wires import over_threads
from tersegrad.common.errors import InputError
from tersegrad.solvers.context import context
from tersegrad.solvers.engines.options import RunOptions

TESTS = Path(__file__).parents[1]
PARAMETERS = {"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2}
QUADRATIC = "quadratic:dim=6,mu=0.2,L=2,heterogeneity=1"


def in_fresh_cache(arguments, cache, **environment):
    """Output of a process of its own in which nothing has been compiled yet."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path, **environment}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=settings, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- what they are handed --------------------------------------------------------------------------------------------


def test_a_context_has_seven_entries_with_the_meaning_of_the_signatures():
    assert context(4, 1, 3).tolist() == [4, 1, 3, 3, 0, 0, 0]
    assert context(4, 3, 3, arrivals=2, age=5, special=1).tolist() == [4, 3, 3, 2, 5, 5, 1]


def test_a_certificate_hands_a_kernel_all_of_its_context():
    """A kernel that looks at ctx[SPECIAL] and finds ctx shorter would read beyond it."""
    assert tg.certify(failing.LOOK, 6).verdict == "holds"


def test_no_kernel_reads_or_writes_beyond_an_array(tmp_path):
    assert in_fresh_cache(["-m", "support.bounds"], tmp_path, NUMBA_BOUNDSCHECK="1", NUMBA_OPT="0") == "within bounds\n"


# -- what they raise -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carry_out", [tg.simulate, over_threads], ids=["simulate", "workers"])
@pytest.mark.parametrize(
    ("method", "up", "words"),
    [
        (failing.SERVER_FAILS, "ternary", "'next_model_until_round_three'"),
        (failing.WORKER_FAILS, "ternary", "'gradient_until_round_three'"),
        ("dore", failing.CLASH, "ValueError: cannot assign slice"),
    ],
    ids=["server", "worker", "compressor"],
)
def test_an_exception_in_a_kernel_ends_the_run_with_one_sentence(carry_out, method, up, words, capfd):
    def run():
        return carry_out(method, QUADRATIC, up, "topk:k=2", workers=2, parameters=PARAMETERS, rounds=6)

    with pytest.raises((InputError, tg.WorkerError)) as caught:
        run()
    said = str(caught.value)
    assert words in said
    assert "\n" not in said
    assert method == "dore" or "three is too many" in said
    assert capfd.readouterr().err == ""


def test_an_exception_in_a_part_of_a_compressor_ends_the_run():
    part = tg.theory.compressors.Scaled(failing.CLASH)
    with pytest.raises(InputError, match="cannot assign slice"):
        tg.simulate("dore", QUADRATIC, part, workers=2, parameters=PARAMETERS, rounds=2)


def test_an_exception_in_a_workers_kernel_is_bad_input_for_real_processes(nothing_left):
    with pytest.raises(InputError, match=r"'gradient_until_round_three' of method 'worker-fails'.*three is too many"):
        tg.run(
            failing.WORKER_FAILS, QUADRATIC, "ternary", "topk:k=2", workers=2, parameters=PARAMETERS, rounds=6,
            engine="processes",
        )  # fmt: skip


# -- which are compiled ----------------------------------------------------------------------------------------------

COUNT = """
import json, sys
from numba.core import event
names = []
class Names(event.Listener):
    def on_start(self, e): names.append(e.data["dispatcher"].py_func.__module__ + "." + e.data["dispatcher"].__name__)
    def on_end(self, e): pass
event.register("numba:compile", Names())
from tersegrad.cli import main
import io, contextlib
for line in json.loads(sys.argv[1]):
    sys.argv = ["tersegrad", *line]
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as end:
            assert not end.code, (line, end.code)
print(json.dumps(names))
"""


def compiled_by(commands, cache):
    """Names of the kernels that these command lines compile in an environment where nothing has been."""
    return json.loads(in_fresh_cache(["-c", COUNT, json.dumps(commands)], cache))


def test_looking_something_up_compiles_nothing(tmp_path):
    step = ["step-size", "dore.strongly-convex", "--set", "L_max=1", "mu=0.1", "n=20", "dim=50", "--up", "ternary"]
    lists = [["list", "compressors"], ["list", "methods"], ["list", "theorems"]]
    assert compiled_by([["--help"], *lists, ["show", "liec"], ["show", "topk"], step], tmp_path) == []


def test_a_run_compiles_the_kernels_of_its_own_method_compressors_and_problem_alone(tmp_path):
    names = compiled_by(
        [["run", "liec", "--problem", "quadratic:dim=6", "--workers", "2", "--rounds", "3", "--up", "topk:k=2",
          "--down", "topk:k=2", "--set", "gamma=0.01", "H=2"]],
        tmp_path,
    )  # fmt: skip
    files = {name.rpartition(".")[0].removeprefix("tersegrad.") for name in names if name.startswith("tersegrad.")}
    assert files <= {
        "solvers.channels", "solvers.context", "solvers.random", "solvers.rules", "solvers.engines.rounds",
        "solvers.methods.liec", "solvers.compressors.topk", "solvers.compressors.identity",
        "solvers.compressors.reductions", "problems.kernels.quadratic",
    }  # fmt: skip
    assert "tersegrad.solvers.methods.liec.compensate" in names
    assert "tersegrad.solvers.random.add_noise" not in names
    assert "tersegrad.problems.kernels.quadratic.dense_gradient" not in names


# -- what a run is asked for -----------------------------------------------------------------------------------------


def test_run_and_simulate_have_the_signature_of_the_options():
    asked = inspect.signature(RunOptions).parameters
    for function in (tg.run, tg.simulate):
        signature = inspect.signature(function)
        assert signature.parameters == asked
        assert signature.return_annotation == "Trace"
        assert all(f"\n{name}" in function.__doc__ or f", {name}" in function.__doc__ for name in asked)
    with pytest.raises(TypeError, match=r"simulate\(\) got an unexpected keyword argument 'round'"):
        tg.simulate("sgd", QUADRATIC, workers=1, parameters={"gamma": 0.1}, rounds=3, round=3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engine": "simulation"}, "unknown engine 'simulation' (did you mean 'simulate'?)"),
        ({"engine": "mpi"}, "for the engine mpi call run"),
        ({"threads": 0}, "threads=0"),
        ({"patience": -1.0}, "patience = -1.0"),
    ],
)
def test_options_that_do_not_exist_get_one_sentence(change, words):
    with pytest.raises(InputError) as caught:
        tg.simulate("sgd", QUADRATIC, workers=1, parameters={"gamma": 0.1}, rounds=1, **change)
    assert words in str(caught.value)


# -- shadows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["shadow_grad_sq_mean", "shadow_spread_mean"])
def test_a_method_without_a_shadow_sequence_refuses_the_columns_along_it(column):
    """EF21 and DORE have errors that x - (e + avg e_i) knows nothing of."""
    for word in ("dore", "ef21"):
        numbers = {name: PARAMETERS[name] for name in tg.method(word).parameters}
        with pytest.raises(InputError, match=f"'{word}' declares no shadow sequence for {column}"):
            tg.simulate(word, QUADRATIC, "topk:k=2", workers=2, parameters=numbers, rounds=2, columns=[column])
    trace = tg.simulate("dore", QUADRATIC, workers=2, parameters=PARAMETERS, rounds=2, paths=True)
    assert set(trace.paths) == {"x"}
