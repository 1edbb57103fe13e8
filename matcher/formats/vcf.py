"""VCF and BCF: hard calls, multi-allelic sites split, gVCF blocks passed over.

A compressed VCF reaches this reader decompressed. Lines are scanned as bytes, since a loop over single genotypes
takes a hundred times longer; htslib (through pysam) turns BCF into such lines.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from matcher.contents import MISSING, Genotypes, Limits, Opened, Unreadable
from matcher.formats.beside import variants_a_part
from matcher.formats.scanning import bytes_of, scan_calls

FORMAT = "vcf"
_BCF = b"BCF\x02"
_GT_ONLY = b"GT"
_LONGEST_POSITION = 12
"""Digits; no chromosome is longer."""
_Record = tuple[str, int, str, str, str, npt.NDArray[np.int8]]


def sniff(name: str, head: bytes) -> int:
    if head.startswith((b"##fileformat=VCF", _BCF)):
        return 5
    return 5 if name.lower().endswith((".vcf", ".bcf")) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts of `limits.variants_per_part`; `dosages` count the alternate allele.

    Raises:
        Unreadable: it has no header, breaks off, or has lines that are no records; what was read is given before.
    """
    head = opened.stream.read(4)
    opened.stream.seek(0)
    lines = _lines_of_bcf(opened) if head == _BCF else iter(opened.stream)
    samples, build = _header(lines)
    if not samples:
        return
    most, odd = variants_a_part(limits, len(samples)), 0
    broken: Unreadable | None = None
    chunk: list[_Record] = []
    try:
        for line in lines:
            found = _records(line, len(samples))
            odd += found is None
            chunk += found or ()
            while len(chunk) >= most:
                yield _part(samples, build, chunk[:most])
                del chunk[:most]
    except Unreadable as wrong:
        broken = wrong
    if chunk:
        yield _part(samples, build, chunk)
    if broken is not None:
        raise broken
    if odd:
        raise Unreadable("damaged", f"{odd} lines are no records of its samples; the others were read")


def _part(samples: tuple[str, ...], build: str | None, chunk: list[_Record]) -> Genotypes:
    return Genotypes(
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


def _records(line: bytes, samples_count: int) -> list[_Record] | None:
    """One record for each alternate; none where there are no calls, None where the line is no record of them."""
    if line.startswith(b"#") or not line.strip():
        return []
    fields = line.rstrip(b"\r\n").split(b"\t", 9)
    if len(fields) < 10 or not fields[1].isdigit() or len(fields[1]) > _LONGEST_POSITION:
        return None
    chromosome, position, name, reference, alternates, _, _, _, form, calls = fields
    if not form.startswith(_GT_ONLY):
        return []
    alleles = _alleles(calls, form == _GT_ONLY, samples_count)
    if alleles is None:
        return None
    first, second = alleles
    found = []
    for number, alternate in enumerate(alternates.split(b","), start=1):
        if alternate in (b".", b"*", b"<NON_REF>", b"<*>"):
            continue
        dosage = ((first == number).astype(np.int8) + (second == number).astype(np.int8)).astype(np.int8)
        dosage[(first < 0) | (second < 0)] = MISSING
        record = (
            chromosome.decode("ascii", "replace"),
            int(position),
            "" if name == b"." else name.decode("ascii", "replace"),
            reference.decode("ascii", "replace").upper(),
            alternate.decode("ascii", "replace").upper(),
            dosage,
        )
        found.append(record)
    return found


def _alleles(
    calls: bytes, gt_only: bool, count: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]] | None:
    """The two allele numbers of each sample, -1 where missing; a haploid call counts twice. None of another width."""
    if gt_only and len(calls) == 4 * count - 1:
        table = np.frombuffer(calls + b"\t", dtype=np.uint8).reshape(count, 4)
        if np.all(table[:, 3] == 9) and np.all((table[:, 1] == 47) | (table[:, 1] == 124)):
            return _digits(table[:, 0]), _digits(table[:, 2])
    first, second = np.empty(count, np.int8), np.empty(count, np.int8)
    if scan_calls(bytes_of(calls), first, second) != count:
        return None
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
