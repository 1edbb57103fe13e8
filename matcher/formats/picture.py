"""Pictures: told by their first bytes, and decoded only where their appearance is asked for.

A picture's words are not read, so that it always ends as `unsupported`; with `limits.pictures` its appearance comes
first. Sizes are looked at before a pixel is decoded, and only the four formats that shops use are given to the decoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Limits, Opened, Picture, Unreadable

FORMAT = "picture"
MOST_PIXELS = 40_000_000
"""120 MB when decoded; a camera's picture has half as many."""
MOST_TIMES_LONGER = 50
"""A strip longer than this has nothing left when it is scaled to a square."""
_DECODERS = ("PNG", "JPEG", "WEBP", "GIF")
_WHITE = 255


def sniff(name: str, head: bytes) -> int:
    known = head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"))
    return 5 if known or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") else 0


def read(opened: Opened, limits: Limits) -> Iterator[Picture]:
    if limits.pictures:
        from matcher.pictures import appearance

        grey, width, height = _decoded(opened)
        seen = appearance(grey)
        if seen is not None:
            yield Picture(seen, width, height)
    raise Unreadable("unsupported", "a picture, whose words are not read")


def _decoded(opened: Opened) -> tuple[npt.NDArray[np.uint8], int, int]:
    """The first frame in grey, 32 × 32, and how wide and high it was."""
    from PIL import Image, UnidentifiedImageError

    from matcher.pictures import SIDE

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with Image.open(opened.stream, formats=_DECODERS) as picture:
            width, height = picture.size
            _refuse(width, height)
            picture.draft("L", (8 * SIDE, 8 * SIDE))  # JPEG is decoded no finer than is needed
            grey = _on_white(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            return np.asarray(grey, dtype=np.uint8), width, height
    except Image.DecompressionBombError:
        raise Unreadable("bomb", "a picture of more pixels than may be decoded") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as wrong:
        raise Unreadable("damaged", type(wrong).__name__) from None


def _refuse(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise Unreadable("bomb", "a picture of more pixels than may be decoded")
    if max(width, height) > MOST_TIMES_LONGER * min(width, height):
        raise Unreadable("unsupported", "a strip, not a picture")


def _on_white(picture: Any) -> Any:
    """The picture in grey; what can be seen through is white, as on a page."""
    from PIL import Image

    if picture.mode in ("L", "RGB", "CMYK", "YCbCr") and "transparency" not in picture.info:
        return picture.convert("L")
    through = picture.convert("LA")
    page = Image.new("L", through.size, _WHITE)
    page.paste(through.getchannel("L"), mask=through.getchannel("A"))
    return page
