"""Samples of a public panel are answered as public, and accuse nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from matcher.errors import AlreadyEnrolled, BadSourceFile
from matcher.examine import Examiner
from matcher.genotypes.enrol import enrol
from matcher.genotypes.panels import add_panel, panels
from tests.matcher.genotypes.people import KEYS, enrolled, people, write_vcf


def examined(folder: Path, members: range) -> dict[str, Any]:
    """A cohort of 0…59, a public panel of 60…119, and a find of `members`."""
    of = people(130)
    (folder / "c").mkdir()
    for name, some in (("c", range(60)), ("p", range(60, 120)), ("x", members)):
        write_vcf(
            folder / f"{name}.vcf", of, of.dosages[:, some.start : some.stop], [f"{name}{n}" for n in some]
        )
    enrol(folder / "c", [folder / "c.vcf"], KEYS)
    add_panel(folder, "public", [folder / "p.vcf"], KEYS)
    (line,) = Examiner((enrolled(folder / "c", 60),), KEYS, public=panels(folder)).paths([folder / "x.vcf"])
    return line


def test_a_find_of_a_public_panel_says_so(tmp_path: Path) -> None:
    line = examined(tmp_path, range(70, 100))
    assert (line["public_panel"], line["verdict"]) == ("public", "none")


def test_a_find_of_participants_is_not_public(tmp_path: Path) -> None:
    line = examined(tmp_path, range(10, 30))
    assert (line["public_panel"], line["verdict"]) == (None, "confirmed")


def test_a_stranger_is_neither(tmp_path: Path) -> None:
    line = examined(tmp_path, range(120, 130))
    assert (line["public_panel"], line["verdict"]) == (None, "none")


def test_a_name_that_is_taken_or_no_name_is_told(tmp_path: Path) -> None:
    of = people(130)
    vcf = write_vcf(tmp_path / "p.vcf", of, of.dosages[:, :5], list("abcde"))
    add_panel(tmp_path, "one", [vcf], KEYS)
    with pytest.raises(AlreadyEnrolled):
        add_panel(tmp_path, "one", [vcf], KEYS)
    with pytest.raises(BadSourceFile):
        add_panel(tmp_path, "../x", [vcf], KEYS)
