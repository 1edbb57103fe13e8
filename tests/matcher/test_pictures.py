"""Pictures are decoded in the limited child, and their appearance survives what relists do to them."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageOps

from matcher.contents import FileEnded, Limits, Picture
from matcher.pictures import ALIKE, are_alike, bits_apart, look
from matcher.reading import read_bytes
from tests.matcher.pictures_drawn import (
    advertisement,
    card,
    encoded,
    framed,
    jpeg,
    scaled,
    scene,
    with_logo,
)

LIMITS = Limits(seconds=30.0)
DRAWN = [scene(7), advertisement(7), card(7, template=7)]


def seen(data: bytes) -> int:
    found = look("x", io.BytesIO(data), LIMITS)
    assert found is not None
    return found


def ended(data: bytes, *, pictures: bool = True) -> tuple[list[Picture], FileEnded]:
    events = list(read_bytes("x", data, Limits(seconds=30.0, pictures=pictures)))
    assert isinstance(events[-1], FileEnded)
    return [one for one in events if isinstance(one, Picture)], events[-1]


@pytest.mark.parametrize("picture", DRAWN, ids=["scene", "advertisement", "card"])
def test_a_picture_is_alike_to_itself_in_other_formats_and_sizes(picture: Image.Image) -> None:
    ours = seen(encoded(picture))
    for other in (
        encoded(picture, "JPEG", quality=30),
        encoded(picture, "WEBP", quality=50),
        encoded(scaled(picture, 0.5), "JPEG", quality=60),
        encoded(scaled(picture, 2)),
    ):
        assert are_alike(ours, seen(other)), bits_apart(ours, seen(other))


def test_a_logo_in_a_corner_is_survived_by_a_scene_and_not_by_a_card_of_words() -> None:
    """What the hint does and does not reach, as the bench measures it."""
    assert are_alike(seen(encoded(scene(7))), seen(encoded(with_logo(scene(7), 0.1))))
    assert not are_alike(seen(encoded(DRAWN[2])), seen(encoded(with_logo(DRAWN[2], 0.1))))


def test_other_pictures_frames_and_dark_mode_are_not_alike() -> None:
    ours = [seen(encoded(one)) for one in (*DRAWN, scene(8), advertisement(8))]
    assert min(bits_apart(a, b) for at, a in enumerate(ours) for b in ours[:at]) > ALIKE
    assert not are_alike(ours[0], seen(encoded(ImageOps.invert(scene(7)))))
    assert not are_alike(ours[1], seen(encoded(framed(advertisement(7), 0.1))))


def test_what_can_be_seen_through_is_white() -> None:
    solid, through = card(3), card(3).convert("RGBA")
    is_ground = solid.convert("L").point(lambda grey: 255 * (grey == 255), "L")
    through.paste((0, 0, 0, 0), mask=is_ground)
    assert bits_apart(seen(encoded(solid)), seen(encoded(through))) <= 1


def test_no_picture_is_decoded_unless_asked_for_and_its_words_count_as_unread() -> None:
    for asked in (True, False):
        pictures, end = ended(encoded(scene(1)), pictures=asked)
        assert [(one.width, one.height) for one in pictures] == ([(480, 360)] if asked else [])
        assert (end.format, end.skipped) == ("picture", "unsupported")


def test_blank_pictures_and_strips_look_like_nothing() -> None:
    for picture in (Image.new("RGB", (300, 300), "white"), Image.effect_noise((6000, 100), 90)):
        assert look("x", io.BytesIO(encoded(picture)), LIMITS) is None


def test_a_small_file_of_a_huge_picture_is_told_as_a_bomb() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 60_000
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(4 << 20)))
    pictures, end = ended(b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b""))
    assert (pictures, end.skipped) == ([], "bomb")


def test_broken_pictures_are_damaged_and_the_reader_goes_on() -> None:
    whole = encoded(jpeg(scene(2), 80), "JPEG", quality=80)
    for broken in (
        whole[: len(whole) // 3],
        b"\xff\xd8\xff" + bytes(range(256)) * 20,
        encoded(scene(2))[:60],
    ):
        pictures, end = ended(broken)
        assert (pictures, end.skipped) == ([], "damaged")
    assert seen(whole)


def test_a_zip_of_pictures_is_no_picture() -> None:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.png", encoded(scene(1)))
        archive.writestr("b.png", encoded(scene(2)))
    assert look("x.png", io.BytesIO(out.getvalue()), LIMITS) is None
