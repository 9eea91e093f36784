"""The latest verdicts, which stand on the pages of theorems and claims.

``tersegrad verify --out DIR && python docs/_ext/verdicts.py DIR`` judges everything and enters the certificates in
``docs/verdicts.json``; with names behind ``verify``, these alone are judged and entered.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LATEST = Path(__file__).parents[1] / "verdicts.json"


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    """What the pages show of the certificates in a folder, by theorem or claim.

    Raises
    ------
    SystemExit
        If there are none, or some are of a quick run.
    """
    documents = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    if not documents:
        raise SystemExit(f"{folder} has no certificates: run `tersegrad verify --out {folder}`")
    if quick := [path.stem for path, document in documents.items() if "--quick" in document["command"]]:
        raise SystemExit(f"the certificates of {', '.join(quick)} are of a quick run: leave out --quick")
    return {
        path.stem: {
            "date": datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat(),
            **{key: document[key] for key in ("verdict", "reason", "command", "margin", "versions")},
            **(_of_theorem(document) if "theorem" in document else _of_claim(document)),
        }
        for path, document in documents.items()
    }


def _of_theorem(document: dict[str, Any]) -> dict[str, Any]:
    strength, conformance = document["strength"], document["conformance"]
    about = ("word", "tightness", "at_round", "instance")
    return {
        "method": conformance["word"] if conformance else "not checked",
        "strength": strength and {key: strength[key] for key in about},
        "controls": [sum(bool(c["rejected_by"]) for c in document["controls"]), len(document["controls"])],
    }


def _of_claim(document: dict[str, Any]) -> dict[str, Any]:
    return {"controls": [sum(c["verdict"] != "holds" for c in document["controls"]), len(document["controls"])]}


if __name__ == "__main__":
    known = json.loads(LATEST.read_text(encoding="utf-8")) if LATEST.exists() else {}
    found = {**known, **entries(Path(sys.argv[1]))}
    LATEST.write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
