"""The conflict graph, the paper's overlap and the sharper multiplicity, on examples by hand and random patterns."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.problems.sparsity import conflicts, degrees, multiplicity, overlap, windows

PATTERNS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.booleans())


def test_disjoint_supports_have_no_conflicts():
    assert not conflicts(np.eye(5)).any()
    assert (overlap(np.eye(5)), multiplicity(np.eye(5))) == (1.0, 1)


def test_dense_rows_conflict_all_with_all():
    dense = np.ones((6, 3))
    assert degrees(dense).tolist() == [5] * 6
    assert (overlap(dense), multiplicity(dense)) == (6.0, 6)


def test_a_star_has_one_large_degree():
    """Worker 0 meets n - 1 others, one coordinate each: 1 + deg_max = n, sqrt(n + 2 (n - 1)), but multiplicity 2."""
    n = 10
    star = np.vstack([np.ones(n - 1), np.eye(n - 1)])
    assert degrees(star).tolist() == [n - 1] + [1] * (n - 1)
    assert overlap(star) == pytest.approx(np.sqrt(3 * n - 2))
    assert multiplicity(star) == 2


def test_one_dense_pair_among_many():
    """1 + deg_max is the smaller one where few workers conflict at all."""
    pair = np.zeros((100, 99))
    pair[:2, 0] = 1
    pair[np.arange(2, 100), np.arange(1, 99)] = 1
    assert overlap(pair) == 2.0


def test_windows_share_every_coordinate_among_as_many():
    for workers, dim, width in ((4, 4, 1), (4, 10, 3), (5, 12, 5), (1, 3, 1)):
        supports = windows(workers, dim, width)
        assert (supports.sum(axis=0) == width).all()
        assert supports.any(axis=1).all()
        expected = min(2 * (width - 1), workers - 1)
        assert degrees(supports).tolist() == [expected] * workers


@given(PATTERNS)
def test_multiplicity_is_never_above_the_papers_overlap_nor_that_above_n(supports):
    n = len(supports)
    s, m = overlap(supports), multiplicity(supports)
    assert 1 <= m <= s * (1 + 1e-15)
    assert s <= n


@given(PATTERNS, st.integers(0, 2**32 - 1))
def test_sums_of_vectors_are_as_short_as_the_multiplicity_says(supports, seed):
    vectors = np.random.default_rng(seed).standard_normal(supports.shape) * supports
    total, separate = np.sum(vectors.sum(axis=0) ** 2), np.sum(vectors**2)
    assert total <= multiplicity(supports) * separate * (1 + 1e-14)


@given(PATTERNS)
def test_the_multiplicity_is_attained(supports):
    """One for every worker in the busiest coordinate: ||sum v_i||^2 = m^2 = m sum ||v_i||^2."""
    busiest = np.argmax(supports.sum(axis=0))
    vectors = np.zeros(supports.shape)
    vectors[:, busiest] = supports[:, busiest]
    m = multiplicity(supports)
    assume(supports.any())
    assert np.sum(vectors.sum(axis=0) ** 2) == m * np.sum(vectors**2)


def test_patterns_of_no_workers_are_refused():
    for bad in ([], [[]], np.ones(3)):
        with pytest.raises(InputError, match="one row of d entries"):
            overlap(bad)


def test_sparse_files_have_the_overlap_of_their_rows(tmp_path):
    path = tmp_path / "sparse.svm"
    path.write_text("1 1:1 2:1\n2 2:1\n3 3:1\n4 4:1\n")
    supports = problem(f"least-squares:data={path},reg=0,split=sorted", 4).supports()
    assert (overlap(supports), multiplicity(supports)) == (2.0, 2)
    assert degrees(supports).tolist() == [1, 1, 0, 0]
