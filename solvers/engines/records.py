"""What the kernels of a run are handed: records with named fields, in Python and in machine code alike.

Each is a `Record` with the numba type of the same fields beside it, in capitals. Kernels of methods, compressors and
problems stand in them by their addresses (`signatures.address`).

B replicas of one block, d coordinates, n workers, k states, s numbers that a compressor keeps. Pairs belong to the two
exchanges, the usual and the special one. An array of what is not used has no rows or no numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import types

from ...problems.kernels.signatures import DATA
from ..channels import LINK, Link
from ..random import DRAWS, ORDERS, Draws
from ..record import Record, reference
from ..signatures import CUBE, FOUR, INTS, MATRIX, VECTOR

f8, i8, boolean = types.float64, types.int64, types.boolean

#: When a round is special.
NEVER, FIRST, EVERY, ON_COIN, ON_HEADS = range(5)
#: Whether all workers hold x, x is the average of the workers' models, or their points are their own.
SHARED_MODEL, AVERAGED, DETACHED = range(3)
#: Weights of the average over iterates; AFTER: those of 1/(t + 1), taken after the round.
UNWEIGHTED, POLYNOMIAL, GEOMETRIC, AFTER = range(4)
#: What is summed at every round: ||grad f||^2 from gradients that are there anyway, or (with its l1 norm) evaluated
#: anew, f, and what belongs to the shadow sequence.
TRACK_NOTHING, TRACK_AT_HAND, TRACK_ANEW, TRACK_VALUES, TRACK_SHADOW = 0, 1, 2, 4, 8

#: Entries of a block's `reals`: the coin's probability, the weights' parameters, their running sum.
PROBABILITY, WEIGHT_A, WEIGHT_B, WEIGHT_SUM = range(4)
#: Rows of a block's `record` (B columns): running sums over the rounds done, norms of the last round, messages per
#: worker and broadcasts of each exchange, running weighted average.
(
    SUM_GRAD_SQ, SUM_VALUE, BITS_UP, BITS_DOWN, UP_RESIDUAL, DOWN_RESIDUAL, FIRST_BAD, SUM_GRAD_L1, SUM_SHADOW_GRAD_SQ,
    SUM_SPREAD, AVERAGE_GRAD_SQ, MESSAGES, MESSAGES_SPECIAL, BROADCASTS, BROADCASTS_SPECIAL, LAST_SPECIAL,
    SUM_GRAD_NORM,
) = range(17)  # fmt: skip
RECORD_ROWS = 17
#: ||x||^2 above this is a divergence: far from overflow, far above any bound.
DIVERGED = 1e60


@dataclass(frozen=True, eq=False)
class Plan(Record):
    """The whole numbers of a run.

    Attributes
    ----------
    n
        Workers.
    track
        Sum of the TRACK_... that every round adds to.
    when, period
        Which rounds are special: NEVER, FIRST, EVERY (period), ON_COIN (and the first), ON_HEADS (of the coin alone).
    adds
        Whether the special exchange follows the usual one instead of replacing it.
    samples
        Gradients that a worker averages.
    own_models
        SHARED_MODEL, AVERAGED or DETACHED.
    synchronous, over_arrivals
        Whether everyone's message arrives in every round; whether the sum is divided by those that did.
    weights
        UNWEIGHTED, POLYNOMIAL, GEOMETRIC or AFTER.
    first_worker, first_data
        The workers with whom the arrays and the data of this process begin.
    first_sample
        Which of a worker's states is the memory of its first sample; -1 where memories are not kept by sample.
    """

    n: int
    track: int
    when: int
    period: int
    adds: int
    samples: int
    own_models: int
    synchronous: int
    over_arrivals: int
    weights: int
    first_worker: int
    first_data: int
    first_sample: int


PLAN = reference(Plan, *[i8] * 13)


@dataclass(frozen=True, eq=False)
class Oracle(Record):
    """The problem: addresses of its kernels, its data, kind and standard deviation per coordinate of the noise."""

    gradient: int
    exact_gradient: int
    value: int
    data: tuple[np.ndarray, ...]
    noise: int
    sd: float


ORACLE = reference(Oracle, i8, i8, i8, DATA, i8, f8)


@dataclass(frozen=True, eq=False)
class Rules(Record):
    """The rules of one exchange by their addresses, in the order in which they run, and their parameters."""

    worker: int
    sent: int
    server: int
    everyone: int
    local: int
    parameters: np.ndarray


RULES = reference(Rules, i8, i8, i8, i8, i8, VECTOR)


@dataclass(frozen=True, eq=False)
class Exchange(Record):
    """One exchange: its rules, its two directions, whether workers compute a gradient for it and get a message each."""

    rules: Rules
    uplink: Link
    downlink: Link
    gradient: bool
    each: bool


EXCHANGE = reference(Exchange, RULES, LINK, LINK, boolean, boolean)
EXCHANGES = types.UniTuple(EXCHANGE, 2)


@dataclass(frozen=True, eq=False)
class Tools(Record):
    """Addresses of what both steps call: what is called by its name is optimised again inside every caller."""

    philox: int
    to_uniforms: int
    add_noise: int
    send: int
    reshuffle: int


TOOLS = reference(Tools, *[i8] * 5)


@dataclass(frozen=True, eq=False)
class Common(Record):
    """What all steps of a run are handed."""

    seed: int
    plan: Plan
    oracle: Oracle
    tools: Tools


COMMON = reference(Common, i8, PLAN, ORACLE, TOOLS)


@dataclass(frozen=True, eq=False)
class Random(Record):
    """Random numbers for the rows of a sampled gradient, the noise, the coin, and both directions of each exchange.

    The orders are those of rows that are reshuffled.
    """

    rows: Draws
    orders: np.ndarray
    noise: Draws
    coin: Draws
    up: tuple[Draws, Draws]
    down: tuple[Draws, Draws]


PAIR_OF_DRAWS = types.UniTuple(DRAWS, 2)
RANDOM = reference(Random, DRAWS, ORDERS, DRAWS, DRAWS, PAIR_OF_DRAWS, PAIR_OF_DRAWS)


@dataclass(frozen=True, eq=False)
class Workers(Record):
    """What the workers keep: memories, errors (n, B, d), compressor states (n, B, s), own models (n, B, d)."""

    memories: np.ndarray
    errors: np.ndarray
    compressor: tuple[np.ndarray, np.ndarray]
    models: np.ndarray


WORKERS = reference(Workers, CUBE, CUBE, types.UniTuple(CUBE, 2), CUBE)


@dataclass(frozen=True, eq=False)
class Server(Record):
    """What the server keeps: memory hbar (B, d), error e (B, d), compressor states (B, s)."""

    memory: np.ndarray
    error: np.ndarray
    compressor: tuple[np.ndarray, np.ndarray]


SERVER = reference(Server, MATRIX, MATRIX, types.UniTuple(MATRIX, 2))


@dataclass(frozen=True, eq=False)
class States(Record):
    """The states of the rules: (n, k, B, d) of the workers, (k, B, d) of the server, (k, B, d) common to all."""

    workers: np.ndarray
    server: np.ndarray
    common: np.ndarray


STATES = reference(States, FOUR, CUBE, CUBE)


@dataclass(frozen=True, eq=False)
class WorkerScratch(Record):
    """A worker's room for one message.

    Attributes
    ----------
    vector, message
        What was compressed and what goes out, (B, d). Where the worker has a process of its own, which never sends and
        receives at the same time, the server's message and its reconstruction as well.
    exact_sum
        The sum of the exact gradients (B, d), if it is tracked.
    bits
        The lengths of the messages (B,).
    """

    vector: np.ndarray
    message: np.ndarray
    exact_sum: np.ndarray
    bits: np.ndarray


WORKER_SCRATCH = reference(WorkerScratch, MATRIX, MATRIX, MATRIX, VECTOR)


@dataclass(frozen=True, eq=False)
class ServerScratch(Record):
    """The server's room for one broadcast.

    Attributes
    ----------
    vector, message
        What was compressed and what goes out, (B, d).
    total
        The sum of the workers' messages (B, d), later what everyone reconstructs from the broadcast.
    bits
        The lengths of the messages (B,).
    """

    vector: np.ndarray
    message: np.ndarray
    total: np.ndarray
    bits: np.ndarray


SERVER_SCRATCH = reference(ServerScratch, MATRIX, MATRIX, MATRIX, VECTOR)


@dataclass(frozen=True, eq=False)
class Arrivals(Record):
    """The schedule of an asynchronous run; empty if it is synchronous.

    Attributes
    ----------
    history
        Models of earlier rounds, (depth, B, d).
    starts
        The first message of each step.
    workers, versions, counts
        Of every message: the worker, the round of its model, how many messages the worker has sent before.
    """

    history: np.ndarray
    starts: np.ndarray
    workers: np.ndarray
    versions: np.ndarray
    counts: np.ndarray


ARRIVALS = reference(Arrivals, CUBE, INTS, INTS, INTS, INTS)


@dataclass(frozen=True, eq=False)
class Watch(Record):
    """What is only looked at: shadow kernel (0: none), its sequence y, the iterates' average (B, d).

    The values (2, B) are those of f and room for a worker's.
    """

    shadow: int
    y: np.ndarray
    average: np.ndarray
    values: np.ndarray


WATCH = reference(Watch, i8, MATRIX, MATRIX, MATRIX)


@dataclass(frozen=True, eq=False)
class BlockState(Record):
    """Everything that belongs to one block of replicas.

    Attributes
    ----------
    x, model
        (B, d): the shared model, and x itself or the server's state that stands for it.
    down_memory
        The memory of the downlink, which everyone holds alike: (B, d).
    reals, record
        The numbers and the rows that are named above.
    ctx
        What kernels are handed as their context, `CONTEXT_ENTRIES` numbers.
    """

    x: np.ndarray
    model: np.ndarray
    down_memory: np.ndarray
    workers: Workers
    server: Server
    states: States
    random: Random
    arrivals: Arrivals
    watch: Watch
    worker_scratch: WorkerScratch
    server_scratch: ServerScratch
    reals: np.ndarray
    record: np.ndarray
    ctx: np.ndarray


BLOCK_STATE = reference(
    BlockState, MATRIX, MATRIX, MATRIX, WORKERS, SERVER, STATES, RANDOM, ARRIVALS, WATCH, WORKER_SCRATCH,
    SERVER_SCRATCH, VECTOR, MATRIX, INTS,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Steps(Record):
    """Addresses of what the loop over the rounds calls; 0 for what this run has no need of."""

    worker_step: int
    server_step: int
    measure: int
    mask_diverged: int
    record_before: int = 0
    is_special: int = 0
    take_sample_memory: int = 0
    keep_sample_memory: int = 0
    send_to_each: int = 0
    move_own_models: int = 0
    record_after: int = 0


STEPS = reference(Steps, *[i8] * 11)
