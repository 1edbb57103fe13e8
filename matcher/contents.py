"""What a reader gives: the parts of one file, in pieces small enough to hold.

A reader turns bytes into a stream of parts; matchers take parts and never see bytes. A large
table comes as several `Table` parts that share a name; a large genotype matrix as several
`Genotypes` parts that share their samples and differ in variants.

Next door: `reading` (opens paths and containers, runs readers in a limited child process),
`formats/` (the readers), `sketches` (what matchers make of the parts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, overload

import numpy as np
import numpy.typing as npt

Skipped = Literal["too-large", "encrypted", "damaged", "unsupported", "bomb", "timeout"]

MISSING = -1
"""The dosage of a call that is missing."""


class Unreadable(Exception):
    """A file that a reader cannot read in full; `why` is one of the contract's words."""

    def __init__(self, why: Skipped, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why: Skipped = why
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one top-level path may cost; the child process is held to them."""

    file_bytes: int = 2 * 1024**3
    """Bytes of one file, after decompression; more is `too-large`."""
    total_bytes: int = 20 * 1024**3
    """Bytes of everything inside one path, after decompression."""
    ratio: int = 200
    """Bytes out per byte in, beyond the first 256 MiB out; more is a `bomb`."""
    members: int = 100_000
    depth: int = 8
    seconds: float = 120.0
    """Wall seconds without an event from the child before it is killed."""
    memory_bytes: int = 1024**3
    """What a child that reads may hold; a little of it is taken by its libraries."""
    rows_per_part: int = 20_000
    variants_per_part: int = 2_000
    calls_per_part: int = 1 << 20
    """Of 500,000 samples two variants; a larger array costs more to get than to fill."""
    pictures: bool = False
    """True where the appearance of pictures is asked for; else none is decoded."""
    ocr: bool = False
    """True where the words of pictures are read by the system's tesseract."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file as a reader meets it: seekable bytes, a name that is only a hint, and its neighbours."""

    name: str
    stream: BinaryIO
    size: int
    sibling: Callable[[str], BinaryIO | None] = field(default=lambda _suffix: None)
    """`sibling(".bim")` opens the file of the same stem with that suffix, if it stands beside it."""


class Cells(Sequence[str]):
    """The cells of one column, held as Arrow text and turned into strings when they are looked at.

    `arrow` is the column itself (a pyarrow string array), for what hashes cells by the million; `window` its bytes
    and where each cell begins, once somebody asked for them (`cell_bytes.bytes_of`), so that all takers share them.
    """

    __slots__ = ("_strings", "arrow", "window")

    def __init__(self, arrow: Any) -> None:
        self.arrow = arrow
        self.window: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]] | None = None
        self._strings: list[str] | None = None

    def strings(self) -> list[str]:
        if self._strings is None:
            self._strings = self.arrow.to_pylist()
        return self._strings

    def __len__(self) -> int:
        return len(self.arrow)

    def __iter__(self) -> Iterator[str]:
        return iter(self.strings())

    def __contains__(self, value: object) -> bool:
        return value in self.strings()

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if self._strings is not None:
            return self._strings[at]
        if isinstance(at, int):
            text: str = self.arrow[at].as_py()
            return text
        start, stop, step = at.indices(len(self))
        if step != 1:
            return self.strings()[at]
        some = Cells(self.arrow[start : max(start, stop)])
        if self.window is not None:
            some.window = (self.window[0], self.window[1][start : max(start, stop) + 1])
        return some

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.strings() == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self.strings()))

    def __repr__(self) -> str:
        return f"<{len(self)} cells>"  # never the cells themselves: a log must not hold them


WRITTEN_OUT = ", written out "
"""In the name of a table that stands in a program as lists of values: it may be a test's or a plot's as well."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text cells as they stand in the file; nothing is parsed or guessed yet.

    `cells[c][r]` is the cell of column c and row r; `""` is an empty cell; a column is a tuple or, from the
    reader, `Cells`. `has_header` is False where
    the reader found no header and the columns are named `column_1` and so on.
    """

    name: str
    columns: tuple[str, ...]
    cells: tuple[Sequence[str], ...]
    has_header: bool = True
    labels: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    """Code → label pairs by column, where the file carries them (Stata, SPSS, SAS)."""

    @property
    def rows_count(self) -> int:
        return len(self.cells[0]) if self.cells else 0


@dataclass(frozen=True, slots=True)
class Genotypes:
    """Hard calls of some variants for some samples.

    `dosages[v, s]` counts allele `alleles_b[v]` in sample s: 0, 1, 2 or `MISSING`; int8.
    Positions are 1-based, 0 where the file has none; chromosome names are as in the file;
    an allele that the file does not state is "". `coding_known` is False where the file does not say
    which allele is counted.
    """

    samples: tuple[str, ...]
    chromosomes: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    names: tuple[str, ...]
    alleles_a: tuple[str, ...]
    alleles_b: tuple[str, ...]
    dosages: npt.NDArray[np.int8]
    coding_known: bool = True
    build: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Running text: a readme, a script, the prose or the printed output of a notebook, a listing."""

    name: str
    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture looks like; given only where `Limits.pictures` asks for it, and to no matcher."""

    appearance: int
    """64 bits, compared by `pictures.bits_apart`."""
    width: int
    height: int


Part = Table | Genotypes | Text


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file begins: a file of a folder, a member of an archive or a blob of a git history."""

    path: str
    """Where it stands, containers joined by `!/`, a git blob as `repo@COMMIT12:path`."""


@dataclass(frozen=True, slots=True)
class FileEnded:
    """A file was read; every part between its start and this belongs to it."""

    path: str
    sha256: str
    size: int
    format: str
    skipped: Skipped | None = None
    detail: str = ""
    pieces: bytes = b""
    """Of a file that could not be read in full: digests of its pieces (`texts.pieces`), 8 bytes each."""


Event = FileStarted | Table | Genotypes | Text | Picture | FileEnded
