"""VCF and BCF: hard calls, multi-allelic sites split, gVCF blocks passed over.

Both reach this reader decompressed. Lines are scanned as bytes, since a loop over single genotypes takes a hundred
times longer; a BCF's records are read by `bcf_records`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from matcher.contents import Genotypes, Limits, Opened, Unreadable
from matcher.formats import bcf_records
from matcher.formats.bcf_records import Site
from matcher.formats.beside import variants_a_part
from matcher.formats.scanning import bytes_of, count_allele, scan_calls, scan_short_calls

FORMAT = "vcf"
_GT_ONLY = b"GT"
_NO_ALTERNATE = (b".", b"*", b"<NON_REF>", b"<*>")
_LONGEST_POSITION = 12
"""Digits; no chromosome is longer."""
_Record = tuple[str, int, str, str, str, npt.NDArray[np.int8]]


def sniff(name: str, head: bytes) -> int:
    if head.startswith((b"##fileformat=VCF", bcf_records.MAGIC)):
        return 5
    return 5 if name.lower().endswith((".vcf", ".bcf")) else 0


def read(opened: Opened, limits: Limits) -> Iterator[Genotypes]:
    """Genotypes in parts of `limits.variants_per_part`; `dosages` count the alternate allele.

    Raises:
        Unreadable: it has no header, breaks off, or has lines that are no records; what was read is given before.
    """
    head = opened.stream.read(4)
    opened.stream.seek(0)
    if head == bcf_records.MAGIC:
        text = bcf_records.header_of(opened.stream)
        samples, build = _header(iter(text.splitlines(keepends=True)))
        sites: Iterator[Site | None] = bcf_records.sites_of(opened.stream, text, len(samples))
    else:
        lines = iter(opened.stream)
        samples, build = _header(lines)
        sites = _sites(lines, len(samples))
    if not samples:
        return
    most, odd = variants_a_part(limits, len(samples)), 0
    broken: Unreadable | None = None
    chunk: list[_Record] = []
    try:
        for site in sites:
            if site is None:
                odd += 1
                continue
            chunk += _records(site)
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


def _sites(lines: Iterator[bytes], samples_count: int) -> Iterator[Site | None]:
    """The sites that have calls; None where a line is no record of these samples."""
    for line in lines:
        if line.startswith(b"#") or not line.strip():
            continue
        fields = line.rstrip(b"\r\n").split(b"\t", 9)
        if len(fields) < 10 or not fields[1].isdigit() or len(fields[1]) > _LONGEST_POSITION:
            yield None
            continue
        chromosome, position, name, reference, alternates, _, _, _, form, calls = fields
        if not form.startswith(_GT_ONLY):
            continue
        alleles = _alleles(calls, form == _GT_ONLY, samples_count)
        if alleles is None:
            yield None
            continue
        yield Site(chromosome, int(position), name, reference, alternates.split(b","), *alleles)


def _records(site: Site) -> Iterator[_Record]:
    """One record for each alternate."""
    for number, alternate in enumerate(site.alternates, start=1):
        if alternate in _NO_ALTERNATE:
            continue
        dosage = np.empty(len(site.first), np.int8)
        count_allele(site.first, site.second, number, dosage)
        yield (
            site.chromosome.decode("ascii", "replace"),
            site.position,
            "" if site.name == b"." else site.name.decode("ascii", "replace"),
            site.reference.decode("ascii", "replace").upper(),
            alternate.decode("ascii", "replace").upper(),
            dosage,
        )


def _alleles(
    calls: bytes, gt_only: bool, count: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]] | None:
    """The two allele numbers of each sample, -1 where missing; a haploid call counts twice. None of another width."""
    data, first, second = bytes_of(calls), np.empty(count, np.int8), np.empty(count, np.int8)
    if gt_only and len(calls) == 4 * count - 1 and scan_short_calls(data, first, second):
        return first, second
    if scan_calls(data, first, second) != count:
        return None
    return first, second
