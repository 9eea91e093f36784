"""Data sets: what is read, how labels are mapped, how rows are divided, and what a bad file says."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.problems.data import load, signs, split, standardised
from tersegrad.problems.files import libsvm

TINY = "1 1:0.5 3:2\n2 2:1\n1 1:-1.5 2:0.25\n2 3:4\n2 1:1 2:1 3:1\n"
# Further LIBSVM files beside the working copy are read as well, where there are any.
NEARBY = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def tiny(tmp_path):
    path = tmp_path / "tiny.svm"
    path.write_text(TINY)
    return str(path)


def test_libsvm_rows_are_in_order(tiny):
    rows, labels = libsvm(tiny)
    expected = [[0.5, 0, 2], [0, 1, 0], [-1.5, 0.25, 0], [0, 0, 4], [1, 1, 1]]
    np.testing.assert_array_equal(rows.toarray(), expected)
    np.testing.assert_array_equal(labels, [1, 2, 1, 2, 2])
    A = problem(f"least-squares:data={tiny},split=given").A
    np.testing.assert_array_equal(A, expected)  # nearly dense rows are stored dense
    assert A.dtype == np.float64
    assert A.flags.c_contiguous


def test_libsvm_files_make_certified_logistic_problems(tiny):
    for path in [tiny, *sorted(map(str, NEARBY.glob("[mp]*.svm")))]:
        p = problem(f"logistic:data={path},reg=0.1", 5)
        assert set(np.unique(p.b)) == {-1.0, 1.0}
        assert p.optimality() ** 2 / 0.2 <= 1e-28
        assert p.constants().gap0 == pytest.approx(np.log(2) - p.f_star)


@pytest.mark.parametrize("pair", [(1, 2), (0, 1), (-1, 1), (3.5, 7)])
def test_the_smaller_label_is_minus_one(pair):
    np.testing.assert_array_equal(signs(np.array([pair[1], pair[0], pair[1]]), "x"), [1, -1, 1])


def test_digits_are_even_against_odd():
    rows, digits = load("digits")
    p = problem("logistic:data=digits,homogeneous=1,standardise=0")
    np.testing.assert_array_equal(p.b, np.where(digits % 2 == 0, 1, -1))
    np.testing.assert_array_equal(p.A, rows)


def test_bundled_features_are_standardised_and_files_are_not(tiny):
    p = problem("logistic:data=breast_cancer", 3)
    np.testing.assert_allclose(p.A.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(p.A.std(axis=0), 1, rtol=1e-12)
    assert problem(f"logistic:data={tiny}").A.max() == 4
    assert problem(f"logistic:data={tiny},standardise=1").A.std() == pytest.approx(1)


def test_constant_features_vanish_when_standardised():
    rows = np.array([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]])
    np.testing.assert_array_equal(standardised(rows)[:, 1], 0)


@pytest.mark.parametrize("kind", ["shuffled", "sorted"])
@pytest.mark.parametrize("workers", [1, 3, 10])
def test_a_split_deals_out_every_row_once_in_shares_of_almost_equal_size(kind, workers):
    targets = np.random.default_rng(0).standard_normal(10)
    share = split(targets, workers, kind, False, seed=1)
    assert sorted(share.order) == list(range(10))
    sizes = np.diff(share.offsets)
    assert sizes.sum() == 10
    assert sizes.max() - sizes.min() <= 1
    if kind == "sorted":
        assert (np.diff(targets[share.order]) >= 0).all()


def test_f_does_not_depend_on_the_split_when_shares_are_equal():
    x = np.random.default_rng(1).standard_normal((4, 6))
    texts = [f"logistic:rows=60,dim=6,{rest}" for rest in ("split=shuffled", "split=sorted", "homogeneous=1")]
    problems = [problem(text, n) for text in texts for n in (1, 5, 12)]
    for p in problems[1:]:
        np.testing.assert_allclose(p.value(x), problems[0].value(x), rtol=1e-13)
        np.testing.assert_allclose(p.gradient(x), problems[0].gradient(x), rtol=1e-11, atol=1e-14)


def test_f_is_the_mean_over_workers_when_shares_differ():
    p = problem("least-squares:rows=10,dim=3", 4)
    x = np.array([1.0, -2.0, 0.5])
    by_hand = np.mean([p.worker_value(i, x) for i in range(4)])
    assert p.value(x) == pytest.approx(by_hand, rel=1e-14)
    assert p.value(x) != pytest.approx(0.5 * np.mean((p.A @ x - p.b) ** 2) + 0.025 * x @ x, rel=1e-6)


def test_sorting_by_label_makes_workers_differ_more():
    text = "logistic:rows=200,dim=6,split="
    dissimilarity = [problem(text + kind, 10).constants().zeta_star_sq for kind in ("shuffled", "sorted")]
    assert dissimilarity[1] > 2 * dissimilarity[0]


def test_the_seed_decides_the_data():
    a, b, c = (problem(f"least-squares:rows=20,dim=3,seed={seed}") for seed in (1, 1, 2))
    np.testing.assert_array_equal(a.A, b.A)
    assert not np.array_equal(a.A, c.A)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 1:0.5\n1 2:1\n", "has 1 class (1); logistic regression takes exactly 2"),
        ("1 1:1\n2 1:2\n3 1:3\n", "has 3 classes (1, 2, 3)"),
        ("label,feature\n1,2\n", "is not in LIBSVM format"),
        ("1 1:abc\n2 1:1\n", "is not in LIBSVM format"),
        ("1 one:1\n2 1:1\n", "is not in LIBSVM format"),
        ("", "0 rows"),
        ("1\n2\n", "0 feature values"),
        ("1 1:nan\n2 1:1\n", "not a finite number"),
        ("1 1:1\n2 1000000000:1\n", "a single vector takes 8 GB"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff", "is not in LIBSVM format"),
    ],
)
def test_bad_files_get_one_clear_sentence(tmp_path, content, words):
    path = tmp_path / "bad.svm"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        problem(f"logistic:data={path}", 1)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_get_one_clear_sentence(tmp_path):
    with pytest.raises(InputError, match=r"'no\.svm' does not exist"):
        problem("logistic:data=no.svm")
    with pytest.raises(InputError, match="cannot be read"):
        problem(f"logistic:data={tmp_path}")


@pytest.mark.parametrize("source", ["breast_cancer", "tiny"])
def test_missing_scikit_learn_says_what_to_install(source, tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(InputError, match=r"pip install 'tersegrad\[data\]'"):
        load(tiny if source == "tiny" else source)
    assert problem("logistic").dim == 20  # synthetic data need no scikit-learn
