"""Counts of what identifies people besides a cohort's own ids.

E-mail, telephone, NHS numbers, postcodes, dates of birth and names. Only counts leave this module. A kind that other
things look like by chance (all but e-mail and postcode) is counted in columns alone, where nearly all cells are of it;
NHS numbers must hold their check digit, and names stand where the heading says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from matcher.contents import Part, Table, Text
from matcher.tables.cell_bytes import Looks, looks_of
from matcher.tables.spellings import headings, plain

CELLS_LOOKED_AT = 2_000
"""Of each column of a part; the count is of all of it, scaled."""
LETTERS_LOOKED_AT = 2_000_000
FEWEST_CELLS = 3
_SHARE = 0.8
_SHARE_OF_NAMES = 0.05
"""First names come again and again; the few values of a coding come more often still."""
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}")
_POSTCODE = re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]?) ?\d[ABD-HJLNP-UW-Z]{2}\b")
_NHS = re.compile(r"\d{3}[ -]?\d{3}[ -]?\d{4}")
_PHONE = re.compile(r"\+?\d[\d ().-]{7,18}\d")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_BORN = re.compile(r"(dob|birth(date|day)?|dateofbirth|datebirth|born|geburtsdatum|出生日期)")
_NAME = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_MOST_WORDS = 6
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
            if "@" in text:
                self._count("e-mail", len(_EMAIL.findall(text)))

    def _add_column(self, name: str, cells: Sequence[str]) -> None:
        some = cells[:CELLS_LOOKED_AT]
        looks = looks_of(some)
        if not looks.filled:
            return
        scale = max(1.0, len(cells) / CELLS_LOOKED_AT)
        if looks.at_signs:
            found = sum("@" in cell and _EMAIL.search(cell) is not None for cell in some)
            self._count("e-mail", round(scale * found))
        kind = _kind_of(name, some, looks)
        if kind:
            self._count(kind, round(scale * looks.filled))

    def _count(self, kind: str, number: int) -> None:
        if number:
            self.counts[kind] = self.counts.get(kind, 0) + number


def _kind_of(name: str, some: Sequence[str], looks: Looks) -> str | None:
    """What nearly every cell of a column is, if it identifies people; patterns are tried where cells look like it."""
    if looks.filled < FEWEST_CELLS:
        return None
    least = _SHARE * looks.filled
    is_born = _BORN.search(plain(name)) is not None
    is_name = plain(name) in headings("names_of_people")
    if not (is_born or is_name) and max(looks.postcodes, looks.ten_digits, looks.dialled) < least:
        return None
    cells = [cell for cell in some if cell]
    if is_name and _mostly(is_personal_name, cells) and len(set(cells)) > _SHARE_OF_NAMES * len(cells):
        return "name"
    if is_born and _share(cells, _DATE):
        return "date of birth"
    if looks.postcodes >= least and _share(cells, _POSTCODE):
        return "postcode"
    if looks.ten_digits >= least and _share(cells, _NHS) and _mostly(is_nhs_number, cells):
        return "NHS number"
    if looks.dialled >= least and _mostly(is_telephone, cells[:100]) and _share(cells, _PHONE):
        return "telephone" if len(set(cells)) > 0.5 * len(cells) else None
    return None


def _mostly(is_one: Callable[[str], bool], cells: Sequence[str]) -> bool:
    """Whether so many cells are one; it stops where too many are not."""
    least, left = _SHARE * len(cells), len(cells)
    for cell in cells:
        if not is_one(cell):
            left -= 1
            if left < least:
                return False
    return True


def _share(cells: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """Whether so many cells are of the pattern."""
    return _mostly(lambda cell: pattern.fullmatch(cell.strip()) is not None, cells)


def is_nhs_number(text: str) -> bool:
    """Ten digits whose last is the check digit (modulus 11, NHS Data Dictionary)."""
    digits = [int(one) for one in text if one.isdigit()]
    if len(digits) != 10:
        return False
    check = 11 - sum(weight * digit for weight, digit in zip(range(10, 1, -1), digits, strict=False)) % 11
    return check != 10 and check % 11 == digits[9]


def is_personal_name(text: str) -> bool:
    """Some words of letters that begin with a capital, or are of a script without capitals; not a sentence."""
    words = text.replace(",", " ").split()
    own = [word for word in words if word.lower() not in headings("particles_of_names")]
    return (
        own != []
        and len(words) <= _MOST_WORDS
        and all(_NAME.fullmatch(word) is not None and not word[0].islower() for word in own)
    )


def is_telephone(text: str) -> bool:
    """A number that is in use somewhere, and is written as one: with a plus, a leading 0, or spaces."""
    import phonenumbers

    if not text.strip().startswith(("+", "0", "(")):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, _REGION))
    except phonenumbers.NumberParseException:
        return False
