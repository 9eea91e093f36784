"""The LaTeX statement of every theorem, evaluated as a formula, agrees with the code."""

import math
import random
import re
from dataclasses import replace

import pytest

from support.theorem_table import BOUNDS, peculiar, suited
from tersegrad.latex import PIECES
from tersegrad.theory import COLUMNS, THEOREMS, AbsoluteError, Constants, Contractive, Unbiased
from tersegrad.theory.hypotheses import STRONGLY_CONVEX_WORKERS

TOKEN = re.compile(r"\\[A-Za-z]+|\\[{}]|\d+(?:\.\d+)?|[A-Za-z]|[-+^_{}(),]")


class Formula:
    """A value from the LaTeX that the statements use: fractions, roots, powers, min, max and products."""

    def __init__(self, latex: str, symbols: dict[str, float]) -> None:
        self.tokens, self.symbols = TOKEN.findall(latex), symbols
        assert "".join(self.tokens) == latex.replace(" ", ""), f"unread LaTeX in {latex}"

    def value(self) -> float:
        result = self.sum()
        assert not self.tokens, self.tokens
        return result

    def take(self, *expected: str) -> str:
        token = self.tokens.pop(0)
        assert not expected or token in expected, (token, expected)
        return token

    def next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def sum(self) -> float:
        total = -self.product() if self.next() == "-" and self.take() else self.product()
        while self.next() in ("+", "-"):
            sign = 1 if self.take() == "+" else -1
            total += sign * self.product()
        return total

    def product(self) -> float:
        total = self.power()
        while self.next() not in ("", "+", "-", "}", r"\}", ")", ","):
            total *= self.power()
        return total

    def power(self) -> float:
        base = self.atom()
        while self.next() == "^":
            self.take()
            base **= self.group() if self.next() == "{" else self.atom()
        return base

    def group(self) -> float:
        self.take("{")
        inside = self.sum()
        self.take("}")
        return inside

    def atom(self) -> float:
        token = self.take()
        if token == r"\frac":
            top = self.group()
            return top / self.group()
        if token == r"\ln":
            return math.log(self.atom())
        if token == r"\sqrt":
            return math.sqrt(self.group())
        if token == r"\tilde":
            token += " " + self.take()
        if token in (r"\max", r"\min"):
            self.take(r"\{")
            entries = [self.sum()]
            while self.take(",", r"\}") == ",":
                entries.append(self.sum())
            return max(entries) if token == r"\max" else min(entries)
        if token == "(":
            inside = self.sum()
            self.take(")")
            return inside
        if token[0].isdigit():
            return float(token)
        if self.next() == "_":
            self.take()
            index = self.take()
            if index == "{":
                index += self.take()
                while index[-1] != "}":
                    index += self.take()
            token += "_" + index
        return self.symbols[token]


def test_the_evaluator_reads_latex():
    symbols = {"a": 2.0, r"\rho_{\max}": 3.0, "t": 2.0}
    value = Formula(r"-1+\frac{a^t}{2(1+\rho_{\max})}\max\{1, a-1,\sqrt{16}\}", symbols).value()
    assert value == -1 + 4 / 8 * 4


def setting(seed: int, theorem):
    """Random constants, compressors, and the value of every symbol of the statements."""
    draw = random.Random(seed).uniform
    n, sigma_sq, zeta_sq = 7, draw(0.1, 2), draw(0.1, 2)
    zeta_star_sq = zeta_sq * draw(0, 1)
    L, L_max, L_sample = draw(1, 2), draw(2, 3), draw(3, 4)
    mu_min, mu, pl = draw(0.1, 0.2), draw(0.2, 0.3), draw(0.3, 0.4)
    gap0, dist0_sq, sigma_star_sq, G = draw(1, 5), draw(1, 5), draw(0.01, 0.1), draw(1, 3)
    constants = Constants(
        n=n, L=L, L_max=L_max, L_sample=L_sample, mu=mu, mu_min=mu_min, pl=pl, sigma_sq=sigma_sq,
        zeta_sq=zeta_sq, zeta_star_sq=zeta_star_sq, sigma_star_sq=sigma_star_sq, G=G, gap0=gap0,
        dist0_sq=dist0_sq, L_tilde=draw(L, L_max), dim=30, overlap=draw(2, 6), tau=draw(3, 9), grad0_sq=draw(1, 3),
        gap_star=draw(0.5, 2), G_mean=draw(0.5, 0.9) * G, G_sq_mean=draw(0.5, 0.9) * G**2, G_l1=draw(2, 4) * G,
        L_l1=draw(20, 30), sigma_l1=draw(1, 3),
    )  # fmt: skip
    constants = replace(constants, **suited(theorem, constants)).completed()
    up, down = draw(1, 8), draw(0.5, 4)
    delta, eps_up, eps_down = draw(0.1, 0.9), draw(0.1, 1), draw(0.1, 1)
    compressors = {
        Unbiased: (Unbiased(up), Unbiased(down)),
        Contractive: (Contractive(delta), Contractive(1.0)),
        AbsoluteError: (AbsoluteError(eps_up), AbsoluteError(eps_down)),
    }
    more = peculiar(theorem.name)
    if more.up is not None:
        compressors[theorem.uplink] = (more.up, compressors[theorem.uplink][1])
    if more.down is not None:
        compressors[theorem.downlink] = (compressors[theorem.downlink][0], more.down)
    up = compressors[Unbiased][0].omega
    down = compressors[Unbiased][1].omega
    delta = min(promise.delta for promise in compressors[Contractive])
    c = constants
    symbols = {
        "n": c.n, "d": c.dim, "L": c.L, r"\tilde L": c.L_tilde, r"L_{\max}": c.L_max, "L_s": c.L_sample, r"\mu": c.mu,
        r"\mu_{PL}": c.pl, r"\sigma": math.sqrt(c.sigma_sq), r"\sigma_\star": math.sqrt(c.sigma_star_sq), "G": c.G,
        "G_1": c.G_l1, "C_1": c.G_mean, "C_2": c.G_sq_mean, "L_1": c.L_l1, r"\sigma_1": c.sigma_l1,
        r"\zeta": math.sqrt(c.zeta_sq), r"\zeta_\star": math.sqrt(c.zeta_star_sq),
        r"\Delta": c.gap0, "R_0": math.sqrt(c.dist0_sq), "s": c.overlap, r"\tau": c.tau, "a": 1 + up,
        r"\Delta_\star": c.gap_star, "g_0": math.sqrt(c.grad0_sq),
        r"\omega": up, r"\omega_u": up, r"\omega_d": down, r"\delta": delta, "K_c": 2 * (2 - delta),
        r"\delta_u": compressors[Contractive][0].delta, r"\delta_d": compressors[Contractive][1].delta,
        r"\varepsilon": eps_up + eps_down, r"\varepsilon_u": eps_up, r"\varepsilon_d": eps_down,
    }  # fmt: skip
    return constants, compressors, symbols


def agree(theorem, constants, compressors, symbols, rounds=37, **parameters):
    """Compare every formula of the statement with the code; return the names compared."""
    up = compressors[theorem.uplink][0] if theorem.uplink else None
    down = compressors[theorem.downlink][1] if theorem.downlink else None
    horizon = {"rounds": rounds} if peculiar(theorem.name).tuned else {}
    found = theorem.guarantee(constants, up, down, **horizon, **parameters)
    assert found, found.reason
    symbols = symbols | {
        "T": rounds,
        "t": rounds,
        "c": found.analysis.get("c", 0),
        "M": found.analysis.get("M", 0),
    }
    symbols |= {name if len(name) == 1 else "\\" + name: value for name, value in found.parameters.items()}
    symbols |= {name: value for name, value in found.analysis.items() if name not in symbols}
    if STRONGLY_CONVEX_WORKERS in theorem.assumes:
        symbols |= {"L": constants.L_max, r"\mu": constants.mu_min}
    gamma, eta = found.intervals["gamma"], found.intervals.get("eta")
    code = {
        r"\gamma_{\max}": gamma.high, r"\gamma_{\min}": gamma.low, r"\gamma_T": found.parameters["gamma"],
        r"\eta_{\max}": eta and eta.high, r"\rho": found.rate.contraction,
    } | found.analysis  # fmt: skip
    for symbol, value in peculiar(theorem.name).symbols.items():
        symbols[symbol] = value(found, symbols)
    for symbol, latex in theorem.definitions:
        symbols[symbol] = Formula(latex, symbols).value()
        if symbol in code:
            assert symbols[symbol] == pytest.approx(code[symbol], rel=1e-10), symbol
    for (latex, column), (traced, coefficient) in zip(theorem.measures, found.metric.terms, strict=True):
        assert column == traced
        assert Formula(latex or "1", symbols).value() == pytest.approx(coefficient, rel=1e-10)
    assert Formula(theorem.bound_latex, symbols).value() == pytest.approx(float(found.bound(rounds)), rel=1e-10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("id", BOUNDS)
def test_the_statement_is_what_the_code_computes(id, seed):
    theorem = THEOREMS[id]
    constants, compressors, symbols = setting(seed, theorem)
    agree(theorem, constants, compressors, symbols, **peculiar(id).fixed)


@pytest.mark.parametrize("id", BOUNDS)
def test_a_wrong_constant_in_the_statement_is_found(id):
    theorem = THEOREMS[id]
    constants, compressors, symbols = setting(1, theorem)
    changed = type("Changed", (type(theorem),), {"bound_latex": "2(" + theorem.bound_latex + ")"})()
    with pytest.raises(AssertionError):
        agree(changed, constants, compressors, symbols, **peculiar(id).fixed)


@pytest.mark.parametrize("id", THEOREMS)
def test_the_statement_is_whole(id):
    """What it defines it also uses, mathematics is between its signs, and a run records what is measured."""
    theorem = THEOREMS[id]
    text = PIECES.sub("", theorem.statement)
    assert not set(text) & set("\\$^_{}")
    for symbol, _ in theorem.definitions:
        assert theorem.statement.count(symbol) >= 2, symbol
    assert all(column in COLUMNS for _, column in theorem.measures)
