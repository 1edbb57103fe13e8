"""Arrays sold to consumers (23andMe, AncestryDNA, MyHeritage, FamilyTreeDNA): one person, a line a variant.

`--`, `00`, II and DD are missing calls; one letter (X, Y, MT of a man) is two of the same. The person's name is the
file's, which often is an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits, Opened
from matcher.formats.beside import line_blocks, lines_of
from matcher.formats.list_scanning import scan_person
from matcher.formats.scanning import bytes_of

FORMAT = "consumer-array"
_LINE = re.compile(
    r'"?(?P<name>[A-Za-z][\w.:-]{1,40})"?[,\t ]"?(?P<chromosome>[0-9]{1,2}|X|Y|XY|MT?|PAR)"?'
    r'[,\t ]"?(?P<position>\d{1,10})"?'
    r'[,\t ]"?(?P<first>[ACGTDI0-])"?(?:[,\t ]?"?(?P<second>[ACGTDI0-])"?)?\s*'
)
_BASES = np.frombuffer(b"ACGT", np.uint8)
_LETTERS: npt.NDArray[Any] = np.array(["A", "C", "G", "T", ""], dtype=object)
_CHROMOSOMES: npt.NDArray[Any] = np.array(
    [*"0123456789", *(f"{number:02}" for number in range(100)), "X", "Y", "XY", "M", "MT", "PAR"],
    dtype=object,
)
"""By the code that `scan_person` gives."""
_BUILD = re.compile(r"build\s*(36|37|38)|GRCh(37|38)|hg(18|19|38)", re.IGNORECASE)
_BUILDS = {"36": "GRCh36", "18": "GRCh36", "37": "GRCh37", "19": "GRCh37", "38": "GRCh38"}
_LOOKED_AT = 60
_TELLING = 20
"""Lines of which a person's are never all heterozygous."""
_SHORTEST = 9
"""Bytes of the shortest line of a variant."""
_MOST_RUNS = 100
_Variants = tuple[
    list[str], tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.int8]
]
"""Names, chromosomes, positions, the two alleles as numbers of `_LETTERS`, and calls."""


def sniff(name: str, head: bytes) -> int:
    """4 where most of the lines are a variant's of one person: a list of variants has two alleles in every line."""
    lines = head.splitlines()[:-1]
    told = (line for line in lines if line.strip() and not line.startswith(b"#"))
    body = [line.decode("utf-8", "replace") for line in islice(told, 1, _LOOKED_AT + 1)]
    if len(body) < 3:
        return 0
    read = [one for line in body if (one := _LINE.fullmatch(line)) is not None]
    is_list = len(read) >= _TELLING and all(one["second"] not in (None, one["first"]) for one in read)
    return 4 if len(read) >= 0.9 * len(body) and not is_list else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes of one sample in parts; a variant without a letter is left out.

    Raises:
        Unreadable: the file is no text in lines, or is larger than may be read.
    """
    sample = (PurePosixPath(opened.name).stem,)
    build = None
    for block in line_blocks(opened.stream, limits, "the file"):
        build = build or _build_told(block)
        names, chromosomes, positions, alleles, calls = _variants(block)
        if names:
            yield Genotypes(
                samples=sample,
                chromosomes=chromosomes,
                positions=positions,
                names=tuple(names),
                alleles_a=tuple(_BASES[alleles[0]].tobytes().decode("ascii")),
                alleles_b=tuple(_LETTERS[alleles[1]].tolist()),
                dosages=calls[:, None],
                build=build,
            )


def _build_told(block: bytes) -> str | None:
    """The build of the genome that a remark states."""
    at = block.find(b"#")
    while at >= 0:
        start, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
        end = len(block) if end < 0 else end
        told = _BUILD.search(block[at:end].decode("utf-8", "replace"))
        if told and not block[start:at].strip(b"\r\0 "):
            return _BUILDS[next(one for one in told.groups() if one)]
        at = block.find(b"#", end)
    return None


def _variants(block: bytes) -> _Variants:
    if not block.isascii() or b"\0" in block:
        return _by_line(block)
    return _plain(block if block.endswith(b"\n") else block + b"\n")


def _plain(block: bytes) -> _Variants:
    """The variants of a block of plain ASCII, by the compiled scanner."""
    most = len(block) // _SHORTEST + 1
    names, codes = np.empty(len(block), np.uint8), np.empty(most, np.uint8)
    positions, alleles = np.empty(most, np.int64), np.empty((2, most), np.uint8)
    calls = np.empty(most, np.int8)
    count, filled = scan_person(bytes_of(block), names, codes, positions, alleles, calls)
    listed = names[:filled].tobytes().decode("ascii").split("\n")[:-1]
    return (
        listed,
        _chromosomes(codes[:count]),
        positions[:count].copy(),
        alleles[:, :count],
        calls[:count].copy(),
    )


def _chromosomes(codes: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """The chromosomes of codes, which stand in runs."""
    starts = np.flatnonzero(np.diff(codes, prepend=np.uint8(255), append=np.uint8(255)))
    if len(starts) > _MOST_RUNS:
        return tuple(_CHROMOSOMES[codes].tolist())
    found: tuple[str, ...] = ()
    for start, end in pairwise(starts.tolist()):
        found += (_CHROMOSOMES[codes[start]],) * (end - start)
    return found


def _by_line(block: bytes) -> _Variants:
    """The same of a block with other letters in it: each line that fits is written anew in plain ones."""
    every = (_LINE.fullmatch(line) for line in lines_of(block) if not line.startswith("#"))
    found = [one for one in every if one is not None]
    rows = [(one["chromosome"], one["position"], one["first"], one["second"] or "") for one in found]
    plain = "".join(f"n{at}\t{c}\t{int(p)}\t{a}{b}\n" for at, (c, p, a, b) in enumerate(rows))
    listed, chromosomes, positions, alleles, calls = _plain(plain.encode())
    return [found[int(one[1:])]["name"] for one in listed], chromosomes, positions, alleles, calls
