"""What a cohort calls its fields, from its own data dictionary: a number alone tells counsel nothing.

A dictionary is a table with a head, of commas or tabs: one column names the field, another its title. Nothing that was
found is ever read for titles.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from takedown.addresses import one_line
from takedown.checklist import LONG_NUMBER
from takedown.errors import BadDictionary

_NAMES = ("field_id", "fieldid", "name", "variable / field name", "variable", "column")
_TITLES = ("title", "field label", "label", "field", "description")
_LONGEST = 80
_FIELD = re.compile(
    r"(?:participant\.)?(?:"
    r"(?P<plain>\d{1,5})-\d{1,2}\.\d{1,3}"  # 31-0.0
    r"|(?:f[._]|x|n_)(?P<exported>\d{1,5})[._]\d{1,2}[._]\d{1,3}"  # f.31.0.0, X31.0.0, n_31_0_0
    r"|p(?P<platform>\d{1,5})(?:_i\d{1,2})?(?:_a\d{1,3})?"  # p31_i0_a0
    r")"
)


def read_titles(path: Path) -> dict[str, str]:
    """Titles by the names of fields, in lower case.

    Raises:
        BadDictionary: it cannot be read, or no column of it is of names or none of titles.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        rows = list(csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ","))
    except (OSError, ValueError, csv.Error) as wrong:
        raise BadDictionary(f"the data dictionary {path} cannot be read; give a table in UTF-8") from wrong
    heads = {str(head).strip().lower(): str(head) for head in (rows[0] if rows else ())}
    name = next((heads[one] for one in _NAMES if one in heads), None)
    title = next((heads[one] for one in _TITLES if one in heads), None)
    if name is None or title is None:
        raise BadDictionary(
            f"the data dictionary {path} has no head that names fields and titles; call two columns name and title"
        )
    told = {(row[name] or "").strip().lower(): one_line(row[title] or "") for row in rows}
    return {one: said for one, said in told.items() if one and _may_be_said(said)}


def titled(column: str, titles: Mapping[str, str]) -> str:
    """A column's name with the title of its field beside it, in whichever way the field is spelt."""
    plain = column.strip().lower()
    found = _FIELD.fullmatch(plain)
    number = found and (found["plain"] or found["exported"] or found["platform"])
    spellings = (plain, number, f"p{number}") if number else (plain,)
    title = next((titles[one] for one in spellings if one in titles), None)
    return column if title is None or title.lower() == plain else f"{column} ({title})"


def _may_be_said(title: str) -> bool:
    return bool(title) and len(title) <= _LONGEST and not LONG_NUMBER.search(title)
