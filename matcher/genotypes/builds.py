"""Positions of a cohort's variants in another build of the genome, from a chain file or a table; nothing is downloaded.

A find that was made on another build has other positions; where it names its variants too, the names join them, and
else these positions do.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np

from matcher.errors import BadSourceFile
from matcher.genotypes.building import FOLDER
from matcher.genotypes.store import BUILDS, Store, open_store
from matcher.genotypes.variants import chromosome_code, name_number

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_CHROMOSOME = ("chrom", "chromosome", "chr", "#chrom")
_POSITION = ("pos", "position", "bp")
_VARIANT = ("name", "rsid", "id", "snp")

Places = tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], np.ndarray[tuple[int], np.dtype[np.int64]]]


def add_build(folder: Path, key: bytes, name: str, file: Path) -> int:
    """Keeps where the cohort's variants lie in the build `name`; gives for how many that is known.

    `file` is a liftOver chain file from the cohort's build to the other one, or a table (TSV or CSV, gzip too) with the
    columns name, chromosome, position.

    Raises:
        BadSourceFile: the cohort has no genotypes, or the file is neither.
    """
    store = open_store(folder, key)
    if store is None:
        raise BadSourceFile("the cohort has no genotypes; give them first with `cohortwatch cohort add`")
    if not _NAME.fullmatch(name):
        raise BadSourceFile(
            f"{name!r} cannot be a build's name; use letters, digits, dot and dash, as in GRCh37"
        )
    with _opened(file) as stream:
        head = stream.read(64 << 10)
    is_chain = re.search(rb"^chain \d", head, re.MULTILINE) is not None
    chromosomes, positions = _through_chain(store, file) if is_chain else _through_table(store, file)
    known = int((positions > 0).sum())
    if not known:
        raise BadSourceFile(f"{file.name} places none of the cohort's variants; is it from their build?")
    (folder / FOLDER / BUILDS).mkdir(exist_ok=True)
    unfinished = folder / FOLDER / BUILDS / f".{name}.unfinished"
    with unfinished.open("wb") as out:
        np.savez(out, chromosomes=chromosomes, positions=positions)
    unfinished.rename(folder / FOLDER / BUILDS / f"{name}.npz")
    return known


def _opened(file: Path) -> IO[bytes]:
    with file.open("rb") as start:
        is_gzip = start.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(file, "rb") if is_gzip else file.open("rb"))


def _through_chain(store: Store, file: Path) -> Places:
    from pyliftover import LiftOver  # type: ignore[import-untyped,unused-ignore]

    with _opened(file) as stream:
        try:
            lifted = LiftOver(stream, use_web=False)
        except Exception as wrong:  # noqa: BLE001 - the library raises bare exceptions on a broken line
            raise BadSourceFile(
                f"{file.name} is no chain file that can be read ({type(wrong).__name__})"
            ) from None
    chromosomes = np.zeros(len(store.positions), np.uint8)
    positions = np.zeros(len(store.positions), np.int64)
    for row, (chromosome, position) in enumerate(
        zip(store.chromosomes.tolist(), store.positions.tolist(), strict=True)
    ):
        for prefix in ("chr", ""):
            # Chain files count from 0. A place on the other strand, or none, is left out.
            found = lifted.convert_coordinate(f"{prefix}{chromosome}", position - 1)
            if found and found[0][2] == "+":
                chromosomes[row], positions[row] = chromosome_code(found[0][0]), found[0][1] + 1
                break
    return chromosomes, positions


def _through_table(store: Store, file: Path) -> Places:
    chromosomes = np.zeros(len(store.positions), np.uint8)
    positions = np.zeros(len(store.positions), np.int64)
    rows = {number: row for row, number in enumerate(store.names.tolist()) if number}
    for name, chromosome, position in _table(file):
        row = rows.get(name_number(name))
        if row is not None and position.isdigit():
            chromosomes[row], positions[row] = chromosome_code(chromosome), int(position)
    return chromosomes, positions


def _table(file: Path) -> Iterator[tuple[str, str, str]]:
    with _opened(file) as stream:
        first = stream.readline(1 << 16).decode("utf-8", "replace")
        delimiter = "\t" if "\t" in first else ","
        header = [cell.strip().lower() for cell in first.split(delimiter)]
        wanted = (_VARIANT, _CHROMOSOME, _POSITION)
        at = [next((header.index(one) for one in names if one in header), -1) for names in wanted]
        if min(at) < 0:
            raise BadSourceFile(
                f"{file.name} is neither a chain file nor a table of name, chromosome, position"
            )
        for line in stream:
            cells = line.decode("utf-8", "replace").rstrip("\r\n").split(delimiter)
            if len(cells) == len(header):
                yield cells[at[0]], cells[at[1]], cells[at[2]]
