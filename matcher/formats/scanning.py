"""Loops over the bytes of genotype text, compiled: a line of calls is read at the speed of memory.

`scan_dosages` reads numbers, `scan_letters` alleles; `calls_of_pairs` makes calls of two alleles each. Next door:
`list_scanning` (the lists beside calls), `unpacking` (packed calls and dosages).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from matcher.formats import list_scanning, unpacking

Bytes = npt.NDArray[np.uint8]
Calls = npt.NDArray[np.int8]

_TAB, _SPACE, _DOT = 9, 32, 46
_ZERO, _NINE = 48, 57


def bytes_of(line: bytes) -> Bytes:
    return np.frombuffer(line, dtype=np.uint8)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def _number(data: Any, start: int, end: int) -> float:  # noqa: C901 - one pass over bytes, compiled
    """The number of a cell; -1 where it states none, -2 where it is anything else."""
    while start < end and (data[start] == _SPACE or data[start] == 34):
        start += 1
    while end > start and (data[end - 1] == _SPACE or data[end - 1] == 34):
        end -= 1
    if start >= end:
        return -1.0
    if data[start] == 45:  # -9 and the like
        return -1.0 if end - start <= 3 else -2.0
    first = data[start] | 32
    if first == 110:  # NA, NaN, null, none
        return -1.0 if end - start <= 4 else -2.0
    value, scale, digits, at, exponent = 0.0, 1.0, 0, start, 0
    fraction = False
    while at < end:
        byte = data[at]
        if _ZERO <= byte <= _NINE:
            digits += 1
            value = value * 10.0 + (byte - _ZERO)
            if fraction:
                scale *= 10.0
        elif byte == _DOT and not fraction:
            fraction = True
        else:
            break
        at += 1
    if digits == 0:
        return -1.0 if fraction and at == end else -2.0
    value /= scale
    if at < end and (data[at] | 32) == 101:
        at += 1
        sign = 1
        if at < end and (data[at] == 45 or data[at] == 43):
            sign = -1 if data[at] == 45 else 1
            at += 1
        while at < end and _ZERO <= data[at] <= _NINE and exponent < 400:
            exponent = exponent * 10 + (data[at] - _ZERO)
            at += 1
        value *= 10.0 ** (sign * exponent)
    return value if at == end else -2.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_dosages(data: Any, start: int, delimiter: int, sure_within: float, out: Any) -> tuple[int, int]:
    """Reads a line's cells from `start` as calls into `out`; gives how many cells there are and how many are odd.

    An odd cell is neither a number from 0 to 2 nor a missing one. Runs of blanks count as one where the
    delimiter is a blank.
    """
    end = data.size
    while end > start and (data[end - 1] == 10 or data[end - 1] == 13):
        end -= 1
    count, odd, at = 0, 0, start
    while at <= end:
        if delimiter == _SPACE:
            while at < end and data[at] == _SPACE:
                at += 1
            if at == end:
                break
        if count >= out.size:
            count += 1
            break
        if (at + 1 == end or (at + 1 < end and data[at + 1] == delimiter)) and 48 <= data[at] <= 50:
            out[count] = data[at] - 48
            count += 1
            at += 2
            continue
        stop = at
        while stop < end and data[stop] != delimiter:
            stop += 1
        value = _number(data, at, stop)
        nearest = np.rint(value)
        if value < -1.5 or nearest > 2:
            odd += 1
            out[count] = -1
        elif value < 0 or abs(value - nearest) > sure_within:
            out[count] = -1
        else:
            out[count] = np.int8(nearest)
        count += 1
        at = stop + 1
    return count, odd


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_letters(data: Any, start: int, out: Any) -> int:
    """The alleles of a line, one after the other, whatever stands between them; gives how many there are.

    `out` gets 0…3 for A, C, G, T, 4…7 for the digits 1…4, 255 for any other mark of a missing allele.
    """
    count = 0
    for at in range(start, data.size):
        byte = data[at]
        letter = byte & 0xDF
        if letter == 65:
            code = 0
        elif letter == 67:
            code = 1
        elif letter == 71:
            code = 2
        elif letter == 84:
            code = 3
        elif 49 <= byte <= 52:
            code = 4 + byte - 49
        elif (
            byte == 48
            or byte == 45
            or byte == 46
            or byte == 63
            or letter == 78
            or letter == 73
            or letter == 68
        ):
            code = 255
        else:
            continue
        if count < out.size:
            out[count] = code
        count += 1
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def calls_of_pairs(pairs: Any, calls: Any, alleles: Any) -> None:
    """Two alleles a call (variants × samples × 2, codes of `scan_letters`) as counts of the second of two letters.

    `alleles` (variants × 2) gets the two most frequent codes, in order; 255 where there is no second or none. A call
    with any other letter, or with one of two missing, is missing.
    """
    for variant in range(pairs.shape[0]):
        seen = np.zeros(8, np.int64)
        for sample in range(pairs.shape[1]):
            for side in range(2):
                if pairs[variant, sample, side] < 8:
                    seen[pairs[variant, sample, side]] += 1
        first = np.argmax(seen)
        first_count = seen[first]
        seen[first] = 0
        second = np.argmax(seen)
        low = first if first_count else 255
        high = second if seen[second] else 255
        if high < low:
            low, high = high, low
        alleles[variant, 0], alleles[variant, 1] = low, high
        for sample in range(pairs.shape[1]):
            a, b = pairs[variant, sample, 0], pairs[variant, sample, 1]
            known = a in (low, high) and b in (low, high) and a != 255 and b != 255
            calls[variant, sample] = (a == high) + (b == high) if known else -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_calls(data: Any, first: Any, second: Any) -> int:
    """The two allele numbers of every sample of a VCF record, -1 where missing; gives how many samples there are.

    The call is what stands before the first colon of a cell; a haploid call counts twice.
    """
    count, at, end = 0, 0, data.size
    while at <= end:
        one, other, seen, digits, two = -1, -1, 0, 0, False
        while at < end and data[at] != _TAB and data[at] != 58:
            byte = data[at]
            if _ZERO <= byte <= _NINE:
                digits += 1
                seen = min(100, seen * 10 + byte - _ZERO)
            elif byte == 47 or byte == 124:
                if not two:
                    one = seen if digits else -1
                seen, digits, two = 0, 0, True
            at += 1
        other = seen if digits else -1
        if not two:
            one = other
        while at < end and data[at] != _TAB:
            at += 1
        if count < first.size:
            first[count], second[count] = one, other
        count += 1
        at += 1
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_short_calls(data: Any, first: Any, second: Any) -> bool:
    """The same where every cell is two digits (or points) and a mark between; False where one is not."""
    for sample in range(first.size):
        at = 4 * sample
        between = data[at + 1]
        if (between != 47 and between != 124) or (sample + 1 < first.size and data[at + 3] != _TAB):
            return False
        one, other = data[at] - _ZERO, data[at + 2] - _ZERO
        first[sample] = one if 0 <= one <= 9 else -1
        second[sample] = other if 0 <= other <= 9 else -1
    return True


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def scan_bcf_calls(values: Any, first: Any, second: Any) -> None:
    """The first and last allele number of every sample of a BCF record (samples × calls), -1 where missing.

    A value is twice the allele's number and one more, the lowest bit the phase; -127 fills up shorter calls.
    """
    for sample in range(values.shape[0]):
        one = values[sample, 0]
        other = one
        for number in range(1, values.shape[1]):
            if values[sample, number] != -127:
                other = values[sample, number]
        first[sample] = min(100, (one >> 1) - 1) if one > 1 else -1
        second[sample] = min(100, (other >> 1) - 1) if other > 1 else -1


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator,unused-ignore]
def count_allele(first: Any, second: Any, number: int, out: Any) -> None:
    """How often an allele is among the two of each sample; -1 where one of them is missing."""
    for sample in range(out.size):
        one, other = first[sample], second[sample]
        both = (one == number) + (other == number)
        out[sample] = both if (one >= 0) & (other >= 0) else -1


def prepare() -> None:
    """Compiles every loop, those next door too, for the types that readers hand it.

    A compiler needs more memory than a reader may use.
    """
    line, calls = bytes_of(b"0\t1\t2"), np.zeros(4, np.int8)
    scan_dosages(line, 0, _TAB, 0.25, calls)
    scan_letters(line, 0, np.zeros(4, np.uint8))
    scan_calls(bytes_of(b"0/1\t1|1"), calls, calls.copy())
    scan_short_calls(bytes_of(b"0/1\t1|1"), calls[:2], calls[2:])
    for kind in (np.int8, np.int32):
        scan_bcf_calls(np.zeros((4, 2), kind), calls, calls.copy())
    scan_bcf_calls(np.frombuffer(bytes(4), np.int8).reshape(2, 2), calls[:2], calls[2:])
    count_allele(calls, calls, 1, calls.copy())
    pairs = np.zeros((1, 2, 2), np.uint8)
    for given in (pairs, np.frombuffer(bytes(4), np.uint8).reshape(1, 2, 2)):
        calls_of_pairs(given, np.zeros((1, 2), np.int8), np.zeros((1, 2), np.uint8))
    list_scanning.prepare()
    unpacking.prepare()
