"""`cohortwatch audit verify` and `audit export`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from config.cli.session import JsonOption, opened, print_json

app = typer.Typer(help="The audit log and its proofs.", no_args_is_help=True)


@app.command()
def verify(json: JsonOption = False) -> None:
    """Prove that the log has not been altered."""
    verified = opened().log.verify()
    if verified.holds and not verified.entries_count:
        verified = replace(
            verified, holds=False, fault="it is gone, for the making of a workspace is its first entry"
        )
    if json:
        print_json({"holds": verified.holds, "entries": verified.entries_count, "fault": verified.fault})
    elif verified.holds:
        print(f"The log holds: {verified.entries_count:,} entries, unbroken and signed")
    else:
        print(f"The log does not hold: {verified.fault}")
    if not verified.holds:
        raise typer.Exit(1)


@app.command()
def export(out: Annotated[Path, typer.Argument(help="A folder to write the log and its proofs to.")]) -> None:
    """Write the log with its public key and how to check it."""
    opened().log.export(out)
    print(f"Wrote the log and its proofs to {out}")
