"""Bad command lines, by a seed: odd numbers, missing values, wrong kinds, unknown names."""

import gzip
import os
import random
import re
from pathlib import Path

ODD = [
    "nan",
    "inf",
    "-inf",
    "1e400",
    "-1",
    "0",
    "1.5",
    "1e30",
    "10000000000000000000000",
    "x",
    "٣",
    "1,5",
    "0x10",
    "1e-400",
    "",
    " 1",
    "+1",
    "1_0",
    "-0.0",
    "true",
    "½",
    "𝟛",
    "999999999999",
    "9" * 400,
    "1e18",
    "0.1.2",
    "--",
    "\x1b[31m",
    "a\nb",
    "../..",
    "topk:k=1",
    "quadratic",
    "none",
]
PROBLEMS = [
    "quadratic:dim",
    "quadratic:mu",
    "quadratic:L",
    "quadratic:radius",
    "quadratic:sigma_sq",
    "quadratic:nope",
    "least-squares:rows",
    "least-squares:dim",
    "least-squares:reg",
    "least-squares:batch",
    "logistic:rows",
    "logistic:reg",
    "logistic:batch",
    "pl:dim",
    "pl:sigma_sq",
    "robust:rows",
    "huber:rows",
    "huber:dim",
    "absolute:dim",
    "logistic-nonconvex:lam",
    "logistic-nonconvex:dim",
    "sparse-least-squares:rows",
    "quadratic:hessians",
    "quadratic:rotate",
    "quadratic:noise",
    "quadratic:seed",
    "quadratic:workers",
    "least-squares:split",
    "least-squares:data",
    "logistic:positive",
    "logistic:features",
    "logistic:sampling",
    "three-quadratics:start",
    "pl:dim=3,dim",
]
COMPRESSORS = [
    "topk:k",
    "topk:ratio",
    "randk:k",
    "qsgd:levels",
    "ternary:block",
    "rankr:rank",
    "threshold:level",
    "natural:z",
    "randomblock:blocks",
    "bernoulli:p",
    "participation:p",
    "scaled:of",
    "induced:first",
    "multilevel:k",
    "nope:k",
    "powersgd:rows",
    "sparsifier:k",
    "repeated:times",
    "composed:second",
    "permk:n",
    "adversary:delta",
    "additive:eps",
    "dynamic:bits",
    "clip:bits",
    "ternary:coder",
    "sign:block",
    "topk:k=1,k",
]
#: Of these, what is relative is made by `make_files`.
PATHS = ["/dev/null", "/dev/zero", "/dev/full", "/nope/x", "/tmp", "pipe", "folder", "empty.svm", "noise.svm", "cut.gz"]
FILES = [
    *(f"{name}:data={path}" for name in ("logistic", "least-squares") for path in PATHS),
    "::",
    ":",
    "quadratic:dim",
    "quadratic:dim==3",
    "quadratic:dim=3,",
    "quadratic:,dim=3",
    'quadratic:dim="3',
    "quadratic:DIM=3",
    "topk:k=1",
    "quadratic:nope=1",
    "",
]
#: Options of all commands: most of them belong to another one.
OPTIONS = [
    "--problem", "--workers", "--rounds", "--replicas", "--seed", "--up", "--down", "--set", "--eps", "--out",
    "--json", "--quick", "--bits", "--by", "--link", "--dim", "--clock", "--schedule", "--columns", "--checkpoint",
    "--resume", "--engine", "--config", "--module", "--sum-form", "--minimise-bits", "--jobs", "--executor",
    "--paper", "--provenance", "--certificate", "--port", "--list", "--latency", "--seconds", "--n", "--x", "-q",
]  # fmt: skip
RUN = "run sgd --problem quadratic:dim=3 --workers 2 --rounds 3 --set gamma=0.1"
#: In braces: one of the `holes` of `lines`, else one of the words between bars.
SHAPES = (
    RUN + " {--workers|--rounds|--replicas|--checkpoint-every|--participation|--columns|--clock|--engine} {odd}",
    RUN + " --set {gamma|nope|M|tau}={odd}",
    RUN + " {--nope|--workers|--problem|--set}",
    "run sgd --problem {problem} --workers 2 --rounds 3 --set gamma=0.1",
    "run sgd --problem {file} --workers 2 --rounds 3 --set gamma=0.1",
    "run ef21 --problem quadratic:dim=8 --workers 2 --rounds 3 --set gamma=0.1 --up {compressor}",
    "run {iag|delayed-sgd|ef21|liec|marina|gmc} --problem quadratic:dim=4 --workers 2 --set {M|H|R|p|beta|alpha}={odd}",
    "run delayed-sgd --problem quadratic --workers 2 --clock {no|uniform:low=x|straggler:factor=nan|fixed:tau=x}",
    "step-size {sgd.convex|ef21.pl|dore.strongly-convex|nope.x} --set {L|mu|n|dim|pl|L_max|gamma|nope}={odd}",
    "step-size sgd.strongly-convex --set L=1 mu=0.1 n=2 gap0=1 sigma_sq=1 {--eps|--rounds|--up|--problem} {odd}",
    "certify {compressor} --dim {odd}",
    "verify {sgd.convex|nope|ef21.pl} --quick --problem {problem} {--workers|--rounds|--seed|--up|--set|--jobs} {odd}",
    "verify sgd.convex {--module|--config} {odd}",
    "{constants|advise|show|list|compare|speedup|frontier|replay} {problem} {--workers|--eps|--rounds|--no} {odd}",
    "advise --problem quadratic --up {compressor} --eps {odd}",
    "compare {sgd|ef21|nope} --problem {problem} {--bits|--rounds} {odd}",
    RUN + " {option} {odd}",
    RUN + " {--schedule|--resume|--config|--schedule-out|--out|--checkpoint} {path}",
    RUN + " --set {odd} {odd}={odd} gamma={odd}",
    RUN + " {odd}",
    "run {method} --problem {problem} --workers {odd} --set gamma=0.1 --up {compressor}",
    "run {method} --problem quadratic:dim=3 --workers 2 --rounds 3 --set gamma=0.1 {odd}={odd}",
    "{command} {option} {odd}",
    "{command} {odd} {option} {odd} {option} {odd}",
    "{command} {option}",
    "{command} {file} {option} {path}",
    "{odd} {option} {odd}",
    "replay {path}",
    "show {odd}",
    "list {odd}",
    "certify {file} --workers {odd}",
    "certify {compressor},nope={odd} --dim 5",
    "step-size ef21.pl --problem quadratic:dim=8 --workers 2 --up {compressor} {--eps|--rounds|--down|--set} {odd}",
    "step-size sgd.convex --set {odd}={odd} L={odd}",
    "frontier {method} {--dim|--mu|--up|--down|--workers|--set} {odd}",
    "tightness {odd} {option} {odd}",
    "{verify|falsify|figures} {odd} {option} {odd}",
    "figures {odd} --out {path}",
    "compare ef21 --problem quadratic:dim=4 --workers 2 --rounds 3 {option} {odd}",
    "verify sgd.convex --quick {option} {path}",
    "speedup ef21.pl --problem quadratic:dim=3 {--n|--seconds|--latency|--rounds|--bandwidth} {odd}",
)


METHODS = [
    "sgd", "ef21", "diana", "dore", "iag", "delayed-sgd", "liec", "marina", "gmc", "doublesqueeze-async", "rennala",
    "scaffnew", "q-rr", "ef21-p", "nope",
]  # fmt: skip
#: Without those that have much to do when nothing is named.
COMMANDS = [
    "constants", "advise", "step-size", "compare", "run", "speedup", "frontier", "tightness", "list", "show",
    "certify", "replay", "doctor",
]  # fmt: skip


def make_files(folder: Path) -> None:
    """Make the relative ones of `PATHS`."""
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "empty.svm").touch()
    (folder / "noise.svm").write_bytes(bytes(range(256)) * 20)
    (folder / "cut.gz").write_bytes(gzip.compress(b"1 1:1\n" * 1000)[:30])


def lines(count, seed):
    """Yield so many command lines, each a list of words."""
    draw = random.Random(seed)
    holes = {
        "odd": lambda: draw.choice(ODD),
        "problem": lambda: f"{draw.choice(PROBLEMS)}={draw.choice(ODD)}",
        "compressor": lambda: f"{draw.choice(COMPRESSORS)}={draw.choice(ODD)}",
        "file": lambda: draw.choice(FILES),
        "path": lambda: draw.choice(PATHS),
        "option": lambda: draw.choice(OPTIONS),
        "method": lambda: draw.choice(METHODS),
        "command": lambda: draw.choice(COMMANDS),
    }

    def fill(hole):
        return holes[hole[1]]() if hole[1] in holes else draw.choice(hole[1].split("|"))

    for _ in range(count):
        yield [re.sub(r"\{(.*?)\}", fill, word) for word in draw.choice(SHAPES).split(" ")]
