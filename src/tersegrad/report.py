"""The report of a verification: one page that needs nothing else, pictures, and a certificate per verdict."""

from __future__ import annotations

import base64
import io
import platform
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common.files import writable_directory, write_whole
from .common.jsonable import as_json
from .common.version import __version__
from .output import number
from .theory.constants import Constants

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from markupsafe import Markup

    from .validation import ClaimResult, Verdict

PAGE = "report.html"

PROVENANCE = {
    "published": "published: as the source states it",
    "restated": "restated: the paper's theorem, its constants re-derived in our proof",
    "ours": "ours: proved by this project",
    "order": "order: only the order of the rate is known",
}
"""What the one word says."""

STRENGTH = {
    "strength": "the largest known ratio of the measured mean to the bound, from round 10 on",
    "bound / measured": "at the end of the default run",
    "rounds": "promised and needed until half way down the bound, on a logarithmic axis",
    "rejected below": "a bound so many times smaller would have been rejected by the same replicas",
}
"""What the columns about strength say."""

METERS = {
    "formula": "as the paper counts",
    "encoded": "length of the messages really encoded",
    "entropy": "entropy of their symbols",
}
"""What the meters of bits count."""

NARROW = 1000
"""Pixels up to which a picture is one column wide."""

MEANINGS = {f.name: f.metadata.get("meaning", "") for f in fields(Constants)}


def write_report(
    verdicts: Sequence[Verdict],
    directory: str | Path,
    results: Sequence[ClaimResult] = (),
    executor: Executor | None = None,
) -> Path:
    """Write ``report.html``, and for every verdict ``THEOREM.json`` and, where something was measured, ``THEOREM.png``.

    Every file appears whole or not at all.

    Parameters
    ----------
    verdicts, results
        Of theorems and of claims; the claims follow, with files of their own.
    directory
        Where the files are written.
    executor
        Draws several pictures at once; one of processes, since matplotlib minds threads.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the directory cannot be written to.
    """
    from .validation.sweeps import map_pieces

    out = writable_directory(directory)
    sections, claims = [], []
    drawings = map_pieces(executor, _drawings, verdicts)
    for verdict, (picture, statement) in zip(verdicts, drawings, strict=True):
        _keep(out, verdict.theorem, verdict.certificate(), picture)
        sections.append(_section(verdict, picture, statement))
    for result, picture in zip(results, map_pieces(executor, _claim_picture, results), strict=True):
        _keep(out, result.name, result.certificate(), picture)
        claims.append(_claim_section(result, picture))
    write_whole(out / PAGE, _page(verdicts, sections, results, claims))
    return out / PAGE


def _keep(out: Path, name: str, certificate: dict[str, Any], picture: bytes | None) -> None:
    if picture is not None:
        write_whole(out / f"{name}.png", picture)
    write_whole(out / f"{name}.json", as_json(certificate) + "\n")


def by_strength(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, the tightest bounds first; those about which nothing was measured at the end."""
    return sorted(verdicts, key=lambda v: -v.strength.tightness if v.strength else 1.0)


def method_words(verdict: Verdict) -> str:
    """Whether what ran is the method, in a word."""
    return verdict.conformance.word if verdict.conformance else "not checked"


def strength_cells(verdict: Verdict) -> dict[str, str]:
    """How strong a verdict is: the cells of a table by the titles of their columns."""
    found = verdict.strength
    if found is None:
        return dict.fromkeys(STRENGTH, "")
    rounds = ""
    if found.rounds_promised is not None:
        needed = "never" if found.rounds_needed is None else str(found.rounds_needed)
        rounds = f"{found.rounds_promised} / {needed}"
    ends = "" if found.end_ratio is None else f"{found.end_ratio:.3g}"
    cells = (
        f"{found.word} {found.tightness:.2g}",
        ends,
        rounds,
        "" if found.rejects is None else f"{found.rejects:.3g}",
    )
    return dict(zip(STRENGTH, cells, strict=True))


def controls_words(verdict: Verdict) -> str:
    """How many of the wrong variants were rejected."""
    if not verdict.controls:
        return ""
    rejected = sum(c.rejected for c in verdict.controls)
    return f"{rejected} of {len(verdict.controls)}{'' if rejected == len(verdict.controls) else ', weak'}"


def rate_words(verdict: Verdict) -> str:
    """Fitted and predicted rate: contraction a round, or slope in T."""
    rate = verdict.rate
    if not rate:
        return ""
    return f"{_rate_number(rate.fitted)} / {_range(rate.predicted)}"


def speedup_words(verdict: Verdict) -> str:
    """Measured and predicted slope over the number of workers."""
    speedup = verdict.speedup
    return f"{speedup.slope:.2f} / {_range(speedup.predicted_slope)}" if speedup else ""


def saved_words(verdict: Verdict) -> str:
    """Bits saved against dense 32-bit vectors both ways, by the papers' formulas."""
    saved = verdict.bits.saved_vs_dense32_formula if verdict.bits else None
    return "" if saved is None else f"{100 * saved:.1f} %"


def _range(predicted: float | tuple[float, float]) -> str:
    ends = predicted if isinstance(predicted, tuple) else (predicted,)
    return " to ".join(dict.fromkeys(map(_rate_number, ends)))


def _rate_number(value: float) -> str:
    return f"{value:.2f}" if value < 0 else f"{value:.5g}"


def _drawings(verdict: Verdict) -> tuple[bytes | None, Markup]:
    """The picture of a verdict, and the theorem's statement with its formulas."""
    from .figures.verdict import draw
    from .latex import to_html

    return _drawn(draw, verdict, verdict.theorem), to_html(verdict.statement)


def _drawn(draw: Callable[[Any, Any], bool], result: Any, name: str) -> bytes | None:
    """The picture as PNG; None if there is nothing to draw, or if it cannot be drawn: no verdict is lost for that."""
    file = io.BytesIO()
    try:
        return file.getvalue() if draw(result, file) else None
    except Exception as trouble:
        print(f"{name}: no picture, because {type(trouble).__name__}: {trouble}", file=sys.stderr)
        return None


def _claim_picture(result: ClaimResult) -> bytes | None:
    from .figures.claim import draw

    return _drawn(draw, result, result.name)


def _width(png: bytes) -> int:
    """Width of a PNG in pixels, from its header."""
    return int.from_bytes(png[16:20])


def _section(verdict: Verdict, picture: bytes | None, statement: Markup) -> dict[str, Any]:
    """What the template shows of a verdict."""
    return {
        "verdict": verdict,
        "kind": verdict.verdict.partition(",")[0].replace(" ", "-"),
        "picture": None if picture is None else base64.b64encode(picture).decode(),
        "shape": "wide" if picture is not None and _width(picture) > NARROW else "narrow",
        "statement": statement,
        "method": method_words(verdict),
        "strength": strength_cells(verdict),
        "controls": controls_words(verdict),
        "rate": rate_words(verdict),
        "speedup": speedup_words(verdict),
        "saved": saved_words(verdict),
        "setting": _setting(verdict),
        "constants": [(name, number(value), MEANINGS.get(name, "")) for name, value in verdict.constants.items()],
        "parameters": [(name, number(value)) for name, value in verdict.parameters.items()],
        "meters": [
            (name, f"{getattr(verdict.bits, name):.6g}", meaning)
            for name, meaning in METERS.items()
            if verdict.bits is not None and getattr(verdict.bits, name) is not None
        ],
        "predicted_speedup": _range(verdict.speedup.predicted_slope) if verdict.speedup else "",
        "notes": (*verdict.notes, *(f"taken on your word: {sentence}" for sentence in verdict.on_your_word)),
        "provenance": PROVENANCE.get(verdict.provenance, verdict.provenance),
    }


def _claim_section(result: ClaimResult, picture: bytes | None) -> dict[str, Any]:
    """What the template shows of a claim."""
    found = result.measured
    return {
        "result": result,
        "kind": result.verdict.replace(" ", "-"),
        "picture": None if picture is None else base64.b64encode(picture).decode(),
        "shape": "wide" if picture is not None and _width(picture) > NARROW else "narrow",
        "margin": "" if found.margin is None else f"{found.margin:.3g}",
        "rows": [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in found.rows],
        "numeric": [all(not isinstance(row[k], str) for row in found.rows) for k in range(len(found.columns))],
    }


def _setting(verdict: Verdict) -> list[tuple[str, str]]:
    rows = [
        ("method", verdict.method),
        ("problem", verdict.problem),
        ("workers", str(verdict.workers)),
        ("uplink", verdict.up),
        ("downlink", verdict.down),
    ]
    if verdict.replicas:
        rows += [("rounds", str(verdict.rounds)), ("replicas", str(verdict.replicas))]
    return [*rows, ("seed", str(verdict.seed)), ("error probability", number(verdict.alpha))]


def _page(
    verdicts: Sequence[Verdict],
    sections: list[dict[str, Any]],
    results: Sequence[ClaimResult],
    claims: list[dict[str, Any]],
) -> str:
    from jinja2 import Environment, StrictUndefined

    text = resources.files(__package__).joinpath("templates/report.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    everything: list[Verdict | ClaimResult] = [*verdicts, *results]
    counts = Counter(v.verdict for v in everything)
    return environment.from_string(text).render(
        sections=sections,
        ranked=[s for v in by_strength(verdicts) for s in sections if s["verdict"] is v],
        strengths=STRENGTH,
        claims=claims,
        summary=", ".join(f"{word}: {count}" for word, count in counts.items()),
        seconds=sum(v.seconds for v in everything),
        alpha=f"{sum(v.alpha for v in verdicts):.2g}",
        versions={"tersegrad": __version__, "Python": platform.python_version(), **_versions(everything)},
    )


def _versions(verdicts: Sequence[Verdict | ClaimResult]) -> dict[str, str]:
    return {name: text for v in verdicts for name, text in v.versions.items()}
