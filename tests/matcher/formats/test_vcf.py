"""VCF and BCF: calls with other fields beside them, several alternates, haploid and half calls, gVCF blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.contents import FileEnded
from matcher.formats import vcf
from matcher.reading import read_path
from tests.matcher.formats.made import (
    SAMPLES,
    assert_same,
    genotypes,
    read_data,
    run,
    truth,
    write_vcf,
)

HEAD = b'##fileformat=VCFv4.2\n##contig=<ID=1>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'


def site(alternates: str, form: str, *cells: str) -> bytes:
    columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"
    names = "\t".join(f"s{number}" for number in range(len(cells)))
    record = "\t".join(["1", "100", "rs1", "A", alternates, ".", ".", ".", form, *cells])
    return HEAD + f"{columns}\t{names}\n{record}\n".encode()


def calls(data: bytes) -> list[list[int]]:
    return [row.tolist() for part in genotypes(read_data(vcf, "x.vcf", data)) for row in part.dosages]


@pytest.mark.parametrize("form", ["v", "b", "u"])
def test_every_form_of_bcftools_gives_the_calls(form: str, tmp_path: Path) -> None:
    of = truth()
    run("bcftools", "view", f"-O{form}", "-o", tmp_path / "x", write_vcf(tmp_path / "x.vcf", of))
    assert_same(list(read_path(tmp_path / "x")), of)  # compressed ones are unpacked on the way


def test_other_fields_beside_the_call_are_passed_over() -> None:
    assert calls(site("G", "GT:DP:GL", "0/1:12:-1,0", "1|1:3:.", "./.:.:.", "0|0")) == [[1, 2, -1, 0]]


def test_sites_with_several_alternates_come_once_for_each() -> None:
    assert calls(site("G,T", "GT", "0/1", "1/2", "2/2", "0/0")) == [[1, 1, 0, 0], [0, 1, 2, 0]]
    many = ",".join("ACGT"[n % 4] * (n // 4 + 2) for n in range(12))
    assert calls(site(many, "GT:DP", "0/11:1", "12/12:1"))[10:] == [[1, 0], [0, 2]]


def test_half_calls_are_missing_and_haploid_calls_count_twice() -> None:
    assert calls(site("G", "GT:DP", "./1:1", "1:1", "0:1", ".:1", "1/.:2")) == [[-1, 2, 0, -1, -1]]


def test_blocks_without_a_variant_are_passed_over() -> None:
    assert calls(site("<NON_REF>", "GT:DP", "0/0:9")) == []
    assert calls(site("G,<NON_REF>", "GT:DP", "0/1:9")) == [[1]]


@pytest.mark.parametrize("cells", [["0/1"] * 3, ["0/1"] * 5])
def test_a_record_of_another_width_is_told(cells: list[str]) -> None:
    data = site("G", "GT:DP", "0/1:1", "0/1:1", "0/1:1", "0/1:1")
    data += ("\t".join(["1", "200", ".", "A", "G", ".", ".", ".", "GT:DP", *cells]) + "\n").encode()
    with pytest.raises(vcf.Unreadable):
        read_data(vcf, "x.vcf", data)


def test_large_parts_hold_no_more_calls_than_may_be_held() -> None:
    assert (
        np.prod(genotypes(read_data(vcf, "x.vcf", site("G", "GT", *["0/1"] * len(SAMPLES))))[0].dosages.shape)
        == 37
    )


@pytest.mark.parametrize("position", ["9" * 30, "9" * 5_000, "x", ""])
def test_a_line_with_no_honest_position_is_told_and_the_others_are_read(
    position: str, tmp_path: Path
) -> None:
    of = truth()
    lines = write_vcf(tmp_path / "x.vcf", of).read_text().splitlines(keepends=True)
    cells = lines[-1].split("\t")
    lines.insert(-100, "\t".join([cells[0], position, *cells[2:]]))
    (tmp_path / "x.vcf").write_text("".join(lines))
    events = list(read_path(tmp_path / "x.vcf"))
    assert_same(events, of)
    (end,) = [event for event in events if isinstance(event, FileEnded)]
    assert (end.skipped, end.detail[:6]) == ("damaged", "1 line")


@pytest.mark.parametrize("cut", [20, 70, 140])
def test_a_vcf_that_was_cut_is_told_and_its_records_are_read(cut: int, tmp_path: Path) -> None:
    of = truth()
    path = write_vcf(tmp_path / "x.vcf", of)
    path.write_bytes(path.read_bytes()[:-cut])
    events = list(read_path(path))
    assert [event.skipped for event in events if isinstance(event, FileEnded)] == ["damaged"]
    assert sum(len(part.names) for part in genotypes(events)) == len(of.names) - 1


def test_a_cut_bcf_gives_what_stands_before(tmp_path: Path) -> None:
    of = truth(variants=3_000)
    run("bcftools", "view", "-Ou", "-o", tmp_path / "x.bcf", write_vcf(tmp_path / "x.vcf", of))
    data = (tmp_path / "x.bcf").read_bytes()
    (tmp_path / "x.bcf").write_bytes(data[: len(data) // 2])
    events = list(read_path(tmp_path / "x.bcf"))
    assert [event.skipped for event in events if isinstance(event, FileEnded)] == ["damaged"]
    assert sum(len(part.names) for part in genotypes(events)) > 1_000


def test_records_without_calls_and_a_second_header_are_no_damage() -> None:
    data = site("G", "GT:DP", "0/1:1", "1/1:1")
    again = b"\n".join(one for one in data.splitlines() if one.startswith(b"#")) + b"\n"
    bare = b"1\t200\t.\tA\tG\t.\t.\t.\tDP\t1\t2\n"
    assert calls(data + again + b"\n" + bare) == [[1, 2]]
