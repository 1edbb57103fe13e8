"""Genotypes in ordinary tables, written by plink, bcftools, R, pandas and polars, come out as the calls they are."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from matcher.contents import Event, Genotypes, Table
from matcher.examine import Examiner
from matcher.genotypes.called_tables import with_calls
from matcher.genotypes.enrol import enrol
from matcher.reading import read_bytes
from tests.matcher.formats.made import SAMPLES, Truth, run, truth, write_vcf
from tests.matcher.genotypes.people import KEYS, enrolled, people
from tests.matcher.genotypes.people import write_vcf as write_people

LETTERS = {0: "{0}{0}", 1: "{0}{1}", 2: "{1}{1}", -1: "NN"}
NUMBERS = {0: "0/0", 1: "0/1", 2: "1/1", -1: "./."}


@pytest.fixture(scope="module")
def of() -> Truth:
    return truth()


def lettered(of: Truth, site: int, call: int) -> str:
    return LETTERS[call].format(of.references[site], of.alternates[site])


def by_sample(of: Truth) -> dict[str, list[str]]:
    """A sample a row, letters in columns named after variants."""
    calls = {
        name: [lettered(of, site, int(call)) for call in of.dosages[site]]
        for site, name in enumerate(of.names)
    }
    return {"sample": list(SAMPLES), **calls}


def by_variant(of: Truth) -> dict[str, list[str]]:
    """A variant a row, allele numbers in columns named after samples."""
    columns = {
        "CHROM": list(of.chromosomes),
        "POS": [str(one) for one in of.positions],
        "ID": list(of.names),
        "REF": list(of.references),
        "ALT": list(of.alternates),
    }
    calls = {one: [NUMBERS[int(call)] for call in of.dosages[:, at]] for at, one in enumerate(SAMPLES)}
    return {**columns, **calls}


def csv(columns: dict[str, list[str]], delimiter: str = ",") -> bytes:
    return pl.DataFrame(columns).write_csv(separator=delimiter).encode()


def calls_in(data: bytes, name: str = "x") -> list[Genotypes]:
    return [one for one in with_calls(read_bytes(name, data)) if isinstance(one, Genotypes)]


def agreement(found: list[Genotypes], of: Truth, *, named: bool = True, samples: int = len(SAMPLES)) -> float:
    """Of all calls of the truth the share that came out right, allele by allele; a wrong one is an error."""
    at = {name: number for number, name in enumerate(of.names)}
    places = {place: number for number, place in enumerate(zip(of.chromosomes, of.positions, strict=True))}
    right = 0
    for part in found:
        assert len(part.samples) == samples
        if named:
            assert part.samples == SAMPLES
        for row, name in enumerate(part.names):
            place = (part.chromosomes[row], int(part.positions[row]))
            site = at[name] if name in at else places[place]
            counted, wanted = part.alleles_b[row], of.dosages[site][:samples]
            if part.coding_known and counted == of.references[site]:
                wanted = np.where(wanted >= 0, 2 - wanted, -1)
            known = part.dosages[row] >= 0
            assert np.array_equal(part.dosages[row][known], wanted[known]), name
            right += int((known & (wanted >= 0)).sum())
    return right / int((of.dosages[:, :samples] >= 0).sum())


def written(form: str, of: Truth, folder: Path) -> bytes:
    """The truth in a form that another program wrote."""
    vcf = write_vcf(folder / "x.vcf", of)
    run("plink1.9", "--vcf", vcf, "--keep-allele-order", "--make-bed", "--double-id", "--out", folder / "x")
    plink = ["plink1.9", "--bfile", folder / "x", "--keep-allele-order", "--out", folder / "y", "--recode"]
    match form:
        case "tped":
            run(*plink, "transpose")
            return (folder / "y.tped").read_bytes()
        case "lgen":
            run(*plink, "lgen")
            lines = (folder / "y.lgen").read_bytes().splitlines()
            return b"\n".join(b" ".join(line.split()) for line in (b"FID IID SNP A1 A2", *lines))
        case "gen":
            run(*plink, "oxford")
            return (folder / "y.gen").read_bytes()
        case "beagle":
            run(*plink, "beagle-nomap")
            return (folder / "y.beagle.dat").read_bytes()
        case "haps":
            phased = folder / "phased.vcf"
            phased.write_text(vcf.read_text().replace("/", "|").replace(".|.", "0|0"))
            run("plink2", "--vcf", phased, "--export", "haps", "--out", folder / "y")
            return (folder / "y.haps").read_bytes()
        case "query":
            words = ["bcftools", "query", "-H", "-f", r"%CHROM\t%POS\t%ID\t%REF\t%ALT[\t%GT]\n", str(vcf)]
            return subprocess.run(words, check=True, capture_output=True).stdout
        case _:
            place = folder / "x.csv"
            place.write_bytes(csv(by_sample(of)))
            program = f'write.table(read.csv("{place}"), "{folder}/r.txt", quote=TRUE)'
            subprocess.run(["Rscript", "-e", program], check=True, capture_output=True)
            return (folder / "r.txt").read_bytes()


@pytest.mark.parametrize("form", ["tped", "lgen", "gen", "beagle", "haps", "query", "R"])
def test_texts_of_other_programs(form: str, of: Truth, tmp_path: Path) -> None:
    data = written(form, of, tmp_path)
    if form == "haps":  # phased calls are never missing
        of = Truth(**{**vars(of), "dosages": np.maximum(of.dosages, 0)})
    found = calls_in(data)
    assert agreement(found, of, named=form in ("lgen", "query", "R")) == 1.0


def test_probabilities_of_an_even_number_of_people_are_no_haplotypes(of: Truth, tmp_path: Path) -> None:
    lines = written("gen", of, tmp_path).decode().splitlines()
    data = "\n".join(" ".join(line.split()[:-3]) for line in lines).encode()
    assert agreement(calls_in(data), of, named=False, samples=36) == 1.0


def test_rare_haplotypes_are_no_probabilities() -> None:
    rng = np.random.default_rng(3)
    haplotypes = (rng.random((80, 72)) < rng.uniform(0.005, 0.1, 80)[:, None]).astype(int)
    lines = [
        f"1 rs{900 + at} {5000 + 70 * at} A G {' '.join(map(str, row))}" for at, row in enumerate(haplotypes)
    ]
    found = calls_in("\n".join(lines).encode())
    calls = np.concatenate([one.dosages for one in found])
    assert np.array_equal(calls, haplotypes[:, ::2] + haplotypes[:, 1::2])


def in_excel(columns: dict[str, list[str]]) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(columns).to_excel(out, index=False)
    return out.getvalue()


def in_parquet(columns: dict[str, list[str]]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out)
    return out.getvalue()


def in_json(columns: dict[str, list[str]]) -> bytes:
    return json.dumps(pl.DataFrame(columns).to_dicts()).encode()


def in_a_notebook(columns: dict[str, list[str]]) -> bytes:
    html = pd.DataFrame(columns).to_html()
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": [html]}}
    cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": ["df"], "outputs": [output]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.mark.parametrize("holder", [csv, in_excel, in_parquet, in_json, in_a_notebook])
@pytest.mark.parametrize("shape", [by_sample, by_variant])
def test_tables_of_any_format(holder: object, shape: object, of: Truth) -> None:
    assert callable(holder)
    assert callable(shape)
    assert agreement(calls_in(holder(shape(of))), of) == 1.0


@pytest.mark.parametrize("between", ["", "/", "|", " "])
def test_pairs_of_letters(between: str, of: Truth) -> None:
    columns = by_sample(of)
    for name in of.names:
        columns[name] = [between.join(cell) for cell in columns[name]]
    assert agreement(calls_in(csv(columns, "\t")), of) == 1.0


def test_a_line_for_each_call_in_any_order(of: Truth) -> None:
    lines = [
        (one, name, lettered(of, site, int(of.dosages[site, at])))
        for site, name in enumerate(of.names)
        for at, one in enumerate(SAMPLES)
    ]
    frame = pl.DataFrame(lines, schema=["sample", "rsid", "genotype"], orient="row")
    assert agreement(calls_in(frame.write_csv().encode()), of) == 1.0
    found = calls_in(frame.sample(fraction=1, shuffle=True, seed=3).write_csv().encode())
    assert {one.samples for one in found} == {found[0].samples}
    order = [found[0].samples.index(one) for one in SAMPLES]
    back = [
        Genotypes(SAMPLES, p.chromosomes, p.positions, p.names, p.alleles_a, p.alleles_b, p.dosages[:, order])
        for p in found
    ]
    assert agreement(back, of) == 1.0


def test_a_report_of_an_array(of: Truth) -> None:
    """Illumina's: some lines about it, then a line for each call, its alleles on two strands."""
    lines = [
        "SNP Name\tSample ID\tAllele1 - Top\tAllele2 - Top\tAllele1 - Forward\tAllele2 - Forward\tGC Score"
    ]
    for at, one in enumerate(SAMPLES):
        for site, name in enumerate(of.names):
            a, b = lettered(of, site, int(of.dosages[site, at])).replace("N", "-")
            lines.append(f"{name}\t{one}\t{a}\t{b}\t{a}\t{b}\t0.9")
    head = f"[Header]\nGSGT Version\t2.0.4\nNum SNPs\t{len(of.names)}\nNum Samples\t37\n[Data]\n"
    assert agreement(calls_in((head + "\n".join(lines) + "\n").encode()), of) == 1.0


def test_a_large_table_comes_in_parts_and_once(of: Truth) -> None:
    """Rows of a table come in parts; no call is given twice, and the table itself is given as well."""
    wide = truth(12, variants=3_000)
    events: list[Event] = list(with_calls(read_bytes("x.csv", csv(by_sample(wide)))))
    assert agreement([one for one in events if isinstance(one, Genotypes)], wide) == 1.0
    assert sum(one.rows_count for one in events if isinstance(one, Table)) == len(SAMPLES)


# --- what is no genotype ---------------------------------------------------------------------------------------


def rows_of(count: int, *columns: object) -> Iterator[str]:
    rng = np.random.default_rng(5)
    for number in range(count):
        yield "\t".join(str(one(number, rng)) if callable(one) else str(one) for one in columns)


RS = lambda n, _: f"rs{1000 + 7 * n}"  # noqa: E731
LETTER = lambda n, r: "ACGT"[r.integers(4)]  # noqa: E731


@pytest.mark.parametrize(
    "text",
    [
        "SNP\tA1\tA2\tBETA\tSE\tP\n"
        + "\n".join(
            rows_of(80, RS, "A", "G", lambda n, r: f"{r.normal():.3f}", 0.01, lambda n, r: f"{r.random():.4f}")
        ),
        "rsid\tchrom\tpos\talleles\n" + "\n".join(rows_of(80, RS, 1, lambda n, r: 10_000 + n, "A/G")),
        "rsid\tchr\tpos\tref\talt\n" + "\n".join(rows_of(80, RS, 1, lambda n, r: 10_000 + n, "A", "G")),
        "rsid\teffect_allele\tgene\tsignificant\tcoding\n"
        + "\n".join(rows_of(80, RS, LETTER, "BRCA2", lambda n, r: r.integers(2), lambda n, r: r.integers(2))),
        # frequencies in five populations, of common and of rare variants
        "rsid\tAFR\tAMR\tEAS\tEUR\tSAS\n"
        + "\n".join(rows_of(80, RS, *[lambda n, r: f"{r.uniform(0.02, 0.98):.4f}"] * 5)),
        "rsid\tAFR\tAMR\tEAS\tEUR\tSAS\n"
        + "\n".join(rows_of(80, RS, *[lambda n, r: f"{r.exponential(0.01):.5f}"] * 5)),
        # correlations of variants with each other
        "SNP\t" + "\t".join(f"rs{1000 + 7 * n}" for n in range(40)) + "\n"
        + "\n".join(
            f"rs{1000 + 7 * n}\t" + "\t".join("1" if m == n else "0.01" for m in range(40)) for n in range(40)
        ),
        # answers of a test, A to D
        "eid\t" + "\t".join(f"q{n}" for n in range(40)) + "\n"
        + "\n".join(rows_of(60, lambda n, r: 1_000_000 + n, *[lambda n, r: "ABCD"[r.integers(4)]] * 40)),
        # ages, as numbers of two digits
        "rsid\tage\tn\n" + "\n".join(rows_of(80, RS, lambda n, r: r.integers(10, 99), lambda n, r: r.integers(10, 99))),
        # who cites what, a line each
        "participant\tarticle\tstatus\n" + "\n".join(rows_of(200, lambda n, r: n % 20, RS, "read")),
    ],
)  # fmt: skip
def test_lists_and_statistics_of_variants_hold_no_calls(text: str) -> None:
    assert calls_in(text.encode(), "x.tsv") == []


# --- end to end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("holder", [csv, in_excel])
def test_participants_in_a_table_of_letters_are_found_and_strangers_are_not(
    holder: object, tmp_path: Path
) -> None:
    """30 people at 400 variants: those of the cohort are confirmed, as many others are not told."""
    assert callable(holder)
    of = people(300)
    names = [f"P{number:05}" for number in range(200)]
    vcf = write_people(tmp_path / "c.vcf", of, of.dosages[:, :200], names)
    enrol(tmp_path / "c", [vcf], KEYS)
    examiner = Examiner((enrolled(tmp_path / "c", 200),), KEYS)
    sites = np.random.default_rng(2).choice(len(of.positions), 400, replace=False)
    alleles = (("A", "C"), ("A", "G"), ("T", "C"), ("T", "G"))
    for first, verdicts in ((50, {"confirmed"}), (200, {"none"})):
        columns = {"id": [f"X{number}" for number in range(30)]}
        for site in sorted(sites.tolist()):
            letters = alleles[site % 4]
            calls = of.dosages[site, first : first + 30]
            columns[f"rs{site}"] = [letters[call > 1] + letters[call > 0] for call in calls.tolist()]
        (answer,) = examiner.content("x", holder(columns))
        assert answer["verdict"] in verdicts, answer["content_reason"]
        assert answer["content"] == "individual-level"
