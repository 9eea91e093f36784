"""The report of a verification: one page that needs nothing else, pictures, and a certificate per verdict."""

from __future__ import annotations

import base64
import io
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common.door import checked
from .common.files import writable_directory, write_whole
from .common.jsonable import as_json
from .common.optional import needed
from .common.version import __version__
from .output import number

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
    "rejected below": "a bound this many times smaller would have been rejected by the same replicas",
}
"""What the columns about strength say."""

METERS = {
    "formula": "as the paper counts",
    "encoded": "length of the messages really encoded",
    "entropy": "entropy of their symbols",
}
"""What the meters of bits count."""

ARXIV = re.compile(r"arXiv:? ?(\d{4}\.\d{4,5})")

NARROW = 700
"""Pixels up to which a picture is one column wide."""

PARTS = ("jinja2", "latex2mathml", "matplotlib")
"""Packages that the page needs, and certificates do not."""


@checked
def write_report(
    verdicts: Sequence[Verdict],
    directory: str | Path,
    results: Sequence[ClaimResult] = (),
    executor: Executor | None = None,
    pictures: bool = True,
) -> Path:
    """Write ``report.html``, pictures within it, and for every verdict its certificate ``ID.json``.

    Every file appears whole or not at all.

    Parameters
    ----------
    verdicts, results
        Of theorems and of claims; the claims follow, with files of their own.
    directory
        Where the files are written.
    executor
        Draws several pictures at once; one of processes, since matplotlib is not thread-safe.
    pictures
        Whether there are any: they take longer than a quick verdict.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        If the directory cannot be written to, or a package that draws or writes pages is not installed.
    """
    from .validation.sweeps import map_pieces

    for package in PARTS:
        needed(package, "report.html")
    out = write_certificates(verdicts, directory, results)
    drawings = map_pieces(executor, partial(_drawings, pictures), verdicts)
    sections = [_section(v, *drawn, out) for v, drawn in zip(verdicts, drawings, strict=True)]
    drawn = map_pieces(executor, _claim_picture, results) if pictures else [None] * len(results)
    claims = [_claim_section(f, picture) for f, picture in zip(results, drawn, strict=True)]
    write_whole(out / PAGE, _page(verdicts, sections, results, claims))
    return out / PAGE


def write_certificates(verdicts: Sequence[Verdict], directory: str | Path, results: Sequence[ClaimResult] = ()) -> Path:
    """Write what `tersegrad replay` confirms, ``ID.json`` for every verdict and claim; return the directory."""
    out = writable_directory(directory)
    documents = {v.theorem: v.certificate() for v in verdicts} | {f.name: f.certificate() for f in results}
    for name, document in documents.items():
        write_whole(out / f"{name}.json", as_json(document) + "\n")
    return out


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


def controls_words(found: Verdict | ClaimResult) -> str:
    """How many of the wrong variants were rejected."""
    if not found.controls:
        return ""
    rejected, total = found.rejected, len(found.controls)
    return f"{rejected} of {total}{'' if rejected == total else ', weak'}"


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


def _drawings(pictures: bool, verdict: Verdict) -> tuple[bytes | None, Markup, str]:
    """The theorem's statement with its formulas; if they are wanted, the picture and the share of the frontier."""
    from .latex import to_html

    statement = to_html(verdict.statement)
    if not pictures:
        return None, statement, ""
    from .figures.verdict import draw
    from .theory import THEOREMS
    from .validation.exact.frontier import granted_words

    known = THEOREMS.get(verdict.theorem)
    return _drawn(draw, verdict, verdict.theorem), statement, granted_words(known.name, known.method) if known else ""


def _drawn(draw: Callable[[Any, Any], bool], result: Any, name: str) -> bytes | None:
    """The picture as WebP; None if there is nothing to draw, or if it cannot be drawn: no verdict is lost for that."""
    file = io.BytesIO()
    try:
        return file.getvalue() if draw(result, file) else None
    except Exception as trouble:
        print(f"{name}: no picture, because {type(trouble).__name__}: {trouble}", file=sys.stderr)
        return None


def _claim_picture(result: ClaimResult) -> bytes | None:
    from .figures.claim import draw

    return _drawn(draw, result, result.name)


def _section(verdict: Verdict, picture: bytes | None, statement: Markup, granted: str, out: Path) -> dict[str, Any]:
    """What the template shows of a verdict."""
    from .theory import THEOREMS
    from .theory.constants import Constants

    theorem = THEOREMS.get(verdict.theorem)
    needs = {"n", "dim", *theorem.requires, *theorem.bound_requires} if theorem else set(verdict.constants)

    def used(text: str) -> bool:
        """Whether a constant, or the one that a note begins with, is the theorem's."""
        name = text.partition(" ")[0]
        return name in needs or name not in verdict.constants

    meanings = {f.name: f.metadata.get("meaning", "") for f in fields(Constants)}
    found = verdict.strength
    name, file = _proof(verdict, out)
    return {
        "verdict": verdict,
        **_shown(verdict.theorem, verdict.verdict, picture),
        "describes": _described(verdict),
        "statement": statement,
        "granted": granted,
        "method": method_words(verdict),
        "strength": strength_cells(verdict),
        "tightness": found.word if found else "not measured",
        "values": [found.tightness, found.end_ratio, found.rounds_promised, found.rejects] if found else [None] * 4,
        "controls": controls_words(verdict),
        "missed": len(verdict.controls) - verdict.rejected,
        "rate": rate_words(verdict),
        "speedup": speedup_words(verdict),
        "setting": _setting(verdict),
        "constants": [
            (name, number(value), meanings.get(name, "")) for name, value in verdict.constants.items() if used(name)
        ],
        "parameters": [(name, number(value)) for name, value in verdict.parameters.items()],
        "meters": [
            (name, f"{getattr(verdict.bits, name):.6g}", meaning)
            for name, meaning in METERS.items()
            if verdict.bits is not None and getattr(verdict.bits, name) is not None
        ],
        "saved": saved_words(verdict),
        "predicted_speedup": _range(verdict.speedup.predicted_slope) if verdict.speedup else "",
        "notes": (
            *filter(used, verdict.notes),
            *(f"taken on your word: {sentence}" for sentence in verdict.on_your_word),
        ),
        "source": sourced(verdict.source),
        "provenance": PROVENANCE.get(verdict.provenance, verdict.provenance),
        "proof": name,
        "proof_file": file,
    }


def _claim_section(result: ClaimResult, picture: bytes | None) -> dict[str, Any]:
    """What the template shows of a claim."""
    from .latex import to_text

    found = result.measured
    panels = [f"{panel.y} over {panel.x}: {', '.join(c.label for c in panel.curves)}" for panel in found.panels]
    return {
        "result": result,
        **_shown(result.name, result.verdict, picture),
        "describes": to_text("; ".join(panels)),
        "margin": "" if found.margin is None else f"{found.margin:.3g}",
        "controls": controls_words(result),
        "source": sourced(result.claim.source),
        "rows": [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in found.rows],
        "numeric": [all(not isinstance(row[k], str) for row in found.rows) for k in range(len(found.columns))],
    }


def _shown(name: str, word: str, picture: bytes | None) -> dict[str, Any]:
    """What theorems and claims have in common: a paper, a word, a picture."""
    return {
        "paper": name.partition(".")[0],
        "kind": word.partition(",")[0].replace(" ", "-"),
        "picture": None if picture is None else base64.b64encode(picture).decode(),
        "shape": "wide" if picture is not None and _width(picture) > NARROW else "narrow",
    }


def _width(picture: bytes) -> int:
    """Width of a picture in pixels."""
    from PIL import Image

    return Image.open(io.BytesIO(picture)).width


def sourced(source: str) -> Markup:
    """A source whose arXiv number is a link."""
    from markupsafe import Markup, escape

    return Markup(ARXIV.sub(r'<a href="https://arxiv.org/abs/\1">arXiv \1</a>', str(escape(source))))


def _proof(verdict: Verdict, out: Path) -> tuple[str, str]:
    """The name of the file with the theorem's proof; where it is from the page, if it is on this machine."""
    from .theory import THEOREMS

    file = getattr(THEOREMS.get(verdict.theorem), "proof", None)
    if file is None:
        return "", ""
    name = f"docs/proofs/{file.name}"
    return name, Path(os.path.relpath(file, out)).as_posix() if file.exists() else ""


def _described(verdict: Verdict) -> str:
    """What the picture of a verdict shows, in words, for those who cannot see it."""
    series, parts = verdict.series, []
    if series is not None and len(series.rounds):
        mean, bound = (f"{a[0]:.3g} to {a[-1]:.3g}" for a in (series.mean, series.bound))
        rounds = f"{series.rounds[0]:.0f} to {series.rounds[-1]:.0f}"
        parts.append(f"over rounds {rounds} the measured mean goes from {mean}, the bound from {bound}")
    if verdict.speedup:
        n = verdict.speedup.workers
        parts.append(f"over {n[0]} to {n[-1]} workers the metric falls with slope {verdict.speedup.slope:.2f}")
    if verdict.rate and verdict.rate.points:
        x = verdict.rate.points.x
        parts.append(f"over runs of {x[0]} to {x[-1]} rounds it falls with slope {verdict.rate.fitted:.2f}")
    return f"{verdict.theorem}: {'; '.join(parts)}"


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
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    everything: list[Verdict | ClaimResult] = [*verdicts, *results]
    place = {v.theorem: k for k, v in enumerate(by_strength(verdicts))}
    ranked = sorted(sections, key=lambda s: place[s["verdict"].theorem])
    return environment.get_template("report.html.j2").render(
        sections=sections,
        ranked=ranked,
        strengths=STRENGTH,
        claims=claims,
        summary=summary_words(verdicts, results),
        tiles=_tiles(verdicts, results),
        attention=_attention(ranked, claims),
        filters=_filters(sections),
        seconds=sum(v.seconds for v in everything),
        alpha=f"{sum(v.alpha for v in everything):.2g}",
        versions={"tersegrad": __version__, "Python": platform.python_version(), **_versions(everything)},
    )


def summary_words(verdicts: Sequence[Verdict], results: Sequence[ClaimResult]) -> str:
    """How many theorems and claims have which word."""
    parts = []
    for name, found in (("theorem", verdicts), ("claim", results)):
        if found:
            words = ", ".join(f"{word}: {count}" for word, count in Counter(v.verdict for v in found).most_common())
            parts.append(f"{len(found)} {name}{'' if len(found) == 1 else 's'} ({words})")
    return ", ".join(parts)


def controls_summary(verdicts: Sequence[Verdict], results: Sequence[ClaimResult]) -> str:
    """How many wrong variants were rejected, in a sentence; empty if none was tried."""
    rejected, total = _controls(verdicts, results)
    return f"{rejected} of {total} wrong variants rejected" if total else ""


def _controls(verdicts: Sequence[Verdict], results: Sequence[ClaimResult]) -> tuple[int, int]:
    """Wrong variants rejected, and tried."""
    everything: list[Verdict | ClaimResult] = [*verdicts, *results]
    return sum(f.rejected for f in everything), sum(len(f.controls) for f in everything)


def _tiles(verdicts: Sequence[Verdict], results: Sequence[ClaimResult]) -> list[dict[str, Any]]:
    """The answers of the first screen: a figure, what it counts, and the parts of a bar by their colours."""

    def share(part: int, whole: int) -> str:
        return f"{part} of {whole}"

    def tile(title: str, figure: str, *parts: tuple[str, str, int]) -> dict[str, Any]:
        return {"title": title, "figure": figure, "parts": [part for part in parts if part[2]]}

    def verdict_parts(found: Sequence[Verdict | ClaimResult]) -> list[tuple[str, str, int]]:
        words = Counter(v.verdict for v in found).most_common()
        return [(word, word.partition(",")[0].replace(" ", "-"), count) for word, count in words]

    tiles = []
    if verdicts:
        tiles.append(
            tile(
                "bounds hold",
                share(sum(v.verdict == "holds" for v in verdicts), len(verdicts)),
                *verdict_parts(verdicts),
            )
        )
        words = Counter(map(method_words, verdicts))
        kinds = {"conforms": "holds", "differs": "violated", "not checked": "inconclusive"}
        parts = [(word, kinds[word], words[word]) for word in kinds]
        tiles.append(tile("runs are the method", share(words["conforms"], len(verdicts)), *parts))
        strengths = Counter(v.strength.word if v.strength else "not measured" for v in verdicts)
        order = ("tight", "moderate", "loose", "not measured")
        tiles.append(
            tile(
                "bounds are tight",
                share(strengths["tight"], len(verdicts)),
                *((w, w.replace(" ", "-"), strengths[w]) for w in order),
            )
        )
    rejected, total = _controls(verdicts, results)
    if total:
        parts = [("rejected", "holds", rejected), ("not rejected", "violated", total - rejected)]
        tiles.append(tile("wrong variants rejected", share(rejected, total), *parts))
    promised = [found.seen for v in verdicts for found in (v.rate, v.speedup) if found]
    if promised:
        parts = [("seen", "holds", sum(promised)), ("not seen", "inconclusive", len(promised) - sum(promised))]
        tiles.append(tile("rates and speedups seen", share(sum(promised), len(promised)), *parts))
    if results:
        tiles.append(
            tile(
                "claims hold", share(sum(f.verdict == "holds" for f in results), len(results)), *verdict_parts(results)
            )
        )
    return tiles


def _attention(ranked: list[dict[str, Any]], claims: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """What a reader should look at first: sentences with the ids that they are about."""
    loose = [s for s in reversed(ranked) if s["tightness"] == "loose"]
    return [
        (words, ids)
        for words, ids in (
            ("The run was found to be another method", [s["verdict"].theorem for s in ranked if s["verdict"].differs]),
            ("Does not hold", [s["verdict"].theorem for s in ranked if s["kind"] != "holds"]),
            ("Does not hold", [s["result"].name for s in claims if s["kind"] != "holds"]),
            ("Holds, but the rate or the speedup was not seen", [
                s["verdict"].theorem for s in ranked if s["kind"] == "holds" and s["verdict"].verdict != "holds"
            ]),
            ("Some wrong variant was not rejected", [s["verdict"].theorem for s in ranked if s["missed"]]),
            ("The loosest bounds", [s["verdict"].theorem for s in loose[:5]]),
        )
        if ids
    ]  # fmt: skip


def _filters(sections: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What the table can be narrowed to."""
    return {
        "paper": sorted({s["paper"] for s in sections}),
        "verdict": sorted({s["verdict"].verdict for s in sections}),
        "tightness": [
            w for w in ("tight", "moderate", "loose", "not measured") if w in {s["tightness"] for s in sections}
        ],
        "provenance": sorted({s["verdict"].provenance for s in sections}),
    }


def _versions(verdicts: Sequence[Verdict | ClaimResult]) -> dict[str, str]:
    return {name: text for v in verdicts for name, text in v.versions.items()}
