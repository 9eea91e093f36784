"""Data files of every format: the same rows whatever the pieces, the compression and the reader."""

import bz2
import gzip
import lzma
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, save_npz

from tersegrad.common.errors import InputError
from tersegrad.problems import problem
from tersegrad.problems.files import Survey, libsvm, read
from tersegrad.problems.share import read_share, without_optimum

PACKERS = {"": lambda text: text, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}

values = st.integers(-99, 99).filter(bool)


@st.composite
def files(draw):
    """(text of a LIBSVM file, its dense rows, its labels): comments, blank lines, bare labels, any line end."""
    base, dim = draw(st.integers(0, 1)), 6
    rows = draw(st.lists(st.dictionaries(st.integers(0, dim - 1), values, max_size=4), min_size=1, max_size=12))
    rows[0] = {0: 1, dim - 1: 2}  # the first and the last feature occur, so that base and dim can be told
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = []
    for j, row in enumerate(rows):
        noise = draw(st.sampled_from(["", "# a comment, longer than a piece " + "x" * 40 + end, end, "   " + end]))
        entries = " ".join(f"{k + base}:{v}" for k, v in sorted(row.items()))
        lines.append(f"{noise}{j % 2 or -1} {entries}".rstrip() + draw(st.sampled_from(["", " # why"])) + end)
    text = "".join(lines)
    if draw(st.booleans()):
        text = text.removesuffix(end)
    dense = np.zeros((len(rows), dim))
    for j, row in enumerate(rows):
        for k, v in row.items():
            dense[j, k] = v
    return text.encode(), dense, np.array([j % 2 or -1 for j in range(len(rows))])


@given(files(), st.integers(1, 70), st.sampled_from(list(PACKERS)))
@settings(max_examples=150, deadline=None)
def test_rows_do_not_depend_on_pieces_or_packing(tmp_path_factory, file, size, suffix):
    text, dense, labels = file
    path = tmp_path_factory.mktemp("data") / f"train{suffix}"
    path.write_bytes(PACKERS[suffix](text))
    rows, found = libsvm(str(path), size=size)
    np.testing.assert_array_equal(rows.toarray(), dense)
    np.testing.assert_array_equal(found, labels)
    survey = Survey.of(str(path), size=size)
    assert (survey.dim, survey.entries) == (dense.shape[1], np.count_nonzero(dense))
    np.testing.assert_array_equal(survey.labels, labels)


@pytest.mark.parametrize("width", [4, 40])
def test_every_worker_reads_the_rows_that_the_whole_problem_gives_it(tmp_path, width, monkeypatch):
    """Dense rows and sparse ones, a piece of the file that has labels only, pieces much smaller than the file."""
    monkeypatch.setattr("tersegrad.problems.files.PIECE", 64)
    random = np.random.default_rng(1)
    lines = ["1", "2", "# nothing", "", *(f"{1 + j % 2} {1 + j % width}:{random.normal():.17g}" for j in range(50))]
    path = tmp_path / "data.svm.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    whole = problem(f"logistic:data={path},reg=0.1,x0=0.5,split=sorted", workers=3)
    part = without_optimum(whole.spec, 3, with_data=False)
    assert (part.spec, part.dim) == (whole.spec, whole.dim)
    np.testing.assert_array_equal(part.x0, whole.x0)
    kernels, x = whole.kernels(), np.random.default_rng(2).standard_normal((1, whole.dim))
    for worker in range(3):
        data = read_share({"spec": whole.spec, "workers": 3, "numbers": kernels.data[4]}, worker)
        expected, got = np.empty_like(x), np.empty_like(x)
        kernels.gradient(worker, x, np.empty((1, 0)), kernels.data, expected)
        part.kernels().gradient(0, x, np.empty((1, 0)), tuple(data), got)
        np.testing.assert_array_equal(got, expected)


def test_a_compressed_file_is_known_by_its_first_bytes(tmp_path):
    for name, pack in (("a.GZ", gzip.compress), ("b", bz2.compress), ("c.dat", lzma.compress)):
        path = tmp_path / name
        path.write_bytes(pack(b"1 1:2\n2 2:3\n"))
        assert problem(f"least-squares:data={path}").dim == 2


def test_names_of_files_are_never_numbers_and_may_hold_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("007", "1e5", "a,b.svm"):
        (tmp_path / name).write_text("1 1:2\n2 2:3\n")
        spec = f'least-squares:data="{name}",reg=0.1'
        p = problem(spec)
        assert p.dim == 2
        assert problem(p.spec).constants() == p.constants()
    assert problem("least-squares:data=007").dim == 2


def test_a_table_with_names_without_names_and_with_words(tmp_path):
    rows, y = np.arange(12.0).reshape(4, 3), np.array([1.0, 0.0, 1.0, 0.0])
    with_names = "a,b,label,c\n" + "\n".join(f"{r[0]},{r[1]},{t},{r[2]}" for r, t in zip(rows, y, strict=True))
    (tmp_path / "named.csv").write_text("\ufeff" + with_names + "\n")
    (tmp_path / "bare.tsv").write_text("\n".join("\t".join(map(str, [*r, t])) for r, t in zip(rows, y, strict=True)))
    (tmp_path / "words.csv").write_text("x,z\n1,yes\n2,no\n3,yes\n")
    for options in ({"target": "label"}, {"target": 2}, {"target": -2}):
        found, targets = read(str(tmp_path / "named.csv"), **options)
        np.testing.assert_array_equal(found, rows)
        np.testing.assert_array_equal(targets, y)
    found, targets = read(str(tmp_path / "bare.tsv"))
    np.testing.assert_array_equal(found, rows)
    np.testing.assert_array_equal(targets, y)
    np.testing.assert_array_equal(problem(f"logistic:data={tmp_path}/words.csv,split=given").b, [1, -1, 1])


def test_numpy_files_dense_and_sparse(tmp_path):
    X, y = np.eye(4), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "dense.npz", X=X, y=y)
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    save_npz(tmp_path / "rows.npz", csr_array(X))
    with np.load(tmp_path / "rows.npz") as file:
        np.savez(tmp_path / "sparse.npz", y=y, **{k: file[k] for k in file.files})
    expected = problem("logistic", X, y).constants()
    for data in ("dense.npz", "sparse.npz", f"X.npy,targets={tmp_path}/y.npy"):
        assert problem(f"logistic:data={tmp_path}/{data}").constants() == expected


def test_n_features_makes_room_for_features_that_do_not_occur(tmp_path):
    path = tmp_path / "narrow.svm"
    path.write_text("1 1:2\n2 2:3\n")
    assert problem(f"least-squares:data={path},n_features=7").dim == 7
    with pytest.raises(InputError, match=r"n_features=1: .* has 2 features"):
        problem(f"least-squares:data={path},n_features=1")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.gz", gzip.compress(b"1 1:2\n" * 5000, mtime=0)[:-30], "is cut off or damaged"),
        ("bad.gz", gzip.compress(b"1 1:2\n" * 5000, mtime=0)[:40] + b"\x00" * 40, "is cut off or damaged"),
        ("cut.bz2", bz2.compress(b"1 1:2\n" * 5000)[:-10], "is cut off or damaged"),
        ("cut.xz", lzma.compress(b"1 1:2\n" * 5000)[:-10], "is cut off or damaged"),
        ("line.svm", b"1 1:2\n" * 40 + b"1 1:x\n" + b"2 1:1\n" * 40, "line 41"),
        ("unsorted.svm", b"1 1:2\n\n# c\n2 2:1 1:1\n", "line 4"),
        ("negative.svm", b"1 -1:2\n", "line 1"),
        ("huge.svm", b"1 1:1e999\n2 1:1\n", "not a finite number"),
        ("words.csv", b"a,b\n1,2\nx,3\n", "is not a table of numbers"),
        ("ragged.csv", b"1,2\n1\n", "is not a table of numbers"),
        ("one.csv", b"1\n2\n", "1 column; it needs at least one feature and a target"),
        ("empty.csv", b"a,b\n", "0 rows"),
        ("latin.csv", b"1,\xff\n", "UTF-8"),
        ("not.npz", b"1 1:1\n", "is not a file of NumPy arrays"),
        ("X.npy", b"1 1:1\n", "targets=y.npy"),
    ],
)
def test_bad_files_get_one_clear_sentence(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        problem(f"least-squares:data={path}")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_that_unpack_to_more_than_the_memory_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = tmp_path / "packed.npz"
    np.savez_compressed(path, X=np.zeros((1000, 100)), y=np.zeros(1000))  # 800 kB in less than 4
    monkeypatch.setattr("tersegrad.common.limits.memory", lambda: 5e5)
    with pytest.raises(InputError, match=r"the arrays in '.*packed.npz' take 0.000\d* GB"):
        problem(f"least-squares:data={path}")


def test_features_that_are_all_zero_are_data_like_any_other(tmp_path):
    path = tmp_path / "zero.svm"
    path.write_text("1 1:0\n2 1:0\n")
    assert problem(f"least-squares:data={path}").constants().L == 0.05
    np.testing.assert_array_equal(problem(f"least-squares:data={path}").x_star, [0])
    with pytest.raises(InputError, match="its f_i is constant; give reg > 0"):
        problem(f"least-squares:data={path},reg=0").constants()


@pytest.mark.parametrize("content", ["1 1:1e200\n2 1:1\n", "1e200 1:1\n2 1:1\n"])
def test_values_whose_products_overflow_are_refused(tmp_path, content):
    path = tmp_path / "large.svm"
    path.write_text(content)
    with pytest.raises(InputError, match=r"1e\+200: products of values above 1e\+75 overflow"):
        problem(f"least-squares:data={path}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a POSIX matter")
def test_pipes_and_devices_are_not_read_for_ever(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(InputError, match="not a regular file"):
            problem(f"logistic:data={path}")


def test_an_option_of_another_format_is_refused(tmp_path):
    path = tmp_path / "a.svm"
    path.write_text("1 1:2\n2 2:3\n")
    with pytest.raises(InputError, match=r"target=3 is an option of a \.csv"):
        problem(f"logistic:data={path},target=3")
    with pytest.raises(InputError, match="n_features=3 is an option of files"):
        problem("logistic:data=digits,n_features=3")
    with pytest.raises(InputError, match="target=3 is an option of data of your own"):
        problem("logistic:target=3")
