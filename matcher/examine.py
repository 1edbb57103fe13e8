"""One file in, one answer out: what it is, how sure, whose data, whose copy.

Files come from `reading`, evidence from the matchers, the words of the answer from the contract. No answer holds
an id or a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from matcher.content import ContentSketch
from matcher.contents import Event, FileEnded, FileStarted, Limits, Picture, Text
from matcher.genotypes.called_tables import with_calls
from matcher.genotypes.found import FoundGenotypes
from matcher.genotypes.panels import public_samples
from matcher.library import matchers
from matcher.paths import inner_path, masked
from matcher.reading import read_bytes, read_path
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys, SeesTheEnd
from matcher.tables.masking import id_mask
from matcher.tables.personal import PersonalCounts
from matcher.tables.rows import RowSketch
from matcher.verdict import best, judge, matches_of
from matcher.watermarks.found import Found

PATH_PART = "path"
"""The name of the text part that holds a file's own path, which may hold ids."""


@dataclass(slots=True)
class _Open:
    """What is kept of a file while its parts go by."""

    content: ContentSketch
    personal: PersonalCounts
    sketches: list[Any]


@dataclass(frozen=True, slots=True)
class Examiner:
    """Everything that an examination needs, read once."""

    library: Sequence[EnrolledCohort]
    keys: MatchingKeys
    limits: Limits = field(default_factory=Limits)
    public: Sequence[Path] = ()
    """Folders of reference panels that are public."""

    def paths(self, paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
        """The contract's line for every file in `paths`: folders, archives and git histories included."""
        for path in paths:
            yield from self.events(read_path(path, self.limits), given=str(path))

    def content(self, name: str, data: Any) -> Iterator[dict[str, Any]]:
        """The same for content that was decrypted from quarantine; `data` is bytes or a binary stream."""
        yield from self.events(read_bytes(name, data, self.limits))

    def events(self, events: Iterable[Event], given: str = "") -> Iterator[dict[str, Any]]:
        """Answers, one for every file that ends in `events`; ids in names are masked, but not in the path `given`."""
        mask = id_mask(self.library, self.keys)
        file = self._open("")
        for event in with_calls(events):
            match event:
                case FileStarted(path):
                    file = self._open(path)
                case FileEnded():
                    answer = self._answer(file, event)
                    inner = event.path.removeprefix(given)
                    answer["path"] = event.path[: len(event.path) - len(inner)] + masked(inner, mask)
                    answer["columns"] = [mask(name) for name in answer["columns"]]
                    yield answer
                case Picture():
                    continue  # a hint for a case (`pictures`), no evidence
                case part:
                    file.content.add(part)
                    file.personal.add(part)
                    for sketch in file.sketches:
                        sketch.add(part)

    def _open(self, path: str) -> _Open:
        sketches = [matcher.sketch(self.keys) for matcher in matchers()]
        tables = next(sketch for sketch in sketches if isinstance(sketch, RowSketch))
        for sketch in sketches:
            if isinstance(sketch, Found):
                sketch.share(tables)
        name = Text(PATH_PART, inner_path(path))
        for sketch in sketches:
            sketch.add(name)
        return _Open(ContentSketch(), PersonalCounts(), sketches)

    def _answer(self, file: _Open, ended: FileEnded) -> dict[str, Any]:
        for sketch in file.sketches:
            if _sees_the_end(sketch.__class__):
                sketch.ended(ended)
        kind, reason = file.content.kind(ended.format, ended.path)
        releases_tried = sum(len(cohort.releases) for cohort in self.library)
        matches: list[dict[str, Any]] = []
        for cohort in self.library:
            evidence = self._evidence(file, cohort)
            if not evidence:
                continue
            judgement = judge(
                cohort.name,
                evidence,
                cohorts_tried=len(self.library),
                releases_tried=releases_tried,
                releases_here=len(cohort.releases),
            )
            matches += matches_of(judgement, {one.name: one.recipient for one in cohort.releases})
        matches.sort(key=lambda one: one["false_match_probability"])
        return {
            "path": ended.path,
            "sha256": ended.sha256,
            "bytes": ended.size,
            "format": ended.format,
            "content": kind,
            "content_reason": reason,
            "verdict": best([one["verdict"] for one in matches]),
            "matches": matches,
            "columns": list(file.content.columns),
            "public_panel": self._public(file),
            "personal": dict(sorted(file.personal.counts.items())),
            "small_cells": file.content.small_cells(kind),
            "skipped": ended.skipped,
        }

    def _public(self, file: _Open) -> str | None:
        """The public panel whose samples these mostly are."""
        for sketch in file.sketches:
            if isinstance(sketch, FoundGenotypes):
                panel = public_samples(sketch, self.public, self.keys)
                if panel and 2 * panel[1] > sketch.samples_count:
                    return panel[0]
        return None

    def _evidence(self, file: _Open, cohort: EnrolledCohort) -> list[Evidence]:
        evidence: list[Evidence] = []
        for matcher, sketch in zip(matchers(), file.sketches, strict=True):
            evidence += matcher.compare(sketch, cohort, self.keys)
        return evidence


@cache
def _sees_the_end(kind: type) -> bool:
    """Asked once for each kind of sketch: a protocol's check costs more than the call."""
    return issubclass(kind, SeesTheEnd)


def summary(answers: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The contract's last line over some answers: counts only."""
    files = total = 0
    verdicts = {"confirmed": 0, "probable": 0, "possible": 0, "none": 0}
    skipped: dict[str, int] = {}
    for one in answers:
        files += 1
        total += one["bytes"]
        verdicts[one["verdict"]] += 1
        if one["skipped"]:
            skipped[one["skipped"]] = skipped.get(one["skipped"], 0) + 1
    return {"files": files, "bytes": total, "verdicts": verdicts, "skipped": skipped}
