"""Checkpoint files: what a run needs to go on where it was, in one file that is whole or is refused.

A file is the line `MAGIC`, the length of a header, the header (JSON: what was run, and the name, type and shape of
every array), the arrays one after the other, and a BLAKE2b checksum of all that. It is written beside the old one,
flushed to the disk, and then takes its place in one step: whatever dies, there is a whole file. Nothing in it is
code, and nothing is believed before the checksum is.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import InputError
from ..common.files import require_regular, whole_file

MAGIC = b"tersegrad checkpoint 1\n"
CHECKSUM_BYTES = 32
_LENGTH = struct.Struct("<q")
_TYPES = {"float64": np.float64, "int64": np.int64}

#: Name, type and shape of an array.
Entry = tuple[str, str, tuple[int, ...]]


def describe(arrays: dict[str, np.ndarray]) -> list[Entry]:
    """The entries of arrays at hand."""
    return [(name, str(array.dtype), array.shape) for name, array in arrays.items()]


def write(path: str | Path, about: dict[str, Any], entries: Sequence[Entry], arrays: Iterable[np.ndarray]) -> None:
    """Write a file that appears whole or not at all.

    Parameters
    ----------
    about
        What JSON can say.
    entries, arrays
        What the arrays are called, and the arrays in the same order; they are asked for one at a time.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    header = json.dumps({"about": about, "arrays": entries}, allow_nan=False).encode()
    digest = hashlib.blake2b(digest_size=CHECKSUM_BYTES)
    with whole_file(path, "the checkpoint ", "choose another file") as file:

        def put(data: Any) -> None:
            digest.update(data)
            file.write(data)

        for part in (MAGIC, _LENGTH.pack(len(header)), header):
            put(part)
        for (name, kind, shape), array in zip(entries, arrays, strict=True):
            if array.shape != tuple(shape) or str(array.dtype) != kind:
                raise AssertionError(f"{name} is {array.dtype} {array.shape}, announced as {kind} {shape}")
            if array.size:
                put(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        file.write(digest.digest())


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read what `write` wrote.

    Raises
    ------
    InputError
        For a file that is missing, not a checkpoint, cut off or changed.
    """
    require_regular(path, "the checkpoint")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the checkpoint '{path}': {error.strerror or error}") from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the bytes of a checkpoint file; `name` is what errors call it.

    Raises
    ------
    InputError
        For bytes that are not a whole checkpoint.
    """
    if not data.startswith(MAGIC):
        raise InputError(f"'{name}' is not a checkpoint of this version of tersegrad")
    body, checksum = memoryview(data)[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if hashlib.blake2b(body, digest_size=CHECKSUM_BYTES).digest() != checksum:
        raise InputError(
            f"the checkpoint '{name}' is cut off or damaged: its checksum does not match; use an older one"
        )
    try:
        start = len(MAGIC) + _LENGTH.size
        (length,) = _LENGTH.unpack(body[len(MAGIC) : start])
        header = json.loads(bytes(body[start : start + length]))
        about, at, arrays = header["about"], start + length, {}
        for key, kind, shape in header["arrays"]:
            if length < 0 or any(not isinstance(side, int) or side < 0 for side in shape) or not isinstance(key, str):
                raise ValueError("impossible header")
            size = math.prod(shape) * np.dtype(_TYPES[kind]).itemsize
            if at + size > len(body):
                raise ValueError("arrays beyond the end")
            arrays[key] = np.frombuffer(body[at : at + size], _TYPES[kind]).reshape(shape)
            at += size
        if at != len(body) or not isinstance(about, dict):
            raise ValueError("bytes that belong to no array")
    except (ValueError, KeyError, TypeError, IndexError, struct.error, RecursionError, OverflowError) as error:
        raise InputError(f"'{name}' is not a checkpoint that can be read ({error})") from None
    return about, arrays
