"""The report: one page that needs nothing else, pictures that show what they claim, certificates."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import pytest

from support.verdict_examples import diverged, examples, linear, power, tuned, uncovered, vacuous
from tersegrad import latex
from tersegrad.figures.style import journal
from tersegrad.figures.verdict import draw, picture
from tersegrad.report import ARXIV, write_certificates, write_report
from tersegrad.theory import THEOREMS, InputError
from tersegrad.validation.sweeps import started
from tersegrad.validation.verdict import Verdict

STABLE_KEYS = {
    "theorem",
    "method",
    "verdict",
    "reason",
    "margin",
    "alpha",
    "replicas",
    "rounds",
    "constants",
    "parameters",
    "up",
    "down",
    "metric",
    "rate",
    "speedup",
    "strength",
    "conformance",
    "controls",
    "series",
    "bits",
    "provenance",
    "seed",
    "versions",
    "seconds",
}


class Page(HTMLParser):
    """What a page asks the browser to load, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.loads: list[str] = []  # what the browser fetches by itself
        self.links: set[str] = set()
        self.files: set[str] = set()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if tag == "a" and name == "href" and value and not value.startswith("#"):
                (self.links if value.startswith("https:") else self.files).add(value)
            elif name in ("src", "srcset", "href", "data", "poster", "action"):
                self.loads.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(examples(), tmp_path_factory.mktemp("report"))


def test_the_page_needs_nothing_else(written: Path) -> None:
    html = written.read_text(encoding="utf-8")
    page = Page(html)
    assert all(load.startswith(("data:image/webp;base64,", "data:,", "#")) for load in page.loads)
    assert not {"iframe", "object", "embed"} & set(page.tags)
    assert page.links == {f"https://arxiv.org/abs/{n}" for v in examples() for n in ARXIV.findall(v.source)}
    assert {file.rpartition("/")[2] for file in page.files} == {"dore.md", "doublesqueeze.md"}
    assert all((written.parent / file).exists() for file in page.files)
    assert "@import" not in html
    assert "url(" not in html


def test_every_verdict_is_told_by_its_word_and_can_be_repeated(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    for verdict in examples():
        assert verdict.theorem in page.text
        assert f"#{verdict.theorem}" in page.loads
        assert verdict.reason in page.text
        assert verdict.command in page.text
        assert verdict.source in page.text
    for word in ("holds", "violated", "vacuous", "no guarantee"):
        assert word in page.text
    for meter in ("formula", "encoded", "entropy"):
        assert meter in page.text


def test_the_three_questions_are_answered_and_the_tightest_bounds_come_first(written: Path) -> None:
    text = Page(written.read_text(encoding="utf-8")).text
    table = text[text.index("is it the method") : text.index("Sorted by strength")]
    assert table.index("dore.strongly-convex") < table.index("sgd.convex") < table.index("qsgd.strongly-convex")
    for words in ("conforms", "not checked", "tight 0.89", "460 / 230", "1 of 2, weak", "loose 0.002"):
        assert words in table, words
    assert "dore-sum (channel): rejected by bound" in text


def test_processes_draw_the_same_report(written: Path, tmp_path: Path) -> None:
    with started("processes", 2) as pool:
        write_report(examples(), tmp_path, executor=pool)
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == {
        f.name: f.read_bytes() for f in written.parent.iterdir()
    }


def test_pictures_stand_in_the_page_and_say_what_they_show(written: Path) -> None:
    html = written.read_text(encoding="utf-8")
    pictures = [base64.b64decode(load.partition(",")[2]) for load in Page(html).loads if load.startswith("data:image")]
    measured = [v for v in examples() if v.series is not None]
    assert len(pictures) == len(measured)
    assert max(map(len, pictures)) < 40_000
    described = dict(zip((v.theorem for v in measured), re.findall(r'<img [^>]*alt="([^"]*)"', html), strict=True))
    assert (
        "over rounds 0 to 6000 the measured mean goes from 12 to 0.02, the bound from 13"
        in described["dore.strongly-convex"]
    )
    assert "over 1 to 64 workers the metric falls with slope -0.48" in described["doublesqueeze.nonconvex"]


def test_the_first_screen_counts_and_names_what_to_look_at(written: Path) -> None:
    text = Page(written.read_text(encoding="utf-8")).text
    first = " ".join(text[: text.index("search")].split())
    for words in (
        "6 theorems (holds: 3, violated: 1, vacuous: 1, no guarantee: 1)",
        "3 of 6bounds hold",
        "5 of 6runs are the method",
        "5 of 10wrong variants rejected",
        "4 of 4rates and speedups seen",
        "Does not hold: sgd.strongly-convex, sgd.convex, qsgd.strongly-convex.",
        "The loosest bounds: sgd.convex.",
    ):
        assert words in first, words


def test_heads_of_tables_have_a_scope(written: Path) -> None:
    html = written.read_text(encoding="utf-8")
    heads = re.findall(r"<th\b[^>]*>", html)
    assert heads
    assert all('scope="' in head for head in heads)


def test_without_jinja_there_are_certificates_and_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"report.html needs jinja2, .*pip install 'tersegrad\[report\]'"):
        write_report(examples(), tmp_path)
    assert len(list(write_certificates(examples(), tmp_path).glob("*.json"))) == len(examples())


def test_certificates_have_the_stable_keys_and_nothing_json_cannot_say(written: Path) -> None:
    for verdict in examples():
        text = (written.parent / f"{verdict.theorem}.json").read_text(encoding="utf-8")
        certificate = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
        assert certificate == verdict.certificate()
        assert certificate.keys() >= STABLE_KEYS


def test_files_appear_whole(written: Path) -> None:
    expected = {written.name} | {f"{v.theorem}.json" for v in examples()}
    assert {path.name for path in written.parent.iterdir()} == expected


def test_a_place_that_cannot_be_written_to_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match=r"cannot write to .*--out"):
        write_report([], blocked)


@pytest.mark.parametrize("name", sorted(THEOREMS))
def test_every_statement_becomes_mathml_and_text(name: str) -> None:
    statement = THEOREMS[name].statement
    html = str(latex.to_html(statement))
    assert html.count("<math") == sum(piece["bold"] is None for piece in latex.PIECES.finditer(statement))
    assert "\\" not in html
    assert "\\" not in latex.to_text(statement)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (r"$\gamma \le \frac{2}{(1+c\alpha)(\mu+L)}$", "γ ≤ 2/((1+cα)(μ+L))"),
        (r"$\frac{1}{n}\sum_i\|\nabla f_i(x^\star)\|^2$", "(1/n)Σ_i‖∇f_i(x*)‖²"),
        (r"$\frac{a+b}{c}$", "(a+b)/c"),
        (r"$\frac{\sigma}{\sqrt{nT}}$", "σ/(√(nT))"),
        (r"$\rho^t V_0$", "ρ^t V_0"),
        (r"$T^{\frac{2}{3}}$", "T^(2/3)"),
    ],
)
def test_plain_text_keeps_the_meaning(formula: str, text: str) -> None:
    assert latex.to_text(formula) == text


def test_what_is_not_understood_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"unknowncommand"):
        latex.mathml(r"\unknowncommand x")


@pytest.mark.parametrize(
    "verdict",
    [
        *(v for v in examples() if v.series is not None),
        replace(linear(), speedup=power().speedup),
        replace(power(), verdict="vacuous"),
    ],
    ids=lambda v: f"{v.theorem} {v.verdict}",
)
def test_nothing_is_cut_off(verdict: Verdict) -> None:
    with journal():
        fig = picture(verdict)
        assert fig is not None
        fig.canvas.draw()
        box = fig.get_tightbbox()
    width, height = fig.get_size_inches()
    assert min(box.x0, box.y0) >= 0
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.mark.parametrize("verdict", [v for v in examples() if v.series is not None], ids=lambda v: v.theorem)
def test_axes_are_named_and_curves_differ_in_grey(verdict: Verdict) -> None:
    fig = picture(verdict)
    assert fig is not None
    for ax in fig.axes:
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        lines = [line for line in ax.get_lines() if line.get_label() and line.get_linestyle() != "None"]
        data = [line for line in lines if line.get_color() in ("#0072B2", "#D55E00") and len(line.get_xdata()) > 2]
        styles = {(line.get_color(), line.is_dashed()) for line in data}
        assert {dashed for _, dashed in styles} == {color == "#D55E00" for color, _ in styles}


def test_panels() -> None:
    panels = {v.theorem: len(picture(v).axes) for v in (linear(), power(), tuned(), diverged(), vacuous())}  # type: ignore[union-attr]
    assert panels == {
        "dore.strongly-convex": 1,
        "doublesqueeze.nonconvex": 3,
        "doublesqueeze.nonconvex-tuned": 1,
        "sgd.strongly-convex": 1,
        "sgd.convex": 1,
    }


def test_a_linear_rate_is_straight_on_its_axes_and_a_power_too() -> None:
    assert [ax.get_xscale() for ax in picture(linear()).axes] == ["linear"]  # type: ignore[union-attr]
    assert [ax.get_xscale() for ax in picture(power()).axes] == ["log", "log", "log"]  # type: ignore[union-attr]
    assert {ax.get_yscale() for v in (linear(), power()) for ax in picture(v).axes} == {"log"}  # type: ignore[union-attr]


def test_a_diverging_run_does_not_hide_the_bound() -> None:
    (ax,) = picture(diverged()).axes  # type: ignore[union-attr]
    low, high = ax.get_ylim()
    assert high < 1e5
    assert low < 0.05 < high


def test_drawing_leaves_the_users_settings_and_backend_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now fails
    keys = [key for key in matplotlib.rcParams if key != "backend"]
    before = [matplotlib.rcParams[key] for key in keys]
    draw(linear(), io.BytesIO())
    assert [matplotlib.rcParams[key] for key in keys] == before


def test_the_same_verdict_gives_the_same_bytes() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    assert draw(linear(), first)
    assert draw(linear(), second)
    assert first.getvalue() == second.getvalue()


def test_nothing_measured_is_nothing_drawn() -> None:
    file = io.BytesIO()
    assert not draw(uncovered(), file)
    assert not file.getvalue()
