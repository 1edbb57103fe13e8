"""A made-up biobank: genotypes with linkage by msprime, 30 fields, and the files that a steward would hold.

Nothing here is of a living person. The same seed makes the same cohort.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

NAME = "northmoor"
TITLE = "Northmoor Biobank"
ALIAS = "北沼生物样本库"
PARTICIPANTS = 5_000
STRANGERS = 60
CHROMOSOMES = 6
SITES_A_CHROMOSOME = 500
STRETCH = 10
"""Base pairs for each simulated one: 10 Mb at 1e-7 a base become 100 Mb at 1e-8, as human chromosomes have it."""
SEED = 20_261_120
BASES = (("A", "G"), ("C", "T"), ("G", "A"), ("T", "C"), ("A", "C"), ("G", "T"))


@dataclass(frozen=True)
class Sites:
    """The variants of the array; alleles as (reference, alternative)."""

    chromosomes: tuple[str, ...]
    positions: npt.NDArray[np.int64]
    names: tuple[str, ...]
    alleles: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MadeCohort:
    """The cohort in memory; `dosages[v, s]` counts the alternative allele, strangers come last."""

    ids: tuple[str, ...]
    sites: Sites
    dosages: npt.NDArray[np.int8]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    strangers: npt.NDArray[np.int8]


def make_cohort(participants: int = PARTICIPANTS, chromosomes: int = CHROMOSOMES) -> MadeCohort:
    """Simulates the cohort; about 15 seconds at full size."""
    random = np.random.default_rng(SEED)
    sites, dosages = _genotypes(participants + STRANGERS, chromosomes, random)
    first = 1_000_000 + random.choice(8_000_000, participants, replace=False)
    ids = tuple(str(one) for one in np.sort(first))
    columns, rows = _phenotypes(participants, random)
    return MadeCohort(ids, sites, dosages[:, :participants], columns, rows, dosages[:, participants:])


def _genotypes(
    people: int, chromosomes: int, random: np.random.Generator
) -> tuple[Sites, npt.NDArray[np.int8]]:
    import msprime

    names: list[str] = []
    where: list[str] = []
    positions: list[int] = []
    alleles: list[tuple[str, str]] = []
    blocks: list[npt.NDArray[np.int8]] = []
    for number in range(1, chromosomes + 1):
        tree = msprime.sim_ancestry(
            people, population_size=1_000, sequence_length=1e7, recombination_rate=1e-7, random_seed=number
        )
        mutated = msprime.sim_mutations(
            tree, rate=2e-8, random_seed=number, model=msprime.BinaryMutationModel()
        )
        haplotypes = mutated.genotype_matrix().astype(np.int8)
        dosages = haplotypes[:, 0::2] + haplotypes[:, 1::2]
        frequency = dosages.mean(axis=1) / 2
        common = np.flatnonzero((frequency > 0.05) & (frequency < 0.95))
        kept = np.sort(random.choice(common, min(SITES_A_CHROMOSOME, common.size), replace=False))
        blocks.append(dosages[kept])
        positions += [int(site.position) * STRETCH + 1 for site in map(mutated.site, kept.tolist())]
        where += [str(number)] * kept.size
        names += [f"rs{number:02d}{one:06d}" for one in kept.tolist()]
        alleles += [BASES[one % len(BASES)] for one in random.integers(0, 600, kept.size).tolist()]
    sites = Sites(tuple(where), np.array(positions), tuple(names), tuple(alleles))
    return sites, np.concatenate(blocks)


LABORATORY = (
    ("30690", 5.7, 1.1, 3),
    ("30760", 1.45, 0.38, 3),
    ("30780", 3.56, 0.86, 3),
    ("30870", 1.75, 1.0, 3),
    ("30740", 5.1, 1.2, 3),
    ("30750", 36.1, 6.7, 2),
    ("30710", 2.6, 4.3, 2),
    ("30700", 72.4, 18.0, 1),
    ("30720", 0.91, 0.17, 3),
    ("30600", 45.2, 2.6, 2),
    ("30610", 83.7, 26.0, 1),
    ("30620", 23.5, 14.0, 2),
    ("30650", 26.2, 10.0, 1),
    ("30840", 9.1, 4.4, 2),
    ("30880", 309.0, 80.0, 1),
    ("30890", 48.6, 21.0, 1),
    ("30020", 14.2, 1.25, 2),
    ("30080", 253.0, 60.0, 1),
)
"""Field, mean, standard deviation and decimals of a laboratory value; the names are made to look like exports."""


def _phenotypes(
    people: int, random: np.random.Generator
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    sex = random.integers(0, 2, people)
    born = random.integers(1938, 1971, people)
    height = np.round(random.normal(162 + 13 * sex, 6.6), 1)
    bmi = random.normal(27.3, 4.7, people).clip(16, 60)
    pressure = random.normal(138 + 0.5 * (1955 - born), 18)
    columns: dict[str, Sequence[object]] = {
        "31-0.0": sex.tolist(),
        "34-0.0": born.tolist(),
        "52-0.0": random.integers(1, 13, people).tolist(),
        "53-0.0": _dates(random, people),
        "54-0.0": random.choice([11001, 11002, 11003, 11006, 11010, 11012, 11016, 11020], people).tolist(),
        "21000-0.0": random.choice(
            [1001, 1002, 1003, 3001, 4001], people, p=[0.9, 0.03, 0.03, 0.02, 0.02]
        ).tolist(),
        "50-0.0": height.tolist(),
        "21002-0.0": np.round(bmi * (height / 100) ** 2, 1).tolist(),
        "21001-0.0": np.round(bmi, 4).tolist(),
        "48-0.0": np.round(random.normal(60 + 1.1 * bmi, 7)).astype(int).tolist(),
        "4080-0.0": np.round(pressure).astype(int).tolist(),
        "4079-0.0": np.round(0.4 * pressure + random.normal(26, 8, people)).astype(int).tolist(),
    }
    for field, mean, spread, decimals in LABORATORY:
        made = random.normal(mean, spread, people) + 0.15 * spread * (bmi - 27.3) / 4.7
        values = np.round(np.abs(made), decimals)
        columns[f"{field}-0.0"] = [f"{one:.{decimals}f}" for one in values.tolist()]
    rows = tuple(tuple(str(cell) for cell in row) for row in zip(*columns.values(), strict=True))
    return tuple(columns), rows


def _dates(random: np.random.Generator, people: int) -> list[str]:
    days = random.integers(0, 1_600, people)
    return [str(np.datetime64("2006-03-13") + int(day)) for day in days]


def write_table(
    path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ","
) -> None:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(rows)


def write_plink(stem: Path, ids: Sequence[str], sites: Sites, dosages: npt.NDArray[np.int8]) -> None:
    """PLINK 1 files (bed, bim, fam); the alternative allele is A1. Two bits a call, variant by variant."""
    codes = np.array([3, 2, 0], dtype=np.uint8)[dosages]
    padded = np.zeros((dosages.shape[0], -(-dosages.shape[1] // 4) * 4), dtype=np.uint8)
    padded[:, : dosages.shape[1]] = codes
    packed = padded[:, 0::4] | padded[:, 1::4] << 2 | padded[:, 2::4] << 4 | padded[:, 3::4] << 6
    stem.with_suffix(".bed").write_bytes(b"\x6c\x1b\x01" + packed.tobytes())
    with stem.with_suffix(".bim").open("w", encoding="utf-8") as out:
        for at, (reference, alternative) in enumerate(sites.alleles):
            where = f"{sites.chromosomes[at]}\t{sites.names[at]}\t0\t{sites.positions[at]}"
            out.write(f"{where}\t{alternative}\t{reference}\n")
    with stem.with_suffix(".fam").open("w", encoding="utf-8") as out:
        out.writelines(f"{one} {one} 0 0 0 -9\n" for one in ids)


def write_vcf(path: Path, ids: Sequence[str], sites: Sites, dosages: npt.NDArray[np.int8]) -> None:
    """A bgzipped VCF, by pysam."""
    import pysam

    header = pysam.VariantHeader()
    for name in dict.fromkeys(sites.chromosomes):
        header.contigs.add(name, length=110_000_000)
    header.formats.add("GT", 1, "String", "Genotype")
    for one in ids:
        header.add_sample(one)
    calls = ((0, 0), (0, 1), (1, 1))
    with pysam.VariantFile(str(path), "wz", header=header) as out:
        for at, alleles in enumerate(sites.alleles):
            record = out.new_record(
                contig=sites.chromosomes[at],
                start=int(sites.positions[at]) - 1,
                alleles=alleles,
                id=sites.names[at],
            )
            for sample, dosage in enumerate(dosages[at].tolist()):
                record.samples[sample]["GT"] = calls[dosage]
            out.write(record)
