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
from matcher.genotypes.chains import Places, beyond_ends, known_build, read_chains
from matcher.genotypes.store import BUILDS, Store, open_store
from matcher.genotypes.variants import chromosome_code, name_number

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_CHROMOSOME = ("chrom", "chromosome", "chr", "#chrom")
_POSITION = ("pos", "position", "bp")
_VARIANT = ("name", "rsid", "id", "snp")

_STRAY = 2
"""Variants that may lie anywhere; more beyond the ends of chromosomes say that these are of another build."""


def add_build(folder: Path, key: bytes, name: str, file: Path) -> int:
    """Keeps where the cohort's variants lie in the build `name`; gives for how many that is known.

    `file` is a liftOver chain file between the cohort's build and the other one, in either direction if the lengths in
    it tell which builds they are; one between the other and a build that was given before (GRCh37, then GRCh36); or a
    table (TSV or CSV, gzip too) with the columns name, chromosome, position.

    Raises:
        BadSourceFile: the cohort has no genotypes, the file is neither, or a chain file does not lead from the cohort's
            build to this one.
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
    chromosomes, positions = _through_chain(store, name, file) if is_chain else _through_table(store, file)
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


def _through_chain(store: Store, name: str, file: Path) -> Places:
    with _opened(file) as stream:
        try:
            chains = read_chains(stream)
        except Exception as wrong:  # noqa: BLE001 - the library raises bare exceptions on a broken line
            raise BadSourceFile(
                f"{file.name} is no chain file that can be read ({type(wrong).__name__})"
            ) from None
    wanted = known_build(name)
    back = wanted is not None and wanted == chains.source
    start, end = (chains.target, chains.source) if back else (chains.source, chains.target)
    if wanted is not None and end not in {None, wanted}:
        raise BadSourceFile(f"{file.name} leads from {start or 'another build'} to {end}, not to {name}")
    return chains.lifted(*_places_on(store, start, file), back=back)


def _places_on(store: Store, build: str | None, file: Path) -> Places:
    """Where the cohort's variants lie in this build: as was given before, else as they are, if they can be on it."""
    for one in store.other_builds:
        if build is not None and known_build(one.name) == build:
            return one.chromosomes, one.positions
    if build is not None:
        beyond = beyond_ends(build, store.chromosomes, store.positions)
        if beyond > _STRAY:
            raise BadSourceFile(
                f"{file.name} starts from {build}, and {beyond:,} of the cohort's variants lie beyond the ends of its "
                f"chromosomes; give a chain file from their own build, or first one from there to {build}"
            )
    return store.chromosomes, store.positions


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
