"""What a class of theorems of a user's own defines, and what that must return."""

from __future__ import annotations

from typing import Any

from ..common.hooks import COUNT, NOTHING, NUMBER, SIZE, TEXT, Promise, by_name, instance, perhaps, several
from .bounds import COLUMNS, Curve, Rate
from .compressors import AbsoluteError, Contractive, Unbiased
from .constants import NAMES, Constants
from .hypotheses import Hypothesis
from .probe import Probe


def _per_measure(theorem: Any, *_: Any) -> int:
    return len(theorem.measures)


def _is_active(value: Any, *_: Any) -> bool:
    try:
        return isinstance(value, str) and bool(value.format(gamma="", limit="", eps="") or True)
    except (LookupError, ValueError, AttributeError):
        return False


PROMISES: dict[str, Promise] = {
    "choose_parameters": NOTHING,
    "curve": instance(Curve, none=True),
    "rate": instance(Rate),
    "active": Promise("a string, in braces of which gamma, limit or eps may stand", _is_active),
    "bound_needs": several(
        "a tuple of names of constants", Promise("", lambda value, *_: isinstance(value, str) and value in NAMES)
    ),
    "details": by_name(NUMBER),
    "coefficients": several("a tuple with a finite number for each entry of measures", NUMBER, _per_measure),
    "contraction_gap": NUMBER,
    "bits_per_round": SIZE,
    "bits_of_first_round": SIZE,
    "seconds": perhaps(SIZE),
    "weights": instance(tuple, none=True),
    "prepared": instance(Constants),
    "horizon": perhaps(COUNT),
    "contraction_gaps": Promise(
        f"{by_name(NUMBER).words}, one at least", lambda value, *_: by_name(NUMBER).kept(value) and len(value) > 0
    ),
    "start": NUMBER,
    "floor": NUMBER,
    "epoch": Promise("a whole number of at least 1", lambda value, *_: COUNT.kept(value) and value > 0),
    "statement": TEXT,
    "hypotheses": several("a tuple of hypotheses", instance(Hypothesis)),
    "powers": several("pairs (coefficient, power)", several("", NUMBER, lambda *_: 2)),
}
"""By the names of the methods of `Theorem` and of its `families`."""


def _pairs(value: Any, *_: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(word, str) for word in pair) for pair in value
    )


def _measures(value: Any, *_: Any) -> bool:
    return _pairs(value) and len(value) > 0 and all(column in COLUMNS for _, column in value)


_WORDS = Promise("a tuple of strings, ('gamma',) for one", lambda value, *_: _is_words(value))
_CLASS = Promise(
    "one of the classes Unbiased, Contractive and AbsoluteError, or None",
    lambda value, *_: value in (None, Unbiased, Contractive, AbsoluteError),
)


def _is_words(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(word, str) for word in value)


STATED: dict[str, Promise] = {
    **dict.fromkeys(
        ("name", "title", "source", "method", "conditions", "bound_latex", "setting", "messages_latex", "iterate",
         "general"),
        TEXT,
    ),
    **dict.fromkeys(("requires", "bound_requires", "parameters", "analysis"), _WORDS),
    **dict.fromkeys(("uplink", "uplink_or", "downlink"), _CLASS),
    "rules": Promise("a tuple of strings, one at least", lambda value, *_: _is_words(value) and len(value) > 0),
    "assumes": Promise("a tuple of hypotheses, (SMOOTH,) for one", PROMISES["hypotheses"].kept),
    "definitions": Promise("a tuple of pairs (symbol, formula)", _pairs),
    "measures": Promise(
        f"pairs (coefficient, column), (('', 'gap'),) for one; columns: {', '.join(COLUMNS)}", _measures
    ),
    "probe": instance(Probe),
}  # fmt: skip
"""What a class of theorems says of itself."""
