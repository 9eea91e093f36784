"""Seconds to an accuracy with a slow worker: waiting for it, a step for it, and dropping what is late."""

from __future__ import annotations

from ...problems import problem
from ...validation.claims import Settings
from ...validation.claims.ringmaster import EPS, PROBLEM, WAYS, WORKERS, compute_times, guarantee, run
from ...validation.claims.ringmaster import seconds_to_accuracy as to_accuracy
from ..drawing import Drawing, Frame, Frames, Line

SLOW = 100.0
"""How many times slower one worker is in the panel over time."""
PROMISED = {"Ringmaster": "ringmaster.nonconvex", "Rennala": "rennala.nonconvex"}


def measure(quick: bool = False, seed: int = 0) -> Frames:
    """Run every way at the step of its theorem, with one worker that is slower and slower."""
    factors = (1.0, 10.0, SLOW) if quick else (1.0, 3.0, 10.0, 30.0, SLOW, 300.0, 1000.0)
    on, settings, replicas = problem(PROBLEM, workers=WORKERS), Settings(quick, seed), 4 if quick else 16
    times = {factor: compute_times(factor, WORKERS - 1) for factor in factors}
    taken, over_time, bounds = [], [], []
    for look, (name, way) in enumerate(WAYS.items()):
        traces = {factor: run(on, way(on, each), each, replicas, settings) for factor, each in times.items()}
        taken.append(Line(name, factors, [to_accuracy(trace) for trace in traces.values()]))
        shown = traces[SLOW].seconds > 0
        mean = traces[SLOW].columns["grad_sq_mean"].mean(axis=0)
        over_time.append(Line(name, traces[SLOW].seconds[shown], mean[shown]))
        if name in PROMISED:
            promised = [guarantee(PROMISED[name], on, each).seconds_to(EPS) or 0.0 for each in times.values()]
            bounds.append(Line(f"{name}, bound", factors, promised, "bound", look))
    ends = [line.x[0] for line in over_time] + [line.x[-1] for line in over_time]
    goal = Line("accuracy", (min(ends), max(ends)), (EPS, EPS), "reference")
    mean_of = r"$\dfrac{1}{T}\,\sum_{t<T}\|\nabla f(x^t)\|^2$"
    return (
        Frame("how many times slower one worker is", f"seconds to accuracy {EPS:g}", (*taken, *bounds), letter="ul"),
        Frame("seconds", mean_of, (*over_time, goal), f"{SLOW:g} times slower"),
    )


FIGURE = Drawing(
    "overview-seconds",
    "overview",
    "Seconds to an accuracy with a slow worker",
    f"{WORKERS} workers sample the same quadratic in 10 dimensions, L = 1, mu = 0.05, f(x^0) - f* = 1.14, Gaussian"
    " noise of variance 1; virtual time: a gradient takes one second, or as many as the abscissa of (a) says for "
    "one worker, and messages take none. (a) Seconds until the mean squared gradient over all steps, averaged "
    f"over 16 runs, is {EPS:g}; dashed: within how many seconds the theorems promise it. (b) This mean over time, "
    f"with a worker {SLOW:g} times slower; runs end where the theorem promises the accuracy. Synchronous SGD waits"
    " for all workers in every step. Asynchronous SGD makes a step of every gradient, a step that has to be short"
    " enough for the largest delay. Ringmaster drops gradients that are R or more steps old, Rennala makes a step"
    " of B gradients of the current model and drops the others, the delay-adaptive one shortens the steps of late"
    " gradients, gamma n/max(n, age). All at the steps of their theorems for this accuracy (delay-adaptive: gamma"
    " = min(1/(4 L n), eps/(4 L sigma^2)), of an order only); its curve and Ringmaster's nearly coincide, since "
    "of the few gradients that are late one drops all and the other nearly all.",
    measure,
    seconds=(4.5, 1),
)
