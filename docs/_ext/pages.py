"""Writes the pages of the reference from the objects: theorems, methods, compressors, claims, public names.

They are written into ``docs/reference`` before the sources are read, so that no page can differ from the code.
"""

from __future__ import annotations

import inspect
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from symbols import SYMBOLS, meanings
from verdicts import LATEST

import tersegrad as tg
from tersegrad.commands.catalogue import DECIDES
from tersegrad.common.house import ROOT, file_of, shown
from tersegrad.common.scan import modules
from tersegrad.report import ARXIV, METERS, PROVENANCE
from tersegrad.solvers import Method
from tersegrad.solvers import methods as folder_of_methods
from tersegrad.solvers.method import known_methods
from tersegrad.theory import COMPRESSORS, THEOREMS, Compressor, Theorem, compressor
from tersegrad.theory.compressors.registry import EXAMPLES
from tersegrad.theory.constants import Constants
from tersegrad.validation.certify import certify
from tersegrad.validation.claims import CLAIMS
from tersegrad.validation.claims.base import Claim
from tersegrad.validation.exact.frontier import granted_words
from tersegrad.validation.experiments import EXPERIMENTS

DOCS = ROOT / "docs"
OUT = DOCS / "reference"
MEANINGS = {f.name: str(f.metadata["meaning"]) for f in fields(Constants) if "meaning" in f.metadata}
DIMS = (100, 1000)
PAPERS = {
    "doublesqueeze": "DoubleSqueeze (Tang et al. 2019)",
    "dore": "DORE (Liu et al. 2020)",
    "liec": "LIEC-SGD (Cheng et al. 2024)",
    "khirirat": "Quantised gradients with delays (Khirirat et al. 2018)",
    "gmc": "GMC and GMC+ (Zhao et al. 2019)",
}
"""First part of a theorem's name -> heading; the five papers that stand first."""


# ------------------------------------------------------------------------------------------------ Markdown


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; empty without rows."""
    lines = [[*map(_cell, row)] for row in rows]
    if not lines:
        return ""
    titles = list(header)
    return "\n".join(f"| {' | '.join(row)} |" for row in [titles, ["---"] * len(titles), *lines]) + "\n"


def _cell(text: str) -> str:
    """Text without line breaks and without bars that would end a cell; within formulas a bar is ``\\vert``."""
    text = " ".join(text.split())
    if "$" not in text:
        return re.sub(r"(?<!\\)\|", r"\\|", text)
    return text.replace(r"\|", r"\Vert ").replace("|", r"\vert ")


def escaped(text: str) -> str:
    """Plain text whose stars, underscores, brackets and dollars mean themselves."""
    return re.sub(r"([*_<>\[\]$#\\|])", r"\\\1", text)


def sourced(text: str) -> str:
    """A source whose arXiv number is a link."""
    return ARXIV.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def code(text: str, language: str = "sh") -> str:
    """A fenced block."""
    return f"```{language}\n{text.strip(chr(10))}\n```\n"


def latex(statement: str) -> str:
    """A theorem's LaTeX in Markdown."""
    text = re.sub(r"\\textbf\{([^}]*)\}", r"**\1**", statement.replace("+ -", "- "))
    return re.sub(r"\\\[\s*(.*?)\s*\\\]", r"\n$$\n\1\n$$\n", text, flags=re.DOTALL) + "\n"


def documented(text: str) -> str:
    """A NumPy docstring: paragraphs and lists as they are, the section Parameters as a list."""
    body, _, rest = text.partition("\nParameters\n----------\n")
    parts = []
    for paragraph in re.split(r"\n\s*\n", body.strip()):
        lines = [re.sub(r"``([^`]*)``", r"`\1`", line) for line in paragraph.splitlines()]
        parts.append(sourced("\n".join(_prose(line) for line in lines)))
    section = re.split(r"\n(?=\w[\w ]*\n-+\n)", rest)[0]
    items = re.findall(r"^(\S[^\n]*)\n((?:    [^\n]*\n?)+)", section, re.MULTILINE)
    options = "\n".join(f"- `{name}`: {_prose(' '.join(words.split()))}" for name, words in items)
    return "\n\n".join([*parts, *(["## Options", options] if options else [])]) + "\n"


def _prose(line: str) -> str:
    """A line whose code stays code and whose other marks mean themselves."""
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(piece if piece.startswith("`") else escaped(piece) for piece in pieces)


# ------------------------------------------------------------------------------------------------ theorems


def theorem_page(t: Theorem) -> str:
    """Statement, symbols, hypotheses, step, proof, experiment, the latest verdict and tightness, commands."""
    needs = [[f"`{c}`", escaped(MEANINGS[c]), "step"] for c in t.requires]
    needs += [[f"`{c}`", escaped(MEANINGS[c]), "bound"] for c in t.bound_requires]
    hypotheses = [
        [escaped(h.name), latex(h.clause(t)).strip(), DECIDES[h.decided_by]] for h in t.hypotheses if h.clause(t)
    ]
    sides = {"workers": (t.uplink, t.uplink_or), "server": (t.downlink,)}
    messages = "; ".join(
        f"{side}: {' or '.join(f'`{kind.__name__}`' for kind in kinds if kind) or 'not compressed'}"
        for side, kinds in sides.items()
    )
    return "\n".join([
        f"# {t.name}\n",
        f"{escaped(t.title)}. Source: {sourced(escaped(t.source))}. Provenance: {PROVENANCE[t.provenance]}. Method: "
        f"[{t.method}](../methods/{t.method}.md).\n",
        "## Statement\n",
        latex(t.statement),
        "## Symbols\n",
        "Those that the statement defines itself are not repeated here.\n",
        table(["symbol", "meaning"], [[f"${symbol}$", words] for symbol, words in meanings(t)]),
        "## Hypotheses\n",
        table(["hypothesis", "in the statement", "decided by"], hypotheses),
        "What nothing in a request decides is taken on your word, and the answer says so: see "
        "[hypotheses](../../hypotheses.md).\n",
        "## Step\n",
        f"Parameters: {', '.join(f'`{p}`' for p in (*t.parameters, *t.analysis))}. Messages: {messages}. The constants "
        "that the step and, beyond it, the value of the bound need:\n",
        table(["constant", "meaning", "needed by"], needs),
        *_step(t),
        "## Proof\n",
        _proof(t),
        "## Experiment\n",
        *_experiment(t),
        "## Latest verdict\n",
        _theorem_verdict(t.name),
        code(f"{latest()[t.name]['command']}\ntersegrad show {t.name}", "text"),
    ])  # fmt: skip


def _step(t: Theorem) -> list[str]:
    """How to ask for the step, with every constant that the theorem needs."""
    constants = " ".join(f"{c}=..." for c in (*t.requires, *t.bound_requires))
    sides = ("" if t.uplink is None else " --up SPEC") + ("" if t.downlink is None else " --down SPEC")
    words = granted_words(t.name, t.method)
    stability = [f"{escaped(words[0].upper() + words[1:])}: see [exact moments](../../exact.md).\n"] if words else []
    return [*stability, code(f"tersegrad step-size {t.name}{sides} --set dim=... {constants}", "text")]


def _proof(t: Theorem) -> str:
    if t.proof is None:
        return f"In the source. Code: `{shown(t.file)}`.\n"
    title = t.proof.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
    return f"[{escaped(title)}](../../proofs/{t.proof.name}). Code: `{shown(t.file)}`.\n"


def _experiment(t: Theorem) -> list[str]:
    e = EXPERIMENTS[t.name]
    rows = [["problem", f"`{e.problem}`"], ["workers", f"{e.workers}"], ["uplink", f"`{e.up}`"]]
    rows += [["downlink", f"`{e.down}`"], ["rounds", f"{e.rounds}"], ["replicas at first", f"{e.replicas}"]]
    rows += [[f"`{name}`, fixed", f"{value:g}"] for name, value in e.choices.items()]
    rows += [["clock", f"`{e.clock}`"]] if e.clock else []
    return [table(["default experiment", ""], rows)]


@cache
def latest() -> dict[str, Any]:
    """The verdicts of full runs that are on record, by theorem or claim; `verdicts` enters them."""
    found: dict[str, Any] = json.loads(LATEST.read_text(encoding="utf-8"))
    return found


def _theorem_verdict(name: str) -> str:
    """Three words on a theorem, how tight it is, what was rejected, and when that was found."""
    found = latest()[name]
    strength = found["strength"]
    tight = "No bound, hence no tightness." if strength is None else (
        f"*{strength['word'].capitalize()}*: the largest known ratio of the measured mean to the bound is "
        f"{strength['tightness']:.3g}, at round {strength['at_round']} on {escaped(strength['instance'])}."
    )  # fmt: skip
    return f"{_verdict(found)} Is it the method: *{found['method']}*. {tight} {_rejected(found)} {_when(found)}\n"


def _words_on(name: str) -> tuple[str, str]:
    """Verdict and tightness in a table."""
    found = latest()[name]
    strength = found["strength"]
    return found["verdict"], "-" if strength is None else f"{strength['tightness']:.2g}, {strength['word']}"


def _claim_verdict(name: str) -> str:
    found = latest()[name]
    margin = "" if found["margin"] is None else f" Margin: {found['margin']:.3g}."
    return f"{_verdict(found)}{margin} {_rejected(found)} {_when(found)}\n"


def _verdict(found: dict[str, Any]) -> str:
    return f"**{found['verdict'].capitalize()}**: {escaped(found['reason'])}."


def _rejected(found: dict[str, Any]) -> str:
    rejected, tried = found["controls"]
    return f"{rejected} of {tried} wrong variants rejected." if tried else ""


def _when(found: dict[str, Any]) -> str:
    """Which run, and what its words mean."""
    return (
        f"Judged on {found['date']} with version {found['versions']['tersegrad']} by the command below; what the words "
        "say and what they do not: [verdicts](../../verdicts.md)."
    )


# ------------------------------------------------------------------------------------------------ methods


def method_page(m: Method) -> str:
    """What the method is, its pseudo-code, its kernels, its theorems."""
    about = [t.name for t in THEOREMS.values() if t.method == m.name]
    home = home_of(m)
    parts = [
        f"# {m.name}\n",
        f"{escaped(m.title)}. Source: {sourced(escaped(m.source))}.\n",
        f"Parameters: {', '.join(f'`{p}`' for p in m.parameters)}. "
        f"Server to workers: {'a second compressor' if m.two_way else 'not compressed'}. "
        f"Regulariser by its proximal map: {'yes' if m.prox else 'no'}. "
        f"Workers: {'asynchronous' if m.clock else 'synchronous'}.\n",
    ]
    if about:
        parts.append("Theorems: " + ", ".join(f"[{name}](../theorems/{name}.md)" for name in about) + ".\n")
    if m.transcription is not None:
        parts += [
            "## Pseudo-code\n",
            "The paper's algorithm in plain NumPy, one replica at a time. `given` holds the gradients, the compressors "
            "with their coins, and who reports when; rows of an array (n, d) belong to the workers. Runs of the engine "
            "are compared with it.\n",
            code(inspect.getsource(m.transcription), "python"),
        ]
    values = " ".join(f"{p}=..." for p in m.parameters)
    return "\n".join([
        *parts,
        "## Code\n",
        f"`{shown(home)}`: two channels and a local rule, compiled kernels of one fixed signature each.\n",
        code(_kernels(m, home), "python"),
        "## Run\n",
        code(
            f"tersegrad run {m.name} --problem quadratic --up SPEC{' --down SPEC' if m.two_way else ''} --set {values}",
            "text",
        ),
    ])  # fmt: skip


def home_of(m: Method) -> Path:
    """The file that defines a method: the one of its name, or the first that has it."""
    own = m.name.replace("-", "_")
    homes = [
        module
        for module in modules(folder_of_methods.__name__, folder_of_methods.__path__)
        if any(value is m for value in vars(module).values())
    ]
    found = next((module for module in homes if module.__name__.endswith(f".{own}")), homes[0])
    return Path(found.__file__ or "").resolve()


def _kernels(m: Method, home: Path) -> str:
    """The file without the transcriptions, which stand above."""
    text = home.read_text(encoding="utf-8")
    if m.transcription is not None and file_of(m.transcription) == home:
        text = text.replace(inspect.getsource(m.transcription), "")
    return re.sub(r"\n{3,}", "\n\n\n", text)


# ------------------------------------------------------------------------------------------------ compressors


def compressor_page(name: str) -> str:
    """What it does, its constants, its meters."""
    entry = COMPRESSORS[name]
    comp = compressor(EXAMPLES.get(name, name))
    wanted = f" with the options of `{comp.spec}`" if comp.spec != name else ""
    constants = [[f"{dim}", *_constants(comp, dim)] for dim in DIMS]
    meters = [[f"{dim}", *_meters(comp, dim)] for dim in DIMS]
    return "\n".join([
        f"# {name}\n",
        documented(inspect.getdoc(entry) or ""),
        "## Constants\n",
        f"The worst case over all vectors{wanted}. A dash: the compressor is of another class.\n",
        table(["$d$", r"$\omega$ (unbiased)", r"$\delta$ (contractive)", "absolute error"], constants),
        *_reasons(comp),
        "## Bits\n",
        "Of a message, per coordinate, for a Gaussian vector. "
        + " ".join(f"*{meter}*: {words}." for meter, words in METERS.items())
        + "\n",
        table(["$d$", *METERS], meters),
        "## Check\n",
        code(f"tersegrad certify {comp.spec} --dim 1000", "text"),
        f"Files: `{shown(file_of(entry))}`, `solvers/compressors/{file_of(entry).name}`.\n"
        if (ROOT / "solvers" / "compressors" / file_of(entry).name).exists()
        else f"File: `{shown(file_of(entry))}`.\n",
    ])  # fmt: skip


def _constants(comp: Compressor, dim: int) -> list[str]:
    unbiased, contractive, absolute = comp.unbiased(dim), comp.contractive(dim), comp.absolute(dim)
    return [
        "-" if unbiased is None else f"{unbiased.omega:.4g}",
        "-" if contractive is None else f"{contractive.delta:.4g}",
        "-" if absolute is None else f"{absolute.eps:.4g}",
    ]


def _reasons(comp: Compressor) -> list[str]:
    reasons = [("unbiased", comp.why_not_unbiased), ("contractive", comp.why_not_contractive)]
    return [f"Not {word}: {escaped(why)}.\n" for word, why in reasons if why]


def _meters(comp: Compressor, dim: int) -> list[str]:
    """The three meters of a message, per coordinate, as `certify` measures them."""
    bits = certify(comp, dim, budget=FEW).bits
    return [f"{bits[meter] / dim:.4g}" if math.isfinite(bits.get(meter, math.nan)) else "-" for meter in METERS]


FEW = 1e5
"""Budget of coordinates for the meters: they are means over a few messages whatever it is."""


# ------------------------------------------------------------------------------------------------ claims, API


def claim_page(c: Claim) -> str:
    """What is claimed, what decides, how to repeat it."""
    return "\n".join([
        f"# {c.name}\n",
        f"{escaped(c.title)}. Source: {sourced(escaped(c.source))}.\n",
        "## What is claimed, and what decides\n",
        escaped(c.text) + "\n",
        "How the rules read the papers: [claims](../../claims.md).\n",
        "## Latest verdict\n",
        _claim_verdict(c.name),
        code(latest()[c.name]["command"], "text"),
        f"Code: `{shown(file_of(c.measure))}`.\n",
    ])  # fmt: skip


def api_page() -> str:
    """The public names of the package, from their docstrings."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for name in tg.__all__:
        thing = getattr(tg, name)
        if inspect.isclass(thing):
            kinds["autoexception" if issubclass(thing, Exception) else "autoclass"].append(name)
        elif callable(thing):
            kinds["autofunction"].append(name)
    parts = ["# Python interface\n", "`import tersegrad as tg`; every name below is `tg.NAME`.\n"]
    for kind, heading in (("autofunction", "Functions"), ("autoclass", "Classes"), ("autoexception", "Errors")):
        parts.append(f"## {heading}\n")
        for name in kinds[kind]:
            options = "\n   :members:" if kind == "autoclass" else ""
            parts += [f"### {name}\n", code(f".. {kind}:: tersegrad.{name}{options}", "{eval-rst}")]
    return "\n".join(parts)


# ------------------------------------------------------------------------------------------------ indices


def _theorem_index() -> str:
    groups: dict[str, list[Theorem]] = {heading: [] for heading in [*PAPERS.values(), "The family"]}
    for t in sorted(THEOREMS.values(), key=lambda t: t.name):
        word = t.name.partition(".")[0].removesuffix("-plus")
        groups[PAPERS.get(word, "The family")].append(t)
    parts = [
        "# Theorems\n",
        "Every page is made from the object that computes the step and the bound. Verdict and tightness, the largest "
        "known ratio of measurement to bound, are those of the last full run, whose date is on the page.\n",
    ]
    for heading, members in groups.items():
        rows = [
            [f"[{t.name}](theorems/{t.name}.md)", escaped(t.title), t.provenance, *_words_on(t.name)] for t in members
        ]
        parts += [f"## {heading}\n", table(["theorem", "about", "provenance", "verdict", "tightness"], rows)]
    return "\n".join([*parts, _tree("theorems", THEOREMS)])


def _index(title: str, words: str, folder: str, header: list[str], rows: list[list[str]], names: Iterable[str]) -> str:
    return "\n".join([f"# {title}\n", f"{words}\n", table(header, rows), _tree(folder, names)])


def _tree(folder: str, names: Iterable[str]) -> str:
    return "```{toctree}\n:hidden:\n\n" + "\n".join(f"{folder}/{name}" for name in sorted(names)) + "\n```\n"


def _first_sentence(entry: Any) -> str:
    return escaped(" ".join(re.split(r"\n\s*\n|\. ", inspect.getdoc(entry) or "")[0].split()).rstrip("."))


def _symbol_table() -> str:
    """The part of the notation page that lists the letters; included there."""
    return table(["symbol", "meaning"], [[f"${symbol}$", words] for symbol, words in SYMBOLS.items()])


def _constant_table() -> str:
    """The constants by their names on the command line; included in the notation page."""
    return table(["constant", "meaning"], [[f"`{name}`", escaped(words)] for name, words in MEANINGS.items()])


def pages() -> dict[str, str]:
    """Every generated page by its path in ``docs/reference``."""
    methods = known_methods()
    linked = {name: f"[{name}](methods/{name}.md)" for name in methods}
    rows = {
        "methods": [[linked[m.name], escaped(m.title), sourced(escaped(m.source))] for m in methods.values()],
        "compressors": [[f"[{n}](compressors/{n}.md)", _first_sentence(e)] for n, e in COMPRESSORS.items()],
        "claims": [[f"[{c.name}](claims/{c.name}.md)", escaped(c.title)] for c in CLAIMS.values()],
    }
    return {
        "theorems.md": _theorem_index(),
        "methods.md": _index(
            "Methods", "Each is two channels and a local rule.", "methods", ["method", "name", "source"],
            sorted(rows["methods"]), methods,
        ),
        "compressors.md": _index(
            "Compressors", "Each has a kernel, a codec to real bytes, and exact constants.", "compressors",
            ["compressor", "what it does"], sorted(rows["compressors"]), COMPRESSORS,
        ),
        "claims.md": _index(
            "Claims", "What the papers claim beyond a bound, each with the measurement that decides.", "claims",
            ["claim", "about"], sorted(rows["claims"]), CLAIMS,
        ),
        "api.md": api_page(),
        "_symbols.md": _symbol_table(),
        "_constants.md": _constant_table(),
        **{f"theorems/{t.name}.md": theorem_page(t) for t in THEOREMS.values()},
        **{f"methods/{m.name}.md": method_page(m) for m in methods.values()},
        **{f"compressors/{name}.md": compressor_page(name) for name in COMPRESSORS},
        **{f"claims/{c.name}.md": claim_page(c) for c in CLAIMS.values()},
    }  # fmt: skip


def write(app: Sphinx) -> None:
    """Write what has changed and remove what is no more, so that a second build reads little."""
    found = {OUT / path: text for path, text in pages().items()}
    for path in OUT.rglob("*.md") if OUT.exists() else ():
        if path not in found:
            path.unlink()
    for path, text in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages before the sources are read."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
