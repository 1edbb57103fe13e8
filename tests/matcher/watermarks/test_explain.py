"""What counsel is given: signed, recomputable, with a line-up and a picture, and nothing that accuses the wrong one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from matcher.contents import Genotypes, Table
from matcher.sketches import EnrolledCohort, EnrolledRelease
from matcher.watermarks import marks, verify_commitment
from matcher.watermarks.explain import Explanation, NoMarks, explain_release
from matcher.watermarks.mark import mark_release
from matcher.watermarks.picture import Agreement, agreement_picture
from tests.matcher.watermarks.files import FIRST_ID, KEYS, PEOPLE, read_table, read_vcf, write_sources
from tests.matcher.watermarks.made import MASTER

RELEASES = ("a", "b", "c")
FILES = [{"sha256": "ab" * 32, "bytes": 17}]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    write_sources(folder)
    for name in RELEASES:
        mark_release(
            cohort_folder=folder / "cohort",
            release=name,
            recipient=f"Institute of {name}",
            genotypes=[folder / "source.vcf"],
            phenotypes=[folder / "phenotypes.csv"],
            out=folder / name,
            key=MASTER,
        )
    return folder


def explained(folder: Path, release: str, *parts: Genotypes | Table) -> Explanation:
    found = marks.sketch(KEYS)
    for part in parts:
        found.add(part)
    cohort = EnrolledCohort(
        "cohort",
        PEOPLE,
        folder / "cohort",
        tuple(EnrolledRelease(one, f"Institute of {one}", folder) for one in RELEASES),
    )
    return explain_release(found, cohort, release, MASTER, FILES)


@pytest.fixture(scope="module")
def told(released: Path) -> Explanation:
    return explained(
        released, "b", read_vcf(released / "b" / "source.vcf"), read_table(released / "b" / "phenotypes.csv")
    )


def verified(folder: Path, told: Explanation, *names: str) -> subprocess.CompletedProcess[str]:
    for name, text in told.files.items():
        (folder / name).write_text(text)
    script = str(Path(verify_commitment.__file__))
    return subprocess.run(
        [sys.executable, "-I", "-S", script, *(str(folder / name) for name in names)],
        capture_output=True,
        text=True,
    )


def content(told: Explanation) -> dict[str, Any]:
    return dict(json.loads(told.files["explanation.json"])["explanation"])


def test_a_third_party_recomputes_every_class_from_the_opened_key(told: Explanation, tmp_path: Path) -> None:
    for kind in ("genotypes", "digits"):
        answer = verified(tmp_path, told, "manifest.json", f"{kind}.opening.json", f"{kind}.report.json")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert answer.stdout.count("holds: ") == 4
    assert (
        verified(tmp_path, told, "manifest.json", "digits.opening.json", "genotypes.report.json").returncode
        == 1
    )


def test_the_explanation_is_signed_and_one_changed_word_is_seen(told: Explanation, tmp_path: Path) -> None:
    assert verified(tmp_path, told, "explanation.json").returncode == 0
    changed = told.files["explanation.json"].replace("Institute of b", "Institute of c")
    assert changed != told.files["explanation.json"]
    forged = Explanation({**told.files, "explanation.json": changed}, told.sentence, told.log10_odds)
    assert verified(tmp_path, forged, "explanation.json").returncode == 1


def test_it_says_what_each_class_weighs_and_what_remains_without_it(told: Explanation) -> None:
    said = content(told)
    assert set(said["decades"]) == {"genotypes", "digits"}
    for kind, value in said["without_one_class"].items():
        others = sum(said["decades"].values()) - said["decades"][kind]
        assert value == pytest.approx(min(12, others), abs=0.01)
    assert said["log10_e"] == 12
    assert (
        said["sentence"] == "this file derives at least in part from the release delivered to Institute of b"
    )
    assert "does not show who copied" in said["limits"]
    assert "leaked" not in json.dumps(told.files)


def test_the_line_up_puts_the_accused_before_a_thousand_decoys(told: Explanation) -> None:
    for one in content(told)["classes"].values():
        assert one["line_up"]["rank"] == 1
        assert one["line_up"]["decoys"] == 1_000
        assert one["line_up"]["highest_decoy_log10_e"] < 5 < one["line_up"]["log10_e"]


def test_who_did_not_contribute_is_not_accused_and_none_of_its_keys_is_opened(released: Path) -> None:
    innocent = explained(
        released, "c", read_vcf(released / "b" / "source.vcf"), read_table(released / "b" / "phenotypes.csv")
    )
    assert innocent.log10_odds < 1
    assert innocent.sentence.startswith("it is not shown")
    assert not [name for name in innocent.files if "opening" in name or "report" in name]
    assert "derives at least in part" not in json.dumps(innocent.files)
    assert all(one["line_up"]["log10_e"] < 4 for one in content(innocent)["classes"].values())


def test_no_participant_is_named(told: Explanation) -> None:
    everything = json.dumps(told.files)
    assert not any(str(FIRST_ID + i) in everything for i in range(PEOPLE))


def test_the_picture_is_svg_that_shows_every_release_and_marks_the_accused(told: Explanation) -> None:
    root = ET.fromstring(told.files["digits.svg"])  # our own, not a found file
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a", "c", "b ◀"} <= set(texts)
    wide = [float(one.get("width") or 0) for one in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert wide[0] > 1.3 * max(wide[1:]) > 0


def test_a_releases_name_cannot_break_the_picture() -> None:
    picture = agreement_picture("<b>&", [Agreement('"><script>', 0, 0, -1.0)], "x")
    assert "<script>" not in picture
    ET.fromstring(picture)


def test_a_file_that_shares_nothing_and_an_unmarked_release_are_told(released: Path) -> None:
    with pytest.raises(NoMarks, match="aligned"):
        explained(released, "a", Table("x", ("height",), (("1.5", "1.25"),)))
    with pytest.raises(NoMarks, match="no marked release"):
        explained(released, "z", read_vcf(released / "b" / "source.vcf"))
