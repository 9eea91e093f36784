"""Bad command lines, by a seed: odd numbers, missing values, wrong kinds, unknown names."""

import random

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
]
FILES = [
    "logistic:data=/dev/null",
    "logistic:data=/nope",
    "logistic:data=/tmp",
    "::",
    ":",
    "quadratic:dim",
    "quadratic:dim==3",
]
RUN = "run sgd --problem quadratic:dim=3 --workers 2 --rounds 3 --set gamma=0.1"
#: In braces: an ODD value, a spec of a problem, of a compressor, a file; else one of the words between bars.
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
    "speedup ef21.pl --problem quadratic:dim=3 {--n|--seconds|--latency|--rounds|--bandwidth} {odd}",
)


def lines(count, seed):
    """Yield so many command lines, each a list of words."""
    draw = random.Random(seed)
    named = {
        "odd": lambda: draw.choice(ODD),
        "problem": lambda: f"{draw.choice(PROBLEMS)}={draw.choice(ODD)}",
        "compressor": lambda: f"{draw.choice(COMPRESSORS)}={draw.choice(ODD)}",
        "file": lambda: draw.choice(FILES),
    }
    for _ in range(count):
        line = draw.choice(SHAPES)
        while "{" in line:
            before, _, rest = line.partition("{")
            hole, _, after = rest.partition("}")
            line = before + (named[hole]() if hole in named else draw.choice(hole.split("|"))) + after
        yield line.split(" ")
