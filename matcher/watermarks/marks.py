"""The matcher `watermark`: which release a find derives from, by the marks in it.

Every marked release of the cohort is scored by an e-value; see `odds` for the null hypothesis and the bound. Genotype
and phenotype marks and canaries have keys of their own, so their e-values multiply. Ids are `id-set`'s business; those
of canaries are told apart here, as ids, so nothing that counts beyond ids can be planted by someone who has only ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys, ReleaseEvidence
from matcher.tables import rows
from matcher.watermarks.codes import DIGIT_RATES
from matcher.watermarks.fields_by_value import with_fields
from matcher.watermarks.found import Found
from matcher.watermarks.genotype_source import GenotypeSource
from matcher.watermarks.odds import CAP, Units, score
from matcher.watermarks.phenotypes import field_word, source_fields
from matcher.watermarks.read_canaries import FoundStrangers, release_canaries
from matcher.watermarks.read_digits import Reading, read_table
from matcher.watermarks.read_genotypes import Known, read_calls
from matcher.watermarks.roster import Roster, marks_folder, release_file, sealing_key, source_file
from matcher.watermarks.sealed import SealedReader
from matcher.watermarks.steps import levels_of
from matcher.watermarks.units import recipient_keys

NAME = "watermark"
VERSION = "1"
SHOWN_FROM = 1.0
"""Releases under ten to one are not listed."""
EXPECTED_FOR_UNMARKED = 20.0


@dataclass(slots=True)
class ClassScore:
    """One class of marks in one find: an e-value for every recipient, and what it rests on."""

    kind: str
    odds: dict[str, float]
    units_count: int
    aligned_count: int
    expected_marks: float
    shown_marks: int


def sketch(keys: MatchingKeys) -> Found:
    return Found(rows=rows.sketch(keys))


def compare(sketch: Found, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:
    """Evidence for every release that speaks louder than ten to one; empty where no mark could be read."""
    if not (sketch.tables or sketch.genotypes or sketch.ids) or not marks_folder(cohort.folder).exists():
        return []
    releases = marked_releases(cohort, keys.marks)
    if not releases:
        return []
    sketch = in_fields(sketch, cohort, keys.marks, releases)
    scores = scored(sketch, cohort, keys.marks, releases)
    strangers = FoundStrangers(sketch, cohort.folder, keys.marks)
    canaries = {name: release_canaries(strangers, name, kept) for name, kept in releases.items()}
    by_ids = _canary_ids(canaries)
    evidence = _release_evidence(releases, scores, {name: one[0] for name, one in canaries.items()})
    if not scores and not evidence:
        return by_ids
    aligned = max((one.aligned_count for one in scores), default=0)
    best = max((one.log10_odds for one in evidence), default=0.0)
    expected = sum(one.expected_marks for one in scores)
    if best < SHOWN_FROM and expected < EXPECTED_FOR_UNMARKED:
        return by_ids
    if best < SHOWN_FROM:
        shown = sum(one.shown_marks for one in scores)
        state = "unmarked" if shown < expected / 4 else "marked for nobody who is registered here, or damaged"
        why = (
            f"{state}: {aligned:,} participants were aligned, {expected:.0f} marks of any recipient were to be "
            f"expected and {shown:,} cells show a mark's value, none of them a release's: the source itself, "
            "an unmarked copy, another supplier, or a file imputed anew"
        )
    else:
        why = (
            f"marks of {len(evidence)} of {len(releases)} marked releases in {aligned:,} aligned participants"
        )
    return [
        Evidence(
            matcher=NAME,
            rests_on="marks",
            log10_odds=0.0,
            why=why,
            participants_matched=aligned,
            participants_examined=_examined(sketch),
            releases=tuple(evidence),
        ),
        *by_ids,
    ]


def in_fields(
    sketch: Found, cohort: EnrolledCohort, master: bytes, releases: dict[str, dict[str, object]]
) -> Found:
    """The find with its tables as tables of the fields that these releases' sources have."""
    if not sketch.tables:
        return sketch
    fields: set[str] = set()
    for digest in _sources(releases):
        reader = SealedReader(source_file(cohort.folder, digest), sealing_key(master))
        if str(reader.json("kind")) != "genotypes":
            fields |= {field_word(one.name) for one in source_fields(reader)}
    return with_fields(sketch, cohort, fields)


def _canary_ids(canaries: dict[str, tuple[float, float, int]]) -> list[Evidence]:
    """Ids of canaries are evidence of the release, but ids alone never accuse."""
    found = tuple(
        ReleaseEvidence(
            release=name,
            log10_odds=min(CAP, odds),
            beyond_ids=False,
            why=f"{hits} ids that only canary participants of this release have",
        )
        for name, (_, odds, hits) in canaries.items()
        if odds >= SHOWN_FROM
    )
    if not found:
        return []
    return [
        Evidence(NAME, "ids", 0.0, "ids of canary participants, who are in one release only", releases=found)
    ]


def marked_releases(cohort: EnrolledCohort, master: bytes) -> dict[str, dict[str, object]]:
    """What was kept of every registered release that was marked, by name."""
    out, key = {}, sealing_key(master)
    for release in cohort.releases:
        with suppress(FileNotFoundError):
            out[release.name] = SealedReader(release_file(cohort.folder, release.name), key).json("release")
    return out


@dataclass(frozen=True, slots=True)
class ReadMarks:
    """One reading of one source in a find, and the recipients whose copies were made from that source."""

    kind: str
    reading: Reading
    thresholds: npt.NDArray[np.uint64]
    recipients: tuple[str, ...]
    stepped: frozenset[str]
    """The recipients to whom only an analysis with steps was ever committed."""
    levels: tuple[float, ...]
    """Where the steps are."""

    def levels_for(self, recipient: str) -> tuple[float, ...]:
        return self.levels if recipient in self.stepped else ()

    def odds(self, recipients: Sequence[str], keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
        """log10 e of recipients by their keys, each by the analysis that was committed to for it."""
        out = np.zeros(len(recipients))
        with_steps = np.array([bool(self.levels_for(one)) for one in recipients], dtype=bool)
        for which, levels in ((with_steps, self.levels), (~with_steps, ())):
            if which.any():
                out[which] = score(
                    self.reading.units, keys[which], self.thresholds, self.reading.errors, levels
                )
        return out


def read_marks(
    sketch: Found, cohort: EnrolledCohort, master: bytes, releases: dict[str, dict[str, object]]
) -> Iterator[ReadMarks]:
    """Every reading of a find; each source is aligned once, and no recipient's key is used."""
    roster = Roster.read(cohort.folder, master)
    early = {str(kept["recipient"]) for kept in releases.values() if int(str(kept["version"])) < 2}
    levels = levels_of(len(cohort.releases))
    known: Known = {}
    for digest, recipients in sorted(_sources(releases).items()):
        reader = SealedReader(source_file(cohort.folder, digest), sealing_key(master))
        if str(reader.json("kind")) == "genotypes":
            source = GenotypeSource.open(source_file(cohort.folder, digest), sealing_key(master))
            readings = [
                read_calls(parts, source, roster.units, master, known) for parts in sketch.genotypes.values()
            ]
            thresholds, word = source.rates.thresholds, "genotypes"
        else:
            readings = [read_table(table, reader, roster.units, master) for table in sketch.tables.values()]
            thresholds, word = DIGIT_RATES.thresholds, "digits"
        for reading in readings:
            if reading is not None and len(reading.units):
                yield ReadMarks(
                    word,
                    reading,
                    thresholds,
                    tuple(sorted(recipients)),
                    frozenset(recipients - early) if word == "genotypes" else frozenset(),
                    levels,
                )


def _sources(releases: dict[str, dict[str, object]]) -> dict[str, set[str]]:
    """By source the recipients whose copies were made from it."""
    sources: dict[str, set[str]] = {}
    for kept in releases.values():
        listed = kept["sources"]
        assert isinstance(listed, list)
        for digest in listed:
            sources.setdefault(str(digest), set()).add(str(kept["recipient"]))
    return sources


def scored(
    sketch: Found, cohort: EnrolledCohort, master: bytes, releases: dict[str, dict[str, object]]
) -> list[ClassScore]:
    """e-values by class and recipient, each recipient scored against its own sources."""
    best: dict[str, ClassScore] = {}
    for one in read_marks(sketch, cohort, master, releases):
        _keep(best, _score(one, master))
    return list(best.values())


def _keep(best: dict[str, ClassScore], new: ClassScore) -> None:
    """One reading of each class counts for a recipient: the one with the most units, chosen before any key is used."""
    old = best.get(new.kind)
    if old is None:
        best[new.kind] = new
        return
    larger, smaller = (new, old) if new.units_count > old.units_count else (old, new)
    best[new.kind] = ClassScore(
        new.kind,
        {**smaller.odds, **larger.odds},
        larger.units_count,
        larger.aligned_count,
        larger.expected_marks,
        larger.shown_marks,
    )


def _score(one: ReadMarks, master: bytes) -> ClassScore:
    odds = one.odds(one.recipients, recipient_keys(master, one.recipients, one.kind))
    return ClassScore(
        one.kind,
        dict(zip(one.recipients, odds.tolist(), strict=True)),
        len(one.reading.units),
        one.reading.aligned_count,
        expected_marks(one.reading.units, one.thresholds),
        int(one.reading.units.found.sum()),
    )


def expected_marks(units: Units, thresholds: npt.NDArray[np.uint64]) -> float:
    """How many marks a recipient's copy of these units would hold."""
    return float((thresholds.astype(np.float64) / 2.0**64)[units.layer].sum())


def _release_evidence(
    releases: dict[str, dict[str, object]], scores: list[ClassScore], canaries: dict[str, float]
) -> list[ReleaseEvidence]:
    """Marks belong to the recipient: all its releases of these sources carry the same and are told together."""
    out = []
    holders: dict[str, list[str]] = {}
    for name, kept in releases.items():
        holders.setdefault(str(kept["recipient"]), []).append(name)
    for name, kept in releases.items():
        recipient = str(kept["recipient"])
        others = [one for one in holders[recipient] if one != name]
        shared = f"; {', '.join(others)} to the same recipient carries the same marks" if others else ""
        parts = {one.kind: one.odds[recipient] for one in scores if recipient in one.odds}
        if abs(canaries.get(name, 0.0)) >= 0.05:
            parts["canaries"] = canaries[name]
        total = sum(parts.values())
        if total < SHOWN_FROM:
            continue
        decades = ", ".join(f"{kind} {value:+.1f}" for kind, value in sorted(parts.items()))
        out.append(
            ReleaseEvidence(
                release=name,
                log10_odds=min(CAP, total),
                beyond_ids=True,
                why="this file derives at least in part from the release "
                f"delivered to {recipient} (decades: {decades}{shared})",
            )
        )
    return out


def _examined(sketch: Found) -> int:
    rows = max((one.rows_count for one in sketch.tables.values()), default=0)
    return max(rows, max((len(one) for one in sketch.genotypes), default=0))
