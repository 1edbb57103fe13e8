"""Counts of what identifies people besides a cohort's own ids: e-mail, telephone, NHS numbers, postcodes, birth dates.

Only counts leave this module. A kind that numbers may look like by chance (NHS number, telephone, date of birth) is
counted in columns alone, where nearly all cells are of it; NHS numbers must hold their check digit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from matcher.contents import Part, Table, Text
from matcher.tables.spellings import plain

CELLS_LOOKED_AT = 2_000
"""Of each column of a part; the count is of all of it, scaled."""
LETTERS_LOOKED_AT = 2_000_000
FEWEST_CELLS = 3
_SHARE = 0.8
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}")
_POSTCODE = re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]?) ?\d[ABD-HJLNP-UW-Z]{2}\b")
_NHS = re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{4}")
_PHONE = re.compile(r"\+?\d[\d ().-]{7,18}\d")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_BORN = re.compile(r"(dob|birth(date|day)?|dateofbirth|datebirth|born|geburtsdatum|出生日期)")
_REGION = "GB"


@dataclass(slots=True)
class PersonalCounts:
    """What was counted so far, by kind."""

    counts: dict[str, int] = field(default_factory=dict)
    letters: int = 0

    def add(self, part: Part) -> None:
        if isinstance(part, Table):
            for name, cells in zip(part.columns, part.cells, strict=True):
                self._add_column(name, cells)
        elif isinstance(part, Text) and self.letters < LETTERS_LOOKED_AT and part.name != "path":
            text = part.text[:LETTERS_LOOKED_AT]
            self.letters += len(text)
            self._count("e-mail", len(_EMAIL.findall(text)))

    def _add_column(self, name: str, cells: Sequence[str]) -> None:
        looked_at = [cell for cell in cells[:CELLS_LOOKED_AT] if cell]
        if not looked_at:
            return
        scale = max(1.0, len(cells) / CELLS_LOOKED_AT)
        self._count(
            "e-mail", round(scale * sum("@" in c and _EMAIL.search(c) is not None for c in looked_at))
        )
        kind = _kind_of(name, looked_at)
        if kind:
            self._count(kind, round(scale * len(looked_at)))

    def _count(self, kind: str, number: int) -> None:
        if number:
            self.counts[kind] = self.counts.get(kind, 0) + number


def _kind_of(name: str, cells: Sequence[str]) -> str | None:
    """What nearly every cell of a column is, if it identifies people."""
    if len(cells) < FEWEST_CELLS:
        return None
    if _BORN.search(plain(name)) and _share(cells, _DATE):
        return "date of birth"
    if _share(cells, _POSTCODE):
        return "postcode"
    if _share(cells, _NHS) and sum(map(is_nhs_number, cells)) >= _SHARE * len(cells):
        return "NHS number"
    if _share(cells, _PHONE) and len(set(cells)) > 0.5 * len(cells):
        some = cells[:100]
        return "telephone" if sum(map(is_telephone, some)) >= _SHARE * len(some) else None
    return None


def _share(cells: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """Whether so many cells are of the pattern; it stops where too many are not."""
    least, left = _SHARE * len(cells), len(cells)
    for cell in cells:
        if pattern.fullmatch(cell.strip()) is None:
            left -= 1
            if left < least:
                return False
    return True


def is_nhs_number(text: str) -> bool:
    """Ten digits whose last is the check digit (modulus 11, NHS Data Dictionary)."""
    digits = [int(one) for one in text if one.isdigit()]
    if len(digits) != 10:
        return False
    check = 11 - sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False)) % 11
    return check != 10 and check % 11 == digits[9]


def is_telephone(text: str) -> bool:
    """A number that is in use somewhere, and is written as one: with a plus, a leading 0, or spaces."""
    import phonenumbers

    if not text.strip().startswith(("+", "0", "(")):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, _REGION))
    except phonenumbers.NumberParseException:
        return False
