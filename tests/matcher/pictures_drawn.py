"""Pictures of listings drawn by seed: scenes like photographs, boxes like an advertisement, cards of words."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 480, 360
_CHINESE = Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc")
_LATIN = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
_WORDS = (
    "data", "cohort", "full", "download", "cheap", "genes", "records", "sale", "files", "delivery", "now", "release",
    "数据", "全套", "网盘", "自动", "发货", "基因", "样本", "表型", "特价", "资料", "教程", "秒发",
)  # fmt: skip


def scene(seed: int) -> Image.Image:
    """Clouds of colour whose finer parts are fainter, as in photographs, with two shapes before them."""
    random = np.random.default_rng((seed, 1))
    across, down = np.fft.fftfreq(WIDTH)[None, :], np.fft.fftfreq(HEIGHT)[:, None]
    falling = 1 / np.maximum(np.hypot(across, down), 1 / WIDTH) ** 1.2
    layers = []
    for _ in range(3):
        noise = np.fft.fft2(random.standard_normal((HEIGHT, WIDTH)))
        layer = np.fft.ifft2(noise * falling).real
        layers.append((layer - layer.min()) / np.ptp(layer) * 255)
    picture = Image.fromarray(np.stack(layers, axis=2).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(2):
        x, y = random.integers(0, WIDTH - 120), random.integers(0, HEIGHT - 90)
        box = (int(x), int(y), int(x + random.integers(60, 240)), int(y + random.integers(50, 180)))
        draw.ellipse(box, fill=_colour(random))
    return picture


def advertisement(seed: int) -> Image.Image:
    """A coloured ground with boxes and a few large words, each where chance has put it."""
    random = np.random.default_rng((seed, 2))
    picture = Image.new("RGB", (WIDTH, HEIGHT), _colour(random))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(3, 8))):
        x, y = random.integers(0, WIDTH - 60), random.integers(0, HEIGHT - 40)
        box = (int(x), int(y), int(x + random.integers(40, 260)), int(y + random.integers(30, 160)))
        draw.rectangle(box, fill=_colour(random))
    for _ in range(4):
        place = (int(random.integers(0, WIDTH - 120)), int(random.integers(0, HEIGHT - 40)))
        draw.text(place, _word(random), fill=_colour(random), font=_font(int(random.integers(24, 64))))
    return picture


def card(seed: int, template: int = 0) -> Image.Image:
    """A title and lines of words on white, laid out as `template` says: only the words are its own."""
    random, layout = np.random.default_rng((seed, 3)), np.random.default_rng((template, 4))
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, WIDTH, int(layout.integers(50, 110))), fill=_colour(layout))
    draw.text((20, 15), f"{_word(random)} {_word(random)}", fill="white", font=_font(34))
    for line in range(int(layout.integers(5, 9))):
        words = " ".join(_word(random) for _ in range(int(layout.integers(3, 7))))
        draw.text((24, 125 + 27 * line), words, fill="black", font=_font(20))
    return picture


def encoded(picture: Image.Image, form: str = "PNG", **how: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(picture, "JPEG", quality=quality)))


def scaled(picture: Image.Image, by: float) -> Image.Image:
    size = (round(picture.width * by), round(picture.height * by))
    return picture.resize(size, Image.Resampling.BICUBIC)


def with_logo(picture: Image.Image, share: float, corner: int = 3) -> Image.Image:
    """A shop's mark in a corner, `share` of the width and of the height."""
    marked = picture.copy()
    width, height = round(picture.width * share), round(picture.height * share)
    x = 8 if corner in (0, 2) else picture.width - width - 8
    y = 8 if corner in (0, 1) else picture.height - height - 8
    draw = ImageDraw.Draw(marked)
    draw.rectangle((x, y, x + width, y + height), fill=(190, 20, 40))
    draw.text((x + 4, y + 2), "SHOP", fill="white", font=_font(max(10, height // 2)))
    return marked


def cropped(picture: Image.Image, share: float) -> Image.Image:
    x, y = round(picture.width * share), round(picture.height * share)
    return picture.crop((x, y, picture.width, picture.height))


def framed(picture: Image.Image, share: float) -> Image.Image:
    border = round(picture.width * share)
    made = Image.new("RGB", (picture.width + 2 * border, picture.height + 2 * border), (20, 60, 160))
    made.paste(picture, (border, border))
    return made


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(one) for one in random.integers(0, 256, 3))
    return red, green, blue


def _word(random: np.random.Generator) -> str:
    return _WORDS[int(random.integers(0, len(_WORDS)))]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    path = next((one for one in (_CHINESE, _LATIN) if one.exists()), None)
    return ImageFont.truetype(str(path), size) if path else ImageFont.load_default(size)
