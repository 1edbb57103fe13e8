"""Matrices of calls or dosages as text, with variants in columns (PLINK `.raw` and the like) or in rows (`.traw`).

A variant is told by its name: rsID, chromosome and position, with the counted allele as a suffix or beside it. The
other columns (ids, phenotypes) come as a table, so that nothing of the file is lost to the other matchers.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from matcher.contents import Genotypes, Limits, Opened, Table, Unreadable
from matcher.formats.beside import SURE_WITHIN, variants_a_part
from matcher.formats.call_matrix import CallMatrix, kept_variants, part_of
from matcher.formats.delimited import parts_of
from matcher.formats.headers import ROW_NAME
from matcher.formats.scanning import bytes_of, scan_dosages
from matcher.genotypes.naming import NamedVariant, split_counted, variant_of
from matcher.genotypes.variant_columns import (
    FEWEST_VARIANTS,
    describes_variants,
    names_variants,
    places_variants,
    variant_of_row,
)

FORMAT = "dosage-matrix"
FEWEST_SAMPLES = 3
_LOOKED_AT = 60
_MOST_LINE = 256 << 20
_MOST_BESIDE = 12
"""Columns before the calls of variants in rows that may name them."""
_CALLS_LOOKED_AT = 500
_DELIMITERS = (b"\t", b",", b";", b" ")
_MISSING = {"", "na", "nan", "null", ".", "-9", "-1", "-", "none"}
_TRAW = ("CHR", "SNP", "(C)M", "POS", "COUNTED", "ALT")
_RAW_COLUMNS = {"fid", "iid", "pat", "mat", "sex", "phenotype"}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the calls of a matrix stand."""

    delimiter: bytes
    header: tuple[str, ...]
    variants_in: str
    """`columns` or `rows`."""
    first: int
    """The first column of calls."""
    lines_before: int
    names_rows: bool = False
    """Rows begin with a name that the header has no column for, as R writes them."""


def sniff(name: str, head: bytes) -> int:
    return 4 if layout_of(head) is not None else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes | Table]:
    """Genotypes in parts, and a table of what else stands in the rows.

    Raises:
        Unreadable: a line is longer than any honest one, or no line fits the header.
    """
    layout = layout_of(opened.stream.read(64 << 10))
    if layout is None:
        raise Unreadable("unsupported", "no matrix of genotypes")
    opened.stream.seek(0)
    for _ in range(layout.lines_before):
        opened.stream.readline(_MOST_LINE)
    header = _cells(opened.stream.readline(_MOST_LINE), layout.delimiter)
    layout = replace(layout, header=(ROW_NAME, *header) if layout.names_rows else tuple(header))
    yield from (
        _by_sample(opened, limits, layout)
        if layout.variants_in == "columns"
        else _by_variant(opened, limits, layout)
    )


def layout_of(head: bytes) -> Layout | None:
    """The layout of a matrix of genotypes, None of anything else."""
    if b"\0" in head or head.lstrip()[:1] in (b"{", b"[", b"<"):
        return None
    lines = head.split(b"\n")
    before = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith(b"##")), 0)
    first = lines[before]
    counts = Counter({one: first.count(one) for one in _DELIMITERS})
    delimiter, count = counts.most_common(1)[0]
    if count < FEWEST_SAMPLES:
        return None
    header = _cells(first, delimiter)
    whole = lines[before + 1 : -1 if len(head) >= 64 << 10 else None]
    rows = [_cells(line, delimiter) for line in whole[:_LOOKED_AT] if line.strip()]
    widths = Counter(len(row) for row in rows)
    if widths and widths.most_common(1)[0][0] == len(header) + 1:
        inner = _layout_of(delimiter, [ROW_NAME, *header], rows, before, is_whole=True)
        return replace(inner, names_rows=True) if inner else None
    return _layout_of(delimiter, header, rows, before, is_whole=len(lines) > before + 1)


def _layout_of(
    delimiter: bytes, header: list[str], rows: list[list[str]], before: int, *, is_whole: bool
) -> Layout | None:
    start = _first_variant(header, is_whole=is_whole)
    if start is not None and _are_calls(rows, len(header), start):
        return Layout(delimiter, tuple(header), "columns", start, before)
    if tuple(header[: len(_TRAW)]) == _TRAW:
        return Layout(delimiter, tuple(header), "rows", len(_TRAW), before)
    if len(rows) < FEWEST_SAMPLES:
        return None
    start = _first_call(header, rows)
    return Layout(delimiter, tuple(header), "rows", start, before) if start else None


def _first_variant(header: Sequence[str], *, is_whole: bool) -> int | None:
    """The column behind which nearly every one is named after a variant; None where the last is not.

    Ids may stand at the end, and a reader that takes them for calls would lose them.
    """
    raw = {one.lower() for one in header[:8]} >= _RAW_COLUMNS
    named = [raw or variant_of(one) is not None for one in header[:2_000]]
    if raw:
        return 6 if len(header) > 6 else None
    first = next((number for number, one in enumerate(named) if one), None)
    if first is None:
        return None
    behind = named[first:]
    if is_whole and len(header) <= len(named) and not behind[-1]:
        return None
    return first if len(behind) >= FEWEST_VARIANTS and sum(behind) >= 0.95 * len(behind) else None


def _first_call(header: Sequence[str], rows: list[list[str]]) -> int | None:
    """The column behind which every cell is a call, where a column before it names variants."""
    width = len(header)
    fitting = [row for row in rows if len(row) == width]
    if len(fitting) < 0.9 * len(rows):
        return None
    first = width
    while first > 1 and all(_is_call(row[first - 1]) for row in fitting):
        first -= 1
    first = max(
        first, 1 + max((n for n, one in enumerate(header[:12]) if describes_variants(one)), default=0)
    )
    samples = header[first:]
    if len(samples) < FEWEST_SAMPLES or all(map(_is_call, samples)):
        return None  # few columns, or no header: the first row is a row like the others
    if 2 * sum(variant_of(one) is not None for one in samples[:200]) > len(samples[:200]):
        return None  # variants by variants: correlations
    values = [cell for row in fitting for cell in row[first:] if cell.lower() not in _MISSING]
    sure = [float(one) for one in values]
    near = sum(abs(one - round(one)) <= 0.1 for one in sure)
    if len({round(one) for one in sure}) < 2 or near < 0.8 * len(sure):
        return None
    beside = list(zip(*(row[: min(first, _MOST_BESIDE)] for row in fitting), strict=True))
    is_named = any(map(names_variants, beside)) or places_variants(header, beside)
    return first if is_named else None


def _are_calls(rows: list[list[str]], width: int, first: int) -> bool:
    """Whether nearly all cells behind that column are calls, and of samples; true where no row is there to tell."""
    fitting = [row for row in rows if len(row) == width]
    cells = [cell for row in fitting for cell in row[first : first + _CALLS_LOOKED_AT]]
    is_of_variants = bool(fitting) and first > 0 and names_variants([row[0] for row in fitting])
    return sum(map(_is_call, cells)) >= 0.9 * len(cells) and not is_of_variants


def _is_call(cell: str) -> bool:
    if cell.lower() in _MISSING:
        return True
    try:
        return 0 <= float(cell) <= 2
    except ValueError:
        return False


def _by_sample(opened: Opened, limits: Limits, layout: Layout) -> Iterator[Genotypes | Table]:
    at, line = opened.stream.tell(), opened.stream.readline(_MOST_LINE)
    if not layout.names_rows and len(_cells(line, layout.delimiter)) == len(layout.header) + 1:
        # The head that was looked at ended within the header.
        layout = replace(layout, header=(ROW_NAME, *layout.header), first=layout.first + 1)
    names = [split_counted(one) for one in layout.header[layout.first :]]
    kept = kept_variants(len(names), max(1, (opened.size - at) // max(1, len(line))))
    matrix = CallMatrix([names[number] for number in kept])
    out = np.empty(len(names), np.int8)
    beside: list[list[str]] = []
    odd = 0
    full: Unreadable | None = None
    while line and full is None:
        cells = _leading(line, layout.delimiter, layout.first)
        if cells is not None:
            if _read_calls(cells[1], layout.delimiter, out):
                try:
                    matrix.add(_sample(cells[0], layout.header, len(matrix.samples)), out[kept])
                    beside.append(cells[0])
                except Unreadable as wrong:
                    full = wrong
            else:
                odd += 1
        elif line.strip():
            odd += 1
        line = opened.stream.readline(_MOST_LINE)
    if not beside:
        raise Unreadable("damaged", "no line fits the header")
    if layout.first:
        head = list(layout.header[: layout.first])
        yield from parts_of(opened.name, [head, *beside], limits, has_header=True)
    yield from matrix.parts(limits)
    if full is not None:
        raise full
    if odd:
        raise _unfitting(odd)


def _leading(line: bytes, delimiter: bytes, first: int) -> tuple[list[str], bytes] | None:
    """The cells before the calls, and the rest of the line."""
    line = line.rstrip(b"\r\n")
    pieces = line.split(None if delimiter == b" " else delimiter, first)
    if len(pieces) != first + 1:
        return None
    return [piece.decode("utf-8", "replace").strip().strip('"') for piece in pieces[:first]], pieces[first]


def _read_calls(rest: bytes, delimiter: bytes, out: np.ndarray[tuple[int], np.dtype[np.int8]]) -> bool:
    """Reads the calls of a line into `out`; whether they are as many as it has room for."""
    count, _ = scan_dosages(bytes_of(rest), 0, delimiter[0], SURE_WITHIN, out)
    return bool(count == out.size)


def _sample(cells: list[str], header: Sequence[str], number: int) -> str:
    """The sample of a row: its IID, else its first cell."""
    lower = [one.lower() for one in header[: len(cells)]]
    if "iid" in lower:
        return cells[lower.index("iid")]
    return cells[0] if cells else str(number)


def _by_variant(opened: Opened, limits: Limits, layout: Layout) -> Iterator[Genotypes | Table]:
    samples = tuple(_without_family(one) for one in layout.header[layout.first :])
    step = variants_a_part(limits, len(samples))
    variants: list[NamedVariant] = []
    rows: list[np.ndarray[tuple[int], np.dtype[np.int8]]] = []
    out = np.empty(len(samples), np.int8)
    given, odd = False, 0
    while line := opened.stream.readline(_MOST_LINE):
        cells = _leading(line, layout.delimiter, layout.first)
        if cells is None or not _read_calls(cells[1], layout.delimiter, out):
            odd += bool(line.strip())
            continue
        variants.append(variant_of_row(cells[0], layout.header))
        rows.append(out.copy())
        if len(rows) >= step:
            yield part_of(samples, variants, np.stack(rows))
            variants, rows, given = [], [], True
    if rows:
        yield part_of(samples, variants, np.stack(rows))
    elif not given:
        raise Unreadable("damaged", "no line fits the header")
    if odd:
        raise _unfitting(odd)


def _unfitting(lines: int) -> Unreadable:
    return Unreadable("damaged", f"{lines} lines do not fit the header; the others were read")


def _without_family(name: str) -> str:
    """`FID_IID` of a .traw: the IID where both are the same, or the family is 0."""
    middle = len(name) // 2
    if len(name) % 2 and name[middle] == "_" and name[:middle] == name[middle + 1 :]:
        return name[:middle]
    return name.removeprefix("0_")


def _cells(line: bytes, delimiter: bytes) -> list[str]:
    text = line.removeprefix(BOM_UTF8).decode("utf-8", "replace").rstrip("\r\n")
    cells = text.split() if delimiter == b" " else text.split(delimiter.decode())
    return [cell.strip().strip('"') for cell in cells]
