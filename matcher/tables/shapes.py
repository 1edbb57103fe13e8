"""Tables of another shape as tables of one row a person: long ones made wide, and ones on their side stood upright.

A long table has one line for each cell: whose it is (the key), of which variable, and the value. It is told by its
own content: each key comes with each variable once at most, variables are common to many keys, and values are alike
in form within a variable as they are not within a key. A table on its side has one line for each variable and one
column for each person; it is told by the names of fields in its first column, or by rows whose cells are alike in form
where those of its columns are not. Nothing here looks at an index, so what is made is compared as any table of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from matcher.contents import Cells
from matcher.tables.line_codes import (
    CodedLines,
    Codes,
    Coding,
    depends,
    empty_count,
    occurrences,
    seldom_repeats,
    together,
)
from matcher.tables.spellings import is_field, plain

MOST_LONG_COLUMNS = 24
"""The measurements of OMOP have 23."""
FEW_COLUMNS = 6
"""Only tables so narrow are asked whether a third column (visit, array) tells lines of one key and variable apart."""
MOST_VALUES = 4
LEAST_LINES, LEAST_KEYS, LEAST_VARIABLES = 9, 3, 2
EMPTY_MOST = 0.05
ONCE = 0.98
"""Lines that are the only one of their key and variable."""
COMMON = 0.2
"""Keys that a variable is held by, for half of the lines; else lines are pairs of anything."""
MOST_VISITS = 50
ALIKE = 0.15
"""How much more often cells are alike in form within a variable than within a person."""
LOOKED_AT = 4_000
"""Cells whose form is looked at."""
NAMES_LOOKED_AT = 60
_VALUE_NAMES = ("val", "result", "answer", "response", "measure")

_NUMBER = re.compile(r"[-+]?(\d*)[.,]?(\d*)(?:e[-+]?\d{1,3})?", re.IGNORECASE)
_DATE = re.compile(r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?(?:[ T].*)?")


@dataclass(frozen=True, slots=True)
class Shaped:
    """A table in its new shape; `columns[c]` names `cells[c]`, all of one length."""

    columns: tuple[str, ...]
    cells: tuple[list[str], ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of a long table are, by their numbers."""

    key: int | None
    """None where lines have no key: the same number of lines for each variable, in the same order."""
    variables: tuple[int, ...]
    """The variable, and what tells its visits apart."""


def long_roles(columns: Sequence[Cells]) -> Roles | None:
    """What the columns of a table are if it is a long one, else None."""
    lines = len(columns[0]) if columns else 0
    if not 2 <= len(columns) <= MOST_LONG_COLUMNS or lines < LEAST_LINES:
        return None
    coded = Coding(columns)
    found: tuple[float, Roles] | None = None
    for key, variables in _crossed(columns, coded, lines):
        values = _values_of(columns, coded, key, variables)
        score = _speaks(columns, coded, key, variables, values)
        if score is not None and (found is None or score > found[0]):
            found = score, Roles(key, variables)
    return found[1] if found else _keyless(columns, coded, lines)


def widened(names: Sequence[str], columns: Sequence[Cells], roles: Roles, most_cells: int) -> Shaped:
    """The wide table of a long one: a row for each key, and a column for each variable, the commonest first.

    The key, and what is the same in all lines of a key, come before them. Of a variable that has several value columns
    one bears its name. At most `most_cells` cells are made: of too many variables the rarest are left out.
    """
    coded = Coding(columns)
    of_variable, labels = _variables(coded, roles.variables)
    keys = occurrences(of_variable) if roles.key is None else coded[roles.key].codes
    of_key: list[int] = []
    if roles.key is not None:
        of_key = [i for i in range(len(columns)) if i not in roles.variables and depends(coded, i, keys)]
    values = _merged(columns, names, _values_of(columns, coded, roles.key, roles.variables))
    counts = np.bincount(of_variable, minlength=len(labels))
    rows = int(keys.max()) + 1
    room = most_cells // max(1, rows * max(1, len(values))) - len(of_key)
    kept = [int(i) for i in np.argsort(-counts, kind="stable")[: max(2, room)] if counts[i] > 1]
    order = np.argsort(of_variable, kind="stable")
    ends = np.cumsum(counts)
    made: list[str] = []
    cells: list[list[str]] = []
    for i in of_key:
        own = np.full(rows, "", dtype=object)
        own[keys] = np.array(columns[i].strings(), dtype=object)
        made.append(names[i])
        cells.append(own.tolist())
    for at, texts in enumerate(values):
        for i in kept:
            lines = order[ends[i] - counts[i] : ends[i]][::-1]  # of two lines the first stands
            own = np.full(rows, "", dtype=object)
            own[keys[lines]] = texts[lines]
            made.append(labels[i] if not at else "")
            cells.append(own.tolist())
    return Shaped(tuple(made), tuple(cells))


def stood_upright(names: Sequence[str], columns: Sequence[Cells]) -> Shaped | None:
    """A table that lies on its side stood upright, None for any other; `names` are all empty where it has none."""
    rows = len(columns[0]) if columns else 0
    wide = 2 * len(columns) > rows
    if rows < LEAST_VARIABLES or len(columns) < LEAST_KEYS + 1:
        return None
    fields = _fields(columns[0])
    if not wide and not fields:
        return None
    named = fields or _are_names(columns[0])
    fields = fields and not _fields(names)  # or both its rows and its columns are variables
    body = columns[1:] if named else columns
    within_rows, within_columns = _alike_both_ways(body)
    if within_rows < within_columns + (0 if fields else ALIKE):
        return None
    strings = [one.strings() for one in body]
    labels = columns[0].strings() if named else [""] * rows
    made, cells = list(labels), [list(row) for row in zip(*strings, strict=True)]
    if any(names) and not _is_numbering(names[len(columns) - len(body) :]):
        made.insert(0, names[0] if named else "")
        cells.insert(0, list(names[len(columns) - len(body) :]))
    kept = [i for i, name in enumerate(made) if name or not _is_numbering(cells[i])]
    return Shaped(tuple(made[i] for i in kept), tuple(cells[i] for i in kept))


def _crossed(
    columns: Sequence[Cells], coded: Sequence[CodedLines], lines: int
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Pairs of a key and a variable that each line is the only one of; only where there are none, with visits."""
    repeated = [i for i, one in enumerate(columns) if not seldom_repeats(one)]
    repeated = [i for i in repeated if LEAST_VARIABLES <= coded[i].distinct <= lines / 2]
    repeated = [i for i in repeated if empty_count(coded[i]) <= EMPTY_MOST * lines]
    keys = [i for i in repeated if coded[i].distinct >= LEAST_KEYS]
    pairs = [(k, (v,)) for k in keys for v in repeated if k != v]
    found = False
    for key, variables in pairs:
        if _is_crossing(coded[key], coded[variables[0]], lines):
            found = True
            yield key, variables
    if found or len(coded) > FEW_COLUMNS:
        return
    for key in keys:
        for variable, visit in permutations([i for i in repeated if i != key], 2):
            if coded[visit].distinct <= min(MOST_VISITS, coded[variable].distinct):
                both = together(coded, (variable, visit))
                if _is_crossing(coded[key], both, lines):
                    yield key, (variable, visit)


def _is_crossing(key: CodedLines, variable: CodedLines, lines: int) -> bool:
    """Whether lines are of few variables that many keys have, each once; counts tell most tables that are not."""
    if key.distinct * variable.distinct < ONCE * lines or variable.distinct > lines / 2:
        return False
    if np.quantile(variable.counts, 0.9) > key.distinct or np.quantile(key.counts, 0.9) > variable.distinct:
        return False
    common = variable.counts[variable.counts >= COMMON * key.distinct]
    if common.sum() < lines / 2:
        return False
    return bool(np.unique(key.codes * variable.distinct + variable.codes).size >= ONCE * lines)


def _values_of(
    columns: Sequence[Cells], coded: Sequence[CodedLines], key: int | None, variables: Sequence[int]
) -> list[int]:
    """The columns that depend on both, without those that number the lines."""
    of_variable = together(coded, variables).codes
    found = []
    for i, one in enumerate(coded):
        if i == key or i in variables or one.distinct < 2 or depends(coded, i, of_variable):
            continue
        if key is not None and depends(coded, i, coded[key].codes):
            continue
        if not _numbers_lines(columns[i], coded, i):
            found.append(i)
    return found


def _numbers_lines(cells: Cells, coded: Sequence[CodedLines], at: int) -> bool:
    """Whether a column is another whole number in every line."""
    for first in (20, LOOKED_AT):
        if not all(text.isdigit() for text in cells.arrow[:first].to_pylist()):
            return False
    return coded[at].distinct == len(cells)


def _speaks(
    columns: Sequence[Cells],
    coded: Sequence[CodedLines],
    key: int,
    variables: tuple[int, ...],
    values: Sequence[int],
) -> float | None:
    """How much these roles fit, for comparing; None where they do not."""
    if not 1 <= len(values) <= MOST_VALUES:
        return None
    fields = _fields(coded[variables[0]].texts) and not _fields(coded[key].texts)
    rows = np.unique(np.linspace(0, coded[0].codes.size - 1, LOOKED_AT).astype(np.int64))
    of_variable, of_key = together(coded, variables).codes[rows], coded[key].codes[rows]
    gain = sum(
        _alike(forms, of_variable) - _alike(forms, of_key)
        for forms in (_forms([columns[i][int(row)] for row in rows]) for i in values)
    )
    score = gain + (ALIKE if fields else 0.0)
    return score - 0.01 * len(variables) if score >= ALIKE else None


def _keyless(columns: Sequence[Cells], coded: Sequence[CodedLines], lines: int) -> Roles | None:
    """A variable with as many lines as any other, in blocks or in turn, beside its value and nothing else."""
    telling: list[int] = []
    for i in sorted(
        range(len(columns)), key=lambda i: columns[i][0].isdigit()
    ):  # those that are told at once first
        cells = columns[i]
        if not _numbers_lines(cells, coded, i) and (cells[0] != cells[lines - 1] or coded[i].distinct > 1):
            telling.append(i)
        if len(telling) > 2:
            return None
    if len(telling) != 2:
        return None
    for variable, value in permutations(sorted(telling)):
        one = coded[variable]
        each = lines // one.distinct
        if not 2 <= one.distinct <= lines / LEAST_KEYS or each * one.distinct != lines:
            continue
        numbers = np.arange(one.distinct)
        in_blocks = bool((one.codes == np.repeat(numbers, each)).all())
        if not in_blocks and not (one.codes == np.tile(numbers, each)).all():
            continue
        rows = np.unique(np.linspace(0, lines - 1, LOOKED_AT).astype(np.int64))
        forms = _forms([columns[value][int(row)] for row in rows])
        whose = occurrences(one.codes)[rows]
        if _alike(forms, one.codes[rows]) - _alike(forms, whose) >= ALIKE:
            return Roles(None, (variable,))
    return None


def _variables(coded: Sequence[CodedLines], columns: Sequence[int]) -> tuple[Codes, list[str]]:
    """By line the number of its variable, and the variables' names."""
    one = together(coded, columns)
    _, first = np.unique(one.codes, return_index=True)
    parts = [[coded[i].texts[int(coded[i].codes[at])].as_py().strip() for i in columns] for at in first]
    return one.codes, [_name_of(*part) for part in parts]


def _name_of(variable: str, visit: str = "") -> str:
    """The name of a field at a visit, as a wide table has it."""
    if not visit:
        return variable
    return f"{variable}-{visit}.0" if variable.isdigit() and visit.isdigit() else f"{variable} {visit}"


def _merged(columns: Sequence[Cells], names: Sequence[str], values: Sequence[int]) -> list[Any]:
    """The value columns as arrays, those that are never filled together as one; the one that bears the name first."""
    texts = {i: np.array(columns[i].strings(), dtype=object) for i in values}
    ranked = sorted(values, key=lambda i: (not plain(names[i]).startswith(_VALUE_NAMES), -len(set(texts[i]))))
    merged: list[Any] = []
    for i in ranked:
        own, filled = texts[i], texts[i] != ""
        for at, other in enumerate(merged):
            if (filled & (other != "")).sum() <= 0.02 * filled.sum():
                merged[at] = np.where(other == "", own, other)
                break
        else:
            merged.append(own)
    return merged


def _fields(cells: Any) -> bool:
    """Whether most of these, texts or Arrow text, are names of fields."""
    some = [str(one) for one in cells[:NAMES_LOOKED_AT]]
    return sum(is_field(one) for one in some) > len(some) / 2


def _are_names(cells: Sequence[str]) -> bool:
    """Whether these could name variables: words, each another."""
    some = [one.strip() for one in cells]
    words = sum(_form(one) == "word" for one in some)
    return len(set(some)) == len(some) and words >= 0.8 * len(some)


def _is_numbering(cells: Sequence[str]) -> bool:
    """Whether these only count: 0, 1, 2, or column_1, column_2."""
    numbers = [re.sub(r"^\D*", "", one) for one in cells]
    return all(
        one == "" or (one.isdecimal() and int(one) == at)
        for start in [next((int(one) for one in numbers[:1] if one.isdecimal()), 0)]
        for at, one in enumerate(numbers, start)
    )


def _form(cell: str) -> str:
    """What a cell is like: a number by its digits before and after the point, a date, a word; "" if empty."""
    if not cell or cell.lower() in ("na", "nan", "null", "none", "."):
        return ""
    number = _NUMBER.fullmatch(cell)
    if number and (number[1] or number[2]):
        return f"{len(number[1])}.{len(number[2])}"
    return "date" if _DATE.fullmatch(cell) else "word"


def _forms(cells: Sequence[str]) -> Codes:
    """Forms as numbers; -1 where a cell is empty."""
    seen: dict[str, int] = {"": -1}
    return np.array([seen.setdefault(_form(one.strip()), len(seen)) for one in cells], dtype=np.int64)


def _alike(forms: Codes, groups: Codes) -> float:
    """The chance that two cells of one group are of one form; 0 where no group has two."""
    filled = forms >= 0
    _, groups = np.unique(groups[filled], return_inverse=True)
    if not groups.size:
        return 0.0
    forms = forms[filled]
    kinds = int(forms.max()) + 1
    sizes = np.bincount(groups).astype(np.float64)
    _, same = np.unique(groups * kinds + forms, return_counts=True)
    pairs = float((sizes * (sizes - 1)).sum())
    return float((same * (same - 1.0)).sum()) / pairs if pairs else 0.0


def _alike_both_ways(columns: Sequence[Cells]) -> tuple[float, float]:
    """How alike cells are within rows, and within columns, as some of each tell."""
    rows = len(columns[0])
    some_rows = np.unique(np.linspace(0, rows - 1, NAMES_LOOKED_AT).astype(np.int64))
    some_columns = np.unique(np.linspace(0, len(columns) - 1, NAMES_LOOKED_AT).astype(np.int64))
    cells = [columns[c][int(r)] for c in some_columns for r in some_rows]
    forms = _forms(cells)
    return (
        _alike(forms, np.tile(some_rows, some_columns.size)),
        _alike(forms, np.repeat(some_columns, some_rows.size)),
    )
