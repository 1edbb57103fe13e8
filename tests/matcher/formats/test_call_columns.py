"""Matrices of calls as other programs write them: Parquet by Arrow and polars, text by R's `write.table`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from matcher.contents import FileEnded, Genotypes, Limits, Table
from matcher.formats import columnar
from matcher.reading import read_path
from tests.matcher.formats.made import read_file

PEOPLE, VARIANTS = 30, 40
NAMES = [f"rs{1001 + n}_{'ACGT'[n % 4]}" for n in range(VARIANTS)]


def calls(seed: int = 4) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    rng = np.random.default_rng(seed)
    found = rng.binomial(2, 0.4, (PEOPLE, VARIANTS)).astype(np.int8)
    found[rng.random(found.shape) < 0.05] = -1
    return found


def frame(of: np.ndarray[tuple[int, int], np.dtype[np.int8]], kind: type[pl.DataType]) -> pl.DataFrame:
    noise = 0.01 if kind in (pl.Float32, pl.Float64) else 0
    columns = {
        name: pl.Series([None if one < 0 else one + noise for one in of[:, at].tolist()], dtype=kind)
        for at, name in enumerate(NAMES)
    }
    ids = [f"p{n}" for n in range(PEOPLE)]
    return pl.DataFrame(
        {"FID": ids, "IID": [f"q{n}" for n in range(PEOPLE)], **columns, "age": list(range(PEOPLE))}
    )


def told(parts: list[object]) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    """The calls by person, after a look at what stands beside them."""
    found = [part for part in parts if isinstance(part, Genotypes)]
    assert [name for part in found for name in part.names] == [name.split("_")[0] for name in NAMES]
    assert [one for part in found for one in part.alleles_b] == [name[-1] for name in NAMES]
    return np.concatenate([part.dosages for part in found]).T


@pytest.mark.parametrize("kind", [pl.Int8, pl.Int64, pl.Float32, pl.Float64])
@pytest.mark.parametrize("rows", [7, 1_000])
def test_a_parquet_of_calls_is_read_as_genotypes(kind: type[pl.DataType], rows: int, tmp_path: Path) -> None:
    frame(calls(), kind).write_parquet(tmp_path / "x.parquet", row_group_size=rows)
    parts = read_file(columnar, tmp_path / "x.parquet", Limits(variants_per_part=17, rows_per_part=11))
    assert np.array_equal(told(parts), calls())
    assert parts[-1].samples == tuple(f"q{n}" for n in range(PEOPLE))
    tables = [part for part in parts if isinstance(part, Table)]
    assert {part.columns for part in tables} == {
        ("FID", "IID", "age")
    }  # nothing is lost to the other matchers
    assert sum(part.rows_count for part in tables) == PEOPLE


def test_a_frame_of_pandas_with_the_samples_as_its_index(tmp_path: Path) -> None:
    found = frame(calls(), pl.Float64).drop("FID", "age").to_pandas().set_index("IID")
    found.to_parquet(tmp_path / "x.parquet")
    parts = read_file(columnar, tmp_path / "x.parquet")
    assert np.array_equal(told(parts), calls())
    assert parts[-1].samples[0] == "q0"


@pytest.mark.parametrize("change", ["words", "few", "other names"])
def test_other_tables_stay_tables(change: str, tmp_path: Path) -> None:
    found = frame(calls(), pl.Int8)
    if change == "words":
        found = found.with_columns(pl.lit("A/G").alias(NAMES[3]))
    elif change == "few":
        found = found[:, :20]
    else:
        found = found.rename({name: f"gene{at}" for at, name in enumerate(NAMES)})
    found.write_parquet(tmp_path / "x.parquet")
    parts = read_file(columnar, tmp_path / "x.parquet")
    assert parts
    assert all(isinstance(part, Table) for part in parts)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_cut_parquet_is_damaged(cut: float, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame(calls(), pl.Int8).write_parquet(path)
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    ends = [event for event in read_path(path) if isinstance(event, FileEnded)]
    assert [event.skipped for event in ends] == ["damaged"]


@pytest.mark.parametrize("turned", ["", "t"])
@pytest.mark.parametrize("words", ["", ", quote=FALSE, sep='\\t'", ", sep=',', col.names=NA", ", sep=','"])
def test_what_r_writes_of_a_matrix_is_read_as_genotypes(words: str, turned: str, tmp_path: Path) -> None:
    """R's `write.table` names rows and, unless asked, leaves that column out of the header."""
    np.savetxt(tmp_path / "raw.txt", calls(), fmt="%d")
    names = ",".join(f"'{name}'" for name in NAMES)
    script = f"""m <- as.matrix(read.table("raw.txt")); m[m < 0] <- NA
    dimnames(m) <- list(paste0("q", 0:{PEOPLE - 1}), c({names})); write.table({turned}(m), "x.txt"{words})"""
    subprocess.run(["Rscript", "-e", script], cwd=tmp_path, check=True, capture_output=True)
    parts = list(read_path(tmp_path / "x.txt"))
    assert np.array_equal(told(parts), calls())
    (end,) = [one for one in parts if isinstance(one, FileEnded)]
    assert (end.format, end.skipped) == ("dosage-matrix", None)
    assert {one.samples for one in parts if isinstance(one, Genotypes)} == {
        tuple(f"q{n}" for n in range(PEOPLE))
    }
