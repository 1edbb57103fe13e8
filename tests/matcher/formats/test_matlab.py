"""Files of MATLAB, as SciPy writes them, and those by MATLAB itself that SciPy brings along."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from matcher.contents import Text
from matcher.reading import read_path
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same

BY_MATLAB = files("scipy.io.matlab.tests") / "data"


def columns() -> dict[str, Any]:
    eid, sex, bmi, visit = zip(*rows(), strict=True)
    return {
        "eid": np.array([[int(one)] for one in eid]),
        "sex": np.array([[float(one)] for one in sex]),
        "bmi": np.array([[float(one)] for one in bmi]),
        "visit": np.array([[one] for one in visit], dtype=object),
    }


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["variables", "structure", "structures", "nested"])
def test_a_table_comes_back_whole(kind: str, compressed: bool, tmp_path: Path) -> None:
    made: dict[str, Any] = columns()
    if kind == "structure":
        made = {"x": np.arange(3), "pheno": made}
    elif kind == "nested":
        made = {"x": np.eye(3), "study": {"what": "a title", "pheno": made}}
    elif kind == "structures":
        types = [("eid", "i8"), ("sex", "f8"), ("bmi", "f8"), ("visit", object)]
        made = {"pheno": np.array([tuple(row) for row in rows()], dtype=types)}
    scipy.io.savemat(tmp_path / "x.mat", made, do_compression=compressed)
    end, tables = ended(tmp_path / "x.mat")
    assert (end.format, end.skipped) == ("matlab", None)
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())


def test_a_matrix_a_sparse_one_and_a_text_are_seen(tmp_path: Path) -> None:
    made = {
        "a": np.array([[1, 2.5], [np.nan, 4]]),
        "s": scipy.sparse.csc_matrix([[0, 0], [7, 0]]),
        "t": "what it is",
        "c": np.array([["eid", "sex"], ["1000001", "1"], ["1000002", "0"]], dtype=object),
    }
    scipy.io.savemat(tmp_path / "x.mat", made)
    end, tables = ended(tmp_path / "x.mat")
    assert end.skipped is None
    seen = [[list(row) for row in zip(*one.cells, strict=True)] for one in tables]
    assert [["1", "2.5"], ["", "4"]] in seen
    assert [["1", "0", "7"]] in seen
    assert [["1000001", "1"], ["1000002", "0"]] in seen
    assert [one.text for one in read_path(tmp_path / "x.mat") if isinstance(one, Text)] == ["what it is"]


@pytest.mark.parametrize("cut", [130, 0.3, 0.8])
def test_a_cut_file_is_told_as_damaged(cut: float, tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "x.mat", columns())
    data = (tmp_path / "x.mat").read_bytes()
    (tmp_path / "x.mat").write_bytes(data[: int(cut if cut > 1 else cut * len(data))])
    end, _ = ended(tmp_path / "x.mat")
    assert (end.format, end.skipped) == ("matlab", "damaged")


@pytest.mark.parametrize(
    ("name", "skipped", "is_table"),
    [
        ("testdouble_7.1_GLNX86.mat", None, True),
        ("teststructarr_7.4_GLNX86.mat", None, True),
        ("testcellnest_6.5.1_GLNX86.mat", None, True),
        ("testsparse_7.4_GLNX86.mat", None, True),
        ("big_endian.mat", None, True),
        ("parabola.mat", "unsupported", True),
        ("bad_miuint32.mat", "damaged", False),
        ("corrupted_zlib_data.mat", "damaged", False),
    ],
)
def test_files_of_matlab_itself(name: str, skipped: str | None, is_table: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes((BY_MATLAB / name).read_bytes())
    end, tables = ended(tmp_path / name)
    assert (end.format, end.skipped, bool(tables)) == ("matlab", skipped, is_table)
