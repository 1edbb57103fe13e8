"""Genotypes as text: what PLINK writes, arrays sold to consumers, EIGENSTRAT, matrices of calls and dosages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matcher.contents import FileEnded, Genotypes, Limits, Opened, Table, Unreadable
from matcher.formats import (
    bgen_file,
    call_matrix,
    consumer_array,
    delimited,
    dosage_matrix,
    eigenstrat,
    plink_ped,
)
from matcher.reading import read_path
from matcher.sniffing import format_of
from tests.matcher.formats.made import (
    SAMPLES,
    Truth,
    assert_same,
    genotypes,
    read_file,
    run,
    truth,
    write_vcf,
)


@pytest.fixture(scope="module")
def of() -> Truth:
    return truth()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, of: Truth) -> Path:
    """What PLINK makes of the VCF."""
    place = tmp_path_factory.mktemp("plink")
    vcf = write_vcf(place / "x.vcf", of)
    run("plink2", "--vcf", vcf, "--make-bed", "--out", place / "x")
    run("plink1.9", "--bfile", place / "x", "--recode", "--out", place / "ped", "--keep-allele-order")
    run("plink1.9", "--bfile", place / "x", "--recode12", "--out", place / "numbers", "--keep-allele-order")
    run("plink1.9", "--bfile", place / "x", "--recodeA", "--out", place / "raw", "--keep-allele-order")
    run("plink2", "--bfile", place / "x", "--export", "A", "include-alt", "--out", place / "raw2")
    run("plink2", "--bfile", place / "x", "--export", "Av", "--out", place / "traw")
    run("plink2", "--bfile", place / "x", "--export", "bgen-1.2", "bits=8", "--out", place / "b12")
    run("plink2", "--bfile", place / "x", "--export", "bgen-1.1", "--out", place / "b11")
    return place


@pytest.mark.parametrize("name", ["raw.raw", "raw2.raw"])
def test_a_raw_file_counts_the_allele_that_it_names(name: str, folder: Path, of: Truth) -> None:
    parts = read_file(dosage_matrix, folder / name)
    assert_same(parts, of, positions=False, both_alleles=name == "raw2.raw")
    (table,) = [part for part in parts if isinstance(part, Table)]
    assert table.columns[:2] == ("FID", "IID")
    assert tuple(table.cells[1]) == SAMPLES


def test_a_traw_file_counts_the_allele_that_it_names(folder: Path, of: Truth) -> None:
    assert_same(read_file(dosage_matrix, folder / "traw.traw"), of)


def test_a_ped_file_is_read_with_its_map(folder: Path, of: Truth) -> None:
    assert_same(read_file(plink_ped, folder / "ped.ped"), of)


def test_a_ped_file_of_numbered_alleles_tells_that_their_coding_is_not_known(folder: Path, of: Truth) -> None:
    found = genotypes(read_file(plink_ped, folder / "numbers.ped"))
    assert not any(part.coding_known for part in found)
    het = np.concatenate([part.dosages for part in found]) == 1
    assert np.array_equal(het, of.dosages == 1)


@pytest.mark.parametrize("name", ["b12.bgen", "b11.bgen"])
def test_bgen_files_are_read(name: str, folder: Path, of: Truth) -> None:
    assert_same(read_file(bgen_file, folder / name), of)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("# rsid\tchromosome\tposition\tgenotype build 37\n", "{n}\t{c}\t{p}\t{a}{b}\n"),
        (
            "#AncestryDNA raw data\nrsid\tchromosome\tposition\tallele1\tallele2\n",
            "{n}\t{c}\t{p}\t{a}\t{b}\n",
        ),
        ("RSID,CHROMOSOME,POSITION,RESULT\n", '"{n}","{c}","{p}","{a}{b}"\n'),
    ],
)
def test_one_person_of_a_consumer_array(head: str, line: str, tmp_path: Path, of: Truth) -> None:
    text, sample = head, 5
    for row, name in enumerate(of.names):
        letters = {
            0: of.references[row] * 2,
            1: "".join(sorted(of.references[row] + of.alternates[row])),
            2: of.alternates[row] * 2,
            -1: "--",
        }[int(of.dosages[row, sample])]
        text += line.format(n=name, c=of.chromosomes[row], p=of.positions[row], a=letters[0], b=letters[1])
    path = tmp_path / "someone.txt"
    path.write_text(text)
    assert format_of("x", path.read_bytes()[:65536]) is consumer_array
    found = genotypes(read_file(consumer_array, path))
    assert found[0].samples == ("someone",)
    at = {name: number for number, name in enumerate(of.names)}
    seen = 0
    for part in found:
        for row, name in enumerate(part.names):
            call, number = int(part.dosages[row, 0]), at[name]
            if call < 0:
                continue
            counted = part.alleles_b[row]
            alleles = {0: part.alleles_a[row] * 2, 1: part.alleles_a[row] + counted, 2: counted * 2}[call]
            assert alleles.count(of.alternates[number]) == of.dosages[number, sample]
            seen += 1
    assert seen == int((of.dosages[:, sample] >= 0).sum())


def test_eigenstrat_is_read(tmp_path: Path, of: Truth) -> None:
    digits = np.where(of.dosages >= 0, 2 - of.dosages, 9)
    (tmp_path / "x.geno").write_text("\n".join("".join(map(str, row)) for row in digits.tolist()) + "\n")
    (tmp_path / "x.ind").write_text("".join(f"{one} U Control\n" for one in SAMPLES))
    (tmp_path / "x.snp").write_text(
        "".join(
            f"{of.names[n]} {of.chromosomes[n]} 0.0 {of.positions[n]} {of.references[n]} {of.alternates[n]}\n"
            for n in range(len(of.names))
        )
    )
    assert_same(read_file(eigenstrat, tmp_path / "x.geno"), of)


def _matrix(of: Truth, *, delimiter: str, names: list[str], by_sample: bool, noise: float) -> str:
    rng = np.random.default_rng(4)

    def cell(call: int) -> str:
        if call < 0:
            return "NA"
        return str(call) if not noise else f"{np.clip(call + rng.normal(0, noise), 0, 2):.3f}"

    if by_sample:
        rows = [["eid", "sex", *names]]
        rows += [
            [one, str(number % 2), *map(cell, of.dosages[:, number].tolist())]
            for number, one in enumerate(SAMPLES)
        ]
    else:
        rows = [["marker", *SAMPLES]]
        rows += [[name, *map(cell, row)] for name, row in zip(names, of.dosages.tolist(), strict=True)]
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


@pytest.mark.parametrize("delimiter", [",", "\t", " ", ";"])
@pytest.mark.parametrize("by_sample", [True, False])
@pytest.mark.parametrize("noise", [0.0, 0.04])
@pytest.mark.parametrize("named", ["place", "rs"])
def test_matrices_of_calls_and_dosages(
    delimiter: str, by_sample: bool, noise: float, named: str, tmp_path: Path, of: Truth
) -> None:
    names = {
        "place": [
            f"{c}:{p}:{a}:{b}"
            for c, p, a, b in zip(of.chromosomes, of.positions, of.references, of.alternates, strict=True)
        ],
        "rs": [f"{name}_{b}" for name, b in zip(of.names, of.alternates, strict=True)],
    }[named]
    path = tmp_path / "features.csv"
    path.write_text(_matrix(of, delimiter=delimiter, names=names, by_sample=by_sample, noise=noise))
    parts = [part for part in read_path(path) if isinstance(part, (Genotypes, Table))]
    found = genotypes(parts)
    assert all(part.samples == SAMPLES for part in found)
    calls = np.concatenate([part.dosages for part in found])
    assert np.array_equal(calls, of.dosages)
    assert tuple(b for part in found for b in part.alleles_b) == of.alternates
    assert all(part.coding_known for part in found)


def test_bare_names_leave_the_coding_unknown(tmp_path: Path, of: Truth) -> None:
    path = tmp_path / "x.csv"
    path.write_text(_matrix(of, delimiter=",", names=list(of.names), by_sample=True, noise=0.0))
    found = genotypes(read_file(dosage_matrix, path))
    assert not any(part.coding_known for part in found)


@pytest.mark.parametrize(
    "text",
    [
        "rsid,chromosome,position,effect_allele,other_allele,beta,standard_error,p_value,eaf\n"
        + "".join(
            f"rs{n},1,{n * 100},A,G,{(n % 7) / 100},{0.01 + n % 3 / 100},{n % 97 / 97:.3f},0.3\n"
            for n in range(1, 90)
        ),
        "rsid,af_all,af_a,af_b,af_c,af_d,af_e\n"
        + "".join(
            f"rs{n},{','.join(f'{(n * k % 89) / 89:.3f}' for k in range(1, 7))}\n" for n in range(1, 90)
        ),
        "eid,q1,q2,q3,q4\n" + "".join(f"{n + 1000000},{n % 2},{n % 3},0,1\n" for n in range(90)),
    ],
)
def test_summary_statistics_and_questionnaires_are_no_genotypes(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    assert format_of("x.csv", text.encode()) is delimited
    assert not [part for part in read_path(path) if isinstance(part, Genotypes)]


@pytest.mark.parametrize("name", ["ped.ped", "raw.raw", "traw.traw", "b12.bgen", "b11.bgen"])
@pytest.mark.parametrize("cut", [0.2, 0.75])
def test_a_cut_file_kills_nobody_and_what_came_before_is_kept(
    name: str, cut: float, folder: Path, tmp_path: Path
) -> None:
    for suffix in (".map", ".sample"):
        beside = (folder / name).with_suffix(suffix)
        if beside.exists():
            (tmp_path / beside.name).write_bytes(beside.read_bytes())
    data = (folder / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(cut * len(data))])
    events = list(read_path(tmp_path / name))
    ends = [event for event in events if isinstance(event, FileEnded) and event.path.endswith(name)]
    calls = sum(event.dosages.size for event in events if isinstance(event, Genotypes))
    assert ends[0].skipped in ("damaged", None)
    assert ends[0].skipped == "damaged" or calls < 230 * 37


def test_a_ped_without_its_map_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.ped").write_bytes((folder / "ped.ped").read_bytes())
    (end,) = [event for event in read_path(tmp_path / "x.ped") if isinstance(event, FileEnded)]
    assert end.skipped == "damaged"


def test_a_ped_with_an_indel_loses_nobody(folder: Path, tmp_path: Path, of: Truth) -> None:
    lines = (folder / "ped.ped").read_text().splitlines()
    cells = [line.split() for line in lines]
    for row in cells[:20]:
        row[6] = "GTT"  # the first variant
    (tmp_path / "x.ped").write_text("\n".join(" ".join(row) for row in cells) + "\n")
    (tmp_path / "x.map").write_bytes((folder / "ped.map").read_bytes())
    found = genotypes(read_file(plink_ped, tmp_path / "x.ped"))
    assert all(part.samples == SAMPLES for part in found)
    calls = np.concatenate([part.dosages for part in found])
    assert calls.shape == of.dosages.shape
    assert (calls[0, :20] == -1).all()


def test_ids_behind_the_calls_are_not_lost(tmp_path: Path, of: Truth) -> None:
    names = [f"{name}_{b}" for name, b in zip(of.names, of.alternates, strict=True)]
    text = _matrix(of, delimiter=",", names=names, by_sample=True, noise=0.0)
    turned = [line.split(",") for line in text.splitlines()]
    (tmp_path / "x.csv").write_text("\n".join(",".join([*row[2:], row[0]]) for row in turned) + "\n")
    tables = [part for part in read_path(tmp_path / "x.csv") if isinstance(part, Table)]
    assert tuple(tables[0].cells[tables[0].columns.index("eid")]) == SAMPLES


@pytest.mark.parametrize("form", ["traw", "csv"])
def test_a_cut_matrix_of_variants_is_told_and_its_rows_are_read(
    form: str, folder: Path, tmp_path: Path, of: Truth
) -> None:
    text = (folder / "traw.traw").read_text()
    if form == "csv":
        text = _matrix(of, delimiter=",", names=list(of.names), by_sample=False, noise=0.0)
    (tmp_path / f"x.{form}").write_text(text[:-20])
    events = list(read_path(tmp_path / f"x.{form}"))
    assert [event.skipped for event in events if isinstance(event, FileEnded)] == ["damaged"]
    assert sum(len(part.names) for part in genotypes(events)) == len(of.names) - 1


def _eigenstrat(folder: Path, of: Truth, *, lines: int) -> Path:
    digits = np.where(of.dosages >= 0, 2 - of.dosages, 9)
    (folder / "x.geno").write_text("".join("".join(map(str, row)) + "\n" for row in digits.tolist()))
    (folder / "x.ind").write_text("".join(f"{one} U Control\n" for one in SAMPLES))
    (folder / "x.snp").write_text("".join(f"{of.names[n]} 1 0.0 {n + 1} A C\n" for n in range(lines)))
    return folder / "x.geno"


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.97])
def test_a_cut_eigenstrat_gives_every_line_before(cut: float, tmp_path: Path, of: Truth) -> None:
    path = _eigenstrat(tmp_path, of, lines=len(of.names))
    data = path.read_bytes()[: int(cut * path.stat().st_size)]
    path.write_bytes(data)
    events = list(read_path(path))
    ends = [event for event in events if isinstance(event, FileEnded) and event.path.endswith(".geno")]
    assert [end.skipped for end in ends] == ["damaged"]
    assert sum(len(part.names) for part in genotypes(events)) == data.count(b"\n")


def test_an_eigenstrat_with_more_lines_than_variants_is_told(tmp_path: Path, of: Truth) -> None:
    path = _eigenstrat(tmp_path, of, lines=200)
    events = list(read_path(path))
    ends = [event for event in events if isinstance(event, FileEnded) and event.path.endswith(".geno")]
    assert [end.skipped for end in ends] == ["damaged"]
    assert sum(len(part.names) for part in genotypes(events)) == 200


def test_a_matrix_with_more_samples_than_may_be_held_gives_its_beginning(
    tmp_path: Path, of: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_matrix, "MOST_CALLS", 2_000)
    names = [f"{name}_{b}" for name, b in zip(of.names, of.alternates, strict=True)]
    lines = _matrix(of, delimiter=",", names=names, by_sample=True, noise=0.0).splitlines()
    lines[1] = f"{'x' * 20_000}{lines[1]}"  # the first line lets expect few
    path = tmp_path / "x.csv"
    path.write_text("\n".join(lines) + "\n")
    found: list[Genotypes | Table] = []
    with path.open("rb") as stream:
        parts = dosage_matrix.read(Opened("x.csv", stream, path.stat().st_size), Limits())
        with pytest.raises(Unreadable, match="too-large"):
            found.extend(parts)
    assert 0 < len(genotypes(found)[0].samples) < len(SAMPLES)
