"""How much is compiled: what a cold start costs is decided here, counted and not timed."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

#: Kernels that are asked for, by command; a few more are forgiven.
ASKED = {
    "run dore --problem quadratic --up ternary --down ternary --rounds 20": 16,
    "verify sgd.strongly-convex --quick --rounds 50 --replicas 2": 27,
}
SLACK = 2
#: Where a kernel has one signature, whoever calls it.
PREFIXES = ("tersegrad.solvers.rules", "tersegrad.solvers.methods.", "tersegrad.problems.kernels.")


def main(words: Sequence[str]) -> None:
    """Run a command, then print how many kernels it asked for, and those that were compiled for several signatures."""
    from numba.core.dispatcher import Dispatcher

    from tersegrad.cli import main as command
    from tersegrad.solvers.signatures import address, entry

    sys.argv = ["tersegrad", *words]
    with pytest.raises(SystemExit, match=r"^0$"):
        command()
    kernels = [o for o in gc.get_objects() if isinstance(o, Dispatcher) and o.__module__.startswith(PREFIXES)]
    print(
        json.dumps(
            {
                "asked": address.cache_info().currsize + entry.cache_info().currsize,
                "several": sorted(f"{k.__module__}.{k.__name__}" for k in kernels if len(k.overloads) > 1),
            }
        )
    )


@pytest.mark.parametrize("command", ASKED)
def test_a_command_compiles_no_more_kernels_than_it_did(command: str, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    script = f"import sys; sys.path.insert(0, {here!r}); import test_compiled; test_compiled.main({command.split()!r})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["asked"] <= ASKED[command] + SLACK
    assert found["several"] == []
