"""Why error feedback.

The largest coordinate alone is no descent direction; what it leaves out has to be remembered.
"""

import marimo

app = marimo.App(width="full", app_title="Why error feedback", css_file="style.css")

with app.setup:
    import tersegrad as tg
    from tersegrad.figures.classroom import _page as page

    ROUNDS = 1000


@app.function
@page.kept
def measure(k, factor):
    """Top-k on three quadratics without and with memory, at `factor` times the theorem's step, which has a bound."""
    problem = tg.problem("three-quadratics", workers=3)
    link = f"topk:k={k}"
    guarantee = tg.theorem("error-feedback.tight").guarantee(problem, link)
    gamma = factor * guarantee.parameters["gamma"]
    setting = {"parameters": {"gamma": gamma}, "rounds": ROUNDS}
    plain = tg.simulate("compressed-gd", problem, link, **setting)
    memory = tg.simulate("error-feedback", problem, link, **setting)
    bound = tg.run(guarantee, problem, rounds=ROUNDS) if factor == 1 else None
    return gamma, plain, memory, bound


@app.cell
def head():
    page.head(__file__, "Three workers each send their largest coordinate. Which step converges without memory?")


@app.cell
def make_reset():
    reset = page.reset()
    return (reset,)


@app.cell
def make_controls(reset):
    k = page.slider(reset, "coordinates sent, of 3", (1, 2), 1)
    factor = page.slider(reset, "step, in units of the theorem's", (0.03, 0.1, 0.3, 1, 3, 10), 1)
    return factor, k


@app.cell
def show_controls(factor, k, reset):
    page.controls(k, factor, reset)


@app.cell
def look(factor, k):
    gamma, plain, memory, bound = measure(k.value, factor.value)
    return bound, gamma, memory, plain


@app.cell
def picture(bound, memory, plain):
    rounds = page.Scale("rounds", (0, 250, 500, 750, 1000), log=False)
    height = page.Scale("", (1e-8, 1e-4, 1, 1e4, 1e8))
    page.panels(
        page.panel(
            "distance",
            "Distance² to the solution",
            rounds,
            height,
            page.Curve("run", "with memory", memory.rounds, memory.columns["dist_sq"][0]),
            page.Curve("other", "without", plain.rounds, plain.columns["dist_sq"][0]),
        ),
        page.panel(
            "memory",
            "Norm² of what is held back",
            rounds,
            height,
            page.Curve("run", "mean of the workers", memory.rounds, memory.columns["worker_error_sq"][0]),
            *([] if bound is None else [page.Curve("bound", "bound, distance included", bound.rounds, bound.bound)]),
        ),
    )


@app.cell
def numbers(bound, gamma, memory, plain):
    words = [
        "converges" if trace.columns["dist_sq"][0, -1] < trace.columns["dist_sq"][0, 0] else "diverges"
        for trace in (plain, memory)
    ]
    page.facts(
        ("gamma", gamma, "is the step γ"),
        ("without", words[0], "without memory"),
        ("with", words[1], "with memory"),
        ("bound", "no bound", "for this step")
        if bound is None
        else ("bound", bound.bound[-1], "is the bound after 1000 rounds"),
    )


@app.cell
def solution():
    page.answer(
        "None, with one coordinate as with two. At x = (1, 1, 1) every worker's largest coordinate points away from "
        "the solution, and so does their mean: a smaller step only diverges more slowly.",
        "With memory every coordinate is sent in the end, only later. The step must leave time for that.",
    )


if __name__ == "__main__":
    app.run()
