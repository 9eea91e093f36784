"""The checks on pages can fail: a page that complains, or asks for the network, is seen."""

from __future__ import annotations

import pytest

from support.pages import PHONE, complaints, resize

HEAD = '<!doctype html><title>page</title><link rel="icon" href="data:,">'


def test_a_good_page_has_no_complaints(page, serve, tmp_path):
    (tmp_path / "index.html").write_text(HEAD + "<script>console.log('well')</script>")
    page.get(serve(tmp_path))
    assert page.title == "page"
    assert complaints(page) == []


@pytest.mark.parametrize(
    ("content", "sign"),
    [
        ("<script>console.error('broken')</script>", "broken"),
        ("<script>undefined.name</script>", "TypeError"),
        ("<script src='missing.js'></script>", "404"),
        ("<script src='https://example.org/a.js'></script>", "https://example.org/a.js"),
        ("<script>new WebSocket('wss://example.org/socket')</script>", "wss://example.org/socket"),
    ],
)
def test_a_page_that_complains_is_seen(page, serve, tmp_path, content, sign):
    (tmp_path / "index.html").write_text(HEAD + content)
    page.get(serve(tmp_path))
    assert any(sign in complaint for complaint in complaints(page))


def test_a_page_can_be_as_narrow_as_a_phone(page, serve, tmp_path):
    viewport = '<meta name="viewport" content="width=device-width">'
    (tmp_path / "index.html").write_text(HEAD + viewport)
    page.get(serve(tmp_path))
    resize(page, PHONE)
    assert page.execute_script("return innerWidth") == PHONE[0]
