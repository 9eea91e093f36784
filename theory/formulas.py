"""The formula that a short function returns, as it stands in its file and in LaTeX; empty where it cannot be read."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from typing import Any

SYMBOLS = {
    "n": "n", "dim": "d", "m": "m", "L": "L", "L_tilde": r"\tilde L", "L_mean": r"\bar L", "L_shared": r"\rho_L",
    "L_max": r"L_{\max}", "L_sample": "L_s", "L_l1": "L_1", "mu": r"\mu", "mu_min": r"\mu_{\min}", "pl": r"\mu_{PL}",
    "sigma_sq": r"\sigma^2", "sigma_star_sq": r"\sigma_\star^2", "sigma_l1": r"\sigma_1", "zeta_sq": r"\zeta^2",
    "zeta_star_sq": r"\zeta_\star^2", "G": "G", "G_mean": "C_1", "G_sq_mean": "C_2", "G_l1": "G_1", "gap0": r"\Delta",
    "dist0_sq": "R_0^2", "gap_star": r"\Delta_\star", "grad0_sq": "g_0^2", "grad0_scaled": "g_L^2", "overlap": "s",
    "tau": r"\tau",
}  # fmt: skip
"""Constants as the statements write them (docs/notation.md)."""
PROMISES = {
    ("up", "omega"): r"\omega", ("down", "omega"): r"\omega_d", ("up", "delta"): r"\delta_u",
    ("down", "delta"): r"\delta_d", ("up", "eps"): r"\varepsilon_u", ("down", "eps"): r"\varepsilon_d",
}  # fmt: skip
FUNCTIONS = {"sqrt": r"\sqrt{%s}", "exp": "e^{%s}", "log": r"\ln(%s)", "min": r"\min\{%s\}", "max": r"\max\{%s\}"}
#: How strongly a formula holds together: a factor that is a sum takes brackets.
SUM, PRODUCT, POWER, ATOM = range(4)


def symbol(parameter: str) -> str:
    """A parameter in LaTeX."""
    return parameter if len(parameter) == 1 else {"lam": r"\lambda"}.get(parameter, "\\" + parameter)


def formula_of(function: Callable[..., Any]) -> str:
    """What the function returns, as its file has it."""
    body = _body(function)
    return "" if body is None else ast.unparse(body)


def latex_of(function: Callable[..., Any], rounds: str = "t") -> str:
    """What the function returns, in LaTeX; `rounds` is the letter of its argument t."""
    body = _body(function)
    try:
        return "" if body is None else _latex(body, rounds)[0]
    except LookupError:
        return ""


def _body(function: Callable[..., Any]) -> ast.expr | None:
    """The expression that a lambda is, or that a function of one statement returns."""
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return None
    names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            body: ast.expr | None = node.body
        elif isinstance(node, ast.FunctionDef) and node.lineno == code.co_firstlineno:
            body = node.body[-1].value if len(node.body) == 1 and isinstance(node.body[-1], ast.Return) else None
        else:
            continue
        arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        if body is not None and arguments == names and _spans(body, code):
            found.append(body)
    return found[0] if len(found) == 1 else None


def _spans(body: ast.expr, code: Any) -> bool:
    """Whether the instructions of the code come from this expression."""
    places = [(line, column) for line, _, column, _ in code.co_positions() if line and column]
    first, last = (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
    return any(first <= place <= last for place in places)


def _latex(node: ast.expr, rounds: str) -> tuple[str, int]:
    """The formula, and how strongly it holds together.

    Raises
    ------
    LookupError
        For what no formula of the statements has.
    """

    def part(inner: ast.expr, least: int) -> str:
        text, strength = _latex(inner, rounds)
        return text if strength >= least else f"({text})"

    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool) and "e" not in f"{number!r}":
            return f"{number!r}", ATOM
        case ast.Attribute(value=ast.Name(id="c"), attr=name):
            return SYMBOLS[name], POWER if SYMBOLS[name].endswith("^2") else ATOM
        case ast.Attribute(value=ast.Name(id="up" | "down" as side), attr=name):
            return PROMISES[side, name], ATOM
        case ast.Name(id="t"):
            return rounds, ATOM
        case ast.Name(id=name) | ast.Subscript(value=ast.Name(id="p"), slice=ast.Constant(value=str(name))):
            return symbol(name), ATOM
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return f"-{part(inner, PRODUCT)}", SUM
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return f"{part(left, SUM)} + {part(right, SUM)}", SUM
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return f"{part(left, SUM)} - {part(right, PRODUCT)}", SUM
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return f"{part(left, PRODUCT)} {part(right, PRODUCT)}", PRODUCT
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return rf"\frac{{{part(left, SUM)}}}{{{part(right, SUM)}}}", PRODUCT
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"{part(left, ATOM)}^{{{part(right, SUM)}}}", POWER
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[*inner], keywords=[]):
            return FUNCTIONS[name] % ", ".join(part(one, SUM) for one in inner), ATOM
    raise LookupError(ast.dump(node))
