"""Compressors and problems are what they say: kernels beside plain NumPy; what is changed is found."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from support.compressor_table import ALL, ON_THE_WIRE
from support.wrong_methods import changed
from tersegrad import solvers
from tersegrad.problems import PROBLEMS
from tersegrad.problems.quadratic import Quadratic
from tersegrad.solvers import compressors
from tersegrad.theory.compressors import Compressor, compressor
from tersegrad.validation import compressor_conforms, problem_conforms
from tersegrad.validation.parts import measures_conform


@pytest.mark.parametrize("spec", dict.fromkeys(ALL + ON_THE_WIRE))
def test_every_compressor_is_its_reference(spec):
    answer = compressor_conforms(spec)
    assert answer.word == "conforms", str(answer)
    assert {"the message", "the bits"} <= set(answer.checked)


#: The compressor, the text of its kernel, and what takes its place.
EDITS = (
    ("adversary:direction=sphere,delta=0.1", "across * (norm / turned)", "across"),
    ("bernoulli:p=0.3", "to[j] = rounded(row[j] * factor", "to[j] = rounded(row[j]"),
    ("bernoulli:p=0.3", "if coins[0] < p:", "if coins[0] < 1.0 - p:"),
    ("clip:bits=3", "52 - comp.bits", "51 - comp.bits"),
    ("composed:first=randk/ratio=0.3,second=natural", "first, u[r], coin, ctx", "first, u[r], 0, ctx"),
    ("dynamic", "reached += abs(row[j])", "reached += row[j] * row[j]"),
    ("induced:first=topk/ratio=0.3,second=ternary", "to[0, j] = first[0, j] + to[0, j]", "to[0, j] = first[0, j]"),
    ("multilevel:ratio=0.3", "factor = total / norms[chosen]", "factor = total / norms[0]"),
    ("multilevel:ratio=0.3", "left >= norms[chosen]", "left >= 0.5 * norms[chosen]"),
    ("participation:of=ternary,p=0.4", "to[j] *= factor", "to[j] *= 1.0"),
    ("participation:of=ternary,p=0.4", "u[r], 1, ctx", "u[r], 0, ctx"),
    ("natural", "power_of_two(row[j], coins[j])", "power_of_two(row[j], 0.5)"),
    ("natural-dithering:levels=3", "part_out[j] = (scale * level if part[j] > 0.0 else -scale * level) + 0.0",
     "part_out[j] = part[j] + 0.0 * level"),
    ("normsign", "length(part) / math.sqrt(part.size)", "length(part)"),
    ("mask:workers=3,s=2", "ctx[WORKER] % n, n / s", "0, n / s"),
    ("mask:workers=3,s=2", "rank - s * j", "rank - j"),
    ("mask:workers=3,s=2", "to[j] = -0.0", "to[j] = row[j]"),
    ("permk:workers=3", "ctx[WORKER] % n * k", "0"),
    ("permk:workers=3", "row[j] * n", "row[j]"),
    ("powersgd", "if norm == 0.0:", "if norm >= 0.0:"),
    ("powersgd", "orthonormalise(p)\n", "pass\n"),
    ("qsgd:levels=4", "part_coins[j] < exact - low", "0.5 < exact - low"),
    ("qsgd:levels=4", "s / norm if", "(s + 1) / norm if"),
    ("randk:ratio=0.3", "to[j] = rounded(row[j] * factor", "to[j] = rounded(row[j]"),
    ("randk:ratio=0.3", "32 * k + where", "32 * k"),
    ("randomblock:blocks=3", "to[j] = truncated(row[j], VALUE_LOW_BITS)", "to[j] = row[j]"),
    ("rankr:rank=2", "gram[best, best] = -1.0", "gram[0, 0] = -1.0"),
    ("repeated:of=topk/ratio=0.1,times=3", "rest[0, j] = row[j] - to[j]", "rest[0, j] = row[j]"),
    ("scaled:of=ternary", "to[j] *= factor", "to[j] *= factor * factor"),
    ("sign", "if part[j] >= 0.0", "if part[j] > 0.0"),
    ("sparsifier:ratio=0.3", "coins[j] * lam < size", "0.5 * lam < size"),
    ("sparsifier:ratio=0.3", "lam = total(sizes[:left], 0) / k", "lam = total(sizes[:left], 0) / (k + 1)"),
    ("ternary", "row_u[j] * norm >=", "row_u[0] * norm >="),
    ("threshold:level=0.7", "above = not abs(row[j]) <= level", "above = not abs(row[j]) < level"),
    ("topk:ratio=0.3", "(key == least and ties > 0):\n                to", "key == least:\n                to"),
    ("topk:ratio=0.3", "32 * k + index_length(k, dim)", "32 * k"),
)  # fmt: skip


#: The same, of what finds the places and values of sparse messages.
SPARSE_EDITS = (
    ("bernoulli:p=0.3", "values[j] = rounded(row[j] * factor", "values[j] = rounded(row[j]"),
    ("bernoulli:p=0.3", "return dim", "return dim - 1"),
    ("randk:ratio=0.3", "values[i] = rounded(row[j] * factor", "values[i] = rounded(row[j]"),
    ("sparsifier:ratio=0.3", "coins[j] * lam >= size", "0.5 * lam >= size"),
    ("sparsifier:ratio=0.3", "value = scale if row[j] > 0.0 else -scale", "value = scale"),
    ("sparsifier:ratio=0.3", "short += abs(values[i]) == once", "short += abs(values[i]) >= once"),
    ("threshold:level=0.7", "kept += not abs(row[j]) <= level", "kept += not abs(row[j]) < level"),
    ("topk:ratio=0.3", "ties > 0):\n            places[count] = j", "ties > 0):\n            places[count] = i"),
)


@pytest.mark.parametrize(("spec", "text", "instead"), SPARSE_EDITS)
def test_places_and_values_that_are_another_message_are_seen(spec, text, instead, tmp_path, monkeypatch):
    room = import_module(f"{compressors.__name__}.{spec.partition(':')[0]}")
    source = Path(solvers.__path__[0]) / "compressors" / Path(room.__file__).name
    monkeypatch.setattr(room, "select", changed(source, text, instead, tmp_path).select)
    answer = compressor_conforms(spec)
    assert answer.word == "differs"
    assert "by places and values" in answer.where


@pytest.mark.parametrize(("spec", "text", "instead"), EDITS)
def test_a_compressor_whose_source_is_changed_differs(spec, text, instead, tmp_path, monkeypatch):
    room = import_module(f"{compressors.__name__}.{spec.partition(':')[0].replace('-', '_')}")
    source = Path(solvers.__path__[0]) / "compressors" / Path(room.__file__).name
    monkeypatch.setattr(room, "kernel", changed(source, text, instead, tmp_path).kernel)
    answer = compressor_conforms(spec)
    assert answer.word == "differs"
    assert "of the vector '" in answer.where


class Half(Compressor):
    """Half of the vector, in NumPy and in a kernel."""

    name = "half"

    def image(self, x):
        return 0.5 * x

    def kernel(self, dim):
        return kernel_half, np.zeros(0), 0


class NoReference(Half):
    name = "no-reference"
    image = Compressor.image


class Third(Half):
    name = "third"

    def image(self, x):
        return x / 3


def kernel_half(x, u, ctx, params, state, out, bits):
    out[:] = 0.5 * x
    bits[:] = 1.0


def test_a_compressor_of_ones_own_is_compared_with_its_image():
    assert compressor_conforms(Half()).word == "conforms"
    assert compressor_conforms(Third()).word == "differs"
    assert str(compressor_conforms(NoReference())) == "not checked: compressor 'no-reference' has no reference"


@pytest.mark.parametrize(
    "spec", [*PROBLEMS, "logistic:batch=3", "least-squares:batch=1", "robust:batch=2", "quadratic:rotate=1"]
)
def test_every_problem_is_its_numpy_expressions(spec):
    answer = problem_conforms(spec, workers=3)
    assert answer.word == "conforms", str(answer)
    assert ("batch" in spec) == ("the mean of the sampled gradients" in answer.checked)


class WrongGradient(Quadratic):
    """In NumPy only."""

    def worker_gradient(self, worker, X):
        return 1.001 * super().worker_gradient(worker, X)


class WrongValue(Quadratic):
    """In NumPy only."""

    def worker_value(self, worker, X):
        return super().worker_value(worker, X) + 1e-9


@pytest.mark.parametrize("kind", [WrongGradient, WrongValue])
def test_a_wrong_problem_differs(kind):
    answer = problem_conforms(kind(dim=5, workers=2))
    assert answer.word == "differs"
    assert "of worker 0" in answer.where


def test_a_gradient_that_is_not_that_of_the_value_differs():
    wrong = Quadratic(dim=5, workers=2, rotate=1)
    wrong.matrices = wrong.matrices + np.triu(np.ones((5, 5)), 1)  # not symmetric: x H is half of the slope
    assert "not that of the value" in problem_conforms(wrong).where


@pytest.mark.parametrize("spec", ["topk:k=3", "ternary", "qsgd:levels=4", "sign", "natural", "randk:k=2,seed=shared"])
def test_a_codec_that_reads_other_messages_than_were_written_is_found(spec, monkeypatch):
    codec = type(compressors.codec(compressor(spec)))
    right = codec.read
    monkeypatch.setattr(codec, "read", lambda *given: np.abs(right(*given)))
    answer = compressor_conforms(spec, dims=(13,))
    assert answer.word == "differs"
    assert "what is decoded" in answer.where


MEASURED = (
    "quadratic:dim=8,mu=0.3,L=2,heterogeneity=1,hessians=scaled,noise=gaussian,sigma_sq=2",
    "pl:dim=6,noise=uniform,sigma_sq=1",
    "least-squares:rows=30,dim=6,reg=0.1,l1=0.05,l2prox=0.1", "logistic:rows=30,dim=5,reg=0.1,batch=2",
    "logistic-nonconvex:rows=30,dim=5,noise=rademacher,sigma_sq=3",
)  # fmt: skip


@pytest.mark.parametrize("spec", MEASURED)
def test_what_is_measured_is_what_the_problem_says(spec):
    answer = measures_conform(spec, 3)
    assert answer.word == "conforms", str(answer)
    assert {"the column grad_sq", "the column grad_sq_mean"} <= set(answer.checked)


@pytest.mark.parametrize(
    ("constant", "factor"),
    [("dist0_sq", 0.5), ("gap0", 0.9), ("zeta_star_sq", 0.5), ("grad0_sq", 2.0)],
)
def test_a_constant_of_start_or_minimiser_that_is_wrong_is_found(constant, factor, monkeypatch):
    right = Quadratic.constants
    monkeypatch.setattr(
        Quadratic, "constants", lambda self: replace(c := right(self), **{constant: factor * getattr(c, constant)})
    )
    answer = measures_conform(MEASURED[0], 3)
    assert answer.word == "differs"
    assert constant in answer.where


def test_a_column_that_records_something_else_is_found(monkeypatch):
    from tersegrad.solvers.engines import metrics

    right = metrics.squares
    monkeypatch.setattr(metrics, "squares", lambda v: 0.5 * right(v))
    answer = measures_conform("quadratic:dim=8,mu=0.3,L=2,heterogeneity=1", 3)
    assert answer.word == "differs"
    assert "the column" in answer.where


def test_noise_of_another_variance_is_found(monkeypatch):
    """What is run has twice the variance that the problem says."""
    said = MEASURED[0]
    right = solvers.simulate

    def louder(method, problem, **options):
        return (
            right(method, problem, **options)
            if options["rounds"] > 1
            else right(method, said.replace("sigma_sq=2", "sigma_sq=4"), workers=3, **options)
        )

    monkeypatch.setattr("tersegrad.validation.parts.simulate", louder)
    answer = measures_conform(said, 3)
    assert answer.word == "differs"
    assert "the variance of the noise" in answer.where
