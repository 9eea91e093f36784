"""Figures: the papers' experiments, pictures of verdicts.

Importing this package is light; matplotlib is loaded by the modules that draw.
"""

if not __name__.startswith("tersegrad."):
    raise ImportError(
        f"import tersegrad.{__name__} instead of {__name__}: this folder is a part of the package tersegrad"
    )

FIGURES: dict[str, str] = {
    "dore-regression": "dore",
    "doublesqueeze-speedup": "doublesqueeze",
}
"""Name on the command line -> module of this package, with ``draw(out_dir, quick=False, seed=0) -> list[Path]``."""
