"""What is a variant's name, and what only looks like one."""

from __future__ import annotations

import pytest

from matcher.genotypes.naming import variant_of


@pytest.mark.parametrize(
    ("text", "chromosome", "position", "counted", "other"),
    [
        ("rs123", "", 0, "", ""),
        ("rs123_A", "", 0, "A", ""),
        ("rs123_A(/G)", "", 0, "A", "G"),
        ("1:1000:A:G", "1", 1000, "G", "A"),
        ("chr1:1000", "1", 1000, "", ""),
        ("chr22_16050075_A_G", "22", 16050075, "G", "A"),
        ("X1.1000.A.G", "1", 1000, "G", "A"),
        ("X7.117199644", "7", 117199644, "", ""),
        ("7:117199644", "7", 117199644, "", ""),
        ("X:2699520", "X", 2699520, "", ""),
        ("MT:263", "MT", 263, "", ""),
    ],
)
def test_names_of_variants(text: str, chromosome: str, position: int, counted: str, other: str) -> None:
    named = variant_of(text)
    assert named is not None
    assert (named.chromosome, named.position) == (chromosome, position)
    assert (named.counted, named.other) == (counted, other)


@pytest.mark.parametrize(
    "text",
    [
        *("4.61512", "21.345", "3.25", "17.5041", "X12.345"),  # numbers, and one that R made a name of
        *("7:30", "14:05", "22:10:05"),  # times of day
        *("5-2014", "12-2020", "3_102", "20_10", "M_25", "X-12"),  # months, codes
        *("31-0.0", "21022-0.0", "f.31.0.0", "eid", "A", "0", ""),
    ],
)
def test_what_only_looks_like_one(text: str) -> None:
    assert variant_of(text) is None
