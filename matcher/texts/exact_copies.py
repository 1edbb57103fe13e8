"""Matcher `exact-copy`: a file that is, byte for byte, one that was handed over in a release, or a part of one.

Told by SHA-256 against the manifest of each release, also where only a pointer stands in a repository (git LFS names
the SHA-256 of what it points to). Two files of one digest are one file; a file that was handed to several recipients
names none of them, and one that is too short to be anybody's alone proves nothing. A file that could not be read is
compared piece by piece (`pieces`): it may be one of the parts into which a large file was split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from matcher.contents import FileEnded, Part, Text
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence, MatchingKeys, ReleaseEvidence
from matcher.texts.pieces import Pieces, pieces_of

NAME = "exact-copy"
VERSION = "1"
FILES = "files.json"
PIECES = "pieces.npy"
SHORTEST = 1024
"""Bytes of a file that says something: a shorter one may be anybody's."""
FEWEST_PIECES = 3
"""Pieces in common that say something; one may be a header that many files have."""
DECADES = 30.0
AS_CANDIDATE = 0.001
_POINTER = re.compile(
    r"\s*version https://git-lfs\.github\.com/spec/v1\s+(?:ext-[^\n]*\s+)*oid sha256:(?P<oid>[0-9a-f]{64})\s"
)


@dataclass(slots=True)
class Digests:
    """Digests that a file has or points to."""

    own: set[str] = field(default_factory=set)
    pointed_to: set[str] = field(default_factory=set)
    pieces: Pieces = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    def add(self, part: Part) -> None:
        pointer = _POINTER.match(part.text) if isinstance(part, Text) else None
        if pointer:
            self.pointed_to.add(pointer["oid"])

    def ended(self, ended: FileEnded) -> None:
        self.own.add(ended.sha256)
        self.pieces = np.frombuffer(ended.pieces, dtype=np.uint64)


def write_files(folder: Path, files: Sequence[Path], manifest: Sequence[dict[str, Any]]) -> None:
    """Puts the digests of a release's files, and of their pieces, into its folder."""
    kept = {line["sha256"]: line["bytes"] for line in manifest if line["bytes"] >= SHORTEST}
    (folder / FILES).write_text(json.dumps(kept), encoding="ascii")
    pieces = [np.zeros(0, dtype=np.uint64)]
    for file in files:
        with file.open("rb") as stream:
            pieces.append(pieces_of(stream, most=None))
    np.save(folder / PIECES, np.unique(np.concatenate(pieces)), allow_pickle=False)


def sketch(keys: MatchingKeys) -> Digests:  # noqa: ARG001 - digests of whole files are no secret
    return Digests()


def compare(sketch: Digests, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:  # noqa: ARG001
    """That the file was handed over, and in which release."""
    digests = sketch.own | sketch.pointed_to
    holding = [one for one in cohort.releases if digests & _files(one.folder)]
    if not holding:
        return _of_pieces(sketch.pieces, cohort)
    how = "is" if sketch.own & _files(holding[0].folder) else "points to"
    why = f"the file {how}, byte for byte, one that was handed over in {len(holding)} release(s)"
    return _held([(one, f"the file {how} one of this release") for one in holding], why)


def _of_pieces(pieces: Pieces, cohort: EnrolledCohort) -> list[Evidence]:
    """That the file is a part of one that was handed over. Pieces that several releases have name none of them."""
    if pieces.size < FEWEST_PIECES:
        return []
    held = {one: np.isin(pieces, _pieces(one.folder)) for one in cohort.releases}
    known = np.any(list(held.values()), axis=0) if held else np.zeros(0, dtype=bool)
    if known.sum() < FEWEST_PIECES:
        return []
    shared = np.sum(list(held.values()), axis=0) > 1
    alone = {one: int((has & ~shared).sum()) for one, has in held.items()}
    naming = [one for one, count in alone.items() if count >= FEWEST_PIECES]
    holding = naming or [one for one, has in held.items() if has.sum() >= FEWEST_PIECES]
    why = (
        f"{int(known.sum()):,} of {pieces.size:,} pieces of the file are, byte for byte, pieces of files that were "
        f"handed over in {len(holding)} release(s); it is a part of one"
    )
    told = [
        (one, f"{int(held[one].sum()):,} pieces of the file are of this release's files") for one in holding
    ]
    return _held(told, why)


def _held(holding: Sequence[tuple[EnrolledRelease, str]], why: str) -> list[Evidence]:
    odds = DECADES if len(holding) == 1 else AS_CANDIDATE
    releases = tuple(ReleaseEvidence(one.name, odds, beyond_ids=True, why=said) for one, said in holding)
    return [Evidence(NAME, "bytes", DECADES, why, releases=releases)]


def _pieces(folder: Path) -> Pieces:
    path = folder / PIECES
    return _loaded(str(path), path.stat().st_mtime_ns) if path.exists() else np.zeros(0, dtype=np.uint64)


@lru_cache(maxsize=512)
def _loaded(path: str, _written: int) -> Pieces:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _files(folder: Path) -> frozenset[str]:
    path = folder / FILES
    return _read(str(path), path.stat().st_mtime_ns) if path.exists() else frozenset()


@lru_cache(maxsize=512)
def _read(path: str, _written: int) -> frozenset[str]:
    return frozenset(json.loads(Path(path).read_text(encoding="ascii")))
