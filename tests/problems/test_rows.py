"""Spectra and ranks of rows whatever their shape: short ways give what long ones do, and say where not."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from tersegrad.common.errors import InputError
from tersegrad.problems import problem, rows

U = 2.0**-53


def sparse(m, d, seed=0, density=0.05):
    random = np.random.default_rng(seed)
    return random_array((m, d), density=density, rng=random, data_sampler=random.standard_normal, format="csr")


def eigenvalues(A):
    dense = A.toarray() if rows.is_sparse(A) else A
    return np.linalg.eigvalsh(dense.T @ dense)


@pytest.mark.parametrize("lowest", [False, True])
@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize(("m", "d"), [(40, 90), (90, 40), (60, 60)])
def test_the_ends_of_a_spectrum_are_the_same_whole_or_by_the_lanczos_method(monkeypatch, m, d, kind, lowest):
    A = sparse(m, d, density=0.3)
    A = A if kind == "sparse" else A.toarray()
    values = eigenvalues(A)
    whole = rows.gram_spectrum(A, lowest)
    monkeypatch.setattr(rows, "FEW", 5)
    monkeypatch.setattr(rows, "DIRECT", 5)
    alone = rows.gram_spectrum(A, lowest)
    for spectrum in (whole, alone):
        assert spectrum.largest == pytest.approx(values[-1], rel=1e-12)
        assert spectrum.exact
    # Fewer rows than features: zero, and known to be so. Else only the whole spectrum has it.
    assert whole.complete
    assert whole.smallest == pytest.approx(values[0] if m >= d else 0.0, rel=1e-9)
    assert alone.complete == (m < d)
    assert alone.smallest == 0.0


def test_a_feature_that_never_occurs_makes_the_smallest_eigenvalue_zero():
    A = sparse(60, 12, density=0.6).toarray()
    A[:, 5] = 0.0
    spectrum = rows.gram_spectrum(csr_array(A))
    assert (spectrum.smallest, spectrum.complete) == (0.0, True)
    assert spectrum.largest == pytest.approx(eigenvalues(A)[-1], rel=1e-13)


@pytest.mark.parametrize("make", [csr_array, np.asarray])
def test_rows_of_zeros_have_no_eigenvalue_above_zero(monkeypatch, make):
    monkeypatch.setattr(rows, "FEW", 2)
    assert rows.gram_spectrum(make(np.zeros((6, 9)))).largest == 0.0


def chain(m):
    """Differences of neighbours: eigenvalues up to 4 that lie so close that few restarts do not tell them apart."""
    return csr_array(np.diag(np.ones(m)) - np.diag(np.ones(m - 1), 1))


@pytest.mark.parametrize("make", [csr_array, lambda A: A.toarray()])
def test_where_the_lanczos_method_gives_up_there_is_a_bound_that_says_so(monkeypatch, make):
    monkeypatch.setattr(rows, "FEW", 5)
    monkeypatch.setattr(rows, "RESTARTS", 1)
    A = make(chain(300))
    spectrum = rows.gram_spectrum(A, lowest=False)
    assert not spectrum.exact
    assert eigenvalues(A)[-1] <= spectrum.largest
    assert spectrum.largest == pytest.approx(4.0, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_that_bound_is_one(seed):
    A = sparse(30, 20, seed, density=0.2)
    A.data *= 10.0 ** np.random.default_rng(seed).uniform(-3, 3, A.nnz)
    assert rows._largest_at_most(abs(A)) >= eigenvalues(A)[-1]


@pytest.mark.parametrize("name", ["logistic", "least-squares"])
def test_constants_are_bounds_in_name_where_their_eigenvalues_are(monkeypatch, name):
    A, y = chain(400), np.arange(400) % 2
    exact = problem(name, A, y, reg=0.1, workers=3).constants()
    for limit, value in (("FEW", 5), ("DIRECT", 5), ("RESTARTS", 1)):
        monkeypatch.setattr(rows, limit, value)
    bounds = problem(name, A, y, reg=0.1, workers=3).constants()
    for key in ("L", "L_tilde", "L_mean", "L_max", "L_shared"):
        assert (exact.certainty[key], bounds.certainty[key]) == ("exact", "bound")
        assert getattr(bounds, key) >= getattr(exact, key) * (1 - 1e-12)


def test_a_modulus_that_leaves_the_data_out_is_a_bound_in_name(monkeypatch):
    """mu = lambda_min + reg; of many features reg alone is known; with fewer rows than features it is all there is."""
    A, wide = sparse(90, 30, density=0.5), sparse(30, 90, density=0.5)
    monkeypatch.setattr(rows, "DIRECT", 5)
    monkeypatch.setattr(rows, "FEW", 5)
    for own, known in ((A, "bound"), (wide, "exact")):
        constants = problem("least-squares", own, np.ones(len(own.indptr) - 1), reg=0.1, workers=2).constants()
        assert [constants.certainty[key] for key in ("mu", "mu_min")] == [known, known]
        assert (constants.mu, constants.mu_min) == (0.1, 0.1)


@pytest.mark.parametrize("name", ["logistic", "least-squares"])
@pytest.mark.parametrize("reg", [0.0, 1e-3, 0.1])
def test_wide_sparse_rows_have_the_constants_of_the_same_rows_written_down(name, reg, monkeypatch):
    """Rows of 2000 features, most of which no worker has: as sparse rows by the short ways, as dense ones directly."""
    A, y = sparse(60, 2000, density=0.01), np.sign(np.arange(60) % 2 - 0.5)
    dense = problem(name, A.toarray(), y, reg=reg, workers=4).constants().known()
    monkeypatch.setattr(rows, "FEW", 8)
    monkeypatch.setattr(rows, "MUCH", 8)
    monkeypatch.setattr("tersegrad.problems.least_squares.FEW", 8)
    short = problem(name, A, y, reg=reg, workers=4).constants().known()
    assert short.keys() == dense.keys()
    for key, value in dense.items():
        assert short[key] == pytest.approx(value, rel=1e-9, abs=1e-14), key


@pytest.mark.parametrize("name", ["logistic", "least-squares"])
@pytest.mark.parametrize(("reg", "twice"), [(0.1, False), (0.0, False), (0.0, True)])
def test_memory_goes_with_the_entries_not_with_rows_times_features_nor_workers_times_features(name, reg, twice):
    """Also where rows come twice, so that they have to be decomposed themselves: in the features that occur."""
    m, d, n = 300, 10**6, 100
    A, y = sparse(m, d, density=2e-5), np.sign(np.arange(m) % 2 - 0.5)
    if twice:
        A, y = A[np.arange(m) // 2], y[np.arange(m) // 2]
    tracemalloc.start()
    problem(name, A, y, reg=reg, workers=n).constants()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Some vectors of a million numbers, and 300 rows of the 6000 features that occur.
    assert peak < 8 * (20 * d + 4 * m * A.nnz)
    assert peak < 8 * n * d


def test_the_rank_is_decided_alike_by_either_way(monkeypatch):
    """Independent rows by their Gram matrix, dependent ones by the rows themselves: x* and pl do not depend on it."""
    random = np.random.default_rng(0)
    for A in (random.standard_normal((8, 30)), np.vstack([random.standard_normal((6, 30))] * 2)):
        b = random.standard_normal(len(A))
        U0, s0, lift0 = rows.factors(A)
        monkeypatch.setattr(rows, "MUCH", 1)
        U1, s1, lift1 = rows.factors(A)
        monkeypatch.undo()
        np.testing.assert_allclose(s1, s0, rtol=1e-12)
        expected = np.linalg.lstsq(A, b, rcond=None)[0]
        np.testing.assert_allclose(lift0((U0.T @ b) / s0), expected, atol=1e-11)
        np.testing.assert_allclose(lift1((U1.T @ b) / s1), expected, atol=1e-11)


def test_independent_rows_are_separated_without_a_search():
    """As many rows as their rank: some hyperplane is right about every one of them, whatever the labels."""
    A = sparse(50, 5000, density=0.01)
    p = problem("logistic", A, np.arange(50) % 2, reg=0)
    assert p.x_star is None
    assert p.minimiser.startswith("f has no minimiser: a hyperplane separates")
    assert (p.f_star, p.f_star_certified) == (0.0, True)


def test_a_problem_too_ill_conditioned_for_conjugate_gradients_says_so(monkeypatch):
    monkeypatch.setattr(rows, "DIRECT", 5)
    monkeypatch.setattr(rows, "ITERATIONS", 3)
    monkeypatch.setattr("tersegrad.problems.linear.DIRECT", 5)
    p = problem("least-squares", sparse(90, 60, density=0.3), np.ones(90), reg=1e-4)
    with pytest.raises(InputError, match=r"within 3 steps .* reg \+ l2prox = 0\.0001: give a larger reg"):
        _ = p.x_star
