"""The site: ``sphinx-build -W -b html docs build/html``. It needs no network: formulas are MathML.

Figures are drawn with ``--quick``, and in full with ``-t full``; what was drawn before is kept until
``docs/gallery`` is removed.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

from gallery import THUMBNAIL  # noqa: E402

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
    "gallery",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["amsmath", "deflist", "dollarmath"]
myst_heading_anchors = 3
default_role = "code"
nitpicky = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
html_math_renderer = "mathml"

sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "reference/_figures"],
    "gallery_dirs": ["gallery/examples", "gallery/figures"],
    "filename_pattern": r"\.py",
    "within_subsection_order": "FileNameSortKey",
    "nested_sections": False,
    "image_scrapers": ["gallery.drawn"],
    "thumbnail_size": THUMBNAIL,
    "reset_modules": ["gallery.forget"],
    "reset_modules_order": "after",
    "capture_repr": (),
    "notebook_extensions": [],
    "download_all_examples": False,
    "inspect_global_variables": False,
    "remove_config_comments": True,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 10**9,
    "abort_on_example_error": True,
}

exclude_patterns = ["_ext", "_static", "reference/_figures"]
html_theme = "furo"
html_title = f"tersegrad {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "tango"
pygments_dark_style = "github-dark"
