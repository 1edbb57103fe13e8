"""The clocks of a case, as data: from when they run, how long, and how sure the length is.

`verified` is V where a primary public source was read, S where a secondary one was, K where it is general knowledge
that nobody checked; the console shows it so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Start = Literal["aware", "sent"]


@dataclass(frozen=True, slots=True)
class Clock:
    """One period that law or a platform sets."""

    name: str
    starts: Start
    length: timedelta
    verified: Literal["V", "S", "K"]
    letter: str = ""
    """The letters that it runs for, by the start of their name; empty for the case itself."""


CLOCKS = (
    Clock("authority told (GDPR Art. 33)", "aware", timedelta(hours=72), "V"),
    Clock("GitHub's user may change it", "sent", timedelta(days=1), "V", "github"),
    Clock("silence counts as retraction (GitHub)", "sent", timedelta(days=14), "V", "github"),
    Clock("platform acts (E-Commerce Law Art. 43)", "sent", timedelta(days=15), "S", "marketplace"),
    Clock("institution answers, as the letter asks", "sent", timedelta(hours=72), "K", "institution."),
    Clock("institution removes, as the letter asks", "sent", timedelta(days=7), "K", "institution."),
    Clock(
        "institution answers the question, as asked", "sent", timedelta(days=7), "K", "institution-question."
    ),
)
"""What runs from our own notice. A counter-notice (DMCA, 10 to 14 business days) starts its period by itself."""
RECHECKS = tuple(timedelta(days=days) for days in (1, 3, 7, 30, 90))
"""When an address is asked again, counted from its first removal or from the first notice."""


def due(aware_at: datetime | None, sent: Iterable[tuple[str, datetime]]) -> list[dict[str, Any]]:
    """The clocks that run, soonest first. `sent` gives (letter, when) of every notice whose clocks are to run."""
    running: list[dict[str, Any]] = []
    notices = list(sent)
    for clock in CLOCKS:
        starts = (
            [aware_at]
            if clock.starts == "aware"
            else [at for name, at in notices if name.startswith(clock.letter)]
        )
        running += [
            {
                "name": clock.name,
                "started_at": began,
                "due_at": began + clock.length,
                "verified": clock.verified,
            }
            for began in sorted({at for at in starts if at is not None})
        ]
    return sorted(running, key=lambda one: one["due_at"])
