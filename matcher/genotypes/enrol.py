"""Enrols the genotypes of a cohort or a release from VCF, BCF or PLINK 1 files, streamed."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.errors import BadSourceFile
from matcher.formats import plink1, vcf
from matcher.genotypes.store import write_store
from matcher.sketches import MatchingKeys

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class GenotypesEnrolled:
    """What was enrolled, in numbers."""

    samples_count: int
    variants_count: int


def enrol(folder: Path, files: Sequence[Path], keys: MatchingKeys) -> GenotypesEnrolled:
    """Writes the store under `folder`; the files must hold the same samples in the same order.

    Raises:
        BadSourceFile: a file cannot be read, holds no genotypes, or other samples than the one before.
    """
    try:
        samples, variants = write_store(folder, _parts(files), keys.genotypes)
    except Unreadable as wrong:
        raise BadSourceFile(
            f"a genotype file cannot be read ({wrong}); give VCF, BCF, or a .bed with .bim, .fam"
        ) from None
    except ValueError as wrong:
        raise BadSourceFile(str(wrong)) from None
    if variants < 1:
        raise BadSourceFile("the genotype files hold no autosomal SNP that can be used; give others")
    return GenotypesEnrolled(samples, variants)


def _parts(files: Sequence[Path]) -> Iterator[Genotypes]:
    for path in files:
        with ExitStack() as stack:
            raw: BinaryIO = stack.enter_context(path.open("rb"))
            head = raw.read(2)
            raw.seek(0)
            stream = raw
            if head == _GZIP:
                stream = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=raw, mode="rb")))
            start = stream.read(64)
            stream.seek(0)
            opened = Opened(path.name.removesuffix(".gz"), stream, path.stat().st_size, _beside(path))
            reader = next((one for one in (plink1, vcf) if one.sniff(opened.name, start)), None)
            if reader is None:
                raise BadSourceFile(f"{path.name} is no VCF, BCF or PLINK .bed; give one of these")
            yield from reader.read(opened, Limits())


def _beside(path: Path) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        beside = path.with_suffix(suffix)
        return beside.open("rb") if beside.is_file() else None

    return sibling
