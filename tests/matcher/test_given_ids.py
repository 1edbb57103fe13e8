"""What is no list of ids is refused in words, and what is one is not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest

from matcher.errors import BadSourceFile
from matcher.given_ids import require_columns, require_list
from tests.matcher.genotypes.people import people, write_vcf
from tests.matcher.tables.made import draw_ids, write_csv

IDS = draw_ids(11, 60)


def lines(path: Path, *given: str) -> Path:
    path.write_text("".join(f"{one}\n" for one in given))
    return path


def refused(path: Path) -> str:
    """What is said of a file, in words that hold none of its ids."""
    with pytest.raises(BadSourceFile) as told:
        require_list(path)
    said = str(told.value)
    assert path.name in said
    assert ";" in said
    assert not any(one in said for one in IDS)
    return said


@pytest.fixture
def vcf(tmp_path: Path) -> Path:
    crowd = people(30)
    return write_vcf(tmp_path / "calls.vcf", crowd, crowd.dosages, IDS[:30])


@pytest.mark.parametrize(
    "given",
    [
        IDS,
        ["eid", *IDS],
        ["participant,release_id", *(f"{one},R{one}" for one in IDS)],
        [f"HG{at:05}" for at in range(50)],
        [f"HG {at:05}" for at in range(50)],
        [f"000{one}" for one in IDS],
        [f"{one}.0" for one in IDS],
        [f"{one} {one}" for one in (f"HG{at:05}" for at in range(50))],
        ["1e+06", *IDS, "2e+06"],  # as R writes them
        ["5f0d3c1e-7a52-4f0e-9d0b-1c2a3b4c5d6e"],
        ["withdrawn since May", *IDS],
    ],
)
def test_a_list_of_ids_is_one(tmp_path: Path, given: list[str]) -> None:
    require_list(lines(tmp_path / "ids.txt", *given))


def test_genotypes_in_place_of_a_list_are_told_as_such(vcf: Path, tmp_path: Path) -> None:
    assert "--genotypes" in refused(vcf)
    command = ["plink2", "--vcf", str(vcf), "--make-bed", "--out", str(tmp_path / "calls"), "--silent"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert "--genotypes" in refused(tmp_path / "calls.bed")
    assert "columns" in refused(tmp_path / "calls.fam")
    assert "columns" in refused(tmp_path / "calls.bim")
    subprocess.run(["bcftools", "view", "-Ob", "-o", tmp_path / "calls.bcf", vcf], check=True)
    assert "text" in refused(tmp_path / "calls.bcf")  # it is compressed


@pytest.mark.parametrize(
    "given",
    [
        "rs7\t1\t0\t2",
        "fam1 ind1",
        "AA1;GG2;0",
        "a word",
        "no digit here",
    ],
)
def test_what_holds_hardly_any_ids_is_refused(tmp_path: Path, given: str) -> None:
    refused(lines(tmp_path / "x.txt", given, *(f"{given} {at}" for at in range(20))))


def test_other_kinds_of_files_are_refused(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "all.csv", {"eid": IDS, "age": ["50"] * len(IDS)})
    refused(table)
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(table), tmp_path / "all.parquet")
    refused(tmp_path / "all.parquet")
    for name, content in {
        "empty": b"",
        "header": b"eid\n",
        "nothing": b"\0" * 999,
        "wide": "\n".join(IDS).encode("utf-16"),
        "wide-bare": "\n".join(IDS).encode("utf-16-le"),
        "bytes": bytes(range(256)) * 9,
    }.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name)


def test_ids_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    rounded = [f"{float(one):.2E}" for one in IDS]
    assert "scientific" in refused(lines(tmp_path / "ids.txt", *rounded))
    table = write_csv(tmp_path / "all.csv", {"eid": rounded, "age": ["50"] * len(IDS)})
    with pytest.raises(BadSourceFile, match="scientific"):
        require_columns([table], None)
    with pytest.raises(BadSourceFile, match="scientific"):
        require_list(tmp_path / "ids.txt", of_any_form=True)


def test_an_id_of_a_release_is_one_participants(tmp_path: Path) -> None:
    rows = [f"{one},R{at // 2:05}" for at, one in enumerate(IDS)]
    assert "several participants" in refused(lines(tmp_path / "ids.csv", "participant,release_id", *rows))
    same = [f"{one},R{at:05}" for at, one in enumerate(IDS)]
    require_list(lines(tmp_path / "twice.csv", "participant,release_id", *same, *same))


@pytest.mark.parametrize("empty", ["", "  "])
def test_a_column_without_ids_is_refused(tmp_path: Path, empty: str) -> None:
    table = write_csv(tmp_path / "all.csv", {"eid": [empty] * 20, "age": ["50"] * 20})
    with pytest.raises(BadSourceFile, match="--id-column"):
        require_columns([table], None)
    require_columns([write_csv(tmp_path / "some.csv", {"eid": [empty, *IDS], "age": ["50"] * 61})], None)


def test_names_of_samples_are_a_list_for_who_withdraws(tmp_path: Path) -> None:
    require_list(lines(tmp_path / "names.txt", "anna", "bert", "carla"), of_any_form=True)
