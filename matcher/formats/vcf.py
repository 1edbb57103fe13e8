"""VCF and BCF: hard calls, multi-allelic sites split, gVCF blocks passed over.

A compressed VCF reaches this reader decompressed. Lines are scanned as bytes, since a loop over single genotypes
takes a hundred times longer; htslib (through pysam) turns BCF into such lines.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import variants_a_part
from matcher.formats.scanning import bytes_of, scan_calls

FORMAT = "vcf"
_BCF = b"BCF\x02"
_GT_ONLY = b"GT"


def sniff(name: str, head: bytes) -> int:
    if head.startswith((b"##fileformat=VCF", _BCF)):
        return 5
    return 5 if name.lower().endswith((".vcf", ".bcf")) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts of `limits.variants_per_part`; `dosages` count the alternate allele."""
    head = opened.stream.read(4)
    opened.stream.seek(0)
    lines = _lines_of_bcf(opened) if head == _BCF else iter(opened.stream)
    samples, build = _header(lines)
    if not samples:
        return
    records = (record for line in lines for record in _records(line, len(samples)))
    while chunk := list(islice(records, variants_a_part(limits, len(samples)))):
        yield Genotypes(
            samples=samples,
            chromosomes=tuple(one[0] for one in chunk),
            positions=np.array([one[1] for one in chunk], dtype=np.int64),
            names=tuple(one[2] for one in chunk),
            alleles_a=tuple(one[3] for one in chunk),
            alleles_b=tuple(one[4] for one in chunk),
            dosages=np.stack([one[5] for one in chunk]),
            build=build,
        )


def _header(lines: Iterator[bytes]) -> tuple[tuple[str, ...], str | None]:
    build: str | None = None
    for line in lines:
        if line.startswith(b"#CHROM\t"):
            columns = line.rstrip(b"\r\n").decode("utf-8", "replace").split("\t")
            return tuple(columns[9:]), build
        if not line.startswith(b"##"):
            break
        if line.startswith((b"##reference", b"##contig")):
            text = line.lower()
            if b"grch38" in text or b"hg38" in text:
                build = "GRCh38"
            elif b"grch37" in text or b"hg19" in text or b"b37" in text:
                build = "GRCh37"
    raise Unreadable("damaged", "a VCF without its header line")


def _records(
    line: bytes, samples_count: int
) -> Iterator[tuple[str, int, str, str, str, npt.NDArray[np.int8]]]:
    fields = line.rstrip(b"\r\n").split(b"\t", 9)
    if len(fields) < 10:
        return
    chromosome, position, name, reference, alternates, _, _, _, form, calls = fields
    if not form.startswith(_GT_ONLY) or not position.isdigit():
        return
    first, second = _alleles(calls, form == _GT_ONLY, samples_count)
    for number, alternate in enumerate(alternates.split(b","), start=1):
        if alternate in (b".", b"*", b"<NON_REF>", b"<*>"):
            continue
        dosage = ((first == number).astype(np.int8) + (second == number).astype(np.int8)).astype(np.int8)
        dosage[(first < 0) | (second < 0)] = MISSING
        yield (
            chromosome.decode("ascii", "replace"),
            int(position),
            "" if name == b"." else name.decode("ascii", "replace"),
            reference.decode("ascii", "replace").upper(),
            alternate.decode("ascii", "replace").upper(),
            dosage,
        )


def _alleles(calls: bytes, gt_only: bool, count: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """The two allele numbers of each sample, -1 where missing; a haploid call counts twice."""
    if gt_only and len(calls) == 4 * count - 1:
        table = np.frombuffer(calls + b"\t", dtype=np.uint8).reshape(count, 4)
        if np.all(table[:, 3] == 9) and np.all((table[:, 1] == 47) | (table[:, 1] == 124)):
            return _digits(table[:, 0]), _digits(table[:, 2])
    first, second = np.empty(count, np.int8), np.empty(count, np.int8)
    if scan_calls(bytes_of(calls), first, second) != count:
        raise Unreadable("damaged", "a record with too few or too many samples")
    return first, second


def _digits(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    numbers = codes.astype(np.int16) - 48
    return np.where((numbers >= 0) & (numbers <= 9), numbers, -1).astype(np.int8)


def _lines_of_bcf(opened: Opened) -> Iterator[bytes]:
    import pysam

    with tempfile.NamedTemporaryFile(suffix=".bcf") as file:
        shutil.copyfileobj(opened.stream, file)
        file.flush()
        try:
            with pysam.VariantFile(file.name, "r") as found:
                yield from (line.encode() + b"\n" for line in str(found.header).splitlines())
                for record in found:
                    yield str(record).encode()
        except (OSError, ValueError) as wrong:
            raise Unreadable("damaged", type(wrong).__name__) from None
