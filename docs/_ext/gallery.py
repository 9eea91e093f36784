"""Turns the figures into scripts that sphinx-gallery runs, and hands it what scripts have drawn.

Every figure becomes a script of two lines under its caption, in ``docs/reference/_figures``: drawn with ``--quick``, or
in full by ``sphinx-build -t full``. sphinx-gallery runs a script again only if its text has changed.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx
from sphinx_gallery.scrapers import figure_rst

from tersegrad.common.house import ROOT
from tersegrad.common.limits import span
from tersegrad.figures import FIGURES
from tersegrad.figures.drawing import Drawing
from tersegrad.solvers.method import known_methods
from tersegrad.theory import THEOREMS
from tersegrad.validation.experiments import EXPERIMENTS

SCRIPTS = ROOT / "docs" / "reference" / "_figures"
HEADER = "GALLERY_HEADER.rst"
WORDS = """Figures
=======

The papers' experiments and overviews of the theory, drawn by ``tersegrad figures``. Every page has the caption, the
command, the picture for print (PDF) and its numbers (CSV).{quick}
"""
QUICK = " This site draws them with ``--quick``: fewer rounds, points and replicas than the captions say."
SCRIPT = '''r"""
{title}
{line}

{caption}

``tersegrad figures {name}`` draws it{minutes}.{quick}
"""

from pathlib import Path

from tersegrad.figures import FIGURES

FIGURES["{name}"].draw(Path(){option})
'''
QUICKLY = " The picture below is drawn with ``--quick``, which has fewer rounds, points and replicas."
LINKS = {"pdf": "PDF", "csv": "CSV"}
REGISTERS: tuple[dict[str, Any], ...] = (THEOREMS, EXPERIMENTS, known_methods())
FRESH = [dict(register) for register in REGISTERS]
THUMBNAIL = (640, 320)
"""Pixels: two panels are so wide."""


def escaped(text: str) -> str:
    """Plain text whose stars, bars, backquotes and first bracket mean themselves in reStructuredText."""
    return re.sub(r"(^\(|[*|`\\])", r"\\\1", text)


def script(drawing: Drawing, full: bool) -> str:
    """The script of a figure."""
    return SCRIPT.format(
        title=escaped(drawing.title),
        line="=" * len(escaped(drawing.title)),
        caption=escaped(drawing.caption),
        name=drawing.name,
        minutes=f" in about {span(drawing.seconds[0])} of one core",
        quick="" if full else QUICKLY,
        option="" if full else ", quick=True",
    )


def scripts(full: bool) -> dict[str, str]:
    """What is in the folder of scripts: a subfolder with a header for every paper."""
    found = {HEADER: WORDS.format(quick="" if full else QUICK)}
    for drawing in FIGURES.values():
        folder = re.sub(r"\W+", "_", drawing.paper.lower()).strip("_")
        title = drawing.paper[0].upper() + drawing.paper[1:]
        found[f"{folder}/{HEADER}"] = f"{title}\n{'-' * len(title)}\n"
        found[f"{folder}/{drawing.name.replace('-', '_')}.py"] = script(drawing, full)
    return found


def write(app: Sphinx) -> None:
    """Write the scripts, and remove those of figures that are no more."""
    found = {SCRIPTS / path: text for path, text in scripts(app.tags.has("full")).items()}
    for path in SCRIPTS.rglob("*.*") if SCRIPTS.exists() else ():
        if path not in found:
            path.unlink()
    for path, text in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def drawn(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """Move the files that a script has written beside its page; a script without a picture is its own thumbnail."""
    source, page = Path(variables["src_file"]).parent, Path(variables["target_file"]).parent
    pictures, links = [], []
    for path in sorted(source.glob("*.png")):
        pictures.append(next(variables["image_path_iterator"]))
        shutil.move(path, pictures[-1])
    for ending, words in LINKS.items():
        for path in sorted(source.glob(f"*.{ending}")):
            shutil.move(path, page / path.name)
            links.append(f":download:`{words} <{path.name}>`")
    for path in source.glob("*.txt"):
        path.unlink()
    if not pictures:
        portrait(block.content, next(variables["image_path_iterator"]))
    return figure_rst(pictures, conf["src_dir"]) + (f"\n{', '.join(links)}\n" if links else "")


def forget(conf: dict[str, Any], script: str) -> None:
    """Unregister what a script has registered: the next one may use the same names."""
    for register, known in zip(REGISTERS, FRESH, strict=True):
        register.clear()
        register.update(known)


def portrait(code: str, target: str) -> None:
    """Write the first lines of a script as a picture."""
    picture = Image.new("L", THUMBNAIL, 255)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), 17)
    ImageDraw.Draw(picture).multiline_text((12, 8), code.strip(), fill=40, font=font, spacing=6)
    picture.save(target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the scripts before sphinx-gallery looks for them."""
    app.connect("builder-inited", write, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
