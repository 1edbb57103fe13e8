"""JSON, SQLite, SQL dumps, Avro, NumPy, pickles and HDF5, as their own libraries write them."""

from __future__ import annotations

import io
import json
import pickle
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import fastavro
import h5py
import numpy as np
import pandas as pd
import pytest

from matcher.contents import Text
from matcher.reading import read_path
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same, write_csv


def records() -> list[dict[str, Any]]:
    return [{"eid": int(a), "sex": int(b), "bmi": float(c), "visit": d} for a, b, c, d in rows()]


def as_json(form: str) -> str:
    frame = pd.DataFrame(records())
    if form == "lines":
        return "\n".join(map(json.dumps, records())) + "\n"
    if form == "keyed":
        return json.dumps({str(one["eid"]): one for one in records()})
    if form == "wrapped":
        return json.dumps({"status": "ok", "data": {"participants": records()}}, indent=1)
    return frame.to_json(orient=form)


@pytest.mark.parametrize("form", ["records", "columns", "values", "lines", "wrapped", "split", "keyed"])
def test_json_in_every_usual_shape(form: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(as_json(form))
    end, tables = ended(tmp_path / "x")
    assert (end.skipped, end.format) == (None, "json")
    found = found_rows([table for table in tables if len(table.columns) >= 4])
    assert same([row[-4:] for row in found], rows())


def test_json_that_is_nested_without_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[" * 200_000)
    assert ended(tmp_path / "x.json")[0].skipped in ("bomb", "damaged")


@pytest.mark.parametrize("text", ["[section]\nkey = 1\n", "{ x => x + 1 }\n", "[a-z]+ is a pattern\n"])
def test_what_only_begins_like_json_is_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(text)
    assert ended(tmp_path / "x")[0].format == "text"


def test_sqlite_gives_every_table_and_runs_nothing(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "x.db")
    pd.DataFrame(records()).to_sql("people", base, index=False)
    base.execute("CREATE VIEW v AS SELECT randomblob(1000000000)")
    base.execute("CREATE TABLE empty (a, b)")
    base.commit()
    base.close()
    end, tables = ended(tmp_path / "x.db")
    assert (end.skipped, end.format) == (None, "sqlite")
    assert same(found_rows([table for table in tables if table.columns == COLUMNS]), rows())


def test_a_database_inside_an_archive_is_read(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "x.db")
    pd.DataFrame(records()).to_sql("people", base, index=False)
    base.close()
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "x.db", "x.db")
    end, tables = ended(tmp_path / "x.zip")
    assert (end.skipped, end.format) == (None, "sqlite")
    assert same(found_rows(tables), rows())


def test_a_dump_of_sqlite_is_read(tmp_path: Path) -> None:
    base = sqlite3.connect(":memory:")
    pd.DataFrame(records()).to_sql("people", base, index=False)
    (tmp_path / "x.sql").write_text("\n".join(base.iterdump()))
    end, tables = ended(tmp_path / "x.sql")
    assert (end.skipped, end.format) == (None, "sql")
    assert same(found_rows(tables), rows())


def test_dumps_of_mysql_and_postgresql_are_read(tmp_path: Path) -> None:
    brackets = ",\n".join(f"({a},{b},{c},'{d}')" for a, b, c, d in rows())
    (tmp_path / "m.sql").write_text(
        f"-- MySQL dump\nDROP TABLE x;\nINSERT INTO `x` (`eid`,`sex`,`bmi`,`visit`) VALUES {brackets};\n"
    )
    lines = "\n".join("\t".join(row) for row in rows())
    (tmp_path / "p.sql").write_text(
        f"SET x = 1;\nCOPY public.x (eid, sex, bmi, visit) FROM stdin;\n{lines}\n\\.\n\nSELECT 1;\n"
    )
    for name in ("m.sql", "p.sql"):
        _, tables = ended(tmp_path / name)
        assert tables[0].columns == COLUMNS, name
        assert same(found_rows(tables), rows()), name


def test_quotes_in_values_keep_a_dump_in_step(tmp_path: Path) -> None:
    text = "INSERT INTO x VALUES (1,'it''s; (really)', NULL), (2, 'a\\'b', 3.5), (3, 'z', 1), (4, 'y', 2);\n"
    (tmp_path / "x.sql").write_text(text)
    _, tables = ended(tmp_path / "x.sql")
    assert found_rows(tables)[:2] == [["1", "it's; (really)", ""], ["2", "a'b", "3.5"]]


def test_avro_is_read(tmp_path: Path) -> None:
    fields = [
        {"name": name, "type": kind}
        for name, kind in zip(COLUMNS, ("long", "int", "double", "string"), strict=True)
    ]
    with (tmp_path / "x").open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "p", "fields": fields}, records(), codec="deflate")
    end, tables = ended(tmp_path / "x")
    assert (end.skipped, end.format) == (None, "avro")
    assert same(found_rows(tables), rows())


def numbers() -> np.ndarray[Any, Any]:
    return np.array([[float(cell) for cell in row[:3]] for row in rows()])


@pytest.mark.parametrize("form", ["npy", "npz", "structured"])
def test_numpy_arrays_are_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    with path.open("wb") as file:
        if form == "npz":
            np.savez(file, data=numbers())
        elif form == "npy":
            np.save(file, np.asfortranarray(numbers()))
        else:
            np.save(file, pd.DataFrame(numbers(), columns=list("abc")).to_records(index=False))
    end, tables = ended(path)
    assert (end.skipped, end.format) == (None, "numpy")
    assert same(found_rows(tables), [row[:3] for row in rows()])


def test_a_header_that_claims_more_than_the_file_is_damaged(tmp_path: Path) -> None:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 1 << 10)}
    )
    (tmp_path / "x.npy").write_bytes(out.getvalue() + bytes(1000))
    assert ended(tmp_path / "x.npy")[0].skipped == "damaged"


def test_an_array_of_several_parts_is_read_to_its_end(tmp_path: Path) -> None:
    array = np.zeros((1_100_000, 2))
    array[-1, :] = 4_123_457
    np.save(tmp_path / "x.npy", array)
    end, tables = ended(tmp_path / "x.npy")
    assert end.skipped is None
    assert sum(table.rows_count for table in tables) == len(array)
    assert tables[-1].cells[1][-1] == "4123457"


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, ("touch evil-was-here",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_is_described_and_never_loaded(
    protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ids = [row[0] for row in rows()]
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"ids": ids, "evil": Evil()}, protocol=protocol))
    end, tables = ended(tmp_path / "x.pkl")
    assert (end.skipped, end.format) == (None, "pickle")
    assert set(ids) <= {row[0] for row in found_rows(tables)}
    assert not (tmp_path / "evil-was-here").exists()


def test_ids_in_a_pickled_frame_are_seen(tmp_path: Path) -> None:
    pd.DataFrame(numbers(), columns=["eid", "a", "b"]).astype({"eid": "int64"}).to_pickle(tmp_path / "x.pkl")
    _, tables = ended(tmp_path / "x.pkl")
    assert {row[0] for row in rows()} <= {
        cell for table in tables for column in table.cells for cell in column
    }


@pytest.mark.parametrize("form", ["columns", "matrix", "compound"])
def test_hdf5_is_read(form: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        if form == "matrix":
            file["a/b/c"] = numbers()
        elif form == "compound":
            file["t"] = pd.DataFrame(numbers(), columns=list("abc")).to_records(index=False)
        else:
            for at, name in enumerate("abc"):
                file.create_dataset(f"people/{name}", data=numbers()[:, at], compression="gzip")
    end, tables = ended(tmp_path / "x.h5")
    assert (end.skipped, end.format) == (None, "hdf5")
    assert same(found_rows(tables), [row[:3] for row in rows()])


def test_hdf5_that_points_outside_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"1234567 " * 100)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("e", (800,), dtype="u1", external=[(str(tmp_path / "secret"), 0, 800)])
        file["l"] = h5py.ExternalLink("other.h5", "/a")
        file["own"] = np.arange(10)
    end, tables = ended(tmp_path / "x.h5")
    assert end.skipped == "unsupported"
    assert [row[0] for row in found_rows(tables)] == [str(n) for n in range(10)]


def test_a_frame_that_polars_and_r_put_into_json_is_the_same(tmp_path: Path) -> None:
    write_csv(tmp_path / "x.csv")
    program = "import polars, sys; polars.read_csv(sys.argv[1]).write_ndjson(sys.argv[2])"
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x.csv"), str(tmp_path / "x.ndjson")], check=True
    )
    _, tables = ended(tmp_path / "x.ndjson")
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize("name", ["x.npy", "x.h5", "x.db", "x.pkl", "x.avro"])
@pytest.mark.parametrize("cut", [0.3, 0.8])
def test_a_cut_file_is_told(name: str, cut: float, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "x.npy":
        np.save(path, numbers())
    elif name == "x.h5":
        with h5py.File(path, "w") as file:
            file["a"] = numbers()
    elif name == "x.db":
        base = sqlite3.connect(path)
        pd.concat([pd.DataFrame(records())] * 100).to_sql("people", base, index=False)
        base.close()
    elif name == "x.pkl":
        path.write_bytes(pickle.dumps([row[0] for row in rows()]))
    else:
        with path.open("wb") as file:
            fastavro.writer(
                file,
                {"type": "record", "name": "p", "fields": [{"name": "visit", "type": "string"}]},
                records(),
            )
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    assert ended(path)[0].skipped == "damaged"


def test_a_string_in_a_pickle_is_text_too(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"note": "participants of northmoor"}))
    texts = [event.text for event in read_path(tmp_path / "x.pkl") if isinstance(event, Text)]
    assert any("northmoor" in text for text in texts)


def test_a_name_that_first_comes_late_is_a_column_too(tmp_path: Path) -> None:
    late = [{"a": number, "b": 1} for number in range(1000)] + [{"a": 1000, "b": 2, "eid": 4_123_457}]
    (tmp_path / "x.json").write_text(json.dumps(late))
    _, tables = ended(tmp_path / "x.json")
    assert tables[0].columns == ("a", "b", "eid")
    assert found_rows(tables)[-1] == ["1000", "2", "4123457"]


def test_a_field_of_several_values_is_as_many_columns(tmp_path: Path) -> None:
    array = np.zeros(3, dtype=[("eid", "i8"), ("values", "f8", (1200,))])
    array["eid"] = [1_000_001, 1_000_002, 1_000_003]
    array["values"][:, 1199] = 0.5
    np.save(tmp_path / "x.npy", array)
    _, tables = ended(tmp_path / "x.npy")
    assert len(tables[0].columns) == 1201
    assert tables[0].cells[-1][0] == "0.5"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a\nb", "a\nb"),
        (r"a\'b", "a'b"),
        (r"a\\nb", r"a\nb"),
        (r"\\", "\\"),
        (r"tab\tzero\0end\Z", "tab\tzero\0end\x1a"),
        (r"100\% a\_b \q", r"100\% a\_b q"),
        ("it''s", "it's"),
        (r"\\''x", r"\'x"),
    ],
)
def test_escapes_of_mysql_are_decoded(written: str, meant: str, tmp_path: Path) -> None:
    text = f"-- MySQL dump\nINSERT INTO `x` (`eid`,`note`) VALUES (1,'{written}'),(2,_binary '{written}'),(3,'z');\n"
    (tmp_path / "x.sql").write_text(text)
    _, tables = ended(tmp_path / "x.sql")
    assert found_rows(tables) == [["1", meant], ["2", meant], ["3", "z"]]


def test_a_backslash_in_a_dump_of_sqlite_is_itself(tmp_path: Path) -> None:
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE x (eid, note)")
    notes = [(1, "C:\\new\\"), (2, "it's"), (3, "a\\'b"), (4, "last")]
    base.executemany("INSERT INTO x VALUES (?, ?)", notes)
    (tmp_path / "x.sql").write_text("\n".join(base.iterdump()))
    _, tables = ended(tmp_path / "x.sql")
    assert found_rows(tables) == [[str(a), b] for a, b in notes]


def test_escapes_of_copy_are_decoded(tmp_path: Path) -> None:
    rows_of = "1\ta\\nb\\tc\\\\d\n2\t\\N\n3\t\\x41\\102\\q\n"
    (tmp_path / "x.sql").write_text(f"COPY public.x (eid, note) FROM stdin;\n{rows_of}\\.\n\nSELECT 1;\n")
    _, tables = ended(tmp_path / "x.sql")
    assert found_rows(tables) == [["1", "a\nb\tc\\d"], ["2", ""], ["3", "ABq"]]
