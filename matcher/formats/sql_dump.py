"""SQL dumps of MySQL, PostgreSQL and SQLite: the rows of INSERT and COPY statements, read as text and never run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from matcher.contents import Limits, Opened, Table
from matcher.formats.delimited import parts_of
from matcher.formats.encodings import decoded, text_of

FORMAT = "sql"
_INSERT = re.compile(
    r"\s*(?:INSERT|REPLACE)\s+(?:IGNORE\s+)?INTO\s+(?P<table>[\w.`\"\[\]]+)\s*(?P<columns>\([^()]*\))?\s*VALUES\s*",
    re.IGNORECASE,
)
_STATEMENTS = ("into", "stdin")
"""One of them is in every statement that has rows; looked for before any expression is tried."""
_COPY = re.compile(r"\s*COPY\s+(?P<table>[\w.\"]+)\s*(?P<columns>\([^()]*\))?\s+FROM\s+stdin", re.IGNORECASE)
_INTRODUCER = r"(?:[EeNn]|_\w+\s*)?"
_REST = r"|(\([^()]*\))|([^,()']*))\s*([,)])"
_ESCAPING = re.compile(rf"\s*(?:{_INTRODUCER}'((?:[^'\\]|''|\\.)*)'{_REST}", re.DOTALL)
_LITERAL = re.compile(rf"\s*(?:[Nn]?'((?:[^']|'')*)'{_REST}")
"""Values of MySQL, where a backslash escapes what follows it, and of SQLite and PostgreSQL, where it does not."""
_WITHOUT_ESCAPES = re.compile(
    r"^PRAGMA |^BEGIN TRANSACTION;|PostgreSQL database dump|standard_conforming_strings = on", re.MULTILINE
)
_ESCAPED = re.compile(r"''|\\(.)", re.DOTALL)
_SIGNS = {"0": "\0", "b": "\b", "n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_COPIED = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)")
_COPIED_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MOST_LINE = 64 << 20
_MOST_STATEMENT = 64 << 20

Row = tuple[str, tuple[str, ...], list[str]]


def sniff(name: str, head: bytes) -> int:
    text = decoded(head)
    if text is None or ";" not in text:
        return 0
    lower = text.lower()
    if not any(word in lower for word in _STATEMENTS):
        return 0
    return 4 if any(_INSERT.match(line) or _COPY.match(line) for line in text.splitlines()) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Table]:
    """A table for every run of statements of one kind."""
    head = opened.stream.read(64 << 10)
    value = _LITERAL if _WITHOUT_ESCAPES.search(decoded(head) or "") else _ESCAPING
    with text_of(opened.stream, head) as text:
        lines = iter(lambda: text.readline(_MOST_LINE), "")
        for (table, columns), rows in groupby(_rows(lines, value), key=lambda one: one[:2]):
            body = (row for _, _, row in rows)
            yield from parts_of(
                f"{opened.name} {table}", _with(columns, body), limits, has_header=bool(columns) or None
            )


def _with(columns: tuple[str, ...], body: Iterator[list[str]]) -> Iterator[list[str]]:
    if columns:
        yield list(columns)
    yield from body


def _rows(lines: Iterator[str], value: re.Pattern[str]) -> Iterator[Row]:
    for line in lines:
        copied = _COPY.match(line)
        if copied:
            columns = _names(copied["columns"])
            for row in lines:
                if row.rstrip("\r\n") == "\\.":
                    break
                cells = row.rstrip("\r\n").split("\t")
                yield copied["table"], columns, [_copied(one) for one in cells]
            continue
        inserted = _INSERT.match(line)
        if inserted is None and re.match(r"\s*(INSERT|REPLACE)\b", line, re.IGNORECASE):
            inserted = _INSERT.match(line + next(lines, ""))  # VALUES on the next line
        if inserted:
            for values in _values(inserted.string[inserted.end() :], lines, value):
                yield inserted["table"], _names(inserted["columns"]), values


def _values(rest: str, lines: Iterator[str], value: re.Pattern[str]) -> Iterator[list[str]]:
    """Every bracket of values up to the end of the statement, which may run over lines."""
    used = len(rest)
    while True:
        start = rest.find("(")
        if start < 0 and not rest.rstrip().endswith(";"):
            following = next(lines, "")
            used += len(following)
            if not following or used > _MOST_STATEMENT:
                return
            rest += following
            continue
        if start < 0:
            return
        at, cells = start + 1, []
        while found := value.match(rest, at):
            at = found.end()
            quoted = found[1]
            cells.append(_plain(found[2] or found[3] or "") if quoted is None else _unquoted(quoted, value))
            if found[4] == ")":
                break
        else:
            following = next(lines, "")
            used += len(following)
            if not following or used > _MOST_STATEMENT:
                return
            rest = rest[start:] + following
            continue
        yield cells
        rest = rest[at:]
        if rest.lstrip().startswith(";"):
            return


def _unquoted(text: str, value: re.Pattern[str]) -> str:
    if value is _LITERAL:
        return text.replace("''", "'")
    return _ESCAPED.sub(lambda one: "'" if one[1] is None else _SIGNS.get(one[1], one[1]), text)


def _copied(cell: str) -> str:
    """A cell of COPY; `\\N` is nothing."""
    if "\\" not in cell:
        return cell
    return "" if cell == "\\N" else _COPIED.sub(_copied_sign, cell)


def _copied_sign(found: re.Match[str]) -> str:
    sign = found[1]
    if sign[0] == "x" and len(sign) > 1:
        return chr(int(sign[1:], 16))
    return chr(int(sign, 8) & 0xFF) if sign[0] in "01234567" else _COPIED_SIGNS.get(sign, sign)


def _plain(text: str) -> str:
    text = text.strip()
    return "" if text.upper() == "NULL" else text


def _names(columns: str | None) -> tuple[str, ...]:
    if not columns:
        return ()
    return tuple(one.strip().strip('`"[]') for one in columns.strip("() ").split(","))
