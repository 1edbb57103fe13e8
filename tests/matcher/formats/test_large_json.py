"""JSON that is too large to be held: read through a window, batch by batch, with all that stands before a damage."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats import json_members, json_records, json_stream
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same
from tests.matcher.formats.test_records import as_json, records


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of a few hundred characters, so that small files are streamed."""
    monkeypatch.setattr(json_stream, "HELD", 512)
    monkeypatch.setattr(json_stream, "_STEP", 100)
    monkeypatch.setattr(json_members, "_LONG", 20)
    monkeypatch.setattr(json_stream, "_SEVERAL", 300)
    monkeypatch.setattr(json_stream, "_LONGEST_STRING", 4096)


def parts(data: str | bytes) -> tuple[list[Table], str, Unreadable | None]:
    """Tables, text and fault of a JSON text, read in this process."""
    raw = data if isinstance(data, bytes) else data.encode()
    stream = json_records.read(Opened("x.json", io.BytesIO(raw), len(raw)), Limits())
    given: list[Any] = []
    try:
        given.extend(_each(stream, given))
    except Unreadable as fault:
        return [one for one in given if isinstance(one, Table)], _text(given), fault
    return [one for one in given if isinstance(one, Table)], _text(given), None


def _each(stream: Iterator[Table | Text], into: list[Any]) -> Iterator[Any]:
    for one in stream:
        into.append(one)
        yield from ()


def _text(given: list[Any]) -> str:
    return "\n".join(one.text for one in given if isinstance(one, Text))


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("form", ["records", "columns", "values", "lines", "wrapped", "split", "keyed"])
def test_every_usual_shape_is_the_same_through_a_window(form: str) -> None:
    tables, _, fault = parts(as_json(form))
    assert fault is None
    found = found_rows([table for table in tables if len(table.columns) >= 4])
    assert same([row[-4:] for row in found], rows())
    if form == "split":
        assert any(table.columns == COLUMNS for table in tables)


@pytest.mark.usefixtures("narrow")
def test_rows_that_have_names_keep_them() -> None:
    frame = pd.DataFrame(records()).set_index("eid")
    tables, _, _ = parts(frame.to_json(orient="columns"))
    (table,) = [one for one in tables if len(one.columns) == 4]
    assert list(table.cells[table.columns.index("key")]) == [row[0] for row in rows()]


@pytest.mark.usefixtures("narrow")
def test_a_name_that_first_comes_late_is_a_column_and_nothing_is_lost() -> None:
    late = [{"a": n, "b": 1} for n in range(30_000)] + [{"a": 1, "b": 2, "eid": 4_123_457}]
    tables, _, _ = parts(json.dumps(late))
    assert sum(table.rows_count for table in tables) == len(late)
    assert tables[-1].columns == ("a", "b", "eid")
    assert tables[-1].cells[2][-1] == "4123457"
    assert tables[-1].name != tables[0].name  # rows of another width are another table to the matchers


@pytest.mark.usefixtures("narrow")
def test_records_inside_records_are_a_table_whatever_record_they_stand_in() -> None:
    nested = [
        {"eid": n, "home": {"visits": [{"date": f"2011-01-{n % 28 + 1:02}", "bmi": n}]}} for n in range(500)
    ]
    tables, _, fault = parts(json.dumps(nested, indent=1))
    visits = [table for table in tables if table.columns == ("date", "bmi")]
    assert fault is None
    assert sum(table.rows_count for table in visits) == 500
    assert visits[-1].cells[1][-1] == "499"


@pytest.mark.usefixtures("narrow")
def test_a_record_larger_than_the_window_is_gone_into() -> None:
    long = {"eid": 4_123_457, "scan": list(range(1_000)), "note": "y" * 2_000, "deep": {"er": {"x": 0.25}}}
    tables, text, fault = parts(json.dumps([*records(), long, *records()]))
    assert fault is None
    assert "4123457" in text
    assert "y" * 2_000 in text
    assert any(list(cells) == [str(n) for n in range(1_000)] for table in tables for cells in table.cells)
    assert sum(table.rows_count for table in tables if table.columns == COLUMNS) == 2 * len(rows())


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("form", ["records", "lines", "wrapped", "values"])
@pytest.mark.parametrize("cut", [0.43, 0.83])
def test_what_stands_before_a_damage_is_given(form: str, cut: float) -> None:
    text = as_json(form)
    tables, _, fault = parts(text[: int(cut * len(text))])
    found = found_rows([table for table in tables if len(table.columns) == 4])
    assert fault is not None
    assert fault.why == "damaged"
    assert len(found) >= int(cut * 60) - 3
    assert same([row[-4:] for row in found], rows()[: len(found)])


@pytest.mark.usefixtures("narrow")
def test_a_line_that_is_no_json_costs_itself_only() -> None:
    lines = as_json("lines").splitlines()
    lines[20] = lines[20][:15]
    tables, _, fault = parts("\n".join(lines))
    assert fault is not None
    assert "1 lines" in fault.detail
    assert len(found_rows([table for table in tables if table.columns == COLUMNS])) >= len(rows()) - 2


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '[{"a":' * 100, "[1," * 300 + "]" * 300])
def test_what_is_nested_without_end_is_told(text: str) -> None:
    _, _, fault = parts(text)
    assert fault is not None
    assert fault.why in ("bomb", "damaged")


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_the_window_cuts_no_letter(encoding: str) -> None:
    people = [{"编号": 1_000_000 + n, "备注": f"第{n}次随访，一切正常", "值": 0.5 + n} for n in range(300)]
    tables, _, fault = parts(json.dumps(people, ensure_ascii=False).encode(encoding))
    assert fault is None
    assert tables[0].columns == ("编号", "备注", "值")
    assert [row[1] for row in found_rows(tables)] == [one["备注"] for one in people]


def test_records_that_share_no_names_do_not_unfold(tmp_path: Path) -> None:
    sparse = [{f"k{n}": n} for n in range(20_000)]
    (tmp_path / "x.json").write_text(json.dumps(sparse))
    end, tables = ended(tmp_path / "x.json")
    assert end.skipped is None
    assert sum(len(table.columns) * table.rows_count for table in tables) < 20_000_000
    assert any("19999" in cells for cells in tables[-1].cells)


@pytest.mark.slow
@pytest.mark.parametrize(("form", "blocks"), [("array", 37), ("lines", 8), ("columns", 40)])
def test_a_leak_at_the_end_of_a_large_file_is_read_within_the_childs_memory(
    form: str, blocks: int, tmp_path: Path
) -> None:
    block = 100_000
    with (tmp_path / "x.json").open("w") as file:
        if form == "columns":
            for name, value in (("eid", "4000000"), ("bmi", "27.1234")):
                cells = ", ".join([value] * block)
                file.write(f'{"," if name == "bmi" else "{"}"{name}": [')
                file.writelines(f"{cells}, " for _ in range(blocks))
                file.write(f"{'4123457' if name == 'eid' else '0.25'}]")
            file.write("}")
        else:
            line = '{"eid": 4000000, "sex": 1, "bmi": 27.1234, "visit": "2011-05-11", "note": "none"}'
            between = ",\n" if form == "array" else "\n"
            file.write("[" if form == "array" else "")
            file.writelines(between.join([line] * block) + between for _ in range(blocks))
            file.write('{"eid": 4123457, "sex": 1, "bmi": 0.25, "visit": "2019-05-11", "note": ""}')
            file.write("]" if form == "array" else "")
    assert (tmp_path / "x.json").stat().st_size > (300_000_000 if form == "array" else 60_000_000)
    end, tables = ended(tmp_path / "x.json")
    assert end.skipped is None
    assert tables[-1].cells[0][-1] == "4123457"
