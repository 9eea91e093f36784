"""The exact frontier of stability.

Memory can cost stability, and it can gain it.
"""

import marimo

app = marimo.App(width="full", app_title="The exact frontier of stability", css_file="style.css")

with app.setup:
    import tersegrad as tg
    from tersegrad.figures.classroom import _page as page
    from tersegrad.figures.gallery.overview_frontier import formula
    from tersegrad.validation.exact.moments import Recursion

    ROUNDS, REPLICAS = 60, 100
    FINE = tuple(k / 20 for k in range(1, 21))
    PS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
    METHODS = {
        "no memory (QSGD)": ("qsgd", "qsgd.strongly-convex"),
        "error feedback (EF21)": ("ef21", "ef21.pl"),
        "differences (DIANA)": ("diana", "diana.strongly-convex"),
    }


@app.function
def link(method, p):
    """Entries kept with probability p: divided by it, but for error feedback."""
    return f"scaled:of=bernoulli/p={p}" if method == "ef21" else f"bernoulli:p={p}"


@app.function
@page.kept
def borders(n):
    """Over p, the largest step that is stable in the mean square, and the theorem's, both in units of 1/L."""
    constants = tg.Constants(n=n, dim=1, L=1, L_max=1, L_tilde=1, mu=0.1, pl=0.1, sigma_sq=0, zeta_star_sq=0)
    stable = {label: [formula(method, p, n) for p in FINE] for label, (method, _) in METHODS.items()}
    granted = {
        label: [tg.theorem(name).guarantee(constants, link(method, p)).parameters["gamma"] for p in FINE]
        for label, (method, name) in METHODS.items()
    }
    return stable, granted


@app.function
@page.kept
def measure(label, p, n, step):
    """Runs with a step, and what they are in expectation, exactly."""
    method, _ = METHODS[label]
    problem = tg.problem("quadratic:dim=1,mu=1,L=1", workers=n)
    parameters = {"gamma": step, **({"alpha": p} if method == "diana" else {})}
    runs = tg.simulate(method, problem, link(method, p), parameters=parameters, rounds=ROUNDS, replicas=REPLICAS)
    law = Recursion(
        tg.method(method), problem, tg.compressor(link(method, p)), tg.compressor("identity"), parameters=parameters
    )
    return runs, law.expected(["dist_sq"], [int(t) for t in runs.rounds])["dist_sq"]


@app.cell
def head():
    page.head(__file__, "Does memory need a smaller step than no memory, or does it allow a larger one?")


@app.cell
def make_reset():
    reset = page.reset()
    return (reset,)


@app.cell
def make_controls(reset):
    label = page.choice(reset, "method", tuple(METHODS), "error feedback (EF21)")
    p = page.slider(reset, "an entry is sent with probability", PS, 0.3)
    n = page.slider(reset, "workers", (1, 2, 5, 10, 20, 50), 10)
    part = page.slider(reset, "step, in units of the frontier", (0.1, 0.3, 0.5, 0.8, 0.9, 1.1, 1.25, 1.5, 2), 0.8)
    return label, n, p, part


@app.cell
def show_controls(label, n, p, part, reset):
    page.controls(label, p, n, part, reset)


@app.cell
def look(label, n, p, part):
    stable, granted = borders(n.value)
    frontier = stable[label.value][FINE.index(p.value)]
    runs, expected = measure(label.value, p.value, n.value, part.value * frontier)
    return expected, frontier, granted, runs, stable


@app.cell
def picture(expected, frontier, granted, label, p, part, runs, stable):
    kinds = dict(zip(METHODS, ("other", "run", "third"), strict=True))
    page.panels(
        page.panel(
            "steps",
            "Largest stable step γL",
            page.Scale("probability that an entry is sent", (0, 0.25, 0.5, 0.75, 1), log=False),
            page.Scale("", (0.01, 0.1, 1, 2, 10)),
            *(page.Curve(kind, name.split(" (")[0], FINE, stable[name]) for name, kind in kinds.items()),
            page.Curve("bound", "its theorem", FINE, granted[label.value]),
            page.Curve("here", "chosen", p.value, part.value * frontier),
        ),
        page.panel(
            "distance",
            "Distance² to the solution",
            page.Scale("rounds", (0, 20, 40, 60), log=False),
            page.Scale("", (1e-12, 1e-8, 1e-4, 1, 1e4, 1e8)),
            page.Curve("run", f"mean of {REPLICAS} runs", runs.rounds, runs.columns["dist_sq"].mean(axis=0)),
            page.Curve("reference", "expectation", runs.rounds, expected),
        ),
    )


@app.cell
def numbers(frontier, granted, label, p):
    page.facts(
        ("frontier", frontier, "is the largest stable γL"),
        ("granted", granted[label.value][FINE.index(p.value)], "is the γL of the theorem"),
        ("descent", "2", "is stable for gradient descent"),
    )


@app.cell
def solution():
    page.answer(
        "Both. With one worker memory has its price: error feedback and DIANA stay below the method without memory. "
        "With many "
        "workers error "
        "feedback is stable far beyond 2, where gradient descent is not: their memories pass on a smoothed gradient, "
        "which damps.",
        "Near the frontier the expectation is dominated by ever rarer runs: the mean of a hundred may fall while it "
        "grows.",
    )


if __name__ == "__main__":
    app.run()
