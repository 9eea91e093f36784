"""Is the statement what the code computes? Every LaTeX formula of a theorem, evaluated, against its object.

At random constants and compressors of the theorem's classes: the limits of the step and of the parameters, rho, the
coefficients of the metric, and the bound. A step that is too long, a term that is missing or a constant in the place of
another one is a difference, whichever of the two is wrong.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..common.errors import InputError
from ..theory import AbsoluteError, Constants, Contractive, Guarantee, Theorem, Unbiased
from ..theory.hypotheses import (
    COMPUTE_TIMES,
    EQUAL_WORKERS,
    EXACT,
    ONE_WORKER,
    QUADRATIC,
    SAME_HESSIAN,
    STRONGLY_CONVEX_SAMPLES,
    STRONGLY_CONVEX_WORKERS,
)  # fmt: skip
from .verdict import Verdict

TOKEN = re.compile(r"\\[A-Za-z]+|\\[{}]|\d+(?:\.\d+)?|[A-Za-z]|[-+^_{}(),]")
MATHEMATICS = re.compile(r"\$([^$]+)\$")
SPECIAL = re.compile(r"\bfor (\$[^$]*\$|[^$])*", re.IGNORECASE)
#: Relative difference of two evaluations of one formula that is still rounding.
ROUNDING = 1e-9
#: Random settings at which a statement is evaluated.
SETTINGS = 3
#: T of the bound that is evaluated.
ROUNDS = 37


class UnreadableError(ValueError):
    """A formula, or a symbol in it, that the evaluator does not know."""


class Formula:
    """A value from the LaTeX that the statements use: fractions, roots, powers, min, max and products."""

    def __init__(self, latex: str, symbols: Mapping[str, Any]) -> None:
        self.tokens, self.symbols = TOKEN.findall(latex), symbols
        if "".join(self.tokens) != latex.replace(" ", ""):
            raise UnreadableError(f"cannot evaluate {latex}")

    def value(self) -> float:
        """Evaluate."""
        try:
            result = self._sum()
        except (IndexError, KeyError, TypeError) as error:
            raise UnreadableError(f"cannot evaluate the symbol {error}") from None
        if self.tokens:
            raise UnreadableError(f"cannot evaluate {' '.join(self.tokens)}")
        return result

    def _take(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        if expected and token not in expected:
            raise UnreadableError(f"{token} where {' or '.join(expected)} is expected")
        return token

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def _sum(self) -> float:
        total = -self._product() if self._next() == "-" and self._take() else self._product()
        while self._next() in ("+", "-"):
            sign = 1 if self._take() == "+" else -1
            total += sign * self._product()
        return total

    def _product(self) -> float:
        total = self._power()
        while self._next() not in ("", "+", "-", "}", r"\}", ")", ","):
            total *= self._power()
        return total

    def _power(self) -> float:
        base = self._atom()
        while self._next() == "^":
            self._take()
            base **= self._group() if self._next() == "{" else self._atom()
        return base

    def _group(self) -> float:
        self._take("{")
        inside = self._sum()
        self._take("}")
        return inside

    def _atom(self) -> float:
        token = self._take()
        if token == r"\frac":
            top = self._group()
            return top / self._group()
        if token == r"\ln":
            return math.log(self._atom())
        if token == r"\sqrt":
            return math.sqrt(self._group())
        if token in (r"\tilde", r"\bar"):
            token += " " + self._take()
        if token in (r"\max", r"\min"):
            self._take(r"\{")
            entries = [self._sum()]
            while self._take(",", r"\}") == ",":
                entries.append(self._sum())
            return max(entries) if token == r"\max" else min(entries)
        if token == "(":
            inside = self._sum()
            self._take(")")
            return inside
        if token[0].isdigit():
            return float(token)
        if self._next() == "_":
            self._take()
            index = self._take()
            if index == "{":
                index += self._take()
                while index[-1] != "}":
                    index += self._take()
            token += "_" + index
        return self.symbols[token]


def suited(theorem: Theorem, constants: Constants) -> dict[str, Any]:
    """What must be changed in constants for a theorem's own hypotheses (equal workers, one worker, exactness)."""
    changes: dict[str, Any] = {}
    if EQUAL_WORKERS in theorem.assumes:
        changes |= {"zeta_sq": 0.0, "zeta_star_sq": 0.0}
    if ONE_WORKER in theorem.assumes:
        smooth = constants.L_max
        changes |= {"n": 1, "L": smooth, "L_tilde": smooth, "L_mean": smooth, "L_shared": smooth,
                    "mu": constants.mu_min, "zeta_sq": 0.0, "zeta_star_sq": 0.0,
                    "overlap": 1 if constants.overlap else None}  # fmt: skip
    if QUADRATIC in theorem.assumes:
        changes["quadratic"] = True
    if COMPUTE_TIMES in theorem.assumes and constants.n:
        changes["seconds"] = tuple(1.0 + 0.5 * i for i in range(constants.n))
    if SAME_HESSIAN in theorem.assumes:
        changes["same_hessian"] = True
    if EXACT in theorem.assumes:
        changes |= {"sigma_sq": 0.0, "sigma_star_sq": 0.0, "sigma_l1": 0.0}
    return changes | dict(theorem.probe.constants)


@dataclass(frozen=True)
class Setting:
    """Constants, compressors by their class (up, down), and the value of every symbol of the statements."""

    constants: Constants
    compressors: dict[type, tuple[Any, Any]]
    symbols: dict[str, Any]


def setting(theorem: Theorem, seed: int) -> Setting:
    """Draw a random setting that a theorem covers."""
    draw = random.Random(seed).uniform
    n, sigma_sq, zeta_sq = 7, draw(0.1, 2), draw(0.1, 2)
    zeta_star_sq = zeta_sq * draw(0, 1)
    L, L_max, L_sample = draw(1, 1.9), draw(2, 3), draw(3, 4)
    mu_min, mu, pl = draw(0.1, 0.2), draw(0.2, 0.3), draw(0.3, 0.4)
    gap0, dist0_sq, sigma_star_sq, G = draw(1, 5), draw(1, 5), draw(0.01, 0.1), draw(1, 3)
    constants = Constants(
        n=n, L=L, L_max=L_max, L_sample=L_sample, mu=mu, mu_min=mu_min, pl=pl, sigma_sq=sigma_sq,
        zeta_sq=zeta_sq, zeta_star_sq=zeta_star_sq, sigma_star_sq=sigma_star_sq, G=G, gap0=gap0,
        dist0_sq=dist0_sq, dim=30, overlap=draw(2, 6), tau=draw(3, 9), grad0_sq=draw(1, 3),
        gap_star=draw(0.5, 2), G_mean=draw(0.5, 0.9) * G, G_sq_mean=draw(0.5, 0.9) * G**2, G_l1=draw(2, 4) * G,
        L_tilde=draw(1.95, L_max), L_mean=draw(L, 1.95), L_shared=draw(4, 6), grad0_scaled=draw(1, 3),
        L_l1=draw(20, 30), sigma_l1=draw(1, 3), m=ROUNDS, mu_sample=draw(0.01, 0.05), reshuffled=True,
        L_i=tuple(draw(1, 3) for _ in range(n)), mu_i=tuple(draw(0.1, 0.9) for _ in range(n)),
    )  # fmt: skip
    constants = replace(constants, **suited(theorem, constants)).completed()
    compressors: dict[type, tuple[Any, Any]] = {
        Unbiased: (Unbiased(draw(1, 8)), Unbiased(draw(0.5, 4))),
        Contractive: (Contractive(draw(0.1, 0.9)), Contractive(1.0)),
        AbsoluteError: (AbsoluteError(draw(0.1, 1)), AbsoluteError(draw(0.1, 1))),
    }
    probe = theorem.probe
    if probe.up is not None and theorem.uplink is not None:
        compressors[theorem.uplink] = (probe.up, compressors[theorem.uplink][1])
    if probe.down is not None and theorem.downlink is not None:
        compressors[theorem.downlink] = (compressors[theorem.downlink][0], probe.down)
    (up, down), (eps_up, eps_down) = compressors[Unbiased], compressors[AbsoluteError]
    delta_up, delta_down = (promise.delta for promise in compressors[Contractive])
    delta, c = min(delta_up, delta_down), constants.known()
    symbols = {
        "n": c["n"], "d": c["dim"], "L": c["L"], r"\tilde L": c["L_tilde"], r"\bar L": c["L_mean"],
        r"\rho_L": c["L_shared"], "g_L": math.sqrt(c["grad0_scaled"]), r"L_{\max}": c["L_max"],
        "L_s": c["L_sample"], r"\mu": c["mu"], r"\mu_{PL}": c["pl"], r"\sigma": math.sqrt(c["sigma_sq"]),
        r"\sigma_\star": math.sqrt(c["sigma_star_sq"]), "G": c["G"], "G_1": c["G_l1"], "C_1": c["G_mean"],
        "C_2": c["G_sq_mean"], "L_1": c["L_l1"], r"\sigma_1": c["sigma_l1"], r"\zeta": math.sqrt(c["zeta_sq"]),
        r"\zeta_\star": math.sqrt(c["zeta_star_sq"]), r"\Delta": c["gap0"], "R_0": math.sqrt(c["dist0_sq"]),
        "s": c["overlap"], r"\tau": c["tau"], "a": 1 + up.omega, r"\Delta_\star": c["gap_star"],
        "g_0": math.sqrt(c["grad0_sq"]), r"\omega": up.omega, r"\omega_u": up.omega, r"\omega_d": down.omega,
        r"\delta": delta, "K_c": 2 * (2 - delta), r"\delta_u": delta_up, r"\delta_d": delta_down,
        r"\varepsilon": eps_up.eps + eps_down.eps, r"\varepsilon_u": eps_up.eps, r"\varepsilon_d": eps_down.eps,
    }  # fmt: skip
    return Setting(constants, compressors, symbols)


def difference(theorem: Theorem, seed: int = 0) -> str:
    """Where the statement and the code differ at a random setting, in a sentence; empty if they agree.

    Raises
    ------
    UnreadableError
        If a formula or a symbol is not known here; the theorem's ``probe`` may bring it.
    """
    where = setting(theorem, seed)
    up = where.compressors[theorem.uplink][0] if theorem.uplink else None
    down = where.compressors[theorem.downlink][1] if theorem.downlink else None
    rounds = ROUNDS if theorem.probe.tuned else None
    found = theorem.guarantee(where.constants, up, down, rounds, None, **theorem.probe.fixed)
    if not isinstance(found, Guarantee):
        raise UnreadableError(f"there is no guarantee where the statement is evaluated: {found.reason}")
    symbols = where.symbols | {
        "T": ROUNDS, "t": ROUNDS, "c": found.analysis.get("c", 0), "M": found.analysis.get("M", 0)
    }  # fmt: skip
    symbols |= {name if len(name) == 1 else "\\" + name: value for name, value in found.parameters.items()}
    symbols |= {name: value for name, value in found.analysis.items() if name not in symbols}
    if STRONGLY_CONVEX_SAMPLES in theorem.assumes:
        symbols[r"\mu"] = where.constants.mu_sample
    if STRONGLY_CONVEX_WORKERS in theorem.assumes:
        symbols |= {"L": where.constants.L_max, r"\mu": where.constants.mu_min}
    gamma, eta = found.intervals["gamma"], found.intervals.get("eta")
    code: dict[str, Any] = {
        r"\gamma_{\max}": gamma.high, r"\gamma_{\min}": gamma.low, r"\gamma_T": found.parameters["gamma"],
        r"\eta_{\max}": eta and eta.high, r"\rho": found.rate.contraction,
    } | found.analysis  # fmt: skip
    for symbol, value in theorem.probe.symbols.items():
        symbols[symbol] = value(found, symbols)
    for symbol, latex in theorem.definitions:
        symbols[symbol] = Formula(latex, symbols).value()
        if code.get(symbol) is not None and not _same(symbols[symbol], code[symbol]):
            return _sentence(symbol, symbols[symbol], code[symbol])
    for (latex, column), (traced, coefficient) in zip(theorem.measures, found.metric.terms, strict=True):
        stated = Formula(latex or "1", symbols).value()
        if column != traced or not _same(stated, coefficient):
            return _sentence(f"the coefficient of {column}", stated, coefficient)
    if aside := _asides(theorem, found, symbols):
        return aside
    if found.curve is None:
        return _order(theorem, found, up, down, symbols)
    stated, computed = Formula(theorem.bound_latex, symbols).value(), float(found.bound(ROUNDS))
    return "" if _same(stated, computed) else _sentence(f"the bound after {ROUNDS} rounds", stated, computed)


def _asides(theorem: Theorem, found: Guarantee, symbols: Mapping[str, Any]) -> str:
    """Where an equation or a chain of inequalities in the words around the bound is not so; those of numbers only.

    What is said of a special case ("for one worker ...") is left to `restated`.
    """
    for piece in MATHEMATICS.findall(f"{SPECIAL.sub('', theorem.setting)} ${theorem.conditions}$"):
        for chain in re.split(r",(?![^{(]*[})])", piece):
            parts = re.split(r"(\\leq?|\\geq?|<|>|=)", chain.replace(r"\ ", " "))
            values = [_readable(part, symbols) for part in parts[::2]]
            for k, relation in enumerate(parts[1::2]):
                left, right = values[k], values[k + 1]
                name = parts[2 * k].strip().lstrip("\\")
                ends = found.intervals.get({"lambda": "lam"}.get(name, name))
                if left is None or right is None:
                    continue
                if relation == "=" and not parts[2 * k + 2].strip().isdigit() and not _same(right, left):
                    return _sentence(name, right, left)
                if relation in ("<", r"\le", r"\leq") and ends is not None and not _same(right, ends.high):
                    return _sentence(f"the end of the interval of {name}", right, ends.high)
    return ""


def _readable(latex: str, symbols: Mapping[str, Any]) -> float | None:
    """The value of a formula, None if it is no number."""
    try:
        return Formula(latex.strip(), symbols).value()
    except (UnreadableError, ZeroDivisionError, ValueError, OverflowError):
        return None


def _order(theorem: Theorem, found: Guarantee, up: Any, down: Any, symbols: Mapping[str, Any]) -> str:
    """Where the formula of an order is not the one that stands in `restated`."""
    from . import restated

    if theorem.name not in restated.RESTATED:
        return ""
    stated = Formula(theorem.bound_latex.removeprefix("O(").removesuffix(")"), symbols).value()
    case = restated.Case("", found.constants, up, down)
    right = restated.evaluate(restated.RESTATED[theorem.name].bound, restated.symbols(found, case, ROUNDS))
    return "" if _same(stated, right) else _sentence("the order", stated, right)


def _same(stated: float, computed: float) -> bool:
    return math.isclose(stated, computed, rel_tol=ROUNDING, abs_tol=0.0)


def _sentence(what: str, stated: float, computed: float) -> str:
    name = re.sub(r"[\\{}]", "", what)
    return f"the statement and the code differ: {name} is {stated:.6g} as stated and {computed:.6g} as computed"


@dataclass(frozen=True)
class StatementCheck:
    """Whether the statement is what the code computes.

    Attributes
    ----------
    word
        "agrees", "differs", or "not checked".
    reason
        What differs, or why nothing was checked.
    """

    word: str
    reason: str = ""


def check_statement(name: str) -> StatementCheck:
    """Evaluate the statement of a registered theorem at random settings, and what `restated` knows of it."""
    from ..theory import theorem

    return _checked(theorem(name))


@cache
def _checked(subject: Theorem) -> StatementCheck:
    from .restated import contradiction

    try:
        for seed in range(SETTINGS):
            if found := difference(subject, seed):
                return StatementCheck("differs", found)
        if found := contradiction(subject):
            return StatementCheck("differs", found)
    except (UnreadableError, AttributeError, InputError) as reason:
        return StatementCheck("not checked", str(reason))
    return StatementCheck("agrees")


def with_statement(verdict: Verdict) -> Verdict:
    """Add to a verdict whether the theorem's statement is what the code computes; a difference is a violation."""
    found = check_statement(verdict.theorem)
    verdict = replace(verdict, statement_check=found)
    if found.word != "differs":
        return verdict
    return replace(verdict, verdict="violated", reason=found.reason)
