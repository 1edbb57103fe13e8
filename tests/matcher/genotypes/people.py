"""Synthetic people with linkage and kin, by a seed, as files written by other programs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msprime
import numpy as np
import numpy.typing as npt

from matcher.sketches import EnrolledCohort, MatchingKeys

KEYS = MatchingKeys(*(bytes([number]) * 32 for number in range(1, 6)))
CHROMOSOMES = 8
ALLELES = (("A", "C"), ("A", "G"), ("T", "C"), ("T", "G"))


@dataclass(frozen=True)
class People:
    """Haplotypes (variants × 2 people) of unrelated people, and where the variants lie."""

    haplotypes: npt.NDArray[np.int8]
    chromosomes: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]

    @property
    def dosages(self) -> npt.NDArray[np.int8]:
        return self.haplotypes[:, 0::2] + self.haplotypes[:, 1::2]


@cache
def people(count: int, seed: int = 7) -> People:
    haplotypes, chromosomes, positions = [], [], []
    for chromosome in range(1, CHROMOSOMES + 1):
        trees = msprime.sim_ancestry(
            count,
            population_size=10_000,
            sequence_length=3e6,
            recombination_rate=2e-8,
            random_seed=seed + chromosome,
        )
        mutated = msprime.sim_mutations(trees, rate=2e-9, random_seed=seed + chromosome)
        matrix = mutated.genotype_matrix()
        frequency = matrix.mean(axis=1)
        kept = (frequency > 0.05) & (frequency < 0.95) & (matrix.max(axis=1) == 1)
        sites = np.array([site.position for site in mutated.sites()])[kept].astype(np.int64)
        haplotypes.append(matrix[kept].astype(np.int8))
        chromosomes.append(np.full(len(sites), chromosome))
        positions.append(np.maximum(1, sites * 20))
    return People(np.concatenate(haplotypes), np.concatenate(chromosomes), np.concatenate(positions))


def sibling(of: People, father: int, mother: int, seed: int) -> npt.NDArray[np.int8]:
    """A child of two people: each chromosome from one or the other haplotype with one crossing-over."""
    generator = np.random.default_rng(seed)
    child = np.zeros(len(of.positions), dtype=np.int8)
    for parent in (father, mother):
        for chromosome in range(1, CHROMOSOMES + 1):
            on = np.flatnonzero(of.chromosomes == chromosome)
            side, cut = int(generator.integers(2)), int(generator.integers(len(on) + 1))
            child[on[:cut]] += of.haplotypes[on[:cut], 2 * parent + side]
            child[on[cut:]] += of.haplotypes[on[cut:], 2 * parent + 1 - side]
    return child


def write_vcf(
    path: Path, of: People, dosages: npt.NDArray[np.int8], names: list[str], *, swap: bool = False
) -> Path:
    """A plain VCF; with `swap` reference and alternate change places at every second site."""
    cells = np.array(["0/0", "0/1", "1/1", "./."])
    with path.open("w") as file:
        file.write('##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        for chromosome in range(1, CHROMOSOMES + 1):
            file.write(f"##contig=<ID={chromosome},length=60000001>\n")
        file.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(names) + "\n")
        last = (0, 0)
        for row in range(len(of.positions)):
            place = (int(of.chromosomes[row]), int(of.positions[row]))
            if place == last:
                continue
            last = place
            reference, alternate = ALLELES[row % 4]
            calls = dosages[row].copy()
            if swap and row % 2:
                reference, alternate = alternate, reference
                calls = np.where(calls >= 0, 2 - calls, -1)
            line = f"{place[0]}\t{place[1]}\trs{row}\t{reference}\t{alternate}\t.\t.\t.\tGT\t"
            file.write(line + "\t".join(cells[calls]) + "\n")
    return path


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def enrolled(folder: Path, participants: int) -> EnrolledCohort:
    return EnrolledCohort("c", participants, folder)
