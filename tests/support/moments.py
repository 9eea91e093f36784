"""Exact second moments of methods on a line, from their pseudo-code.

On f_i = a_i (x - b_i)^2/2 in one dimension, with coins that multiply a message, a round is a random linear map of
z = (1, x, memories), so E z z^T obeys a linear recursion with one term per outcome of the coins. The pseudo-code below
works on rows: x is the row of the identity that picks x out of z, a gradient is a_i (x - b_i one). No sampling error.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from tersegrad.theory import Constants, Contractive, Unbiased

ROUNDS = 60


@dataclass
class Coins:
    """A compressor on the line: outcomes (probability, factor), and what it promises."""

    outcomes: tuple[tuple[float, float], ...]
    promise: Unbiased | Contractive


def unbiased(p: float) -> Coins:
    """Keep with probability p, times 1/p."""
    return Coins(((p, 1 / p), (1 - p, 0.0)) if p < 1 else ((1.0, 1.0),), Unbiased(1 / p - 1))


def contractive(kind: str, delta: float) -> Coins:
    """Keep with probability delta; or err by sqrt(1 - delta) at every message, inwards or outwards."""
    err = math.sqrt(1 - delta)
    laws = {
        "bernoulli": ((delta, 1.0), (1 - delta, 0.0)) if delta < 1 else ((1.0, 1.0),),
        "inwards": ((1.0, 1 - err),),
        "outwards": ((1.0, 1 + err),),
    }
    return Coins(laws[kind], Contractive(delta))


class Line:
    """The problem: a_i, b_i, and the constants that it has exactly."""

    def __init__(self, seed: int, n: int, convex: bool, sigma: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.n, self.sigma = n, sigma
        self.a, self.b = rng.uniform(0.05, 2, n), 3 * rng.normal(size=n)
        if not convex:
            self.a[0] = -0.6 * self.a[1:].sum()
        self.b -= (self.a * self.b).sum() / self.a.sum()  # the minimiser is 0
        self.mean, self.x0 = self.a.mean(), rng.normal()
        at_star, start = -self.a * self.b, self.a * (self.x0 - self.b)
        apart = self.mean * self.x0**2 / 2
        smallest = float(self.a.min())
        self.constants = Constants(
            n=n, L=self.mean, L_tilde=math.sqrt(np.mean(self.a**2)), L_max=np.abs(self.a).max(), mu=self.mean,
            mu_min=smallest, pl=self.mean, sigma_sq=sigma**2, zeta_star_sq=np.mean(at_star**2), gap0=apart,
            dist0_sq=self.x0**2, grad0_sq=np.mean(start**2),
            L_mean=np.abs(self.a).mean(), L_shared=np.abs(self.a).sum(),
            grad0_scaled=np.mean(start**2 / np.abs(self.a)),
            gap_star=np.mean(self.a * self.b**2) / 2 if convex else None,
        )  # fmt: skip


class Moments:
    """E z z^T of a method, round after round, and the metrics of the theorems."""

    def __init__(self, line: Line, method, p: dict[str, float], up: Coins, down: Coins, rounds: int = ROUNDS) -> None:
        self.line, self.p = line, p
        names = ["one", "x", "w", "v", *(f"{kind}{i}" for kind in "hmg" for i in range(line.n)), "total"]
        eye = np.eye(len(names))
        rows = dict(zip(names, eye, strict=True))
        signs = (-line.sigma, line.sigma) if line.sigma else (0.0,)
        self.row = {k: v.copy() for k, v in rows.items()}

        def maps(special: bool) -> list[tuple[float, np.ndarray]]:
            found = []
            for *sides, below in itertools.product(*[up.outcomes] * line.n, down.outcomes):
                for noise in itertools.product(signs, repeat=line.n):
                    z = dict(rows)
                    method(line, p, z, [c for _, c in sides], below[1], noise, special)
                    z["total"] = z["total"] + z["x"]
                    chance = math.prod(c for c, _ in sides) * below[0] / len(signs) ** line.n
                    found.append((chance, np.array([z[name] for name in names])))
            return found

        first, usual = maps(True), maps(False)
        heads = p.get("p") if method is marina else None
        if heads is not None:
            usual = [(heads * c, m) for c, m in first] + [((1 - heads) * c, m) for c, m in usual]
        start = np.zeros(len(names))
        start[0], start[1], start[2] = 1.0, line.x0, line.x0
        S = np.outer(start, start)
        self.path = [S]
        for t in range(rounds):
            S = sum(chance * m @ S @ m.T for chance, m in (first if t == 0 else usual))
            self.path.append(S)

    def square(self, row: np.ndarray) -> np.ndarray:
        """E (row z)^2 after 0, 1, ... rounds."""
        return np.array([row @ S @ row for S in self.path])

    def of(self, name: str) -> np.ndarray:
        """The second moment of a variable after 0, 1, ... rounds."""
        return self.square(self.row[name])

    def metric(self, found) -> tuple[np.ndarray, np.ndarray]:
        """Rounds t and the theorem's metric at each."""
        line, row = self.line, self.row
        gradients = [line.a[i] * (row["x"] - line.b[i] * row["one"]) for i in range(line.n)]
        grad_sq = line.mean**2 * self.square(row["x"])
        memory = [self.square(row[f"h{i}"] - gradients[i]) for i in range(line.n)]
        at_star = [-line.a[i] * line.b[i] * row["one"] for i in range(line.n)]
        t = np.arange(1, ROUNDS + 1)
        columns = {
            "dist_sq": self.square(row["x"]),
            "gap": line.mean / 2 * self.square(row["x"]),
            "memory_gap_sq": np.mean(memory, axis=0),
            "memory_error_sq": np.mean([self.square(row[f"h{i}"] - at_star[i]) for i in range(line.n)], axis=0),
        }
        ways = dict(found.metric.terms)
        if "grad_sq_mean" in ways:
            return t, np.cumsum(grad_sq[:-1]) / t
        if "grad_sq_avg" in ways:
            w = found.weights[1] ** -(t.astype(float))
            return t, np.cumsum(w * grad_sq[:-1]) / np.cumsum(w)
        if "gap_avg" in ways:
            return t, line.mean / 2 * self.square(row["total"])[1:] / t**2
        return np.arange(ROUNDS + 1), sum(c * columns[name] for name, c in found.metric.terms)


def gradients(line, z, noise, at="x"):
    """Rows of the workers' gradients at z[at]."""
    return [line.a[i] * (z[at] - line.b[i] * z["one"]) + noise[i] * z["one"] for i in range(line.n)]


def average(rows):
    return sum(rows) / len(rows)


# --------------------------------------- the pseudo-code of one round; special: the method's exceptional round


def ef21(line, p, z, up, down, noise, special):
    for i, g in enumerate(gradients(line, z, noise)):
        z[f"h{i}"] = z[f"h{i}"] + up[i] * (g - z[f"h{i}"])
    z["x"] = z["x"] - p["gamma"] * average([z[f"h{i}"] for i in range(line.n)])


def ef_bv(line, p, z, up, down, noise, special):
    d = [up[i] * (g - z[f"h{i}"]) for i, g in enumerate(gradients(line, z, noise))]
    v = average([z[f"h{i}"] for i in range(line.n)]) + p["nu"] * average(d)
    for i in range(line.n):
        z[f"h{i}"] = z[f"h{i}"] + p["lam"] * d[i]
    z["x"] = z["x"] - p["gamma"] * v


def diana(line, p, z, up, down, noise, special):
    ef_bv(line, p | {"lam": p["alpha"], "nu": 1.0}, z, up, down, noise, special)


def qsgd(line, p, z, up, down, noise, special):
    z["x"] = z["x"] - p["gamma"] * average([up[i] * g for i, g in enumerate(gradients(line, z, noise))])


def ef21_sgdm(line, p, z, up, down, noise, special):
    for i, g in enumerate(gradients(line, z, noise)):
        m = g if special else (1 - p["eta"]) * z[f"m{i}"] + p["eta"] * g
        z[f"m{i}"] = m
        z[f"h{i}"] = z[f"h{i}"] + (1.0 if special else up[i]) * (m - z[f"h{i}"])
    z["x"] = z["x"] - p["gamma"] * average([z[f"h{i}"] for i in range(line.n)])


def ef21_bc(line, p, z, up, down, noise, special):
    for i, g in enumerate(gradients(line, z, noise)):
        z[f"h{i}"] = z[f"h{i}"] + (1.0 if special else up[i]) * (g - z[f"h{i}"])
    mean = average([z[f"h{i}"] for i in range(line.n)])
    z["v"] = z["v"] + (1.0 if special else down) * (mean - z["v"])
    z["x"] = z["x"] - p["gamma"] * z["v"]


def marina(line, p, z, up, down, noise, special):
    g = gradients(line, z, noise)
    z["v"] = average(g) if special else z["v"] + average([up[i] * (g[i] - z[f"g{i}"]) for i in range(line.n)])
    z |= {f"g{i}": g[i] for i in range(line.n)}
    z["x"] = z["x"] - p["gamma"] * z["v"]


def dasha(line, p, z, up, down, noise, special):
    for i, g in enumerate(gradients(line, z, noise)):
        h, before = z[f"h{i}"], z[f"g{i}"]
        z[f"h{i}"] = g if special else h + up[i] * (g - before - p["alpha"] * (h - before))
        z[f"g{i}"] = g
    z["x"] = z["x"] - p["gamma"] * average([z[f"h{i}"] for i in range(line.n)])


def artemis(line, p, z, up, down, noise, special):
    q = [up[i] * (g - z[f"h{i}"]) for i, g in enumerate(gradients(line, z, noise))]
    v = average([z[f"h{i}"] for i in range(line.n)]) + average(q)
    for i in range(line.n):
        z[f"h{i}"] = z[f"h{i}"] + p["alpha"] * q[i]
    z["x"] = z["x"] - p["gamma"] * down * v


def murana(line, p, z, up, down, noise, special):
    d = [up[i] * (g - z[f"h{i}"]) for i, g in enumerate(gradients(line, z, noise))]
    target = z["x"] - p["gamma"] * (average([z[f"h{i}"] for i in range(line.n)]) + average(d))
    for i in range(line.n):
        z[f"h{i}"] = z[f"h{i}"] + p["lam"] * d[i]
    z["x"] = z["x"] + p["beta"] * down * (target - z["x"])


def ef21_p(line, p, z, up, down, noise, special):
    z["x"] = z["x"] - p["gamma"] * average(gradients(line, z, noise, at="w"))
    z["w"] = z["w"] + down * (z["x"] - z["w"])


def ef21_p_diana(line, p, z, up, down, noise, special):
    m = [up[i] * (g - z[f"h{i}"]) for i, g in enumerate(gradients(line, z, noise, at="w"))]
    v = average([z[f"h{i}"] for i in range(line.n)]) + average(m)
    for i in range(line.n):
        z[f"h{i}"] = z[f"h{i}"] + p["beta"] * m[i]
    z["x"] = z["x"] - p["gamma"] * v
    z["w"] = z["w"] + down * (z["x"] - z["w"])


PSEUDO_CODE = {
    "ef21": ef21, "ef-bv": ef_bv, "diana": diana, "qsgd": qsgd, "ef21-sgdm": ef21_sgdm, "ef21-bc": ef21_bc,
    "marina": marina, "dasha": dasha, "artemis": artemis, "murana": murana, "ef21-p": ef21_p,
    "ef21-p-diana": ef21_p_diana,
}  # fmt: skip
