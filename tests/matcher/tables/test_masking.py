"""Ids that stand in names of files and columns are masked; other names stay."""

from __future__ import annotations

from pathlib import Path

from matcher.examine import Examiner
from matcher.sketches import EnrolledCohort, EnrolledRelease
from matcher.tables.enrol import enrol_ids
from matcher.tables.masking import id_mask
from tests.matcher.tables.made import KEYS

IDS = [str(1_000_000 + 7919 * number % 5_000_000) for number in range(1, 900)]


def library(folder: Path) -> tuple[EnrolledCohort, ...]:
    (folder / "c" / "r").mkdir(parents=True)
    enrol_ids(folder / "c" / "r", IDS, KEYS)
    release = EnrolledRelease("r", "Institute", folder / "c" / "r")
    return (EnrolledCohort("c", len(IDS), folder / "c", (release,)),)


def test_ids_in_names_are_masked_and_other_names_stay(tmp_path: Path) -> None:
    mask = id_mask(library(tmp_path), KEYS)
    assert mask(f"out/{IDS[3]}/sub-{IDS[4]}_ses1.csv") == "out/[id]/sub-[id]_ses1.csv"
    assert mask(f"sub{IDS[5]}.nii") == "sub[id].nii"
    assert mask(f"X{IDS[6]}") == "X[id]"
    for name in ("f.21001.0.0", "rs1234567", "pheno_v3.csv", "20260411_export", "9999999", "r-1011"):
        assert mask(name) == name


def test_no_answer_of_an_examination_holds_an_id(tmp_path: Path) -> None:
    found = tmp_path / "found"
    (found / IDS[1]).mkdir(parents=True)
    (found / IDS[1] / f"{IDS[2]}.csv").write_text(
        ",".join(["marker", *IDS[10:200]]) + "\n" + ",".join(["rs1", *["0"] * 190]) + "\n"
    )
    (answer,) = Examiner(library(tmp_path), KEYS).paths([found])
    assert answer["verdict"] == "confirmed"
    assert not any(one in str(answer) for one in IDS)
    assert answer["path"] == f"{found}/[id]/[id].csv"
