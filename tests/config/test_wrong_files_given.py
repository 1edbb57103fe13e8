"""Files of the wrong kind given to `cohort` and `release`: one line that says what to do, and nothing half done."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.config.test_command_line import run
from tests.config.test_wrong_hands import refused
from tests.matcher.genotypes.people import people, write_vcf
from tests.matcher.tables.made import draw_ids, draw_people, write_csv

IDS = draw_ids(5, 30)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a workspace that holds a cohort of 30, its table and its genotypes."""
    folder = tmp_path_factory.mktemp("made")
    run(folder / "home", "init", code=0)
    crowd = people(30)
    write_vcf(folder / "all.vcf", crowd, crowd.dosages, IDS)
    write_csv(folder / "all.csv", {"eid": IDS, **draw_people(5, 30)})
    files = ("--phenotypes", str(folder / "all.csv"), "--genotypes", str(folder / "all.vcf"))
    run(folder / "home", "cohort", "add", "northmoor", *files, code=0)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "home", tmp_path / "home")
    return tmp_path / "home"


def release(*files: str | Path) -> tuple[str, ...]:
    return ("northmoor", "r-1", "--recipient", "A", *map(str, files))


def indexes(home: Path) -> list[Path]:
    return sorted(path for path in (home / "indexes").rglob("*") if path.is_file())


def test_genotypes_are_no_list_of_ids(home: Path, made: Path) -> None:
    before = indexes(home)
    assert "--genotypes" in refused(home, "release", "add", *release("--ids", made / "all.vcf"))
    assert "--genotypes" in refused(home, "cohort", "withdraw", "northmoor", "--ids", str(made / "all.vcf"))
    assert indexes(home) == before
    assert "r-1" not in run(home, "release", "list", "--json", code=0).stdout


@pytest.mark.parametrize("second", ["", IDS[0]])
def test_samples_of_one_name_are_not_counted_as_people(
    home: Path, made: Path, tmp_path: Path, second: str
) -> None:
    text = (made / "all.vcf").read_text().replace(f"\t{IDS[1]}\t", f"\t{second}\t", 1)
    (tmp_path / "twice.vcf").write_text(text)
    before = indexes(home)
    for words in (
        ("cohort", "add", "other", "--genotypes", str(tmp_path / "twice.vcf")),
        ("release", "add", *release("--genotypes", tmp_path / "twice.vcf")),
    ):
        said = refused(home, *words)
        assert "1 of the 30 samples" in said
        assert not any(one in said for one in IDS)
    assert indexes(home) == before


def test_a_file_that_breaks_off_is_told_as_such(home: Path, made: Path, tmp_path: Path) -> None:
    whole = gzip.compress((made / "all.vcf").read_bytes())
    (tmp_path / "cut.vcf.gz").write_bytes(whole[: len(whole) // 2])
    table = gzip.compress((made / "all.csv").read_bytes())
    (tmp_path / "cut.csv.gz").write_bytes(table[: len(table) // 2])
    before = indexes(home)
    for option, name in (("--genotypes", "cut.vcf.gz"), ("--phenotypes", "cut.csv.gz")):
        given = (option, str(tmp_path / name))
        assert name in refused(home, "cohort", "add", "other", *given)
        assert name in refused(home, "release", "add", *release(*given))
        out = tmp_path / f"out-{name}"
        assert "stopped" not in refused(home, "release", "mark", *release(*given), "--out", str(out))
        assert not list(tmp_path.glob("out-*/*"))
    assert indexes(home) == before


def test_a_copy_that_cannot_be_registered_is_not_left_to_be_handed_over(
    home: Path, made: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    lines = (made / "all.vcf").read_text().splitlines(keepends=True)
    (tmp_path / "header.vcf").write_text("".join(line for line in lines if line.startswith("#")))
    given = release("--phenotypes", made / "all.csv", "--genotypes", tmp_path / "header.vcf")
    refused(home, "release", "mark", *given, "--out", str(out))
    assert not list(out.iterdir())
    assert not list((home / "indexes").rglob("*.ids.csv"))
    run(home, "release", "mark", *release("--phenotypes", made / "all.csv"), "--out", str(out), code=0)
    assert [one.name for one in out.iterdir()] == ["all.csv"]


def test_a_folder_with_files_of_others_is_left_as_it_is(home: Path, made: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    given = release("--phenotypes", made / "all.csv")
    assert "empty" in refused(home, "release", "mark", *given, "--out", str(tmp_path / "out"))
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_cell_beyond_measure_is_no_fault_of_the_program(home: Path, tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text("eid,a\n1234567," + "x" * 1_000_000 + "\n")
    given = release("--phenotypes", tmp_path / "long.csv")
    assert "too long" in refused(home, "release", "mark", *given, "--out", str(tmp_path / "out"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"manifest": 3, "signature": 3, "public_key": 3}',
        b'{"manifest": {}, "signature": "zz", "public_key": "00"}',
        b'{"manifest": {}}',
    ],
)
def test_a_commitment_that_was_tampered_with_does_not_hold(home: Path, content: bytes) -> None:
    place = home / "indexes" / "northmoor" / "marks" / "releases" / "r-1.manifest.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    done = run(home, "release", "verify", "northmoor", "r-1", code=1)
    assert done.stdout.startswith("DOES NOT HOLD")
    assert len(done.stdout.splitlines()) == 1


def test_where_sarif_cannot_go_is_told_before_anything_is_examined(
    home: Path, made: Path, tmp_path: Path
) -> None:
    table = str(made / "all.csv")
    assert "--gate" in refused(home, "examine", table, "--sarif", str(tmp_path / "x.sarif"))
    for place in (str(tmp_path), str(tmp_path / "none" / "x.sarif"), "", table):
        refused(home, "examine", table, "--gate", "--sarif", place)
    assert not list(tmp_path.glob("*.sarif"))
    actions = run(home, "audit", "verify", "--json", code=0).stdout
    assert json.loads(actions)["entries"] == 2
    run(home, "examine", table, "--gate", "--sarif", str(tmp_path / "x.sarif"), code=1)
    assert json.loads((tmp_path / "x.sarif").read_text())["runs"]


def test_a_demo_is_kept_in_a_folder_of_its_own(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    assert "--keep" in refused(home, "demo", "--keep", str(tmp_path))
    refused(home, "demo", "--keep", str(tmp_path / "mine"))
    assert (tmp_path / "mine").read_text() == "x"


def test_tokens_of_a_find_that_breaks_off_say_so(home: Path, made: Path, tmp_path: Path) -> None:
    lines = [line.split("\t") for line in (made / "all.vcf").read_text().splitlines()]
    sites = ["\t".join((row[0], row[1], row[3], row[4])) for row in lines if not row[0].startswith("#")]
    (tmp_path / "sites.txt").write_text("\n".join(["chr\tpos\ta1\ta2", *sites]) + "\n")
    (tmp_path / "key").write_text("5a" * 32)
    (tmp_path / "key").chmod(0o600)
    whole = gzip.compress((made / "all.vcf").read_bytes())
    (tmp_path / "cut.vcf.gz").write_bytes(whole[: len(whole) * 3 // 4])
    given = ("northmoor", f"--sites={tmp_path / 'sites.txt'}", f"--key={tmp_path / 'key'}")
    for find, is_cut in ((tmp_path / "cut.vcf.gz", True), (made / "all.vcf", False)):
        out = (f"--out={tmp_path / 'out'}", f"--find={find}")
        said = run(home, "cohort", "tokens", *given, *out, code=0).stdout
        assert ("not read in full (damaged)" in said) == is_cut
    assert "no file" in refused(home, "cohort", "tokens", *given, f"--out={tmp_path}")
