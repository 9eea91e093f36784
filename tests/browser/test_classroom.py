"""The apps of the classroom as a lecturer uses them: by keyboard, on a projector and on a phone, without a network."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from time import perf_counter
from urllib.parse import urlsplit

import numpy as np
import pytest

import tersegrad as tg
from support.pages import PHONE, resize
from tersegrad.figures.classroom import LESSONS

PATIENCE = 30
"""Seconds, on a machine that does something else."""
SLUGGISH = 20.0
"""Seconds: a ceiling that only an app that stands still exceeds."""
SMALLEST = 17
"""Pixels: the least height of a word in a picture that is 768 pixels high, which the last row can read."""


@dataclass(frozen=True)
class Move:
    """A step of a slider to the right: which curves move, and which number is then what the library says."""

    slider: str
    curves: tuple[str, ...]
    fact: str
    expected: float
    digits: float = 1e-12


def slower():
    """Rounds of DIANA with 10 of 100 coordinates, in those of dense messages."""
    problem = tg.problem("quadratic:dim=100,mu=0.1,L=1,heterogeneity=1", workers=10)
    rule = tg.theorem("diana.strongly-convex")
    return rule.guarantee(problem, "randk:k=10", eps=1e-6).rounds_to(1e-6) / rule.guarantee(problem).rounds_to(1e-6)


def tight_step():
    problem = tg.problem("three-quadratics", workers=3)
    return tg.theorem("error-feedback.tight").guarantee(problem, "topk:k=2").parameters["gamma"]


def diana_rounds():
    problem = tg.problem("quadratic:dim=100,mu=0.1,L=1,heterogeneity=1", workers=10)
    return tg.theorem("diana.strongly-convex").guarantee(problem, "randk:k=20", eps=1e-4).rounds_to(1e-4)


def end_of_speedup():
    constants = tg.problem("robust:rows=40,dim=5,homogeneous=1,noise=gaussian,sigma_sq=1", workers=1).constants()
    links = ("threshold:level=0.03",) * 2
    return tg.theorem("doublesqueeze.nonconvex-tuned").guarantee(constants, *links, 320).rate.speedup_until


MOVES = {
    "price": lambda: Move(
        "coordinates sent", ("distance-run", "distance-bound", "bits-here"), "slower", slower()
    ),
    "memory": lambda: Move(
        "coordinates sent", ("distance-run", "distance-other", "memory-bound"), "gamma", tight_step()
    ),
    # the exact limit of delayed gradient descent, which the app measures to 1 %
    "staleness": lambda: Move(
        "delay", ("gap-run", "steps-here"), "stable", 2 * np.sin(np.pi / (2 * (2 * 16 + 1))), 0.02
    ),
    "step-size": lambda: Move("coordinates sent", ("metric-run", "metric-bound"), "rounds", diana_rounds()),
    "speedup": lambda: Move("rounds", ("error-run", "error-bound", "error-limit"), "until", end_of_speedup()),
    "frontier": lambda: Move(
        "probability", ("steps-here", "distance-run", "distance-reference"), "frontier",
        tg.frontier("ef21", "scaled:of=bernoulli/p=0.5", workers=10, theorems=False).step,
    ),
}  # fmt: skip


@pytest.fixture(scope="session")
def classroom(chromium, tmp_path_factory):
    """The address of all apps, for somebody who likes dark notebooks.

    They end by Ctrl-C, with a page still open, and without complaint.
    """
    pytest.importorskip("marimo", reason="needs marimo, of the extra classroom")
    settings = tmp_path_factory.mktemp("settings")
    (settings / "marimo").mkdir()
    (settings / "marimo" / "marimo.toml").write_text('[display]\ntheme = "dark"\n')
    server = subprocess.Popen(
        [sys.executable, "-m", "tersegrad", "classroom", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": str(settings)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    address = server.stdout.readline().strip()
    yield address
    server.send_signal(signal.SIGINT)
    _, errors = server.communicate(timeout=PATIENCE)
    assert server.returncode == 0
    assert [line for line in errors.splitlines() if not line.startswith("compiling ")] == []


def waited(page, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(page, PATIENCE, poll_frequency=0.05).until(condition)


def opened(page, address, name):
    """The app, when its last picture is there."""
    page.get(f"{address}{name}/")
    waited(page, lambda page: page.execute_script("return document.querySelectorAll('.panels > * , .fact').length > 3"))


def within(page, selector):
    """The elements in marimo's own parts of the page, which are trees of their own."""
    script = """return [...document.querySelectorAll('marimo-slider, marimo-button')].map(
        part => [part.dataset.label, part.shadowRoot && part.shadowRoot.querySelector(arguments[0])])"""
    return {label: element for label, element in page.execute_script(script, selector) if element}


def part(page, selector, label):
    found = waited(page, lambda page: [e for name, e in within(page, selector).items() if label in name])
    (element,) = found
    return element


def curve(page, name):
    return page.execute_script("return document.querySelector(`#${arguments[0]}`)?.innerHTML", name)


def fact(page, name):
    return page.execute_script("return document.getElementById(arguments[0]).dataset.value", name)


@pytest.mark.parametrize("name", LESSONS)
def test_an_app_by_keyboard(page, classroom, name):
    """The arrow moves curve, bound and number, Reset takes it back; the answer shows when it is asked for."""
    from selenium.webdriver.common.keys import Keys

    move = MOVES[name]()
    opened(page, classroom, name)
    before = {each: curve(page, each) for each in move.curves}
    start = fact(page, move.fact)
    assert all(before.values())

    part(page, "[role=slider]", move.slider).send_keys(Keys.ARROW_RIGHT)
    waited(page, lambda page: fact(page, move.fact) != start)
    waited(page, lambda page: all(curve(page, each) not in (None, before[each]) for each in move.curves))
    assert float(fact(page, move.fact)) == pytest.approx(move.expected, rel=move.digits)

    part(page, "button", "Reset").send_keys(Keys.ENTER)
    waited(page, lambda page: fact(page, move.fact) == start)
    waited(page, lambda page: {each: curve(page, each) for each in move.curves} == before)

    summary, text = page.find_elements("css selector", ".answer summary, .answer p")[:2]
    assert not text.is_displayed()
    summary.send_keys(Keys.ENTER)
    waited(page, lambda page: text.is_displayed())


@pytest.mark.parametrize("name", LESSONS)
def test_every_slider_moves_a_picture_soon(page, classroom, name, record_property):
    """What a step takes until the page has changed is printed and recorded; the aim is 0.3 s, on an idle machine."""
    from selenium.webdriver.common.keys import Keys

    opened(page, classroom, name)
    for label, handle in within(page, "[role=slider]").items():
        words = re.sub(r"<[^>]*>", "", json.loads(label))
        before = page.execute_script("return document.querySelector('.panels').innerHTML")
        began = perf_counter()
        handle.send_keys(Keys.ARROW_RIGHT)
        waited(page, lambda page, old=before: page.execute_script(
            "return document.querySelector('.panels')?.innerHTML !== arguments[0]", old
        ))  # fmt: skip
        seconds = perf_counter() - began
        record_property(words, seconds)
        print(f"{name}, {words}: {seconds:.2f} s")
        assert seconds < SLUGGISH


@pytest.mark.parametrize("name", LESSONS)
def test_an_app_is_read_from_the_last_row_and_on_a_phone(page, classroom, name):
    """Words are large, on white, and nothing is cut off at either width."""
    opened(page, classroom, name)
    assert page.execute_script("return document.body.dataset.theme") == "light"
    heights = page.execute_script(
        """return [...document.querySelectorAll('.head p, .fact, figcaption, .panel > svg text, .answer summary, td')]
            .map(e => [e.textContent.trim(), e.tagName == 'text' ? e.getBoundingClientRect().height
                                                                 : parseFloat(getComputedStyle(e).fontSize)])"""
    )
    assert len(heights) > 15
    assert [each for each in heights if each[0] and each[1] < SMALLEST] == []
    assert wider(page) == []
    resize(page, PHONE)
    waited(page, lambda page: page.execute_script("return innerWidth") == PHONE[0])
    assert wider(page) == []
    tops = page.execute_script(
        "return ['show_controls', 'picture'].map(n => document.querySelector(`[data-cell-name=${n}]`)"
        ".getBoundingClientRect().top)"
    )
    assert tops[0] < tops[1] < PHONE[1]


def wider(page) -> list[str]:
    """What reaches beyond the right edge of the page."""
    script = """return [...document.querySelectorAll('#App *')].filter(e => e.getClientRects().length
        && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + ' ' + e.textContent.slice(0, 40))"""
    return page.execute_script(script)


def test_a_step_beyond_the_theorem_has_no_bound(page, classroom):
    from selenium.webdriver.common.keys import Keys

    opened(page, classroom, "staleness")
    assert fact(page, "covered") == "covered"
    part(page, "[role=slider]", "step").send_keys(Keys.ARROW_RIGHT)
    waited(page, lambda page: fact(page, "covered") == "not covered")
    waited(page, lambda page: curve(page, "gap-bound") is None)
    part(page, "[role=slider]", "step").send_keys(Keys.END)
    waited(page, lambda page: fact(page, "verdict") == "diverges")


def test_the_first_page_leads_to_every_app(page, classroom):
    page.get(classroom)
    links = {a.get_attribute("href"): a.text for a in page.find_elements("tag name", "a")}
    assert links == {f"{classroom}{name}/": lesson.title for name, lesson in LESSONS.items()}


def test_another_name_of_this_machine_is_refused(classroom):
    """A page elsewhere whose own name is made to lead here cannot talk to the apps."""

    def status(host: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(classroom).port, timeout=PATIENCE)
        connection.request("GET", "/price/", headers={"Host": host})
        return connection.getresponse().status

    assert (status("127.0.0.1"), status("localhost"), status("example.org")) == (200, 200, 400)
