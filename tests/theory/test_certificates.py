"""Certificates in exact arithmetic: their identities are polynomial identities, their weights positive."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy

from tersegrad.theory import Constants, Contractive, theorem
from tersegrad.theory.certificates import CERTIFICATES

IDENTITIES = [
    pytest.param(c, one, id=f"{c.theorem}-{one.about}") for c in CERTIFICATES.values() for one in c.identities
]
POINTS = [
    (Fraction(z), Fraction(s))
    for z in ("1/10", "1/2", "3/4", "9/10", "99/100", "999/1000")
    for s in ("1/1000", "1/100", "1/5", "1/2", "4/5", "97/100")
    if Fraction(s) < Fraction(z) ** 2
]
Z, S = sympy.symbols("z s", positive=True)


def read(text, known):
    return sympy.sympify(text, locals=known)


def parameters(certificate, z=Z, s=S):
    known = {"z": sympy.sympify(z), "s": sympy.sympify(s)}
    for name, value in certificate.parameters.items():
        known[name] = read(value, known)
    return known


def rest(certificate, identity):
    """left + multiplier slack + sum of squares: zero, if it is an identity; the letters stay symbols."""
    known = parameters(certificate)
    total = read(identity.left, known) + read(identity.multiplier, known) * read(identity.slack, known)
    for weight, combination in identity.squares:
        total += read(weight, known) * read(combination, known) ** 2
    return sympy.cancel(sympy.together(total))


@pytest.mark.parametrize(("certificate", "identity"), IDENTITIES)
def test_the_identity_is_one_of_rational_functions(certificate, identity):
    assert rest(certificate, identity) == 0


@pytest.mark.parametrize(("certificate", "identity"), IDENTITIES)
def test_a_wrong_number_in_it_is_found(certificate, identity):
    weight, combination = identity.squares[0]
    wrong = [
        replace(identity, multiplier=f"2*({identity.multiplier})"),
        replace(identity, squares=((f"({weight})*101/100", combination), *identity.squares[1:])),
        replace(identity, left=f"({identity.left})*(1 + s)"),
    ]
    assert all(rest(certificate, one) != 0 for one in wrong)


@pytest.mark.parametrize(("certificate", "identity"), IDENTITIES)
def test_multipliers_and_weights_are_positive_rationals(certificate, identity):
    assert len(POINTS) > 20
    for z, s in POINTS:
        known = parameters(certificate, sympy.Rational(z), sympy.Rational(s))
        for text in (identity.multiplier, *(weight for weight, _ in identity.squares)):
            value = read(text, known)
            assert value.is_Rational
            assert value > 0, (z, s, text)


@pytest.mark.parametrize("name", CERTIFICATES)
@pytest.mark.parametrize(("z", "s"), POINTS[::4])
def test_its_step_and_rate_are_the_theorems(name, z, s):
    known = parameters(CERTIFICATES[name], sympy.Rational(z), sympy.Rational(s))
    L, mu = float(known["L"]), float(known["mu"])
    constants = Constants(n=7, L_max=L, mu=mu, mu_min=mu, zeta_star_sq=0.0, dist0_sq=1.0, grad0_sq=1.0, sigma_sq=0.0)
    found = theorem(name).guarantee(constants, Contractive(1 - float(s) ** 2))
    assert found.parameters["gamma"] == pytest.approx(float(known["gamma"]), rel=1e-12)
    assert found.rate.contraction == pytest.approx(float(z) ** 2, rel=1e-12)
