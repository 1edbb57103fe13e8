"""What a path gives, gathered file by file, and the rows that tests hide in files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from matcher.contents import Event, FileEnded, FileStarted, Genotypes, Limits, Part, Table, Text
from matcher.reading import read_path

COLUMNS = ("eid", "sex", "bmi")
ROWS = tuple((str(1_000_001 + 7 * number), str(number % 2), f"{20 + number / 8}") for number in range(40))
LEAK = "\n".join([",".join(COLUMNS), *(",".join(row) for row in ROWS)]) + "\n"
LEAKED = ROWS[0][0]


@dataclass
class File:
    """One file that was found, with all its parts."""

    path: str
    parts: list[Part] = field(default_factory=list)
    ended: FileEnded | None = None

    @property
    def skipped(self) -> str | None:
        assert self.ended is not None
        return self.ended.skipped

    @property
    def format(self) -> str:
        assert self.ended is not None
        return self.ended.format

    @property
    def tables(self) -> list[Table]:
        return [part for part in self.parts if isinstance(part, Table)]

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))

    def holds(self, value: str) -> bool:
        """Whether the value stands in any cell or text."""
        return value in self.text or any(value in cells for table in self.tables for cells in table.cells)


def gathered(events: Iterable[Event]) -> list[File]:
    """Files as they come; the order of events is checked on the way."""
    files: list[File] = []
    for event in events:
        if isinstance(event, FileStarted):
            assert not files or files[-1].ended is not None, "a file began before the last one ended"
            files.append(File(event.path))
        elif isinstance(event, FileEnded):
            assert files[-1].path == event.path
            assert files[-1].ended is None
            files[-1].ended = event
        else:
            assert isinstance(event, Table | Genotypes | Text)
            files[-1].parts.append(event)
    assert all(file.ended is not None for file in files)
    return files


def read(path: Path, limits: Limits | None = None) -> list[File]:
    return gathered(read_path(path, limits))


def one(path: Path, limits: Limits | None = None) -> File:
    (file,) = read(path, limits)
    return file


def rows_of(tables: Iterable[Table]) -> list[tuple[str, ...]]:
    return [row for table in tables for row in zip(*table.cells, strict=True)]
