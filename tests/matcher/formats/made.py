"""A small simulated VCF, what other programs make of it, and readers called on files as the walk would."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from matcher.contents import MISSING, Genotypes, Limits, Opened

SAMPLES = tuple(f"S{number:03}" for number in range(37))
VARIANTS = 230
SMALL = Limits(variants_per_part=50)
ALLELES = (("A", "C"), ("G", "A"), ("T", "C"), ("G", "T"), ("C", "G"))


@dataclass(frozen=True)
class Truth:
    """What the VCF holds; dosages count the alternate."""

    chromosomes: tuple[str, ...]
    positions: tuple[int, ...]
    names: tuple[str, ...]
    references: tuple[str, ...]
    alternates: tuple[str, ...]
    dosages: npt.NDArray[np.int8]


def truth(seed: int = 11, *, variants: int = VARIANTS, missing: float = 0.03) -> Truth:
    generator = np.random.default_rng(seed)
    frequency = generator.uniform(0.1, 0.6, variants)
    dosages = generator.binomial(2, frequency[:, None], (variants, len(SAMPLES))).astype(np.int8)
    dosages[:, 0], dosages[:, 1] = 0, 2  # both alleles are seen at every site
    dosages[generator.random(dosages.shape) < missing] = MISSING
    dosages[:, 0], dosages[:, 1] = 0, 2
    return Truth(
        tuple(str(1 + number * 3 // variants) for number in range(variants)),
        tuple(1000 + 137 * number for number in range(variants)),
        tuple(f"rs{9000 + number}" for number in range(variants)),
        tuple(ALLELES[number % 5][0] for number in range(variants)),
        tuple(ALLELES[number % 5][1] for number in range(variants)),
        dosages,
    )


def write_vcf(path: Path, of: Truth) -> Path:
    cells = np.array(["0/0", "0/1", "1/1", "./."])
    with path.open("w") as file:
        file.write('##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        for one in dict.fromkeys(of.chromosomes):
            file.write(f"##contig=<ID={one},length=60000001>\n")
        file.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(SAMPLES) + "\n")
        for row in range(len(of.positions)):
            site = (
                of.chromosomes[row],
                str(of.positions[row]),
                of.names[row],
                of.references[row],
                of.alternates[row],
            )
            file.write("\t".join([*site, ".", ".", ".", "GT", *cells[of.dosages[row]]]) + "\n")
    return path


def run(*command: str | Path) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def read_file(reader: Any, path: Path, limits: Limits = SMALL) -> list[Any]:
    """The parts that a reader gives of a file, with the files that stand beside it."""
    with path.open("rb") as stream:
        return list(reader.read(Opened(path.name, stream, path.stat().st_size, beside(path)), limits))


def read_data(
    reader: Any, name: str, data: bytes, sibling: Callable[[str], BinaryIO | None] = lambda _suffix: None
) -> list[Any]:
    return list(reader.read(Opened(name, io.BytesIO(data), len(data), sibling), SMALL))


def beside(path: Path) -> Callable[[str], BinaryIO | None]:
    def sibling(suffix: str) -> BinaryIO | None:
        other = path.with_suffix(suffix)
        return other.open("rb") if other.is_file() else None

    return sibling


def genotypes(parts: list[Any]) -> list[Genotypes]:
    return [part for part in parts if isinstance(part, Genotypes)]


def assert_same(parts: list[Any], of: Truth, *, positions: bool = True, both_alleles: bool = True) -> None:
    """Every site and call is the VCF's; a reader may count the other allele, as long as it says so."""
    found = genotypes(parts)
    assert found, "nothing was read"
    assert all(part.samples == SAMPLES for part in found)
    at = {name: number for number, name in enumerate(of.names)}
    seen = []
    for part in found:
        assert part.dosages.dtype == np.int8
        assert part.dosages.shape == (len(part.names), len(SAMPLES))
        for row, name in enumerate(part.names):
            number = at[name]
            seen.append(name)
            counted, other = of.alternates[number], of.references[number]
            wanted = of.dosages[number]
            if part.alleles_b[row] == other:
                counted, other = other, counted
                wanted = np.where(wanted >= 0, 2 - wanted, MISSING)
            assert part.alleles_b[row] == counted
            assert part.alleles_a[row] == (other if both_alleles else "")
            assert np.array_equal(part.dosages[row], wanted), name
            if positions:
                assert part.chromosomes[row] == of.chromosomes[number]
                assert part.positions[row] == of.positions[number]
    assert seen == list(of.names)
