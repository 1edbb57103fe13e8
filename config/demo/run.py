"""The whole loop: a biobank, six releases, three sites, patrol, notices, a copy that goes and comes back."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.browser import find_browser
from config.demo.cohort import ALIAS, NAME, TITLE, MadeCohort, make_cohort, write_plink, write_table
from config.demo.commands import DemoFailed, Terminal
from config.demo.decoys import plant_decoys
from config.demo.leaks import plant_leaks
from config.demo.planting import ReleaseFiles, Sites
from config.demo.settings import TOKEN_VARIABLE, write_settings
from config.demo.sites.git_site import GitSite
from config.demo.sites.github_rest import TOKEN
from config.demo.sites.serving import served
from config.demo.verdict import Told, print_told, tell
from config.errors import BadSettings

RECIPIENTS = {
    "r-1011": "Alder Institute",
    "r-1022": "Birch University",
    "r-1033": "Cedar Genomics Ltd",
    "r-1044": "Downland College",
    "r-1055": "Elm Research Centre",
    "r-1066": "Fennel Hospital Trust",
}
MARKED = ("r-1011", "r-1022", "r-1033", "r-1044")
"""Releases handed over as marked copies; the other two hold only their own ids."""


@dataclass
class Letters:
    """What the loopback mail server was handed."""

    port: int
    taken: list[Any]


def run_demo(keep: Path | None, console: bool) -> int:
    """Runs everything; 0 when all that was planted was told right, else 2."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise BadSettings(f"{keep} is not empty; give --keep a new folder")
    folder = Path(tempfile.mkdtemp(prefix="cohortwatch-demo-")) if keep is None else keep.resolve()
    try:
        with ExitStack() as stack:
            return _run(folder, console, stack)
    except DemoFailed as wrong:
        print(f"The demo failed: {wrong}")
        return 2
    except KeyboardInterrupt:
        return 0
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"The workspace stays in {folder / 'workspace'}")


def _run(folder: Path, console: bool, stack: ExitStack) -> int:
    started = time.monotonic()
    _say("A made-up biobank of 5,000 participants, six releases")
    cohort = make_cohort()
    terminal = Terminal(folder / "workspace")
    terminal.run("init")
    releases = _register(folder / "biobank", cohort, terminal)
    _say("Three sites on this machine: a shop, GitHub's REST contract over real repositories, klaus")
    sites, git_site, addresses = _open_sites(folder / "sites", cohort, releases, stack)
    letters = stack.enter_context(mail_server())
    port = _free_port()
    os.environ[TOKEN_VARIABLE] = TOKEN
    write_settings(
        terminal.home,
        addresses=addresses,
        institutions={who: f"dpo@{who.split()[0].lower()}.example" for who in RECIPIENTS.values()},
        mail_port=letters.port,
        console_port=port,
        has_browser=find_browser(None) is not None,
    )
    _say("Patrol: crawl, examine, open cases, draft notices")
    terminal.run("patrol", ends=(1,))
    told = _told(terminal, sites, addresses)
    first_seconds = terminal.seconds["patrol"]
    _people(terminal)
    is_sent = _send_notice(terminal, told, letters)
    came_back = _take_down_and_put_up(terminal, told, git_site)
    _say("A second patrol finds nothing new")
    terminal.run("patrol", ends=(0,))
    terminal.run("audit", "verify")
    terminal.run("report")
    _say("What was planted, and what was found")
    print_told(told)
    is_right = _sum_up(told, is_sent, came_back, first_seconds, time.monotonic() - started)
    if console:
        _leave_console(terminal)
    return 0 if is_right else 2


def _register(folder: Path, cohort: MadeCohort, terminal: Terminal) -> list[ReleaseFiles]:
    """Registers the cohort and its releases from the files that a steward holds."""
    folder.mkdir(parents=True)
    array, table = folder / "array.bed", folder / "phenotypes.csv"
    write_plink(array.with_suffix(""), cohort.ids, cohort.sites, cohort.dosages)
    rows = [(one, *row) for one, row in zip(cohort.ids, cohort.rows, strict=True)]
    write_table(table, ("eid", *cohort.columns), rows)
    files = ("--genotypes", str(array), "--phenotypes", str(table))
    terminal.run("cohort", "add", NAME, "--title", TITLE, "--alias", ALIAS, *files)
    releases = []
    for number, (name, recipient) in enumerate(RECIPIENTS.items()):
        to = ("--recipient", recipient)
        if name in MARKED:
            out = folder / name
            terminal.run("release", "mark", NAME, name, *to, *files, "--out", str(out))
            columns, marked = _read_table(out / table.name)
            releases.append(ReleaseFiles(name, recipient, columns, marked, out / "array"))
        else:
            ids = _own_ids(cohort.ids, number)
            lists = folder / f"{name}.csv"
            write_table(lists, ("participant", "release_id"), list(zip(cohort.ids, ids, strict=True)))
            terminal.run("release", "add", NAME, name, *to, "--ids", str(lists))
            own = tuple((one, *row[1:]) for one, row in zip(ids, rows, strict=True))
            releases.append(ReleaseFiles(name, recipient, ("eid", *cohort.columns), own))
    return releases


def _own_ids(ids: tuple[str, ...], seed: int) -> list[str]:
    """Seven-digit ids drawn anew for one release."""
    import numpy as np

    random = np.random.default_rng(seed)
    return [str(one) for one in 1_000_000 + random.choice(5_000_000, len(ids), replace=False)]


def _read_table(path: Path) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    with path.open(newline="", encoding="utf-8") as lines:
        first, *rest = map(tuple, csv.reader(lines))
    return first, tuple(rest)


def _open_sites(
    folder: Path, cohort: MadeCohort, releases: list[ReleaseFiles], stack: ExitStack
) -> tuple[Sites, GitSite, dict[str, str]]:
    sites = Sites(folder)
    plant_leaks(sites, cohort, releases)
    plant_decoys(sites, cohort)
    git_site = GitSite(sites.git_folder)
    addresses = {
        "github": stack.enter_context(served(sites.github.app)),
        "shop": stack.enter_context(served(sites.shop.app)),
        "git": stack.enter_context(served(git_site.app)),
    }
    leaks = sum(one.is_leak for one in sites.truth)
    print(
        f"{leaks} leaks and {len(sites.truth) - leaks} decoys are planted on {', '.join(addresses.values())}"
    )
    return sites, git_site, addresses


@contextmanager
def mail_server() -> Iterator[Letters]:
    """A real SMTP conversation that ends on this machine."""
    from aiosmtpd.controller import Controller

    taken: list[Any] = []

    class Keep:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
            taken.append(envelope)
            return "250 taken"

    port = _free_port()
    server = Controller(Keep(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield Letters(port, taken)
    finally:
        server.stop()


def _told(terminal: Terminal, sites: Sites, addresses: dict[str, str]) -> list[Told]:
    numbers = [row["number"] for row in terminal.rows("case", "list")]
    cases = [terminal.rows("case", "show", number)[0] for number in numbers]
    return tell(sites.truth, addresses, cases)


def _people(terminal: Terminal) -> None:
    _say("People: a responder confirms, the legal team approves and sends")
    for name, full_name, role in (
        ("rosa", "Rosa Lindqvist", "responder"),
        ("ines", "Dr Ines Moran", "legal"),
        ("adam", "Adam Okafor", "admin"),
    ):
        email = f"{name}@northmoor.example"
        terminal.run("person", "add", name, "--role", role, "--full-name", full_name, "--email", email)


def _send_notice(terminal: Terminal, told: list[Told], letters: Letters) -> bool:
    """Confirms the case of the repository deleted at HEAD, has its notices approved and sent; True if all went out."""
    case = next(one.case for one in told if one.planted.where == "array-pipeline")
    if case is None:
        return False
    reason = "PLINK files of ours in the history"
    terminal.run("case", "confirm", case, "--reason", reason, by="rosa")
    notices = terminal.rows("case", "show", case)[0]["notices"]
    for notice in notices:
        number = str(notice["id"])
        terminal.run("notice", "show", number)
        terminal.run("notice", "check", number)
        terminal.run("notice", "approve", number, by="ines")
        terminal.run("notice", "send", number, by="ines")
    return len(letters.taken) == len(notices) > 0


def _take_down_and_put_up(terminal: Terminal, told: list[Told], git_site: GitSite) -> bool:
    """The copy is removed, then put up again; True if both were seen."""
    _say("The copy is taken down, and put up again")
    case = next(one.case for one in told if one.planted.where == "array-pipeline")
    if case is None:
        return False
    git_site.hidden.add("array-pipeline")
    gone = terminal.rows("recheck", case, shown=True)
    git_site.hidden.clear()
    back = terminal.rows("recheck", case, shown=True)
    seen = [[one["whereabouts"] for one in rows] for rows in (gone, back)]
    print(f"  after it was removed: {', '.join(seen[0])}; after it was put up again: {', '.join(seen[1])}")
    return seen == [["gone"], ["back"]]


def _sum_up(
    told: list[Told], is_sent: bool, came_back: bool, patrol_seconds: float, all_seconds: float
) -> bool:
    leaks = [one for one in told if one.planted.is_leak]
    decoys = [one for one in told if not one.planted.is_leak]
    found, alone = sum(one.is_right for one in leaks), sum(one.is_right for one in decoys)
    shapes = len({one.planted.shape for one in leaks})
    print(f"{found} of {len(leaks)} leaks ({shapes} shapes) found and told right")
    print(f"{alone} of {len(decoys)} decoys left alone")
    print(f"Notices approved, sent and received: {'yes' if is_sent else 'NO'}")
    print(f"Seen to go and to come back: {'yes' if came_back else 'NO'}")
    print(f"Patrol took {patrol_seconds:.0f} s, everything {all_seconds:.0f} s")
    return found == len(leaks) and alone == len(decoys) and is_sent and came_back


def _leave_console(terminal: Terminal) -> None:
    from config.serving import serve_console
    from config.workspace import open_workspace

    link = terminal.run("person", "sign-in", "adam", shown=False).strip()
    print(f"\nThe console runs until you stop it (Ctrl-C). Sign in once with:\n  {link}")
    serve_console(open_workspace(terminal.home), None, None)


def _say(what: str) -> None:
    print(f"\n── {what}", flush=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
