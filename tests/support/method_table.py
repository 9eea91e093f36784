"""Parameters with which the generic tests run every method: stable on the small quadratics that they use."""

from __future__ import annotations

from typing import Any

from tersegrad.solvers.method import method

PARAMETERS: dict[str, dict[str, Any]] = {
    "sgd": {"gamma": 0.3},
    "qsgd": {"gamma": 0.2},
    "qsgd-two-way": {"gamma": 0.1},
    "diana": {"gamma": 0.1, "alpha": 0.3},
    "error-feedback": {"gamma": 0.1},
    "doublesqueeze": {"gamma": 0.05},
    "dore": {"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2},
    "doublesqueeze-async": {"gamma": 0.03, "M": 1},
    "delayed-sgd": {"gamma": 0.05, "M": 1},
    "delay-adaptive": {"gamma": 0.05},
    "ringmaster": {"gamma": 0.05, "R": 3},
    "rennala": {"gamma": 0.1, "B": 5},
    "iag": {"gamma": 0.02},
    "piag": {"gamma": 0.02},
    "mem-sgd": {"gamma": 2.0, "a": 20.0},
    "liec": {"gamma": 0.1, "H": 4},
    "cser": {"gamma": 0.1, "H": 4},
    "neolithic": {"gamma": 0.05, "R": 3},
    "compressed-gd": {"gamma": 0.1},
    "ef21": {"gamma": 0.1},
    "ef21-sgdm": {"gamma": 0.1, "eta": 0.4},
    "ef21-norm": {"gamma": 0.05},
    "ef21-bc": {"gamma": 0.05},
    "econtrol": {"gamma": 0.1, "eta": 0.2},
    "ef-bv": {"gamma": 0.1, "lam": 0.4, "nu": 0.7},
    "marina": {"gamma": 0.05, "p": 0.3},
    "q-rr": {"gamma": 0.05},
    "diana-rr": {"gamma": 0.05, "alpha": 0.3},
    "marina-p": {"gamma": 0.05, "p": 0.3},
    "dasha": {"gamma": 0.05, "alpha": 0.3},
    "scaffnew": {"gamma": 0.3, "p": 0.3},
    "compressed-scaffnew": {"gamma": 0.3, "p": 0.3, "eta": 0.5},
    "artemis": {"gamma": 0.05, "alpha": 0.3},
    "murana": {"gamma": 0.1, "lam": 0.3, "beta": 0.4},
    "ef21-p": {"gamma": 0.05},
    "ef21-p-diana": {"gamma": 0.05, "beta": 0.3},
    "gmc": {"gamma": 0.02, "beta": 0.7},
    "gmc-plus": {"gamma": 0.02, "beta": 0.7, "lam": 0.6},
    "gmc-decreasing": {"gamma": 0.5, "beta": 0.7, "a": 20.0},
    "dgc": {"gamma": 0.02, "beta": 0.7},
    "dmsgd": {"gamma": 0.05, "beta": 0.7},
    "heavy-ball": {"gamma": 0.05, "beta": 0.7},
    "momentum": {"gamma": 0.2, "b": 0.7},
    "sgd-momentum": {"gamma": 0.1},
    "dist-ef-sgd": {"gamma": 0.02, "b": 0.7},
    "signsgd": {"gamma": 0.02, "R": 3},
    "q-gd": {"gamma": 0.2},
    "d-qgd": {"gamma": 0.2},
    "q-iag": {"gamma": 0.03},
    "delayed-q-sgd": {"gamma": 0.05, "M": 1},
}

EVERYTHING = ["grad_sq_mean", "gap_mean"]
ALONG_SHADOW = ["shadow_grad_sq_mean", "shadow_spread_mean"]
"""The columns that every method can record."""


#: For methods that reshuffle rows: three workers have 4, 4 and 3, of which 9 rounds see two epochs and a part of one.
RESHUFFLED = "least-squares:rows=11,dim=6,reg=0.3,batch=1,sampling=reshuffled"


def fitting(word: str, problem: str) -> str:
    """The problem, or one with rows for a method that takes no other."""
    return RESHUFFLED if method(word).reshuffles else problem


def call(word: str, problem: str, **changed: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Arguments of a small run of a method, everything recorded."""
    m = method(word)
    options = {
        "workers": 3, "parameters": PARAMETERS[word], "rounds": 9, "replicas": 3, "seed": 4, "paths": True,
        "columns": [*EVERYTHING, *(ALONG_SHADOW if m.shadow else []), *m.columns],
    }  # fmt: skip
    if m.clock:
        options["schedule"] = "exponential"
    up = "identity" if word == "sgd" else "qsgd:levels=3"
    return (word, fitting(word, problem), up, "ternary:block=5" if m.two_way else "identity"), options | changed
