"""Rows are recognised in tables that are long or lie on their side, as other programs write them."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from matcher.contents import Cells, Table
from matcher.examine import Examiner
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence
from matcher.tables.line_codes import _drawn, seldom_repeats
from matcher.tables.long_lines import LongLines, long_lines
from matcher.tables.rows import MOST_COLUMNS, RowSketch, compare, sketch
from matcher.tables.shapes import long_roles, stood_upright, widened
from tests.matcher.tables.made import (
    KEYS,
    draw_ids,
    draw_people,
    enrol_cohort,
    enrol_release,
    pick,
    table,
    write_csv,
)

COUNT = 5_000
PROBABLE = 4.0
PEOPLE = draw_people(1, COUNT)
TEN = ["34-0.0", "53-0.0", "50-0.0", "21002-0.0", "21001-0.0", "41270-0.0", "30600-0.0", "30610-0.0", "4100-0.0",
       "4101-0.0"]  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    """5,000 participants, and a release of 3,000 of them under ids of its own."""
    folder = tmp_path_factory.mktemp("shapes")
    enrol_cohort(folder, [write_csv(folder / "all.csv", {"eid": draw_ids(1, COUNT), **PEOPLE})], None, KEYS)
    place = folder / "releases" / "a"
    place.mkdir(parents=True)
    path = write_csv(folder / "a.csv", {"eid": draw_ids(5, 3000), **pick(PEOPLE, range(3000))})
    enrol_release(place, folder, ids=None, files=[path], id_column=None, keys=KEYS)
    return EnrolledCohort("c", COUNT, folder, (EnrolledRelease("a", "Institute a", place),))


@pytest.fixture(scope="module")
def examiner(cohort: EnrolledCohort) -> Examiner:
    return Examiner((cohort,), KEYS)


def leak(seed: int, count: int = 60, people: dict[str, list[str]] = PEOPLE) -> pd.DataFrame:
    rows = np.random.default_rng(seed).choice(len(people["53-0.0"]), count, replace=False)
    return pd.DataFrame(pick(people, rows.tolist(), TEN), dtype=str)


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    fine = ["21001-0.0", "30600-0.0", "30610-0.0"]
    return frame.assign(**{one: [v and f"{float(v):.1f}" for v in frame[one]] for one in fine})


def with_keys(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = np.random.default_rng(3).choice(10**6, len(frame), replace=False)
    return frame.assign(person=[f"P{number}" for number in numbers])


def melted(frame: pd.DataFrame) -> pd.DataFrame:
    return with_keys(frame).melt(id_vars="person")


def nameless(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis([f"v{i}" for i in range(frame.shape[1])], axis=1)


def csv_of(frame: Any, **options: Any) -> bytes:
    return bytes(frame.to_csv(**options).encode())


def parquet_of(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    pl.from_pandas(frame).write_parquet(file)
    return file.getvalue()


def with_visits(frame: pd.DataFrame) -> bytes:
    """Field, instance and value, a second visit of nobody's values behind the first."""
    first = melted(frame)
    first = first.assign(field=first["variable"].str.split("-").str[0], instance="0")
    second = first.assign(instance="1", value=first["value"].sample(frac=1, random_state=2).tolist())
    return csv_of(pd.concat([first, second])[["person", "field", "instance", "value"]], index=False)


def numbers_and_texts(frame: pd.DataFrame) -> bytes:
    lines = melted(frame)
    is_number = pd.to_numeric(lines["value"], errors="coerce").notna()
    lines = lines.assign(
        value_number=lines["value"].where(is_number), value_text=lines["value"].where(~is_number)
    )
    return csv_of(lines.drop(columns="value"), index=False)


def omop(frame: pd.DataFrame) -> bytes:
    """The measurements of OMOP's common data model: concepts for variables, and much that is empty."""
    lines = melted(frame)
    lines = lines[lines["value"] != ""].reset_index(drop=True)
    number = pd.to_numeric(lines["value"], errors="coerce")
    days = np.random.default_rng(4).integers(0, 900, len(lines))
    concepts = {name: 3_000_000 + 7919 * i for i, name in enumerate(TEN)}
    sources = {name: f"lab {i}" for i, name in enumerate(TEN)}
    return csv_of(
        pd.DataFrame(
            {
                "measurement_id": lines.index + 5000, "person_id": lines["person"],
                "measurement_concept_id": lines["variable"].map(concepts),
                "measurement_date": (np.datetime64("2010-01-01") + days).astype(str),
                "measurement_type_concept_id": 44818702, "operator_concept_id": "",
                "value_as_number": lines["value"].where(number.notna()), "value_as_concept_id": "",
                "unit_concept_id": 8840, "measurement_source_value": lines["variable"].map(sources),
                "value_source_value": lines["value"].where(number.isna()),
            }
        ),
        index=False,
    )  # fmt: skip


LONG: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "row numbers": lambda f: csv_of(f.reset_index(names="n").melt(id_vars="n"), index=False),
    "foreign ids": lambda f: csv_of(melted(f), index=False),
    "no header": lambda f: csv_of(melted(f), index=False, header=False),
    "no names": lambda f: csv_of(melted(nameless(f)), index=False),
    "by person": lambda f: csv_of(melted(f).sort_values("person", kind="stable"), index=False),
    "in any order": lambda f: csv_of(melted(f).sample(frac=1, random_state=1), index=False),
    "without empty cells": lambda f: csv_of(melted(f).query("value != ''"), index=False),
    "no key": lambda f: csv_of(f.melt(), index=False),
    "no key, numbered lines": lambda f: csv_of(f.melt()),
    "stacked": lambda f: csv_of(f.stack()),
    "something of everybody": lambda f: csv_of(with_keys(f).melt(id_vars=["person", "34-0.0"]), index=False),
    "visits": with_visits,
    "numbers and texts apart": numbers_and_texts,
    "omop": omop,
    "parquet": lambda f: parquet_of(melted(f)),
}
TURNED: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "row numbers above": lambda f: csv_of(f.T),
    "no header": lambda f: csv_of(f.T, header=False),
    "values only": lambda f: csv_of(f.T, header=False, index=False),
    "other names": lambda f: csv_of(nameless(f).T, header=False),
    "foreign ids above": lambda f: csv_of(with_keys(f).set_index("person").T),
    "parquet": lambda f: parquet_of(nameless(f).T.rename(columns=str).reset_index()),
}


def verdict(examiner: Examiner, data: bytes) -> str:
    (answer,) = examiner.content("x.dat", data)
    return str(answer["verdict"])


@pytest.mark.parametrize("forms", [LONG, TURNED], ids=["long", "turned"])
@pytest.mark.parametrize("change", [pd.DataFrame.copy, rounded])
def test_long_tables_and_those_on_their_side_are_recognised(
    examiner: Examiner,
    forms: dict[str, Callable[[pd.DataFrame], bytes]],
    change: Callable[[pd.DataFrame], pd.DataFrame],
) -> None:
    found = {form: verdict(examiner, make(change(leak(1)))) for form, make in forms.items()}
    assert found == dict.fromkeys(forms, "confirmed")


def test_entities_and_attributes_of_a_database_are_recognised(examiner: Examiner, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("create table observations (entity text, attribute text, value)")
        lines = melted(leak(5))[["person", "variable", "value"]]
        database.executemany("insert into observations values (?, ?, ?)", lines.itertuples(index=False))
    database.close()
    assert verdict(examiner, (tmp_path / "x.db").read_bytes()) == "confirmed"


@pytest.mark.parametrize("count", [4, 60])
def test_other_people_and_shuffled_values_in_these_shapes_are_nobody(examiner: Examiner, count: int) -> None:
    rng = np.random.default_rng(count)
    others = leak(count, count, draw_people(501, 2000, shift=0.2))
    shuffled = leak(count, count).apply(rng.permutation)
    for make in (*LONG.values(), *TURNED.values()):
        assert verdict(examiner, make(others)) == "none"
        assert verdict(examiner, make(shuffled)) == "none"


def asked(cohort: EnrolledCohort, *parts: Table) -> tuple[RowSketch, list[Evidence]]:
    one = sketch(KEYS)
    for part in parts:
        one.add(part)
    return one, compare(one, cohort, KEYS)


def odds(found: list[Evidence]) -> float:
    return max((one.log10_odds for one in found), default=0.0)


def test_a_release_is_named_by_its_ids_beside_values_in_either_shape(cohort: EnrolledCohort) -> None:
    frame = pd.DataFrame({"eid": draw_ids(5, 3000)[:80], **pick(PEOPLE, range(80), TEN)}, dtype=str)
    lines = frame.melt(id_vars="eid")
    turned = frame.set_index("eid").T.reset_index(names="eid")
    for one in (lines, turned):
        _, found = asked(cohort, table({str(name): one[name].tolist() for name in one}))
        assert odds(found) > PROBABLE
        assert {release.release for release in found[0].releases if release.log10_odds > PROBABLE} == {"a"}


def in_parts(frame: pd.DataFrame, rows: int) -> list[Table]:
    return [
        table({str(name): frame[name].iloc[at : at + rows].tolist() for name in frame})
        for at in range(0, len(frame), rows)
    ]


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("ours", [3000, 1200])
def test_lines_of_a_table_too_long_to_keep_are_kept_by_people(
    cohort: EnrolledCohort, *, keyed: bool, ours: int
) -> None:
    """Blocks of 30,000 lines: the first part holds one variable only. Every second person is let go."""
    frame = pd.concat([leak(6, ours), leak(7, 30_000 - ours, draw_people(77, 30_000))])
    frame = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    lines = frame.reset_index(names="n").melt(id_vars="n") if keyed else frame.melt()
    one, found = asked(cohort, *in_parts(lines.astype(str), 25_000))
    (kept,) = one.tables.values()
    assert kept.lines is not None
    assert kept.lines.halvings == 1
    assert kept.lines.held <= 200_000
    assert odds(found) > PROBABLE
    assert found[0].participants_matched is not None
    assert 0.4 * ours < found[0].participants_matched < 0.6 * ours
    assert "every 2. of" in found[0].why


def test_all_lines_of_a_key_are_kept_or_none() -> None:
    rng = np.random.default_rng(8)
    keys = [str(key) for key in rng.integers(0, 400, 6000)]
    kept = LongLines(b"k" * 16, 0, 700, [[], []])
    for at in range(0, 6000, 1000):
        kept.add([keys[at : at + 1000], [str(i) for i in range(at, at + 1000)]])
    assert kept.halvings >= 3
    assert 100 < kept.held <= 700
    left = dict(zip(kept.cells()[1], kept.cells()[0], strict=True))
    chosen = set(left.values())
    assert sorted(left) == sorted(str(i) for i in range(6000) if keys[i] in chosen)


def test_the_first_columns_of_a_table_wider_than_is_looked_at_are_compared(cohort: EnrolledCohort) -> None:
    """4,500 people turned on their side, and 60 people with 5,000 columns."""
    lying = nameless(leak(9, 4500)).T.reset_index()
    _, found = asked(cohort, table({str(name): lying[name].tolist() for name in lying}, has_header=False))
    assert odds(found) > 100
    assert found[0].participants_examined == MOST_COLUMNS - 1
    wide = {**leak(10).to_dict("list"), **{f"g{i}": [str(i)] * 60 for i in range(5000)}}
    one, found = asked(cohort, table(wide))
    assert odds(found) > PROBABLE
    assert [len(kept.parts) for kept in one.tables.values()] == [MOST_COLUMNS]


def cells_of(frame: pd.DataFrame) -> list[Cells]:
    return [Cells(pl.Series(frame[name].astype(str).tolist(), dtype=pl.String).to_arrow()) for name in frame]


def test_a_long_table_is_made_as_wide_as_it_was() -> None:
    frame = with_keys(leak(11)).set_index("person")
    lines = melted(leak(11)).sample(frac=1, random_state=5)
    cells = cells_of(lines)
    roles = long_roles(cells)
    assert roles is not None
    assert (roles.key, roles.variables) == (0, (1,))
    wide = widened(list(lines), cells, roles, 10**6)
    made = pd.DataFrame(dict(zip(wide.columns, wide.cells, strict=True))).set_index("person")
    pd.testing.assert_frame_equal(
        made.sort_index()[TEN], frame.sort_index()[TEN], check_index_type=False, check_dtype=False
    )
    few = widened(list(lines), cells, roles, 60 * 5)
    assert len(few.columns) == 5 + 1 - 1


def test_a_table_on_its_side_is_stood_upright() -> None:
    frame = leak(12)
    wide = stood_upright([""] * 61, cells_of(frame.T.reset_index()))
    assert wide is not None
    assert wide.columns == tuple(TEN)
    assert [list(cells) for cells in wide.cells] == [frame[name].tolist() for name in TEN]


def ordinary(kind: str, rng: np.random.Generator) -> pd.DataFrame:
    """Tables that are neither long nor on their side."""
    names = [f"{number}-0.0" for number in rng.choice(40_000, 30, replace=False)]
    match kind:
        case "people":
            return leak(int(rng.integers(100)), 60)
        case "a few people":
            return leak(int(rng.integers(100)), 5)
        case "correlations":
            return pd.DataFrame(np.corrcoef(rng.normal(0, 1, (30, 50))).round(3), names, names).reset_index()
        case "summaries":
            columns = {one: rng.normal(10, 3, 30).round(2) for one in ("mean", "sd", "median")}
            return pd.DataFrame({"field": names, "n": rng.integers(10**5, 10**6, 30), **columns})
        case "summary statistics":
            columns = {one: rng.normal(0, 1, 900).round(4) for one in ("beta", "se", "z")}
            return pd.DataFrame({"chr": 1, "bp": np.sort(rng.integers(0, 10**8, 900)), **columns})
        case "dictionary":
            words = [f"what {number} is" for number in range(30)]
            return pd.DataFrame({"field": names, "title": words, "unit": ["kg", "cm", "mm"] * 10})
        case _:
            codes = {f"q{i}": rng.integers(0, 4, 300) for i in range(20)}
            return pd.DataFrame(codes)


@pytest.mark.parametrize(
    "kind",
    ["people", "a few people", "correlations", "summaries", "summary statistics", "dictionary", "answers"],
)
def test_ordinary_tables_keep_their_shape(kind: str) -> None:
    for seed in range(10):
        frame = ordinary(kind, np.random.default_rng(seed))
        assert long_roles(cells_of(frame)) is None
        assert stood_upright([str(name) for name in frame], cells_of(frame)) is None


def test_long_tables_of_no_people_say_nothing(cohort: EnrolledCohort) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        names = [f"{number}-0.0" for number in rng.choice(40_000, 30, replace=False)]
        matrix = pd.DataFrame(np.corrcoef(rng.normal(0, 1, (30, 50))).round(3), names, names)
        statistics = pd.DataFrame(
            {
                "snp": [f"rs{i}" for i in range(200)], "beta": rng.normal(0, 0.1, 200).round(4),
                "p": rng.random(200), "n": rng.integers(10**5, 10**6, 200), "bp": rng.integers(1, 10**8, 200),
            }
        )  # fmt: skip
        for frame in (matrix.stack().reset_index(), statistics.melt(id_vars="snp"), matrix.T.reset_index()):
            cells = {str(name): frame[name].astype(str).tolist() for name in frame}
            assert odds(asked(cohort, table(cells))[1]) < 2


HOSTILE: dict[str, list[list[str]]] = {
    "empty": [[""] * 50, [""] * 50, [""] * 50],
    "no lines": [[], [], []],
    "one cell": [["a"] * 60, ["b"] * 60, ["c"] * 60],
    "the same line": [["a", "b", "c"] * 30] * 3,
    "no text": [["\ud800", "\x00", "٣"] * 20, ["x", "y"] * 30, ["\ud800"] * 60],
    "grid of one form": [[str(i // 30) for i in range(900)], [str(i % 30) for i in range(900)], ["1"] * 900],
    "a line": [["1-0.0"], ["2"], ["3"]],
    "huge numbers": [["34-0.0", "53-0.0"] * 30, ["9" * 500] * 60, ["1e999"] * 60, ["-"] * 60],
}


@pytest.mark.parametrize("kind", [*HOSTILE])
def test_odd_tables_are_survived(cohort: EnrolledCohort, kind: str) -> None:
    for has_header in (True, False):
        columns: dict[str, Sequence[str]] = {f"c{i}": cells for i, cells in enumerate(HOSTILE[kind])}
        assert odds(asked(cohort, table(columns, has_header=has_header))[1]) == 0


def test_a_flood_of_variables_and_keys_is_bounded(cohort: EnrolledCohort) -> None:
    def flood(at: int) -> dict[str, Sequence[str]]:
        numbers = range(at, at + 25_000)
        return {
            "v": ["a"] * 25_000 if not at else [str(i) for i in numbers],
            "x": [str(7 * i) for i in numbers],
        }

    one, found = asked(cohort, *(table(flood(at)) for at in range(0, 300_000, 25_000)))
    (kept,) = one.tables.values()
    assert kept.lines is not None
    assert kept.lines.passed is not None
    assert len(kept.lines.passed) < 40_000
    assert kept.lines.held <= 200_000
    assert not found


def test_an_ordinary_table_that_is_thinned_is_not_taken_for_a_long_one() -> None:
    people = draw_people(13, 21_000)
    cells = cells_of(pd.DataFrame({"eid": draw_ids(13, 21_000), **people}, dtype=str))
    assert long_lines(b"k" * 16, cells, 2_000_000) is None
    assert long_lines(b"k" * 16, cells[:4], 2_000_000) is None


@pytest.mark.parametrize("lines", [2_000, 20_000, 300_000])
@pytest.mark.parametrize("order", ["drawn", "in blocks", "in turn"])
def test_a_column_whose_cells_stand_twice_is_never_taken_for_one_without_repeats(
    lines: int, order: str
) -> None:
    codes = np.repeat(np.arange(lines // 2), 2)
    if order == "drawn":
        codes = np.random.default_rng(lines).permutation(codes)
    if order == "in turn":
        codes = np.tile(np.arange(lines // 2), 2)
    assert not seldom_repeats(Cells(pl.Series(codes).cast(pl.String).to_arrow()))


def test_a_column_without_repeats_is_told_by_few_of_its_cells() -> None:
    assert seldom_repeats(Cells(pl.Series(np.arange(20_000)).cast(pl.String).to_arrow()))
    assert len(_drawn(20_000)) < 1_200
