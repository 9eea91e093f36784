"""Everything once: ``python -m benchmarks.tables [NAME ...] [--quick] [--out FILE]``

methods      every method on the shapes of W1 and W2, beside the limits of those workloads
compressors  every compressor: compress, encode, decode, at d = 10^3, 10^5, 10^7
rows         the gradient of logistic regression on sparse rows, beside SciPy's and scikit-learn's products
engines      real workers beside the simulation
growth       exponents in T, n, R, d, fitted to runs of DORE
memory       what processes hold, in vectors of d doubles

Each table is a list of rows, and prints itself; numbers are seconds of wall time on two cores, the best of a few tries.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

import tersegrad as tg
from tersegrad.solvers import compressors
from tersegrad.solvers.context import context
from tersegrad.solvers.engines.simulate import simulate
from tersegrad.solvers.method import known_methods
from tersegrad.theory import InputError
from tersegrad.theory.compressors import compressor
from tersegrad.theory.compressors.registry import COMPRESSORS, EXAMPLES
from tersegrad.validation.conformance import OTHERWISE, PARAMETERS

from .__main__ import THREADS, keep_to
from .limits import limit
from .workloads import QUICK, WORKLOADS, instance

Row = dict[str, Any]

SPECS = {
    **EXAMPLES,
    "adversary": "adversary:delta=0.5",
    "powersgd": "powersgd:rows={root},rank=2",
    "qsgd": "qsgd:levels=16",
    "rankr": "rankr:rows={root},rank=2",
    "ternary": "ternary:block=256",
}
"""Compressors whose default is not what people run, and those that need options, at dimension d."""
TRIES = 3


def best(work: Callable[[], object], seconds: float = 0.3) -> float:
    """The least of a few times, after one call that compiles."""
    work()
    found, begun = [], perf_counter()
    while len(found) < TRIES or (perf_counter() - begun < seconds and len(found) < 1000):
        start = perf_counter()
        work()
        found.append(perf_counter() - start)
    return min(found)


def methods(quick: bool, threads: int = THREADS) -> list[Row]:
    """Microseconds of one round of one replica, and how many times the workload's limit that is."""
    rows: list[Row] = []
    for workload in ((QUICK if quick else WORKLOADS)[name] for name in ("W1", "W2")):
        chosen = instance(workload)
        least = limit(chosen, threads)()
        rounds = max(2, workload.rounds // (4 if workload.name == "W1" else 10))
        for name, method in known_methods().items():
            problem: Any = chosen.problem
            if method.reshuffles:  # samples in random orders: rows of the same shape, one at a time
                problem = f"least-squares:rows=1200,dim={problem.dim},reg=0.05,batch=1,sampling=reshuffled"
            numbers = {p: PARAMETERS.get(p, OTHERWISE) for p in method.parameters} | {"gamma": 1e-3}
            run = partial(
                simulate, name, problem, workload.up, workload.down if method.two_way else "identity",
                parameters=numbers, rounds=rounds, replicas=workload.replicas, workers=workload.workers,
                schedule="straggler:factor=4" if method.clock else None, checkpoints=[rounds], columns=False,
                threads=threads,
            )  # fmt: skip
            row: Row = {"workload": workload.name, "method": name}
            try:
                row["us"] = 1e6 * best(run, 0.0) / rounds / workload.replicas
                if not (method.reshuffles or method.clock):  # whose rounds have other gradients
                    row["times the limit"] = 1e-6 * row["us"] / least
            except InputError as reason:
                row["note"] = str(reason)
            rows.append(row)
    return rows


def codecs(quick: bool) -> list[Row]:
    """Nanoseconds a coordinate to compress, encode and decode, and the time of a copy beside them."""
    rows = []
    for name in COMPRESSORS:
        for dim in (10**3, 10**5) if quick else (10**3, 10**5, 10**7):
            comp = compressor(SPECS.get(name, name).format(root=int(dim**0.5)))
            try:
                kernel, params, states = compressors.kernel(comp, dim)
            except InputError as reason:
                rows.append({"compressor": comp.spec, "d": dim, "note": str(reason)})
                continue
            rng = np.random.default_rng(0)
            x, u = rng.standard_normal((1, dim)), rng.random((1, comp.draws(dim)))
            out, bits, state, ctx = np.zeros((1, dim)), np.zeros(1), np.zeros((1, states)), context(0, 0, 4)
            kernel(x, u, ctx, params, state.copy(), out, bits)
            made = state.copy()
            kernel(x, u, ctx, params, made, out, bits)
            origin = compressors.Origin(x[0], u[0], made[0], ctx)
            data = compressors.encode(comp, out[0], origin=origin)
            each = {
                "compress": partial(kernel, x, u, ctx, params, state, out.copy(), bits),
                "encode": partial(compressors.encode, comp, out[0], origin=origin),
                "decode": partial(compressors.decode, comp, data, dim, u[0]),
                "copy": partial(np.copyto, x.copy(), x),
            }
            seconds = {what: 1e9 * best(work, 0.05) / dim for what, work in each.items()}
            rows.append({"compressor": comp.spec, "d": dim, **seconds, "bytes": len(data)})
    return rows


def sparse_rows(quick: bool) -> list[Row]:
    """Milliseconds of a gradient of logistic regression; rows like those of w8a: 300 features, 4 % of them not zero."""
    import scipy.sparse
    from scipy.special import expit
    from sklearn.utils.extmath import safe_sparse_dot

    m = 5_000 if quick else 50_000
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(m, 300, 0.04, format="csr", random_state=0)
    y = np.where(rng.random(m) < 0.5, 1.0, -1.0)
    w = rng.standard_normal(300)
    problem = tg.problem("logistic", X, y, reg=0.0, workers=1)
    kernels = problem.kernels()
    point, G, none = w[None].copy(), np.empty((1, 300)), np.empty((1, 0))

    def ours() -> None:
        kernels.exact_gradient(0, point, none, kernels.data, G)

    def scipys() -> np.ndarray:
        return X.T @ (-y * expit(-y * (X @ w))) / m

    def scikit_learns() -> np.ndarray:
        return safe_sparse_dot(X.T, -y * expit(-y * safe_sparse_dot(X, w))) / m

    ours()
    np.testing.assert_allclose(G[0], scipys(), rtol=1e-9, atol=1e-12)
    times = {"tersegrad": best(ours), "SciPy": best(scipys), "scikit-learn": best(scikit_learns)}
    return [{"who": who, "ms": 1e3 * t, "over ours": t / times["tersegrad"]} for who, t in times.items()]


def engines(quick: bool) -> list[Row]:
    """Microseconds of a round of one replica of DORE with four workers, in one process and in five."""
    rows: list[Row] = []
    for dim in (20, 500) if quick else (20, 500, 20_000):
        for engine, rounds in (("simulate", 2000), ("processes", 500)):
            short, long = (
                partial(
                    tg.run, "dore", f"quadratic:dim={dim}", "ternary:block=256", "ternary:block=256", workers=4,
                    parameters={"gamma": 0.01, "alpha": 0.1, "beta": 1.0, "eta": 1.0}, rounds=length,
                    checkpoints=[length], columns=(), engine=engine,
                )
                for length in (1, rounds)
            )  # fmt: skip
            rows.append({"engine": engine, "d": dim, "us": 1e6 * (best(long, 0.0) - best(short, 0.0)) / (rounds - 1)})
    return rows


def growth(quick: bool) -> list[Row]:
    """Exponents of the time of DORE in rounds, workers, replicas and coordinates, about a short run."""
    base = {"T": 200, "n": 16, "R": 64, "d": 500} if not quick else {"T": 100, "n": 8, "R": 16, "d": 200}
    rows = []
    for letter in base:
        times, sizes = [], [base[letter] * k for k in (1, 2, 4, 8)]
        for size in sizes:
            at = base | {letter: size}
            run = partial(
                simulate, "dore", f"quadratic:dim={at['d']},noise=gaussian", "ternary", "ternary", workers=at["n"],
                parameters={"gamma": 0.01, "alpha": 0.1, "beta": 0.1, "eta": 0.1}, rounds=at["T"],
                replicas=at["R"], checkpoints=[at["T"]], columns=False, threads=THREADS,
            )  # fmt: skip
            times.append(best(run, 0.0))
        slope = np.polyfit(np.log(sizes), np.log(times), 1)[0]
        rows.append({"in": letter, "from": sizes[0], "to": sizes[-1], "exponent": float(slope)})
    return rows


def held(quick: bool) -> list[Row]:
    """What the processes of DoubleSqueeze hold beyond a run with one coordinate, in vectors of d doubles."""
    from .memory import measure

    dim = 10**6 if quick else 10**7
    small, large = measure(1, 2), measure(dim, 2)
    return [
        {"process": name} | {what: (size - small[name][what]) / (8 * dim) for what, size in sizes.items()}
        for name, sizes in sorted(large.items())
    ]


TABLES: dict[str, Callable[[bool], list[Row]]] = {
    "methods": methods,
    "compressors": codecs,
    "rows": sparse_rows,
    "engines": engines,
    "growth": growth,
    "memory": held,
}


def text(rows: list[Row]) -> str:
    """The rows under the names of their columns."""
    from tersegrad.output import aligned

    titles = list(dict.fromkeys(title for row in rows for title in row))

    def cell(value: Any) -> str:
        return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)

    return aligned([titles, *([cell(row.get(title)) for title in titles] for row in rows)])


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description="Time everything once.")
    parser.add_argument("names", nargs="*", choices=[*TABLES, []], metavar="NAME", help=", ".join(TABLES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller dimensions")
    parser.add_argument("--out", help="JSON file to write")
    options = parser.parse_args(arguments)
    keep_to(THREADS)
    found = {}
    for name in options.names or TABLES:
        found[name] = TABLES[name](options.quick)
        print(f"{name}: {TABLES[name].__doc__}\n{text(found[name])}\n", flush=True)
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
