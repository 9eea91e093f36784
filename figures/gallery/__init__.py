"""The figures that ``tersegrad figures`` draws: what is in a file of this folder is registered, no list names it."""

from __future__ import annotations

from ...common.scan import instances
from ..drawing import Drawing

FIGURES: dict[str, Drawing] = {found.name: found for found in instances(__name__, __path__, Drawing)}
