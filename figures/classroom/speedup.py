"""Linear speedup, and where it ends.

Twice the workers, half the variance of the noise; what compression loses stays.
"""

import marimo

app = marimo.App(width="full", app_title="Linear speedup, and where it ends", css_file="style.css")

with app.setup:
    import tersegrad as tg
    from tersegrad.figures.classroom import _page as page

    WORKERS = (1, 2, 4, 8, 16)
    LEVELS = (0.003, 0.01, 0.03, 0.1, 0.3)


@app.function
@page.kept
def subject(n, sigma_sq):
    """Robust regression, the same rows at every worker, with noise."""
    return tg.problem(f"robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq={sigma_sq}", workers=n)


@app.function
@page.kept
def measure(rounds, level, sigma_sq):
    """DoubleSqueeze over n, each time with the step for it; and up to which n linear speedup is promised."""
    link, name = f"threshold:level={level}", "doublesqueeze.nonconvex-tuned"
    found = tg.speedup(name, lambda n: subject(n, sigma_sq), WORKERS, rounds=rounds, up=link, down=link, replicas=16)
    guarantee = tg.theorem(name).guarantee(subject(WORKERS[-1], sigma_sq), link, link, rounds)
    return found, guarantee.rate.speedup_until


@app.cell
def head():
    page.head(__file__, "Up to how many workers does doubling their number pay off? What moves this limit?")


@app.cell
def make_reset():
    reset = page.reset()
    return (reset,)


@app.cell
def make_controls(reset):
    rounds = page.slider(reset, "rounds T", (40, 80, 160, 320), 160)
    level = page.slider(reset, "threshold of a message", LEVELS, 0.03)
    sigma_sq = page.slider(reset, "noise of a gradient, σ²", (0.1, 0.3, 1, 3, 10), 1)
    return level, rounds, sigma_sq


@app.cell
def show_controls(level, reset, rounds, sigma_sq):
    page.controls(rounds, level, sigma_sq, reset)


@app.cell
def look(level, rounds, sigma_sq):
    found, until = measure(rounds.value, level.value, sigma_sq.value)
    return found, until


@app.cell
def picture(found, until):
    ends = [page.Curve("limit", "promised until", (until, until), (1e-3, 10))] if until else []
    ideal = found.workers**-found.ideal
    page.panels(
        page.panel(
            "error",
            "Mean squared gradient after T rounds",
            page.Scale("workers", WORKERS),
            page.Scale("", (1e-3, 1e-2, 0.1, 1, 10)),
            page.Curve("run", "measured", found.workers, found.mean),
            page.Curve("bound", "bound", found.workers, found.bound),
            page.Curve("reference", "linear speedup", found.workers, found.mean[0] / ideal),
            *ends,
        ),
        page.panel(
            "gain",
            "How many times smaller than with one worker",
            page.Scale("workers", WORKERS),
            page.Scale("", (1, 2, 4, 8)),
            page.Curve("run", "measured", found.workers, found.mean[0] / found.mean),
            page.Curve("bound", "bound", found.workers, found.bound[0] / found.bound),
            page.Curve("reference", "linear speedup", found.workers, ideal),
        ),
    )


@app.cell
def numbers(found, until):
    promised = until is not None and until >= 2
    page.facts(
        ("until", until, "workers: up to here it is promised") if promised else ("until", "no", "speedup is promised"),
        ("gained", found.mean[0] / found.mean[-1], f"times smaller with {WORKERS[-1]} workers"),
        ("ideal", float(found.workers[-1] ** -found.ideal), "times, if the speedup were linear"),
    )


@app.cell
def solution():
    page.answer(
        "The noise costs σ/√(nT): n workers need n times fewer rounds. What the threshold holds back, and the way to "
        "the solution, cost the same for any n: once nothing else is left, more workers do not help.",
        "More rounds or more noise move the limit to the right, a larger threshold to the left.",
    )


if __name__ == "__main__":
    app.run()
