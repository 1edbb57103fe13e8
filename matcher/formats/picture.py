"""Pictures: told by their first bytes, and decoded only where their appearance or their words are asked for.

With `limits.pictures` a picture's appearance is given, with `limits.ocr` its words (`recognised`). It always ends as
`unsupported`: what no program recognised in it may still be there for people to read. Sizes are looked at before a
pixel is decoded, and only the four formats that shops use are given to the decoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from matcher.contents import Limits, Opened, Picture, Table, Text, Unreadable

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


def read(opened: Opened, limits: Limits) -> Iterator[Picture | Table | Text]:
    if limits.pictures:
        from matcher.pictures import appearance

        small, width, height = _small(opened.stream)
        seen = appearance(small)
        if seen is not None:
            yield Picture(seen, width, height)
    if limits.ocr:
        opened.stream.seek(0)
        yield from words_in(opened.stream, "picture", limits)
        raise Unreadable("unsupported", "a picture, of which only recognised words were read")
    raise Unreadable("unsupported", "a picture, whose words are not read")


def words_in(stream: BinaryIO, name: str, limits: Limits) -> Iterator[Table | Text]:
    """What a picture holds in words.

    Raises:
        Unreadable: it cannot be decoded, or its words cannot be read.
    """
    from matcher.formats.recognised import words_of

    grey, _ = _decoded(stream, _on_white)
    yield from words_of(grey, name, limits)


def _small(stream: BinaryIO) -> tuple[npt.NDArray[np.uint8], int, int]:
    """The first frame in grey, 32 × 32, and how wide and high it was."""
    from PIL import Image

    from matcher.pictures import SIDE

    def shrunk(picture: Any) -> Any:
        picture.draft("L", (8 * SIDE, 8 * SIDE))  # JPEG is decoded no finer than is needed
        return _on_white(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)

    grey, (width, height) = _decoded(stream, shrunk)
    return np.asarray(grey, dtype=np.uint8), width, height


def _decoded(stream: BinaryIO, made: Callable[[Any], Any]) -> tuple[Any, tuple[int, int]]:
    """What `made` makes of a picture, and how wide and high that was."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with Image.open(stream, formats=_DECODERS) as picture:
            size: tuple[int, int] = picture.size
            _refuse(*size)
            return made(picture), size
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
