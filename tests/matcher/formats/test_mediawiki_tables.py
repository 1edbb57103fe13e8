"""Tables of MediaWiki come back, in any pieces and among prose; templates, braces and prose of a wiki are no tables."""

from __future__ import annotations

import pytest

from matcher.contents import Limits, Table, Text
from matcher.formats.mediawiki_tables import MediaWikiTables, mediawiki_tables
from matcher.reading import read_bytes
from tests.matcher.formats.tables_made import COLUMNS, rows


def tables(text: str, step: int = 0) -> list[Table]:
    if not step:
        return list(mediawiki_tables("x", text, Limits()))
    finder = MediaWikiTables("x", Limits())
    found = [t for at in range(0, len(text), step) for t in finder.feed(text[at : at + step])]
    return found + list(finder.end())


def rows_of(found: list[Table]) -> list[list[str]]:
    return [list(row) for table in found for row in zip(*table.cells, strict=True)]


def wiki(between: str = " || ", heads: str = " !! ", looks: str = "", caption: str = "|+ Values\n") -> str:
    body = "".join(f"|-{looks}\n| {between.join(row)}\n" for row in rows())
    return f'{{| class="wikitable sortable"{looks}\n{caption}|-\n! {heads.join(COLUMNS)}\n{body}|}}\n'


@pytest.mark.parametrize("between", [" || ", "||", "\n| ", "\n|"])
@pytest.mark.parametrize("heads", [" !! ", "\n! ", " || "])
@pytest.mark.parametrize("caption", ["", "|+ Values\n", "|+ style='x' | Values\nof people\n"])
def test_a_table_comes_back(between: str, heads: str, caption: str) -> None:
    (table,) = tables(wiki(between, heads, caption=caption))
    assert table.columns == COLUMNS
    assert table.has_header
    assert rows_of([table]) == rows()


@pytest.mark.parametrize("step", [1, 5, 100, 1000])
def test_tables_come_in_any_pieces_among_prose(step: int) -> None:
    text = f"== A ==\nProse {{{{cite|a=1|b}}}} and [[link|text]].\n{wiki()}\nMore | bars.\n{wiki()}"
    found = tables(text, step)
    assert [table.name for table in found] == ["x, MediaWiki table 1", "x, MediaWiki table 2"]
    assert rows_of(found) == rows() * 2


def test_looks_links_remarks_and_spans_are_left_out() -> None:
    body = "".join(
        f'|- style="a"\n! scope="row" | [[Page {n}|{n}]]\n'
        f"| align=right | '''{n}.5'''<ref name=\"a\">no</ref> || colspan=\"2\" | x &amp; y<br />z\n|\n| last\nline\n"
        for n in range(10, 20)
    )
    (table,) = tables(f"{{|\n! a !! b !! c !! d !! e !! f\n{body}|}}")
    assert table.columns == ("a", "b", "c", "d", "e", "f")
    assert rows_of([table]) == [[str(n), f"{n}.5", "x & y z", "", "", "last line"] for n in range(10, 20)]


def test_a_table_in_a_cell_is_passed_over_and_indents_are_let_be() -> None:
    inner = "{|\n| in || side\n|-\n| no || more\n|}\n"
    text = wiki(looks=' style="x"').replace("|-", f":{inner}|-", 1)
    indented = "".join(f":: {line}\n" for line in wiki().splitlines())
    assert rows_of(tables(text)) == rows()
    assert rows_of(tables(indented)) == rows()


def test_a_table_that_is_never_closed_is_given() -> None:
    assert rows_of(tables(wiki().removesuffix("|}\n"))) == rows()


@pytest.mark.parametrize("name", ["page.wiki", "page", "page.md", "page.csv"])
def test_a_page_is_read_with_its_tables(name: str) -> None:
    text = f"== A ==\nProse.\n\n{wiki()}\n[[Category:A]]\n"
    parts = list(read_bytes(name, text.encode()))
    found = [one for one in parts if isinstance(one, Table) and "MediaWiki" in one.name]
    assert rows_of(found) == rows()
    if name == "page.wiki":
        assert any(isinstance(one, Text) and "Category" in one.text for one in parts)
        assert [one for one in parts if isinstance(one, Table)] == found


@pytest.mark.parametrize(
    "text",
    [
        "{{Infobox person\n| name = A\n| born = 1950\n| died = 2000\n| work = x\n}}\n" * 20,
        "{{Navbox\n|-\n| a || b || c || d\n|-\n| a || b || c || d\n|-\n| a || b || c || d\n}}\n",
        "{| class='x'\n|-\n| only || two\n|}\n" * 20,  # a box of links
        "{|\n| one\n|-\n| two\n|-\n| three\n|-\n" + "| one\n|-\n" * 40 + "|}\n",
        "if (a || b) {\n  x = {|y| y + 1 }\n  || c || d\n}\n" * 20,
        "items.each {|a, b| puts a }\n" * 50,
        "== Heading ==\n* a || b\n* c || d\n! not a header !! at all\n| a | b | c | d\n" * 20,
    ],
)
def test_templates_code_and_prose_hold_no_table(text: str) -> None:
    assert tables(text) == []


# --- hostile ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{|\n" * 200_000,
        "{|\n|-\n" + "|" * 1_000_000,
        "{|\n|-\n" + "| a\n" * 300_000,
        "{|\n" + "|-\n| x\n" * 200_000,
        "{|\n|-\n" + '| colspan="9999" | a || b\n|-\n' * 20_000,
        "{|\n|-\n| " + 'a="b" ' * 100_000 + "| x\n",
        "{|\n|-\n| " + "[[a|" * 100_000 + "\n",
        "{|\n|-\n| " + "<ref>" * 100_000 + "\n",
        "{|\n|-\n| " + "<!--" * 100_000 + " || <ref " * 50_000 + "\n",
        "{|\n|-\n| " + "''" * 300_000 + " || " + "&amp" * 200_000 + "\n",
        "{|\n|-\n| " + "x\n" * 400_000,
        "{|\n| a || b || c\n|}\n" * 50_000,
        "{" * 1_000_000,
    ],
)
def test_hostile_sources_end(text: str) -> None:
    found = tables(text, 1 << 20)
    assert sum(table.rows_count * len(table.columns) for table in found) <= 20 * len(text)
