"""Genotypes that lie in ordinary tables: of a spreadsheet, a data frame, a notebook's output, a text.

Three shapes are told, by what names their variants: variants in columns and a sample a row; variants in rows and a
sample a column (or two columns, an allele each, as in PLINK's .tped and SHAPEIT's .haps, or three, a probability each,
as in Oxford's .gen); and a line for each call. Calls are two letters, two allele numbers or a count of one allele. What
is told as calls stays a table as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from matcher.contents import Event, FileEnded, FileStarted, Genotypes, Table
from matcher.formats.beside import SURE_WITHIN
from matcher.formats.call_matrix import part_of, part_of_pairs
from matcher.genotypes.called_cells import MISSING, NONE_HERE, NUMBERED, ODD, alleles_of, dosages_of
from matcher.genotypes.naming import NamedVariant, split_counted, variant_of
from matcher.genotypes.variant_columns import (
    FEWEST_VARIANTS,
    describes_variants,
    names_variants,
    places_variants,
    variant_of_row,
)

FEWEST_COUNTED = 3
"""Columns of samples below which counts, single alleles and probabilities are taken for anything else."""
LOOKED_AT = 60
MOST_BESIDE = 12
MOST_TABLES = 5_000
"""Tables of one file that are looked at."""
MOST_HELD = 64 << 20
"""Calls of one table that are held until its end; of more the beginning is kept."""
_SURE = 0.9
_SURE_COUNTS = 0.8
"""Of counts that were imputed some are between."""
_NEAR = 0.1
"""How near to a whole number a count is where it is to be told as one."""
_SECOND = 0.02
"""Of all counts those that are not the commonest; of rare variants' frequencies none are."""
_SURE_ONES = 0.5
"""Of three haplotypes at a time no more than 0.45 are 1 together, however frequent the allele."""
_HOMOZYGOUS = 0.05
"""Of a column's calls: a list of a variant's two alleles has none."""
_DECORATED = re.compile(r"^#?\s*\[\d+\]|^#|:GT$")
_SAMPLE = re.compile(
    r"(i?id|iid|eid|sample|sample[ _]?(id|name)|subject\w*|participant\w*|person\w*)", re.IGNORECASE
)

_ALLELE = re.compile(r"allele\s*[12]", re.IGNORECASE)
_CALL = re.compile(r"(dosage|genotype|gt|call|count|alleles?)s?", re.IGNORECASE)

Form = Literal["pairs", "numbers", "counts", "alleles", "haplotypes", "probabilities"]
"""`AG` or `A/G`; `0/1`; `1`; a letter or a number a column, two a sample; three a sample."""
Codes = npt.NDArray[np.uint8]
_WIDTHS: dict[Form, int] = {"alleles": 2, "haplotypes": 2, "probabilities": 3}


@dataclass(slots=True)
class CalledTable:
    """One table that holds calls: its shape, and what waits for its end."""

    shape: Literal["columns", "rows", "lines"]
    form: Form
    columns: tuple[str, ...]
    calls: tuple[int, ...]
    """The columns that hold them, in order."""
    sample: int = -1
    """The column of the samples' names."""
    variant: int = -1
    held: list[tuple[list[str], list[str], Codes]] = field(default_factory=list)
    """Samples, variants and calls of the parts so far."""
    count: int = 0

    def add(self, part: Table) -> Iterator[Genotypes]:
        """The calls of a part, where they are whole variants; others are kept for `rest`."""
        if self.shape == "rows":
            yield from self._rows(part)
        elif self.count < MOST_HELD and part.rows_count:
            codes = np.stack([_codes(part.cells[at], self.form) for at in self.calls])
            self.count += codes.size
            samples = list(part.cells[self.sample]) if self.sample >= 0 else []
            variants = list(part.cells[self.variant]) if self.variant >= 0 else []
            self.held.append((samples, variants, codes))

    def rest(self) -> Iterator[Genotypes]:
        """The calls of samples that stood one under the other."""
        if not self.held:
            return
        codes = np.concatenate([one for _, _, one in self.held], axis=1)
        samples = [name for some, _, _ in self.held for name in some]
        if self.shape == "columns":
            named = [split_counted(self.columns[at]) for at in self.calls]
            names = samples or [f"row {number}" for number in range(1, codes.shape[1] + 1)]
            yield from _genotypes(tuple(names), named, codes, self.form)
            return
        lines = [name for _, some, _ in self.held for name in some]
        yield from self._of_lines(samples, lines, codes)

    def _rows(self, part: Table) -> Iterator[Genotypes]:
        first = self.calls[0]
        beside = [list(cells) for cells in part.cells[: min(first, MOST_BESIDE)]]
        header = [_plain(name) for name in self.columns[: len(beside)]]
        variants = [variant_of_row(cells, header) for cells in zip(*beside, strict=True)]
        if self.form in ("haplotypes", "probabilities"):  # the two columns before them hold the alleles
            alleles = zip(part.cells[first - 2], part.cells[first - 1], variants, strict=True)
            variants = [
                NamedVariant(v.name, v.chromosome, v.position, b.upper(), a.upper()) for a, b, v in alleles
            ]
        width = _WIDTHS.get(self.form, 1)
        codes = np.stack([_codes(part.cells[at], self.form) for at in self.calls])
        names = tuple(_plain(self.columns[at]) for at in self.calls[::width])
        joined = _joined(codes, self.form)
        yield from _genotypes(names, variants, np.swapaxes(joined, 0, 1), _JOINED.get(self.form, self.form))

    def _of_lines(self, samples: list[str], lines: list[str], codes: Codes) -> Iterator[Genotypes]:
        """A line for each call as variants × samples; what is told twice counts once, the last time."""
        people = {name: number for number, name in enumerate(dict.fromkeys(samples or ["one"]))}
        variants = {name: number for number, name in enumerate(dict.fromkeys(lines))}
        if len(variants) < FEWEST_VARIANTS or len(people) * len(variants) > MOST_HELD:
            return
        calls = _joined(codes, self.form)[0]
        whole = np.full((len(variants), len(people), *calls.shape[1:]), MISSING, np.uint8)
        rows = [variants[name] for name in lines]
        whole[rows, [people[name] for name in samples] if samples else 0] = calls
        named = [variant_of(name) or NamedVariant(name) for name in variants]
        yield from _genotypes(tuple(people), named, whole, _JOINED.get(self.form, self.form))


_JOINED: dict[Form, Form] = {"alleles": "pairs", "haplotypes": "numbers", "probabilities": "counts"}


def with_calls(events: Iterable[Event]) -> Iterator[Event]:
    """The same events, with the genotypes that tables hold behind the part or, sample by sample, before the end."""
    tables: dict[tuple[str, tuple[str, ...]], CalledTable | None] = {}
    for event in events:
        if isinstance(event, FileStarted):
            tables = {}
        elif isinstance(event, FileEnded):
            for called in tables.values():
                if called is not None:
                    yield from called.rest()
            tables = {}
        yield event
        if isinstance(event, Table) and event.rows_count:
            name = (event.name, event.columns)
            if name not in tables and len(tables) < MOST_TABLES:
                tables[name] = called_table_of(event)
            called = tables.get(name)
            if called is not None:
                yield from called.add(event)


def called_table_of(part: Table) -> CalledTable | None:
    """What a table's first part tells of the calls in it; None of a table without calls."""
    looked_at = [cells[:LOOKED_AT] for cells in part.cells]
    if part.has_header:
        of_columns = _in_columns(part, looked_at)
        if of_columns is not None:
            return of_columns
    beside = looked_at[:MOST_BESIDE]
    header = [_plain(name) for name in part.columns]
    if not places_variants(header, beside) and not any(_may_name(cells) for cells in beside):
        return None
    return _in_lines(part, header, looked_at) or _in_rows(part, header, looked_at)


def _in_columns(part: Table, looked_at: Sequence[Sequence[str]]) -> CalledTable | None:
    """Nearly all columns named after variants, the samples' names in another."""
    if len(part.columns) < FEWEST_VARIANTS:
        return None
    named = [at for at, name in enumerate(part.columns) if variant_of(name) is not None]
    if len(named) < FEWEST_VARIANTS or 2 * len(named) < len(part.columns):
        return None
    form = _form_of([looked_at[at] for at in named[:200]])
    if form is None:
        return None
    others = sorted(set(range(len(part.columns))) - set(named))
    sample = next((at for at in others if _SAMPLE.fullmatch(part.columns[at])), others[0] if others else -1)
    if sample >= 0 and names_variants(looked_at[sample]):
        return None  # variants by variants: correlations
    return CalledTable("columns", form, part.columns, tuple(named), sample)


def _in_rows(part: Table, header: Sequence[str], looked_at: Sequence[Sequence[str]]) -> CalledTable | None:
    """Variants a row: calls from some column to the last."""
    beside = looked_at[:MOST_BESIDE]
    if not places_variants(header, beside) and not any(map(names_variants, beside)):
        return None
    forms: tuple[tuple[Form, Callable[[Sequence[str]], bool], int], ...] = (
        ("pairs", lambda cells: _is_pairs(cells) and _has_both(cells), 1),
        ("numbers", _is_numbers, 1),
        ("probabilities", _is_probability, 3 * FEWEST_COUNTED),
        ("haplotypes", _is_haplotype, 2 * FEWEST_COUNTED),
        ("counts", _is_counts, FEWEST_COUNTED),
        ("alleles", _is_single, 2 * FEWEST_COUNTED),
    )
    for form, holds, fewest in forms:
        first = len(looked_at)
        while first > 1 and not describes_variants(header[first - 1]) and holds(looked_at[first - 1]):
            first -= 1
        calls = tuple(range(first, len(looked_at)))
        if len(calls) < fewest or len(calls) % _WIDTHS.get(form, 1):
            continue
        if 2 * sum(variant_of(header[at]) is not None for at in calls) > len(calls):
            return None  # variants by variants: correlations
        if form in ("haplotypes", "probabilities") and not _follows_alleles(looked_at, first):
            continue
        if form == "probabilities" and not _adds_up([looked_at[at] for at in calls]):
            continue
        if form == "counts" and not _vary([looked_at[at] for at in calls]):
            continue
        return CalledTable("rows", form, part.columns, calls)
    return None


def _in_lines(part: Table, header: Sequence[str], looked_at: Sequence[Sequence[str]]) -> CalledTable | None:
    """A line for each call: a column that names variants, one of samples, and one or two of the call."""
    variant = next((at for at, cells in enumerate(looked_at) if _may_name(cells, LOOKED_AT)), -1)
    sample = next((at for at, name in enumerate(header) if at != variant and _SAMPLE.fullmatch(name)), -1)
    if variant < 0 or sample < 0:
        return None
    rest = [at for at in range(len(looked_at)) if at not in (variant, sample)]
    whole = [at for at in rest if _is_pairs(looked_at[at]) and _has_both(looked_at[at])]
    numbers = [at for at in rest if _is_numbers(looked_at[at])]
    single = [at for at in rest if _is_single(looked_at[at])]
    if len(single) > 2 and all(_ALLELE.match(header[at]) for at in single):
        single = single[:2]  # the same call on another strand, as Illumina's reports give it
    counts = [at for at in rest if _CALL.fullmatch(header[at]) and _is_counts(looked_at[at])]
    calls: tuple[tuple[Form, list[int], int], ...] = (
        ("pairs", whole, 1), ("numbers", numbers, 1), ("alleles", single, 2), ("counts", counts, 1),
    )  # fmt: skip
    for form, columns, count in calls:
        if len(columns) == count:
            return CalledTable("lines", form, part.columns, tuple(columns), sample, variant)
    return None


# --- what cells are --------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    """A column's name without what `bcftools query` writes round it."""
    return _DECORATED.sub("", _DECORATED.sub("", name.strip())).strip()


def _may_name(cells: Sequence[str], most: int = 10) -> bool:
    """Whether most of the first cells are variants' names; a look at ten costs ordinary tables little."""
    some = cells[:most]
    named = sum(variant_of(cell) is not None for cell in some)
    return named > 0 and named >= 0.7 * len(some)


def _form_of(columns: Sequence[Sequence[str]]) -> Form | None:
    """The form in which nearly all of these columns hold calls."""
    forms: tuple[tuple[Form, Callable[[Sequence[str]], bool]], ...] = (
        ("pairs", _is_pairs),
        ("numbers", _is_numbers),
        ("counts", _is_counts),
    )
    for form, holds in forms:
        if sum(map(holds, columns)) >= _SURE * len(columns) and any(map(_is_filled, columns)):
            return form
    return None


def _share(of: Any, among: npt.NDArray[np.bool_]) -> bool:
    """Whether nearly all cells that are not missing are of some kind."""
    return bool((of & among).sum() >= _SURE * among.sum())


def _is_filled(cells: Sequence[str]) -> bool:
    return bool((alleles_of(cells)[:, 0] != MISSING).any())


def _is_pairs(cells: Sequence[str]) -> bool:
    codes = alleles_of(cells)
    return _share(np.all(codes < NUMBERED, axis=1), codes[:, 0] != MISSING)


def _is_numbers(cells: Sequence[str]) -> bool:
    codes = alleles_of(cells)
    numbers = (codes >= NUMBERED) & (codes < NONE_HERE)
    return _share(np.all(numbers, axis=1), codes[:, 0] != MISSING)


def _is_counts(cells: Sequence[str]) -> bool:
    calls = dosages_of(cells, _NEAR)
    known = calls != -1
    return bool((calls >= 0).sum() >= _SURE_COUNTS * known.sum() and not (calls == -2).any())


def _vary(columns: Sequence[Sequence[str]]) -> bool:
    """Whether counts are of two kinds at least."""
    calls = np.concatenate([dosages_of(cells, _NEAR) for cells in columns])
    counts = np.bincount(calls[calls >= 0], minlength=3)
    return bool(counts.sum() - counts.max() >= max(1, _SECOND * counts.sum()))


def _is_single(cells: Sequence[str]) -> bool:
    codes = alleles_of(cells)
    letters = (codes[:, 0] < NUMBERED) & (codes[:, 1] == NONE_HERE)
    is_zero = (codes[:, 0] == NUMBERED) & (codes[:, 1] == NONE_HERE)  # PLINK's missing allele
    return _share(letters, (codes[:, 0] != MISSING) & ~is_zero) and bool(letters.any())


def _is_haplotype(cells: Sequence[str]) -> bool:
    codes = alleles_of(cells)
    return _share(
        (codes[:, 0] >= NUMBERED) & (codes[:, 0] <= NUMBERED + 1) & (codes[:, 1] == NONE_HERE),
        codes[:, 0] != MISSING,
    )


def _is_probability(cells: Sequence[str]) -> bool:
    return bool((_numbers(cells) <= 1).mean() >= _SURE)


def _has_both(cells: Sequence[str]) -> bool:
    """Whether some calls are of one allele twice."""
    codes = alleles_of(cells)
    known = (codes < NUMBERED).all(axis=1)
    return bool((codes[known, 0] == codes[known, 1]).sum() >= max(1, _HOMOZYGOUS * known.sum()))


def _follows_alleles(looked_at: Sequence[Sequence[str]], first: int) -> bool:
    return first >= 3 and _is_single(looked_at[first - 1]) and _is_single(looked_at[first - 2])


def _adds_up(columns: Sequence[Sequence[str]]) -> bool:
    """Whether three probabilities at a time are 1 together, or 0 where a call is missing, as of rare haplotypes."""
    sums = np.stack([_numbers(cells) for cells in columns]).reshape(-1, 3, len(columns[0])).sum(axis=1)
    is_one = np.abs(sums - 1) < 0.05
    return bool((is_one | (sums < 0.05)).mean() >= _SURE and is_one.mean() >= _SURE_ONES)


def _numbers(cells: Sequence[str]) -> npt.NDArray[np.float64]:
    def number(cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return np.inf

    return np.array([number(cell) for cell in cells])


# --- cells as calls --------------------------------------------------------------------------------------------


def _codes(cells: Sequence[str], form: Form) -> Any:
    """A column as it is kept: alleles (cells × 2), counts with 255 for missing, or probabilities."""
    if form == "counts":
        return np.maximum(dosages_of(cells, SURE_WITHIN), -1).view(np.uint8)
    if form == "probabilities":
        return np.clip(np.nan_to_num(_numbers(cells), posinf=0.0) * 100, 0, 100).astype(np.uint8)
    codes = alleles_of(cells)
    if form in ("alleles", "haplotypes"):
        codes = codes[:, 0]
    return np.where(codes == ODD, MISSING, codes)


def _joined(codes: Codes, form: Form) -> Codes:
    """Columns that make a sample together as one (samples × variants, and × 2 where it is alleles)."""
    if form in ("alleles", "haplotypes"):
        pairs = np.stack([codes[::2], codes[1::2]], axis=-1)
        if form == "alleles":  # 0 is a missing allele where others are letters
            pairs[pairs >= NUMBERED] = MISSING
        pairs[(pairs == MISSING).any(axis=-1)] = MISSING
        return pairs
    if form == "probabilities":
        three = codes.reshape(-1, 3, codes.shape[1])
        likeliest = three.argmax(axis=1).astype(np.uint8)
        return np.where(three.max(axis=1) >= 100 * (1 - SURE_WITHIN), likeliest, MISSING).astype(np.uint8)
    return codes


def _genotypes(
    samples: tuple[str, ...], variants: Sequence[NamedVariant], codes: Codes, form: Form
) -> Iterator[Genotypes]:
    """Parts of calls (variants × samples, and × 2 where they are alleles)."""
    if form == "pairs":
        pairs = np.where(codes < 4, codes, MISSING).astype(np.uint8)
        yield from part_of_pairs(samples, variants, pairs)
        return
    if form == "numbers":
        known = ((codes == NUMBERED) | (codes == NUMBERED + 1)).all(axis=2)
        calls = np.where(known, (codes == NUMBERED + 1).sum(axis=2), -1).astype(np.int8)
    else:
        calls = codes.view(np.int8)
    yield part_of(samples, variants, calls)
