"""A release of the cohort's own people keeps no calls, and finds are told as they are where it keeps them all."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from matcher.contents import FileEnded
from matcher.errors import BadSourceFile
from matcher.genotypes import enrol_release as enrolling
from matcher.genotypes import identity
from matcher.genotypes.enrol import enrol
from matcher.genotypes.enrol_release import Copied, enrol_release
from matcher.genotypes.holdings import HELD_FILE, Holding, holding_bytes, read_holding
from matcher.genotypes.store import has_genotypes, open_store, withdraw
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort, EnrolledRelease, Evidence
from tests.matcher.genotypes.people import KEYS, People, people, run, sibling, write_vcf

MEMBERS = 300
HELD = {"left": range(140), "right": range(100, 260), "rest": range(240, 300)}
Numbers = npt.NDArray[np.int64]
Calls = npt.NDArray[np.int8]


def of() -> People:
    return people(MEMBERS + 30)


def noisy(calls: Calls, share: float, seed: int) -> Calls:
    """Some calls are other ones, as marks and errors make them, and some are missing."""
    rng = np.random.default_rng(seed)
    out = np.where(rng.random(calls.shape) < share, (calls + rng.integers(1, 3, calls.shape)) % 3, calls)
    out[rng.random(calls.shape) < 0.01] = -1
    return out.astype(np.int8)


def write(path: Path, calls: Calls, prefix: str, *, swap: bool = False) -> Path:
    return write_vcf(path, of(), calls, [f"{prefix}{n}" for n in range(calls.shape[1])], swap=swap)


def holding(folder: Path) -> Holding:
    written = holding_bytes(folder)
    assert written is not None
    return read_holding(written)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort, and three releases of it under other ids, shuffled, with other alleles counted and calls changed."""
    place = tmp_path_factory.mktemp("holdings")
    enrol(place / "cohort", [write(place / "cohort.vcf", of().dosages[:, :MEMBERS], "P")], KEYS)
    for seed, (name, who) in enumerate(HELD.items()):
        calls = noisy(of().dosages[:, np.random.default_rng(seed).permutation(who)], 0.002, seed)
        file = write(
            place / f"{name}.vcf", calls, "P", swap=True
        )  # ids that are other people's in the cohort
        enrol_release(place / "lean" / name, [file], KEYS, place / "cohort")
        enrol(place / "full" / name, [file], KEYS)
    return place


def found(path: Path, folder: Path, kind: str) -> list[Evidence]:
    sketch = identity.sketch(KEYS)
    for event in read_path(path):
        if not isinstance(event, FileEnded):
            sketch.add(event)
    releases = tuple(EnrolledRelease(name, f"Institute of {name}", folder / kind / name) for name in HELD)
    return identity.compare(sketch, EnrolledCohort("c", MEMBERS, folder / "cohort", releases), KEYS)


def test_no_calls_are_kept_and_people_are_told_by_their_calls_whatever_their_ids_say(folder: Path) -> None:
    for name, who in HELD.items():
        place = folder / "lean" / name
        assert open_store(place, KEYS.genotypes) is None
        assert np.flatnonzero(holding(place).people).tolist() == list(who)
        assert holding(place).sites.all()
        lean, full = (
            sum(one.stat().st_size for one in (folder / kind / name).rglob("*") if one.is_file())
            for kind in ("lean", "full")
        )
        assert lean < full / 5


@pytest.mark.parametrize(
    ("who", "told"),
    [
        (range(60), ["left"]),
        (range(180, 235), ["right"]),
        (range(262, 300), ["rest"]),
        (range(100, 140), []),
        (range(120, 160), ["right"]),
        (range(300, 330), []),
    ],
)
def test_a_find_is_told_as_where_all_calls_are_kept(
    folder: Path, tmp_path: Path, who: range, told: list[str]
) -> None:
    file = write(tmp_path / "x.vcf", noisy(of().dosages[:, list(who)], 0.01, 9), "X")
    lean = found(file, folder, "lean")
    assert lean == found(file, folder, "full")
    assert [one.release for each in lean for one in each.releases] == told


def test_a_release_of_few_of_the_found_sites_tells_no_more_than_its_calls_did(
    folder: Path, tmp_path: Path
) -> None:
    run("bcftools", "view", "-t", "1,2,3,4", "-o", tmp_path / "low.vcf", folder / "left.vcf")
    file = write(tmp_path / "x.vcf", of().dosages[:, :60], "X")
    run("bcftools", "view", "-t", "5,6,7,8", "-o", tmp_path / "high.vcf", file)
    (tmp_path / "cohort").symlink_to(folder / "cohort")
    for name in HELD:
        enrol_release(tmp_path / "lean" / name, [tmp_path / "low.vcf"], KEYS, folder / "cohort")
        enrol(tmp_path / "full" / name, [tmp_path / "low.vcf"], KEYS)
    kept = holding(tmp_path / "lean" / "left")
    assert 0 < kept.sites.sum() < len(kept.sites)
    for one in ("high.vcf", "x.vcf"):
        assert found(tmp_path / one, tmp_path, "lean") == found(tmp_path / one, tmp_path, "full")


def test_twins_are_both_taken_for_held(tmp_path: Path) -> None:
    calls = of().dosages[:, :120].copy()
    calls[:, 1] = calls[:, 0]
    enrol(tmp_path / "c", [write(tmp_path / "c.vcf", calls, "P")], KEYS)
    enrol_release(tmp_path / "r", [write(tmp_path / "r.vcf", calls[:, 1:60], "R")], KEYS, tmp_path / "c")
    assert np.flatnonzero(holding(tmp_path / "r").people).tolist() == list(range(60))


def test_strangers_and_kin_among_them_are_nobody(folder: Path, tmp_path: Path) -> None:
    kin = np.stack([sibling(of(), 0, 1, seed) for seed in range(3)], axis=1)
    calls = np.concatenate([of().dosages[:, 50:100], of().dosages[:, MEMBERS : MEMBERS + 20], kin], axis=1)
    enrol_release(tmp_path / "r", [write(tmp_path / "r.vcf", calls, "R")], KEYS, folder / "cohort")
    assert np.flatnonzero(holding(tmp_path / "r").people).tolist() == list(range(50, 100))


@pytest.mark.parametrize("spoilt", ["strangers", "few sites", "in doubt", "no cohort"])
def test_where_people_cannot_be_told_calls_are_kept(folder: Path, tmp_path: Path, spoilt: str) -> None:
    calls = of().dosages[:, 50:90].copy()
    if spoilt == "strangers":
        calls[:, :30] = of().dosages[:, MEMBERS:]
    if spoilt == "in doubt":
        calls[:, 0] = noisy(calls[:, :1], 0.16, 3)[:, 0]
    file = write(tmp_path / "r.vcf", calls, "R")
    if spoilt == "few sites":
        lines = file.read_text().splitlines(keepends=True)
        heads = [line for line in lines if line.startswith("#")]
        file.write_text("".join(heads + lines[len(heads) :: 120]))
    cohort = tmp_path / "none" if spoilt == "no cohort" else folder / "cohort"
    enrol_release(tmp_path / "r", [file], KEYS, cohort)
    store = open_store(tmp_path / "r", KEYS.genotypes)
    assert store is not None
    assert store.samples_count == 40
    assert holding_bytes(tmp_path / "r") is None


def test_who_withdrew_by_either_id_is_found_in_no_release(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "all")
    place = tmp_path / "all"
    file = write(tmp_path / "x.vcf", of().dosages[:, :60], "X")
    before = found(file, place, "lean")[0].releases[0].why
    assert "60 of 60" in before
    assert has_genotypes(place / "lean" / "left")
    for kind in ("lean", "full"):
        assert withdraw(place / kind / "left", ["P0", "P1", "P2", "nobody"], KEYS.genotypes) == 3
    assert np.flatnonzero(holding(place / "lean" / "left").people).size == 137
    assert found(file, place, "lean") == found(file, place, "full")
    withdraw(place / "cohort", [f"P{n}" for n in range(10)], KEYS.genotypes)
    assert found(file, place, "lean") == found(file, place, "full")
    assert found(file, place, "lean")[0].participants_matched == 50


def test_a_copy_made_here_is_told_by_its_source_which_is_read_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "source.vcf", of().dosages[:, 40:100], "S")
    calls = np.insert(of().dosages[:, 40:100], [3, 9], of().dosages[:, 310:312], axis=1)
    made = write(tmp_path / "made.vcf", calls, "M")
    copied = Copied((source,), np.insert(np.arange(60), [3, 9], -1))
    shutil.copytree(folder / "cohort", tmp_path / "c")
    enrol_release(tmp_path / "one", [made], KEYS, tmp_path / "c", copied)
    monkeypatch.setattr(enrolling, "_held", None)
    enrol_release(tmp_path / "two", [made], KEYS, tmp_path / "c", copied)
    assert np.flatnonzero(holding(tmp_path / "one").people).tolist() == list(range(40, 100))
    assert holding_bytes(tmp_path / "one") == holding_bytes(tmp_path / "two")
    assert withdraw(tmp_path / "two", ["M0", "M3", "M4"], KEYS.genotypes) == 3  # M3 is none of the source's
    assert np.flatnonzero(~holding(tmp_path / "two").people[40:100]).tolist() == [0, 3]


def test_a_copy_of_the_cohort_in_place_reads_no_calls(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("plink2", "--vcf", folder / "cohort.vcf", "--make-bed", "--out", tmp_path / "c")
    enrol(tmp_path / "c", [tmp_path / "c.bed"], KEYS, in_place=True)
    monkeypatch.setattr(enrolling, "_held", None)
    copied = Copied((tmp_path / "c.bed",), np.arange(MEMBERS))
    enrol_release(tmp_path / "r", [tmp_path / "c.bed"], KEYS, tmp_path / "c", copied)
    assert holding(tmp_path / "r").people.all()
    assert holding(tmp_path / "r").sites.all()


def test_what_is_no_file_of_genotypes_is_refused_as_before(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadSourceFile, match="no file of genotypes"):
        enrol_release(tmp_path / "r", [tmp_path / "t.csv"], KEYS, folder / "cohort")
    with pytest.raises(BadSourceFile, match="same samples"):
        enrol_release(tmp_path / "s", [folder / "left.vcf", folder / "rest.vcf"], KEYS, folder / "cohort")


def test_a_run_that_was_killed_at_copying_goes_on_copying(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "r" / "genotypes").mkdir(parents=True)
    (tmp_path / "r" / "genotypes" / "progress.json").write_text("{}")
    enrol_release(tmp_path / "r", [folder / "left.vcf"], KEYS, folder / "cohort")
    assert open_store(tmp_path / "r", KEYS.genotypes) is not None


@pytest.mark.parametrize("at", [0, 5, 12, -1])
def test_a_holding_that_is_damaged_is_said_to_be(folder: Path, at: int) -> None:
    written = (folder / "lean" / "left" / "genotypes" / HELD_FILE).read_bytes()
    with pytest.raises(BadSourceFile, match="damaged"):
        read_holding(written[:at])
