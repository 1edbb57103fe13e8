"""Tables that stand in running text, of programs, LaTeX, MediaWiki or a record a line; no format of its own."""

from __future__ import annotations

from collections.abc import Iterator

from matcher.contents import Limits, Opened, Table, Text
from matcher.formats.encodings import text_of
from matcher.formats.latex_tables import LatexTables, latex_tables, mostly_latex
from matcher.formats.mediawiki_tables import MediaWikiTables, has_mediawiki_table, mediawiki_tables
from matcher.formats.record_lines import RecordLines, mostly_records, record_tables
from matcher.formats.script_literals import Literals, literal_tables, mostly_literals

PIECE = 1 << 20


def parts_of_text(opened: Opened, limits: Limits) -> Iterator[Table | Text]:
    """The text in pieces of about 1 MiB that end with a line, each before the tables that end in it.

    Raises:
        Unreadable: more tables are written out in it than are looked at; the text was given in full.
    """
    head = opened.stream.read(64 << 10)
    finders = tuple(
        kind(opened.name, limits) for kind in (Literals, RecordLines, MediaWikiTables, LatexTables)
    )
    with text_of(opened.stream, head) as text:
        while piece := text.read(PIECE):
            piece += text.readline(PIECE)
            yield Text(opened.name, piece)
            for finder in finders:
                yield from finder.feed(piece)
    for finder in reversed(finders):
        yield from finder.end()


def tables_of_text(name: str, text: str, limits: Limits) -> Iterator[Table]:
    """The tables of a text that is at hand."""
    yield from literal_tables(name, text, limits)
    yield from record_tables(name, text, limits)
    yield from mediawiki_tables(name, text, limits)
    yield from latex_tables(name, text, limits)


def is_mostly_tables(text: str) -> bool:
    """Whether the beginning of a text is for the most part tables as programs or LaTeX write them."""
    return mostly_literals(text) or mostly_latex(text)


def has_tables_of_its_own(text: str) -> bool:
    """Whether the beginning of a text is told by tables whose lines others take for theirs."""
    return has_mediawiki_table(text) or mostly_records(text)
