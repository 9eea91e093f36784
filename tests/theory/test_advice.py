"""Advice: every theorem is asked, what applies is ranked by what it takes, what does not says why."""

import pytest

import tersegrad as tg
from tersegrad.common.errors import InputError
from tersegrad.theory import THEOREMS, Constants, theorem
from tersegrad.theory.advice import Link, advise

KNOWN = Constants(n=8, dim=40, L_max=1.0, mu=0.1, dist0_sq=1.0, sigma_sq=0.0, zeta_star_sq=0.0)


def options(found):
    return [option for ranked in found.options.values() for option in ranked]


@pytest.mark.parametrize("up", ["topk:k=4", "ternary", None])
def test_every_theorem_is_an_option_or_refused_with_its_own_reason(up):
    found = advise(KNOWN, up, eps=1e-3)
    apply = [o.theorem.name for o in options(found) + found.without_bound]
    assert sorted(apply + [t.name for t, _ in found.refused]) == sorted(THEOREMS)
    for refused, reason in found.refused:
        assert refused.guarantee(KNOWN, up, eps=1e-3).reason == reason
    for option in options(found):
        assert option.theorem.guarantee(KNOWN, up, eps=1e-3).parameters == option.guarantee.parameters


def test_a_theorem_whose_bound_cannot_be_computed_stands_apart_with_what_is_missing():
    """LIEC's step needs no G, its bound does; EControl's theorem states an order."""
    found = advise(KNOWN, "topk:k=4", eps=1e-3)
    apart = {option.theorem.name: option for option in found.without_bound}
    assert apart["liec.nonconvex"].guarantee.missing == ("G",)
    assert "needs G; give Constants(G=...)" in apart["liec.nonconvex"].missing
    assert "states an order only" in apart["econtrol.nonconvex"].missing
    assert not any(o.guarantee.needs for o in options(found))
    known = advise(KNOWN.replaced({"G": 3.0}), "topk:k=4", eps=1e-3)
    assert "liec.nonconvex" in {o.theorem.name for o in options(known)}
    assert "liec.nonconvex" not in {o.theorem.name for o in known.without_bound}


def test_options_are_ranked_by_what_is_asked_for():
    for by, ask in (("rounds", {"eps": 1e-3}), ("bits", {"eps": 1e-3}), ("bound", {"rounds": 500})):
        for ranked in advise(KNOWN, "ternary", by=by, **ask).options.values():
            values = [getattr(option, by) for option in ranked]
            numbers = [value for value in values if value is not None]
            assert numbers == sorted(numbers)
            assert all(value is None for value in values[len(numbers) :])


def test_numbers_are_those_of_the_guarantee():
    for option in options(advise(KNOWN, "ternary", eps=1e-3, link="1e6,1e-3,0.5")):
        if option.rounds is None:
            assert option.missing
            continue
        assert option.guarantee.bound(option.rounds) <= 1e-3
        assert option.rounds == option.guarantee.rounds_to(1e-3)
        assert option.bits == option.guarantee.bits_to(1e-3)
        each = option.guarantee.bits_per_round
        assert option.seconds == pytest.approx(option.rounds * (0.5 + 2e-3 + each / 1e6))


def test_a_slow_link_prefers_fewer_bits_and_a_fast_one_fewer_rounds():
    """The methods with the fewest rounds and with the fewest bits differ; the link decides between them."""
    ask = {"eps": 1e-3, "theorems": ["sgd.strongly-convex", "diana.strongly-convex"]}
    many = KNOWN.replaced({"n": 200, "dim": 1000})
    plain = advise(many, None, **ask)
    squeezed = advise(many, "ternary:block=250", **ask)
    (dense,) = (o for o in options(plain) if o.theorem.name == "sgd.strongly-convex")
    (diana,) = (o for o in options(squeezed) if o.theorem.name == "diana.strongly-convex")
    assert dense.rounds < diana.rounds
    slow, fast = Link(1e3), Link(1e12, latency=1.0)
    for link, winner, loser in ((fast, dense, diana), (slow, diana, dense)):
        times = [o.rounds * link.round(o.guarantee.bits_per_round) for o in (winner, loser)]
        assert times[0] < times[1]


def test_a_problem_is_as_good_as_its_constants_and_constants_can_be_replaced():
    p = tg.problem("logistic:rows=64,dim=5,reg=0.1", workers=4)
    assert advise(p, "topk:k=1", eps=1e-2) == advise(p.constants(), "topk:k=1", eps=1e-2)
    found = tg.advise(p, "topk:k=1", eps=1e-2, constants={"mu": 0.05, "mu_min": 0.05})
    assert {o.guarantee.constants.mu for o in options(found)} == {0.05}
    assert theorem("ef21.pl").guarantee(p, "topk:k=1") == theorem("ef21.pl").guarantee(p.constants(), "topk:k=1")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"by": "round"}, "did you mean 'rounds'"),
        ({"by": "bound", "eps": 1}, "after T rounds: give rounds"),
        ({"by": "bits", "rounds": 5}, "give eps instead of rounds"),
        ({"by": "seconds", "eps": 1}, "needs a link"),
        ({"eps": 1, "link": "fast"}, "'fast' is not a link"),
        ({"eps": 1, "link": "-1"}, "bandwidth = -1"),
        ({"eps": 1, "link": "1e9,nan"}, "latency = nan"),
        ({"eps": 1, "theorems": ["ef22.pl"]}, "did you mean 'ef21.pl'"),
        ({"constants": {"mmu": 1}}, "unknown constant 'mmu'"),
        ({"constants": {"mu": 5}}, "mu = 5 is above"),
        ({"eps": -1}, "must be a number above 0"),
    ],
)
def test_what_cannot_be_asked_gets_one_sentence(asked, words):
    with pytest.raises(InputError) as caught:
        advise(KNOWN, "ternary", **asked)
    assert words in str(caught.value)


def test_a_bound_that_never_gets_below_the_start_says_that_it_is_worth_nothing():
    """Noise so large that the floor of the recommended step is above ||x^0 - x*||^2."""
    found = theorem("sgd.strongly-convex").guarantee(
        Constants(n=1, L=1.0, mu=0.1, dist0_sq=1.0, sigma_sq=100.0), gamma=0.5
    )
    assert found.rate.floor > found.start == 0.5  # L dist0_sq/2, the largest gap
    assert found.vacuous()
    small = theorem("sgd.strongly-convex").guarantee(
        Constants(n=1, L=1.0, mu=0.1, dist0_sq=1.0, sigma_sq=0.01), gamma=0.5
    )
    assert not small.vacuous()
    assert small.vacuous(0)
    assert not small.vacuous(50)
    unknown = theorem("sgd.strongly-convex").guarantee(Constants(n=1, L=1.0, mu=0.1), gamma=0.5)
    assert not unknown.vacuous()
