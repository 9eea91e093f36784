"""The site: ``sphinx-build -W -b html docs build/html``. It needs no network: formulas are MathML."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

from tersegrad import __version__  # noqa: E402

project = "tersegrad"
author = "The tersegrad developers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",
    "pages",
]
myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3
default_role = "code"
nitpicky = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
html_math_renderer = "mathml"

exclude_patterns = ["_ext", "_static"]
html_theme = "furo"
html_title = f"tersegrad {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "tango"
