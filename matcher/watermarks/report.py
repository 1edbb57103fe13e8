"""What is shown for a finding: a report that a third party can recompute, and the blinded line-up.

A report holds keyed names of units, what was found there and the claimed e-value: no participant's id or value. The
examiner of a line-up gets the units and keys in a random order, the suspect's among decoys, and ranks them without
knowing which is which.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.watermarks.odds import CAP, Units, chosen, score

SENTENCE = "this file derives at least in part from the release delivered to {recipient}"
LIMITS = (
    "The pattern is at least 10^{decades:.0f} times as probable if data of that release contributed to this file "
    "as if it did not. The finding does not show who copied the data, when, or whether it was deliberate."
)
DECOYS = 1_000


def report(
    units: Units,
    key: npt.NDArray[np.uint64],
    thresholds: npt.NDArray[np.uint64],
    errors: float | None,
    recipient: str,
    levels: tuple[float, ...] = (),
) -> dict[str, Any]:
    """The recomputable report of one class of marks for one recipient."""
    odds = float(score(units, key.reshape(1, 2), thresholds, errors, levels)[0])
    seen = np.bincount(units.layer * 2 + units.found, minlength=2 * thresholds.size)
    units = chosen(units)
    return {
        "sentence": SENTENCE.format(recipient=recipient),
        "limits": LIMITS.format(decades=min(CAP, odds)),
        "thresholds": [str(one) for one in thresholds.tolist()],
        "errors": errors,
        "levels": list(levels),
        "seen": seen.tolist(),
        "units": [
            [str(a), str(b), layer, found]
            for a, b, layer, found in zip(
                units.first.tolist(),
                units.second.tolist(),
                units.layer.tolist(),
                units.found.tolist(),
                strict=True,
            )
        ],
        "log10_e": odds,
    }


def without_one(parts: dict[str, float]) -> dict[str, float]:
    """Decades that remain if a class of marks is left out."""
    return {kind: min(CAP, sum(parts.values()) - value) for kind, value in parts.items()}


@dataclass(frozen=True, slots=True)
class LineUp:
    """Keys in a random order; where the suspect's stands is kept from the examiner."""

    keys: npt.NDArray[np.uint64]
    suspect_at: int


def line_up(suspect: npt.NDArray[np.uint64], decoys: int = DECOYS) -> LineUp:
    """The suspect's key among fresh decoys."""
    keys = np.frombuffer(secrets.token_bytes(16 * (decoys + 1)), dtype="<u8").astype(np.uint64).reshape(-1, 2)
    at = secrets.randbelow(decoys + 1)
    keys[at] = suspect
    return LineUp(keys, at)


def examined(
    units: Units,
    keys: npt.NDArray[np.uint64],
    thresholds: npt.NDArray[np.uint64],
    errors: float | None,
    levels: tuple[float, ...] = (),
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The blind examiner's answer: keys from best to worst, and every key's log10 e."""
    odds = score(units, keys, thresholds, errors, levels)
    return np.argsort(-odds, kind="stable"), odds
