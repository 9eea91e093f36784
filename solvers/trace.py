"""What a run leaves behind: arrays at checkpoints, and how to read them back."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..common.card import card, pairs
from ..common.door import checked
from ..common.errors import InputError, counted
from ..common.files import require_regular, whole_file
from ..common.optional import needed
from .schedule import Schedule

#: Columns whose last means a notebook shows.
SHOWN = ("dist_sq", "gap", "above_bound", "objective", "grad_sq", "grad_sq_mean")
#: Traces that unpack to more than this are refused when they are read.
MOST_BYTES = 8e9


@dataclass(frozen=True, repr=False)
class Trace:
    """Measurements of R replicas at K checkpoints.

    Attributes
    ----------
    rounds
        (K,) rounds done at each checkpoint; the state is the one before round ``rounds[k]`` (counted from 0).
    columns
        Name -> (R, K) array. A replica that diverged holds inf from its first bad round on. Squared distances and
        norms are in the problem's own units, bits are per worker and cumulative. ``gap`` is F(x) - f* and there only
        where f* is known; where a lower bound of f* is, the column is ``above_bound``, F(x) less that bound, and where
        nothing is, ``objective``, F(x).
    first_bad
        (R,) round after which a replica's iterate was beyond bounds or not a number; 0 if it never was.
    scalars
        Name -> (K,) array of what is the same for all replicas (gradient evaluations, bits by formula, sampled
        entropy of the messages, the clock's seconds).
    final
        (R, d) the model after the last round.
    about
        What was run: method, problem, compressors, parameters, seed, versions.
    paths
        If kept: "x" and "shadow", (R, K, d), the models and shadow sequences at the checkpoints; zeros from a
        replica's first bad round on, as in ``final``.
    schedule
        Of an asynchronous run: who reported when. It is not saved with the trace but on its own, see `Schedule.save`.
    """

    rounds: np.ndarray
    columns: dict[str, np.ndarray]
    first_bad: np.ndarray
    scalars: dict[str, np.ndarray]
    final: np.ndarray
    about: dict[str, Any]
    paths: dict[str, np.ndarray] = field(default_factory=dict)
    schedule: Schedule | None = None

    @property
    def replicas(self) -> int:
        """Number of replicas R."""
        return self.first_bad.size

    @property
    def diverged(self) -> int | None:
        """The earliest round at which a replica diverged, None if none did."""
        bad = self.first_bad[self.first_bad > 0]
        return int(bad.min()) if bad.size else None

    @property
    def seconds(self) -> np.ndarray:
        """(K,) the clock's seconds at each checkpoint of an asynchronous run: virtual time, of computing alone.

        Raises
        ------
        InputError
            If nothing kept time.
        """
        if "seconds" not in self.scalars:
            raise InputError(
                "this run has no seconds: only an asynchronous method has them, under a clock that keeps time "
                "(straggler:factor=10), in the engine simulate or replayed"
            )
        return self.scalars["seconds"]

    @property
    def metric(self) -> np.ndarray:
        """(R, K) the metric of the theorem that the run is about: `run` was handed its guarantee.

        Raises
        ------
        InputError
            If the run is about no theorem.
        """
        return self.combine(tuple((column, float(value)) for column, value in self._about_theorem()["terms"]))

    @property
    def bound(self) -> np.ndarray:
        """(K,) the theorem's bound on the mean of `metric`; nan where it says nothing (some begin with round 1).

        Raises
        ------
        InputError
            If the run is about no theorem, or the theorem's bound has no value (an order, an unknown constant).
        """
        self._about_theorem()
        if "bound" not in self.scalars:
            raise InputError(
                f"the bound of {self.about['theorem']} has no value here: it is an order only, or needs a constant "
                f"that is unknown"
            )
        return self.scalars["bound"]

    def _about_theorem(self) -> dict[str, Any]:
        if "metric" not in self.about:
            raise InputError("this run belongs to no theorem: give run or simulate a guarantee instead of the method")
        return self.about["metric"]

    def to_pandas(self) -> Any:
        """The columns as a `pandas.DataFrame` with the index (replica, round); scalars are repeated for every replica.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        pandas = needed("pandas", "Trace.to_pandas")
        first = int(self.about.get("first_replica", 0))
        index = pandas.MultiIndex.from_product(
            [range(first, first + self.replicas), self.rounds.tolist()], names=["replica", "round"]
        )
        data = {name: values.reshape(-1) for name, values in self.columns.items()}
        data |= {name: np.tile(values, self.replicas) for name, values in self.scalars.items() if values.ndim == 1}
        return pandas.DataFrame(data, index=index)

    def to_xarray(self) -> Any:
        """The columns as an `xarray.Dataset` over (replica, round), with `about` as attributes.

        Raises
        ------
        InputError
            If xarray is not installed.
        """
        xarray = needed("xarray", "Trace.to_xarray")
        first = int(self.about.get("first_replica", 0))
        data: dict[str, Any] = {name: (("replica", "round"), values) for name, values in self.columns.items()}
        data |= {name: (("round",), values) for name, values in self.scalars.items() if values.ndim == 1}
        data["first_bad"] = (("replica",), self.first_bad)
        coordinates = {"replica": np.arange(first, first + self.replicas), "round": self.rounds}
        plain = {key: value for key, value in self.about.items() if isinstance(value, str | int | float)}
        return xarray.Dataset(data, coords=coordinates, attrs=plain)

    @checked
    def plot(self, column: str | None = None, *, over: str = "rounds") -> Any:
        """Draw the mean over replicas, and the bound where the run is about a theorem: a matplotlib figure.

        Parameters
        ----------
        column
            What to draw; default: the theorem's metric, else the gap, else the squared gradient.
        over
            "rounds", "bits" (of one worker, both ways, as encoded) or "seconds" (of the clock).
        """
        needed("matplotlib", "a picture")
        from ..figures.curves import rate_plot

        return rate_plot(self, column, over=over)

    def __repr__(self) -> str:
        about = self.about
        return (
            f"<Trace of {about.get('method')} on {about.get('problem')}: {counted(self.replicas, 'replica')}, "
            f"{counted(int(self.rounds[-1]) if self.rounds.size else 0, 'round')}, columns {', '.join(self.columns)}>"
        )

    def _repr_html_(self) -> str:
        about = self.about
        rows = [(name, about.get(name)) for name in ("workers", "up", "down")]
        rows += [
            ("parameters", pairs(about.get("parameters", {}))),
            ("rounds", int(self.rounds[-1]) if self.rounds.size else 0),
        ]
        rows += [("replicas", self.replicas), ("diverged in round", self.diverged)]
        last = {name: float(self.columns[name][:, -1].mean()) for name in SHOWN if name in self.columns}
        rows += [(f"{name}, at the end", value) for name, value in last.items()]
        return card(f"Trace of {about.get('method')}", str(about.get("problem")), rows)

    @checked
    def combine(self, terms: tuple[tuple[str, float], ...]) -> np.ndarray:
        """Evaluate a metric sum_j coefficient_j * column_j as an (R, K) array.

        Raises
        ------
        InputError
            If the run did not record one of the columns.
        """
        total = np.zeros((self.replicas, self.rounds.size))
        for column, coefficient in terms:
            if coefficient == 0.0:
                continue
            values = self.columns.get(column)
            if column == "seconds_per_round":
                values = self.seconds / np.maximum(self.rounds, 1)
            if values is None:
                raise InputError(f"this run has no column '{column}'; it has: {', '.join(self.columns)}")
            total += coefficient * values
        return total

    @checked
    def merge(self, other: Trace) -> Trace:
        """Put the replicas of another run of the same experiment below these.

        Raises
        ------
        InputError
            If the other run is of another problem, or has other checkpoints or columns.
        """
        one, two = self.about.get("problem_digest"), other.about.get("problem_digest")
        if one != two:
            raise InputError(
                f"these traces are of different data (digests {one} and {two}): they do not belong to one experiment"
            )
        if not np.array_equal(self.rounds, other.rounds) or self.columns.keys() != other.columns.keys():
            raise InputError("these traces have different checkpoints or columns and cannot be merged")
        return Trace(
            rounds=self.rounds,
            columns={k: np.vstack([v, other.columns[k]]) for k, v in self.columns.items()},
            first_bad=np.concatenate([self.first_bad, other.first_bad]),
            scalars=self.scalars,
            final=np.vstack([self.final, other.final]),
            about={**self.about, "replicas": self.replicas + other.replicas},
            paths={k: np.concatenate([v, other.paths[k]]) for k, v in self.paths.items()},
            schedule=self.schedule,
        )

    @checked
    def save(self, path: str | Path) -> None:
        """Write an .npz file without pickle; the file appears whole or not at all.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        arrays = {f"column/{k}": v for k, v in self.columns.items()}
        arrays |= {f"scalar/{k}": v for k, v in self.scalars.items()}
        arrays |= {f"path/{k}": v for k, v in self.paths.items()}
        arrays |= {"rounds": self.rounds, "first_bad": self.first_bad, "final": self.final}
        arrays["about"] = np.array(json.dumps(self.about))
        with whole_file(path, "", "choose another --out") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    @classmethod
    @checked
    def load(cls, path: str | Path) -> Trace:
        """Read a file that `save` wrote.

        Raises
        ------
        InputError
            If the file is missing, truncated or not a trace.
        """
        require_regular(path, "the trace")
        try:
            with zipfile.ZipFile(path) as packed:
                size = sum(entry.file_size for entry in packed.infolist())
            if size > MOST_BYTES:
                raise InputError(
                    f"the trace '{path}' unpacks to {size / 1e9:.3g} GB; the limit is {MOST_BYTES / 1e9:g} GB"
                )
            with np.load(path, allow_pickle=False) as file:
                arrays = {k: file[k] for k in file.files}
            trace = cls(
                rounds=arrays["rounds"],
                columns={k[7:]: v for k, v in arrays.items() if k.startswith("column/")},
                first_bad=arrays["first_bad"],
                scalars={k[7:]: v for k, v in arrays.items() if k.startswith("scalar/")},
                final=arrays["final"],
                about=json.loads(str(arrays["about"])),
                paths={k[5:]: v for k, v in arrays.items() if k.startswith("path/")},
            )
        except InputError:
            raise
        except OSError as error:
            raise InputError(f"cannot read the trace '{path}': {error.strerror or error}") from None
        except Exception as error:
            raise InputError(f"'{path}' is not a complete trace file ({type(error).__name__})") from None
        if (why := trace._nonsense()) is not None:
            raise InputError(f"'{path}' is not a trace that can be read ({why})")
        return trace

    def _nonsense(self) -> str | None:
        """Why this cannot be a trace; None if it can."""
        if not isinstance(self.about, dict):
            return "it does not say what was run"
        for name, array, kind, ndim in (
            ("rounds", self.rounds, np.integer, 1), ("first_bad", self.first_bad, np.integer, 1),
            ("final", self.final, np.floating, 2),
        ):  # fmt: skip
            if array.ndim != ndim or not np.issubdtype(array.dtype, kind) or not array.size:
                return f"its array {name} is {array.dtype} {array.shape}"
        if self.rounds[0] < 0 or (np.diff(self.rounds) <= 0).any():
            return "its rounds do not ascend"
        if ((self.first_bad < 0) | (self.first_bad > self.rounds[-1])).any():
            return "the round in which a replica diverged is none of its rounds"
        count, replicas = self.rounds.size, self.replicas
        shapes: dict[str, tuple[int, ...]] = {"final": (replicas, self.final.shape[1])}
        shapes |= {f"column/{name}": (replicas, count) for name in self.columns}
        shapes |= {f"scalar/{name}": (count,) for name in self.scalars}
        shapes |= {f"path/{name}": (replicas, count, self.final.shape[1]) for name in self.paths}
        arrays = {"final": self.final}
        arrays |= {f"column/{name}": array for name, array in self.columns.items()}
        arrays |= {f"scalar/{name}": array for name, array in self.scalars.items()}
        arrays |= {f"path/{name}": array for name, array in self.paths.items()}
        for name, array in arrays.items():
            if array.shape != shapes[name] or array.dtype not in (np.float64, np.int64):
                return f"its array {name} is {array.dtype} {array.shape}, not float64 {shapes[name]}"
        return None
