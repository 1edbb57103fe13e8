"""Matrices of calls as other programs write them: Parquet by Arrow and polars, text by R's `write.table`."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from matcher.contents import FileEnded, Genotypes, Limits, Table, Unreadable
from matcher.formats import call_columns, columnar
from matcher.formats.unpacking import whole_calls
from matcher.genotypes.naming import variant_of
from matcher.reading import read_path
from tests.matcher.formats.made import read_data, read_file

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


def odd_numbers(path: Path, rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    """A file of Arrow's with columns of every type of number, and what its calls are."""
    rng = np.random.default_rng(6)
    kinds = ("int8", "uint8", "int16", "int32", "uint64", "int64", "float16", "float32", "float64")
    odd = {"i": [-9, 3, -1, 100], "u": [3, 200, 255, 4], "f": [np.nan, np.inf, -0.3, 1.5]}
    columns: dict[str, pa.Array] = {"IID": pa.array([f"q{n}" for n in range(PEOPLE)])}
    truth = np.empty((PEOPLE, VARIANTS), np.int8)
    for at, name in enumerate(NAMES):
        kind = kinds[at % len(kinds)]
        numbers = rng.integers(0, 3, PEOPLE)
        values, empty = numbers.astype(kind), rng.random(PEOPLE) < 0.1
        if kind[0] == "f":
            values += rng.normal(0, 0.05, PEOPLE).astype(kind)
        strange = rng.random(PEOPLE) < 0.2
        values[strange] = rng.choice(odd[kind[0]], strange.sum())
        if kind in ("int64", "uint64"):
            values[0], strange[0] = 1 << 62, True
        columns[name] = pa.array(values, mask=empty if at % 2 else None)
        truth[:, at] = np.where(strange | (empty & bool(at % 2)), -1, numbers)
    pq.write_table(pa.table(columns), path, row_group_size=rows)
    return truth


@pytest.mark.parametrize("most", [0, 1 << 30])
@pytest.mark.parametrize("rows", [7, 1_000])
def test_numbers_of_every_type_are_read_alike_by_both_libraries(
    rows: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of more than `most` bytes is read by Arrow; numbers that are no call are missing."""
    monkeypatch.setattr(columnar, "_MOST_BYTES", most)
    truth = odd_numbers(tmp_path / "x.parquet", rows)
    parts = read_file(columnar, tmp_path / "x.parquet", Limits(variants_per_part=17))
    assert np.array_equal(told(parts), truth)
    assert [len(part.dosages) for part in parts if isinstance(part, Genotypes)] == [17, 17, 6]


def test_several_parts_that_are_unpacked_together_are_those_of_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame(calls(), pl.Int8).write_parquet(tmp_path / "x.parquet")
    asked: list[int] = []
    numbers = columnar._numbers

    def counted(scan: object, some: list[str]) -> object:
        asked.append(len(some))
        return numbers(scan, some)

    monkeypatch.setattr(columnar, "_numbers", counted)
    for most, columns in ((8 << 20, [40]), (PEOPLE * 16, [15, 15, 10]), (1, [5] * 8)):
        asked.clear()
        monkeypatch.setattr(columnar, "_BYTES_AT_ONCE", most)
        parts = read_file(columnar, tmp_path / "x.parquet", Limits(variants_per_part=5))
        assert np.array_equal(told(parts), calls())
        assert asked == columns


def test_a_matrix_that_is_only_in_memory_is_read_from_there(tmp_path: Path) -> None:
    frame(calls(), pl.Int8).write_parquet(tmp_path / "x.parquet")
    parts = read_data(columnar, "x.parquet", (tmp_path / "x.parquet").read_bytes())
    assert np.array_equal(told(parts), calls())


def test_the_limited_child_reads_a_matrix_and_then_another_file(tmp_path: Path) -> None:
    frame(calls(), pl.Float64).write_parquet(tmp_path / "x.parquet")
    for _ in range(2):
        parts = list(read_path(tmp_path / "x.parquet"))
        assert np.array_equal(told(parts), calls())
        assert [one.skipped for one in parts if isinstance(one, FileEnded)] == [None]


def test_pages_that_are_overwritten_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    frame(calls(), pl.Int8).write_parquet(path)
    data = bytearray(path.read_bytes())
    middle = slice(len(data) // 4, len(data) // 3)
    data[middle] = bytes(middle.stop - middle.start)
    with pytest.raises(Unreadable) as told_of:
        read_data(columnar, "x.parquet", bytes(data))
    assert told_of.value.why == "damaged"
    path.write_bytes(data)
    (end,) = [event for event in read_path(path) if isinstance(event, FileEnded)]
    assert end.skipped == "damaged"


def test_what_is_no_count_of_alleles_is_missing() -> None:
    numbers = np.arange(-128, 128).astype(np.int8)
    out = np.empty(256, np.int8)
    whole_calls(numbers, out)
    assert out[128:131].tolist() == [0, 1, 2]
    assert (np.delete(out, [128, 129, 130]) == -1).all()


def test_names_that_are_known_at_a_glance_are_names_of_variants() -> None:
    choice, known = random.Random(3), 0
    pieces = ["rs", "1", "23", "chr", ":", "A", "ac", "_", "/", "X", "1000", "(", "G", " ", "30"]
    for _ in range(20_000):
        name = "".join(choice.choices(pieces, k=choice.randint(1, 8)))
        if call_columns._PLAIN.fullmatch(name):
            known += 1
            assert variant_of(name) is not None, name
    assert known > 50
    for name in ("rs1", "rs123_A", "7:1234:A:C", "chr22:99:A:CT", "chr1:1000:A:G_G"):
        assert call_columns._PLAIN.fullmatch(name)
        assert variant_of(name) is not None


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
