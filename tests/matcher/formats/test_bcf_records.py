"""BCF read from its bytes: the calls of the VCF that bcftools made it of, and a told end on anything else."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import Unreadable
from matcher.formats import vcf
from tests.matcher.formats.made import assert_same, genotypes, read_data, read_file, run, truth, write_vcf

HEAD = (
    '##fileformat=VCFv4.2\n##reference=GRCh38\n##FILTER=<ID=q10,Description="a, b">\n'
    '##INFO=<ID=AF,Number=A,Type=Float,Description="x,ID=GT">\n##contig=<ID=1>\n##contig=<ID=chrX,length=9>\n'
    '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="d">\n##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
)


def rich(path: Path) -> Path:
    """Sites of every kind: several and no alternates, haploid, half and missing calls, long alleles, other fields."""
    cells = ["0/1", "1|1", "./.", ".|1", "1/.", "0", "1", ".", "0|0", "2/1"]
    many = ",".join("ACGT"[n % 4] * (n // 4 + 2) for n in range(80))
    sites = [
        ("1", 5, "rs1", "A", "C,G", "q10", "AF=0.1,0.2", "GT:DP", [f"{one}:7" for one in cells]),
        ("1", 9, ".", "A" * 40, "C,<DEL>", "PASS", ".", "GT", cells),
        ("1", 11, "rs3", "A", "<NON_REF>", ".", ".", "GT", [*cells[:9], "1/1"]),
        ("1", 12, "rs4", "A", ".", ".", ".", "GT", ["0/0"] * 10),
        ("chrX", 7, "rs5", "G", many, ".", ".", "GT:DP", [f"{n * 9}/{80 - n}:1" for n in range(9)] + ["./.:1"]),
        ("chrX", 8, "rs6", "g", "t", ".", ".", "DP", ["4"] * 10),
    ]  # fmt: skip
    names = "\t".join(f"s{n}" for n in range(10))
    text = HEAD + f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
    for chromosome, place, name, reference, alternates, told, info, form, calls in sites:
        row = (chromosome, str(place), name, reference, alternates, ".", told, info, form, *calls)
        text += "\t".join(row) + "\n"
    path.write_text(text)
    return path


def bcf_of(source: Path) -> Path:
    """What bcftools makes of it, unpacked, as it reaches the reader."""
    path = source.with_suffix(".bcf")
    run("bcftools", "view", "-Ob", "-o", path, source)
    path.write_bytes(gzip.decompress(path.read_bytes()))
    return path


def end_of(data: bytes) -> str:
    """How reading it ends: "read", or why it was not."""
    try:
        parts = genotypes(read_data(vcf, "x.bcf", data))
    except Unreadable as wrong:
        return wrong.why
    for part in parts:
        assert part.dosages.shape == (len(part.names), len(part.samples))
        assert np.isin(part.dosages, (-1, 0, 1, 2)).all()
    return "read"


def seen(path: Path) -> list[object]:
    return [
        (part.samples, part.build, *each, row.tolist())
        for part in genotypes(read_file(vcf, path))
        for *each, row in zip(
            part.chromosomes, part.positions.tolist(), part.names, part.alleles_a, part.alleles_b, part.dosages,
            strict=True,
        )
    ]  # fmt: skip


def test_a_bcf_says_what_its_vcf_says(tmp_path: Path) -> None:
    source = rich(tmp_path / "x.vcf")
    found = seen(bcf_of(source))
    assert found == seen(source)
    assert len(found) == 2 + 2 + 80
    assert {one[1] for one in found} == {"GRCh38"}  # type: ignore[index]


def test_a_larger_one_gives_every_call(tmp_path: Path) -> None:
    of = truth()
    assert_same(read_file(vcf, bcf_of(write_vcf(tmp_path / "x.vcf", of))), of)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("bcf")
    return bcf_of(rich(place / "x.vcf")).read_bytes()


def test_every_cut_is_told(small: bytes) -> None:
    start = small.index(b"s9\n") + 4
    ends = [end_of(small[:end]) for end in range(9, len(small))]
    assert set(ends) == {"read", "damaged"}
    # An end between two records is no damage that could be seen.
    silent = [end for end, told in enumerate(ends, 9) if told == "read"]
    assert silent[0] >= start
    assert len(silent) <= 6


def test_changed_bytes_are_read_or_told_and_never_end_otherwise(small: bytes) -> None:
    choice, ends = random.Random(3), []
    for _ in range(3_000):
        data = bytearray(small)
        for _ in range(choice.choice([1, 1, 4])):
            odd = choice.choice([0, 1, 0x17, 0xF1, 0x7F, 0xFF, choice.randrange(256)])
            data[choice.randrange(5, len(data))] = odd
        ends.append(end_of(bytes(data)))
    assert set(ends) == {"read", "damaged"}
    assert min(ends.count("read"), ends.count("damaged")) > 100


def test_a_record_that_claims_gigabytes_is_told_before_it_is_read(small: bytes) -> None:
    start = small.index(b"s9\n") + 4
    for lie in (b"\xff\xff\xff\x7f\x10\0\0\0", b"\x20\0\0\0\xff\xff\xff\xff", b"\0\0\0\0\0\0\0\0"):
        with pytest.raises(Unreadable, match="length"):
            read_data(vcf, "x.bcf", small[:start] + lie + small[start + 8 :])
