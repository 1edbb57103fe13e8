"""Lists beside calls: the compiled scanner gives what the reader of lines gives, whatever stands in a list."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from matcher.contents import Limits, Opened, Unreadable
from matcher.formats import lists_beside, plink1, plink2
from matcher.formats.lists_beside import Sites, column_of, count_of, people_beside, sites_of
from tests.matcher.formats.made import assert_same, read_file, run, truth, write_vcf

COLUMNS = (0, 3, 1, 4, 5)
CELLS = ["1", "X", "a", "Cc", "", "12", "9999999999999", "999999999999", ".", "-3", "0", "é", "q r", "<DEL>"]
ODDS = [9, 9, 9, 9, 1, 9, 2, 2, 3, 2, 3, 0.1, 0.1, 1]


def block_of(choice: random.Random, delimiter: str) -> bytes:
    lines = []
    for _ in range(choice.randint(1, 5)):
        width = 6 if choice.random() < 0.96 else choice.randint(3, 8)
        ending = choice.choice(["\n", "\n", "\n", "\r\n", "\n\n", " \n"])
        lines.append(delimiter.join(choice.choices(CELLS, ODDS, k=width)) + ending)
    text = "".join(lines)
    return (text.rstrip("\r\n") if choice.random() < 0.3 else text).encode()


def told(sites: Sites) -> list[list[object]]:
    return [
        list(sites.chromosomes),
        sites.positions.tolist(),
        *map(list, (sites.names, sites.first, sites.second)),
    ]


@pytest.mark.parametrize(("tabs", "delimiter"), [(True, "\t"), (False, "\t"), (False, " "), (False, " \t ")])
def test_the_scanner_gives_what_the_reader_of_lines_gives(tabs: bool, delimiter: str) -> None:
    choice, scanned = random.Random(7), 0
    for _ in range(2_000):
        block = block_of(choice, delimiter)
        outcomes: list[object] = []
        for read in (sites_of, lists_beside._line_by_line):
            try:
                outcomes.append(told(read(block, COLUMNS, 6, "few", tabs=tabs)))
            except Unreadable as wrong:
                outcomes.append((wrong.why, wrong.detail))
        assert outcomes[0] == outcomes[1], block
        scanned += lists_beside._plain(block, COLUMNS, 6, 9 if tabs else 32) is not None
    assert scanned > 200


def test_lines_are_counted_as_they_are_read() -> None:
    choice = random.Random(8)
    for _ in range(500):
        block = block_of(choice, "\t")
        whole = [line for line in block.split(b"\n") if line.strip(b"\r\0 \t")]
        assert count_of(iter([block])) == len(whole)


def test_a_column_of_odd_letters_is_read_by_lines() -> None:
    assert column_of("f é 1\nf b 2\n".encode(), 1, "few") == ["é", "b"]
    assert column_of(b"f a 1\n\nf b 2", 1, "few") == ["a", "b"]
    with pytest.raises(Unreadable, match="few"):
        column_of(b"f a\nf\n", 1, "few")


def people(text: bytes) -> tuple[str, ...]:
    opened = Opened("x.pgen", io.BytesIO(), 0, lambda suffix: io.BytesIO(text) if suffix == ".psam" else None)
    return people_beside(opened, Limits(), ".psam")


def test_heads_of_a_list_of_people_are_no_people() -> None:
    assert people(b"##x\n#FID\tIID\tSEX\n1\ta\t1\n2\tb\t1\n") == ("a", "b")
    assert people(b"#IID\na\nb") == ("a", "b")
    assert people(b"1 a 0 0\n##x\n#IID\nc\n") == ("a", "c")
    with pytest.raises(Unreadable, match="nobody"):
        people(b"#IID\n")


@pytest.mark.parametrize("long", [lists_beside.blocks_beside.__globals__["MOST_LINE"] * 3])
def test_a_list_without_lines_is_damaged(long: int) -> None:
    with pytest.raises(Unreadable, match="no text in lines"):
        people(b"a" * long)


def test_a_list_of_several_blocks_with_remarks_between_gives_every_site(tmp_path: Path) -> None:
    of = truth(variants=3_000)
    run("plink2", "--vcf", write_vcf(tmp_path / "a.vcf", of), "--make-pgen", "--out", tmp_path / "a")
    pvar = tmp_path / "a.pvar"
    lines = pvar.read_text().splitlines(keepends=True)
    added = ["" if one.startswith("##") else "\tINFO" if one[0] == "#" else "\t" + "x" * 700 for one in lines]
    filled = [one.rstrip("\n") + more + "\n" for one, more in zip(lines, added, strict=True)]
    filled.insert(len(lines) // 2, "##a remark\n")
    pvar.write_text("".join(filled))
    assert pvar.stat().st_size > 1 << 20
    parts = read_file(plink2, tmp_path / "a.pgen")
    assert [name for part in parts for name in part.names] == list(of.names)
    assert [int(place) for part in parts for place in part.positions] == list(of.positions)


def test_a_bed_is_read_with_lists_that_are_named_as_eigensoft_names_them(tmp_path: Path) -> None:
    of = truth()
    run(
        "plink1.9",
        "--vcf",
        write_vcf(tmp_path / "x.vcf", of),
        "--double-id",
        "--make-bed",
        "--out",
        tmp_path / "x",
    )
    (tmp_path / "x.bim").rename(tmp_path / "x.pedsnp")
    (tmp_path / "x.fam").rename(tmp_path / "x.pedind")
    assert_same(read_file(plink1, tmp_path / "x.bed"), of)
