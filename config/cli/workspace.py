"""`cohortwatch init`."""

from __future__ import annotations

from config.cli.session import actor, home_folder, printable
from config.keys import read_keys
from config.workspace import make_workspace


def init() -> None:
    """Make the workspace: database, keys, quarantine. Running it twice changes nothing."""
    home = home_folder()
    was_there = (home / "keys").is_dir()
    workspace = make_workspace(home)
    read_keys(workspace.settings.keys_folder)  # a workspace whose key is lost or another's does not stand
    if not workspace.log.entries():  # nor after a making that was cut off
        workspace.log.append(actor=actor(None), action="workspace.init", subject="workspace")
    print(f"{'The workspace stands' if was_there else 'Made a workspace'} at {printable(str(home))}")
