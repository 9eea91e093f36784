"""The generator against its published vectors, and its numbers against the laws that they must follow."""

import numpy as np
import pytest
from scipy import stats

from tersegrad.solvers.random import (
    GAUSSIAN,
    NOISE_CODES,
    RADEMACHER,
    STREAM_NOISE,
    UNIFORM,
    add_noise,
    draws,
    philox,
    philox_reference,
    to_uniforms,
)

ONES = 0xFFFFFFFF
# Random123 1.09, kat_vectors: counter, key, result of philox4x32 with 10 rounds.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_reference_gives_the_published_answers(counter, key, answer):
    assert philox_reference(counter, key) == answer


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_kernel_gives_the_published_answers(counter, key, answer):
    d = draws(np.array([key[1]]), 4)
    d.index[:] = counter[0]
    philox(key[0], counter[1], counter[2], counter[3], d)
    assert tuple(int(w) for w in d.words[:, 0]) == answer


def test_every_number_has_the_address_that_the_documentation_states():
    seed, rnd, worker, stream, count = 2**32 - 1, 70000, 12, 3, 10
    replicas = np.array([5, 2**31])
    d = draws(replicas, count)
    philox(seed, rnd, worker, stream, d)
    to_uniforms(d)
    for r, replica in enumerate(replicas):
        for j in range(count):
            words = philox_reference((j // 4, rnd, worker, stream), (seed, int(replica)))
            assert d.numbers[r, j] == (words[j % 4] + 0.5) * 2.0**-32


def test_a_replica_draws_the_same_numbers_in_whatever_company():
    together, alone = draws(np.arange(7), 33), draws(np.array([4]), 33)
    for d in (together, alone):
        philox(1, 2, 3, 0, d)
        to_uniforms(d)
    assert np.array_equal(together.numbers[4], alone.numbers[0])


def sample(kind: int, size: int = 400_000) -> np.ndarray:
    d, g = draws(np.arange(size // 1000), 1000), np.zeros((size // 1000, 1000))
    philox(7, 0, 0, STREAM_NOISE, d)
    add_noise(kind, 2.0, d, g)
    return g.ravel()


@pytest.mark.parametrize(
    ("kind", "law"), [(GAUSSIAN, stats.norm(0, 2)), (UNIFORM, stats.uniform(-(12**0.5), 2 * 12**0.5))]
)
def test_noise_follows_its_law(kind, law):
    """Kolmogorov-Smirnov at p = 1e-6; the seed is fixed, so that the test cannot fail by chance later."""
    assert stats.kstest(sample(kind), law.cdf).pvalue > 1e-6


def test_rademacher_noise_has_two_values_with_equal_odds():
    values, counts = np.unique(sample(RADEMACHER), return_counts=True)
    assert values.tolist() == [-2.0, 2.0]
    assert abs(counts[0] - counts.sum() / 2) < 5 * np.sqrt(counts.sum()) / 2


@pytest.mark.parametrize("kind", sorted(set(NOISE_CODES.values()) - {0}))
def test_noise_has_the_stated_variance_and_no_correlation_between_coordinates(kind):
    """Limits of five standard errors: 6e-7 for each of the three statements."""
    x = sample(kind)
    kurtosis = np.mean((x / 2) ** 4) - 1
    assert abs(x.mean()) < 5 * 2 / np.sqrt(x.size)
    assert abs(x.var() - 4) <= 5 * 4 * np.sqrt(kurtosis / x.size) + 1e-6
    pairs = x.reshape(-1, 250, 4).swapaxes(1, 2)
    for a in range(4):
        for b in range(a):
            product = (pairs[:, a] * pairs[:, b]).mean() / 4
            assert abs(product) < 5 / np.sqrt(x.size / 4)


def test_normals_agree_with_box_muller_by_the_library():
    d, g = draws(np.array([3]), 4000), np.zeros((1, 4000))
    philox(9, 1, 2, STREAM_NOISE, d)
    words = d.words.copy()
    add_noise(GAUSSIAN, 1.0, d, g)
    for first, second in ((0, 1), (2, 3)):
        radius = np.sqrt(-2 * np.log((words[first] + 0.5) * 2.0**-32))
        angle = (words[second] >> 30) * (np.pi / 2)
        angle += (((words[second] & 0x3FFFFFFF) + 0.5) * 2.0**-30 - 0.5) * np.pi / 2
        assert np.abs(g[0, first::4] - radius * np.cos(angle)).max() < 1e-5
        assert np.abs(g[0, second::4] - radius * np.sin(angle)).max() < 1e-5
