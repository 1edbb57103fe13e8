"""The command line as its users and their programs meet it: exit codes, one-line errors, no traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.matcher.genotypes.people import people, write_vcf
from tests.matcher.tables.made import draw_ids, draw_people, pick, write_csv


def run(home: Path, *arguments: str, code: int | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "config.cli", "--home", str(home), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    if code is not None:
        assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def home(tmp_path: Path) -> Path:
    run(tmp_path / "home", "init", code=0)
    return tmp_path / "home"


def test_init_twice_changes_nothing(home: Path) -> None:
    before = {
        path: path.read_bytes() for path in home.rglob("*") if path.is_file() and "sqlite3" not in path.name
    }
    run(home, "init", code=0)
    after = {
        path: path.read_bytes() for path in home.rglob("*") if path.is_file() and "sqlite3" not in path.name
    }
    assert after == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("examine", "no-such-file"),
        ("examine",),
        ("nonsense",),
        ("cohort", "add", "x"),
        ("cohort", "add", "../x", "--phenotypes", "pyproject.toml"),
        ("release", "add", "nobody", "r", "--recipient", "A", "--ids", "pyproject.toml"),
        ("release", "add", "c", "r", "--recipient", "A", "--ids", "pyproject.toml", "--delivered", "31.1."),
        ("case", "show", "CW-2026-9999"),
        ("case", "list", "--state", "bogus"),
        ("notice", "show", "7"),
        ("crawl", "no-such-source"),
        ("tip", "no-such-file"),
        ("report", "--since", "yesterday"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(home: Path, arguments: tuple[str, ...]) -> None:
    done = run(home, *arguments, code=2)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_workspace_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run(tmp_path / "none", "case", "list", code=2)
    assert "init" in done.stderr


def test_nothing_enrolled_finds_nothing_and_says_so(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    done = run(home, "examine", str(tmp_path / "a.csv"), code=0)
    assert "No cohort is registered" in done.stdout


def test_every_line_of_examine_is_json_and_the_last_is_a_summary(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    done = run(home, "examine", "--json", str(tmp_path / "a.csv"), code=0)
    *files, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["summary"]["files"] == len(files) == 1
    assert {
        "path",
        "sha256",
        "bytes",
        "format",
        "content",
        "verdict",
        "matches",
        "columns",
        "skipped",
    } <= set(files[0])


def test_the_log_of_a_workspace_verifies_and_one_flipped_byte_is_found(home: Path) -> None:
    run(home, "audit", "verify", code=0)
    log = home / "audit.jsonl"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    assert run(home, "audit", "verify").returncode == 1


def test_a_database_that_cannot_be_reached_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHORTWATCH_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    done = run(tmp_path / "home", "init", code=2)
    assert len(done.stderr.strip().splitlines()) == 1


def test_rows_of_who_withdrew_are_found_no_more_by_the_command_line(home: Path, tmp_path: Path) -> None:
    people = draw_people(3, 400)
    ids = draw_ids(3, 400)
    source = write_csv(tmp_path / "all.csv", {"eid": ids, **people})
    run(home, "cohort", "add", "northmoor", "--phenotypes", str(source), code=0)
    open_to_others = [path for path in home.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert not open_to_others
    leaked = write_csv(tmp_path / "leaked.csv", pick(people, range(50)))
    assert summary_of(home, leaked)["probable"] + summary_of(home, leaked)["confirmed"] == 1
    (tmp_path / "gone.txt").write_text("\n".join(ids[:50]) + "\n")
    done = run(home, "cohort", "withdraw", "northmoor", "--ids", str(tmp_path / "gone.txt"), code=0)
    assert "50 participants' values" in done.stdout
    assert not any(one in done.stdout for one in ids[:50])
    after = summary_of(home, leaked)
    assert after["probable"] + after["confirmed"] == 0
    (tmp_path / "nobody.txt").write_text("nobody-1\nnobody-2\n")
    refused = run(home, "cohort", "withdraw", "northmoor", "--ids", str(tmp_path / "nobody.txt"), code=2)
    assert "nobody-1" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_genotypes_of_who_withdrew_are_looked_for_no_more_in_releases_either(
    home: Path, tmp_path: Path
) -> None:
    of = people(60)
    names = [f"P{number:04}" for number in range(60)]
    source = write_vcf(tmp_path / "all.vcf", of, of.dosages, names)
    run(home, "cohort", "add", "northmoor", "--genotypes", str(source), code=0)
    (tmp_path / "r.txt").write_text("\n".join(names) + "\n")
    given = ("--ids", str(tmp_path / "r.txt"), "--genotypes", str(source))
    run(home, "release", "add", "northmoor", "r-1", "--recipient", "A", *given, code=0)
    (tmp_path / "gone.txt").write_text("\n".join(names[:20]) + "\n")
    done = run(home, "cohort", "withdraw", "northmoor", "--ids", str(tmp_path / "gone.txt"), code=0)
    assert "20 participants' genotypes" in done.stdout
    assert "(20 and 0 in releases)" in done.stdout


def summary_of(home: Path, path: Path) -> dict[str, int]:
    done = run(home, "examine", "--json", str(path))
    last: dict[str, dict[str, dict[str, int]]] = json.loads(done.stdout.splitlines()[-1])
    return last["summary"]["verdicts"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("examine",), "paths"),
        (("examine", "--jsn", "x"), "--jsn"),
        (("frobnicate",), "frobnicate"),
        (("notice", "show", "abc"), "integer"),
        (("case", "confirm", "CW-2026-0001", "--by", "rosa"), "--reason"),
        (("audit",), "no command"),
    ],
)
def test_a_slip_at_the_keyboard_is_no_fault_of_the_program(
    home: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run(home, *arguments, code=2)
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert "--help" in last
    assert "fault in cohortwatch" not in last


def without_rights_of_root(*command: str) -> list[str]:
    """The command, without the right to read what others closed, where the tests are run by root."""
    if os.geteuid() != 0:
        return list(command)
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not there to give up root's rights")
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *command]


def test_a_folder_that_may_not_be_entered_hides_nothing_beside_it(home: Path, tmp_path: Path) -> None:
    found = tmp_path / "found"
    for name in ("a", "closed", "z"):
        (found / name).mkdir(parents=True)
        (found / name / "x.csv").write_text("a,b\n1,2\n3,4\n")
    (found / "no.csv").write_text("a,b\n1,2\n")
    (found / "no.csv").chmod(0)
    (found / "closed").chmod(0)
    try:
        command = (sys.executable, "-m", "config.cli", "--home", str(home), "examine", "--json", str(found))
        done = subprocess.run(
            without_rights_of_root(*command), capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        (found / "closed").chmod(0o700)
    *files, last = [json.loads(line) for line in done.stdout.splitlines()]
    skipped = {one["path"].removeprefix(f"{found}/"): one["skipped"] for one in files}
    assert skipped == {"a/x.csv": None, "z/x.csv": None, "closed": "unsupported", "no.csv": "unsupported"}
    assert last["summary"]["skipped"] == {"unsupported": 2}


def test_names_that_are_no_text_or_steer_a_terminal_are_printed_harmlessly(
    home: Path, tmp_path: Path
) -> None:
    found = tmp_path / "found"
    found.mkdir()
    for name in (b"odd\xff\xfe.csv.gz", b"esc\x1b]0;owned\x07\x1b[2J.csv.gz"):
        Path(os.fsdecode(bytes(found) + b"/" + name)).write_bytes(b"\x1f\x8b\x08\0cut")
    command = [sys.executable, "-m", "config.cli", "--home", str(home), "examine"]
    shown = subprocess.run([*command, str(found)], capture_output=True, timeout=120, check=False)
    assert b"\x1b" not in shown.stdout
    assert b"not read in full" in shown.stdout
    lines = subprocess.run([*command, "--json", str(found)], capture_output=True, timeout=120, check=False)
    paths = [json.loads(line)["path"] for line in lines.stdout.decode("utf-8").splitlines()[:-1]]
    assert any(one.startswith(os.fsdecode(bytes(found) + b"/odd\xff\xfe.csv.gz")) for one in paths)


def test_a_source_whose_token_is_not_set_stops_no_other(home: Path) -> None:
    settings = home / "settings.toml"
    sources = "".join(
        f'[[sources]]\nname = "{name}"\nplatform = "{platform}"\naddress = "http://127.0.0.1:9"\n{more}\n'
        for name, platform, more in (
            ("github", "github", 'token_variable = "NO_SUCH_TOKEN_IS_SET"\nallow_private = true'),
            ("server", "git_server", "allow_private = true"),
        )
    )
    text = settings.read_text().replace(
        'name = "CHANGE ME"\ncontact = "CHANGE ME"', 'name = "A"\ncontact = "a@example.org"'
    )
    settings.write_text(f"{text}\n{sources}")
    done = run(home, "crawl", "--json", code=2)
    by_name = {one["source"]: one for one in map(json.loads, done.stdout.splitlines()[:-1])}
    assert "NO_SUCH_TOKEN_IS_SET" in by_name["github"]["silent_reason"]
    assert by_name["server"]["requests"] >= 1  # asked, though nobody answers there
    patrolled = json.loads(run(home, "patrol", "--json", code=2).stdout)
    assert any("NO_SUCH_TOKEN_IS_SET" in one for one in patrolled["failures"])
    assert not any(one.startswith("re-checks") for one in patrolled["failures"])
    named = run(home, "crawl", "github", code=2)
    assert len(named.stderr.strip().splitlines()) == 1


def test_a_patrol_without_sources_says_so(home: Path) -> None:
    assert "No source is set" in run(home, "patrol", code=0).stdout
