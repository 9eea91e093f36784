"""What theorems assume: every hypothesis, how a statement says it, and its guard.

Every theorem lists its hypotheses (`Theorem.hypotheses`): those in its `assumes`, those of its compressor classes, and
what every theorem assumes unless it says otherwise. What a hypothesis is, is in `theory.hypothesis`.

Where a proof uses independence:

- noise of variance sigma^2/n, and any step in which the expectation goes over the gradients: the samples of a round are
  unbiased given the past and independent over workers and rounds (`NOISE`, `NOISE_AT_OPTIMUM`, `SAMPLED`);
- a variance omega/n of the average message: coins independent over workers (`OWN_COINS`);
- E C(v) = v for a message v that is computed at an older model: the model must not depend on the coins of v. Where all
  workers share the coins of their k-th messages and use them in different steps, it does (`FRESH_COINS`);
- a mean of M < n messages that stands for a gradient of f: equal workers, or workers drawn uniformly (`ANY_MESSAGES`);
- delayed gradients as the gradient of f at one model: messages of one age, unless the workers are equal (`ONE_AGE`);
- all delays: which message is used when must not depend on samples or coins (`FREE_DELAYS`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..common import front
from .compressors import COMPRESSORS, AbsoluteError, Compressor, Contractive, Mask, Unbiased
from .compressors.registry import of_toolkit
from .hypothesis import (
    COMPRESSOR,
    CONSTANTS,
    METHOD,
    SCHEDULE,
    YES,
    Answer,
    Asked,
    Hypothesis,
    no,
    on_your_word,
    wants,
)

if TYPE_CHECKING:
    from .theorem import Theorem

# ------------------------------------------------------------------------------------------------ the function


def _worker_convexity(asked: Asked) -> Answer:
    mu_min = asked.constants.mu_min
    if mu_min is None:
        return on_your_word("every f_i is taken to be convex, as the theorem assumes (mu_min is unknown)")
    if mu_min < 0:
        return no(f"{asked.theorem.name} needs every f_i convex; mu_min = {mu_min:.4g} is below 0")
    return YES


def _worker_strong_convexity(asked: Asked) -> Answer:
    mu_min, mu = asked.constants.mu_min, asked.constants.mu
    if mu_min is None and mu == 0:
        return _above_zero("mu")(asked)
    if mu_min is None:
        return on_your_word("every f_i is taken to be mu-strongly convex, as the theorem assumes (mu_min is unknown)")
    if mu_min <= 0:
        return no(f"{asked.theorem.name} needs every f_i strongly convex; mu_min = {mu_min:.4g} is not above 0")
    return YES


def _sample_convexity(asked: Asked) -> Answer:
    convex = asked.constants.convex_samples
    if convex is None:
        return on_your_word("the loss of every sample is taken to be convex (convex_samples is unknown)")
    return YES if convex else no(f"{asked.theorem.name} needs the loss of every sample convex, and convex_samples = 0")


def _sample_strong_convexity(asked: Asked) -> Answer:
    of_samples = asked.constants.mu_sample
    if of_samples is None:
        return on_your_word(
            "the loss of every sample is taken to be mu-strongly convex, as the theorem assumes (mu_sample is unknown)"
        )
    if of_samples <= 0:
        return no(
            f"{asked.theorem.name} needs the loss of every sample strongly convex; mu_sample = {of_samples:.4g} is not "
            f"above 0"
        )
    return YES


def _same_hessian(asked: Asked) -> Answer:
    if asked.constants.same_hessian or asked.constants.n == 1:
        return YES
    if asked.constants.same_hessian is None:
        return on_your_word("all f_i are taken to have the same Hessian (same_hessian is unknown)")
    return no(f"{asked.theorem.name} needs quadratic f_i with one Hessian, and same_hessian = 0")


def _regulariser(asked: Asked) -> Answer:
    if asked.constants.composite:
        return no(
            f"{asked.theorem.name} has no proximal step, and the objective has a regulariser R; use dore or diana"
        )
    return YES


def _quadratic(asked: Asked) -> Answer:
    if asked.constants.quadratic:
        return YES
    return no(
        f"{asked.theorem.name} applies to quadratic functions; "
        f"give {front.constants('quadratic', value=1)} if every f_i is one"
    )


def _known(asked: Asked) -> Answer:
    theorem, constants = asked.theorem, asked.constants
    missing = [name for name in theorem.requires if getattr(constants, name) is None]
    if not missing:
        return YES
    hint = " (L alone is not enough for n > 1)" if "L_max" in missing and constants.L is not None else ""
    return no(wants(theorem.name, missing) + hint)


def _one(asked: Asked) -> Answer:
    n = asked.constants.n
    return (
        YES
        if n == 1
        else no(
            f"{asked.theorem.name} applies to a single worker (here n = {n}); give "
            + front.either("--workers 1 (--set n=1 where there is no problem)", "n=1")
        )
    )


def _equal(asked: Asked) -> Answer:
    if asked.constants.zeta_sq == 0:
        return YES
    return no(
        f"{asked.theorem.name} needs workers that all sample the same f; "
        f"give {front.constants('zeta_sq', value=0)} if they do"
    )


def _above_zero(name: str) -> Callable[[Asked], Answer]:
    def check(asked: Asked) -> Answer:
        value = getattr(asked.constants, name)
        if value is None:
            return no(wants(asked.theorem.name, [name]))
        if value > 0:
            return YES
        return no(f"{asked.theorem.name} needs {name} > 0; it is {getattr(asked.constants, name):g}")

    return check


def _overlap(asked: Asked) -> Answer:
    c = asked.constants
    smoothness = (c.overlap or 0) / (c.n or 1) * (c.L_max or 0)  # all are known: they are constants of the step
    if c.mu is not None and c.mu > smoothness * (1 + 1e-9):
        return no(
            f"mu = {c.mu:.4g} is above (overlap/n) L_max = {smoothness:.4g}, a smoothness constant of f; give a "
            f"larger overlap (overlap = n is always right)"
        )
    if isinstance(asked.up, Compressor) and not asked.up.keeps_support and (c.overlap or 0) < (c.n or 1):
        return no(
            f"{asked.theorem.name} with overlap < n needs a compressor that sends no coordinate that is zero, and "
            f"{asked.up.spec} may; give {front.constants('overlap', value=f'{c.n:g}')}"
        )
    return YES


def _shared_minimiser(asked: Asked) -> Answer:
    at_star = asked.constants.zeta_star_sq
    if at_star is None:
        return on_your_word(
            "grad f_i(x*) is taken to be 0 for every worker, as the theorem assumes (zeta_star_sq is unknown)"
        )
    if at_star > 0:
        return no(
            f"{asked.theorem.name} needs grad f_i(x*) = 0 for every worker; zeta_star_sq = {at_star:.4g} is not 0"
        )
    return YES


def _supports(asked: Asked) -> Answer:
    c = asked.constants
    mean = next((value for value in (c.L_mean, c.L_tilde, c.L_max) if value is not None), None)
    if mean is not None and (c.L_shared or 0) >= (c.n or 1) * mean * (1 - 1e-9):
        return YES
    if isinstance(asked.up, Compressor) and not asked.up.keeps_support:
        way = "" if mean is None else f"={(c.n or 1) * mean:.6g}"
        return no(
            f"{asked.theorem.name} with L_shared = {c.L_shared:.4g}, below n L_mean, needs a compressor that sends no "
            f"coordinate that is zero, and {asked.up.spec} may; give --set L_shared{way or '=n L_mean'}"
        )
    return YES


def _own_conditions(asked: Asked) -> Answer:
    """Lists of a value for every worker, or f_i that are all as smooth and as convex as the worst one."""
    c = asked.constants
    if (c.L_i is None) != (c.mu_i is None):
        missing = "mu_i" if c.mu_i is None else "L_i"
        return no(
            f"{asked.theorem.name} needs L_i and mu_i of every worker, or of none; {missing} is unknown: give "
            f"{front.constants(missing, value='a/b/...')}"
        )
    if c.L_i is None or c.mu_i is None:
        return _worker_strong_convexity(asked)
    if len(c.L_i) != c.n or len(c.mu_i) != c.n:
        return no(f"L_i and mu_i have {len(c.L_i)} and {len(c.mu_i)} values; give one for each worker, n = {c.n:g}")
    if wrong := [i for i, (L, mu) in enumerate(zip(c.L_i, c.mu_i, strict=True)) if mu > L * (1 + 1e-9)]:
        i = wrong[0]
        return no(f"mu_i = {c.mu_i[i]:g} of worker {i} is above its L_i = {c.L_i[i]:g}, but mu_i <= L_i always holds")
    return YES


CONVEX_WORKERS = Hypothesis("convex workers", "every $f_i$ is convex", CONSTANTS, _worker_convexity)
STRONGLY_CONVEX_WORKERS = Hypothesis(
    "strongly convex workers", r"every $f_i$ is $\mu$-strongly convex", CONSTANTS, _worker_strong_convexity
)
CONVEX_SAMPLES = Hypothesis("convex samples", "the loss of every sample is convex", CONSTANTS, _sample_convexity)
STRONGLY_CONVEX_SAMPLES = Hypothesis(
    "strongly convex samples",
    r"the loss $f_{ij}$ of every sample is $\mu$-strongly convex",
    CONSTANTS,
    _sample_strong_convexity,
)
SAME_HESSIAN = Hypothesis("one Hessian", "all $f_i$ have the same Hessian", CONSTANTS, _same_hessian)
NO_REGULARISER = Hypothesis("no regulariser", "the objective has no regulariser", CONSTANTS, _regulariser)
PROX = Hypothesis("prox", "$R$ is closed and convex", METHOD)
QUADRATIC = Hypothesis("quadratic functions", "every $f_i$ is a quadratic function", CONSTANTS, _quadratic)
KNOWN = Hypothesis("known constants", "", CONSTANTS, _known)
SMOOTH = Hypothesis("smooth", "$f$ is $L$-smooth", CONSTANTS)
SMOOTH_WORKERS = Hypothesis("smooth workers", r"every $f_i$ is $L_{\max}$-smooth", CONSTANTS)
OWN_CONDITIONS = Hypothesis(
    "constants of each worker", r"every $f_i$ is $L_i$-smooth and $\mu_i$-strongly convex", CONSTANTS, _own_conditions
)
ALIKE_SMOOTH_WORKERS = Hypothesis("smooth workers", "every $f_i$ is $L$-smooth", CONSTANTS)
SMOOTH_ON_AVERAGE = Hypothesis(
    "smooth on average", r"every $f_i$ is $L_i$-smooth, $\tilde L^2 = \frac{1}{n}\sum_i L_i^2$", CONSTANTS
)
SMOOTH_BY_MEAN = Hypothesis(
    "smooth by the mean", r"every $f_i$ is $L_i$-smooth, $\bar L = \frac{1}{n}\sum_i L_i$", CONSTANTS
)
SMOOTH_SAMPLES = Hypothesis("smooth samples", "the loss of every sample is $L_s$-smooth", CONSTANTS)
SMOOTH_COORDINATES = Hypothesis(
    "smooth coordinates",
    r"$|f(y)-f(x)-\langle\nabla f(x),y-x\rangle| \le \frac{1}{2}\sum_j L_j(y_j-x_j)^2$, $L_1 = \sum_j L_j$",
    CONSTANTS,
)
CONVEX = Hypothesis("convex", "$f$ is convex", CONSTANTS)
STRONGLY_CONVEX = Hypothesis("strongly convex", r"$f$ is $\mu$-strongly convex", CONSTANTS, _above_zero("mu"))
POLYAK_LOJASIEWICZ = Hypothesis(
    "Polyak-Lojasiewicz", r"$\|\nabla f(x)\|^2 \ge 2\mu_{PL}(f(x)-f^\star)$", CONSTANTS, _above_zero("pl")
)
DISSIMILARITY = Hypothesis(
    "bounded dissimilarity", r"$\frac{1}{n}\sum_i\|\nabla f_i(x)-\nabla f(x)\|^2 \le \zeta^2$", CONSTANTS
)
LOWER_BOUNDS = Hypothesis("workers bounded below", r"$f^\star - \frac{1}{n}\sum_i\inf f_i \le \Delta_\star$", CONSTANTS)
OVERLAP = Hypothesis(
    "overlap",
    "each coordinate is in the support of at most $s$ workers' gradients (the constant overlap; $n$ where it is "
    "unknown), and $C(v)$ is zero wherever $v$ is unless $s = n$",
    CONSTANTS,
    _overlap,
)
SHARED_MINIMISER = Hypothesis(
    "shared minimiser", r"$\nabla f_i(x^\star) = 0$ for every $i$", CONSTANTS, _shared_minimiser
)
SMOOTH_ON_SUPPORTS = Hypothesis(
    "smooth on supports",
    r"every $f_i$ is $L_i$-smooth and a function of the coordinates in $S_i$, $\rho_L = \max_j\sum_{i: j \in S_i} L_i$ "
    r"(all coordinates where the supports are unknown), and $C(v)$ is zero wherever $v$ is unless "
    r"$\rho_L = \sum_i L_i$",
    CONSTANTS,
    _supports,
)
EQUAL_WORKERS = Hypothesis("equal workers", "all workers sample the same $f$", CONSTANTS, _equal)
ONE_WORKER = Hypothesis("one worker", "there is one worker", CONSTANTS, _one)

# ------------------------------------------------------------------------------------------------ gradients


def _exact(asked: Asked) -> Answer:
    c = asked.constants
    if (c.sigma_sq or 0) > 0 or (c.sigma_sq is None and c.L_sample is not None):
        noise = "are sampled" if c.sigma_sq is None else f"have sigma_sq = {c.sigma_sq:.4g}"
        return no(f"{asked.theorem.name} needs exact gradients; these {noise}")
    if c.sigma_sq is None:
        return on_your_word("the gradients are taken to be exact, as the theorem assumes (sigma_sq is unknown)")
    return YES


def _independent_samples(asked: Asked) -> Answer:
    c = asked.constants
    if c.sigma_sq == 0 or c.independent_samples:
        return YES
    if c.independent_samples is None:
        return on_your_word(
            "the stochastic gradients are taken to be unbiased and independent over workers and rounds "
            "(independent_samples is unknown)"
        )
    return no(
        f"{asked.theorem.name} needs stochastic gradients that are unbiased and independent over workers and rounds, "
        f"and independent_samples = 0"
    )


def _reshuffled(asked: Asked) -> Answer:
    reshuffled = asked.constants.reshuffled
    if reshuffled is None:
        return on_your_word(
            "every worker is taken to go through its samples in a fresh random order in every epoch (reshuffled is "
            "unknown)"
        )
    if reshuffled:
        return YES
    return no(
        f"{asked.theorem.name} needs samples that are reshuffled in every epoch: take a problem with rows and add "
        f"batch=1,sampling=reshuffled"
    )


EXACT = Hypothesis("exact gradients", "the gradients are exact", CONSTANTS, _exact)
NOISE = Hypothesis(
    "independent noise",
    r"the noise of every worker has mean $0$ given the past and variance at most $\sigma^2$, and is independent over "
    r"workers and rounds",
    CONSTANTS,
    _independent_samples,
)
NOISE_ON_AVERAGE = Hypothesis(
    "independent noise",
    r"the noise of the workers has mean $0$ given the past and variance at most $\sigma^2$ on average, and is "
    r"independent over workers and rounds",
    CONSTANTS,
    _independent_samples,
)
NOISE_AT_OPTIMUM = Hypothesis(
    "independent noise",
    r"the workers' stochastic gradients are unbiased, independent over workers and rounds, and at $x^\star$ of "
    r"variance at most $\sigma_\star^2$ on average",
    CONSTANTS,
    _independent_samples,
)
NOISE_IN_COORDINATES = Hypothesis(
    "independent noise",
    r"the samples are unbiased and independent, with standard deviations $\sigma_j$ in the coordinates, "
    r"$\sigma_1 = \sum_j\sigma_j$",
    CONSTANTS,
    _independent_samples,
)
SAMPLED = Hypothesis(
    "independent noise",
    "the stochastic gradients are unbiased given the past and independent over rounds",
    CONSTANTS,
    _independent_samples,
)
RESHUFFLED = Hypothesis(
    "reshuffled samples",
    r"every worker has $m$ samples, and goes through them in every epoch of $m$ rounds in an order that is uniformly "
    r"random, independent of everything before and of the other workers ($f_i = \frac{1}{m}\sum_j f_{ij}$, and "
    r"$\sigma_\star^2$ is the variance of $\nabla f_{ij}(x^\star)$ over the samples, on average over the workers)",
    CONSTANTS,
    _reshuffled,
)
BOUNDED_GRADIENTS = Hypothesis("bounded gradients", r"$\mathbb{E}\|g_i\|^2 \le G^2$ at every point met", CONSTANTS)
BOUNDED_WORKERS = Hypothesis(
    "bounded gradients",
    r"$\|\nabla f_i(x)\| \le c_i$ at every point met, $C_1 = \frac{1}{n}\sum_i c_i$, "
    r"$C_2 = \frac{1}{n}\sum_i c_i^2$",
    CONSTANTS,
)

# ---------------------------------------------------------------------------------------------- compressors

_CLAUSES: dict[type, str] = {
    Unbiased: "is unbiased given the vector that it compresses, with variance",
    Contractive: "is contractive with constant",
    AbsoluteError: "has the absolute error",
}
_SYMBOLS = {Unbiased: r"\omega", Contractive: r"\delta", AbsoluteError: r"\varepsilon"}
_WHOSE = {"uplink": "the workers' compressor", "downlink": "the server's compressor"}


def _promise(side: str) -> Callable[[Theorem], str]:
    def says(theorem: Theorem) -> str:
        if side == "uplink" and theorem.messages_latex:
            return theorem.messages_latex
        kind = getattr(theorem, side)
        both = theorem.uplink is theorem.downlink
        symbol = _SYMBOLS[kind] + (f"_{side[0]}" if both or side == "downlink" else "")
        return f"{_WHOSE[side]} {_CLAUSES[kind]} ${symbol}$"

    return says


def _kept(side: str) -> Callable[[Asked], Answer]:
    """Whether a promise is kept is known of the library's compressors; the class itself is checked before."""

    def check(asked: Asked) -> Answer:
        given = asked.up if side == "uplink" else asked.down
        if given is None or (
            isinstance(given, Compressor) and of_toolkit(given) and COMPRESSORS[given.name] is type(given)
        ):
            return YES
        if isinstance(given, Compressor):
            return on_your_word(
                f"{given.spec} is taken to keep its promises, with coins that are fresh in every round "
                f"(tersegrad certify tries to refute them)"
            )
        return on_your_word(f"{_WHOSE[side]} is taken to be {given}, with coins that are fresh in every round")

    return check


def _own_coins(asked: Asked) -> Answer:
    if (asked.constants.n or 1) > 1 and getattr(asked.promised_up, "shared_coins", False):
        return no(
            f"{asked.theorem.name} needs coins that are independent over workers (omega/n); all workers of "
            f"{name_of(asked.up)} share theirs"
        )
    return YES


def _fresh_coins(asked: Asked) -> Answer:
    c = asked.constants
    shared = getattr(asked.up, "shared_coins", False) or getattr(asked.promised_up, "shared_coins", False)
    if not shared or c.n == 1 or c.every_worker:
        return YES
    return no(
        f"{asked.theorem.name} needs coins that the model of a message does not depend on; the workers of "
        f"{name_of(asked.up)} share theirs, and where their messages are used in different steps, the later ones are "
        f"computed at models that these coins have shaped: give every worker coins of its own "
        f"(or {front.constants('every_worker', value=1)} "
        f"where every step uses one new message of every worker)"
    )


def _mask(asked: Asked) -> Answer:
    """A mask of all n workers, or no compression, which is one with s = n."""
    given, n, omega = asked.up, asked.constants.n or 1, asked.promised_up.omega
    if omega == 0:
        return YES
    if not isinstance(given, Mask | Unbiased):
        return no(
            f"{asked.theorem.name} needs a mask, every coordinate sent by s of the workers, and {name_of(given)} is "
            f"not one; give {front.either('--up', 'up')} mask:workers={n:g},s=2"
        )
    if isinstance(given, Mask) and given.workers != n:
        return no(f"{given.spec} is for {given.workers} workers, not {n:g}; give mask:workers={n:g},s={given.s}")
    s = n / (1 + omega)
    if s < 2 * (1 - 1e-12):
        return no(f"{asked.theorem.name} needs every coordinate from at least 2 workers, not from s = {s:.4g}")
    if isinstance(given, Unbiased):
        return on_your_word(f"the workers' compressor is taken to be a mask with s = n/(1 + omega) = {s:.4g} senders")
    return YES


def _memory(asked: Asked) -> Answer:
    if "U" in asked.fixed:
        return on_your_word(f"the memory is taken to be bounded by U = {asked.fixed['U']:.6g}")
    return YES


def name_of(given: Any) -> str:
    """The spec of a compressor; what a class promises, as it prints."""
    return given.spec if isinstance(given, Compressor) else str(given)


BOUNDED_MEMORY = Hypothesis(
    "bounded memory",
    r"the memory is bounded: "
    r"$\mathbb{E}\|\frac{1}{n}\sum_i e_i^t - \frac{\beta}{\gamma}(x^t-x^{t-1})\|^2 \le U^2$",
    COMPRESSOR,
    _memory,
)
UPLINK = Hypothesis("workers' compressor", _promise("uplink"), COMPRESSOR, _kept("uplink"))
DOWNLINK = Hypothesis("server's compressor", _promise("downlink"), COMPRESSOR, _kept("downlink"))
OWN_COINS = Hypothesis(
    "coins independent over workers", "its coins are independent over workers", COMPRESSOR, _own_coins
)
MASKS = Hypothesis("masks", "", COMPRESSOR, _mask)
FRESH_COINS = Hypothesis(
    "coins independent of the model",
    "the coins of a message are independent of the model at which it is computed (coins that workers share serve in "
    "one step only)",
    COMPRESSOR,
    _fresh_coins,
)

# -------------------------------------------------------------------------------------------------- schedules


def _any_messages(asked: Asked) -> Answer:
    n, M = asked.constants.n or 1, asked.messages
    if n > M and asked.constants.zeta_sq != 0:
        return no(
            f"M = {M:g} messages per step come from only some of the {n:g} workers, so that all of them must sample "
            f"the same f; give M = {n:g}, or {front.constants('zeta_sq', value=0)} if they do"
        )
    return YES


def _one_age(asked: Asked) -> Answer:
    c = asked.constants
    if c.zeta_sq == 0 or c.same_age:
        return YES
    if c.same_age is None:
        return on_your_word("the messages of a step are taken to be equally old (same_age is unknown)")
    return no(
        f"{asked.theorem.name} needs messages of one age: those of a step were computed at different models, and "
        f"workers that differ make up a gradient of f at one model only; take a clock that keeps their ages equal "
        f"(fixed), or {front.constants('zeta_sq', value=0)} if all workers sample the same f"
    )


def _drawn(asked: Asked) -> Answer:
    c = asked.constants
    if c.zeta_sq == 0 or c.uniform_draws or (c.n == asked.messages and c.same_age):
        return YES
    return no(
        f"{asked.theorem.name} needs messages whose mean is a gradient of f, and workers that differ (zeta_sq is not "
        f"0) report at different rates; draw the worker of every message uniformly "
        f"({front.either('--clock', 'clock')} drawn, {front.constants('uniform_draws', value=1)}), or "
        f"{front.constants('zeta_sq', value=0)} if all workers sample the same f"
    )


def _free_delays(asked: Asked) -> Answer:
    free = asked.constants.independent_delays
    if free is None:
        return on_your_word(
            "the delays are taken not to depend on samples and coins (independent_delays is unknown; those of a clock "
            "or a file do not)"
        )
    if free:
        return YES
    return no(f"{asked.theorem.name} needs delays that do not depend on samples and coins, and independent_delays = 0")


def _compute_times(asked: Asked) -> Answer:
    seconds, n = asked.constants.seconds, asked.constants.n
    if seconds is None:
        return no(
            f"{asked.theorem.name} needs the seconds that a gradient takes each worker; give "
            f"{front.either('--clock straggler:factor=10, or --set seconds=1/1/10', 'Constants(seconds=(1, 1, 10))')}"
        )
    if len(seconds) != n:
        return no(f"{asked.theorem.name} needs the seconds of each worker, n = {n}, and has those of {len(seconds)}")
    return YES


COMPUTE_TIMES = Hypothesis(
    "compute times",
    r"a gradient takes worker $i$ at most $\tau_i$ seconds, messages and steps take none, and $H_m$ is the harmonic "
    r"mean of the $m$ smallest $\tau_i$",
    SCHEDULE,
    _compute_times,
)
ANY_MESSAGES = Hypothesis(
    "messages representing f",
    "the messages of a step come from all workers ($M = n$), or from workers that sample the same $f$",
    SCHEDULE,
    _any_messages,
)
ONE_AGE = Hypothesis(
    "messages of one age",
    r"the messages of a step are equally old, at most $\tau$ steps, or all workers sample the same $f$ and none is "
    r"older",
    SCHEDULE,
    _one_age,
)
DRAWN = Hypothesis(
    "messages representing f",
    "all workers sample the same $f$, or the worker of each message is drawn uniformly whatever happened before, or "
    "$M=n$ messages of all workers and of one age make a step",
    SCHEDULE,
    _drawn,
)
FREE_DELAYS = Hypothesis(
    "delays independent of samples and coins", "the delays are independent of samples and coins", SCHEDULE, _free_delays
)
DELAYS = Hypothesis("bounded delays", r"every message is at most $\tau$ steps old", SCHEDULE)
STORED = Hypothesis("bounded delays", r"every report in use is at most $\tau$ steps old", SCHEDULE)
FIRST_REPORTS = Hypothesis("first reports", "every worker reports in step $0$", SCHEDULE)
USED_ONCE = Hypothesis("samples used once", "every sample is used in one step", METHOD)
DROPPED = Hypothesis(
    "no old messages",
    r"messages that are $R$ or more steps old are dropped, every other one makes a step, and no worker waits",
    METHOD,
)
CURRENT = Hypothesis(
    "messages of the current model",
    r"$B$ messages of the current model make a step, all others are dropped, and no worker waits",
    METHOD,
)
IN_ORDER = Hypothesis("messages in order", "the messages of each worker are used in their order", METHOD)
EVERYONE = Hypothesis("one message of every worker", "every worker sends one message in every round", METHOD)

# ---------------------------------------------------------------------------------------------------- methods

ZERO_MEMORIES = Hypothesis("zero initial memories", "$h_i^0 = 0$", METHOD)
ZERO_SUM = Hypothesis("control variates of zero mean", r"$\sum_i h_i^0 = 0$", METHOD)
ZERO_ERRORS = Hypothesis("zero initial errors", "$e_i^0 = e^0 = 0$", METHOD)
DENSE_START = Hypothesis("uncompressed first round", "the messages of round 0 are not compressed", METHOD)
CONSTANT_STEP = Hypothesis("constant step", r"$\gamma$ does not depend on $t$", METHOD)
FALLING_STEP = Hypothesis("decreasing step", r"the step is $\gamma_t = \frac{\gamma}{a+t}$", METHOD)

GUARDS: tuple[Hypothesis, ...] = (
    CONVEX_WORKERS, STRONGLY_CONVEX_WORKERS, CONVEX_SAMPLES, STRONGLY_CONVEX_SAMPLES, NO_REGULARISER, QUADRATIC,
    SAME_HESSIAN, RESHUFFLED, KNOWN, OWN_CONDITIONS, EXACT, ONE_WORKER,
    EQUAL_WORKERS, SHARED_MINIMISER, STRONGLY_CONVEX, POLYAK_LOJASIEWICZ, UPLINK, DOWNLINK, OWN_COINS, OVERLAP,
    SMOOTH_ON_SUPPORTS, BOUNDED_MEMORY, MASKS, FRESH_COINS, COMPUTE_TIMES, ANY_MESSAGES, DRAWN, ONE_AGE, FREE_DELAYS,
    NOISE,
    NOISE_ON_AVERAGE, NOISE_AT_OPTIMUM, NOISE_IN_COORDINATES, SAMPLED,
)  # fmt: skip
"""The hypotheses with a guard, in the order in which they are looked at."""


STATEMENT: tuple[Hypothesis, ...] = (
    ONE_WORKER, EQUAL_WORKERS, SHARED_MINIMISER, QUADRATIC, SAME_HESSIAN, CONVEX_WORKERS, STRONGLY_CONVEX_WORKERS,
    OWN_CONDITIONS,
    ALIKE_SMOOTH_WORKERS, SMOOTH_WORKERS, SMOOTH, SMOOTH_ON_AVERAGE, SMOOTH_BY_MEAN, SMOOTH_ON_SUPPORTS, CONVEX,
    STRONGLY_CONVEX, POLYAK_LOJASIEWICZ, CONVEX_SAMPLES, STRONGLY_CONVEX_SAMPLES, SMOOTH_SAMPLES, SMOOTH_COORDINATES,
    DISSIMILARITY, LOWER_BOUNDS, PROX, NO_REGULARISER, EXACT, RESHUFFLED, NOISE, NOISE_ON_AVERAGE, NOISE_AT_OPTIMUM,
    NOISE_IN_COORDINATES, SAMPLED, BOUNDED_GRADIENTS, BOUNDED_WORKERS, UPLINK, MASKS, OWN_COINS, FRESH_COINS, DOWNLINK,
    BOUNDED_MEMORY, OVERLAP, EVERYONE, COMPUTE_TIMES, DROPPED, CURRENT, ANY_MESSAGES, DRAWN, ONE_AGE, DELAYS, STORED,
    FIRST_REPORTS, FREE_DELAYS, USED_ONCE, IN_ORDER, ZERO_MEMORIES, ZERO_SUM, ZERO_ERRORS, DENSE_START, CONSTANT_STEP,
    FALLING_STEP, KNOWN,
)  # fmt: skip
"""All hypotheses, in the order in which a statement says them."""

ASYNCHRONOUS = {DROPPED, CURRENT, ANY_MESSAGES, DRAWN, ONE_AGE, DELAYS, STORED, FREE_DELAYS}
"""Those of which an asynchronous theorem has one at least."""
