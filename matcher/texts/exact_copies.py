"""Matcher `exact-copy`: a file that is, byte for byte, one that was handed over in a release.

Told by SHA-256 against the manifest of each release, also where only a pointer stands in a repository (git LFS names
the SHA-256 of what it points to). Two files of one digest are one file; a file that was handed to several recipients
names none of them, and one that is too short to be anybody's alone proves nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from matcher.contents import Part, Text
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys, ReleaseEvidence

NAME = "exact-copy"
VERSION = "1"
FILES = "files.json"
SHORTEST = 1024
"""Bytes of a file that says something: a shorter one may be anybody's."""
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

    def add(self, part: Part) -> None:
        pointer = _POINTER.match(part.text) if isinstance(part, Text) else None
        if pointer:
            self.pointed_to.add(pointer["oid"])

    def ended(self, sha256: str) -> None:
        self.own.add(sha256)


def write_files(folder: Path, manifest: Sequence[dict[str, Any]]) -> None:
    """Puts the digests of a release's files into its folder."""
    kept = {line["sha256"]: line["bytes"] for line in manifest if line["bytes"] >= SHORTEST}
    (folder / FILES).write_text(json.dumps(kept), encoding="ascii")


def sketch(keys: MatchingKeys) -> Digests:  # noqa: ARG001 - digests of whole files are no secret
    return Digests()


def compare(sketch: Digests, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:  # noqa: ARG001
    """That the file was handed over, and in which release."""
    digests = sketch.own | sketch.pointed_to
    holding = [one for one in cohort.releases if digests & _files(one.folder)]
    if not holding:
        return []
    how = "is" if sketch.own & _files(holding[0].folder) else "points to"
    why = f"the file {how}, byte for byte, one that was handed over in {len(holding)} release(s)"
    odds = DECADES if len(holding) == 1 else AS_CANDIDATE
    releases = tuple(
        ReleaseEvidence(one.name, odds, beyond_ids=True, why=f"the file {how} one of this release")
        for one in holding
    )
    return [Evidence(NAME, "bytes", DECADES, why, releases=releases)]


def _files(folder: Path) -> frozenset[str]:
    path = folder / FILES
    return _read(str(path), path.stat().st_mtime_ns) if path.exists() else frozenset()


@lru_cache(maxsize=512)
def _read(path: str, _written: int) -> frozenset[str]:
    return frozenset(json.loads(Path(path).read_text(encoding="ascii")))
