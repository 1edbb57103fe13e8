"""Words of pictures by OCR: tables and prose drawn by seed, in English and Chinese; off unless asked for."""

from __future__ import annotations

import base64
import json
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from matcher.contents import Limits, Text
from matcher.reading import read_bytes
from tests.matcher.pictures_drawn import encoded
from tests.matcher.reading.found import File, gathered

LATIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
CHINESE = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
OCR = Limits(seconds=110.0, ocr=True)
pytestmark = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")


def drawn(lines: list[list[str]], columns: int, font: str, size: int = 22) -> Image.Image:
    """Lines of words in columns, black on white, as a screenshot shows them."""
    picture = Image.new("RGB", (40 + columns * len(lines[0]), 40 + 2 * size * len(lines)), "white")
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        for column, word in enumerate(line):
            place = (20 + columns * column, 20 + 2 * size * row)
            draw.text(place, word, fill="black", font=ImageFont.truetype(font, size))
    return picture


def made_rows(seed: int, count: int = 12) -> list[list[str]]:
    made = random.Random(seed)
    return [
        [
            str(made.randrange(1_000_000, 6_000_000)),
            str(made.randrange(1934, 1970)),
            f"{made.uniform(18, 40):.2f}",
        ]
        for _ in range(count)
    ]


def read(data: bytes, name: str = "x.png", limits: Limits = OCR) -> File:
    (file,) = gathered(read_bytes(name, data, limits))
    return file


def found(file: File, values: list[str]) -> float:
    """The share of some values that stand in the cells of its tables."""
    cells = {cell for table in file.tables for column in table.cells for cell in column}
    return sum(value in cells for value in values) / len(values)


def test_a_table_in_a_screenshot_is_a_table_of_its_cells() -> None:
    rows = made_rows(1)
    file = read(encoded(drawn([["eid", "birth", "bmi"], *rows], 200, LATIN)))
    assert [table.columns for table in file.tables] == [("eid", "birth", "bmi")]
    assert found(file, [cell for row in rows for cell in row]) >= 0.9
    # What no program recognised may still be there: a picture is never told as read in full.
    assert (file.format, file.skipped) == ("picture", "unsupported")


def test_nothing_is_read_of_a_picture_unless_it_is_asked_for() -> None:
    file = read(encoded(drawn(made_rows(1), 200, LATIN)), limits=Limits(seconds=110.0))
    assert (file.parts, file.skipped) == ([], "unsupported")


def test_prose_is_text_and_no_table() -> None:
    lines = [
        ["All records of the Northmoor cohort,"],
        ["delivered at once after payment."],
        ["Ask before buying."],
    ]
    file = read(encoded(drawn(lines, 600, LATIN), "JPEG", quality=80), "x.jpg")
    assert "records of the Northmoor cohort" in file.text
    assert [part.language for part in file.parts if isinstance(part, Text)] == ["en"]
    assert not file.tables


@pytest.mark.skipif(not Path(CHINESE).exists(), reason="no Chinese font is installed")
def test_chinese_is_read_without_blanks_between_its_characters() -> None:
    file = read(
        encoded(drawn([["生物样本库全套数据"], ["付款后自动发货"]], 500, CHINESE, 32), "WEBP"), "x.webp"
    )
    assert "生物样本" in file.text
    assert "自动发货" in file.text
    assert [part.language for part in file.parts if isinstance(part, Text)] == ["zh"]


def test_a_table_shown_by_a_notebook_is_read_and_a_broken_picture_costs_only_itself() -> None:
    rows = made_rows(2)
    shown = base64.b64encode(encoded(drawn([["eid", "birth", "bmi"], *rows], 200, LATIN))).decode()
    outputs = [{"output_type": "display_data", "data": {"image/png": one}} for one in ("AAAA", shown)]
    cells = [{"cell_type": "code", "source": ["show(df)"], "outputs": outputs}]
    notebook = json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()
    file = read(notebook, "x.ipynb")
    assert found(file, [row[0] for row in rows]) >= 0.9
    assert "show(df)" in file.text
    assert (file.format, file.skipped) == ("notebook", "damaged")
    assert not read(notebook, "x.ipynb", Limits(seconds=110.0)).tables


def test_a_reader_without_the_program_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    file = read(
        encoded(drawn(made_rows(3), 200, LATIN)), limits=Limits(seconds=110.0, memory_bytes=1 << 29, ocr=True)
    )
    assert file.ended is not None
    assert "install tesseract-ocr and tesseract-ocr-chi-sim" in file.ended.detail


def test_a_program_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    limits = Limits(seconds=4.0, memory_bytes=(1 << 29) + 1, ocr=True)
    file = read(encoded(drawn(made_rows(3), 200, LATIN)), limits=limits)
    assert (file.parts, file.skipped) == ([], "timeout")
