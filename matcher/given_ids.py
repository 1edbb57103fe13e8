"""Ids as they are given to be enrolled: what is no list of them, and ids that tell nobody apart, is refused.

A wrong file in place of a list enrols nonsense without a word, which then finds nobody or accuses somebody.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from matcher.errors import BadSourceFile
from matcher.tables.cell_ids import share_of_ids
from matcher.tables.enrol import PARTICIPANT_COLUMN, RELEASE_ID_COLUMN, read_ids
from matcher.tables.sources import id_column_of, read_batches, read_columns

FEWEST_IDS = 0.5
"""Of a list's lines; the others may be ids of a kind that cannot be told from text."""
MOST_ROUNDED = 0.1
"""Of a column's cells: R writes a whole million as 1e+06, and that one is right."""
_HEAD_BYTES = 64 << 10
_GENOTYPES = (b"##fileformat=VCF", b"BCF\x02", b"l\x1b\x01", b"l\x1b\x10", b"#CHROM\t")
_ENDS_OF_CELLS = re.compile(r"[\s;|]+")
_SCIENTIFIC = re.compile(r"\d(?:\.(\d+))?[eE]\+?(\d{1,2})")
_GIVE = "give one id a line, or participant,release_id"


def require_list(path: Path, *, of_any_form: bool = False) -> None:
    """Refuses what is no list of ids.

    With `of_any_form` ids may be words without digits, as samples' names are: who withdraws must not be turned away
    for their name.

    Raises:
        BadSourceFile: it holds genotypes or a table, no text, hardly any ids, or one id for two participants.
    """
    _require_head(path)
    listed = list(read_ids(path))
    if not any(listed):
        raise BadSourceFile(f"{path.name} holds no ids; {_GIVE}")
    several = sum(_is_row(one) for one in listed)
    if several > len(listed) / 2:
        raise BadSourceFile(f"{path.name} has several columns or words a line; {_GIVE}")
    count = round(share_of_ids(listed) * len(listed))
    if count < FEWEST_IDS * len(listed) and not of_any_form:
        raise BadSourceFile(
            f"of the {len(listed):,} lines of {path.name} only {count:,} are ids, which are whole numbers or words "
            f"with digits; {_GIVE}"
        )
    _require_digits(path.name, listed)
    _require_one_each(path)


def require_columns(files: Sequence[Path], id_column: str | None) -> None:
    """Refuses tables whose column of participants tells nobody apart, by its first rows.

    Raises:
        BadSourceFile: a column of participants is empty or rounded, or the file is no table.
    """
    for path in files:
        column = id_column_of(read_columns(path), id_column)
        batch = next(read_batches(path, [column]), None) if column is not None else None
        if batch is None or not batch.num_rows:
            continue  # enrolling it says what is missing
        cells = [(one or "").strip() for one in batch.column(0).to_pylist()]
        if not any(cells):
            raise BadSourceFile(
                f"the column {column} of {path.name} is empty; say with --id-column which one names participants"
            )
        _require_digits(path.name, cells)


def _require_head(path: Path) -> None:
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(_GENOTYPES):
        raise BadSourceFile(
            f"{path.name} holds genotypes, not a list of ids; give it with --genotypes, or list its samples one a line"
        )
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadSourceFile(f"{path.name} is text in UTF-16; write it anew in UTF-8, one id a line")
    if b"\0" in head:
        raise BadSourceFile(f"{path.name} cannot be read as a list of ids; give text, one id a line")


def _is_row(line: str) -> bool:
    """Whether a line is a row or a sentence: of family and individual, say, and not one id with a blank in it."""
    cells = _ENDS_OF_CELLS.split(line)
    if len(set(cells)) == 1:
        return False
    return len(cells) > 2 or "\t" in line or sum(_has_digit(cell) for cell in cells) > 1


def _has_digit(cell: str) -> bool:
    return any(letter.isdigit() for letter in cell)


def _require_digits(name: str, cells: Collection[str]) -> None:
    """Refuses ids that a spreadsheet rounded: 1.23E+06 stands for ten thousand people."""
    rounded = sum(_is_rounded(cell) for cell in cells)
    if rounded > 1 and rounded > MOST_ROUNDED * len(cells):
        raise BadSourceFile(
            f"{rounded:,} ids of {name} are in scientific notation, which lost their last digits; write it anew with "
            "ids as text"
        )


def _is_rounded(cell: str) -> bool:
    form = _SCIENTIFIC.fullmatch(cell.strip())
    return form is not None and len(form[1] or "") < int(form[2])


def _require_one_each(path: Path) -> None:
    """Refuses a list in which one id of the release stands for several participants."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.reader(line for line in lines if line.strip())
        head = [name.strip().lower() for name in next(rows)]
        if RELEASE_ID_COLUMN not in head or PARTICIPANT_COLUMN not in head:
            return
        at, who = head.index(RELEASE_ID_COLUMN), head.index(PARTICIPANT_COLUMN)
        people: dict[str, set[str]] = {}
        for row in rows:
            if len(row) > max(at, who) and row[at].strip():
                people.setdefault(row[at].strip(), set()).add(row[who].strip())
    several = sum(len(one) > 1 for one in people.values())
    if several:
        raise BadSourceFile(
            f"{several:,} ids of {path.name} stand for several participants each; give every participant an id of "
            "their own"
        )
