"""Records in YAML as PyYAML and ruamel write them, settings that hold none, and files that unfold without end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from ruamel.yaml import YAML

from matcher.contents import Limits
from matcher.formats import yaml_records
from matcher.sniffing import format_of
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same
from tests.matcher.formats.test_text_tables import texts, written


def records() -> list[dict[str, object]]:
    return [dict(zip(COLUMNS, (int(a), int(b), float(c), d), strict=True)) for a, b, c, d in rows()]


def in_yaml(form: str) -> str:
    wrapped = {"title": "participants of northmoor", "data": {"people": records()}, "count": 60}
    match form:
        case "block":
            return yaml.safe_dump(wrapped, sort_keys=False)
        case "flow":
            return yaml.safe_dump(wrapped, sort_keys=False, default_flow_style=True)
        case "rows in brackets":
            return yaml.safe_dump(wrapped, sort_keys=False, default_flow_style=None)
        case "documents":
            return yaml.safe_dump_all([wrapped["data"], {"title": wrapped["title"]}], sort_keys=False)
        case "keyed":
            return yaml.safe_dump({str(one["eid"]): one for one in records()}, sort_keys=False)
        case "bare":
            return yaml.safe_dump(records(), sort_keys=False)
    out = io.StringIO()
    YAML().dump(wrapped, out)
    return out.getvalue()


YAMLS = ["block", "flow", "rows in brackets", "documents", "keyed", "bare", "ruamel"]


@pytest.mark.parametrize("form", YAMLS)
@pytest.mark.parametrize("name", ["x.yaml", "X.YML", "x"])
def test_records_in_yaml_are_a_table(form: str, name: str, tmp_path: Path) -> None:
    if name == "x" and form == "flow":
        return  # one bracket without a name says too little
    path = written(tmp_path / name, in_yaml(form))
    end, tables = ended(path)
    assert (end.skipped, end.format) == (None, "yaml")
    assert all(table.columns[-4:] == COLUMNS and table.has_header for table in tables)
    assert same([row[-4:] for row in found_rows(tables)], rows())
    around = texts(path)
    assert rows()[0][0] not in around
    assert rows()[-1][0] not in around
    assert ("northmoor" in around) == (form not in ("keyed", "bare", "flow"))


def test_names_that_come_late_nested_mappings_and_nothing(tmp_path: Path) -> None:
    text = "".join(f"- eid: {1_000_000 + n}\n  at: {{place: p{n}}}\n  sex: ~\n" for n in range(100))
    path = written(tmp_path / "x.yaml", f"# kept\n{text}- eid: 7654321\n  late: 'yes'\n# kept too\n")
    _, tables = ended(path)
    assert tables[0].columns == ("eid", "at.place", "sex", "late")
    assert found_rows(tables)[0] == ["1000000", "p0", "", ""]
    assert found_rows(tables)[-1] == ["7654321", "", "", "yes"]
    assert texts(path) == "# kept\n# kept too\n"


def test_visits_inside_participants_are_a_table_of_their_own(tmp_path: Path) -> None:
    people = [{"eid": 1_000_000 + n, "visits": [{"date": f"2010-01-{n + 10}", "bmi": n}]} for n in range(9)]
    _, tables = ended(written(tmp_path / "x.yaml", yaml.safe_dump({"people": people}, sort_keys=False)))
    assert [table.columns for table in tables] == [("date", "bmi"), ("eid", "visits")]
    assert all(table.rows_count == 9 for table in tables)


def test_lists_of_lists_are_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "x.yaml", yaml.safe_dump({"cells": [list(COLUMNS), *rows()]}))
    _, tables = ended(path)
    assert tables[0].columns == COLUMNS
    assert found_rows(tables) == rows()


CONFIG = """\
# how it runs
name: tests
on: {push: {branches: [main]}, schedule: [{cron: "0 5 * * *"}]}
env:
  A: &a 1
  B: *a
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make test
      - name: keep it
        if: always()
        with: {path: out, days: 3}
  lint:
    needs: [test]
    container: python
"""


@pytest.mark.parametrize("name", ["x.yml", "x", "x.txt"])
def test_settings_without_records_stay_text(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / name, CONFIG)
    end, tables = ended(path)
    assert (end.skipped, tables) == (None, [])
    assert texts(path) == CONFIG


@pytest.mark.parametrize(
    "text",
    [
        "{{ if x }}\na: 1\nb: 2\nc: 3\n{{ end }}\n",
        "a: {% x %}\nb: 1\nc: 3\n- no: yaml\n",
        "a: 1\nb: 2\n\tc: 3\nd: 4\n",
        "a: !!python/object/apply:os.system [touch evil-was-here]\nb: 1\nc: 2\n",
    ],
)
def test_what_is_no_yaml_and_has_no_records_is_text(text: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.yaml", text)
    assert ended(path)[0].skipped is None
    assert texts(path) == text


def test_notes_in_lists_are_not_taken_for_yaml() -> None:
    notes = b"# Meeting\n\n- Anna: will write\n- Ben: reads\n- all: meet\n\nWe then went home, and slept.\nWell.\n"
    assert format_of("x.md", notes) is not yaml_records


def test_records_that_break_off_are_told_and_kept(tmp_path: Path) -> None:
    text = in_yaml("bare")
    path = written(tmp_path / "x.yaml", text + "- eid: [1, 2\n  sex: }\n")
    end, tables = ended(path)
    assert end.skipped == "damaged"
    assert same(found_rows(tables), rows())


def test_defaults_that_are_merged_belong_to_every_record(tmp_path: Path) -> None:
    text = "base: &b\n  centre: 7\n  sex: 1\npeople:\n"
    text += "".join(f"  - eid: {1_000_000 + n}\n    <<: *b\n    sex: 0\n" for n in range(5))
    _, tables = ended(written(tmp_path / "x.yaml", text))
    row = dict(zip(tables[0].columns, found_rows(tables)[0], strict=True))
    assert row == {"eid": "1000000", "centre": "7", "sex": "0"}


def bomb(levels: int, each: int = 10) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * each) + "]\n"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * each)}]\n" for n in range(1, levels)]
    return "".join(lines)


def mapped_bomb(levels: int) -> str:
    lines = ["- &a0 {x: y, z: w}\n"]
    lines += [f"- &a{n} {{x: *a{n - 1}, y: *a{n - 1}, z: *a{n - 1}}}\n" for n in range(1, levels)]
    return "".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(10),
        bomb(300, 3),
        mapped_bomb(40),
        "a: &a " + "x" * 1_000_000 + "\nb:\n" + "- {c: *a}\n" * 5_000,
        "a: " + "[" * 5_000 + "]" * 5_000 + "\nb: 1\nc: 1\n",
        "\n".join(" " * n + f"k{n}:" for n in range(500)) + "\n",
        "a: 1\nb: 2\nc:\n" + "- " * 300 + "d: 1\n",
    ],
)
def test_bombs_in_yaml_are_refused(text: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.yaml", text)
    end, tables = ended(path, Limits(seconds=20))
    assert (end.skipped, end.format) == ("bomb", "yaml")
    assert sum(len(table.columns) * table.rows_count for table in tables) < 1_000


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a, *b]\nb: 1\nc: 2\n",  # itself, and what is nowhere
        "- {a: " + "x" * 2_000_000 + "}\n" * 3,
        "".join(f"- k{n}: 1\n" for n in range(30_000)),
        "".join(f"m{n}:\n- a: 1\n- a: 2\n- a: 3\n" for n in range(5_000)),
        "? {a: 1, b: [1]}\n: 2\nc: 1\nd: 2\ne: 3\n",
        'a: 1\nb: 2\nc: "\\x00"\n',
    ],
)
def test_odd_yaml_is_read_to_its_end(text: str, tmp_path: Path) -> None:
    path = written(tmp_path / "x.yaml", text)
    assert ended(path, Limits(seconds=20))[0].skipped in (None, "damaged")


def test_a_long_list_comes_in_parts_under_one_name(tmp_path: Path) -> None:
    body = "".join(f"- {{eid: {1_000_000 + n}, sex: {n % 2}}}\n" for n in range(70_000))
    path = written(tmp_path / "x.yaml", body)
    _, tables = ended(path)
    assert len({table.name for table in tables}) == 1
    assert sum(table.rows_count for table in tables) == 70_000
    assert texts(path) == ""
