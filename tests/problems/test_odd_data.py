"""Data as users have them: what is odd comes out right or is refused in one sentence, and nothing is read wrongly."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from tersegrad.common.errors import InputError
from tersegrad.problems import problem

pd = pytest.importorskip("pandas")

A = np.random.default_rng(0).standard_normal((12, 3))
Y = np.arange(12) % 2
FRAME, SERIES = pd.DataFrame(A, columns=list("abc")), pd.Series(Y)
GAP = np.eye(12, 3, dtype=bool)
WHEN = np.array(["2020-01-01", "2021-01-01"] * 6, dtype="M8[D]")
CSR = sp.csr_array(A)


def built(X, y, name="logistic", **options):
    """What comes out of it, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = problem(name, X, y, **({"reg": 0.1, "split": "given"} | options))
        made.constants()
    return made


def broken(**parts):
    """A CSR array whose parts do not fit, which its own constructor does not see."""
    array = CSR.copy()
    for name, value in parts.items():
        setattr(array, name, value)
    return array


@pytest.mark.parametrize(
    "X", [
        sp.csc_array(A), sp.coo_array(A), sp.dok_array(A), sp.lil_matrix(A), sp.bsr_array(A), FRAME, A.astype(object),
        A.astype(">f8"), A.astype(str), np.ma.masked_greater(A, 100), FRAME.astype("Float64"), A.astype(np.longdouble),
        pd.DataFrame.sparse.from_spmatrix(sp.csr_matrix(A)), FRAME.set_axis(["a", "a", "a"], axis=1),
    ], ids=lambda X: type(X).__name__,
)  # fmt: skip
def test_rows_of_any_kind_are_the_same_rows(X):
    np.testing.assert_array_equal(built(X, Y).A, A)


@pytest.mark.parametrize(
    "y", [
        Y > 0, Y.tolist(), Y[:, None], SERIES, SERIES.astype("Int64"), SERIES.astype("category"),
        SERIES.astype("boolean"), SERIES.to_frame(), np.where(Y, "yes", "no"),
        pd.Series(np.where(Y, "yes", "no"), dtype="string"), Y.astype(object), sp.csr_array(Y[:, None]), pd.Index(Y),
        np.ma.masked_array(Y), Y.astype(np.uint64) * 2**63,
    ], ids=lambda y: type(y).__name__,
)  # fmt: skip
def test_labels_of_any_kind_are_the_same_labels(y):
    np.testing.assert_array_equal(built(A, y).b, 2 * Y - 1)


def test_a_sparse_matrix_of_the_user_stays_as_it_was():
    theirs = sp.csr_array((np.ones(4), np.array([2, 0, 0, 1]), np.array([0, 2, 4])), shape=(2, 9))
    built(theirs, [0, 1])
    assert (theirs.indices.tolist(), theirs.data.tolist()) == ([2, 0, 0, 1], [1.0] * 4)


def test_what_stands_after_the_end_of_a_sparse_matrix_is_not_read():
    """SciPy leaves room there, with any numbers."""
    theirs = broken(indices=np.append(CSR.indices, 99), data=np.append(CSR.data, np.nan))
    np.testing.assert_array_equal(built(theirs, Y).A, A)
    assert theirs.data.size == CSR.data.size + 1


@pytest.mark.parametrize(
    ("X", "y", "words"), [
        (A + 1j, Y, "X holds complex numbers"), (sp.csr_array(A + 1j), Y, "X holds complex numbers"),
        (A, Y + 1j, "y holds complex numbers"), (FRAME.assign(d=1j), Y, "X holds complex numbers"),
        (np.ma.masked_array(A, GAP), Y, "X has a missing value in row 0"),
        (FRAME.mask(GAP), Y, "X has a missing value"),
        (FRAME.astype("Float64").mask(GAP), Y, "X has a missing value in row 0"),
        (A, np.ma.masked_array(Y, Y > 0), "y has a missing value in row 1"),
        (A, SERIES.where(Y > 0), "y has a missing value in row 0"),
        (A, [None, 1] * 6, "y has a missing value in row 0"),
        (A, SERIES.astype("boolean").where(Y > 0), "y has a missing value in row 0"),
        (A, pd.Series(["n", "y", None] * 4, dtype="category"), "y has a missing value in row 2"),
        (A, pd.Series(["n", "y", None] * 4, dtype="string"), "y has a missing value in row 2"),
        (A, ["no", "", "yes"] * 4, "y has a missing value in row 1"),
        (A, np.where(Y, np.nan, 0.0), "y holds a target that is not a finite number"),
        (A, np.where(Y, np.inf, 0.0), "y holds a target that is not a finite number"),
        (A, np.array([1, "a"] * 6, dtype=object), "y mixes int and str"),
        (A, [10**400, 1] * 6, "too large for a double"),
        ([[10**400, 1]] * 12, Y, "not a table of numbers"), (WHEN[:, None], Y, "X holds dates"),
        (A, WHEN, "y holds dates"),
        (FRAME.assign(d=WHEN), Y, "not a table of numbers"), (FRAME.assign(d="word"), Y, "not a table of numbers"),
        (FRAME.sample(frac=1, random_state=0), SERIES, r"different indices.*y\.loc\[X\.index\]"),
        (FRAME, SERIES.sample(frac=1, random_state=0), "different indices"),
        (broken(indices=np.where(CSR.indices == 0, -1, CSR.indices)), Y, "indices must be >= 0"),
        (broken(indices=CSR.indices + 1), Y, "indices must be < 3"),
        (broken(indptr=CSR.indptr[[0, 2, 1, *range(3, 13)]]), Y, "non-decreasing"),
        (sp.csr_array((12, 10**12)), Y, "a single vector takes 8e"),
        (np.full((12, 2), 2**64 - 1, dtype=np.uint64), Y, "reg=0.1 is lost in rounding"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["logistic", "least-squares"])
def test_what_has_no_right_answer_is_refused_in_a_sentence(name, X, y, words):
    with pytest.raises(InputError, match=words) as refused:
        built(X, y, name)
    assert "\n" not in str(refused.value)


def test_a_data_frame_of_sparse_columns_stays_sparse():
    theirs = sp.random_array((12, 300), density=0.01, rng=np.random.default_rng(0), format="csr")
    frame = pd.DataFrame.sparse.from_spmatrix(theirs)
    made = built(frame, Y)
    assert sp.issparse(made.A)
    np.testing.assert_array_equal(made.A.toarray(), theirs.toarray())
    ones = pd.DataFrame({name: pd.arrays.SparseArray([1.0, 1.0, 3.0], fill_value=1.0) for name in "ab"})
    np.testing.assert_array_equal(built(ones, [0, 1, 1]).A, [[1, 1], [1, 1], [3, 3]])


def test_indices_that_have_no_label_in_common_say_nothing():
    """One of the two was reset: rows are taken as they come, as scikit-learn does."""
    shifted = SERIES.set_axis(range(100, 112))
    np.testing.assert_array_equal(built(FRAME, shifted).b, 2 * Y - 1)
    both = FRAME.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(built(both, SERIES.loc[both.index]).b, 2 * Y[both.index] - 1)


def test_options_of_files_are_not_passed_over_where_there_is_none():
    for option in ({"target": 1}, {"n_features": 9}):
        with pytest.raises(InputError, match="is an option of data files"):
            built(A, Y, **option)
    with pytest.raises(InputError, match=r"positive=\[1\]"):
        built(A, Y, positive=[1])


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array, sp.coo_array, sp.bsr_array])
def test_sparse_files_of_any_format_are_read_as_what_they_are(tmp_path, make):
    """A square one in CSC has parts of the same shape as one in CSR, and is not the transpose."""
    square = np.triu(np.arange(1.0, 145.0).reshape(12, 12))
    path = str(tmp_path / "rows.npz")
    sp.save_npz(path, make(square))
    np.savez(path, y=Y, **dict(np.load(path)))
    np.testing.assert_array_equal(built(None, None, data=path).A, square)


TEXT = "\n".join(f"{a},{b},{c}" for (a, b), c in zip(A[:, :2], Y, strict=True))


@pytest.mark.parametrize(
    ("text", "words"), [
        (f"{TEXT}\n1,2", "line 13 has 2 fields, the first line 3"), (f"{TEXT}\n1,2,0,5", "line 13 has 4 fields"),
        (f"a,b\n{TEXT}", "line 2 has 3 fields, the first line 2"),
        (f"\n\na,b,y\n\n{TEXT}\n1", "line 17 has 1 field,"),
        (f"{TEXT}\n1,2,", "missing value in row 12"), (f"{TEXT}\n1,2,nan", "not a finite number"),
        (TEXT.replace(",", ";"), "with commas between them"), ("a,b,a\n" + TEXT, "several columns"),
    ],
)  # fmt: skip
def test_tables_with_lines_of_another_length_are_refused_by_line(tmp_path, text, words):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        built(None, None, data=str(path), **({"target": "a"} if text.startswith("a,b,a") else {}))


cells = st.one_of(
    st.floats(width=64), st.integers(), st.booleans(), st.none(), st.text(max_size=3), st.complex_numbers(),
    st.sampled_from(["1", "nan", "", pd.NA, np.datetime64("NaT"), 10**400, b"1", (1, 2), [], np.float32(2)]),
)  # fmt: skip
kinds = st.one_of(cells, st.floats(-1e3, 1e3))


def attempted(*arguments, **options):
    """(the problem, None), or (None, the sentence that refuses it)."""
    try:
        return built(*arguments, **options), None
    except InputError as error:
        return None, str(error)


@settings(max_examples=150, deadline=2000)
@given(st.data(), st.integers(0, 4), st.integers(0, 3), st.sampled_from(["logistic", "least-squares"]))
def test_any_table_is_a_problem_of_finite_numbers_or_refused(data, m, d, name):
    X = data.draw(st.lists(st.lists(kinds, min_size=d, max_size=d), min_size=m, max_size=m))
    y = data.draw(st.lists(kinds, min_size=m, max_size=m))
    for rows in (X, pd.DataFrame(X, dtype=object)):
        made, sentence = attempted(rows, y, name)
        event("refused" if made is None else "read")
        if made is None:
            assert len(sentence.strip().splitlines()) == 1
        else:
            assert all(np.isfinite(part).all() for part in (made.A, made.b, list(made.constants().known().values())))


@settings(max_examples=150, deadline=2000)
@given(st.lists(st.lists(st.sampled_from(["1", "2.5", "x", "", '"', "1e400", "nan", " 4 "]), max_size=4), max_size=5))
def test_any_text_is_a_table_or_refused(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(",".join(line) for line in lines))
    made, sentence = attempted(None, None, "least-squares", data=str(path))
    if made is None:
        assert len(sentence.strip().splitlines()) == 1
    else:
        rows = [line for line in lines if ",".join(line).strip()]
        assert made.A.shape[0] in (len(rows), len(rows) - 1)
        assert made.A.shape[1] == len(rows[0]) - 1


few = st.lists(st.integers(-1, 4), max_size=6)


def dense(rows):
    return rows.toarray() if sp.issparse(rows) else rows


@settings(max_examples=200, deadline=2000)
@given(few, few, st.one_of(few, few.map(sorted)), st.tuples(st.integers(-1, 4), st.sampled_from([-1, 0, 1, 3, 10**12])))
@example([1, 2], [0, 2], [0, 1, 2], (2, 3))
@example([], [], [0, 3, 0], (2, 3))  # no entries, as its end says
@example([], [], [0, -1, 0], (2, 3))
@example([1], [0], [0, -4], (1, 1))
@example([1, 2], [0, 9], [0, 1], (1, 1))  # more than its end says
@example([1], [0], [0, 1], (1, 10**12))
def test_any_parts_of_sparse_rows_are_rows_or_refused(tmp_path_factory, data, indices, indptr, shape):
    """What does not fit would be read from foreign memory."""
    path = tmp_path_factory.getbasetemp() / "any.npz"
    parts = {"data": np.array(data, float), "indices": np.array(indices, int), "indptr": np.array(indptr, int)}
    np.savez(path, shape=np.array(shape), y=np.arange(max(shape[0], 0)), **parts)
    made, sentence = attempted(None, None, "least-squares", data=str(path))
    if made is None:
        assert len(sentence.strip().splitlines()) == 1
    else:
        expected = np.zeros(shape)
        for row, (low, high) in enumerate(pairwise(indptr)):
            np.add.at(expected[row], indices[low:high], data[low:high])
        np.testing.assert_array_equal(dense(made.A), expected)


@pytest.mark.parametrize("name", ["indices", "indptr", "shape"])
def test_indices_in_a_file_that_are_no_whole_numbers_are_not_rounded(tmp_path, name):
    parts = {"data": CSR.data, "indices": CSR.indices, "indptr": CSR.indptr, "shape": np.array(CSR.shape)}
    for form in ({}, {"format": np.array("csr")}):
        np.savez(tmp_path / "rows.npz", y=Y, **(parts | {name: parts[name] + 0.25}), **form)
        with pytest.raises(InputError, match=f"{name} must be whole numbers, and they are float64"):
            built(None, None, data=str(tmp_path / "rows.npz"))


@settings(max_examples=200, deadline=2000)
@given(
    st.sampled_from(["csr", "csc", "bsr"]), few, few, st.one_of(few, few.map(sorted)),
    st.sampled_from([np.int32, np.int64, np.int8, np.uint8, np.float64]),
)  # fmt: skip
@example("csr", [], [], [0, 3, 0, 0], np.int32)
@example("csc", [1, 2], [0, 1], [0, 2, 1, 2], np.int64)
@example("bsr", [1], [0], [0, 1, 1, 1], np.int64)
def test_any_parts_that_an_array_of_the_user_is_given_are_rows_or_refused(form, data, indices, indptr, kind):
    theirs = sp.csr_array((3, 3)).asformat(form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, for -1 as uint8
        theirs.indices, theirs.indptr = np.array(indices).astype(kind), np.array(indptr).astype(kind)
    theirs.data = np.array(data, float)[:, None, None] if form == "bsr" else np.array(data, float)
    made, sentence = attempted(theirs, np.arange(3), "least-squares")
    if made is None:
        assert len(sentence.strip().splitlines()) == 1
    else:
        expected = np.zeros((3, 3))
        for row, (low, high) in enumerate(pairwise(indptr)):
            np.add.at(expected[row], indices[low:high], data[low:high])
        np.testing.assert_array_equal(dense(made.A), expected.T if form == "csc" else expected)


def given_parts(form, **parts):
    """The 3 x 3 identity in a format, with some parts of others."""
    array = sp.eye_array(3, format=form)
    for name, value in parts.items():
        setattr(array, name, value)
    return array


def listed(*values):
    """An array of lists, as LIL has them."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("form", "parts", "words"), [
        ("csr", {"indptr": np.array([1, 1, 2, 3])}, "indptr must begin with 0, and it begins with 1"),
        ("csr", {"indptr": np.array([0, 1, 2, 4])}, "indptr must end at the 3 indices at most, and it ends with 4"),
        ("csr", {"indptr": np.array([0, 1, 3])}, "indptr must have 4 numbers, and it has 3"),
        ("csr", {"indptr": np.array([0, 2, 1, 3], np.uint8)}, "indptr must be non-decreasing"),
        ("csr", {"indptr": np.array([0, 1, 0, 0])}, "indptr must be non-decreasing"),
        ("csr", {"indices": np.array([0, 1])}, "indices and data must have one length, and have 2 and 3"),
        ("csr", {"indices": np.array([0, 1, 2**40])}, "indices must be < 3, and one is 1099511627776"),
        ("csr", {"indices": np.array([0, 1, 2**63], np.uint64)}, "indices must be < 3"),
        ("csr", {"indices": np.array([0, 0.5, 1])}, "indices must be whole numbers, and they are float64"),
        ("csr", {"indices": np.array([[0, 1, 2]])}, "indices has 2 dimensions"),
        ("csr", {"data": np.eye(3)}, "data has 2 dimensions"),
        ("csc", {"indices": np.array([0, 1, 3])}, "indices must be < 3, and one is 3"),
        ("bsr", {"data": np.ones((3, 2, 2))}, "no blocks of 3 x 3 numbers"),
        ("bsr", {"indices": np.array([0, -1, 2])}, "indices must be >= 0, and one is -1"),
        ("coo", {"coords": (np.array([0, 1, 3]), np.arange(3))}, "row must be < 3, and one is 3"),
        ("coo", {"coords": (np.arange(3), np.array([0, -1, 2]))}, "col must be >= 0, and one is -1"),
        ("coo", {"coords": (np.arange(2), np.arange(3))}, "row and data must have one length, and have 2 and 3"),
        ("coo", {"data": np.ones(2)}, "row and data must have one length, and have 3 and 2"),
        ("dia", {"offsets": np.array([0, 1])}, "number of diagonals"),
        ("dia", {"offsets": np.array([0.5])}, "offsets must be whole numbers, and they are float64"),
        ("lil", {"rows": listed([0], [0, 1, 2], [2])}, r"row 1 \(from 0\) has 3 indices and 1 values"),
        ("lil", {"data": listed([1.0], [1.0], [1.0] * 9)}, r"row 2 \(from 0\) has 1 indices and 9 values"),
        ("lil", {"rows": listed([0], [7], [2])}, "indices must be < 3, and one is 7"),
        ("lil", {"rows": listed([0], [1])}, "rows and data must have the length 3"),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit_are_said(form, parts, words):
    for X, y in ((given_parts(form, **parts), np.arange(3)), (np.eye(3), given_parts(form, **parts))):
        with pytest.raises(InputError, match=words) as refused:
            built(X, y, "least-squares")
        assert "\n" not in str(refused.value)
