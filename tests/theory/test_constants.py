"""What the constants of a problem imply about each other."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tersegrad.theory import Constants, InputError

positive = st.floats(1e-6, 1e6)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"mu": 2.0, "L": 1.0}, "mu = 2 is above L = 1"),
        ({"L": 3.0, "L_max": 2.0}, "L = 3 is above L_max = 2"),
        ({"mu_min": 1.0, "mu": 0.5}, "mu_min = 1 is above mu"),
        ({"n": 0}, "n = 0 must be a whole number"),
        ({"n": 2.5}, "n = 2.5 must be a whole number"),
        ({"dim": True}, "dim = True is not a finite number"),
        ({"sigma_sq": -1.0}, "sigma_sq = -1 must not be negative"),
        ({"L": 0.0}, "L = 0 must be above 0"),
        ({"L": math.nan}, "not a finite number"),
        ({"L": "abc"}, "L = 'abc' is not a finite number"),
        ({"overlap": 5.0, "n": 4}, "overlap = 5 must lie between 1 and n = 4"),
    ],
)
def test_contradictions_are_named(values, words):
    with pytest.raises(InputError, match=words):
        Constants(**values)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'sigma_sq'"):
        Constants.read({"sigma_qs": 1.0})


def test_the_largest_smoothness_is_enough():
    known = Constants(n=5, L_max=3.0).completed()
    assert known.L == known.L_tilde == known.L_max == 3.0
    assert len(known.notes) == 2


def test_the_smoothness_of_f_is_not_enough_for_several_workers():
    assert Constants(n=5, L=3.0).completed().L_max is None


@pytest.mark.parametrize("equal", [{"n": 1}, {"n": 7, "zeta_sq": 0.0}])
def test_equal_workers_share_their_constants(equal):
    known = Constants(**equal, L=3.0, mu=1.0).completed()
    assert known.L_max == 3.0
    assert known.mu_min == 1.0
    assert known.zeta_sq == known.zeta_star_sq == 0.0


def test_uniform_bounds_hold_at_the_solution():
    known = Constants(n=2, sigma_sq=2.0, zeta_sq=3.0).completed()
    assert (known.sigma_star_sq, known.zeta_star_sq) == (2.0, 3.0)
    assert known.known().keys() == {"n", "sigma_sq", "zeta_sq", "sigma_star_sq", "zeta_star_sq"}


def test_a_regulariser_stops_what_needs_a_vanishing_gradient():
    known = Constants(n=1, L=1.0, mu=0.5, dist0_sq=1.0, composite=True).completed()
    assert known.zeta_star_sq is None
    assert known.gap0 is None


@given(mu=positive, ratio=st.floats(1, 1e4), distance=positive)
def test_distance_and_gap_bound_each_other(mu, ratio, distance):
    L = mu * ratio
    gap = Constants(n=1, L=L, mu=mu, dist0_sq=distance).completed().gap0
    back = Constants(n=1, L=L, mu=mu, gap0=gap).completed().dist0_sq
    assert back == pytest.approx(ratio * distance, rel=1e-14)


@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            "n": st.integers(1, 9),
            "L_max": positive,
            "zeta_sq": positive,
            "gap0": positive,
            "sigma_sq": positive,
        },
    )
)
def test_completing_twice_changes_nothing(values):
    once = Constants(**values).completed()
    assert once.completed() == once
    for name, value in values.items():
        assert getattr(once, name) == (0.0 if name == "zeta_sq" and values.get("n") == 1 else value)
