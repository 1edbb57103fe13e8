"""Stata, SPSS and SAS transport files: written by ReadStat's own writers and by R's `foreign`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from matcher.contents import Limits
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same, write_csv

FORMS = ("dta", "sav", "xport", "por")


def written(folder: Path, form: str) -> Path:
    frame = pl.read_csv(write_csv(folder / "x.csv"))
    path = folder / f"found.{form}"
    labels = {} if form == "xport" else {"variable_value_labels": {"sex": {0: "Female", 1: "Male"}}}
    if form == "por":
        frame = frame.rename({name: name.upper() for name in frame.columns})
        labels = {}
    getattr(pyreadstat, f"write_{form}")(frame, str(path), **labels)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_rows(form: str, tmp_path: Path) -> None:
    end, tables = ended(written(tmp_path, form), Limits(rows_per_part=25))
    assert (end.skipped, end.format) == (None, "statistics-package")
    assert tuple(name.lower() for name in tables[0].columns) == COLUMNS
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize("form", ["dta", "sav"])
def test_labels_of_codes_come_along(form: str, tmp_path: Path) -> None:
    _, tables = ended(written(tmp_path, form))
    assert dict(tables[0].labels)["sex"] == (("0", "Female"), ("1", "Male"))


def test_a_file_that_r_wrote_is_read(tmp_path: Path) -> None:
    if shutil.which("Rscript") is None:
        pytest.fail("Rscript is needed; run make test-setup")
    write_csv(tmp_path / "x.csv")
    program = f'd <- read.csv("{tmp_path}/x.csv"); foreign::write.dta(d, "{tmp_path}/r.dta")'
    done = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    if "foreign" in done.stderr:
        pytest.skip("R's recommended package foreign is not here")
    end, tables = ended(tmp_path / "r.dta")
    assert end.skipped is None
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [0.1, 0.7])
def test_a_cut_file_is_told_or_gives_only_what_stands_there(form: str, cut: float, tmp_path: Path) -> None:
    path = written(tmp_path, form)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    end, tables = ended(path)
    assert end.skipped == "damaged" or 0 < len(found_rows(tables)) < len(rows())
