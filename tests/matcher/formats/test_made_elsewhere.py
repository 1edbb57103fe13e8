"""Spreadsheets, statistics packages and columns by other programs than ours: sound, cut, hostile, a leak at the end."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import polars as pl
import pytest

from matcher.contents import Limits
from tests.matcher.formats import made_elsewhere as made
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same, write_csv

LAST = ["4123457", "1", "27.25", "2019-05-11"]
FORMS = ("xls", "xlsb", "ods", "h5ad", "dta", "avro", "sas7bdat", "haven.sav", "haven.dta", "haven.xpt")
FORMATS = {"xls": "spreadsheet", "xlsb": "spreadsheet", "ods": "spreadsheet", "h5ad": "hdf5", "avro": "avro"}


def written(folder: Path, form: str, count: int = 60) -> Path:
    """Rows by the form's program, with the leak as the last of them."""
    table = [*rows(count), LAST]
    path = folder / f"found.{form.rpartition('.')[2]}"
    if form == "xls":
        made.write_xls(path, [list(COLUMNS), *table])
    elif form == "xlsb":
        made.write_xlsb(path, made.xlsb_cells([list(COLUMNS), *table]))
    elif form == "ods":
        made.write_ods(path, [list(COLUMNS), *table])
    elif form == "h5ad":
        made.write_h5ad(path, COLUMNS, table)
    elif form == "avro":
        pl.DataFrame(table, schema=list(COLUMNS), orient="row").write_avro(path, compression="deflate")
    elif form == "dta":
        frame = pd.DataFrame(table, columns=list(COLUMNS)).astype({"eid": int, "sex": int, "bmi": float})
        frame.to_stata(path, write_index=False, version=118)
    else:
        _by_haven(folder, table, path)
    return path


def _by_haven(folder: Path, table: list[list[str]], path: Path) -> None:
    if not made.has_haven():
        pytest.skip("R's package haven is not here")
    source = write_csv(folder / "x.csv", 0)
    source.write_text("\n".join(",".join(row) for row in [list(COLUMNS), *table]) + "\n")
    writer = {".sas7bdat": "sas", ".xpt": "xpt"}.get(path.suffix, path.suffix[1:])
    made.in_r(f'suppressWarnings(haven::write_{writer}(read.csv("{source}"), "{path}"))')
    source.unlink()


@pytest.mark.parametrize("form", FORMS)
def test_every_row_of_a_file_by_another_program_is_read(form: str, tmp_path: Path) -> None:
    end, tables = ended(written(tmp_path, form), Limits(rows_per_part=25))
    assert (end.skipped, end.format) == (None, FORMATS.get(form, "statistics-package"))
    whole = [one for one in tables if len(one.columns) >= len(COLUMNS)]
    assert {name.lower() for name in whole[0].columns} == set(COLUMNS)
    order = [[name.lower() for name in whole[0].columns].index(name) for name in COLUMNS]
    assert same([[row[at] for at in order] for row in found_rows(whole)], [*rows(), LAST])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [0.15, 0.5, 0.9])
def test_a_cut_one_is_told_or_gives_only_what_stands_there(form: str, cut: float, tmp_path: Path) -> None:
    path = written(tmp_path, form, 600)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    end, tables = ended(path)
    assert end.skipped == "damaged" or 0 < len(found_rows(tables)) < 601


@pytest.mark.parametrize("name", ["iris.sas7bdat", "iris.sav", "iris.dta"])
def test_files_that_sas_spss_and_stata_wrote_are_read(name: str, tmp_path: Path) -> None:
    if not made.has_haven():
        pytest.skip("R's package haven, which brings them, is not here")
    path = Path(made.in_r(f'cat(system.file("examples/{name}", package = "haven"))'))
    (tmp_path / "found").write_bytes(path.read_bytes())
    end, tables = ended(tmp_path / "found")
    assert (end.skipped, end.format) == (None, "statistics-package")
    found = found_rows(tables)
    assert len(found) == 150
    assert [float(cell) for cell in found[-1][:4]] == pytest.approx([5.9, 3.0, 5.1, 1.8])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "count"), [("xls", 60_000), ("xlsb", 250_000), ("h5ad", 300_000), ("avro", 500_000)]
)
def test_a_leak_at_the_end_of_a_large_one_is_seen(form: str, count: int, tmp_path: Path) -> None:
    end, tables = ended(written(tmp_path, form, count))
    assert end.skipped is None
    last = next(table for table in reversed(tables) if "4123457" in [cells[-1] for cells in table.cells])
    assert sum(table.rows_count for table in tables if table.name == last.name) == count + 1


def test_a_binary_sheet_with_one_cell_at_the_far_end_is_a_bomb_and_kills_nobody(tmp_path: Path) -> None:
    made.write_xlsb(tmp_path / "x.xlsb", [(0, 0, 1.0), (1_048_575, 16_383, 1.0)])
    assert ended(tmp_path / "x.xlsb")[0].skipped == "bomb"


@pytest.mark.parametrize("times", [300_000, 1_000_000])
def test_a_row_that_says_it_stands_there_many_times_is_told_and_kills_nobody(
    times: int, tmp_path: Path
) -> None:
    made.write_ods(tmp_path / "x.ods", [["7" * 20] * 200], repeated=times)
    # Beyond a hundred million cells the library itself refuses, and does not say why.
    assert ended(tmp_path / "x.ods")[0].skipped == ("bomb" if times < 500_000 else "damaged")


def test_an_old_sheet_with_one_cell_at_the_far_end_costs_what_its_kind_may_hold(tmp_path: Path) -> None:
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("x")
    sheet.write(0, 0, 1)
    sheet.write(65_535, 255, 4_123_457)
    book.save(str(tmp_path / "x.xls"))
    end, tables = ended(tmp_path / "x.xls")
    assert end.skipped in (None, "bomb")
    assert end.skipped == "bomb" or tables[-1].cells[-1][-1] == "4123457"


def test_a_dataset_that_claims_a_trillion_rows_is_a_bomb(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        for name in ("obs/a", "obs/b"):
            file.create_dataset(name, (10**12,), np.float64, chunks=(10**6,), compression="gzip")
    assert (tmp_path / "x.h5ad").stat().st_size < 100_000
    assert ended(tmp_path / "x.h5ad", Limits(seconds=60))[0].skipped == "bomb"


def test_codes_without_labels_and_labels_without_codes_are_no_column(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        file["a/codes"] = np.array([0, 9, -1, 1], np.int8)
        file["a/categories"] = np.array([b"no", b"yes"])
        file["b/codes"] = h5py.ExternalLink("other.h5", "/x")
        file["b/categories"] = np.array([b"no", b"yes"])
    end, tables = ended(tmp_path / "x.h5ad")
    assert end.skipped == "unsupported"
    assert ["no", "", "", "yes"] in [list(table.cells[0]) for table in tables]
