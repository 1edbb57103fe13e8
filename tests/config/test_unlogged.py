"""What cannot be written to the audit log is not done; and two who add one name do not write over each other."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from config.database import migrate, open_engine
from config.errors import ConfigError
from config.serving import console_app
from config.workspace import open_workspace
from matcher import publishing
from matcher.enrol import Enrolment, add_cohort
from matcher.errors import AlreadyEnrolled
from tests.config.test_command_line import run
from tests.config.test_wrong_files_given import IDS, release
from tests.config.test_wrong_files_given import made as made
from tests.config.test_wrong_hands import refused
from tests.matcher.tables.made import KEYS, draw_ids, draw_people, write_csv


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A workspace whose log takes no entry."""
    shutil.copytree(made / "home", tmp_path / "home")
    for file in (tmp_path / "home").glob("audit.jsonl*"):
        file.unlink()
    (tmp_path / "home" / "audit.jsonl").mkdir()
    return tmp_path / "home"


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("what", ["cohort", "release", "withdraw", "tokens", "panel", "build"])
def test_what_cannot_be_logged_changes_no_index(home: Path, made: Path, tmp_path: Path, what: str) -> None:
    (tmp_path / "ids.txt").write_text(f"{IDS[0]}\n")
    (tmp_path / "sites.txt").write_text("chr\tpos\ta1\ta2\n" + sites(made / "all.vcf"))
    (tmp_path / "key").write_text("5a" * 32)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "places.txt").write_text("name\tchromosome\tposition\nrs1\t1\t5\n")
    genotypes = ("--genotypes", str(made / "all.vcf"))
    handover = [
        f"--{one}={tmp_path / name}" for one, name in (("sites", "sites.txt"), ("key", "key"), ("out", "out"))
    ]
    words = {
        "cohort": ("cohort", "add", "other", *genotypes),
        "release": ("release", "add", *release("--ids", tmp_path / "ids.txt")),
        "withdraw": ("cohort", "withdraw", "northmoor", "--ids", str(tmp_path / "ids.txt")),
        "tokens": ("cohort", "tokens", "northmoor", *handover),
        "panel": ("panel", "add", "p", *genotypes),
        "build": ("cohort", "build", "northmoor", "GRCh37", "--positions", str(tmp_path / "places.txt")),
    }[what]
    before = files_of(home / "indexes")
    assert "audit.jsonl" in refused(home, *words)
    assert files_of(home / "indexes") == before
    assert not list(tmp_path.glob("*out*"))
    for noun in ("cohort", "release"):
        listed = run(home, noun, "list", "--json", code=0).stdout
        assert listed.count("\n") == (noun == "cohort")


def sites(vcf: Path) -> str:
    rows = [line.split("\t") for line in vcf.read_text().splitlines() if not line.startswith("#")]
    return "".join(f"{row[0]}\t{row[1]}\t{row[3]}\t{row[4]}\n" for row in rows)


def test_a_marked_copy_that_cannot_be_logged_is_not_handed_over(
    home: Path, made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "copy"
    given = release("--phenotypes", made / "all.csv")
    assert "audit.jsonl" in refused(home, "release", "mark", *given, "--out", str(out))
    assert not list(out.iterdir())
    assert not run(home, "release", "list", "--json", code=0).stdout


def test_nobody_is_given_access_that_cannot_be_logged(home: Path) -> None:
    words = ("person", "add", "ann", "--role", "admin", "--full-name", "A", "--email", "a@b.org")
    assert "audit.jsonl" in refused(home, *words)
    assert "ann" not in run(home, "person", "list", "--json", code=0).stdout


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_who_adds_a_name_between_folder_and_row_writes_over_nothing(
    tmp_path: Path, database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (
        tmp_path / "x.sqlite3" if database == "sqlite" else request.getfixturevalue("postgresql_address")
    )
    engine = open_engine(address)
    migrate(engine)
    enrolment = Enrolment(engine, tmp_path / "indexes", KEYS)
    tables = [
        write_csv(tmp_path / f"{seed}.csv", {"eid": draw_ids(seed, 20), **draw_people(seed, 20)})
        for seed in (1, 2)
    ]
    told: list[Exception] = []
    late: list[threading.Thread] = []
    sync = publishing.sync

    def second() -> None:
        try:
            add_cohort(enrolment, "c", phenotypes=[tables[1]])
        except Exception as wrong:  # noqa: BLE001 - a thread has no caller
            told.append(wrong)

    def synced(path: Path) -> None:
        sync(path)
        if path == tmp_path / "indexes" and not late:  # the folder is there, its row is not
            late.append(threading.Thread(target=second))
            late[0].start()
            late[0].join(2)

    monkeypatch.setattr(publishing, "sync", synced)
    add_cohort(enrolment, "c", phenotypes=[tables[0]], title="first")
    whole = files_of(tmp_path / "indexes" / "c")
    late[0].join(60)
    assert [type(one) for one in told] == [AlreadyEnrolled]
    assert files_of(tmp_path / "indexes" / "c") == whole
    assert not (tmp_path / "indexes" / ".c.unfinished").exists()
    engine.dispose()


def test_a_console_does_not_ask_again_while_a_patrol_runs(made: Path) -> None:
    workspace = open_workspace(made / "home")
    desk: Any = console_app(workspace).state.desk
    with workspace.sole("patrol"), pytest.raises(ConfigError, match="another patrol is running"):
        desk.recheck(None)
    assert desk.recheck([]) == []
