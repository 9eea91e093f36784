"""The theorems: one file per paper or method, found by a scan of this folder; importing it registers them all."""

from __future__ import annotations

from ...common.scan import modules

for _ in modules(__name__, __path__):
    pass
