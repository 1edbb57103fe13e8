"""The lines of a text that comes in pieces, whole; no format of its own."""

from __future__ import annotations

MOST_LINE = 1 << 20


def whole_lines(rest: str, piece: str) -> tuple[list[str], str]:
    """The lines that end in this piece, and the beginning of the next; one longer than any honest line is cut."""
    *lines, rest = (rest + piece).split("\n")
    return lines, rest[:MOST_LINE]
