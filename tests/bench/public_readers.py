"""Public readers of genotype files, each as fast as its documentation lets it be, for `genotype_reading`.

Each function gives a name → reader table; a reader takes the path and the size of the file. Lists beside a file go
through Arrow's or polars' CSV reader, whichever turns out faster. All run on one thread, and CPU seconds are counted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq

from tests.bench.reading_files import Size

Reader = Callable[[Path, Size], object]
_AT_ONCE = 200
pa.set_cpu_count(1)


def _arrow_list(path: Path, delimiter: str = "\t", before: int = 0) -> object:
    names = None if before else [f"c{n}" for n in range(_width(path, delimiter))]
    return csv.read_csv(
        path,
        csv.ReadOptions(use_threads=False, column_names=names, skip_rows=max(0, before - 1)),
        csv.ParseOptions(delimiter=delimiter),
    )


def _polars_list(path: Path, delimiter: str = "\t", before: int = 0) -> object:
    return pl.read_csv(path, separator=delimiter, has_header=bool(before), skip_rows=max(0, before - 1))


def _width(path: Path, delimiter: str) -> int:
    with path.open() as file:
        return file.readline().count(delimiter) + 1


def _heads(path: Path) -> int:
    """The lines of a .pvar or .psam up to its columns."""
    with path.open() as file:
        return next(
            number for number, line in enumerate(file, 1) if line.startswith(("#CHROM", "#FID", "#IID"))
        )


def _lists(lister: Any, path: Path, suffixes: tuple[str, str]) -> object:
    return [
        lister(one, before=_heads(one) if one.suffix.startswith(".p") else 0)
        for one in map(path.with_suffix, suffixes)
    ]


def _with_lists(name: str, calls: Reader, suffixes: tuple[str, str], *, lists: bool) -> dict[str, Reader]:
    if not lists:
        return {name: calls}
    return {
        f"{name} and {shown}": lambda path, size, lister=lister: (
            _lists(lister, path, suffixes),
            calls(path, size),
        )
        for shown, lister in (("Arrow", _arrow_list), ("polars", _polars_list))
    }


def beds(*, lists: bool) -> dict[str, Reader]:
    beside = (".bim", ".fam")
    return {
        **_with_lists("pgenlib", _pgenlib, beside, lists=lists),
        **_with_lists("bed-reader", _bed_reader, beside, lists=lists),
    }


def pgens(*, lists: bool) -> dict[str, Reader]:
    found = _with_lists("pgenlib", _pgenlib, (".pvar", ".psam"), lists=lists)
    return {**found, "pgenlib and its PvarReader": _pgenlib_alone} if lists else found


def _pgenlib(path: Path, size: Size) -> object:
    import pgenlib

    step = max(1, min(_AT_ONCE, (1 << 20) // size.people))
    out = np.empty((step, size.people), np.int8)
    with pgenlib.PgenReader(
        str(path).encode(), raw_sample_ct=size.people, variant_ct=size.variants
    ) as reader:
        for start in range(0, size.variants, step):
            reader.read_range(start, min(start + step, size.variants), out)
    return out


def _pgenlib_alone(path: Path, size: Size) -> object:
    import pgenlib

    with pgenlib.PvarReader(str(path.with_suffix(".pvar")).encode()) as listed:
        names = [
            (listed.get_variant_id(n), listed.get_allele_code(n, 0), listed.get_allele_code(n, 1))
            for n in range(size.variants)
        ]
    return names, _arrow_list(path.with_suffix(".psam"), before=1), _pgenlib(path, size)


def _bed_reader(path: Path, size: Size) -> object:
    from bed_reader import open_bed

    with open_bed(path, iid_count=size.people, sid_count=size.variants, num_threads=1) as bed:
        return bed.read(dtype="int8", num_threads=1)


def vcfs(*, lists: bool) -> dict[str, Reader]:
    def types(path: Path, size: Size) -> object:
        from cyvcf2 import VCF

        found, names = VCF(str(path), gts012=True), []
        for one in found:
            one.gt_types.astype(np.int8)
            if lists:
                names.append((one.CHROM, one.POS, one.ID, one.REF, one.ALT))
        return names, found.samples

    def arrays(path: Path, size: Size) -> object:
        from cyvcf2 import VCF

        found, names = VCF(str(path)), []
        for one in found:
            alleles = one.genotype.array()
            alleles[:, 0] + alleles[:, 1]
            if lists:
                names.append((one.CHROM, one.POS, one.ID, one.REF, one.ALT))
        return names, found.samples

    def text(path: Path, size: Size) -> object:
        import pysam

        names = []
        with pysam.VariantFile(str(path)) as file:
            for record in file:
                cells = np.frombuffer(str(record).split("\tGT\t")[1].rstrip().encode(), np.uint8)
                (cells[0::4] - 48) + (cells[2::4] - 48)
                names.append((record.chrom, record.pos, record.id, record.alleles))
        return names

    return {"cyvcf2's gt_types": types, "cyvcf2's genotype.array": arrays, "pysam's text": text}


def bgens(*, lists: bool) -> dict[str, Reader]:
    def read(path: Path, size: Size) -> object:
        from bgen import BgenReader

        names = []
        with BgenReader(str(path), delay_parsing=True) as file:
            for one in file:
                np.rint(one.alt_dosage).astype(np.int8)
                if lists:
                    names.append((one.chrom, one.pos, one.rsid, one.alleles))
            return names, file.samples

    return {"bgen": read}


def peds() -> dict[str, Reader]:
    def arrow(path: Path, size: Size) -> object:
        return _arrow_list(path.with_suffix(".map")), _table(path, " ", header=False)

    def polars(path: Path, size: Size) -> object:
        found = pl.read_csv(path, separator=" ", has_header=False, infer_schema=False)
        return _polars_list(path.with_suffix(".map")), found

    return {"Arrow": arrow, "polars": polars}


def _table(path: Path, delimiter: str, *, header: bool = True) -> Any:
    options = csv.ReadOptions(use_threads=False, block_size=64 << 20, autogenerate_column_names=not header)
    return csv.read_csv(path, options, csv.ParseOptions(delimiter=delimiter))


def texts(delimiter: str) -> dict[str, Reader]:
    def typed(path: Path, size: Size) -> object:
        with path.open() as file:
            head, below = (file.readline().rstrip("\n").split(delimiter) for _ in range(2))
        kind = pa.float32() if path.suffix == ".csv" else pa.int8()
        first = 6 if path.suffix != ".csv" else 1
        return csv.read_csv(
            path,
            csv.ReadOptions(use_threads=False, block_size=64 << 20),
            csv.ParseOptions(delimiter=delimiter),
            csv.ConvertOptions(column_types=dict.fromkeys(head[first : len(below)], kind)),
        )

    def polars(path: Path, size: Size) -> object:
        with path.open() as file:
            head = file.readline().rstrip("\n").split(delimiter)
        kind = pl.Float32 if path.suffix == ".csv" else pl.Int8
        types = dict.fromkeys(head[6 if path.suffix != ".csv" else 1 :], kind)
        return pl.read_csv(path, separator=delimiter, schema_overrides=types, null_values="NA")

    return {"Arrow, types given": typed, "polars, types given": polars}


def consumers() -> dict[str, Reader]:
    def calls_of(codes: Any, letters: list[str]) -> tuple[Any, Any, Any]:
        """Both alleles and the calls, by the distinct pairs of letters."""
        first = np.array([min(one) for one in letters], object)
        second = np.array([max(one) if one[0] != one[-1] else "" for one in letters], object)
        return first[codes], second[codes], (second != "").astype(np.int8)[codes]

    def arrow(path: Path, size: Size) -> object:
        options = csv.ReadOptions(use_threads=False, skip_rows=2, column_names=["name", "chr", "pos", "call"])
        few = pa.dictionary(pa.int32(), pa.string())
        convert = csv.ConvertOptions(column_types={"chr": few, "call": few})
        table = csv.read_csv(path, options, csv.ParseOptions(delimiter="\t"), convert)
        pairs = table["call"].unify_dictionaries().combine_chunks()
        return table, calls_of(pairs.indices.to_numpy(), pairs.dictionary.to_pylist())

    def polars(path: Path, size: Size) -> object:
        names = ["name", "chr", "pos", "call"]
        types = {"chr": pl.Categorical, "call": pl.Categorical}
        table = pl.read_csv(
            path,
            separator="\t",
            comment_prefix="#",
            has_header=False,
            new_columns=names,
            schema_overrides=types,
        )
        pairs = table["call"]
        seen = pairs.unique()
        letters = dict(zip(seen.to_physical().to_list(), seen.to_list(), strict=True))
        every = [letters.get(code, "--") for code in range(max(letters) + 1)]
        return table, calls_of(pairs.to_physical().to_numpy(), every)

    return {"Arrow": arrow, "polars": polars}


def _eigenstrat_lists(path: Path) -> object:
    return _polars_list(path.with_suffix(".snp")), _polars_list(path.with_suffix(".ind"), " ")


def eigenstrats() -> dict[str, Reader]:
    def numpy(path: Path, size: Size) -> object:
        digits = np.fromfile(path, np.int8).reshape(size.variants, size.people + 1)[:, :-1] - 48
        digits[digits == 9] = -1
        return _eigenstrat_lists(path), digits

    return {"numpy and polars": numpy}


def packed_eigenstrats() -> dict[str, Reader]:
    def numpy(path: Path, size: Size) -> object:
        table = np.array([0, 1, 2, -1], np.int8)[(np.arange(256)[:, None] >> np.array([6, 4, 2, 0])) & 3]
        rows = np.fromfile(path, np.uint8).reshape(size.variants + 1, -1)[1:]
        calls = np.take(table.view(np.uint32)[:, 0], rows).view(np.int8)
        return _eigenstrat_lists(path), calls

    return {"numpy and polars": numpy}


def parquets() -> dict[str, Reader]:
    def arrow(path: Path, size: Size) -> object:
        table = pq.read_table(path, use_threads=False)
        return table.column_names, np.stack(
            [one.fill_null(-1).to_numpy() for one in table.columns[1:]]
        ).astype(np.int8)

    def polars(path: Path, size: Size) -> object:
        table = pl.read_parquet(path)
        return table.columns, table[:, 1:].fill_null(-1).to_numpy()

    return {"Arrow": arrow, "polars": polars}
