"""What counts as a possible id."""

from __future__ import annotations

import pytest

from matcher.tables.tokens import tokens_of, tokens_of_cells, tokens_of_ids

KEY = b"k" * 16


@pytest.mark.parametrize(
    "written",
    [
        "1234567", " 1234567 ", "1,234,567", "1'234'567", "1234567.0", "1234567.000", "1.234567e+06", "1.234567E6",
        "1234567_20252_2_0.dcm", "/data/1234567/scan.nii.gz", "1234567_1234567", "id=1234567;", "[1234567,",
        "0   1234567  23.4", "x 1234567.csv", "chr1:1234567-2345678",
        "ukb1234567", "c(1234567L, 2345678L)", "EID1234567.bam", "x/sub1234567_v2.nii",
    ],
)  # fmt: skip
def test_an_id_is_found_however_it_is_written(written: str) -> None:
    assert 1234567 in tokens_of(KEY, written).values.tolist()


@pytest.mark.parametrize(
    "written",
    ["ENSG01234567", "participants1234567", "ab1234567cd", "1234567Lx",
     "0.1234567", "1234567.5", "1.2345678e+06", "rs1234567", "1234567abc", "12345678",
     "1.2.1234567", "3.1234567", "-0.1234567e-3"],
)  # fmt: skip
def test_other_numbers_are_not_taken_for_it(written: str) -> None:
    assert 1234567 not in tokens_of(KEY, written).values.tolist()


def test_words_of_letters_and_digits_hash_like_the_enrolled_id() -> None:
    enrolled, words = tokens_of_ids(KEY, ["HG00096", "SH-000-12", "7f3a9c2e-11d4-4b1c-9d2e-0a1b2c3d4e5f"])
    assert sorted(words.letters.tolist()) == [2, 2, 15]
    found = tokens_of(KEY, "samples hg00096, SH-000-12 and 7F3A9C2E-11d4-4b1c-9d2e-0a1b2c3d4e5f.")
    assert set(enrolled.hashes.tolist()) <= set(found.hashes.tolist())


def test_numbers_of_an_enrolled_list_hash_like_those_found() -> None:
    enrolled, _ = tokens_of_ids(KEY, ["1234567", "2345678.0", "3456789_3456789"])
    found = tokens_of_cells(KEY, ["1.234567e6", "2345678", "3456789"])
    assert set(enrolled.hashes.tolist()) <= set(found.hashes.tolist())
    assert len(enrolled.hashes) == 3


@pytest.mark.parametrize(
    "odd",
    ["", "\x00\xff", "e" * 500, "9" * 5000, "1e99999999", "1.e", ".5", "1,2,3,", "٣٤٥٦٧٨٩", "😀1234567"],
)
def test_odd_text_is_survived(odd: str) -> None:
    tokens_of(KEY, odd)
