"""Drawn evidence, as SVG made here from numbers only: odds, clocks, and what re-checks saw.

Colours come from the style sheet by class; text beside each picture says the same, so the pictures are hidden
from screen readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from crawler.models import now

FULL_SCALE = 20.0
"""Odds of 10^20 fill the bar; more is drawn as a bar that is broken off."""
LINES = (4.0, 9.0)
"""Where `probable` and `confirmed` begin, with one cohort enrolled."""


def odds_bar(log10_odds: float) -> Markup:
    """A bar for one matcher's odds, with the lines of `probable` and `confirmed`."""
    width = 100 * min(max(log10_odds, 0.0), FULL_SCALE) / FULL_SCALE
    lines = "".join(
        f'<rect class="edge" x="{100 * at / FULL_SCALE - 0.5:.2f}" width="1.5" height="10"/>'
        f'<rect class="line" x="{100 * at / FULL_SCALE:.2f}" width="0.5" height="10"/>'
        for at in LINES
    )
    broken = '<rect class="gap" x="96" y="0" width="0.8" height="10"/>' if log10_odds > FULL_SCALE else ""
    return _drawn(
        '<svg class="odds" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="10"/>'
        f'<rect class="bar" width="{width:.2f}" height="10"/>{broken}{lines}</svg>'
    )


def share_bar(part: float | None, whole: float | None) -> Markup:
    """How much of a whole, as a thin bar; nothing where either is unknown."""
    if not whole or part is None:
        return Markup("")
    width = 100 * min(max(part / whole, 0.0), 1.0)
    return _drawn(
        '<svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6"/><rect class="bar" width="{width:.2f}" height="6"/></svg>'
    )


def clock_bar(started_at: datetime, due_at: datetime) -> Markup:
    """How much of a period is over."""
    length = (due_at - started_at).total_seconds()
    gone = 1.0 if length <= 0 else (now() - started_at).total_seconds() / length
    level = "over" if gone >= 1 else "near" if gone >= 0.75 else "early"
    return _drawn(
        f'<svg class="clock {level}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="6"/>'
        f'<rect class="bar" width="{100 * min(max(gone, 0.0), 1.0):.2f}" height="6"/></svg>'
    )


def recheck_strip(rechecks: Sequence[dict[str, Any]]) -> Markup:
    """One square for each re-check of a copy, oldest first, coloured by what it saw; the last 24."""
    shown = list(rechecks)[-24:]
    squares = "".join(
        f'<rect class="w-{one["whereabouts"]}" x="{10 * place}" width="8" height="8" rx="1.5"/>'
        for place, one in enumerate(shown)
    )
    width = max(8, 10 * len(shown) - 2)
    return _drawn(
        f'<svg class="strip" viewBox="0 0 {width} 8" width="{width}" height="8" aria-hidden="true">{squares}</svg>'
    )


def _drawn(svg: str) -> Markup:
    """Markup of this file's own making; only numbers and our own words ever go into it."""
    return Markup(svg)  # noqa: S704 - see above


PICTURES = {
    "odds_bar": odds_bar,
    "share_bar": share_bar,
    "clock_bar": clock_bar,
    "recheck_strip": recheck_strip,
}
