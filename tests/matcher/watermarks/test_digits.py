"""Phenotype digits and release ids."""

from __future__ import annotations

import numpy as np
import pytest

from matcher.watermarks.codes import DIGIT_RATES
from matcher.watermarks.digits import Field, continuous, mark_values, read_units, scaled, written
from matcher.watermarks.odds import Units, score, together
from matcher.watermarks.pseudonyms import Design, ids_log10_e, numbers_of, pseudonyms
from matcher.watermarks.units import cohort_key, field_unit, recipient_key, recipient_keys
from tests.matcher.watermarks.made import MASTER

KEY0 = cohort_key(MASTER, "digits")
KEYS = recipient_keys(MASTER, ["A", *(f"r{i}" for i in range(300))], "digits")


def leak(rows: int, fields: int, lost: int, seed: int) -> Units:
    rng = np.random.default_rng(seed)
    people = rng.integers(0, 2**63, rows).astype(np.uint64)
    parts = []
    for f in range(fields):
        field = Field(f"f{f}", 3 + f % 2, field_unit(f"f{f}"))
        values = np.rint(rng.normal(27, 4, rows) * 10**field.decimals).astype(np.int64)
        marked = mark_values(values, field, people, KEY0, KEYS[0])
        places = field.decimals - lost
        found = np.round(marked / 10**field.decimals, places)
        parts.append(read_units(found, places, values, field, people, KEY0)[0])
    return together(parts)


@pytest.mark.parametrize(("rows", "fields", "lost"), [(20, 3, 0), (100, 8, 1), (1_000, 8, 2)])
def test_the_recipient_is_named_though_digits_were_lost(rows: int, fields: int, lost: int) -> None:
    odds = np.array(
        [score(leak(rows, fields, lost, s), KEYS, DIGIT_RATES.thresholds, 0.001) for s in range(10)]
    )
    assert (odds[:, 0] >= 10).mean() >= 0.9
    assert odds[:, 1:].max() < 5


def test_no_value_crosses_a_diagnostic_threshold_or_changes_sign() -> None:
    field = Field("glucose", 2, field_unit("glucose"))
    values = np.tile(np.arange(-300, 1_500), 20).astype(np.int64)
    people = np.arange(values.size).astype(np.uint64)
    marked = mark_values(values, field, people, KEY0, KEYS[0])
    assert (marked != values).any()
    for cut in (0, 50, 450, 500, 560, 700, 1110, 550):
        assert np.array_equal(values < cut, marked < cut)
        assert np.array_equal(values <= cut, marked <= cut)


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("age", [f"{40 + i / 10:.1f}" for i in range(100)]),
        ("icd10", ["I10.1"] * 100),
        ("date_of_birth", [f"1950.{i:02d}" for i in range(100)]),
        ("metformin_dose", [f"{i / 7:.2f}" for i in range(100)]),
        ("children", [str(i % 4) for i in range(100)]),
        ("eid", [f"{i}.00" for i in range(100)]),
        ("score", ["1.5", "2.5"] * 50),
    ],
)
def test_codes_dates_counts_doses_and_coarse_scores_are_never_marked(name: str, cells: list[str]) -> None:
    assert continuous(name, cells) is None


def test_measurements_are_marked_and_written_as_they_were() -> None:
    assert continuous("bmi", [f"{20 + i / 777:.4f}" for i in range(300)]) == 4
    assert written(274301, 4, "27.4300") == "27.4301"
    assert written(-5, 3, "-0.006") == "-0.005"
    assert scaled(["27.43", "", "NA", "1e5", "3"], 2).tolist()[0] == 2743


@pytest.mark.parametrize("design", ["7-digit", "10-digit", "12-base32"])
def test_ids_are_told_by_their_release_without_a_list(design: Design) -> None:
    key, other = recipient_key(MASTER, "x", "ids"), recipient_key(MASTER, "y", "ids")
    numbers = np.arange(3_000)
    ids = pseudonyms(numbers, key, design)
    assert len(set(ids)) == 3_000
    assert np.array_equal(numbers_of(ids, key, design, 3_000), numbers)
    foreign = (numbers_of(ids, other, design, 3_000) >= 0).sum()
    assert foreign <= (20 if design == "7-digit" else 0)
    assert (numbers_of(["x", "", "12", "²" * 10, ids[0] + "0"], key, design, 3_000) == -1).all()


def test_the_e_value_of_ids_needs_few_of_a_sparse_design() -> None:
    assert ids_log10_e(11, 0, 0.1) > 7
    assert ids_log10_e(35, 35, 0.1) > 7
    assert ids_log10_e(3, 0, 5e-5) > 7
    assert ids_log10_e(5, 45, 0.1) < 1
