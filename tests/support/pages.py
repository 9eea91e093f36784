"""Pages in a browser: their size, and what they complain of."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

DESKTOP, PHONE = (1366, 768), (390, 844)
"""Width and height of a page, in CSS pixels."""


def complaints(driver: Any) -> list[str]:
    """What the pages since the last call have complained of: errors on the console, addresses outside this machine."""
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    asked = []
    for entry in driver.get_log("performance"):
        event = json.loads(entry["message"])["message"]
        if event["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            url = event["params"].get("url") or event["params"]["request"]["url"]
            if urlsplit(url).scheme in ("http", "https", "ws", "wss"):
                asked.append(url)
    return errors + [url for url in asked if urlsplit(url).hostname not in ("127.0.0.1", "localhost")]


def resize(driver: Any, size: tuple[int, int]) -> None:
    """Give the page this width and height, which a window can not be given: it has a least width."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
