"""A theorem's LaTeX for people without LaTeX: as HTML with drawn formulas, and as plain text for a terminal."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

SIZE = 200.0
"""Font size at which formulas are drawn, in units of the picture; one em on the page."""

PIECES = re.compile(r"\\\[(?P<display>.*?)\\\]|\$(?P<inline>.*?)\$|\\textbf\{(?P<bold>[^}]*)\}", re.DOTALL)

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

MATHTEXT = {r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq"}
"""LaTeX command -> the one that matplotlib's mathtext knows."""

RELATIONS = ("le", "ge", "in", "to", "ne", "approx", "}", "Big", "right", ",", ";", "quad", "cdot", "times")

TOKENS = re.compile(r"\\(?:[A-Za-z]+|.)|.", re.DOTALL)


def to_html(statement: str) -> Markup:
    """Return a statement as HTML: text with formulas as inline pictures in the text's own colour."""
    return Markup("").join(_pieces(statement))


def _pieces(statement: str) -> list[Markup]:
    pieces, end = [], 0
    for piece in PIECES.finditer(statement):
        pieces.append(Markup(escape(statement[end : piece.start()])))
        if piece["bold"] is not None:
            pieces.append(Markup(f"<strong>{escape(piece['bold'])}</strong>"))
        elif piece["inline"] is not None:
            pieces.append(formula(piece["inline"]))
        else:
            pieces.append(Markup(f'<div class="formula">{formula(piece["display"].strip(), display=True)}</div>'))
        end = piece.end()
    return [*pieces, Markup(escape(statement[end:]))]


@cache
def formula(latex: str, *, display: bool = False) -> Markup:
    """Draw one formula as an SVG that takes the colour and the size of the text around it.

    What matplotlib's mathtext cannot draw is shown as text.
    """
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    words = escape(to_text(f"${latex}$"))
    drawn = f"${_for_mathtext(latex, display)}$"
    try:
        with rc_context({"mathtext.fontset": "stix"}):
            font = FontProperties(size=SIZE)
            corners, codes = text_to_path.get_text_path(font, drawn, ismath=True)
            scale = SIZE / text_to_path.FONT_SCALE
            _, height, descent = text_to_path.get_text_width_height_descent(drawn, font, ismath=True)
    except ValueError:
        return Markup(f"<code>{words}</code>")
    corners = scale * np.asarray(corners)
    width = float(corners[:, 0].max(initial=0.0))  # the advance of an operator such as max would leave a gap
    pad = 0.06 * SIZE
    box = f"{-pad:.0f} {-(height - descent) - pad:.0f} {width + 2 * pad:.0f} {height + 2 * pad:.0f}"
    style = (
        f"width:{(width + 2 * pad) / SIZE:.3f}em;height:{(height + 2 * pad) / SIZE:.3f}em;"
        f"vertical-align:{-(descent + pad) / SIZE:.3f}em"
    )
    path = _path(corners, codes)
    return Markup(f'<svg role="img" aria-label="{words}" viewBox="{box}" style="{style}"><path d="{path}"/></svg>')


def _path(corners: NDArray[np.float64], codes: Any) -> str:
    """Path data; SVG counts y downwards."""
    from matplotlib.path import Path

    letters = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
    words = []
    for points, code in Path(corners, codes).iter_segments(simplify=False, curves=True):
        if code == Path.CLOSEPOLY:
            words.append("Z")
        else:
            words.append(letters[code] + " ".join(f"{p if k % 2 == 0 else -p:.0f}" for k, p in enumerate(points)))
    return "".join(words)


def _for_mathtext(latex: str, display: bool) -> str:
    """The same formula in the commands that mathtext has; on display, outermost fractions large, braces to match."""
    renamed = dict(MATHTEXT)
    if display:
        renamed |= {r"\{": r"\left\{", r"\}": r"\right\}"}
    depth, words = 0, []
    for token in TOKENS.findall(latex):
        depth += (token == "{") - (token == "}")
        words.append(r"\dfrac" if display and token == r"\frac" and depth == 0 else renamed.get(token, token))
    return "".join(words).replace(r"\Big[", r"\left[").replace(r"\Big]", r"\right]")


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
