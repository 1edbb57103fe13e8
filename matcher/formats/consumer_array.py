"""Arrays sold to consumers (23andMe, AncestryDNA, MyHeritage, FamilyTreeDNA): one person, a line a variant.

`--`, `00`, II and DD are missing calls; one letter (X, Y, MT of a man) is two of the same. The person's name is the
file's, which often is an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

import numpy as np

from matcher.contents import Genotypes, Limits, Opened
from matcher.formats.beside import text_lines
from matcher.formats.call_matrix import part_of_pairs
from matcher.genotypes.naming import NamedVariant

FORMAT = "consumer-array"
_LINE = re.compile(
    r'"?(?P<name>[A-Za-z][\w.:-]{1,40})"?[,\t ]"?(?P<chromosome>\d{1,2}|X|Y|XY|MT?|PAR)"?'
    r'[,\t ]"?(?P<position>\d{1,10})"?'
    r'[,\t ]"?(?P<first>[ACGTDI0-])"?(?:[,\t ]?"?(?P<second>[ACGTDI0-])"?)?\s*'
)
_CODES = {"A": 0, "C": 1, "G": 2, "T": 3}
_BUILD = re.compile(r"build\s*(36|37|38)|GRCh(37|38)|hg(18|19|38)", re.IGNORECASE)
_BUILDS = {"36": "GRCh36", "18": "GRCh36", "37": "GRCh37", "19": "GRCh37", "38": "GRCh38"}
_LOOKED_AT = 60


def sniff(name: str, head: bytes) -> int:
    """4 where most of the lines are a variant's of one person."""
    lines = head.decode("utf-8", "replace").splitlines()[:-1]
    told = (line for line in lines if line.strip() and not line.startswith("#"))
    body = list(islice(told, 1, _LOOKED_AT + 1))
    if len(body) < 3:
        return 0
    return 4 if sum(_LINE.fullmatch(line) is not None for line in body) >= 0.9 * len(body) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    sample = (PurePosixPath(opened.name).stem,)
    build, variants, pairs = None, [], bytearray()
    for line in text_lines(opened.stream, limits, "the file"):
        if line.startswith("#"):
            told = _BUILD.search(line)
            build = build or (_BUILDS[next(one for one in told.groups() if one)] if told else None)
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        first = _CODES.get(found["first"], 255)
        variants.append(NamedVariant(found["name"], found["chromosome"], int(found["position"])))
        pairs += bytes((first, _CODES.get(found["second"], 255) if found["second"] else first))
        if len(variants) >= 50_000:
            yield from _parts(sample, variants, pairs, build)
            variants, pairs = [], bytearray()
    yield from _parts(sample, variants, pairs, build)


def _parts(
    sample: tuple[str, ...], variants: list[NamedVariant], pairs: bytearray, build: str | None
) -> Iterator[Genotypes]:
    from dataclasses import replace

    if variants:
        codes = np.frombuffer(bytes(pairs), dtype=np.uint8).reshape(len(variants), 1, 2)
        for part in part_of_pairs(sample, variants, codes):
            yield replace(part, build=build)
