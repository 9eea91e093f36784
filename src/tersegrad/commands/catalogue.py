"""``tersegrad list`` and ``tersegrad show``: what there is."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..common.errors import InputError, counted, nearest
from ..common.house import ROOT, file_of, files_of_tests, shown
from ..common.scan import modules
from ..common.specs import parse_spec
from ..output import aligned, number, print_json
from .options import json_option, module_option

if TYPE_CHECKING:
    from ..solvers import Method

DECIDES = {
    "constants": "the problem's constants",
    "compressor": "the compressor",
    "schedule": "the schedule",
    "method": "the method itself",
}
FEW = 6
"""How many test files `show` names."""


def theorems() -> list[dict[str, Any]]:
    """The theorems: id, title, method, provenance, source."""
    from ..theory import THEOREMS

    return [
        {"id": t.name, "title": t.title, "method": t.method, "provenance": t.provenance, "source": t.source}
        for t in THEOREMS.values()
    ]


def methods() -> list[dict[str, Any]]:
    """The methods: word, title, parameters, source."""
    from ..solvers.method import known_methods

    return [
        {"id": m.name, "title": m.title, "parameters": list(m.parameters), "source": m.source}
        for m in known_methods().values()
    ]


def claims() -> list[dict[str, Any]]:
    """The claims: id, title, source."""
    from ..validation.claims import CLAIMS

    return [{"id": c.name, "title": c.title, "source": c.source} for c in CLAIMS.values()]


def compressors() -> list[dict[str, Any]]:
    """The compressors: name, options, first line of what they do."""
    from ..theory import COMPRESSORS

    return [_entry(name, entry) for name, entry in COMPRESSORS.items()]


def problems() -> list[dict[str, Any]]:
    """The problems: name, options, first line of what they are."""
    from ..problems import PROBLEMS

    return [_entry(name, entry) for name, entry in PROBLEMS.items()]


def figures() -> list[dict[str, Any]]:
    """The figures that can be drawn: name, what they show."""
    from ..figures import FIGURES

    return [{"id": name, "title": drawing.title, "paper": drawing.paper} for name, drawing in FIGURES.items()]


def _entry(name: str, entry: Callable[..., Any]) -> dict[str, Any]:
    title = re.split(r"\n\s*\n|\. ", inspect.getdoc(entry) or "")[0]
    options = [key for key in inspect.signature(entry).parameters if key != "workers"]
    return {"id": name, "title": " ".join(title.split()).rstrip("."), "options": options}


LISTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "theorems": theorems,
    "claims": claims,
    "methods": methods,
    "compressors": compressors,
    "problems": problems,
    "figures": figures,
}


@click.command("list")
@click.argument("what", metavar="|".join(LISTS))
@module_option
@json_option
def list_things(what: str, as_json: bool) -> int:
    """List theorems, claims, methods, compressors, problems or figures."""
    if what not in LISTS:
        raise InputError(f"there is no list of '{what}'{nearest(what, LISTS)}; there are: {', '.join(LISTS)}")
    entries = LISTS[what]()
    if as_json:
        print_json(entries)
    elif what == "theorems":
        click.echo(aligned([[e["id"], e["provenance"], e["source"]] for e in entries], indent=""))
    elif what == "methods":
        click.echo(aligned([[e["id"], ", ".join(e["parameters"]), e["source"]] for e in entries], indent=""))
    else:
        click.echo(aligned([[e["id"], e.get("title", "")] for e in entries], indent=""))
    return 0


@click.command()
@click.argument("name", metavar="ID")
@click.option("--pseudocode", is_flag=True, help="Of a method (or a theorem's): the paper's algorithm in plain NumPy.")
@module_option
@click.option(
    "--certificate", is_flag=True, help="Of a theorem: the proof of its contraction as data, where it is kept."
)
def show(name: str, pseudocode: bool, certificate: bool) -> int:
    """Show a theorem, a claim, a method, a compressor or a problem; if a name means several of them, all."""
    from ..problems import PROBLEMS
    from ..solvers.method import known_methods
    from ..theory import COMPRESSORS, THEOREMS
    from ..validation.claims import CLAIMS

    word = parse_spec(name)[0]
    if pseudocode:
        click.echo(_pseudocode(word))
        return 0
    if certificate:
        click.echo(_certificate(word))
        return 0
    shows: list[tuple[Any, Callable[[str], str]]] = [
        (THEOREMS, _theorem),
        (CLAIMS, _claim),
        (known_methods(), _method),
        (COMPRESSORS, lambda key: _documented("compressor", key, COMPRESSORS[key])),
        (PROBLEMS, lambda key: _documented("problem", key, PROBLEMS[key])),
    ]
    pages = [page(word) for register, page in shows if word in register]
    if not pages:
        known = [key for register, _ in shows for key in register]
        raise InputError(
            f"there is nothing called '{name}'{nearest(word, known)}; "
            "see tersegrad list theorems|claims|methods|compressors|problems"
        )
    click.echo("\n\n".join(pages))
    return 0


def _theorem(name: str) -> str:
    from ..latex import to_text
    from ..theory import theorem
    from ..theory.constants import Constants
    from ..validation.exact.frontier import granted_words

    subject = theorem(name)
    meanings = {f.name: f.metadata["meaning"] for f in fields(Constants) if "meaning" in f.metadata}
    needs = [[c, meanings[c]] for c in (*subject.requires, *subject.bound_requires)]
    classes = {"uplink": (subject.uplink, subject.uplink_or), "downlink": (subject.downlink,)}
    sides = [
        [side, " or ".join(kind.__name__ for kind in kinds if kind) or "not compressed"]
        for side, kinds in classes.items()
    ]
    lines = [
        f"theorem {subject.name}",
        f"{subject.source} ({subject.provenance})",
        "",
        to_text(subject.statement),
        "",
        f"constants (those of the step: {', '.join(subject.requires)}; the bound needs all)",
        aligned(needs),
        "hypotheses, and what decides them",
        aligned([[h.name, DECIDES[h.decided_by]] for h in subject.hypotheses if h.clause(subject)]),
        "compressors",
        aligned(sides),
        f"parameters: {', '.join((*subject.parameters, *subject.analysis))}",
        f"method: {subject.method}",
    ]
    if words := granted_words(name, subject.method):
        lines.append(words)
    return "\n".join([*lines, *_experiment(name), *_whereabouts(name, [subject.file], subject.proof)])


def _experiment(name: str) -> list[str]:
    from ..validation.experiments import EXPERIMENTS

    if name not in EXPERIMENTS:
        return []
    e = EXPERIMENTS[name]
    choices = "".join(f", {key} = {number(value)}" for key, value in e.choices.items())
    return [
        f"default experiment: {e.problem}, {counted(e.workers, 'worker')}, up {e.up}, down {e.down}, "
        f"{counted(e.rounds, 'round')}, {counted(e.replicas, 'replica')}{choices}"
    ]


def _claim(name: str) -> str:
    from ..validation.claims import CLAIMS

    subject = CLAIMS[name]
    text = f"claim {subject.name}: {subject.title}\n{subject.source}\n\n{subject.text}"
    return "\n".join([text, *_whereabouts(name, [file_of(subject.measure)])])


def _method(word: str) -> str:
    from ..solvers.method import method
    from ..theory import THEOREMS

    m = method(word)
    about = [t.name for t in THEOREMS.values() if t.method == word]
    squeezed = m.two_way and any(e.down != "identity" for e in (m, m.special or m))
    lines = [
        f"method {m.name}: {m.title}",
        m.source,
        f"parameters: {', '.join(m.parameters)}",
        f"downlink: {'compressed' if squeezed else 'not compressed'}; proximal step: {'yes' if m.prox else 'no'}",
    ]
    lines += [f"theorems: {', '.join(about)}"] if about else []
    return "\n".join([*lines, *_whereabouts(word, [_home(m)])])


def _home(method: Method) -> Path:
    """The file that defines a method: of the toolkit's, the one of its name, or the first that has it."""
    from ..solvers import methods as folder

    own = method.name.replace("-", "_")
    homes = [m for m in modules(folder.__name__, folder.__path__) if any(v is method for v in vars(m).values())]
    if not homes:  # one of your own: where its pseudo-code is, or the function that it was made of
        code = method.transcription or method.everyone
        return file_of(getattr(getattr(code, "__self__", None), "function", code))
    found = next((m for m in homes if m.__name__.endswith(f".{own}")), homes[0])
    return Path(found.__file__ or "").resolve()


def _whereabouts(name: str, files: list[Path], proof: Path | None = None) -> list[str]:
    """Lines that say where something is written, proved and tested."""
    tests = files_of_tests(name, files[0].stem)
    more = f" and {len(tests) - FEW} more" if len(tests) > FEW else ""
    return [
        f"file: {', '.join(map(shown, files))}",
        *([f"proof: {shown(proof)}"] if proof else []),
        *([f"tests: {', '.join(map(shown, tests[:FEW]))}{more}"] if tests else []),
    ]


def _pseudocode(word: str) -> str:
    """Return the transcription of a method, or of the method that a theorem is about.

    Raises
    ------
    InputError
        If neither has this name.
    """
    from ..solvers.method import method
    from ..theory import THEOREMS

    m = method(THEOREMS[word].method if word in THEOREMS else word)
    if m.transcription is None:
        raise InputError(f"method '{m.name}' has no pseudo-code: see its file, tersegrad show {m.name}")
    about = "`given` holds gradients, compressors and their coins, see tersegrad.solvers.pseudocode"
    return f"# {m.title}: {m.source}\n# {about}\n\n{textwrap.dedent(inspect.getsource(m.transcription)).rstrip()}"


def _certificate(word: str) -> str:
    """Return the certificate of a theorem.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    from ..theory.certificates import CERTIFICATES

    if word not in CERTIFICATES:
        raise InputError(f"there is no certificate of '{word}'; there are: {', '.join(CERTIFICATES)}")
    return CERTIFICATES[word].text()


def _documented(kind: str, name: str, entry: Callable[..., Any]) -> str:
    options = {k: p.default for k, p in inspect.signature(entry).parameters.items() if k != "workers"}
    given = [k if default is inspect.Parameter.empty else f"{k}={default}" for k, default in options.items()]
    lines = [f"{kind} {name}", inspect.getdoc(entry) or "", *([f"options: {', '.join(given)}"] if given else [])]
    home = file_of(entry)
    kernel = ROOT / "solvers" / "compressors" / home.name
    files = [home, kernel] if kind == "compressor" and kernel.exists() else [home]
    return "\n".join([*lines, *_whereabouts(name, files)])
