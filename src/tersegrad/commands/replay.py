"""``tersegrad replay``: is a certificate reproduced, bit for bit?"""

from __future__ import annotations

from dataclasses import asdict

import click

from ..output import aligned, print_json
from .options import POSITIVE, json_option, module_option

STATUS = {"confirmed": 0, "differs": 1, "cannot be repeated": 3}


@click.command()
@click.argument("certificates", nargs=-1, required=True, metavar="CERTIFICATE.json ...")
@click.option("--jobs", type=POSITIVE, metavar="N", help="Threads (default: all cores).")
@module_option
@json_option
def replay(certificates: tuple[str, ...], jobs: int | None, as_json: bool) -> int:
    """Repeat the runs that certificates of tersegrad verify describe, and compare every number.

    Exit status: 0 all confirmed, 1 something differs, 3 something cannot be repeated.
    """
    from ..validation.replay import replay as repeat

    found = [repeat(path, threads=jobs) for path in certificates]
    words = {f.word for f in found}
    status = next((STATUS[word] for word in ("differs", "cannot be repeated") if word in words), 0)
    if as_json:
        print_json({"replays": [asdict(f) for f in found], "exit_status": status})
    else:
        click.echo(aligned([[f.name, f.word, f.reason] for f in found]))
    return status
