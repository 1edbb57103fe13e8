"""XML that is too large to be held: rows are given as they come, and all that stands before a damage."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

from matcher.contents import Limits, Opened, Table, Text, Unreadable
from matcher.formats import markup, xml_records
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same


def person(row: list[str]) -> str:
    a, b, c, d = row
    visits = f'<visits><visit at="{d}"><pulse>{60 + int(b)}</pulse></visit></visits>'
    return f'<participant eid="{a}"><sex>{b}</sex><bmi>{c}</bmi><visit>{d}</visit>{visits}</participant>'


def document(people: str) -> str:
    return (
        f'<?xml version="1.0"?><export site="northmoor"><head><title>Export 7</title></head>'
        f"<people>{people}</people><p>It ends <b>here</b>, all of it.</p></export>"
    )


def parts(text: str) -> tuple[list[Table], str, Unreadable | None]:
    data = text.encode()
    given: list[Table | Text] = []
    fault: Unreadable | None = None
    stream = markup.read(Opened("x.xml", io.BytesIO(data), len(data)), Limits())
    while fault is None:
        try:
            given.append(next(stream))
        except StopIteration:
            break
        except Unreadable as wrong:
            fault = wrong
    tables = [one for one in given if isinstance(one, Table)]
    return tables, "\n".join(one.text for one in given if isinstance(one, Text)), fault


@pytest.mark.parametrize("held", [30, 100, 100_000])
def test_rows_and_text_are_the_same_however_little_is_held(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_records, "NODES_HELD", held)
    tables, text, fault = parts(document("".join(map(person, rows()))))
    assert fault is None
    people = [table for table in tables if table.columns[:4] == COLUMNS]
    others = sum(table.rows_count for table in tables if table not in people)
    found = [row[:4] for row in found_rows(people)]
    assert same(found, rows())
    assert others == 0
    assert all(piece in text for piece in ("northmoor", "Export 7", "It ends", "here", ", all of it."))


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("held", [30, 100_000])
def test_what_stands_before_a_damage_is_given(cut: float, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_records, "NODES_HELD", held)
    text = document("".join(map(person, rows())))
    tables, _, fault = parts(text[: int(cut * len(text))])
    found = [row[:4] for row in found_rows([table for table in tables if table.columns[:4] == COLUMNS])]
    assert fault is not None
    assert fault.why == "damaged"
    assert len(found) >= cut * 60 - 4
    assert same(found[:-1], rows()[: len(found) - 1])  # the last may be a row that breaks off


def test_lists_inside_rows_are_tables_of_their_own() -> None:
    taken = "".join(f"<drug><code>{n}</code><dose>{n}.5</dose></drug>" for n in range(4))
    people = "".join(f'<person eid="{row[0]}">{taken}</person>' for row in rows())
    tables, _, _ = parts(document(people))
    drugs = [table for table in tables if table.columns == ("code", "dose")]
    assert sum(table.rows_count for table in drugs) == 4 * len(rows())
    assert len({table.name for table in tables}) == 2


def test_prose_keeps_its_words() -> None:
    body = "".join(f"<para>Participant <b>{row[0]}</b> was seen on {row[3]}.</para>" for row in rows())
    tables, _, _ = parts(document(body))
    said = [cell for table in tables for cells in table.cells for cell in cells]
    assert f"Participant {rows()[0][0]} was seen on {rows()[0][3]}." in said


def test_elements_nested_without_end_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text('<?xml version="1.0"?>' + "<a>" * 200_000)
    assert ended(tmp_path / "x.xml")[0].skipped in ("bomb", "damaged")


def test_a_billion_names_do_not_become_tables(tmp_path: Path) -> None:
    kinds = "".join(f"<k{n}><x>1</x><x>2</x><x>3</x></k{n}>" for n in range(2_000))
    (tmp_path / "x.xml").write_text(f'<?xml version="1.0"?><r>{kinds}</r>')
    assert ended(tmp_path / "x.xml")[0].skipped == "bomb"


def test_a_table_that_libxml_put_in_order_is_the_same(tmp_path: Path) -> None:
    if subprocess.run(["which", "xmllint"], capture_output=True, check=False).returncode:
        pytest.skip("xmllint is not here")
    (tmp_path / "a.xml").write_text(document("".join(map(person, rows()))))
    done = subprocess.run(["xmllint", "--format", tmp_path / "a.xml"], capture_output=True, check=True)
    (tmp_path / "x.xml").write_bytes(done.stdout)
    _, tables = ended(tmp_path / "x.xml")
    assert same(
        [row[:4] for row in found_rows([one for one in tables if one.columns[:4] == COLUMNS])], rows()
    )


@pytest.mark.slow
def test_a_leak_at_the_end_of_a_large_file_is_read_within_the_childs_memory(tmp_path: Path) -> None:
    block = "".join(map(person, rows(2_000)))
    with (tmp_path / "x.xml").open("w") as file:
        head, foot = document("|").split("|")
        file.write(head)
        file.writelines(block for _ in range(220))
        file.write(person(["4123457", "1", "0.25", "2019-05-11"]) + foot)
    assert (tmp_path / "x.xml").stat().st_size > 64 << 20
    end, tables = ended(tmp_path / "x.xml")
    assert end.skipped is None
    assert sum(table.rows_count for table in tables) == 440_001
    assert any(table.cells[0][-1] == "4123457" for table in tables)
