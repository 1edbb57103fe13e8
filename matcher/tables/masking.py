"""No participant's id in an answer: what stands in names of files, columns and tables is masked where it is an id.

Only what an enrolled set of ids holds is masked, so that every other name stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from matcher.prf import subkey
from matcher.sketches import EnrolledCohort, MatchingKeys
from matcher.tables.ids import id_sets
from matcher.tables.tokens import tokens_of

MASK = "[id]"
_MAY_BE_ID = re.compile(r"(?:(?<=\d)|(?<![A-Za-z\d]))[A-Za-z]{0,12}\d[A-Za-z\d]{3,63}(?![A-Za-z\d])|\d{5,20}")


def id_mask(library: Sequence[EnrolledCohort], keys: MatchingKeys) -> Callable[[str], str]:
    """A function that masks the ids of all these cohorts and their releases in a name."""
    key = subkey(keys.ids, "ids")

    def is_id(word: str) -> bool:
        hashes = tokens_of(key, word).hashes
        return bool(hashes.size) and any(
            one.holds(hashes).any() for cohort in library for one in id_sets(cohort).values()
        )

    def hidden(found: re.Match[str]) -> str:
        # Digits run together with letters: sub1234567, 1234567v2.
        shown = re.sub(r"\d{5,20}", lambda digits: MASK if is_id(digits[0]) else digits[0], found[0])
        return MASK if shown == found[0] and is_id(shown) else shown

    return lambda name: _MAY_BE_ID.sub(hidden, name)
