"""Staleness.

A server that does not wait uses old gradients; the older they are, the smaller the step must be.
"""

import marimo

app = marimo.App(width="full", app_title="Staleness", css_file="style.css")

with app.setup:
    from dataclasses import replace

    import numpy as np

    import tersegrad as tg
    from tersegrad.figures.classroom import _page as page

    ROUNDS = 3000
    TAUS = (0, 1, 2, 4, 8, 16, 32)
    STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 1500, 1900)
    THEOREM = tg.theorem("delayed-sgd.quadratic")


@app.function
def subject():
    """The problem: L = 1, mu = 0.25, one worker."""
    return tg.problem("quadratic:dim=10,mu=0.25,L=1", workers=1)


@app.function
def known(tau):
    """Its constants, and that every gradient is tau rounds old."""
    return replace(subject().constants(), tau=tau, same_age=True)


@app.function
def descend(tau, gamma, rounds):
    """Gradient descent with gradients that are tau rounds old."""
    setting = {"parameters": {"gamma": gamma, "M": 1}, "schedule": f"fixed:tau={tau}"}
    return tg.simulate("delayed-sgd", subject(), rounds=rounds, **setting)


@app.function
@page.kept
def measure(tau, gamma):
    """A run, and what the theorem promises for it: a guarantee, or the reason why there is none."""
    return descend(tau, gamma, ROUNDS), THEOREM.guarantee(known(tau), gamma=gamma)


@app.function
@page.kept
def limits():
    """For every delay the largest step with which a run still comes closer, by bisection, and the theorem's largest."""

    def largest(tau):
        low, high = 1e-3, 3.0
        while high / low > 1.01:
            gamma = float(np.sqrt(low * high))
            gap = descend(tau, gamma, 250 * (tau + 1)).columns["gap"][0]
            low, high = (gamma, high) if gap[-1] < gap[0] else (low, gamma)
        return low

    return [largest(tau) for tau in TAUS], [THEOREM.guarantee(known(tau)).intervals["gamma"].high for tau in TAUS]


@app.cell
def head():
    page.head(__file__, "If gradients are twice as old, how much smaller must the step be?")


@app.cell
def make_reset():
    reset = page.reset()
    return (reset,)


@app.cell
def make_controls(reset):
    tau = page.slider(reset, "delay τ, in rounds", TAUS, 8)
    step = page.slider(reset, "step γL, in thousandths", STEPS, 5)
    return step, tau


@app.cell
def show_controls(reset, step, tau):
    page.controls(tau, step, reset)


@app.cell
def borders():
    stable, granted = limits()
    return granted, stable


@app.cell
def look(step, tau):
    gamma = step.value / 1000
    run, guarantee = measure(tau.value, gamma)
    return gamma, guarantee, run


@app.cell
def picture(gamma, granted, guarantee, run, stable, tau):
    one = np.array(TAUS) + 1
    bound = [page.Curve("bound", "bound", run.rounds, guarantee.bound(run.rounds))] if guarantee else []
    page.panels(
        page.panel(
            "gap",
            "f(x) − f*",
            page.Scale("rounds", (1, 10, 100, 1000), end=ROUNDS),
            page.Scale("", (1e-8, 1e-6, 1e-4, 1e-2, 1, 100)),
            page.Curve("run", "run", run.rounds, run.columns["gap"][0]),
            *bound,
        ),
        page.panel(
            "steps",
            "Largest step γL",
            page.Scale("1 + delay", (1, 2, 5, 10, 33)),
            page.Scale("", (0.001, 0.01, 0.1, 1, 3)),
            page.Curve("reference", "stable", one, stable),
            page.Curve("bound", "theorem", one, granted),
            page.Curve("here", "chosen", tau.value + 1, gamma),
        ),
    )


@app.cell
def numbers(granted, guarantee, run, stable, tau):
    here = TAUS.index(tau.value)
    gap = run.columns["gap"][0]
    page.facts(
        ("verdict", "converges" if gap[-1] < gap[0] else "diverges", "with this step"),
        ("stable", stable[here], "is the largest stable γL"),
        ("granted", granted[here], "is the theorem's largest γL"),
        ("covered", "covered" if guarantee else "not covered", "by the theorem"),
    )


@app.cell
def solution():
    page.answer(
        "Half as large: both limits fall like 1/(1 + τ). What counts is the step times the delay: how far the model "
        "has moved since its gradient was computed.",
        "The theorem's step stays below the limit by a factor that tends to a constant, and comes with a rate.",
    )


if __name__ == "__main__":
    app.run()
