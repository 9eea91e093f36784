"""Codecs: what the bytes of each compressor's message are. Pure NumPy, but for messages made of several.

A message is the vector C(x) itself. ``encode`` turns it into bytes, ``read`` turns the bytes into the same vector bit
for bit, ``entropy`` gives the empirical entropy of the message's symbols plus the bits of its scales and values. A
message means something given (spec, dim) alone, except where a seed is shared: then the receiver needs the round's
uniforms, as the sender did. What an encoder needs beside the message is in `wire.Origin`.

| compressor | message |
|---|---|
| identity, adversary | doubles |
| ternary | 32 bits per block, then 5 symbols in a byte |
| sign, normsign | 32 bits per block, then 1 bit a coordinate |
| qsgd | a flag, 32 + ceil log2 s bits per block, then the shorter of (a), (b) |
| natural | sign and exponent of a double: 12 bits a coordinate |
| natural-dithering | 32 bits per block, then sign and halvings of every coordinate in 1 + ceil log2(s + 1) bits |
| clip | the first 12 + m bits of a double |
| topk, randk | which coordinates (c), 32 bits per value; a shared seed saves (c) |
| randomblock | which block (a shared seed saves it), 32 bits per value |
| bernoulli | a flag, then 32 bits per value if it is set |
| permk | the worker's number, 32 bits per value; the seed is shared |
| sparsifier | the number of entries, which (c), lambda in 32 bits, for each entry a flag: its sign, or 32 bits |
| threshold | the number of entries, which coordinates (c), doubles |
| dynamic | the norm in 32 bits, the number of entries, which coordinates (c), their signs |
| rankr, powersgd | both factors, 32 bits an entry |
| scaled, induced, repeated | the messages of the parts, each in whole bytes |
| composed | the second part's message; if that is natural: the number of entries, which (c), 12 bits each |

(a) sign and level of every coordinate in 1 + ceil log2(s + 1) bits; (b) the number of nonzero entries, their
gaps and their levels in Elias omega code, then their signs; (c) indices of ceil log2 d bits, or one bit a
coordinate if that is shorter.
"""

from __future__ import annotations

from .codecs_composed import Factors, Messages, Second
from .codecs_quantised import Dense, Halvings, Levels, Shortened, Signs, Trits
from .codecs_sparse import Block, Chosen, Dealt, Entries, Kept, Largest, Whole

CODECS = {
    "identity": Dense(),
    "qsgd": Levels(),
    "ternary": Trits(),
    "natural": Shortened(),
    "natural-dithering": Halvings(),
    "randk": Entries(),
    "topk": Entries(),
    "randomblock": Block(),
    "bernoulli": Whole(),
    "permk": Dealt(),
    "sparsifier": Chosen(),
    "threshold": Kept(),
    "sign": Signs(),
    "normsign": Signs(),
    "dynamic": Largest(),
    "clip": Shortened(),
    "rankr": Factors(),
    "powersgd": Factors(),
    "induced": Messages(),
    "composed": Second(),
    "scaled": Messages(),
    "repeated": Messages(),
    "adversary": Dense(),
}
"""Every codec by its compressor's name."""
