"""Matcher `listing-offer`: a listing that names this cohort and offers its data, or access to them.

Null: a listing that names this cohort, and offers participants' data or access to them for sale, is about something
else. What it rests on are words, so the odds are set, not measured, and never reach `confirmed`: 10**-6 where a name
that is the cohort's alone stands with an offer, 10**-2.3 where the name has other meanings. No release is named and
nobody is counted. Teaching, summary statistics, articles and papers get nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from matcher.contents import Part, Text
from matcher.sketches import EnrolledCohort, Evidence, MatchingKeys
from matcher.texts.enrol import read_aliases
from matcher.texts.listing import LONGEST, Offer, names_in, read_offer
from matcher.texts.wording import one_script

NAME = "listing-offer"
VERSION = "1"

CLEAR_NAME = 6.0
VAGUE_NAME = 2.3


@dataclass(slots=True)
class OfferSketch:
    """The running text of one file, as far as a listing goes."""

    text: list[str] = field(default_factory=list)
    letters: int = 0
    offer: Offer | None = None

    def add(self, part: Part) -> None:
        if isinstance(part, Text) and part.name != "path" and self.letters <= LONGEST:
            self.text.append(part.text[: LONGEST + 1])
            self.letters += len(part.text)


def sketch(keys: MatchingKeys) -> OfferSketch:  # noqa: ARG001 - names are public
    """An empty sketch of one file."""
    return OfferSketch()


def compare(sketch: OfferSketch, cohort: EnrolledCohort, keys: MatchingKeys) -> list[Evidence]:  # noqa: ARG001
    """That a listing offers this cohort's data, or nothing."""
    if not sketch.letters or sketch.letters > LONGEST:
        return []
    text = "\n".join(sketch.text)
    folded = one_script(text)
    clear, vague = read_aliases(cohort.folder)
    named = names_in(folded, clear)
    odds = CLEAR_NAME if named else VAGUE_NAME
    named = named or names_in(folded, vague)
    if not named:
        return []
    if sketch.offer is None:
        first, _, rest = text.strip().partition("\n")
        sketch.offer = read_offer(first, rest)
    if sketch.offer.kind not in ("data", "access"):
        return []
    why = (
        f"a listing that names {named[0]!r} and offers {sketch.offer.kind}: {'; '.join(sketch.offer.reasons)}"
    )
    return [Evidence(matcher=NAME, rests_on="text", log10_odds=odds, why=why)]
