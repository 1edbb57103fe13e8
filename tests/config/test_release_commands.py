"""A release from marking to the folder for counsel, as the command line does it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.config.test_command_line import run
from tests.matcher.watermarks.authority import make_authority, serving
from tests.matcher.watermarks.files import PEOPLE, read_table, write_phenotypes


def test_a_release_is_marked_with_canaries_stamped_examined_explained_and_outlives_a_rotation(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    run(home, "init", code=0)
    write_phenotypes(tmp_path / "p.csv")
    run(home, "cohort", "add", "made", "--phenotypes", str(tmp_path / "p.csv"), code=0)
    for name in ("a", "b"):
        run(
            home, "release", "mark", "made", name, "--recipient", f"Institute of {name}",
            "--phenotypes", str(tmp_path / "p.csv"), "--canaries", "6", "--out", str(tmp_path / name),
            *(("--delivered", "2026-01-31") if name == "b" else ()), code=0,
        )  # fmt: skip
    releases = [
        json.loads(line) for line in run(home, "release", "list", "--json", code=0).stdout.splitlines()
    ]
    assert [one["delivered"] for one in releases] == [None, "2026-01-31"]
    assert {one["ids"] for one in releases} == {PEOPLE}  # canaries are in no count
    assert len(read_table(tmp_path / "a" / "p.csv").cells[0]) == PEOPLE + 6

    root = make_authority(tmp_path / "authority", "Here")
    stamp = ("release", "stamp", "made", "b", "--authority", str(root))
    with serving(tmp_path / "authority") as (address, asked):
        settings = home / "settings.toml"
        said = settings.read_text("utf-8").replace("[marks]\n", f'[marks]\nstamp_address = "{address}"\n')
        settings.write_text(said, "utf-8")
        assert "nobody is registered" in run(home, *stamp, "--by", "nobody", code=2).stderr
        assert not asked
        run(
            home,
            "person",
            "add",
            "ines",
            "--role",
            "legal",
            "--full-name",
            "Ines",
            "--email",
            "i@example.org",
            code=0,
        )
        run(home, *stamp, "--by", "ines", code=0)
        assert len(asked) == 1
    verified = run(home, "release", "verify", "made", "b", "--authority", str(root), code=0)
    assert verified.stdout.count("holds: ") == 2

    run(home, "keys", "rotate", "--to", "file", "--by", "ines", code=0)
    leak = tmp_path / "b" / "p.csv"
    answer = json.loads(run(home, "examine", str(leak), "--json").stdout.splitlines()[0])
    assert "Institute of b" in json.dumps(answer)
    assert "Institute of a" not in json.dumps(answer)
    told = run(home, "release", "explain", "made", "b", str(leak), "--out", str(tmp_path / "told"), code=0)
    assert "derives at least in part from the release delivered to Institute of b" in told.stdout
    other = run(home, "release", "explain", "made", "a", str(leak), "--out", str(tmp_path / "other"), code=0)
    assert "not shown" in other.stdout
    assert (tmp_path / "told" / "digits.svg").exists()
    assert not (tmp_path / "other" / "digits.opening.json").exists()
    again = run(home, "release", "explain", "made", "b", str(leak), "--out", str(tmp_path / "told"), code=2)
    assert "not an empty folder" in again.stderr
    assert run(home, "audit", "verify").returncode == 0
