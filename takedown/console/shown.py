"""How values are shown: times, counts, probabilities in words, and text from outside made harmless to the eye.

Everything a template prints passes through `harmless`: characters that turn the direction of writing, hide, or
control are shown by their code, so that a title cannot make itself look like another. Jinja escapes markup.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from crawler.models import now
from matcher.paths import short_path

_SUPERSCRIPT = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")
_SCALES = (
    (1e9, "billion"),
    (1e6, "million"),
)


def harmless(value: Any) -> Any:
    """Text with control, direction and invisible characters shown by their code."""
    if value is None:
        return ""
    if isinstance(value, Markup) or not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    return "".join(one if _is_visible(one) else f"‹U+{ord(one):04X}›" for one in value)


def _is_visible(character: str) -> bool:
    return character in "\n\t\r" or unicodedata.category(character) not in (
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Zl",
        "Zp",
    )


def exact(value: str) -> Markup:
    """Text as it is, escaped only: for a letter that is edited or sent byte for byte."""
    return escape(value)


def web_address(value: str | None) -> str | None:
    """The address if a browser may follow it, else None: only http and https with a host are links."""
    if not value or any(not one.isprintable() for one in value):
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        return None
    return value if parts.scheme in ("http", "https") and parts.hostname else None


def host(value: str) -> str:
    """The host of an address, or the start of it where it has none."""
    try:
        return urlsplit(value).netloc or value[:40]
    except ValueError:
        return value[:40]


def moment(value: datetime | str | None) -> str:
    """A time of day in UTC."""
    read = _read(value)
    return read.strftime("%Y-%m-%d %H:%M") if read else "–"


def machine_moment(value: datetime | str | None) -> str:
    read = _read(value)
    return read.isoformat(timespec="seconds") if read else ""


def age(value: datetime | str | None) -> str:
    """How long ago, or how far ahead."""
    read = _read(value)
    if read is None:
        return "–"
    gone = now() - read
    return f"{span(gone)} ago" if gone >= timedelta(0) else f"in {span(-gone)}"


def left(value: datetime | str | None) -> str:
    """How long until a due time, or how long it is over."""
    read = _read(value)
    if read is None:
        return "–"
    ahead = read - now()
    return f"{span(ahead)} left" if ahead >= timedelta(0) else f"{span(-ahead)} overdue"


def span(value: timedelta | float | None) -> str:
    """A duration in its largest useful unit."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 96 * 3600:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86400:.0f} d"


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def size(value: float | None) -> str:
    if value is None:
        return "–"
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1000
    return "–"


MOST = 12
"""Powers of ten; beyond them an error of the model is likelier than what is stated."""


def one_in(probability: float | None) -> str:
    """A small probability as "1 in so many"."""
    if probability is None:
        return "–"
    if probability >= 0.5:
        return f"{probability:.0%}"
    if probability < 10.0**-MOST:
        return f"under 1 in 10{power(MOST)}"
    inverse = 1 / probability
    for scale, word in _SCALES:
        if inverse >= scale:
            return f"1 in {_two_digits(inverse / scale)} {word}"
    return f"1 in {_two_digits(inverse)}"


def _two_digits(value: float) -> str:
    if value < 10:
        return f"{value:.1f}".removesuffix(".0")
    digits = max(0, math.floor(math.log10(value)) - 1)
    return f"{round(value, -digits):,.0f}"


def odds(log10: float | None) -> str:
    """Log10 odds as odds to one."""
    if log10 is None:
        return "–"
    if abs(log10) < 3:
        return f"{10**log10:,.0f} to 1" if log10 >= 0 else f"1 to {10**-log10:,.0f}"
    if log10 > MOST:
        return f"over 10{power(MOST)} to 1"
    return f"10{power(round(log10, 1))} to 1"


def power(exponent: float) -> str:
    """An exponent in superscript."""
    return f"{exponent:g}".translate(_SUPERSCRIPT)


def short_digest(value: str | None) -> str:
    return f"{value[:12]}…" if value else "–"


def in_words(value: object) -> str:
    """A value of the log as a person writes it: no brackets, no quotes, no names of a language."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        pairs = (f"{str(key).replace('_', ' ')}: {in_words(one)}" for key, one in value.items())
        return ", ".join(pairs) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(in_words(one) for one in value) or "none"
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
    )


def _read(value: datetime | str | None) -> datetime | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return value


FILTERS = {
    "exact": exact,
    "web_address": web_address,
    "host": host,
    "moment": moment,
    "machine_moment": machine_moment,
    "age": age,
    "left": left,
    "span": span,
    "count": count,
    "size": size,
    "one_in": one_in,
    "odds": odds,
    "short_digest": short_digest,
    "short_path": short_path,
    "in_words": in_words,
}
