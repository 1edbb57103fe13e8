"""What may be an id in some bytes, read slowly and plainly, as a measure of the compiled scan."""

from __future__ import annotations

import re

from matcher.prf import siphash24
from matcher.tables.scan import LONGEST, SMALLEST_NUMBER

Token = tuple[int, int, int, int]
"""Keyed hash, value or -1, shape and literal."""

_WORD = re.compile(rb"[0-9A-Za-z]+(?:[-_.][0-9A-Za-z]+)*")
_NUMBER = re.compile(
    rb"(?P<thousands>\d{1,3}(?:(?:,\d{3}(?!\d)){1,5}|(?:'\d{3}(?!\d)){1,5}))(?P<part>\.\d+)?|(?P<digits>\d+)(?P<part2>\.\d+)?"
)
_POWER = re.compile(rb"[eE]([+-]?\d+)")
_BEHIND_LETTERS = re.compile(rb"(?![rR][sS]\d)[A-Za-z]{1,8}([1-9]\d{4,17})")
_LETTER_OR_DIGIT = re.compile(rb"[0-9A-Za-z]+")


def plain_tokens(key: bytes, data: bytes) -> set[Token]:
    """All numbers and words of running text."""
    found: set[Token] = set()
    at = 0
    while (word := _WORD.search(data, at)) is not None:
        at = word.end()
        if any(byte in b"0123456789" for byte in word[0]):
            at = max(at, _pieces(key, data, word.start(), word.end(), found))
    return found


def plain_tokens_of_cells(key: bytes, cells: list[str]) -> set[Token]:
    return set().union(*(plain_tokens(key, cell.encode(errors="replace")) for cell in cells))


def _pieces(key: bytes, data: bytes, start: int, end: int, found: set[Token]) -> int:
    if end - start <= 2 * LONGEST:
        found |= _as_word(key, data[start:end]) | _behind_letters(key, data[start:end])
    joined = not data[start:end].isalnum()
    after_point = data[start - 1 : start] == b"."
    at = start
    while at < end:
        if data[at : at + 1].isdigit() and not after_point:
            value, stop = _as_number(data, at)
            if value >= SMALLEST_NUMBER:
                found.add((siphash24(key, value.to_bytes(8, "little")), value, 0, 0))
            if value >= 0 or not data[stop : stop + 1].isalpha():
                at = stop
                if at < end:
                    after_point = data[at : at + 1] == b"."
                    at += 0 if data[at : at + 1].isalnum() else 1
                continue
        piece = _LETTER_OR_DIGIT.match(data, at, end)
        stop = piece.end() if piece else at
        if joined:
            found |= _as_word(key, data[at:stop])
            if stop - at <= LONGEST:
                found |= _behind_letters(key, data[at:stop])
        after_point = data[stop : min(stop + 1, end)] == b"." and not re.search(rb"[A-Za-z]", data[at:stop])
        at = stop + 1
    return at


def _as_number(data: bytes, at: int) -> tuple[int, int]:
    written = _NUMBER.match(data, at)
    assert written is not None
    digits = re.sub(rb"[,']", b"", written["thousands"] or written["digits"])
    places = (written["part"] or written["part2"] or b".")[1:]
    part = places.rstrip(b"0")
    end = written.end()
    if part and len(digits) + len(places) > 18:
        return -1, end
    value = int(digits[:18] + part)
    power = _POWER.match(data, end)
    if power is not None:
        end = power.end()
        by = min(99, abs(int(power[1]))) * (-1 if power[1].startswith(b"-") else 1) - len(part)
        if by < 0 or (value and len(str(value)) + by > 19):
            return -1, end
        value *= 10**by
        part = b""
        if value > 10**18:
            return -1, end
    if part or len(digits) > 18:
        return -1, end
    if re.match(rb"L(?![0-9A-Za-z])", data[end : end + 2]):
        return value, end + 1
    if data[end : end + 1].isalpha():
        return -1, end
    return value, end


def _behind_letters(key: bytes, written: bytes) -> set[Token]:
    number = _BEHIND_LETTERS.fullmatch(written)
    if number is None:
        return set()
    value = int(number[1])
    return {(siphash24(key, value.to_bytes(8, "little")), value, 0, 0)}


def _as_word(key: bytes, written: bytes) -> set[Token]:
    word = re.sub(rb"[^0-9a-z]", b"", written.lower())
    letters = len(re.sub(rb"[0-9]", b"", word))
    if not 4 <= len(word) <= LONGEST or letters in (0, len(word)):
        return set()
    literal = re.sub(rb"[0-9]", b"0", word)
    return {(siphash24(key, word), -1, _fnv(re.sub(rb"[a-z]", b"a", literal)), _fnv(literal))}


def _fnv(word: bytes) -> int:
    """FNV-1a, 64 bits."""
    total = 14695981039346656037
    for byte in word:
        total = ((total ^ byte) * 1099511628211) % 2**64
    return total
