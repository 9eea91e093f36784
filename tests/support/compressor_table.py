"""The compressors that the generic tests run, and what they run them with."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np

from tersegrad.solvers.compressors import kernel
from tersegrad.solvers.context import context
from tersegrad.theory import InputError, compressor

ALL = [
    "identity",
    "qsgd",
    "qsgd:levels=4",
    "qsgd:levels=7,norm=linf,block=5",
    "ternary",
    "ternary:block=7",
    "ternary:norm=l2,block=7",
    "randk:ratio=0.3",
    "randk:ratio=0.3,scaled=0",
    "randk:ratio=0.3,seed=shared",
    "topk:ratio=0.3",
    "sign",
    "sign:block=7",
    "threshold:level=0.4",
    "additive:eps=0.5",
    "natural",
    "natural-dithering",
    "natural-dithering:levels=3,norm=l1",
    "natural-dithering:levels=2,norm=linf,block=7",
    "randomblock:blocks=3",
    "randomblock:blocks=3,scaled=1,seed=own",
    "bernoulli:p=0.3",
    "permk:workers=3",
    "mask:workers=3,s=2",
    "sparsifier:ratio=0.3",
    "normsign",
    "normsign:block=7",
    "dynamic",
    "clip:bits=3",
    "rankr",
    "rankr:rank=2",
    "powersgd",
    "adversary:delta=0.3",
    "adversary:direction=grow",
    "adversary:direction=orthogonal,delta=0.9",
    "adversary:direction=sphere,delta=0.1",
    "induced:first=topk/ratio=0.3,second=ternary",
    "composed:first=topk/ratio=0.3,second=natural",
    "composed:first=randk/ratio=0.3,second=natural",
    "scaled:of=ternary",
    "scaled:of=dynamic",
    "repeated:of=topk/ratio=0.1,times=3",
    "repeated:of=natural",
    "multilevel:ratio=0.3",
    "multilevel:k=1",
    "participation:of=topk/ratio=0.3,p=0.4",
    "participation:of=ternary,p=0.4",
    "participation:of=randk/ratio=0.3/seed=shared,p=0.7",
]
"""Every word of the registry, with the options that change what is computed."""

ON_THE_WIRE = [
    "identity",
    "qsgd",
    "qsgd:levels=4",
    "qsgd:levels=7,norm=linf,block=5",
    "qsgd:levels=1000,norm=linf",
    "qsgd:levels=16,block=64",
    "ternary",
    "ternary:block=7",
    "ternary:norm=l2",
    "topk:ratio=0.1",
    "topk:k=1",
    "topk:ratio=0.6",
    "topk:ratio=1",
    "randk:ratio=0.1",
    "randk:ratio=0.3,scaled=0",
    "randk:ratio=1",
    "randk:ratio=0.2,seed=shared",
    "sign",
    "sign:block=3",
    "threshold:level=0.5",
    "threshold:level=3",
    "natural",
    "ternary:block=7,coder=ans",
    "qsgd:levels=4,block=9,coder=ans",
    "natural:coder=ans",
    "natural-dithering",
    "natural-dithering:levels=3,norm=l1",
    "natural-dithering:levels=64,norm=linf,block=5",
    "randomblock:blocks=3",
    "randomblock:blocks=3,scaled=1,seed=own",
    "bernoulli:p=0.5",
    "permk:workers=3",
    "permk:workers=1",
    "mask:workers=5,s=2",
    "mask:workers=50,s=2",
    "sparsifier:ratio=0.2",
    "sparsifier:ratio=1",
    "normsign:block=3",
    "dynamic",
    "clip:bits=5",
    "clip:bits=0",
    "rankr",
    "rankr:rank=2",
    "powersgd",
    "powersgd:rank=3",
    "adversary:direction=orthogonal",
    "induced:first=topk/ratio=0.2,second=qsgd/levels=4",
    "induced:first=clip/bits=3,second=randk/ratio=0.2/seed=shared",
    "composed:first=topk/ratio=0.2,second=natural",
    "composed:first=ternary,second=natural",
    "composed:first=topk/ratio=0.2,second=ternary",
    "scaled:of=natural-dithering",
    "scaled:of=permk/workers=2",
    "repeated:of=topk/ratio=0.1,times=3",
    "repeated:of=induced/first=sign/second=bernoulli",
    "scaled:of=rankr",
    "multilevel:ratio=0.2",
    "multilevel:ratio=1",
    "participation:of=identity,p=0.5",
    "participation:of=qsgd/levels=4,p=0.5",
    "participation:of=rankr,p=0.5",
    "participation:of=sparsifier/ratio=0.2,p=0.5,scaled=1",
    "participation:of=induced/first=topk//ratio=0.2/second=ternary,p=0.6",
]
"""The same, with the options that change the bytes: block boundaries, alphabets, lists of indices, nesting."""

CONTRACTIVE = [spec for spec in ALL if compressor(spec).contractive(20)]
SHRINKING = [spec for spec in CONTRACTIVE if compressor(spec).contractive(20).nonexpansive]


def works(spec: str, dim: int) -> bool:
    """Whether the compressor takes vectors of so few coordinates."""
    try:
        compressor(spec).check(dim)
    except InputError:
        return False
    return True


def working(specs: Iterable[str], dims: Iterable[int]) -> list[tuple[str, int]]:
    """All pairs of a compressor and a dimension that it takes."""
    return [(spec, dim) for spec, dim in itertools.product(specs, dims) if works(spec, dim)]


def coins(spec: str, dim: int, rows: int, seed: int = 0) -> np.ndarray:
    """Uniforms as the engine makes them: midpoints of a 32-bit grid."""
    draws = compressor(spec).draws(dim)
    return (np.random.default_rng(seed).integers(0, 2**32, (rows, draws)) + 0.5) * 2.0**-32


def compress(spec: str, x: np.ndarray, u: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """C(x) and the bits counted, for every row of x (B, d)."""
    x = np.atleast_2d(x)
    compressed, params, states = kernel(compressor(spec), x.shape[1])
    u = coins(spec, x.shape[1], len(x)) if u is None else np.ascontiguousarray(u)
    out, bits = np.full(x.shape, np.nan), np.full(len(x), np.nan)
    compressed(np.ascontiguousarray(x), u, context(), params, np.zeros((len(x), states)), out, bits)
    return out, bits


def grid(size: int) -> np.ndarray:
    """Midpoints that a coin with probability a multiple of 1/size meets exactly that often."""
    return (np.arange(size) + 0.5) / size


def squares(error: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", error, error)
