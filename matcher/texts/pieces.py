"""Cuts bytes into pieces where their content says so, so that a part of a file has the pieces of the whole.

A file that was split to pass a site's limit of size, cut off, or put behind something else cannot be read as what it
was, yet but for its ends it falls into the same pieces. Content-defined chunking with a gear hash, as in FastCDC
(Xia et al., USENIX ATC 2016): a piece ends where the top bits of a rolling hash over the last 64 bytes are 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, BinaryIO

import numba
import numpy as np
import numpy.typing as npt

Pieces = npt.NDArray[np.uint64]

LEAST, MOST = 4 << 10, 64 << 10
CUT_BITS = 14
"""A piece is LEAST + 2**CUT_BITS bytes long on average, some 20 KiB."""
BLOCK = 8 << 20
MOST_PIECES = 65_536
"""Kept of one file: those with the smallest digests, the same whichever part of a file they stand in."""
FEWEST_BYTES = 8
"""A piece of fewer distinct bytes than this is padding, and stands in many files."""
_GEAR = np.array(
    [int.from_bytes(hashlib.blake2b(bytes([byte]), digest_size=8).digest(), "little") for byte in range(256)],
    dtype=np.uint64,
)


def pieces_of(
    stream: BinaryIO, pulse: Callable[[], None] | None = None, most: int | None = MOST_PIECES
) -> Pieces:
    """Digests of the pieces of a stream from here to its end, each once, in order.

    At most `most` are kept, those with the smallest digests; `pulse` is called now and then.
    """
    digests: set[int] = set()
    held = b""
    while True:
        block = stream.read(BLOCK)
        data = held + block
        ends = np.zeros(len(data) // LEAST + 1, dtype=np.int64)
        count = _cut(np.frombuffer(data, dtype=np.uint8), _GEAR, not block, ends)
        start = 0
        for end in ends[:count].tolist():
            piece = data[start:end]
            start = end
            if len(set(piece[:LEAST])) >= FEWEST_BYTES:
                digests.add(int.from_bytes(hashlib.blake2b(piece, digest_size=8).digest(), "little"))
        if most is not None and len(digests) > 2 * most:
            digests = set(sorted(digests)[:most])
        if not block:
            break
        held = data[start:]
        if pulse is not None:
            pulse()
    return np.array(sorted(digests)[:most], dtype=np.uint64)


def prepare() -> None:
    """Compiles the loop."""
    _cut(np.frombuffer(bytes(8), dtype=np.uint8), _GEAR, True, np.zeros(1, dtype=np.int64))


@numba.njit(nogil=True, cache=True)  # type: ignore[untyped-decorator]
def _cut(data: Any, gear: Any, is_last: bool, ends: Any) -> int:
    """The ends of pieces; what is left over is the last one where nothing follows."""
    count = start = 0
    size = data.shape[0]
    while start < size:
        end = min(size, start + MOST)
        cut = -1
        rolling = np.uint64(0)
        for at in range(start + LEAST - 64, end):
            if at >= size:
                break
            rolling = (rolling << np.uint64(1)) + gear[data[at]]
            if at >= start + LEAST and (rolling >> np.uint64(64 - CUT_BITS)) == 0:
                cut = at + 1
                break
        if cut < 0:
            if start + MOST <= size:
                cut = start + MOST
            elif is_last:
                cut = size
            else:
                break
        ends[count] = cut
        count += 1
        start = cut
    return count
