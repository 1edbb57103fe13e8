"""Rows are recognised without ids; rows of others, of nobody, and tables without people are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.errors import BadSourceFile
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence
from matcher.tables.rows import compare, sketch
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
TYPICAL = ["21001-0.0", "53-0.0", "50-0.0", "34-0.0", "31-0.0", "30600-0.0"]
EIGHT = [*TYPICAL, "21002-0.0", "41270-0.0"]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    """5,000 participants; two releases with half of them each, one of them without the blood counts."""
    folder = tmp_path_factory.mktemp("rows")
    ids = draw_ids(1, COUNT)
    enrolled = enrol_cohort(folder, [write_csv(folder / "all.csv", {"eid": ids, **PEOPLE})], None, KEYS)
    assert enrolled.participants_count == COUNT
    releases = []
    for name, start in (("a", 0), ("b", 1500)):
        place = folder / "releases" / name
        place.mkdir(parents=True)
        rows = range(start, start + 3000)
        part = pick(PEOPLE, rows)
        path = write_csv(folder / f"{name}.tsv", {"eid": draw_ids(start + 5, 3000), **part}, "\t")
        assert (
            enrol_release(place, folder, ids=None, files=[path], id_column=None, keys=KEYS).ids_count == 3000
        )
        releases.append(EnrolledRelease(name, f"Institute {name}", place))
    return EnrolledCohort("c", COUNT, folder, tuple(releases))


def asked(cohort: EnrolledCohort, *parts: object) -> Evidence | None:
    one = sketch(KEYS)
    for part in parts:
        one.add(part)  # type: ignore[arg-type]
    evidence = compare(one, cohort, KEYS)
    return evidence[0] if evidence else None


def odds(cohort: EnrolledCohort, columns: dict[str, list[str]], *, has_header: bool = True) -> float:
    found = asked(cohort, table(columns, has_header=has_header))
    return 0.0 if found is None else max(found.log10_odds, *(one.log10_odds for one in found.releases), 0.0)


def draw_rows(seed: int, count: int, top: int = COUNT) -> list[int]:
    return [int(row) for row in np.random.default_rng(seed).choice(top, count, replace=False)]


def rounded(cells: list[str], digits: int) -> list[str]:
    return [cell and f"{float(cell):.{digits}f}" for cell in cells]


def nameless(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    return {f"column_{i}": cells for i, cells in enumerate(columns.values(), start=1)}


@pytest.mark.parametrize("count", [5, 50, 1000])
def test_rows_with_their_names_are_recognised(cohort: EnrolledCohort, count: int) -> None:
    found = asked(cohort, table(pick(PEOPLE, draw_rows(count, count), EIGHT)))
    assert found is not None
    assert found.log10_odds > PROBABLE
    assert found.participants_examined == count
    assert found.participants_matched is not None
    assert found.participants_matched >= 0.5 * count


@pytest.mark.parametrize("count", [20, 300])
def test_rows_without_names_are_recognised(cohort: EnrolledCohort, count: int) -> None:
    assert odds(cohort, nameless(pick(PEOPLE, draw_rows(count, count), EIGHT)), has_header=False) > PROBABLE


def test_other_spellings_of_the_names_are_the_same_names(cohort: EnrolledCohort) -> None:
    part = pick(PEOPLE, draw_rows(3, 20), TYPICAL)
    spelled = {"f." + name.replace("-", "."): cells for name, cells in part.items()}
    assert odds(cohort, spelled) > PROBABLE


def test_rounded_and_reformatted_values_are_still_recognised(cohort: EnrolledCohort) -> None:
    part = pick(PEOPLE, draw_rows(4, 50), EIGHT)
    part["21001-0.0"] = rounded(part["21001-0.0"], 2)
    part["30600-0.0"] = rounded(part["30600-0.0"], 2)
    part["53-0.0"] = ["/".join(reversed(cell.split("-"))) for cell in part["53-0.0"]]
    part["31-0.0"] = ["Male" if cell == "1" else "Female" for cell in part["31-0.0"]]
    assert odds(cohort, part) > PROBABLE
    assert odds(cohort, nameless(part), has_header=False) > PROBABLE


def test_rows_mixed_with_strangers_are_still_recognised(cohort: EnrolledCohort) -> None:
    ours, others = pick(PEOPLE, draw_rows(5, 40), TYPICAL), pick(draw_people(77, 60), range(60), TYPICAL)
    mixed = {name: ours[name] + others[name] for name in TYPICAL}
    found = asked(cohort, table(mixed))
    assert found is not None
    assert found.log10_odds > PROBABLE
    assert found.participants_matched is not None
    assert 20 <= found.participants_matched <= 40


def test_the_release_that_held_the_rows_is_told_from_the_one_that_did_not(cohort: EnrolledCohort) -> None:
    found = asked(cohort, table(pick(PEOPLE, draw_rows(6, 200, top=1500), EIGHT)))
    assert found is not None
    by_name = {one.release: one for one in found.releases}
    assert by_name["a"].log10_odds > PROBABLE
    assert by_name["a"].beyond_ids
    assert "b" not in by_name


def test_rows_that_both_releases_held_name_neither(cohort: EnrolledCohort) -> None:
    rows = [1500 + row for row in draw_rows(7, 200, top=1400)]
    found = asked(cohort, table(pick(PEOPLE, rows, EIGHT)))
    assert found is not None
    assert found.log10_odds > PROBABLE
    assert {one.release for one in found.releases} == {"a", "b"}
    assert all(one.log10_odds < 1 for one in found.releases)


def shuffled(seed: int, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    rng = np.random.default_rng(seed)
    return {name: [cells[i] for i in rng.permutation(len(cells))] for name, cells in columns.items()}


def test_no_stranger_of_the_same_schema_is_accused_in_hundreds_of_tries(cohort: EnrolledCohort) -> None:
    strangers = [draw_people(1000 + i, 4000, shift=0.2 * (i % 3)) for i in range(3)]
    accused = []
    for seed in range(240):
        rng = np.random.default_rng(seed)
        count = int(rng.choice([3, 5, 20, 50, 300, 1000]))
        names = [
            str(name) for name in rng.choice(list(PEOPLE), int(rng.choice([2, 4, 6, 8, 20])), replace=False)
        ]
        match seed % 4:
            case 0 | 1:
                part = pick(strangers[seed % 3], draw_rows(seed, count, 4000), names)
            case 2:
                part = shuffled(seed, pick(PEOPLE, draw_rows(seed, count), names))
            case _:
                part = pick(strangers[seed % 3], draw_rows(seed, count, 4000), names)
                part = {name: rounded(cells, 1) if "." in cells[0] else cells for name, cells in part.items()}
        header = bool(seed % 3)
        accused.append(odds(cohort, part if header else nameless(part), has_header=header))
    assert max(accused) < PROBABLE
    assert sum(one > 2 for one in accused) <= 5


def numbers(values: object) -> list[str]:
    return [str(value) for value in values]  # type: ignore[attr-defined]


@pytest.mark.parametrize("has_header", [True, False])
def test_tables_without_people_say_nothing(cohort: EnrolledCohort, has_header: bool) -> None:
    rng = np.random.default_rng(9)
    sumstats = {
        "CHR": numbers(rng.integers(1, 23, 2000)), "BP": numbers(rng.integers(10**6, 10**8, 2000)),
        "BETA": [f"{v:.4f}" for v in rng.normal(0, 0.1, 2000)], "P": [f"{v:.3e}" for v in rng.random(2000)],
    }  # fmt: skip
    dictionary = {
        "FieldID": list(numbers(range(30, 230))),
        "Field": [f"Field {i}" for i in range(200)],
        "Items": ["1"] * 200,
    }
    places = {
        "lat": [f"{v:.4f}" for v in rng.uniform(50, 59, 900)],
        "lon": [f"{v:.4f}" for v in rng.uniform(-5, 2, 900)],
        "n": numbers(rng.integers(0, 90, 900)),
    }
    constant = {"31-0.0": ["0"] * 500, "20116-0.0": ["0"] * 500, "54-0.0": ["11001"] * 500}
    for columns in (sumstats, dictionary, places, constant):
        assert odds(cohort, columns if has_header else nameless(columns), has_header=has_header) < 2


def test_a_release_that_held_more_people_is_not_accused_for_slips_of_the_one_that_leaked(
    tmp_path: Path,
) -> None:
    people, ids = draw_people(11, 4000), draw_ids(11, 4000)
    enrol_cohort(tmp_path, [write_csv(tmp_path / "all.csv", {"eid": ids, **people})], None, KEYS)
    releases = []
    for name, count, every in (("most", 3500, 0), ("half", 2000, 100)):
        place = tmp_path / "releases" / name
        place.mkdir(parents=True)
        part = pick(people, range(count))
        for i in range(0, count if every else 0, every or 1):  # one row in a hundred was corrected since
            for column in EIGHT:
                part[column][i] = part[column][i + 1]
        path = write_csv(tmp_path / f"{name}.csv", {"eid": ids[:count], **part})
        enrol_release(place, tmp_path, ids=None, files=[path], id_column=None, keys=KEYS)
        releases.append(EnrolledRelease(name, f"Institute {name}", place))
    both = EnrolledCohort("c", 4000, tmp_path, tuple(releases))
    found = asked(both, table(pick(people, draw_rows(3, 1500, top=2000), EIGHT)))
    assert found is not None
    by_name = {one.release: one.log10_odds for one in found.releases}
    assert by_name["most"] < 1
    wider = asked(both, table(pick(people, draw_rows(4, 1500, top=3500), EIGHT)))
    assert wider is not None
    assert {one.release for one in wider.releases if one.log10_odds > PROBABLE} == {"most"}


def test_one_row_repeated_is_one_row(cohort: EnrolledCohort) -> None:
    assert odds(cohort, pick(PEOPLE, [17] * 500, EIGHT)) < PROBABLE


def test_odd_tables_are_survived(cohort: EnrolledCohort) -> None:
    for columns in (
        {"a": [], "b": []},
        {"a": [""] * 9, "b": ["NA"] * 9},
        {"21001-0.0": ["1e400", "-1e400", "nan"] * 5, "50-0.0": ["9" * 400, "0x1F", "1.2.3"] * 5},
        {"53-0.0": ["9999-99-99", "0000-00-00", "31/31/2010"] * 5, "34-0.0": ["\ud800", "\x00", "١٩٥٠"] * 5},
    ):
        assert odds(cohort, columns) == 0


def test_a_large_table_is_thinned_but_still_recognised(cohort: EnrolledCohort) -> None:
    one = sketch(KEYS)
    for start in range(0, 40_000, 10_000):
        others = pick(draw_people(start + 3, 10_000), range(10_000), TYPICAL)
        one.add(table(others))
    one.add(table(pick(PEOPLE, range(4000), TYPICAL)))
    assert max(e.log10_odds for e in compare(one, cohort, KEYS)) > PROBABLE


def test_rows_between_which_remarks_stand_are_recognised_by_those_looked_at_first(
    cohort: EnrolledCohort,
) -> None:
    """Of all 6,000 rows each column is words and is nothing of the cohort; of every second one it is values."""
    ours = pick(PEOPLE, draw_rows(8, 3000, top=4500), TYPICAL)
    remarks = [f"see remark {i}" for i in range(3000)]
    found = asked(
        cohort,
        table(
            {
                name: [cell for pair in zip(cells, remarks, strict=True) for cell in pair]
                for name, cells in ours.items()
            }
        ),
    )
    assert found is not None
    assert found.log10_odds > PROBABLE
    assert found.participants_examined == 3000
    assert "every 2. of 6,000 rows" in found.why
    assert len(found.releases) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_sources_are_read_with_any_delimiter_and_packed(tmp_path: Path, delimiter: str) -> None:
    import gzip

    path = write_csv(tmp_path / "x.txt", {"f.eid": draw_ids(2, 30), "f.31.0.0": ["1"] * 30}, delimiter)
    packed = tmp_path / "x.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for file, place in ((path, "plain"), (packed, "packed")):
        enrolled = enrol_cohort(tmp_path / place, [file], None, KEYS)
        assert (enrolled.participants_count, enrolled.columns) == (30, ("f.31.0.0",))


def test_a_parquet_source_is_read(tmp_path: Path) -> None:
    import polars as pl

    pl.DataFrame({"eid": [1000001, 1000777], "x": [1.5, None]}).write_parquet(tmp_path / "x.parquet")
    assert enrol_cohort(tmp_path / "c", [tmp_path / "x.parquet"], None, KEYS).participants_count == 2


def test_a_source_without_a_column_of_participants_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "x.csv", {"who": ["1", "2"], "x": ["1", "2"]})
    with pytest.raises(BadSourceFile, match="--id-column"):
        enrol_cohort(tmp_path / "c", [path], None, KEYS)
    assert enrol_cohort(tmp_path / "d", [path], "who", KEYS).participants_count == 2


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08\x00broken", b"PAR1nothing", b"\n\n\n"])
def test_a_broken_source_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(BadSourceFile) as caught:
        enrol_cohort(tmp_path / "c", [path], None, KEYS)
    assert "\n" not in str(caught.value)


def test_no_value_or_id_is_kept_in_an_index(cohort: EnrolledCohort) -> None:
    ids = draw_ids(1, COUNT)[:20]
    for path in cohort.folder.rglob("*"):
        if path.is_file() and path.parent.name in ("ids", "rows"):
            content = path.read_bytes()
            assert not any(one.encode() in content for one in ids)
            assert not any(np.int64(one).tobytes() in content for one in ids)
    first, last = min(draw_ids(1, COUNT)), max(draw_ids(1, COUNT))
    space = (cohort.folder / "ids" / "space.json").read_text()
    assert first not in space
    assert last not in space


@pytest.mark.parametrize("width", [2, len(EIGHT)])
def test_a_table_is_not_taken_for_another_of_its_name(cohort: EnrolledCohort, width: int) -> None:
    """Variables of a file may come under one name; the first must not hide the leak behind it."""
    leak = pick(PEOPLE, draw_rows(3, 50), EIGHT)
    before = table({f"x{at}": [str(row) for row in range(30)] for at in range(width)})
    alone, behind = asked(cohort, table(leak)), asked(cohort, before, table(leak))
    assert alone is not None
    assert behind is not None
    assert behind.log10_odds > alone.log10_odds - 1
    assert behind.participants_examined == 50
