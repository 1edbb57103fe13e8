"""What pandas, NumPy, joblib and plain Python pickle comes back as tables, without anything being loaded."""

from __future__ import annotations

import io
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from matcher.contents import Limits, Opened, Table, Unreadable
from matcher.formats import pickled
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same
from tests.matcher.formats.test_hostile import mutant


def frame() -> pd.DataFrame:
    whole = pd.DataFrame(rows(), columns=COLUMNS)
    return whole.astype({"eid": "int64", "sex": "int64", "bmi": "float64"})


MADE: dict[str, Any] = {
    "frame": frame,
    "objects": lambda: frame().astype(object),
    "categories": lambda: frame().astype({"sex": "category", "visit": "category"}),
    "dates": lambda: frame().astype({"visit": "datetime64[ns]"}),
    "some missing": lambda: frame().astype({"sex": "Int64", "bmi": "Float64"}),
    "columns in other blocks": lambda: frame()[["visit", "bmi", "sex", "eid"]][list(COLUMNS)],
    "within": lambda: {"title": "study", "parts": [1, {"data": frame()}]},
    "dictionary of columns": lambda: frame().to_dict("list"),
    "dictionary of arrays": lambda: {name: frame()[name].to_numpy() for name in COLUMNS},
    "records": lambda: frame().to_dict("records"),
    "recarray": lambda: (
        frame().astype({"visit": object}).assign(visit=frame().visit.to_numpy("S10")).to_records(index=False)
    ),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("kind", MADE)
def test_a_table_comes_back_whole(kind: str, protocol: int, tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(MADE[kind](), protocol=protocol))
    end, tables = ended(tmp_path / "x.pkl")
    assert (end.format, end.skipped) == ("pickle", None)
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_an_index_is_kept_where_it_says_something(protocol: int, tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(frame().set_index("eid"), protocol=protocol))
    _, tables = ended(tmp_path / "x.pkl")
    (found,) = [one for one in tables if one.columns == ("row_name", *COLUMNS[1:])]
    assert same(found_rows([found]), rows())
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(frame().set_index("eid").bmi, protocol=protocol))
    _, tables = ended(tmp_path / "x.pkl")
    (found,) = [one for one in tables if one.columns == ("row_name", "bmi")]
    assert same(found_rows([found]), [[row[0], row[2]] for row in rows()])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_a_matrix_has_its_columns_back(protocol: int, order: Any, tmp_path: Path) -> None:
    matrix = np.asarray(frame()[["eid", "bmi"]].to_numpy(), order=order)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([matrix, matrix.astype(">f4")], protocol=protocol))
    _, tables = ended(tmp_path / "x.pkl")
    wide = [one for one in tables if len(one.columns) == 2]
    assert same(found_rows(wide[:1]), [[row[0], row[2]] for row in rows()])
    assert len(wide) == 2


def test_a_file_of_joblib_has_its_arrays(tmp_path: Path) -> None:
    """Its arrays lie as bytes between the opcodes."""
    made = {
        "model": "x",
        "train": frame()[["eid", "sex", "bmi"]].to_numpy(),
        "names": ["a", "b"],
        "after": frame(),
    }
    joblib.dump(made, tmp_path / "x.joblib")
    end, tables = ended(tmp_path / "x.joblib")
    assert end.skipped is None
    assert same(found_rows([one for one in tables if len(one.columns) == 3]), [row[:3] for row in rows()])
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())


def test_several_pickles_one_after_the_other_are_all_seen(tmp_path: Path) -> None:
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(["a", "b"]) + pickle.dumps(frame()))
    _, tables = ended(tmp_path / "x.pkl")
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())


def test_what_holds_itself_is_looked_at_once(tmp_path: Path) -> None:
    around: list[Any] = [frame()]
    around.append(around)
    doubled: Any = ["x"]
    for _ in range(60):  # 2**60 looks, if each mention were followed
        doubled = [doubled, doubled]
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([around, doubled]))
    end, tables = ended(tmp_path / "x.pkl")
    assert end.skipped is None
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())


def said(data: bytes) -> str:
    opened = Opened("x.pkl", io.BytesIO(data), len(data), lambda _: None)
    try:
        return "read" if any(isinstance(one, Table) for one in pickled.read(opened, Limits())) else "empty"
    except Unreadable as wrong:
        return wrong.why


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04(((((((.",
        b"\x80\x040000.",
        b"\x80\x04]\x94\x8c\x01aa\x8c\x01bb.",
        b"\x80\x04\x8c\x01a\x85R.",
        b"\x80\x04N}b.",
        b"\x80\x04h\x05.",
        b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n(tR(K\x01(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftcnumpy\ndtype\n(\x8c\x02i8tR\x89C\x00tb.",
        b"\x80\x04cpandas\nDataFrame\n)R}\x8c\x04_mgr" + b"cpandas\nBlockManager\n)Rsb.",
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}b.",
    ],
)
def test_a_stream_that_no_honest_program_writes_ends_in_a_word(data: bytes) -> None:
    assert said(data) in ("read", "empty", "damaged")


def test_no_mutant_is_more_than_damaged() -> None:
    data, rng = (
        pickle.dumps([frame(), frame().astype(object), {"a": [1, 2]}], protocol=4),
        np.random.default_rng(5),
    )
    endings = Counter(said(mutant(data, rng)) for _ in range(400))
    assert set(endings) <= {"read", "empty", "damaged", "too-large"}
    assert endings["read"] > 20
