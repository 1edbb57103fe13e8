"""PLINK 2 sets written by plink2, whole and damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import FileEnded, Genotypes, Limits, Unreadable
from matcher.formats import plink2
from matcher.reading import read_path
from tests.matcher.formats.made import (
    SAMPLES,
    SMALL,
    assert_same,
    read_data,
    read_file,
    run,
    truth,
    write_vcf,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pgen")
    vcf = write_vcf(place / "a.vcf", truth())
    run("plink2", "--vcf", vcf, "--make-pgen", "--out", place / "a")
    run("plink2", "--vcf", vcf, "--make-pgen", "vzs", "--out", place / "z")
    run("plink2", "--vcf", vcf, "--make-bpgen", "--out", place / "b")
    return place


@pytest.mark.parametrize("stem", ["a", "z", "b"])
def test_calls_are_those_of_the_vcf(folder: Path, stem: str) -> None:
    assert_same(read_file(plink2, folder / f"{stem}.pgen"), truth())


def test_the_whole_reader_gives_the_same(folder: Path) -> None:
    events = list(read_path(folder / "a.pgen", SMALL))
    assert_same([one for one in events if isinstance(one, Genotypes)], truth())
    ended = next(one for one in events if isinstance(one, FileEnded))
    assert (ended.format, ended.skipped) == ("plink-pgen", None)


def test_a_site_with_two_alternates_comes_once_for_each(tmp_path: Path) -> None:
    path = tmp_path / "m.vcf"
    calls = ["0/1", "1/2", "2/2", "./.", *["0/0"] * (len(SAMPLES) - 4)]
    path.write_text(
        '##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="G">\n##contig=<ID=1>\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"
        + "\t".join(SAMPLES)
        + "\n1\t5\trs1\tA\tC,G\t.\t.\t.\tGT\t"
        + "\t".join(calls)
        + "\n1\t9\trs2\tA\tC\t.\t.\t.\tGT\t"
        + "\t".join(["1/1"] * len(SAMPLES))
        + "\n"
    )
    run("plink2", "--vcf", path, "--make-pgen", "--out", tmp_path / "m")
    (part,) = read_file(plink2, tmp_path / "m.pgen")
    assert part.names == ("rs1", "rs1", "rs2")
    assert part.alleles_b == ("C", "G", "C")
    assert part.dosages[:, :4].tolist() == [[1, 1, 0, -1], [0, 1, 2, -1], [2, 2, 2, 2]]


def test_a_set_without_its_lists_says_so(folder: Path) -> None:
    with pytest.raises(Unreadable, match=r"without its \.psam"):
        read_data(plink2, "a.pgen", (folder / "a.pgen").read_bytes())


@pytest.mark.parametrize("lie", ["variants", "samples", "truncated", "shorter-pvar", "broken-zst", "columns"])
def test_a_lying_or_broken_set_is_damaged(folder: Path, tmp_path: Path, lie: str) -> None:
    stem = "z" if lie == "broken-zst" else "a"
    for one in folder.glob(f"{stem}.*"):
        (tmp_path / one.name).write_bytes(one.read_bytes())
    path = tmp_path / f"{stem}.pgen"
    data = bytearray(path.read_bytes())
    if lie == "variants":
        data[3:7] = struct.pack("<I", 4_000_000_000)
    elif lie == "samples":
        data[7:11] = struct.pack("<I", 4_000_000_000)
    elif lie == "truncated":
        data = data[: len(data) // 2]
    elif lie == "shorter-pvar":
        pvar = tmp_path / "a.pvar"
        pvar.write_text("\n".join(pvar.read_text().splitlines()[:-5]) + "\n")
    elif lie == "broken-zst":
        pvar = tmp_path / "z.pvar.zst"
        pvar.write_bytes(pvar.read_bytes()[:60] + b"\xff" * 40)
    else:
        (tmp_path / "a.pvar").write_text("#CHROM\tPOS\tID\n1\t2\trs\n" * 3)
    path.write_bytes(bytes(data))
    with pytest.raises(Unreadable) as told:
        read_file(plink2, path)
    assert told.value.why == "damaged"
    assert "\n" not in told.value.detail


def test_lists_larger_than_may_be_read_are_too_large(folder: Path) -> None:
    with pytest.raises(Unreadable) as told:
        read_file(plink2, folder / "a.pgen", Limits(file_bytes=1000))
    assert told.value.why == "too-large"


def test_imputed_dosages_come_as_the_calls_that_plink_made(tmp_path: Path) -> None:
    path = tmp_path / "d.vcf"
    path.write_text(
        '##fileformat=VCFv4.2\n##FORMAT=<ID=DS,Number=1,Type=Float,Description="D">\n##contig=<ID=1>\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\tC\tD\n"
        "1\t5\trs1\tA\tC\t.\t.\t.\tDS\t0.02\t1.01\t1.97\t1.5\n"
    )
    run("plink2", "--vcf", path, "dosage=DS", "--make-pgen", "--out", tmp_path / "d")
    (part,) = read_file(plink2, tmp_path / "d.pgen")
    assert np.array_equal(part.dosages, [[0, 1, 2, -1]])
