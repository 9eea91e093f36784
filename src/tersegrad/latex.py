"""A theorem's LaTeX for people without LaTeX: as HTML with formulas in MathML, and as plain text for a terminal.

Browsers draw MathML themselves: no script, no font and no network is needed.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

PIECES = re.compile(r"\\\[(?P<display>.*?)\\\]|\$(?P<inline>.*?)\$|\\textbf\{(?P<bold>[^}]*)\}", re.DOTALL)

ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}(.*)", re.DOTALL)
SIZED = re.compile(r"\\[Bb]ig(?=\\(?:langle|rangle|[|{}]))")
"""Size commands that the converter knows before brackets, but not before these."""
LEFT_OVER = re.compile(r"&amp;|\\[A-Za-z|{}]")
"""What a formula contains that was not understood."""

SYMBOLS = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "Delta": "Δ",
    "varepsilon": "ε",
    "eta": "η",
    "theta": "θ",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "omega": "ω",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "zeta": "ζ",
    "nabla": "∇",
    "sum": "Σ",
    "le": "≤",
    "ge": "≥",
    "star": "*",
    "cdot": "·",
    "infty": "∞",
    "in": "∈",
    "max": "max",
    "min": "min",
    "to": "→",
    "|": "‖",
    "{": "{",
    "}": "}",
    ",": " ",
    ";": " ",
    "quad": "  ",
    "Big": "",
    "left": "",
    "right": "",
    "dots": "...",
    "ldots": "...",
    "times": "×",
    "approx": "≈",
    "ne": "≠",
    "log": "log",
    "exp": "exp",
    "langle": "⟨",
    "rangle": "⟩",
}
"""LaTeX command -> text."""

ACCENTS = {r"\hat": "\u0302", r"\tilde": "\u0303", r"\bar": "\u0304"}
"""LaTeX command -> combining character."""

RELATIONS = ("le", "ge", "in", "to", "ne", "approx", "}", "Big", "right", ",", ";", "quad", "cdot", "times")

TOKENS = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL)


def to_html(statement: str) -> Markup:
    """Return a statement as HTML: text with its formulas in MathML."""
    from markupsafe import Markup

    def written(piece: re.Match[str]) -> str:
        if piece["bold"] is not None:
            return f"<strong>{escape(piece['bold'])}</strong>"
        if piece["inline"] is not None:
            return mathml(piece["inline"])
        return f'<div class="formula" tabindex="0">{mathml(piece["display"], display=True)}</div>'

    parts, end = [], 0
    for piece in PIECES.finditer(statement):
        parts += [escape(statement[end : piece.start()]), written(piece)]
        end = piece.end()
    return Markup("".join([*parts, escape(statement[end:])]))


@cache
def mathml(latex: str, *, display: bool = False) -> str:
    """Return a formula as a ``math`` element; of `aligned` lines, each a row of a table.

    Raises
    ------
    ValueError
        If the converter leaves a part of it as it is.
    """
    from latex2mathml.converter import convert

    def cell(part: str) -> str:
        inside = re.sub(r"^<math[^>]*>|</math>$", "", convert(part.strip())) if part.strip() else ""
        return f"<mtd>{inside}</mtd>"

    latex = SIZED.sub("", latex.strip())
    found = ALIGNED.fullmatch(latex)
    if found is None:
        written = convert(latex, display="block" if display else "inline")
    else:
        rows = [re.split(r"(?<!\\)&", line) for line in re.split(r"\\\\(?![A-Za-z])", found[1])]
        cells = "".join(f"<mtr>{''.join(map(cell, row))}</mtr>" for row in rows)
        written = f'<math display="block"><mtable displaystyle="true" class="aligned">{cells}</mtable></math>'
    written = written.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")  # which a page in HTML has no use for
    if LEFT_OVER.search(written):
        raise ValueError(f"not understood: {latex}")
    return written


def to_text(statement: str) -> str:
    """Return a statement as plain text, its formulas with the symbols that Unicode has."""

    def replace(piece: re.Match[str]) -> str:
        if piece["bold"] is not None:
            return piece["bold"]
        if piece["inline"] is not None:
            return _linear(piece["inline"])
        return f"\n    {_linear(piece['display'].strip())}"

    return re.sub(r"\n\s*\n", "\n", PIECES.sub(replace, statement))


def _linear(latex: str) -> str:
    tokens = TOKENS.findall(latex)
    text = _sequence(tokens)
    return re.sub(r" +", " ", text).strip()


def _sequence(tokens: list[str]) -> str:
    """Translate tokens up to the end of the group; consumes them."""
    words: list[str] = []
    while tokens:
        token = tokens.pop(0)
        if token == "}":
            break
        word = _token(token, tokens)
        if token == r"\frac" and ((words and words[-1][-1:].isalnum()) or words[-1:] == ["²"] or _goes_on(tokens)):
            word = f"({word})"
        words.append(word)
    return "".join(words)


def _goes_on(tokens: list[str]) -> bool:
    """Whether the next token would read as a part of what stands before it."""
    return (
        bool(tokens)
        and (tokens[0].isalnum() or tokens[0] in "(|" or tokens[0][0] == "\\")
        and tokens[0][1:] not in RELATIONS
    )


def _token(token: str, tokens: list[str]) -> str:
    if token == "{":
        return _sequence(tokens)
    if token == r"\frac":
        above, below = _argument(tokens), _argument(tokens)
        return f"{_grouped(above)}/{_grouped(below, product=True)}"
    if token == r"\sqrt":
        return f"√({_argument(tokens)})"
    if token in ACCENTS:
        return _argument(tokens) + ACCENTS[token]
    if token == r"\mathbb":
        return _argument(tokens)
    if token in "_^":
        script = _argument(tokens)
        if token == "^" and script in ("*", "2"):
            return {"*": "*", "2": "²"}[script]
        return token + (script if script.isalnum() or script == "*" else f"({script})")
    if token.startswith("\\"):
        symbol = SYMBOLS.get(token[1:], token[1:])
        if len(symbol) == 1 and (symbol.isalpha() or symbol == "∇") and tokens[:1] == [" "] and _goes_on(tokens[1:]):
            tokens.pop(0)
        return symbol
    return token


def _argument(tokens: list[str]) -> str:
    while tokens and tokens[0] == " ":
        tokens.pop(0)
    return _token(tokens.pop(0), tokens) if tokens else ""


def _grouped(text: str, *, product: bool = False) -> str:
    """Parentheses around what would fall apart in a fraction."""
    apart = re.search(r"[-+ /]", re.sub(r"\([^()]*\)", "", text)) or (product and len(re.sub(r"_\w+|\W", "", text)) > 1)
    return f"({text})" if apart else text
