"""Chain files in both directions, over gaps, other strands and other chromosomes; builds are told by their lengths."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pyliftover import LiftOver

from matcher.errors import BadSourceFile
from matcher.genotypes import identity
from matcher.genotypes.builds import add_build
from matcher.genotypes.chains import Chains, known_build, read_chains
from matcher.genotypes.enrol import enrol
from matcher.genotypes.store import open_store
from matcher.genotypes.variants import place_number
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence
from tests.matcher.genotypes.people import CHROMOSOMES, KEYS, People, people, write_vcf

LENGTHS = {
    "GRCh36": (247249719, 242951149, 199501827, 191273063, 180857866, 170899992, 158821424, 146274826),
    "GRCh37": (249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022),
    "GRCh38": (248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636),
    "other": (150_000_000,) * 8,
}
MEMBERS = 120


def chain_file(source: str, target: str, seed: int) -> bytes:
    """Every third stretch lies on the other strand, every fifth on another chromosome; each has gaps on both sides."""
    rng = np.random.default_rng(seed)
    lines, score = [], 1_000
    for number in range(CHROMOSOMES):
        left, right = 1_000, 20_000
        for piece in range(20):
            to, away = ((number + 1) % CHROMOSOMES, 70_000_000) if piece % 5 == 4 else (number, 0)
            sizes, gaps = rng.integers(20_000, 900_000, 6), rng.integers(0, 4_000, (2, 5))
            spans = sizes.sum() + gaps.sum(axis=1)
            ends = LENGTHS[source][number], LENGTHS[target][to]
            low = right + away if piece % 3 else ends[1] - right - away - spans[1]
            strand = "+" if piece % 3 else "-"
            lines.append(
                f"chain {score} chr{number + 1} {ends[0]} + {left} {left + spans[0]} "
                f"chr{to + 1} {ends[1]} {strand} {low} {low + spans[1]} {score}"
            )
            lines += [f"{size} {a} {b}" for size, a, b in zip(sizes, *gaps, strict=False)]
            lines += [str(sizes[-1]), ""]
            left, right, score = left + spans[0] + 999, right + spans[1] + 888, score + 1
        # A stretch that another holds with a higher score tells nothing.
        size = 5_000_000
        lines += [
            f"chain 7 chr{number + 1} {ends[0]} + 0 {size} chr{number + 1} "
            f"{LENGTHS[target][number]} + 0 {size} {score}-x",
            str(size),
            "",
        ]
    return "\n".join(lines).encode()


def chains(source: str, target: str, seed: int = 31) -> Chains:
    return read_chains(BytesIO(chain_file(source, target, seed)))


def test_places_are_those_of_the_library() -> None:
    rng = np.random.default_rng(3)
    codes = rng.integers(1, CHROMOSOMES + 1, 4_000).astype(np.uint8)
    places = rng.integers(1, 70_000_000, 4_000)
    there = chains("GRCh38", "GRCh37").lifted(codes, places)
    library = LiftOver(BytesIO(chain_file("GRCh38", "GRCh37", 31)), use_web=False)
    for code, place, to, at in zip(codes, places, *there, strict=True):
        known = library.convert_coordinate(f"chr{code}", int(place) - 1)
        assert (to, at) == ((int(known[0][0][3:]), known[0][1] + 1) if known else (0, 0))
    assert 0.5 < (there[1] > 0).mean() < 1


def test_the_way_back_leads_back() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(1, CHROMOSOMES + 1, 4_000).astype(np.uint8)
    places = rng.integers(6_000_000, 55_000_000, 4_000)
    file = chains("GRCh38", "GRCh37")
    there = file.lifted(codes, places)
    known = there[1] > 0
    back = file.lifted(*there, back=True)
    assert known.mean() > 0.9
    assert (back[0][known] == codes[known]).all()
    assert (back[1][known] == places[known]).all()
    assert not back[1][~known].any()


def test_builds_are_told_by_their_lengths() -> None:
    assert (chains("GRCh38", "GRCh36").source, chains("GRCh38", "GRCh36").target) == ("GRCh38", "GRCh36")
    assert chains("other", "GRCh37").source is None
    assert [known_build(one) for one in ("hg18", "NCBI36", "b37", "Hg38", "hs1")] == [
        "GRCh36",
        "GRCh36",
        "GRCh37",
        "GRCh38",
        None,
    ]


@pytest.fixture
def of() -> People:
    """People on GRCh38: positions up to 55 Mb, one near the end of chromosome 3 beyond those of GRCh37."""
    whole = people(MEMBERS)
    return replace(whole, positions=np.maximum(6_000_000, whole.positions))


def enrolled(folder: Path, of: People, name: str = "c", members: int = MEMBERS) -> EnrolledCohort:
    (folder / name).mkdir()
    names = [f"P{number:04}" for number in range(members)]
    enrol(folder / name, [write_vcf(folder / f"{name}.vcf", of, of.dosages[:, :members], names)], KEYS)
    return EnrolledCohort(name, members, folder / name)


def on(of: People, *ways: tuple[Chains, bool]) -> People:
    """People where chain files, forwards or backwards, place their variants; what cannot be placed is left out."""
    codes, places = of.chromosomes.astype(np.uint8), of.positions
    for file, back in ways:
        codes, places = file.lifted(codes, places, back=back)
    kept = np.flatnonzero(places > 0)
    _, first = np.unique(place_number(codes[kept], places[kept]), return_index=True)
    kept = kept[first]
    return People(of.haplotypes[kept], codes[kept].astype(np.int64), places[kept])


def answer(path: Path, of: People, cohort: EnrolledCohort) -> list[Evidence]:
    """The answer for twenty members in a VCF of positions alone."""
    write_vcf(path, of, of.dosages[:, 5:25], [f"x{n}" for n in range(20)])
    lines = [line if line[0] == "#" else _nameless(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    sketch = identity.sketch(KEYS)
    for event in read_path(path):
        sketch.add(event)
    return identity.compare(sketch, cohort, KEYS)


def _nameless(line: str) -> str:
    cells = line.split("\t")
    return "\t".join([*cells[:2], ".", *cells[3:]])


@pytest.fixture(autouse=True)
def _one_kind_of_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every variant is A/G, since rows of the moved files are not those of the cohort's."""
    monkeypatch.setattr("tests.matcher.genotypes.people.ALLELES", (("A", "G"),) * 4)


def told(evidence: list[Evidence]) -> tuple[int | None, str]:
    return (evidence[0].participants_matched, evidence[0].why) if evidence else (None, "")


def given(folder: Path, source: str, target: str, seed: int = 31) -> Path:
    path = folder / f"{source}To{target}.chain"
    path.write_bytes(chain_file(source, target, seed))
    return path


def test_a_chain_file_to_the_cohorts_build_is_read_backwards(of: People, tmp_path: Path) -> None:
    cohort = enrolled(tmp_path, of)
    assert add_build(
        cohort.folder, KEYS.genotypes, "hg18", given(tmp_path, "GRCh36", "GRCh38")
    ) > 0.6 * open_size(cohort)
    moved = on(of, (chains("GRCh36", "GRCh38"), True))
    matched, why = told(answer(tmp_path / "x.vcf", moved, cohort))
    assert matched == 20
    assert "lifted position in hg18" in why


def open_size(cohort: EnrolledCohort) -> int:
    store = open_store(cohort.folder, KEYS.genotypes)
    assert store is not None
    return len(store.positions)


def test_a_build_is_reached_through_one_that_was_given_before(of: People, tmp_path: Path) -> None:
    cohort = enrolled(tmp_path, of)
    add_build(cohort.folder, KEYS.genotypes, "GRCh37", given(tmp_path, "GRCh38", "GRCh37"))
    add_build(cohort.folder, KEYS.genotypes, "GRCh36", given(tmp_path, "GRCh37", "GRCh36", seed=5))
    moved = on(of, (chains("GRCh38", "GRCh37"), False), (chains("GRCh37", "GRCh36", 5), False))
    matched, why = told(answer(tmp_path / "x.vcf", moved, cohort))
    assert matched == 20
    assert "lifted position in GRCh36" in why


def test_a_release_of_the_same_build_knows_the_places_too(of: People, tmp_path: Path) -> None:
    cohort, release = enrolled(tmp_path, of), enrolled(tmp_path, of, "r", 60)
    other = replace(of, haplotypes=of.haplotypes[:, 80:])
    (tmp_path / "s").mkdir()
    names = [f"P{number:04}" for number in range(40, MEMBERS)]
    enrol(tmp_path / "s", [write_vcf(tmp_path / "s.vcf", other, other.dosages, names)], KEYS)
    releases = tuple(
        EnrolledRelease(name, "someone", folder)
        for name, folder in (("r", release.folder), ("s", tmp_path / "s"))
    )
    cohort = replace(cohort, releases=releases)
    add_build(cohort.folder, KEYS.genotypes, "GRCh37", given(tmp_path, "GRCh38", "GRCh37"))
    evidence = answer(tmp_path / "x.vcf", on(of, (chains("GRCh38", "GRCh37"), False)), cohort)
    assert [one.release for one in evidence[0].releases] == ["r"]


@pytest.mark.parametrize(
    ("name", "source", "target", "says"),
    [
        ("GRCh36", "GRCh38", "GRCh37", "leads from GRCh38 to GRCh37, not to GRCh36"),
        ("GRCh36", "GRCh37", "GRCh36", "lie beyond the ends"),
    ],
)
def test_a_chain_file_of_other_builds_is_refused(
    name: str, source: str, target: str, says: str, of: People, tmp_path: Path
) -> None:
    beyond = replace(of, positions=of.positions.copy())
    last = np.flatnonzero(of.chromosomes == 3)[-5:]
    beyond.positions[last] = 198_100_000 + np.arange(
        5
    )  # GRCh38 has 198,295,559 bases there, GRCh37 198,022,430
    cohort = enrolled(tmp_path, beyond)
    with pytest.raises(BadSourceFile, match=says):
        add_build(cohort.folder, KEYS.genotypes, name, given(tmp_path, source, target))
