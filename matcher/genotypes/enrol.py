"""Enrols the genotypes of a cohort or a release from any file of genotypes that is read, streamed.

What a killed run left in the folder is gone on with, from the file at which it stopped.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from matcher.contents import Genotypes, Limits, Opened, Part, Picture, Table, Unreadable
from matcher.errors import BadSourceFile
from matcher.genotypes.building import FOLDER, Building, file_mark
from matcher.genotypes.conversions import way_to_enrol
from matcher.genotypes.rows_in_place import require_in_place, write_sources
from matcher.sketches import MatchingKeys
from matcher.sniffing import HEAD_BYTES, format_of

CALLS_AT_ONCE = 32 << 20
_GZIP = b"\x1f\x8b"
_GIVE = "give VCF, BCF, PLINK 1 (.bed) or PLINK 2 (.pgen) with their neighbours"


@dataclass(frozen=True, slots=True)
class GenotypesEnrolled:
    """What was enrolled, in numbers."""

    samples: tuple[str, ...]
    """The samples' ids: the caller keeps nothing of them but keyed hashes."""
    variants_count: int

    @property
    def samples_count(self) -> int:
        return len(self.samples)


def enrol(
    folder: Path, files: Sequence[Path], keys: MatchingKeys, *, in_place: bool = False
) -> GenotypesEnrolled:
    """Writes the store under `folder`; the files must hold the same samples in the same order.

    With `in_place` no call is copied: the .bed and .pgen files must stay where they are.

    Raises:
        BadSourceFile: a file cannot be read, holds no genotypes, or other samples than the one before.
    """
    for path in files if in_place else ():
        require_in_place(path)
    try:
        samples, variants = _written(folder / FOLDER, files, keys.genotypes, in_place)
    except ValueError as wrong:
        raise BadSourceFile(str(wrong)) from None
    if variants < 1:
        raise BadSourceFile("the genotype files hold no autosomal SNP that can be used; give others")
    return GenotypesEnrolled(samples, variants)


def _written(place: Path, files: Sequence[Path], key: bytes, in_place: bool) -> tuple[tuple[str, ...], int]:
    marks = [file_mark(path) for path in files]
    building = Building(place, key, copies=not in_place)
    samples = samples_of(files[0])
    done = building.go_on(marks)
    if done and not building.take_samples(samples):
        building.start_over()
        done = 0
    for path, mark in zip(files[done:], marks[done:], strict=True):
        building.add_file(parts_of(path), mark)
    if in_place:
        write_sources(place, files, marks)
    return building.samples, building.finish()


def samples_of(path: Path) -> tuple[str, ...]:
    """The samples' ids; little of the file is read.

    Raises:
        BadSourceFile: as of `parts_of`; or a sample has no name, or that of another, so that neither is told.
    """
    samples = next((part.samples for part in parts_of(path)), ())
    alike = len(samples) - len(set(samples) - {""})
    if alike:
        raise BadSourceFile(
            f"{alike:,} of the {len(samples):,} samples of {path.name} have no name or that of another; "
            "give every sample a name of its own"
        )
    return samples


def parts_of(path: Path) -> Iterator[Genotypes]:
    """The calls of one file.

    Raises:
        BadSourceFile: it holds no genotypes, or cannot be read.
    """
    try:
        yield from _parts(path)
    except Unreadable as wrong:
        raise BadSourceFile(f"{path.name} cannot be read ({wrong}); {_GIVE}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadSourceFile(f"{path.name} breaks off or is damaged; give a whole copy of it") from None


def _parts(path: Path) -> Iterator[Genotypes]:
    with ExitStack() as stack:
        raw: BinaryIO = stack.enter_context(path.open("rb"))
        head = raw.read(2)
        raw.seek(0)
        stream = raw
        if head == _GZIP:
            stream = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb")))
        start = stream.read(HEAD_BYTES)
        stream.seek(0)
        opened = Opened(path.name.removesuffix(".gz"), stream, path.stat().st_size, _beside(path))
        reader = format_of(opened.name, start)
        if reader is None:
            raise BadSourceFile(f"{path.name} is no file of genotypes; {_GIVE}")
        parts = reader.read(
            opened, Limits(file_bytes=1 << 50, total_bytes=1 << 50, calls_per_part=CALLS_AT_ONCE)
        )
        yield from _calls(path.name, parts)


def _calls(name: str, parts: Iterable[Part | Picture]) -> Iterator[Genotypes]:
    """The genotypes of a file's parts; a file of other things is refused, one of nothing is not."""
    has_calls, other = False, False
    for part in parts:
        if isinstance(part, Genotypes):
            has_calls = True
            yield part
            continue
        other = True
        way = way_to_enrol(part) if isinstance(part, Table) and not has_calls else None
        if way is not None:
            raise BadSourceFile(
                f"{name} is a table of calls, which is told in finds and enrols nobody; {way}"
            )
    if other and not has_calls:
        raise BadSourceFile(f"{name} is no file of genotypes; {_GIVE}")


def _beside(path: Path) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        beside = path.with_suffix(suffix)
        return beside.open("rb") if beside.is_file() else None

    return sibling
