"""Are the random numbers what they should be? The generator against its published vectors, number by number.

Engine and transcription draw from one generator, so that their agreement says nothing of it: numbers that are the same
in every round, for every worker or in both directions would pass, and so would uniforms of a shorter interval. Every
number is a function of (seed, replica, round, worker, stream); the function has published values (Philox 4x32-10,
Salmon, Moraes, Dror, Shaw 2011, with the test vectors of their library), here at three points.
"""

from __future__ import annotations

import numpy as np

from ..solvers import random
from .conformance import Conformance

#: Counter, key and the four words.
VECTORS = (
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
)  # fmt: skip


def random_conforms() -> Conformance:
    """Compare the generator with its published vectors, uniforms with their words, and streams with each other."""
    for counter, key, words in VECTORS:
        drawn = random.draws([key[1]], 4)
        drawn.index[:] = counter[0]
        random.philox(key[0], counter[1], counter[2], counter[3], drawn)
        if (found := tuple(int(word) for word in drawn.words[:, 0])) != words:
            return Conformance("differs", f"at the counter {counter} in the words {found}; expected: {words}", 1.0, 0.0)
        random.to_uniforms(drawn)
        gap = float(np.abs(drawn.numbers[0] - (np.array(words) + 0.5) / 2**32).max())
        if gap > 0:
            return Conformance("differs", "in the uniforms, which are (word + 1/2)/2^32", gap, 0.0)
    streams = [value for name, value in vars(random).items() if name.startswith("STREAM_")]
    if len(set(streams)) < len(streams):
        return Conformance("differs", "in the streams, two of which draw the same numbers", 1.0, 0.0)
    return Conformance("conforms", rounds=len(VECTORS), checked=("words", "uniforms", "streams"))
