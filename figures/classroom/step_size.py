"""A step with a guarantee.

Constants in, step and rounds out: what the theorem of a method promises, beside a run.
"""

import marimo

app = marimo.App(width="full", app_title="A step with a guarantee", css_file="style.css")

with app.setup:
    import numpy as np

    import tersegrad as tg
    from tersegrad.figures.classroom import _page as page

    DIM, ROUNDS = 100, 1000
    METHODS = {
        "SGD": ("sgd.strongly-convex", None, None),
        "DIANA": ("diana.strongly-convex", "randk", None),
        "MARINA": ("marina.pl", "randk", None),
        "DORE": ("dore.strongly-convex", "randk", "randk"),
        "EF21": ("ef21.pl", "topk", None),
    }


@app.function
def spec(kappa):
    """The problem; its workers differ."""
    return f"quadratic:dim={DIM},mu={1 / kappa:g},L=1,heterogeneity=1"


@app.function
@page.kept
def promised(method, k, n, kappa, eps):
    """The guarantee of a method for an accuracy, and the command that gives it."""
    theorem, up, down = METHODS[method]
    links = {way: f"{link}:k={k}" for way, link in (("up", up), ("down", down)) if link}
    guarantee = tg.theorem(theorem).guarantee(tg.problem(spec(kappa), workers=n), eps=eps, **links)
    ways = "".join(f" --{way} {link}" for way, link in links.items())
    command = f"tersegrad step-size {theorem} \\\n  --problem {spec(kappa)} \\\n  --workers {n}{ways} --eps {eps:g}"
    return guarantee, command


@app.function
@page.kept
def measure(method, k, n, kappa, eps):
    """A run of the method with its step."""
    return tg.run(promised(method, k, n, kappa, eps)[0], tg.problem(spec(kappa), workers=n), rounds=ROUNDS)


@app.cell
def head():
    page.head(__file__, "Which method gets there in the fewest rounds? Which with the fewest bits?")


@app.cell
def make_reset():
    reset = page.reset()
    return (reset,)


@app.cell
def make_controls(reset):
    method = page.choice(reset, "method", tuple(METHODS), "DIANA")
    k = page.slider(reset, "coordinates sent, of 100", (1, 2, 5, 10, 20, 50), 10)
    n = page.slider(reset, "workers", (2, 5, 10, 20, 50), 10)
    kappa = page.slider(reset, "condition number L/μ", (2, 5, 10, 20, 50), 10)
    digits = page.slider(reset, "accuracy, in decimal places", (1, 2, 3, 4, 5, 6), 4)
    return digits, k, kappa, method, n


@app.cell
def show_controls(digits, k, kappa, method, n, reset):
    page.controls(method, k, n, kappa, digits, reset)


@app.cell
def look(digits, k, kappa, method, n):
    eps = 10.0**-digits.value
    setting = (k.value, n.value, kappa.value, eps)
    run = measure(method.value, *setting)
    all_promised = {name: promised(name, *setting) for name in METHODS}
    guarantee, command = all_promised[method.value]
    return all_promised, command, eps, guarantee, run


@app.cell
def picture(all_promised, command, eps, guarantee, method, run):
    rounds = np.unique(np.geomspace(1, 1e5, 200).round())
    page.panels(
        page.panel(
            "metric",
            "What the theorem bounds",
            page.Scale("rounds", (1, 10, 100, 1000, 1e4, 1e5)),
            page.Scale("", (1e-8, 1e-6, 1e-4, 1e-2, 1, 100)),
            page.Curve("run", "run", run.rounds, run.metric[0]),
            page.Curve("bound", "bound", rounds, guarantee.bound(rounds)),
            page.Curve("limit", "accuracy", (1, 1e5), (eps, eps)),
        ),
        page.table(
            "Promised",
            ("method", "rounds", "Mbit"),
            [(name, float(g.rounds_to(eps)), g.bits_to(eps) / 1e6) for name, (g, _) in all_promised.items()],
            method.value,
            command,
        ),
    )


@app.cell
def numbers(eps, guarantee):
    page.facts(
        ("gamma", guarantee.parameters["gamma"], "is the step γ"),
        ("rounds", guarantee.rounds_to(eps), "rounds, promised"),
        ("bits", guarantee.bits_to(eps) / 1e6, "Mbit a worker, both ways"),
    )


@app.cell
def solution():
    page.answer(
        "In rounds mostly SGD, which sends everything. DORE with long messages can pass it: its theorem allows a "
        "larger step.",
        "In bits DORE, for a high accuracy and messages that are not too short: it alone compresses both ways, and one "
        "way saves at most half. Compare 50 coordinates with 1.",
    )


if __name__ == "__main__":
    app.run()
