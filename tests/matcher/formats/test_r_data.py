"""Files that R itself wrote: frames wherever they hang, matrices, vectors; compressed and coded in every way."""

from __future__ import annotations

import io
import struct
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Genotypes, Limits, Opened, Table, Unreadable
from matcher.formats import r_data
from matcher.reading import read_path
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same, write_csv
from tests.matcher.formats.test_hostile import mutant


def r(folder: Path, program: str) -> None:
    write_csv(folder / "x.csv")
    whole = f'd <- read.csv("{folder}/x.csv", stringsAsFactors=FALSE); setwd("{folder}"); {program}'
    subprocess.run(["Rscript", "-e", whole], check=True, capture_output=True)


@pytest.mark.parametrize(
    "program",
    [
        'saveRDS(d, "f")',
        'saveRDS(d, "f", compress=FALSE)',
        'saveRDS(d, "f", compress="xz")',
        'saveRDS(d, "f", compress="bzip2")',
        'saveRDS(d, "f", version=2)',
        'saveRDS(d, "f", ascii=TRUE)',
        'saveRDS(d, "f", ascii=NA)',
        'con <- file("f", "wb"); serialize(d, con, xdr=FALSE); close(con)',
        'save(d, file="f", ascii=TRUE)',
        'for (i in 1:3000) assign(paste0("v", i), i); save.image("f")',
        'e <- new.env(); e$d <- d; e$self <- e; saveRDS(e, "f")',
        'e <- new.env(hash=FALSE); assign("d", d, e); save(e, file="f")',
        'setClass("P", representation(d="data.frame")); saveRDS(new("P", d=d), "f")',
        'f <- (function(d) { force(d); function(x) x })(d); saveRDS(f, "f")',
        "g <- function(d) { force(d); function(x, y=2) if (x > y) quote(a + b) else list(x, y) }; "
        "f <- compiler::cmpfun(g(d)); "
        'saveRDS(f, "f")',
        'f <- (function(d) { force(d); y ~ x })(d); saveRDS(f, "f")',
        'saveRDS(list(as.raw(1:20), 1i, NULL, quote(a), y ~ x, d, expression(a + b)), "f")',
        'x <- 1:3; attr(x, "data") <- d; saveRDS(x, "f")',
        'd$visit <- as.Date(d$visit); saveRDS(d, "f")',
        'd$visit <- as.POSIXct(d$visit, tz="UTC"); saveRDS(d, "f")',
        'd$eid <- structure(bitwAnd(d$eid, -1L) * 4.9406564584124654e-324, class="integer64"); saveRDS(d, "f")',
        'class(d) <- c("tbl_df", "tbl", "data.frame"); saveRDS(d, "f")',
        'saveRDS(unclass(d), "f")',
        'saveRDS(as.matrix(format(d, trim=TRUE)), "f")',
        'saveRDS(lapply(seq_len(nrow(d)), function(i) as.list(d[i, ])), "f")',
        'd$sex <- as.list(d$sex); saveRDS(d, "f")',
        'save(d, file="f")',
        'x <- 3; save(x, d, file="f")',
        'saveRDS(list(a=1, inner=list(data=d)), "f")',
        'd$visit <- factor(d$visit); saveRDS(d, "f")',
        'f <- function(x) x + 1; save(f, d, file="f")',
    ],
)
def test_a_frame_is_read_however_r_wrote_it(program: str, tmp_path: Path) -> None:
    r(tmp_path, program)
    end, tables = ended(tmp_path / "f")
    assert (end.skipped, end.format) == (None, "r-data")
    frames = [table for table in tables if table.columns == COLUMNS]
    assert same(found_rows(frames), rows())


def test_ids_of_a_vector_are_seen(tmp_path: Path) -> None:
    r(tmp_path, 'saveRDS(d$eid, "f")')
    _, tables = ended(tmp_path / "f")
    assert [row[0] for row in found_rows(tables)] == [row[0] for row in rows()]


def test_row_names_are_kept(tmp_path: Path) -> None:
    r(tmp_path, 'rownames(d) <- d$eid; d$eid <- NULL; saveRDS(d, "f")')
    _, tables = ended(tmp_path / "f")
    assert tables[0].columns[0] == "row_name"
    assert same(found_rows(tables), rows())


@pytest.mark.parametrize(
    ("program", "cells"),
    [
        ("c(TRUE, NA, FALSE)", ["TRUE", "", "FALSE"]),
        ("c(1L, NA, -5L)", ["1", "", "-5"]),
        ("c(1, NA, NaN, 0.1, 1e5, 123456789012)", ["1", "", "", "0.1", "100000", "123456789012"]),
        ("c('a', NA, '')", ["a", "", ""]),
        ("factor(c('u', NA, 'v'))", ["u", "", "v"]),
        ("as.Date(c('2010-02-03', NA, '1931-12-31'))", ["2010-02-03", "", "1931-12-31"]),
        ("c('caf\\u00e9', iconv('caf\\u00e9', to='latin1'))", ["café", "café"]),
        ("5:9 + 0L", ["5", "6", "7", "8", "9"]),
        ("seq(2, 4)", ["2", "3", "4"]),
        ("as.character(7:9)", ["7", "8", "9"]),
        ("sort(c(3, 1, 2))", ["1", "2", "3"]),
    ],
)
@pytest.mark.parametrize("coding", ["FALSE", "TRUE", "NA"])
def test_cells_are_those_of_r(program: str, cells: list[str], coding: str, tmp_path: Path) -> None:
    r(tmp_path, f'saveRDS({program}, "f", ascii={coding})')
    end, tables = ended(tmp_path / "f")
    assert end.skipped is None
    assert [row[0] for row in found_rows(tables)] == cells


def test_names_of_lists_matrices_and_vectors_are_seen(tmp_path: Path) -> None:
    """A frame that is split by its ids has them nowhere else."""
    ids = [row[0] for row in rows()]
    for frame in ("d[, -1]", "rbind(d, d)[, -1]"):
        r(tmp_path, f'saveRDS(split({frame}, d$eid), "f")')
        _, tables = ended(tmp_path / "f")
        assert sorted(ids) in [sorted(one.cells[0]) for one in tables]
    for program in (
        "setNames(d$bmi, d$eid)",
        "t(t(setNames(d$bmi, d$eid)))",
        "tapply(d$bmi, factor(d$eid, d$eid), mean)",
    ):
        r(tmp_path, f'saveRDS({program}, "f")')
        _, tables = ended(tmp_path / "f")
        assert [row[0] for row in found_rows(tables)] == ids, program
        assert tables[0].columns[0] == "row_name"


@pytest.mark.parametrize(
    "program",
    [
        'x <- data.frame(a=1:3); y <- data.frame(b=4:6, c=7:9); save(x, d, y, file="f")',
        'saveRDS(list(data.frame(a=1:3), d, data.frame(b=4:6, c=7:9, e=1:3, g=0)), "f")',
        'saveRDS(split(d, rep(1:10, 6)), "f")',
        'first <- d[1:20, ]; last <- d[21:60, ]; save(first, last, file="f")',
    ],
)
def test_tables_of_one_file_are_kept_apart_unless_they_were_one(program: str, tmp_path: Path) -> None:
    """A table is told from another by its name, so two of other columns must not share one."""
    r(tmp_path, program)
    _, tables = ended(tmp_path / "f")
    heads: dict[str, set[tuple[str, ...]]] = {}
    for one in tables:
        heads.setdefault(one.name, set()).add(one.columns)
    assert all(len(columns) == 1 for columns in heads.values())
    of_cohort = [one for one in tables if one.columns[-4:] == COLUMNS]
    assert sorted(row[-4] for row in found_rows_of(of_cohort)) == sorted(row[0] for row in rows())
    assert len({one.name for one in of_cohort}) <= 2


def found_rows_of(tables: list[Table]) -> list[list[str]]:
    return [list(row) for one in tables for row in zip(*one.cells, strict=True)]


def test_a_matrix_has_its_columns_back(tmp_path: Path) -> None:
    r(tmp_path, 'saveRDS(data.matrix(d[, 1:3]), "f")')
    _, tables = ended(tmp_path / "f")
    assert tables[0].columns == COLUMNS[:3]
    assert same(found_rows(tables), [row[:3] for row in rows()])


@pytest.mark.parametrize(
    "program",
    [
        'saveRDS(m, "f")',
        'saveRDS(t(m), "f")',
        'saveRDS(as.data.frame(m), "f")',
        'saveRDS(cbind(IID=rownames(m), as.data.frame(m, row.names=NULL)), "f")',
        'storage.mode(m) <- "integer"; calls <- m; save(calls, file="f")',
    ],
)
def test_a_matrix_of_calls_is_genotypes(program: str, tmp_path: Path) -> None:
    names = 'dimnames=list(paste0("P", 1:10), paste0("rs", 1:30, "_A"))'
    m = f"set.seed(4); m <- matrix(sample(c(0:2, NA), 300, TRUE), 10, 30, {names})"
    r(tmp_path, f'{m}; write.csv(m, "wanted.csv"); {program}')
    parts = [one for one in read_path(tmp_path / "f") if isinstance(one, Genotypes)]
    wanted = [line.split(",")[1:] for line in (tmp_path / "wanted.csv").read_text().splitlines()[1:]]
    found = np.concatenate([one.dosages for one in parts]).T
    assert found.tolist() == [[-1 if cell == "NA" else int(cell) for cell in row] for row in wanted]
    assert parts[0].samples == tuple(f"P{n}" for n in range(1, 11))
    assert [name for one in parts for name in one.names] == [f"rs{n}" for n in range(1, 31)]
    assert set(parts[0].alleles_b) == {"A"}


@pytest.mark.parametrize("coding", ["FALSE", "TRUE"])
@pytest.mark.parametrize("cut", [0.03, 0.1, 0.5, 0.9])
def test_a_cut_file_is_told_as_damaged_and_gives_what_stands_before(
    cut: float, coding: str, tmp_path: Path
) -> None:
    r(tmp_path, f'saveRDS(d, "f", compress=FALSE, ascii={coding})')
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: int(cut * len(data))])
    end, tables = ended(tmp_path / "f")
    assert end.skipped == "damaged"
    if cut == 0.9:
        assert [row[0] for row in found_rows(tables)] == [row[0] for row in rows()]


def test_a_variable_before_the_damage_is_whole(tmp_path: Path) -> None:
    r(tmp_path, 'y <- as.character(rnorm(1e4)); save(d, y, file="f", compress=FALSE)')
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: len(data) // 2])
    end, tables = ended(tmp_path / "f")
    assert end.skipped == "damaged"
    assert same(found_rows([one for one in tables if one.columns == COLUMNS]), rows())


HEAD = b"X\n" + (2).to_bytes(4, "big") + bytes(8)


def words(*numbers: int) -> bytes:
    return b"".join((number & 0xFFFFFFFF).to_bytes(4, "big") for number in numbers)


RUN = (
    HEAD
    + words(238, 2, 1, 9, 14)
    + b"compact_intseq"
    + words(254, 14, 3)
    + struct.pack(">ddd", 1e15, 1, 1)
    + words(254)
)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (HEAD + words(19, 1) * 5_000 + words(254), "bomb"),
        (HEAD + words(2, 254) * 200_000, "damaged"),
        (HEAD + words(19, 0x7FFFFFFF), "damaged"),
        (HEAD + words(16, 0x7FFFFFFF), "damaged"),
        (HEAD + words(13, -1, 0x7FFFFFFF, 0), "damaged"),
        (HEAD + words(14, 0x7FFFFFFF, 0, 0), "damaged"),
        (HEAD + words(9, -7), "damaged"),
        (HEAD + words(255 | 9 << 8), "damaged"),
        (HEAD + words(77), "damaged"),
        (HEAD + words(238, 254, 254, 254), "unsupported"),
        (RUN, "bomb"),
        (HEAD + words(21, 1, 254, 1, 6, 254) + words(6, 254) * 5_000, "bomb"),
        (b"X\n" + words(9, 0, 0, 254), "damaged"),
        (b"A\n2\n0\n0\n16\n1\n9\n5\n\\", "damaged"),
        (b"A\n2\n0\n0\n13\nx\n", "damaged"),
    ],
)  # fmt: skip
def test_a_hostile_stream_ends_in_one_of_the_words(data: bytes, word: str, tmp_path: Path) -> None:
    (tmp_path / "f.rds").write_bytes(data)
    end, _ = ended(tmp_path / "f.rds")
    assert (end.format, end.skipped) == ("r-data", word)


def test_no_mutant_of_a_stream_is_more_than_damaged(tmp_path: Path) -> None:
    r(tmp_path, 'e <- new.env(); e$d <- d; saveRDS(list(e, d, y ~ x, function(x) x), "f", compress=FALSE)')
    data, rng = (tmp_path / "f").read_bytes(), np.random.default_rng(3)
    endings: Counter[str] = Counter()
    for _ in range(400):
        changed = mutant(data, rng)
        try:
            every = sum(
                len(one.cells[0]) for one in r_data.read(opened(changed), Limits()) if isinstance(one, Table)
            )
            endings["read" if every else "empty"] += 1
        except Unreadable as wrong:
            endings[wrong.why] += 1
    assert set(endings) <= {"read", "empty", "damaged", "unsupported", "bomb"}
    assert min(endings["read"], endings["damaged"]) > 20


def opened(data: bytes) -> Opened:
    return Opened("x.rds", io.BytesIO(data), len(data), lambda _: None)
