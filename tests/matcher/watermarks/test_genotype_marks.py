"""Genotype marks on arrays: few, one step, plausible, and read back the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from matcher.watermarks.budget import spread_marks
from matcher.watermarks.genotype_marks import NO_UNIT, TILE, mark_block, units_of_block
from matcher.watermarks.odds import Units, score
from matcher.watermarks.plausible import eligible_shares, narrowed, train
from matcher.watermarks.units import cohort_key, draws, recipient_key, recipient_keys
from tests.matcher.watermarks.made import MASTER, genotypes

CALLS = genotypes(2_000, 300)
VARIANTS = np.arange(300).astype(np.uint64) * np.uint64(7919)
PEOPLE = np.arange(2_000).astype(np.uint64)
FORBIDDEN = np.zeros(300, dtype=bool)
FORBIDDEN[100:120] = True
TRAINED = train(CALLS, 0, 300, FORBIDDEN)
RATES, DENSITIES, EXPECTED = spread_marks(*eligible_shares(CALLS, 0, TRAINED), CALLS.size)
MODEL = replace(TRAINED, densities=DENSITIES)
KEY0 = cohort_key(MASTER, "genotypes")
KEY = recipient_key(MASTER, "A", "genotypes")
MARKED, CHANGED = mark_block(CALLS, 0, MODEL, VARIANTS, PEOPLE, KEY0, KEY, RATES)


def test_at_most_a_thousandth_of_the_calls_is_changed_by_one_step() -> None:
    assert 0 < CHANGED <= 0.000995 * CALLS.size
    assert abs(CHANGED - EXPECTED * CALLS.size) < 4 * np.sqrt(CHANGED)
    assert np.abs(MARKED.astype(int) - CALLS).max() == 1


def test_protected_and_rare_variants_are_not_touched() -> None:
    assert np.array_equal(MARKED[100:120], CALLS[100:120])
    frequency = CALLS.mean(axis=1) / 2
    rare = np.minimum(frequency, 1 - frequency) < 0.05
    assert rare.any()
    assert np.array_equal(MARKED[rare], CALLS[rare])


def test_kin_may_be_left_alone() -> None:
    kin = PEOPLE % 2 == 0
    marked, _ = mark_block(CALLS, 0, MODEL, VARIANTS, PEOPLE, KEY0, KEY, RATES, kin)
    assert np.array_equal(marked[:, kin], CALLS[:, kin])
    assert np.array_equal(marked[:, ~kin], MARKED[:, ~kin])


def test_marking_a_block_in_pieces_gives_the_same_bits() -> None:
    """Row numbers and block borders play no part: participants in another order, a subset of them."""
    order = np.random.default_rng(5).permutation(2_000)[:700]
    piece, _ = mark_block(
        np.ascontiguousarray(CALLS[:, order]), 0, MODEL, VARIANTS, PEOPLE[order], KEY0, KEY, RATES
    )
    assert np.array_equal(piece, MARKED[:, order])


def test_many_people_are_marked_cell_by_cell_as_the_detector_expects() -> None:
    """More people than are marked at a time, some calls missing, some people left alone."""
    calls = np.concatenate([CALLS, CALLS[:, ::-1], CALLS[:, 500:1_000]], axis=1)
    calls[np.random.default_rng(6).random(calls.shape) < 0.01] = -1
    people = np.arange(calls.shape[1]).astype(np.uint64)
    kin = people % 5 == 0
    assert calls.shape[1] > 2 * TILE
    marked, changed = mark_block(calls, 0, MODEL, VARIANTS, people, KEY0, KEY, RATES, kin)
    layers, marks = units_of_block(calls, 0, MODEL, VARIANTS, people, KEY0, RATES, kin)
    v, s = np.nonzero(layers != NO_UNIT)
    bits = draws(KEY, VARIANTS[v], people[s]) < RATES.thresholds[layers[v, s]]
    expected = calls.copy()
    expected[v[bits], s[bits]] = marks[v[bits], s[bits]]
    assert set(np.unique(layers[v[bits], s[bits]])) > {0, 1, 2, 3}  # of both layers
    assert np.array_equal(marked, expected)
    assert changed == bits.sum() == (marked != calls).sum()


@pytest.mark.parametrize("first", [0, 40])
def test_units_of_some_variants_are_told_from_their_rows_and_their_neighbours_alone(first: int) -> None:
    model = train(CALLS, first, 260, FORBIDDEN[first:260])
    model = replace(model, densities=DENSITIES[first:260])
    layers, marks = units_of_block(CALLS, first, model, VARIANTS[first:260], PEOPLE, KEY0, RATES)
    for inner in (np.array([0]), np.array([219 - first, 3, 150]), np.arange(260 - first)):
        rows, small = narrowed(model, first, inner)
        assert rows.size <= 17 * inner.size
        dosages = np.ascontiguousarray(CALLS[rows])
        told = units_of_block(dosages, 0, small, VARIANTS[first + inner], PEOPLE, KEY0, RATES)
        assert np.array_equal(told[0], layers[inner])
        assert np.array_equal(told[1], marks[inner])


def test_the_marks_read_back_name_the_recipient_and_the_source_names_nobody() -> None:
    layers, marks = units_of_block(CALLS, 0, MODEL, VARIANTS, PEOPLE, KEY0, RATES)
    v, s = np.nonzero(layers != NO_UNIT)
    keys = recipient_keys(MASTER, ["A", *(f"r{i}" for i in range(200))], "genotypes")

    def odds(found: np.ndarray) -> np.ndarray:
        shown = (found[v, s] == marks[v, s]).astype(np.int64)
        units = Units(VARIANTS[v], PEOPLE[s], layers[v, s].astype(np.int64), shown)
        return score(units, keys, RATES.thresholds, 0.001)

    marked = odds(MARKED)
    assert marked[0] > 100
    assert marked[1:].max() < 3
    assert odds(CALLS).max() < 3


def test_marks_look_no_odder_than_true_calls() -> None:
    """The attack of Ji et al.: revert what is improbable given the neighbours. It must cost more than it removes."""
    model = train(MARKED, 0, 300, np.zeros(300, dtype=bool))
    from matcher.watermarks.plausible import predict

    bins = np.empty(CALLS.shape, dtype=np.uint8)
    predict(MARKED, 0, model.offsets, model.weights, model.means, bins)
    seen = np.zeros((300, 32, 3))
    for g in range(3):
        v, s = np.nonzero(g == MARKED)
        np.add.at(seen[:, :, g], (v, bins[v, s]), 1)
    row = np.arange(300)[:, None]
    chance = seen[row, bins, MARKED] / seen[row, bins].sum(axis=2)
    odd = chance < 0.05
    marks = MARKED != CALLS
    assert (odd & marks).sum() <= 0.1 * marks.sum()
