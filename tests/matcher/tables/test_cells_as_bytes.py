"""What compiled loops read straight from bytes is what the readers of single cells read."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from matcher.prf import siphash24
from matcher.tables.cell_bytes import looks_of, picked
from matcher.tables.cell_ids import hashes_of_cells, share_of_ids
from matcher.tables.cells import read_column
from matcher.tables.found_columns import read_found_column
from matcher.tables.personal import PersonalCounts
from matcher.tables.scan import SMALLEST_NUMBER
from matcher.tables.tokens import canonical

KEY = bytes(range(16))
ODD = (
    "rs123456|Yes|no|A1:5|chr7|I10|E11.9|2010-01-05|5-Mar-2011|Jan 5, 2010|é|1,5|inf|-inf|infinity|NaN|NA|nan|-|?|.",
    "#N/A|n.a.|Missing|(null)|1.|+5|.5|1e400|1e|0x10|1_000|1e-400|12345_12345|HG00096_HG00096|1.0_1.0|9007199254740993.0|1e+05|1E5",
    "12e05|1.25e2|+441632960000|a.b@example.org|SW1A|SW1A 1AA|9434765919|943 476 5919||  | abc def |\t1|\x1c1|\u00a05",
)
WORDS = ["x" * 300, *"|".join(ODD).split("|")]
NUMBERS: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: str(rng.randrange(100)),
    lambda rng: f"{rng.gauss(0, 10):.2f}",
    lambda rng: repr(rng.gauss(0, 1) * 10 ** rng.randrange(-8, 9)),
    lambda rng: f"{rng.gauss(0, 1e-6):.3e}",
    lambda rng: f" {rng.gauss(0, 1):.1f}0 ",
    lambda rng: "-0",
    lambda rng: f"00{rng.randrange(10)}",
    lambda rng: str(rng.randrange(10**18)),
    lambda rng: f"{rng.random():.17f}",
    lambda rng: f"{rng.randrange(1900, 2100)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}",
)


def columns(seed: int) -> list[list[str]]:
    """Columns of numbers of one kind and of many, of words, and of all between."""
    rng = random.Random(seed)
    made = []
    for _ in range(120):
        size, clean = rng.choice((0, 1, 3, 40, 250)), rng.choice((0.0, 0.5, 0.88, 0.96, 1.0))
        kinds = NUMBERS if rng.random() < 0.3 else (rng.choice(NUMBERS),)
        words = WORDS if rng.random() < 0.5 else rng.sample(WORDS, 2)
        made.append(
            [rng.choice(kinds)(rng) if rng.random() < clean else rng.choice(words) for _ in range(size)]
        )
    return made


@pytest.mark.parametrize("seed", range(8))
def test_a_column_is_read_as_by_the_reader_of_strings(seed: int) -> None:
    for cells in columns(seed):
        found, known = read_found_column(KEY, cells), read_column(KEY, cells, every_level=True)
        assert (found.kind, found.decimals) == (known.kind, known.decimals)
        assert found.hashes.keys() == known.hashes.keys()
        for tag, hashes in known.hashes.items():
            np.testing.assert_array_equal(found.hashes[tag], hashes)


@pytest.mark.parametrize("seed", range(8))
def test_every_cell_as_an_id_is_the_hash_of_its_canonical_form(seed: int) -> None:
    for cells in columns(seed):
        forms = [canonical(cell) for cell in cells]
        known = [_hash(form) for form in forms]
        assert hashes_of_cells(KEY, cells).tolist() == known
        assert share_of_ids(cells) == sum(form is not None for form in forms) / max(1, len(cells))


def _hash(form: int | bytes | None) -> int:
    if isinstance(form, bytes):
        return siphash24(KEY, form)
    return 0 if form is None or form < SMALLEST_NUMBER else siphash24(KEY, form.to_bytes(8, "little"))


@pytest.mark.parametrize(
    ("first", "step"), [(0, 1), (1, 1), (5, 1), (35, 1), (2000, 1), (0, 2), (3, 4), (9, 7), (2000, 2)]
)
def test_every_so_many_cells_of_pieces(first: int, step: int) -> None:
    for cells in columns(1):
        pieces = [cells[:1], cells[1:1], cells[1:30], cells[30:]]
        assert picked(pieces, first, step).strings() == cells[first::step]
    assert picked([], first, step).strings() == []


def test_looks_are_never_too_few() -> None:
    for cells in columns(3):
        looks, counted = looks_of(cells), PersonalCounts()
        counted._add_column("value", cells)
        assert looks.filled == sum(cell != "" for cell in cells)
        assert looks.points == sum("." in cell for cell in cells)
        assert looks.at_signs >= sum("@" in cell for cell in cells) >= counted.counts.get("e-mail", 0)
