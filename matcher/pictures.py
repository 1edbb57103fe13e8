"""What a picture looks like, in 64 bits, so that pictures of listings are compared without the pictures.

The signs of the 64 lowest frequencies of a grey picture of 32 × 32, against their median (pHash). Measured on pictures
drawn by seed (`tests/bench/pictures.py`), alike at ALIKE bits apart: after JPEG at quality 30 to 90 and scaling by 0.5
to 2 all of them; with a logo on 10 % × 10 % of it 0.93 of scenes, 0.88 of advertisements, none of the cards of words;
after a crop, with a frame or in dark mode next to none. Strangers: 0 of 3,999,000 pairs that are not both cards of
words, 1 in 800 pairs of such cards, and 1 in 7 of those of one template, however different what they offer.
So this is a hint for the reader of a case: it opens none, joins none, and is part of no odds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from matcher.contents import Limits, Picture

SIDE = 32
BITS = 64
ALIKE = 6
"""Pictures at most so many bits apart look much alike."""
LEAST_CONTRAST = 4.0
"""Standard deviation, of 255, under which a picture is blank: the signs of its frequencies are noise."""

_LOWEST = sorted(((i, j) for i in range(SIDE) for j in range(SIDE)), key=lambda at: (sum(at), at))[
    1 : BITS + 1
]
"""Frequencies, the lowest first; that of the mean is left out."""


def look(name: str, stream: BinaryIO, limits: Limits) -> int | None:
    """The appearance of a found picture, decoded in the limited child; None where it is none, blank or unreadable."""
    from matcher.reading import read_bytes  # the child, which needs `appearance`, reads nothing by it

    seen = [
        event.appearance
        for event in read_bytes(name, stream, replace(limits, pictures=True, ocr=False))
        if isinstance(event, Picture)
    ]
    return seen[0] if len(seen) == 1 else None


def appearance(grey: npt.NDArray[np.uint8]) -> int | None:
    """The 64 bits of a grey picture of SIDE × SIDE; None where it is blank."""
    values = grey.astype(np.float64)
    if float(values.std()) < LEAST_CONTRAST:
        return None
    cosines = _cosines()
    frequencies = cosines @ values @ cosines.T
    lowest = np.array([frequencies[at] for at in _LOWEST])
    bits = np.packbits(lowest > np.median(lowest))
    return int.from_bytes(bits.tobytes(), "big")


def bits_apart(one: int, other: int) -> int:
    """How many of the 64 bits differ."""
    return (one ^ other).bit_count()


def are_alike(one: int, other: int) -> bool:
    """Whether two pictures look much alike: a hint, never a proof."""
    return bits_apart(one, other) <= ALIKE


def _cosines() -> npt.NDArray[np.float64]:
    """The matrix of the discrete cosine transform (DCT-II), frequency × place."""
    frequency, place = np.arange(SIDE)[:, None], np.arange(SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE))
