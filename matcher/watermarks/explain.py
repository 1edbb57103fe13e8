"""`explain_release`: what counsel and an opposing expert are given about one find and one release.

Into a folder of its own: the signed explanation (JSON and plain words), a picture of agreement by release, and, where
the release is accused, for every class of marks the report and the opened key from which a third party recomputes the
e-value with `verify_commitment`. No participant's id or value stands in any of it, and no key of who is not accused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from matcher.errors import MatcherError
from matcher.sketches import EnrolledCohort
from matcher.watermarks.commitment import manifest_digest, open_leaf, signed_document
from matcher.watermarks.found import Found
from matcher.watermarks.marks import ReadMarks, expected_marks, in_fields, marked_releases, read_marks
from matcher.watermarks.odds import CAP, chosen
from matcher.watermarks.picture import Agreement, agreement_picture
from matcher.watermarks.read_canaries import FoundStrangers, release_canaries
from matcher.watermarks.report import DECOYS, LIMITS, SENTENCE, examined, line_up, report, without_one
from matcher.watermarks.roster import manifest_file
from matcher.watermarks.units import counts_of_bits, recipient_key, recipient_keys

NOTHING = "it is not shown that this file derives from the release delivered to {recipient}"
ALPHA = 1e-6


class NoMarks(MatcherError):
    """There is nothing to explain."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The folder's contents by name, and what they say."""

    files: dict[str, str]
    sentence: str
    log10_odds: float


def explain_release(
    found: Found,
    cohort: EnrolledCohort,
    release: str,
    master: bytes,
    examined_files: Sequence[dict[str, Any]],
) -> Explanation:
    """Explains what `found` says of one release; `examined_files` are the find's names and digests.

    Raises:
        NoMarks: the release is not marked, or the find shares nothing with its sources.
    """
    releases = marked_releases(cohort, master)
    if release not in releases:
        raise NoMarks(f"{cohort.name}/{release} is no marked release; see `cohortwatch release list`")
    recipient = str(releases[release]["recipient"])
    found = in_fields(found, cohort, master, releases)
    readings = _readings_for(recipient, found, cohort, master, releases)
    strangers = FoundStrangers(found, cohort.folder, master)
    canaries, ids, _ = release_canaries(strangers, release, releases[release])
    if not readings and canaries < 1 and ids < 1:
        raise NoMarks(f"nothing in the file can be aligned to the sources of {cohort.name}/{release}")
    key_of = {kind: recipient_key(master, recipient, kind) for kind in readings}
    told = {
        kind: report(
            one.reading.units,
            key_of[kind],
            one.thresholds,
            one.reading.errors,
            recipient,
            one.levels_for(recipient),
        )
        for kind, one in readings.items()
    }
    parts = {kind: float(one["log10_e"]) for kind, one in told.items()}
    if abs(canaries) >= 0.05:
        parts["canaries"] = canaries
    total = sum(parts.values())
    needed = math.log10(max(1, len(releases)) / ALPHA)
    accused = total >= needed
    sentence = (SENTENCE if accused else NOTHING).format(recipient=recipient)
    signed = json.loads(manifest_file(cohort.folder, release).read_text(encoding="ascii"))
    explanation = {
        "cohort": cohort.name,
        "release": release,
        "recipient": recipient,
        "sentence": sentence,
        "limits": LIMITS.format(decades=max(0.0, min(CAP, math.floor(total)))) if accused else "",
        "files": list(examined_files),
        "releases_scored": len(releases),
        "log10_e_needed": round(needed, 3),
        "log10_e": round(min(CAP, total), 3),
        "decades": {kind: round(value, 3) for kind, value in parts.items()},
        "without_one_class": {kind: round(value, 3) for kind, value in without_one(parts).items()},
        "ids_of_canaries_log10_e": round(ids, 3),
        "classes": {
            kind: _class(one, key_of[kind], one.levels_for(recipient)) for kind, one in readings.items()
        },
        "commitment_sha256": manifest_digest(signed),
    }
    files = {
        "explanation.json": _json(signed_document(master, "explanation", explanation)),
        "explanation.txt": in_words(explanation),
        "manifest.json": _json(signed),
    }
    for kind, one in told.items():
        if accused:
            files[f"{kind}.report.json"] = _json(one)
            files[f"{kind}.opening.json"] = _json(open_leaf(master, release, recipient, f"recipient/{kind}"))
        agreements = _agreements(readings[kind], releases, master)
        files[f"{kind}.svg"] = agreement_picture(f"{kind}: agreement by release", agreements, release)
    return Explanation(files, sentence, min(CAP, total))


def _readings_for(
    recipient: str,
    found: Found,
    cohort: EnrolledCohort,
    master: bytes,
    releases: dict[str, dict[str, object]],
) -> dict[str, ReadMarks]:
    """By class the reading that counts: the one with the most units, as in the matcher."""
    best: dict[str, ReadMarks] = {}
    for one in read_marks(found, cohort, master, releases):
        old = best.get(one.kind)
        if recipient in one.recipients and (old is None or len(one.reading.units) > len(old.reading.units)):
            best[one.kind] = one
    return best


def _class(one: ReadMarks, key: Any, levels: tuple[float, ...]) -> dict[str, Any]:
    """What one class rests on, and the blinded line-up: where the release's key comes among decoys."""
    rows = line_up(key)
    order, odds = examined(one.reading.units, rows.keys, one.thresholds, one.reading.errors, levels)
    return {
        "cells_read": len(one.reading.units),
        "participants_aligned": one.reading.aligned_count,
        "marks_of_any_recipient_expected": round(expected_marks(one.reading.units, one.thresholds), 1),
        "line_up": {
            "decoys": DECOYS,
            "rank": int(np.flatnonzero(order == rows.suspect_at)[0]) + 1,
            "log10_e": round(float(odds[rows.suspect_at]), 3),
            "highest_decoy_log10_e": round(float(np.delete(odds, rows.suspect_at).max()), 3),
        },
    }


def _agreements(one: ReadMarks, releases: dict[str, dict[str, object]], master: bytes) -> list[Agreement]:
    """For every release of the source: its marks among the cells read, and those that the find shows."""
    keys = recipient_keys(master, one.recipients, one.kind)
    units = chosen(one.reading.units)
    ones = counts_of_bits(keys, units.first, units.second, one.thresholds[units.layer], units.found, 2)
    odds = one.odds(one.recipients, keys)
    at_of = {name: i for i, name in enumerate(one.recipients)}
    return [
        Agreement(
            name,
            int(ones[at_of[who]].sum()),
            int(ones[at_of[who], 1]),
            float(odds[at_of[who]]),
        )
        for name, kept in releases.items()
        if (who := str(kept["recipient"])) in at_of
    ]


def in_words(told: dict[str, Any]) -> str:
    """The explanation as plain text."""
    lines = [f"{told['cohort']}/{told['release']}, delivered to {told['recipient']}", ""]
    lines += [told["sentence"][0].upper() + told["sentence"][1:] + ".", told["limits"], ""]
    lines.append(f"Files examined: {len(told['files'])}; releases scored: {told['releases_scored']}.")
    for one in told["files"]:
        lines.append(f"  sha256 {one['sha256']}, {one['bytes']} bytes")
    lines += ["", "Decades (powers of ten) by class of marks, and what remains if the class is left out:"]
    for kind, value in told["decades"].items():
        lines.append(f"  {kind}: {value:+.1f}; without it {told['without_one_class'][kind]:+.1f}")
    lines.append(
        f"  together, capped at {CAP:.0f}: {told['log10_e']:+.1f}; needed: {told['log10_e_needed']:.1f}"
    )
    if told["ids_of_canaries_log10_e"] >= 1:
        lines.append(
            f"  ids of made-up participants, not counted above: {told['ids_of_canaries_log10_e']:+.1f}"
        )
    for kind, one in told["classes"].items():
        among = one["line_up"]
        lines += [
            "",
            f"{kind}: {one['cells_read']:,} cells of {one['participants_aligned']:,} participants were read.",
            f"  Line-up: its key came {among['rank']} of {among['decoys'] + 1}, at {among['log10_e']:+.1f} decades; "
            f"the highest of {among['decoys']:,} decoys reached {among['highest_decoy_log10_e']:+.1f}.",
        ]
    lines += [
        "",
        "Decades are those of e-values, whose mean is 1 for a release that did not contribute, whatever was done",
        "to the file.",
        f"The keys were committed to before the release: sha256 {told['commitment_sha256']}.",
        "To recompute: python verify_commitment.py manifest.json CLASS.opening.json CLASS.report.json",
    ]
    return "\n".join(lines) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"
