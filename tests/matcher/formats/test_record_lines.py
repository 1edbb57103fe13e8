"""Lines that are a record each come back as rows, in any pieces; options, code and logs of a program raise no alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from matcher.contents import Limits, Table
from matcher.formats import delimited, plain_text
from matcher.formats.record_lines import RecordLines, mostly_records, record_tables
from matcher.reading import read_bytes
from tests.matcher.formats.tables_made import COLUMNS, rows


def tables(text: str, step: int = 0) -> list[Table]:
    if not step:
        return list(record_tables("x", text, Limits()))
    finder = RecordLines("x", Limits())
    found = [t for at in range(0, len(text), step) for t in finder.feed(text[at : at + step])]
    return found + list(finder.end())


def rows_of(found: list[Table]) -> list[list[str]]:
    return [list(row) for table in found for row in zip(*table.cells, strict=True)]


def paired(quote: str = "", between: str = " ", end: str = "\n") -> str:
    lines = (dict(zip(COLUMNS, row, strict=True)).items() for row in rows())
    return "".join(between.join(f"{name}={quote}{cell}{quote}" for name, cell in one) + end for one in lines)


def sparse(end: str = "\n") -> str:
    return "".join(
        f"{row[1]} " + " ".join(f"{at}:{cell}" for at, cell in enumerate((row[0], row[2], "7"), 1)) + end
        for row in rows()
    )


@pytest.mark.parametrize("quote", ["", '"', "'"])
@pytest.mark.parametrize("between", [" ", "\t", ", ", ";", "&", " | "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pairs_come_back(quote: str, between: str, end: str) -> None:
    (table,) = tables(paired(quote, between, end))
    assert table.columns == COLUMNS
    assert rows_of([table]) == rows()


@pytest.mark.parametrize("step", [1, 7, 100, 1000])
def test_records_come_in_any_pieces(step: int) -> None:
    text = f"Values, as they were measured = all:\n\n{paired()}\nAnd then: nothing.\n\n{sparse()}\n"
    first, second = tables(text, step)
    assert rows_of([first]) == rows()
    assert rows_of([second]) == [[row[1], row[0], row[2], "7"] for row in rows()]
    assert not second.has_header


def test_what_a_record_lacks_is_empty_and_more_columns_may_come_later() -> None:
    text = "".join(
        f"eid={n} sex={n % 2}" + (f" bmi={n}.5" if n % 3 == 0 else "") + "\n" for n in range(1, 40)
    )
    (table,) = tables(text)
    assert table.columns == ("eid", "sex", "bmi")
    assert rows_of([table]) == [[str(n), str(n % 2), f"{n}.5" if n % 3 == 0 else ""] for n in range(1, 40)]


def test_quotes_hold_blanks_signs_and_quotes() -> None:
    text = "".join(f'eid={n} note="a, \\"b\\" = {n}" empty= last=\'x y\'\n' for n in range(30))
    (table,) = tables(text)
    assert rows_of([table]) == [[str(n), f'a, "b" = {n}', "", "x y"] for n in range(30)]


def test_a_record_with_a_label_of_several_classes_and_a_remark() -> None:
    text = "".join(f"{n % 2},3 1:{n} 2:1e-3 9:nan # of {n}\n" for n in range(10))
    assert rows_of(tables(text)) == [[f"{n % 2},3", str(n), "1e-3", "nan"] for n in range(10)]


def test_many_records_come_in_parts_under_the_same_names() -> None:
    text = "".join(f"eid={n} a={n + 1} b={n + 2}\n" for n in range(150_000))
    found = tables(text, 1 << 20)
    assert len(found) > 3
    assert {table.columns for table in found} == {("eid", "a", "b")}
    assert rows_of(found) == [[str(n), str(n + 1), str(n + 2)] for n in range(150_000)]


@pytest.mark.parametrize(("name", "text"), [("x.csv", paired()), ("x", paired()), ("x.txt", sparse())])
def test_a_file_of_records_is_no_delimited_table(name: str, text: str) -> None:
    head = text.encode()
    assert plain_text.sniff(name, head) > delimited.sniff(name, head)
    found = [one for one in read_bytes(name, head) if isinstance(one, Table)]
    assert len(rows_of(found)) == len(rows())


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"KEY_{n}=value {n}\nOTHER_{n}={n}\n" for n in range(50)),  # settings of a shell
        "".join(f"[part{n}]\nname = x{n}\nsize = {n}\n" for n in range(50)),
        "".join(f"    draw(width={n}, height={n + 1}, colour='red')\n" for n in range(50)),
        "".join(f"for (int i = 0; i < {n}; i++) a[i] = b[i] == {n};\n" for n in range(50)),
        "".join(f"$ run --depth={n} --out=/tmp/{n} --fast\n" for n in range(50)),
        "".join(f"If x={n} then y={n}, as was said above.\n" for n in range(50)),
        "".join(f"one{n}=1 two{n}=2 three{n}=3\n" for n in range(50)),  # options, others in each line
        "".join(f'<a href="x?a={n}&b=2" class="c">{n}</a>\n' for n in range(50)),
        "".join(f"{n} {7 + n % 9}:30 {9 + n % 7}:15 12:00\n" for n in range(50)),  # times of day
        "".join(f"chr1:{1000 + n} 1:{n} 1:{n + 1}\n" for n in range(50)),
        "".join(f"12:0{n % 10}:15 host a: b={n}\n" for n in range(50)),
        "a=1 b=2\nc=3 d=4\n",
        "eid=1 sex=0 bmi=2\n" * 2,  # too few
    ],
)
def test_what_is_no_records_is_no_table(text: str) -> None:
    assert tables(text) == []
    assert not mostly_records(text)


def test_a_log_in_pairs_is_read_and_its_prose_is_not() -> None:
    line = 'time=2020-01-01T00:00:{0:02}Z level=info msg="job {0} done" took={0}ms\n'
    text = "starting: all = well\n" + "".join(line.format(n) for n in range(60)) + "stopped\n"
    (table,) = tables(text)
    assert table.columns == ("time", "level", "msg", "took")
    assert table.rows_count == 60


# --- hostile ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a=" * 500_000,
        "a=1 " * 300_000,
        'a="' + "x" * 1_000_000,
        'a="' + '\\"' * 400_000 + '" b=1',
        "".join(f"a{n}=1 b{n}=2\n" for n in range(60_000)),
        "a=1 b=2\n" * 20 + "".join(f"a=1 b=2 c{n}=3\n" for n in range(60_000)),
        "".join("".join(f"c{n}_{m}=1 " for m in range(60)) + "\n" + "\n" for n in range(2_000)),
        "1 " + " ".join(f"{n}:1" for n in range(100_000)),
        "".join(f"1 {n}:1 {n + 999_999}:2\n" for n in range(1, 40_000)),
        "1 1:1 2:2 " * 100_000,
        "1" * 1_000_000 + ":",
        "\t" * 1_000_000 + "=",
        (" ,;&|" * 10 + "a=1") * 20_000,
        "a=1 b=2" + "|" * 1_000_000 + "x",
    ],
)
def test_hostile_lines_end_and_unfold_to_little(text: str) -> None:
    found = tables(text, 1 << 20)
    assert sum(table.rows_count * len(table.columns) for table in found) <= 4 * len(text)
    assert not mostly_records(text[: 64 << 10]) or found


def test_names_that_change_all_the_time_give_what_they_hold() -> None:
    text = "".join((f"a=1 b=2 c={n}\n" * 25) + (f"a=1 b=2 d={n}\n" * 25) for n in range(300))
    assert sum(table.rows_count for table in tables(text)) == 300 * 50


def test_a_file_of_records_is_read_in_full(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("# from a program\n" + paired() * 50)
    found = [one for one in read_bytes("x.log", path.read_bytes()) if isinstance(one, Table)]
    assert len(rows_of(found)) == 50 * len(rows())
