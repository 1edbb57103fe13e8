"""How much of a table in a picture is read: `python tests/bench/ocr.py` (needs tesseract)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from matcher.contents import Limits
from tests.matcher import pictures_drawn as pictures
from tests.matcher.formats.test_recognised import LATIN, drawn, found, made_rows, read

CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as drawn": lambda one: one,
    "JPEG 50": lambda one: pictures.jpeg(one, 50),
    "JPEG 30": lambda one: pictures.jpeg(one, 30),
    "scaled by 0.7": lambda one: pictures.scaled(one, 0.7),
    "dark mode": lambda one: one.point(lambda value: 255 - value),
}
PICTURES = 8


def main() -> None:
    limits = Limits(ocr=True)
    print(
        f"share of ids and of other cells that stand in a table; {PICTURES} tables of 20 × 3, seconds a picture"
    )
    for size in (12, 16, 22):
        for change, made in CHANGES.items():
            began, ids, others = time.monotonic(), 0.0, 0.0
            for seed in range(PICTURES):
                rows = made_rows(seed, 20)
                picture = made(drawn([["eid", "birth", "bmi"], *rows], 10 * size, LATIN, size))
                file = read(pictures.encoded(picture), limits=limits)
                ids += found(file, [row[0] for row in rows]) / PICTURES
                others += found(file, [cell for row in rows for cell in row[1:]]) / PICTURES
            seconds = (time.monotonic() - began) / PICTURES
            print(f"| {size} | {change} | {ids:.3f} | {others:.3f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
