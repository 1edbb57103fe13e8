"""Ids name a release; what only looks like ids names nobody."""

from __future__ import annotations

from math import log10
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.contents import Text
from matcher.sketches import EnrolledCohort, Evidence
from matcher.tables.ids import LONGEST_STEP, RUN, SIEVED_FROM, _without_runs, compare, id_sets, sketch
from matcher.tables.tokens import tokens_of
from tests.matcher.tables.made import KEYS, cohort_of_ids, draw_ids, table

PROBABLE = 4.0


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> EnrolledCohort:
    """Density 0.10, as in the largest cohorts: 100,000 of a million numbers for each of six releases."""
    releases = {f"r{i}": draw_ids(i, 100_000, 1_000_000, 2_000_000) for i in range(6)}
    return cohort_of_ids(tmp_path_factory.mktemp("c"), releases, draw_ids(99, 100_000, 1_000_000, 2_000_000))


def asked(cohort: EnrolledCohort, *parts: object) -> Evidence | None:
    one = sketch(KEYS)
    for part in parts:
        one.add(part)  # type: ignore[arg-type]
    evidence = compare(one, cohort, KEYS)
    return evidence[0] if evidence else None


def best(evidence: Evidence | None) -> float:
    if evidence is None:
        return 0.0
    return max(evidence.log10_odds, *(one.log10_odds for one in evidence.releases), 0.0)


def test_twenty_ids_in_a_table_name_the_release(cohort: EnrolledCohort) -> None:
    ids = draw_ids(3, 100_000, 1_000_000, 2_000_000)[:20]
    found = asked(cohort, table({"eid": ids, "bmi": ["23.4"] * 20}))
    assert found is not None
    top = max(found.releases, key=lambda one: one.log10_odds)
    assert top.release == "r3"
    assert top.log10_odds > 10
    assert not top.beyond_ids
    assert sorted(one.log10_odds for one in found.releases)[:-1] == [] or all(
        one.log10_odds < 1 for one in found.releases if one.release != "r3"
    )
    assert found.participants_matched == 20


def test_ids_in_running_text_and_in_a_path_are_seen(cohort: EnrolledCohort) -> None:
    ids = draw_ids(2, 100_000, 1_000_000, 2_000_000)[:12]
    printed = "\n".join(f"{i}  {one[0]}.{one[1:]}e+06  0.3" for i, one in enumerate(ids))
    found = asked(cohort, Text("cell", printed))
    assert found is not None
    assert max(found.releases, key=lambda one: one.log10_odds).release == "r2"
    paths = "\n".join(f"/scratch/{one}_20252_2_0/T1.nii.gz" for one in ids)
    assert best(asked(cohort, Text("list", paths))) > PROBABLE


def test_ids_mixed_with_other_numbers_still_name_it(cohort: EnrolledCohort) -> None:
    ids = draw_ids(4, 100_000, 1_000_000, 2_000_000)[:40]
    others = draw_ids(1234, 60, 1_000_000, 2_000_000)
    found = asked(cohort, table({"id": ids + others}))
    assert found is not None
    assert max(found.releases, key=lambda one: one.log10_odds).release == "r4"
    assert best(found) > 6


def test_a_bridge_file_names_both_releases(cohort: EnrolledCohort) -> None:
    one, other = (draw_ids(i, 100_000, 1_000_000, 2_000_000)[:50] for i in (0, 5))
    found = asked(cohort, table({"app_a": one, "app_b": other}))
    assert found is not None
    assert {r.release for r in found.releases if r.log10_odds > 6} == {"r0", "r5"}


def test_releases_that_share_their_ids_are_not_told_apart_by_them(tmp_path: Path) -> None:
    own = draw_ids(7, 5_000)
    cohort = cohort_of_ids(tmp_path, {"a": own[:3000], "b": own[:3000], "c": own[2000:]}, own)
    found = asked(cohort, table({"eid": own[:50]}))
    assert found is not None
    assert found.log10_odds > PROBABLE
    assert all(one.log10_odds < 1 for one in found.releases)


def numbers(*values: object) -> list[str]:
    return [str(value) for value in values]


@pytest.mark.parametrize(
    "cells",
    [
        numbers(*range(1_000_000, 2_000_000)),
        numbers(*range(1_000_000, 2_000_000, 5)),
        numbers(*np.sort(np.random.default_rng(1).choice(10**6, 20_000, replace=False) + 10**6)),
        numbers(*(1_400_000 + np.cumsum(np.random.default_rng(2).poisson(30, 10_000)))),
        [f"rs{number}" for number in np.random.default_rng(3).integers(10**6, 2 * 10**6, 5000)],
        numbers(*(1_614_556_800 + np.arange(5000) * 37)),
        numbers(*(np.random.default_rng(4).integers(10_000, 20_000, 3000) * 100)),
        [f"{number:.6f}" for number in np.random.default_rng(5).uniform(1, 2, 3000)],
        numbers(*range(1, 6000)),
    ],
    ids=[
        "every number",
        "every fifth",
        "random",
        "positions",
        "rsids",
        "timestamps",
        "round",
        "floats",
        "small",
    ],
)
def test_what_only_looks_like_ids_says_nothing(cohort: EnrolledCohort, cells: list[str]) -> None:
    assert best(asked(cohort, table({"x": cells}))) < 2
    assert best(asked(cohort, Text("t", "\n".join(cells)))) < 2


def test_ids_counted_up_from_a_start_say_nothing(tmp_path: Path) -> None:
    cohort = cohort_of_ids(tmp_path, {}, numbers(*range(1_000_000, 1_005_000)))
    assert best(asked(cohort, table({"row": numbers(*range(1_000_100, 1_000_400))}))) < 2
    assert best(asked(cohort, table({"row": numbers(*range(1_000_100, 1_002_000, 7))}))) < 2


def test_words_as_ids_are_matched_and_a_public_numbering_is_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    hexes = [rng.bytes(6).hex() for _ in range(3000)]
    cohort = cohort_of_ids(tmp_path / "hex", {}, hexes)
    mixed = [one for one in hexes if not one.isdigit() and any(c.isdigit() for c in one)][:8]
    assert best(asked(cohort, table({"id": mixed}))) > PROBABLE
    assert best(asked(cohort, table({"id": [rng.bytes(6).hex() for _ in range(5000)]}))) < 2
    numbered = cohort_of_ids(tmp_path / "hg", {}, [f"HG{i:05d}" for i in range(100, 60_100)])
    assert best(asked(numbered, table({"s": [f"HG{i:05d}" for i in range(96, 30_000, 13)]}))) < 2


def test_no_stranger_is_taken_for_a_participant_in_hundreds_of_tries(cohort: EnrolledCohort) -> None:
    odds = []
    for seed in range(400):
        rng = np.random.default_rng(seed + 10_000)
        count = int(rng.choice([1, 3, 5, 20, 100, 1000]))
        spread = rng.choice(["flat", "clustered", "sorted", "ends"])
        cells = rng.integers(10**6, 2 * 10**6, count)
        if spread == "clustered":
            cells = rng.integers(1_300_000, 1_310_000, count)
        elif spread == "sorted":
            cells = np.cumsum(rng.integers(1, 50, count)) + 1_200_000
        elif spread == "ends":
            cells = cells // 10 * 10 + 3
        odds.append(
            best(
                asked(
                    cohort,
                    table({"x": numbers(*cells), "y": numbers(*rng.integers(10**6, 2 * 10**6, count))}),
                )
            )
        )
    assert max(odds) < PROBABLE
    assert sum(one > 2 for one in odds) <= 400 * 6 * 0.01 + 4


def test_odds_grow_with_the_number_of_ids_as_reckoned(cohort: EnrolledCohort) -> None:
    ids = draw_ids(1, 100_000, 1_000_000, 2_000_000)
    by_count = [best(asked(cohort, table({"eid": ids[:count]}))) for count in (1, 5, 8, 20)]
    assert by_count == sorted(by_count)
    assert by_count[0] < 1.1
    assert by_count[3] > 20 * 0.8 * -log10(0.13)


def test_ids_of_eighteen_digits_are_enrolled_and_found(tmp_path: Path) -> None:
    """Their span times the number of stretches is more than 64 bits hold."""
    ids = draw_ids(1, 2_000, 0, 10**9)
    long = [f"{one:0>9}{other:0>9}" for one, other in zip(ids, ids[::-1], strict=True)]
    cohort = cohort_of_ids(tmp_path, {}, long)
    assert best(asked(cohort, table({"eid": long[:20]}))) > PROBABLE
    others = [one[::-1] for one in long]
    assert best(asked(cohort, table({"eid": others}))) < 2


def test_the_order_of_a_find_changes_nothing(cohort: EnrolledCohort) -> None:
    ids = draw_ids(3, 100_000, 1_000_000, 2_000_000)[:60] + draw_ids(77, 300, 1_000_000, 2_000_000)
    words = [f"w{number}" for number in ids]
    forth = asked(cohort, table({"a": ids, "b": words}), Text("t", " ".join(ids[:30])), Text("t", ids[40]))
    back = asked(
        cohort,
        Text("t", ids[40]),
        Text("t", " ".join(ids[:30][::-1])),
        table({"a": ids[::-1], "b": words[::-1]}),
    )
    assert forth == back
    assert forth is not None


def test_a_set_holds_what_was_enrolled_and_nothing_else(cohort: EnrolledCohort) -> None:
    """However many are asked for, with a sieve and without."""
    sets = id_sets(cohort)
    ids = draw_ids(2, 100_000, 1_000_000, 2_000_000)
    others = sorted({str(number) for number in range(1_000_000, 1_030_000)} - set(ids))
    key = sketch(KEYS).key
    for count in (1, 100_000 // SIEVED_FROM - 1, 100_000 // SIEVED_FROM + 1, 20_000):
        assert sets["r2"].holds(tokens_of(key, " ".join(ids[:count])).hashes).all()
        assert not sets["r2"].holds(tokens_of(key, " ".join(others[:count])).hashes).any()


@given(st.lists(st.integers(1, 12) | st.sampled_from([1, 1, 10]), max_size=40), st.lists(st.integers(1, 9)))
@settings(deadline=None)
def test_even_rows_of_numbers_are_left_out_and_no_others(gaps: list[int], words: list[int]) -> None:
    numbers = np.cumsum([1000, *gaps]).tolist()
    in_row: set[int] = set()
    for i in range(len(numbers) - RUN + 1):
        steps = set(np.diff(numbers[i : i + RUN]).tolist())
        if len(steps) == 1 and max(steps) <= LONGEST_STEP:
            in_row |= set(numbers[i : i + RUN])
    written = [*map(str, numbers[::-1]), *(f"w{word}{word}x" for word in words)]
    kept = _without_runs(tokens_of(b"k" * 16, " ".join(written))).values
    assert sorted(kept[kept >= 0].tolist()) == sorted(set(numbers) - in_row)
    assert (kept < 0).sum() == len(set(words))
