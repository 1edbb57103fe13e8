"""`cohortwatch panel add` and `panel list`: reference panels that are public, and so nobody's leak."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.cli.session import JsonOption, actor, existing, opened, print_json, print_table

app = typer.Typer(help="Public reference panels: their samples are nobody's leak.", no_args_is_help=True)


@app.command()
def add(
    name: str,
    genotypes: Annotated[
        list[Path], typer.Option("--genotypes", help="VCF, BCF or PLINK; repeat for more.", callback=existing)
    ],
) -> None:
    """Register a public panel, so that finds of its samples are answered as public."""
    from matcher.genotypes.panels import add_panel

    workspace = opened()
    workspace.log.require_writable()
    count = add_panel(workspace.settings.indexes_folder, name, genotypes, workspace.keys.matching)
    workspace.log.append(actor=actor(None), action="panel.add", subject=name, details={"samples": count})
    print(f"Panel {name}: {count:,} samples")


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List the public panels."""
    from matcher.genotypes.panels import panels

    names = [one.name for one in panels(opened().settings.indexes_folder)]
    if json:
        for name in names:
            print_json({"panel": name})
    else:
        print_table(["panel"], [[name] for name in names])
