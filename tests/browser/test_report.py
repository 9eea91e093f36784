"""The report in a browser: its table sorts and filters, by mouse and by keyboard, wide and narrow."""

from __future__ import annotations

import pytest

from support.pages import PHONE, resize
from support.verdict_examples import examples
from tersegrad.report import write_report

STRENGTH, SECONDS = 3, 10


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return serve(folder) + write_report(examples(), folder).name


@pytest.fixture
def report(page, address):
    page.get(address)
    return page


def shown(page):
    """The ids of the rows that are to be seen, in their order."""
    return page.execute_script(
        "const rows = [...document.querySelectorAll('#theorems tbody tr')];"
        "return rows.filter(row => row.offsetParent).map(row => row.cells[0].innerText)"
    )


def select(page, name, value):
    page.execute_script(
        "const s = document.querySelector(`select[name=${arguments[0]}]`); s.value = arguments[1];"
        "s.dispatchEvent(new Event('input', {bubbles: true}))",
        name, value,
    )  # fmt: skip


def test_the_tightest_bound_comes_first_and_every_column_sorts_both_ways(report):
    by_strength = [v.theorem for v in sorted(examples(), key=lambda v: -v.strength.tightness if v.strength else 1.0)]
    assert shown(report) == by_strength
    heads = report.find_elements("css selector", "#theorems thead th")
    heads[0].find_element("tag name", "button").click()
    assert shown(report) == sorted(by_strength)
    assert heads[0].get_attribute("aria-sort") == "ascending"
    heads[0].find_element("tag name", "button").click()
    assert shown(report) == sorted(by_strength, reverse=True)
    heads[STRENGTH].find_element("tag name", "button").send_keys("\n")  # by keyboard
    assert shown(report)[-2:] == ["sgd.convex", "qsgd.strongly-convex"]  # the loosest, then the one without a figure
    heads[STRENGTH].find_element("tag name", "button").send_keys("\n")
    assert [shown(report)[k] for k in (0, -1)] == ["sgd.convex", "qsgd.strongly-convex"]  # what is missing stays last


def test_words_and_lists_narrow_the_table_and_all_comes_back(report):
    select(report, "paper", "sgd")
    assert shown(report) == ["sgd.strongly-convex", "sgd.convex"]
    select(report, "verdict", "violated")
    assert shown(report) == ["sgd.strongly-convex"]
    assert report.find_element("tag name", "output").text == "1 of 6 shown"
    report.find_element("css selector", "button[type=reset]").click()
    report.find_element("css selector", "input[type=search]").send_keys("squeeze tuned")
    assert shown(report) == ["doublesqueeze.nonconvex-tuned"]


def test_formulas_are_drawn_and_links_lead_to_sections(report):
    height = report.execute_script("return document.querySelector('.formula math').getBoundingClientRect().height")
    assert height > 20  # a fraction, not a line of letters
    report.find_element("link text", "sgd.convex").click()
    assert report.execute_script("return document.getElementById('sgd.convex').getBoundingClientRect().top") < 200


def test_on_a_phone_nothing_is_wider_than_the_screen_and_the_list_sorts(report):
    resize(report, PHONE)
    assert report.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]
    report.execute_script(
        "const s = document.querySelector('select[data-sorts]'); s.value = 0; s.dispatchEvent(new Event('change'))"
    )
    assert shown(report) == sorted(v.theorem for v in examples())


def test_pictures_are_dark_on_a_dark_screen_and_white_on_a_light_one_and_on_paper(report):
    """As drawn on white; a filter inverts them where the page is dark."""

    def filtered(scheme, medium):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": features})
        return report.execute_script("return getComputedStyle(document.querySelector('figure')).filter")

    try:
        assert "invert" in filtered("dark", "screen")
        assert filtered("light", "screen") == filtered("dark", "print") == "none"
    finally:
        report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
