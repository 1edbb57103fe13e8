"""The words of a picture, read by the system's tesseract (English and simplified Chinese): running text, and tables.

Only where `limits.ocr` asks for it. The program runs as a child of the limited child, within its memory, on a grey
picture that was decoded and bounded here; nothing of the found file itself reaches it. Rows whose words stand in the
same number of columns one under the other are a table as well.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matcher.contents import Limits, Table, Text, Unreadable
from matcher.formats.delimited import parts_of

PROGRAM = "tesseract"
LANGUAGES = ("eng", "chi_sim")
NEEDED = "install tesseract-ocr and tesseract-ocr-chi-sim"
SMALL = 1600
"""A picture narrower than this is doubled: letters of a screenshot are smaller than what was learnt."""
MOST_DOUBLED = 8_000_000
"""Pixels above which a picture is read as it is."""
LEAST_ROWS = 3
LEAST_SURE = 20.0
"""Of 100: what the program trusts less is no word."""
_GAP = 1.1
"""In heights of letters: words further apart stand in different columns."""
_CHINESE = re.compile(r"[\u3400-\u9fff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    left: int
    right: int
    height: int


def words_of(grey: Any, name: str, limits: Limits) -> Iterator[Table | Text]:
    """The tables and the text of a grey picture.

    Raises:
        Unreadable: the program is missing, or it failed on the picture or took too long for it.
    """
    lines = list(_lines(_said(grey, limits)))
    text = "\n".join(_joined(line) for line in lines)
    if not text:
        return
    cells = [_cells(line) for line in lines]
    for width, rows in itertools.groupby(cells, key=len):
        block = list(rows)
        if width > 1 and len(block) >= LEAST_ROWS:
            yield from parts_of(f"{name}, table", block, limits)
    chinese = len(_CHINESE.findall(text))
    yield Text(name, text, "zh" if 5 * chinese > len(text) else "en")


def _said(grey: Any, limits: Limits) -> str:
    scale = 2 if grey.width < SMALL and grey.width * grey.height <= MOST_DOUBLED else 1
    held = io.BytesIO()
    grey.resize((grey.width * scale, grey.height * scale)).save(held, "PNG", compress_level=1)
    command = [PROGRAM, "stdin", "stdout", "-l", "+".join(LANGUAGES), "--psm", "6", "tsv"]
    try:
        done = subprocess.run(
            command,
            input=held.getvalue(),
            capture_output=True,
            timeout=limits.seconds / 2,
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except FileNotFoundError:
        raise Unreadable("unsupported", f"its words cannot be read: {NEEDED}") from None
    except subprocess.TimeoutExpired:
        raise Unreadable("timeout", "reading its words took too long") from None
    if done.returncode != 0 and b"data file" in done.stderr:  # a language that is not installed
        raise Unreadable("unsupported", f"its words cannot be read: {NEEDED}")
    if done.returncode != 0:
        raise Unreadable("unsupported", "its words could not be read")
    return done.stdout.decode("utf-8", "replace")


def _lines(said: str) -> Iterator[list[_Word]]:
    """The words of each line; columns of the answer are those of tesseract's TSV."""
    rows = [row.split("\t") for row in said.split("\n")[1:]]
    words = [row for row in rows if len(row) == 12 and row[0] == "5" and row[11].strip()]
    for _, line in itertools.groupby(words, key=lambda row: row[1:5]):
        sure = [row for row in line if float(row[10]) >= LEAST_SURE]
        if sure:
            yield [
                _Word(row[11].strip(), int(row[6]), int(row[6]) + int(row[8]), int(row[9])) for row in sure
            ]


def _cells(line: Sequence[_Word]) -> list[str]:
    """The words of a line that stand together, as one cell each."""
    height = sorted(word.height for word in line)[len(line) // 2]
    cells: list[list[_Word]] = []
    for word in line:
        if cells and word.left - cells[-1][-1].right <= _GAP * height:
            cells[-1].append(word)
        else:
            cells.append([word])
    return [_joined(cell) for cell in cells]


def _joined(words: Sequence[_Word]) -> str:
    """Words in a row; between Chinese ones, which the program takes apart, stands nothing."""
    text = ""
    for word in words:
        together = text and _CHINESE.match(text[-1]) and _CHINESE.match(word.text[0])
        text += word.text if together or not text else f" {word.text}"
    return text
