"""Matrices of calls or dosages as text, with variants in columns (PLINK `.raw` and the like) or in rows (`.traw`).

A variant is told by its name: rsID, chromosome and position, with the counted allele as a suffix or beside it. The
other columns (ids, phenotypes) come as a table, so that nothing of the file is lost to the other matchers.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from matcher.contents import Genotypes, Limits, Opened, Table, Unreadable
from matcher.formats.beside import SURE_WITHIN, position_of, variants_a_part
from matcher.formats.call_matrix import CallMatrix, kept_variants, part_of
from matcher.formats.delimited import parts_of
from matcher.formats.scanning import bytes_of, scan_dosages
from matcher.genotypes.naming import NamedVariant, split_counted, variant_of

FORMAT = "dosage-matrix"
FEWEST_VARIANTS = 24
FEWEST_SAMPLES = 3
_LOOKED_AT = 60
_MOST_LINE = 256 << 20
_ROW_NAME = "row_name"
_MOST_BESIDE = 12
"""Columns before the calls of variants in rows that may name them."""
_CALLS_LOOKED_AT = 500
_DELIMITERS = (b"\t", b",", b";", b" ")
_MISSING = {"", "na", "nan", "null", ".", "-9", "-1", "-", "none"}
_TRAW = ("CHR", "SNP", "(C)M", "POS", "COUNTED", "ALT")
_RAW_COLUMNS = {"fid", "iid", "pat", "mat", "sex", "phenotype"}
_CHROMOSOME = re.compile(r"#?(chr|chrom|chromosome|chr_id)", re.IGNORECASE)
_POSITION = re.compile(r"(pos|position|bp|base_pair_location|start)", re.IGNORECASE)
_A_CHROMOSOME = re.compile(r"(chr)?([1-9]|1\d|2[0-6]|X|Y|XY|MT?)", re.IGNORECASE)
_COUNTED = re.compile(r"(counted|alt|a1|effect_allele|allele1|coded_allele)", re.IGNORECASE)
_OTHER = re.compile(r"(ref|a2|other_allele|allele2|noncoded_allele|a0|reference)", re.IGNORECASE)


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
    layout = replace(layout, header=(_ROW_NAME, *header) if layout.names_rows else tuple(header))
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
        inner = _layout_of(delimiter, [_ROW_NAME, *header], rows, before, is_whole=True)
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
    first = max(first, 1 + max((n for n, one in enumerate(header[:12]) if _is_meta(one)), default=0))
    if width - first < FEWEST_SAMPLES:
        return None
    values = [cell for row in fitting for cell in row[first:] if cell.lower() not in _MISSING]
    sure = [float(one) for one in values]
    near = sum(abs(one - round(one)) <= 0.1 for one in sure)
    if len({round(one) for one in sure}) < 2 or near < 0.8 * len(sure):
        return None
    beside = list(zip(*(row[: min(first, _MOST_BESIDE)] for row in fitting), strict=True))
    is_named = any(map(_names_variants, beside)) or _places_variants(header, beside)
    return first if is_named else None


def _are_calls(rows: list[list[str]], width: int, first: int) -> bool:
    """Whether nearly all cells behind that column are calls; true where no row is there to tell."""
    cells = [cell for row in rows if len(row) == width for cell in row[first : first + _CALLS_LOOKED_AT]]
    return sum(map(_is_call, cells)) >= 0.9 * len(cells)


def _names_variants(cells: Sequence[str]) -> bool:
    """Whether a column names variants: nearly each, few of them twice, and in their order where names are bare places.

    A code such as `3_10245`, a plate and a tube, looks like a place; a column of such codes is not in order.
    """
    named = [one for cell in cells if (one := variant_of(cell)) is not None]
    if len(named) < 0.8 * len(cells) or len({one.name for one in named}) < len(named) / 2:
        return False
    bare = [one for one in named if one.position and not one.counted and one.name[:1].isdigit()]
    runs = list(pairwise((one.chromosome, one.position) for one in bare))
    steps = sum(a[0] != b[0] or a[1] > b[1] for a, b in runs)
    return steps <= max(1, len(runs) // 5)


def _places_variants(header: Sequence[str], beside: Sequence[Sequence[str]]) -> bool:
    """Whether the header names a chromosome and a position, and the rows have both."""
    columns: dict[str, Sequence[str]] = {}
    for name, cells in zip(header, beside, strict=False):
        for key, pattern in (("chromosome", _CHROMOSOME), ("position", _POSITION)):
            if pattern.fullmatch(name):
                columns.setdefault(key, cells)
    if len(columns) < 2:
        return False
    chromosomes = sum(_A_CHROMOSOME.fullmatch(cell) is not None for cell in columns["chromosome"])
    positions = sum(position_of(cell) > 0 for cell in columns["position"])
    return min(chromosomes, positions) >= 0.8 * len(columns["position"])


def _is_meta(name: str) -> bool:
    patterns = (_CHROMOSOME, _POSITION, _COUNTED, _OTHER)
    return any(one.fullmatch(name) for one in patterns) or name.lower() in (
        "snp",
        "(c)m",
        "cm",
        "id",
        "rsid",
        "maf",
    )


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
        layout = replace(layout, header=(_ROW_NAME, *layout.header), first=layout.first + 1)
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
        variants.append(_variant_of_row(cells[0], layout.header))
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


def _variant_of_row(cells: list[str], header: Sequence[str]) -> NamedVariant:
    """What a row's own columns and its name state of the variant."""
    known = next((one for cell in cells if (one := variant_of(cell)) is not None), NamedVariant(cells[0]))
    told: dict[str, str] = {}
    for name, cell in zip(header, cells, strict=False):
        for key, pattern in (("c", _CHROMOSOME), ("p", _POSITION), ("b", _COUNTED), ("a", _OTHER)):
            if pattern.fullmatch(name):
                told.setdefault(key, cell)
    if "COUNTED" in header:  # a .traw calls the other allele ALT
        told["b"] = cells[header.index("COUNTED")]
        told["a"] = cells[header.index("ALT")] if "ALT" in header[: len(cells)] else ""
    return NamedVariant(
        known.name,
        told.get("c", known.chromosome),
        position_of(told["p"]) if "p" in told else known.position,
        told.get("b", known.counted).upper(),
        told.get("a", known.other).upper(),
    )


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
