"""Files that R itself wrote: frames, lists of frames, matrices, factors, vectors; compressed in every way."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same, write_csv


def r(folder: Path, program: str) -> None:
    write_csv(folder / "x.csv")
    whole = f'd <- read.csv("{folder}/x.csv", stringsAsFactors=FALSE); setwd("{folder}"); {program}'
    subprocess.run(["Rscript", "-e", whole], check=True, capture_output=True)


@pytest.mark.parametrize(
    "program",
    [
        'saveRDS(d, "f")',
        'saveRDS(d, "f", compress=FALSE)',
        'saveRDS(d, "f", compress="xz")',
        'saveRDS(d, "f", compress="bzip2")',
        'saveRDS(d, "f", version=2)',
        'saveRDS(d, "f", ascii=TRUE)',
        'save(d, file="f")',
        'x <- 3; save(x, d, file="f")',
        'saveRDS(list(a=1, inner=list(data=d)), "f")',
        'd$visit <- factor(d$visit); saveRDS(d, "f")',
        'f <- function(x) x + 1; save(f, d, file="f")',
    ],
)
def test_a_frame_is_read_however_r_wrote_it(program: str, tmp_path: Path) -> None:
    r(tmp_path, program)
    end, tables = ended(tmp_path / "f")
    assert (end.skipped, end.format) == (None, "r-data")
    frames = [table for table in tables if table.columns == COLUMNS]
    assert same(found_rows(frames), rows())


def test_ids_of_a_vector_are_seen(tmp_path: Path) -> None:
    r(tmp_path, 'saveRDS(d$eid, "f")')
    _, tables = ended(tmp_path / "f")
    assert [row[0] for row in found_rows(tables)] == [row[0] for row in rows()]


def test_row_names_are_kept(tmp_path: Path) -> None:
    r(tmp_path, 'rownames(d) <- d$eid; d$eid <- NULL; saveRDS(d, "f")')
    _, tables = ended(tmp_path / "f")
    assert tables[0].columns[0] == "row_name"
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_cut_file_is_told_as_damaged(cut: float, tmp_path: Path) -> None:
    r(tmp_path, 'saveRDS(d, "f", compress=FALSE)')
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: int(cut * len(data))])
    assert ended(tmp_path / "f")[0].skipped == "damaged"
