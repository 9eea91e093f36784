"""Instructions that kernels take, as valgrind's callgrind counts them: run by itself, in a process of its own.

    python tests/support/instructions.py [FILE]

counts, prints, and writes to FILE, where one is given, what `tests/solvers/test_instructions.py` holds kernels against.
Kernels are compiled for a processor without extensions, which valgrind knows and which is the same on every machine.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

#: Calls that are counted, after one that is not.
CALLS = 10
#: What decides about machine code, beside the kernels.
COMPILERS = ("numba", "llvmlite")
ENVIRONMENT = {
    "NUMBA_CPU_NAME": "generic",
    "NUMBA_CPU_FEATURES": "",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
}
#: Requests of a program to callgrind: callgrind.h.
DUMP_STATS_AT, ZERO_STATS, START_INSTRUMENTATION, STOP_INSTRUMENTATION = (
    (ord("C") << 24) + (ord("T") << 16) + number for number in (3, 1, 4, 5)
)
#: mov rax, rdi; xor edx, edx; the rotations and the exchange by which valgrind knows a request, elsewhere nothing; ret.
REQUEST = bytes.fromhex("4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db c3")


def missing() -> str | None:
    """Why nothing can be counted here; None if it can."""
    if platform.machine() not in ("x86_64", "AMD64") or not sys.platform.startswith("linux"):
        return "instructions are counted on Linux and x86-64"
    return None if shutil.which("valgrind") else "valgrind is not installed"


def calls() -> dict[str, Callable[[], object]]:
    """One call of every kernel, by name; rounds are those of the compiled loop."""
    import numpy as np

    from tersegrad.solvers import compressors
    from tersegrad.solvers.context import context
    from tersegrad.solvers.engines.block import Block
    from tersegrad.solvers.engines.options import RunOptions
    from tersegrad.solvers.engines.request import prepare
    from tersegrad.solvers.engines.setup import Setup
    from tersegrad.solvers.random import ADD_NOISE, GAUSSIAN, PHILOX, add_noise, draws, philox
    from tersegrad.solvers.signatures import COMPRESS, entry
    from tersegrad.theory import compressor

    d, g = draws(range(10), 1000), np.zeros((10, 1000))
    x = np.sin(np.arange(1.0, 10_001.0))[None]
    u, out, bits = np.modf(np.arange(x.size + 100)[None] * 0.6180339887498949)[0], np.empty_like(x), np.empty(1)

    def compress(spec: str) -> Callable[[], object]:
        kernel, numbers, _ = compressors.kernel(compressor(spec), x.size)
        call, ctx, nothing = entry(kernel, COMPRESS), context(), np.empty((1, 0))
        return lambda: call(x, u, ctx, numbers, nothing, out, bits)

    options = RunOptions(
        "dore", "quadratic:dim=40,noise=gaussian", "ternary", "ternary", rounds=10**6, workers=3, replicas=4,
        parameters={"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2}, checkpoints=[10**6], columns=False,
    )  # fmt: skip
    job = prepare(options)
    setup = Setup(job.run)
    block = Block(setup, job.parts[0])
    draw, noise = entry(philox, PHILOX), entry(add_noise, ADD_NOISE)
    return {
        "philox: 10 000 numbers": lambda: draw(1, 2, 3, 0, d),
        "add_noise: 10 000 normals": lambda: noise(GAUSSIAN, 1.0, d, g),
        "ternary:block=256 of 10 000": compress("ternary:block=256"),
        "topk:k=100 of 10 000": compress("topk:k=100"),
        "DORE: 20 rounds of 3 workers": lambda: block.advance(setup, 0, 20),
    }


def work() -> None:
    """Call every kernel, and have callgrind write a file of what it counted for each."""
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(REQUEST)
    ask = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(code)))

    def request(number: int, text: bytes = b"") -> None:
        words = (ctypes.c_uint64 * 6)(number)
        kept = ctypes.create_string_buffer(text)
        words[1] = ctypes.addressof(kept)
        ask(ctypes.addressof(words))

    kernels = calls()
    for call in kernels.values():
        call()
    request(START_INSTRUMENTATION)
    for name, call in kernels.items():
        request(ZERO_STATS)
        for _ in range(CALLS):
            call()
        request(DUMP_STATS_AT, name.encode())
    request(STOP_INSTRUMENTATION)


def count() -> dict[str, int]:
    """Instructions of a call of every kernel, with what Python does to call it."""
    environment, this = {**os.environ, **ENVIRONMENT}, [sys.executable, __file__, "--work"]
    subprocess.run(this, env=environment, check=True, timeout=600)  # compiles
    with tempfile.TemporaryDirectory() as folder:
        callgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out", "-q"]
        subprocess.run([*callgrind, *this], env=environment, check=True, timeout=600, stderr=subprocess.DEVNULL)
        found = {}
        for file in Path(folder).iterdir():
            text = file.read_text()
            name = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
            total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
            if name and total:
                found[name[1]] = int(total[1]) // CALLS
    return dict(sorted(found.items()))


def main(arguments: list[str]) -> None:
    if arguments == ["--work"]:
        work()
        return
    if why := missing():
        sys.exit(why)
    found = {"compilers": {name: version(name) for name in COMPILERS}, "instructions": count()}
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    for file in arguments:
        Path(file).write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
