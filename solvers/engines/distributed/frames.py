"""Messages on the wire: every replica's message as its compressor encodes it.

A message that holds a number that is not finite has no encoding. Its replica is about to be recorded as diverged, and
the message travels as plain doubles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....theory.compressors import Compressor
from ... import compressors
from ...compressors.codecs import unfolded
from ...compressors.wire import Origin

#: Set in a length: the bytes are plain doubles.
PLAIN = 1 << 62
#: The length of a message that a block does not send in this exchange.
ABSENT = -1


class MessageCodec:
    """The messages of one compressor on vectors of `dim` coordinates."""

    def __init__(self, comp: Compressor, dim: int) -> None:
        self.comp, self.draws = comp, comp.draws(dim)
        self.encode, self.decode = compressors.encoder(comp, dim), compressors.decoder(comp, dim)

    def write(
        self, message: np.ndarray, compressed: np.ndarray, coins: np.ndarray, state: np.ndarray, ctx: np.ndarray
    ) -> tuple[list[int], list[bytes]]:
        """Lengths and bytes of the messages (B, d) of a block.

        Parameters
        ----------
        message, compressed
            C(v) and v.
        coins, state
            The uniforms (B, ...) and what the compressor keeps (B, s).
        ctx
            As the compressor was handed it.
        """
        lengths, data = [], []
        for r, row in enumerate(message):
            if np.isfinite(row).all():
                origin = Origin(compressed[r], coins[r, : self.draws] if self.draws else None, state[r], ctx)
                piece = self.encode(row, origin)
                lengths.append(len(piece))
            else:
                piece = row.tobytes()
                lengths.append(len(piece) | PLAIN)
            data.append(piece)
        return lengths, data

    def write_entries(
        self, places: np.ndarray, values: np.ndarray, dim: int, coins: np.ndarray
    ) -> tuple[list[int], list[bytes]]:
        """What `write` returns for the one message with these values at these places."""
        if np.isfinite(values).all():
            piece = compressors.encode_entries(self.comp, places, values, dim, coins[0, : self.draws])
            return [len(piece)], [piece]
        piece = unfolded(places, values, dim).tobytes()
        return [len(piece) | PLAIN], [piece]

    def read_entries(
        self, length: int, data: memoryview, dim: int, coins: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Places and values of the one message that `read` would read, and how many bytes were read."""
        size = length & ~PLAIN
        if length & PLAIN:
            message = np.frombuffer(data[:size], np.float64)
            places = np.flatnonzero(message)
            return places, message[places], size
        shared = None if coins is None else coins[0]
        return *compressors.decode_entries(self.comp, bytes(data[:size]), dim, shared), size

    def read(
        self, lengths: Sequence[int], data: memoryview, coins: np.ndarray | None, out: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Read a block's messages into out (B, d); return their lengths in bits (B,), and how many bytes were read.

        Raises
        ------
        InputError
            If the bytes are no messages of this compressor.
        """
        at, bits = 0, np.empty(len(lengths))
        for r, length in enumerate(lengths):
            size = length & ~PLAIN
            piece = data[at : at + size]
            at += size
            bits[r] = 8.0 * size
            if length & PLAIN:
                out[r] = np.frombuffer(piece, np.float64)
            else:
                out[r] = self.decode(bytes(piece), None if coins is None else coins[r])
        return bits, at
