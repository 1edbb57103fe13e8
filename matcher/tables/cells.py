"""Makes cells comparable: one value, however it is written, is one keyed hash.

A column is read as numbers, dates or words by what most of its cells are. A number is hashed at several numbers of
decimals, so that a rounded copy still meets its original: each hash is of (tag, value), with the number of decimals as
tag, and hashes of different tags never meet. A date is its day. A word is its letters in lower case. An empty cell,
and what stands for one, is 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from matcher.prf import siphash24_many, siphash24_words

Kind = Literal["number", "date", "word"]
Hashes32 = npt.NDArray[np.uint32]

DATE_TAG = 100
WORD_TAG = 200
MOST_DECIMALS = 6
LEVELS = (3, 2, 1, 0)
"""Decimals at which numbers are kept, beside their own."""
MOSTLY = 0.9

EMPTY = frozenset(
    {
        "",
        "na",
        "n/a",
        "nan",
        "null",
        "none",
        ".",
        "-",
        "<na>",
        "nat",
        "missing",
        "#n/a",
        "?",
        "n.a.",
        "(null)",
    }
)
_ORDERS = {
    "year first": re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T].*)?"),
    "year last": re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[ T].*)?"),
    "month named": re.compile(r"(\d{1,2})[-/ ]?([a-z]{3})[a-z]*[-/ ,]*(\d{4})(?:[ :t].*)?"),
    "month first": re.compile(r"([a-z]{3})[a-z]* (\d{1,2}),? (\d{4})"),
}
_COMPACT = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_MONTH_NAMES = "janfebmaraprmayjunjulaugsepoctnovdec"
_MONTHS = {_MONTH_NAMES[3 * i : 3 * i + 3]: i + 1 for i in range(12)}


@dataclass(frozen=True, slots=True)
class Column:
    """One column as 64-bit keyed hashes by tag; 0 where a cell is empty or does not fit the tag."""

    kind: Kind
    decimals: int
    hashes: dict[int, npt.NDArray[np.uint64]]

    def tag_shared_with(self, tags: Sequence[int]) -> int | None:
        """The finest tag that both this column and one with those tags have."""
        both = set(tags) & set(self.hashes)
        return max(both) if both else None


def levels_of(decimals: int) -> tuple[int, ...]:
    """The numbers of decimals at which a source column is kept, finest first."""
    own = min(decimals, MOST_DECIMALS)
    return (own, *(level for level in LEVELS if level < own))


def read_column(key: bytes, cells: Any, *, every_level: bool = False) -> Column:
    """Reads and hashes one column of text cells (a list, or a polars or Arrow string column).

    `every_level` keeps numbers at all decimals from their own down, as a find needs it; else at `levels_of`.
    """
    import polars as pl

    series = cells if isinstance(cells, pl.Series) else _series(cells)
    texts = series.str.strip_chars().str.to_lowercase()
    texts = texts.set(texts.is_in(list(EMPTY)).fill_null(True), None)
    filled = len(texts) - texts.null_count()
    numbers = texts.cast(pl.Float64, strict=False)
    numbers = numbers.set(~numbers.is_finite().fill_null(False), None)
    if filled and len(numbers) - numbers.null_count() >= MOSTLY * filled:
        return _numbers(key, texts, numbers, every_level)
    dates = _dates(texts) if filled else {}
    if dates:
        return Column("date", 0, {tag: _hash(key, DATE_TAG, days) for tag, days in dates.items()})
    commas = _with_decimal_comma(texts, filled)
    if commas is not None:
        return _numbers(key, commas, commas.cast(pl.Float64, strict=False), every_level)
    words = siphash24_many(key, texts)
    hashed = siphash24_words(key, np.column_stack([np.full(words.size, WORD_TAG, dtype=np.uint64), words]))
    return Column("word", 0, {WORD_TAG: _without(hashed, texts.is_null().to_numpy())})


def _series(cells: Sequence[str]) -> Any:
    import polars as pl

    try:
        return pl.Series(cells, dtype=pl.String)
    except UnicodeEncodeError:  # a lone surrogate, which has no UTF-8
        return pl.Series([one.encode(errors="replace").decode() for one in cells], dtype=pl.String)


def short(hashes: npt.NDArray[np.uint64]) -> Hashes32:
    """The 32 bits that are kept of every cell; 0 stays for an empty one only."""
    cut = (hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    cut[(cut == 0) & (hashes != 0)] = 1
    return cut


def _numbers(key: bytes, texts: Any, numbers: Any, every_level: bool) -> Column:
    decimals = _decimals(texts)
    values = numbers.fill_null(float("nan")).to_numpy()
    top = min(decimals, MOST_DECIMALS)
    levels = tuple(range(top, -1, -1)) if every_level else levels_of(decimals)
    hashes = {level: _hash(key, level, _scaled(values, level)) for level in levels}
    if decimals == 0:
        days = _compact_dates(texts)
        if days is not None:
            hashes[DATE_TAG] = _hash(key, DATE_TAG, days)
    return Column("number", decimals, hashes)


def _decimals(texts: Any) -> int:
    """Decimals of a column: what 98 of 100 of its fractions do with, so that a few odd cells do not set it."""
    parts = texts.str.extract_groups(r"^[-+]?\d*\.?(\d*?)0*(?:e([-+]?\d{1,3}))?$").struct.unnest()
    digits = parts["1"].str.len_chars().fill_null(0).cast(int)
    powers = parts["2"].cast(int, strict=False).fill_null(0)
    places = (digits - powers).clip(0, 30).to_numpy()
    if not places.size:
        return 0
    used = places[places > 0]
    return int(np.quantile(used, 0.98, method="higher")) if used.size > max(1, 0.002 * places.size) else 0


def _scaled(values: npt.NDArray[np.float64], level: int) -> npt.NDArray[np.float64]:
    """Values in whole units of the last decimal, rounded half to even as NumPy, pandas and R round; NaN if empty."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values * 10.0**level)
    scaled[np.abs(scaled) > 2**62] = np.nan
    return np.asarray(scaled)


def _hash(key: bytes, tag: int, values: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
    empty = np.isnan(values)
    whole = np.where(empty, 0, values).astype(np.int64).view(np.uint64)
    rows = np.column_stack([np.full(whole.size, tag, dtype=np.uint64), whole])
    return _without(siphash24_words(key, rows), empty)


def _without(hashes: npt.NDArray[np.uint64], empty: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint64]:
    hashes[hashes == 0] = 1
    hashes[empty] = 0
    return hashes


def _with_decimal_comma(texts: Any, filled: int) -> Any | None:
    if not filled:
        return None
    fits = int(texts.str.contains(r"^[-+]?\d+(?:,\d+)?$").sum() or 0)
    return texts.str.replace(",", ".", literal=True) if fits >= MOSTLY * filled else None


def _dates(texts: Any) -> dict[int, npt.NDArray[np.float64]]:
    """Days since 1970 under each reading that fits: one, or two where day and month cannot be told apart."""
    sample = [one for one in texts.drop_nulls().head(400).to_list() if one]
    for name, pattern in _ORDERS.items():
        if sum(pattern.fullmatch(one) is not None for one in sample) < MOSTLY * len(sample):
            continue
        distinct = texts.unique().drop_nulls().to_list()
        parts = {one: found.groups() for one in distinct if (found := pattern.fullmatch(one))}
        if name != "year last":
            return {DATE_TAG: _days(texts, {one: _day(name, groups) for one, groups in parts.items()})}
        firsts = max(int(groups[0]) for groups in parts.values())
        seconds = max(int(groups[1]) for groups in parts.values())
        day_first = {one: _day("day first", groups) for one, groups in parts.items()}
        month_first = {one: _day("month day", groups) for one, groups in parts.items()}
        if firsts > 12:
            return {DATE_TAG: _days(texts, day_first)}
        if seconds > 12:
            return {DATE_TAG: _days(texts, month_first)}
        return {DATE_TAG: _days(texts, day_first)}
    return {}


def _day(order: str, groups: Sequence[str]) -> float:
    one, two, three = groups
    year, month, day = {
        "year first": (one, two, three),
        "day first": (three, two, one),
        "month day": (three, one, two),
        "month named": (three, str(_MONTHS.get(two, 0)), one),
        "month first": (three, str(_MONTHS.get(one, 0)), two),
    }[order]
    try:
        return float(np.datetime64(f"{int(year):04d}-{int(month):02d}-{int(day):02d}", "D").astype(int))
    except ValueError:
        return float("nan")


def _days(texts: Any, days: dict[str, float]) -> npt.NDArray[np.float64]:
    """The day of every cell; distinct texts were read once each."""
    return np.array([days.get(one, np.nan) if one is not None else np.nan for one in texts.to_list()])


def _compact_dates(texts: Any) -> npt.NDArray[np.float64] | None:
    """Days of a column of 20100512, or None if it is none."""
    sample = texts.drop_nulls().head(200).to_list()
    if not sample or sum(_COMPACT.fullmatch(one) is not None for one in sample) < MOSTLY * len(sample):
        return None
    split = {
        one: _day("year first", (one[:4], one[4:6], one[6:8]))
        for one in texts.unique().drop_nulls()
        if _COMPACT.fullmatch(one)
    }
    return _days(texts, split)
