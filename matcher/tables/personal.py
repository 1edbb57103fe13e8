"""Counts of what identifies people besides a cohort's own ids.

E-mail, telephone, NHS numbers, postcodes, dates of birth and names. Only counts leave this module. A kind that other
things look like by chance (all but e-mail and postcode) is counted in columns alone, where nearly all cells are of it;
NHS numbers must hold their check digit, and names stand where the heading says so. A table that a text holds comes as
text and as a table: an address that stands in both counts once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from matcher.contents import Part, Table, Text
from matcher.tables.cell_bytes import Looks, looks_of
from matcher.tables.spellings import headings, plain

CELLS_LOOKED_AT = 2_000
"""Of each column of a part; the count is of all of it, scaled."""
LETTERS_LOOKED_AT = 2_000_000
MOST_ADDRESSES = 100_000
"""Addresses of one file that are kept, as hashes, until they come again."""
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
_DIALLED_AT_HOME = re.compile(r"[(]?0[0-9 ().-]*")
"""A leading 0, then nothing but digits and what stands between them, as in a fraction."""
_NO_DIGIT = re.compile("[^0-9]+")
_LINES = ("fixed_line", "mobile", "voip", "pager", "uan", "voicemail")
_SERVICES = ("toll_free", "premium_rate", "shared_cost", "personal_number")


@dataclass(slots=True)
class PersonalCounts:
    """What was counted so far, by kind."""

    counts: dict[str, int] = field(default_factory=dict)
    letters: int = 0
    _in_texts: Counter[int] = field(default_factory=Counter, repr=False)
    """Addresses that did not stand in a table as well so far."""
    _in_tables: Counter[int] = field(default_factory=Counter, repr=False)

    def add(self, part: Part) -> None:
        if isinstance(part, Table):
            for name, cells in zip(part.columns, part.cells, strict=True):
                self._add_column(name, cells)
        elif isinstance(part, Text) and self.letters < LETTERS_LOOKED_AT and part.name != "path":
            text = part.text[:LETTERS_LOOKED_AT]
            self.letters += len(text)
            if "@" in text:
                self._count("e-mail", _not_among(self._in_tables, _EMAIL.findall(text), self._in_texts))

    def _add_column(self, name: str, cells: Sequence[str]) -> None:
        looks = looks_of(cells, CELLS_LOOKED_AT)
        if not looks.filled:
            return
        scale = max(1.0, len(cells) / CELLS_LOOKED_AT)
        if looks.at_signs:
            found = [_EMAIL.search(cell) for cell in cells[:CELLS_LOOKED_AT] if "@" in cell]
            addresses = (one[0] for one in found if one is not None)
            self._count("e-mail", round(scale * _not_among(self._in_texts, addresses, self._in_tables)))
        kind = _kind_of(name, cells, looks)
        if kind:
            self._count(kind, round(scale * looks.filled))

    def _count(self, kind: str, number: int) -> None:
        if number:
            self.counts[kind] = self.counts.get(kind, 0) + number


def _not_among(others: Counter[int], addresses: Iterable[str], own: Counter[int]) -> int:
    """How many of these addresses are not among others, each of which stands for one; what is left is kept as own."""
    count = 0
    for address in addresses:
        mark = hash(address)
        if others[mark] > 0:
            others[mark] -= 1
            continue
        count += 1
        if len(own) < MOST_ADDRESSES:
            own[mark] += 1
    return count


def _kind_of(name: str, column: Sequence[str], looks: Looks) -> str | None:
    """What nearly every cell of a column is, if it identifies people; patterns are tried where cells look like it."""
    if looks.filled < FEWEST_CELLS:
        return None
    least = _SHARE * looks.filled
    words = plain(name)
    is_born = _BORN.search(words) is not None
    is_name = words in headings("names_of_people")
    if not (is_born or is_name) and max(looks.postcodes, looks.ten_digits, looks.dialled) < least:
        return None
    cells = [cell for cell in column[:CELLS_LOOKED_AT] if cell]
    if is_name and _mostly(is_personal_name, cells) and len(set(cells)) > _SHARE_OF_NAMES * len(cells):
        return "name"
    if is_born and _share(cells, _DATE):
        return "date of birth"
    if looks.postcodes >= least and _share(cells, _POSTCODE):
        return "postcode"
    if looks.ten_digits >= least and _share(cells, _NHS) and _mostly(is_nhs_number, cells):
        return "NHS number"
    if looks.dialled >= least and _are_telephones(cells[:100]) and _share(cells, _PHONE):
        return "telephone" if len(set(cells)) > 0.5 * len(cells) else None
    return None


def _mostly(is_one: Callable[[str], bool], cells: Sequence[str]) -> bool:
    """Whether so many cells are one; it stops where enough are, or too many are not."""
    least, left, so_far = _SHARE * len(cells), len(cells), 0
    for cell in cells:
        if is_one(cell):
            so_far += 1
            if so_far >= least:
                return True
        else:
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


def _are_telephones(cells: Sequence[str]) -> bool:
    """Whether nearly all are telephone numbers; phonenumbers is asked where enough could be."""
    return sum(map(_may_be_telephone, cells)) >= _SHARE * len(cells) and _mostly(is_telephone, cells)


def is_telephone(text: str) -> bool:
    """A number that is in use somewhere, and is written as one: with a plus, a leading 0, or spaces."""
    import phonenumbers

    if not _may_be_telephone(text):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, _REGION))
    except phonenumbers.NumberParseException:
        return False


def _may_be_telephone(text: str) -> bool:
    """Whether it is written as one and, behind a leading 0, has a form of the region's; 00 leads abroad, to any form.

    What it denies for its form, phonenumbers denies too, at a hundred times the cost.
    """
    written = text.strip()
    if not _DIALLED_AT_HOME.fullmatch(written):
        return written.startswith(("+", "0", "("))
    digits = _NO_DIGIT.sub("", written)
    forms = _forms_at_home()
    return digits.startswith("00") or bool(forms.fullmatch(digits) or forms.fullmatch(digits, 1))


@cache
def _forms_at_home() -> re.Pattern[str]:
    """The numbers of every kind, landlines to pagers, in the regions that share the calling code."""
    import phonenumbers

    code = phonenumbers.country_code_for_region(_REGION)
    regions = phonenumbers.region_codes_for_country_code(code)
    known = [phonenumbers.PhoneMetadata.metadata_for_region(one) for one in regions]
    kinds = [getattr(one, kind) for one in known for kind in (*_LINES, *_SERVICES)]
    return re.compile("|".join(f"(?:{one.national_number_pattern})" for one in kinds if one is not None))
