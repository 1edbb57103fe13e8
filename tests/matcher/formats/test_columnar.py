"""Parquet, Feather, Arrow and ORC, as Polars and Arrow write them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, orc

from matcher.contents import Limits
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same, write_csv

FORMS = ("parquet", "parquet-zstd", "feather", "feather-v1", "arrow-stream", "orc")


def written(folder: Path, form: str, count: int = 60) -> Path:
    frame = pl.read_csv(write_csv(folder / "x.csv", count), try_parse_dates=True).rechunk()
    path = folder / "found.bin"
    if form.startswith("parquet"):
        frame.write_parquet(
            path, compression="zstd" if "zstd" in form else "uncompressed", row_group_size=500
        )
    elif form == "feather":
        frame.write_ipc(path, compression="lz4")
    elif form == "feather-v1":
        feather.write_feather(frame.to_arrow().cast(_plain(frame)).combine_chunks(), str(path), version=1)
    elif form == "arrow-stream":
        frame.write_ipc_stream(path)
    else:
        orc.write_table(frame.to_arrow().cast(_plain(frame)), str(path))
    return path


def _plain(frame: pl.DataFrame) -> pa.Schema:
    schema = frame.to_arrow().schema
    return pa.schema([pa.field(f.name, pa.string() if "string" in str(f.type) else f.type) for f in schema])


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_rows(form: str, tmp_path: Path) -> None:
    end, tables = ended(written(tmp_path, form))
    assert (end.skipped, end.format) == (None, "columnar")
    assert tables[0].columns == COLUMNS
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_cut_file_is_told_as_damaged(form: str, cut: float, tmp_path: Path) -> None:
    path = written(tmp_path, form, 3000)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    end, _ = ended(path)
    assert end.skipped == "damaged"


def test_a_column_that_unfolds_a_thousandfold_is_a_bomb(tmp_path: Path) -> None:
    text = pa.array(["x" * 10_000]).dictionary_encode()
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 400_000, pa.int32()), text.dictionary)
    pl.from_arrow(pa.table({"a": column})).write_parquet(tmp_path / "b.parquet")  # type: ignore[union-attr]
    assert (tmp_path / "b.parquet").stat().st_size < 1 << 20
    end, _ = ended(tmp_path / "b.parquet", Limits(rows_per_part=5000))
    assert end.skipped in ("bomb", "too-large")


def test_a_leak_at_the_end_of_a_large_file_is_seen(tmp_path: Path) -> None:
    filler = pl.DataFrame({"eid": range(2_000_000), "x": [0.5] * 2_000_000})
    last = pl.DataFrame({"eid": [4_123_457], "x": [0.25]})
    pl.concat([filler, last]).write_parquet(tmp_path / "large.parquet")
    end, tables = ended(tmp_path / "large.parquet")
    assert end.skipped is None
    assert tables[-1].cells[0][-1] == "4123457"
