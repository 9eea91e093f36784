"""Figures: the papers' experiments, pictures of verdicts.

Importing this package is light; matplotlib is loaded by the modules that draw.
"""

FIGURES: dict[str, str] = {
    "dore-regression": "dore",
    "doublesqueeze-speedup": "doublesqueeze",
}
"""Name on the command line -> module of this package, with ``draw(out_dir, quick=False, seed=0) -> list[Path]``."""
