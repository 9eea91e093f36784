"""The price of compression.

Messages of few coordinates make a round cheap, but more rounds are needed.
"""

import marimo

app = marimo.App(width="full", app_title="The price of compression", css_file="style.css")

with app.setup:
    import tersegrad as tg
    from tersegrad.figures.classroom import _page as page

    DIM, ROUNDS, EPS = 100, 300, 1e-6
    KS = (1, 2, 5, 10, 20, 50, 100)


@app.function
@page.kept
def subject(n, kappa):
    """A problem with n workers that differ."""
    return tg.problem(f"quadratic:dim={DIM},mu={1 / kappa},L=1,heterogeneity=1", workers=n)


@app.function
@page.kept
def promise(k, n, kappa):
    """DIANA's guarantee with k of 100 coordinates, the bits of a message, and the rounds to EPS."""
    link = f"randk:k={k}" if k < DIM else "identity"
    guarantee = tg.theorem("diana.strongly-convex").guarantee(subject(n, kappa), link, eps=EPS)
    return guarantee, float(tg.compressor(link).formula_bits(DIM)), guarantee.rounds_to(EPS)


@app.function
@page.kept
def measure(k, n, kappa):
    """A run of it."""
    return tg.run(promise(k, n, kappa)[0], subject(n, kappa), rounds=ROUNDS)


@app.cell
def head():
    page.head(__file__, "How many coordinates are best? What changes with more workers?")


@app.cell
def make_reset():
    reset = page.reset()
    return (reset,)


@app.cell
def make_controls(reset):
    k = page.slider(reset, "coordinates sent, of 100", KS, 5)
    n = page.slider(reset, "workers", (2, 5, 10, 20, 50), 10)
    kappa = page.slider(reset, "condition number L/μ", (2, 5, 10, 20, 50), 10)
    return k, kappa, n


@app.cell
def show_controls(k, kappa, n, reset):
    page.controls(k, n, kappa, reset)


@app.cell
def look(k, kappa, n):
    setting = (n.value, kappa.value)
    run, dense = measure(k.value, *setting), measure(DIM, *setting)
    promised = {here: promise(here, *setting) for here in KS}
    message, rounds = ({here: each[place] for here, each in promised.items()} for place in (1, 2))
    spent = {here: message[here] * rounds[here] / (message[DIM] * rounds[DIM]) for here in KS}
    return dense, message, rounds, run, spent


@app.cell
def picture(dense, k, run, spent):
    page.panels(
        page.panel(
            "distance",
            "Distance² to the solution",
            page.Scale("rounds", (0, 100, 200, 300), log=False),
            page.Scale("", (1e-8, 1e-6, 1e-4, 1e-2, 1)),
            page.Curve("run", "compressed", run.rounds, run.columns["dist_sq"][0]),
            page.Curve("bound", "its bound", run.rounds, run.bound),
            page.Curve("other", "dense", dense.rounds, dense.columns["dist_sq"][0]),
        ),
        page.panel(
            "bits",
            "Bits to distance² 10⁻⁶, dense = 1",
            page.Scale("coordinates sent", KS),
            page.Scale("", (0.03, 0.1, 0.3, 1, 3)),
            page.Curve("bound", "promised", KS, [spent[here] for here in KS]),
            page.Curve("here", "chosen", k.value, spent[k.value]),
        ),
    )


@app.cell
def numbers(k, message, rounds, spent):
    page.facts(
        ("saved", message[DIM] / message[k.value], "times fewer bits a round"),
        ("slower", rounds[k.value] / rounds[DIM], "times more rounds"),
        ("spent", spent[k.value], "of the bits, in all"),
    )


@app.cell
def solution():
    page.answer(
        "A message of k coordinates adds noise, ω = 100/k − 1. The rounds grow like L/μ (1 + ω/n) + ω, the bits of a "
        "round shrink like 1/(1 + ω).",
        "With two workers the one cancels the other. With more, the noise averages out and fewer coordinates save "
        "bits, until ω passes n or L/μ: from there on the curve is flat, and fewer coordinates only cost rounds.",
    )


if __name__ == "__main__":
    app.run()
