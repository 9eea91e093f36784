"""Parameters with which the generic tests run every method: stable on the small quadratics that they use."""

from __future__ import annotations

from typing import Any

PARAMETERS: dict[str, dict[str, Any]] = {
    "sgd": {"gamma": 0.3},
    "qsgd": {"gamma": 0.2},
    "qsgd-two-way": {"gamma": 0.1},
    "diana": {"gamma": 0.1, "alpha": 0.3},
    "error-feedback": {"gamma": 0.1},
    "doublesqueeze": {"gamma": 0.05},
    "dore": {"gamma": 0.1, "alpha": 0.3, "beta": 0.4, "eta": 0.2},
}
