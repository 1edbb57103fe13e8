"""An index beside the cohort's own bed or pgen answers as one that copies, and never keeps silent when it cannot."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.demo.commands import DemoFailed, Terminal
from matcher.errors import BadSourceFile
from matcher.genotypes import identity
from matcher.genotypes.enrol import enrol
from matcher.genotypes.store import Store, open_store, withdraw
from matcher.reading import read_path
from matcher.sketches import Evidence
from tests.matcher.genotypes.people import KEYS, enrolled, people, run, sibling, write_vcf

MEMBERS = 203  # not a multiple of four, nor of 64
NAMES = [f"P{number:04}" for number in range(MEMBERS)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort as plink2 writes it, whole and by chromosomes, with sites of three alleles; and a find."""
    folder = tmp_path_factory.mktemp("files")
    of = people(MEMBERS + 20)
    calls = of.dosages[:, :MEMBERS].copy()
    calls[np.random.default_rng(1).random(calls.shape) < 0.02] = -1
    vcf = write_vcf(folder / "plain.vcf", of, calls, NAMES)
    run("plink2", "--vcf", vcf, "--make-bed", "--out", folder / "c")
    run("plink2", "--vcf", vcf, "--make-pgen", "--out", folder / "c")
    for name, chromosomes in (("low", "1-4"), ("high", "5-8")):
        form = "--make-bed" if name == "low" else "--make-pgen"
        run("plink2", "--vcf", vcf, "--chr", chromosomes, form, "--out", folder / name)
    lines = vcf.read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    for number in range(first, len(lines), 5):
        cells = lines[number].split("\t")
        cells[4] += "," + next(one for one in "ACGT" if one not in cells[3] + cells[4])
        cells[9:] = [cell.replace("1/1", "1/2") if at % 3 == 0 else cell for at, cell in enumerate(cells[9:])]
        lines[number] = "\t".join(cells)
        if not lines[number].endswith("\n"):
            lines[number] += "\n"
    (folder / "several.vcf").write_text("".join(lines))
    run("plink2", "--vcf", folder / "several.vcf", "--make-pgen", "--out", folder / "several")
    found = np.concatenate(
        [of.dosages[:, 5:35], of.dosages[:, MEMBERS:], np.stack([sibling(of, 0, 1, s) for s in range(5)], 1)],
        axis=1,
    )
    write_vcf(folder / "find.vcf", of, found, [f"X{number}" for number in range(found.shape[1])])
    return folder


def stores(files: Path, folder: Path, names: list[str]) -> tuple[Store, Store]:
    """The same files with calls copied, and in place."""
    opened = []
    for how in ("copied", "placed"):
        enrol(folder / how, [files / name for name in names], KEYS, in_place=how == "placed")
        store = open_store(folder / how, KEYS.genotypes)
        assert store is not None
        opened.append(store)
    return opened[0], opened[1]


def answer(folder: Path, find: Path) -> list[Evidence]:
    sketch = identity.sketch(KEYS)
    for event in read_path(find):
        sketch.add(event)
    return identity.compare(sketch, enrolled(folder, MEMBERS), KEYS)


@pytest.mark.parametrize(
    "names", [["c.bed"], ["c.pgen"], ["low.bed", "high.pgen"], ["several.pgen"]], ids=str
)
def test_answers_are_those_of_the_copying_index(names: list[str], files: Path, tmp_path: Path) -> None:
    copied, placed = stores(files, tmp_path, names)
    every = np.arange(len(copied.positions))
    assert len(every) > 500
    assert (copied.rows(every) == placed.rows(every)).all()
    assert (copied.linkage_rows(every) == placed.linkage_rows(every)).all()
    for name in ("chromosomes", "positions", "names", "alleles_a", "alleles_b", "frequencies"):
        assert (getattr(copied, name) == getattr(placed, name)).all()
    some = every[::7][::-1]
    for part in (range(64), range(64, 192), range(192, MEMBERS)):
        for store in (copied, placed):
            width = len(part)
            bytes_ = store.packed_rows(some, part)
            calls = (np.repeat(bytes_, 4, axis=1) >> np.tile([0, 2, 4, 6], bytes_.shape[1])) & 3
            expected = copied.rows(some)[:, part.start : part.stop]
            assert (np.where(calls[:, :width] == 3, -1, calls[:, :width]) == expected).all()
    (one,), (other,) = (answer(tmp_path / how, files / "find.vcf") for how in ("copied", "placed"))
    assert one == other
    assert one.participants_matched == 30


def test_no_call_is_copied(files: Path, tmp_path: Path) -> None:
    stores(files, tmp_path, ["c.bed"])
    kept = {path.name for path in (tmp_path / "placed" / "genotypes").iterdir()}
    assert kept == {"key.bin", "samples.npy", "variants.npz", "sources.json"}
    (source,) = json.loads((tmp_path / "placed/genotypes/sources.json").read_text())
    assert source["path"] == str(files / "c.bed")
    assert len(source["sha256"]) == 64


def test_those_who_withdrew_are_looked_for_no_more(files: Path, tmp_path: Path) -> None:
    stores(files, tmp_path, ["c.pgen"])
    for how in ("copied", "placed"):
        assert withdraw(tmp_path / how, NAMES[5:15], KEYS.genotypes) == 10
    (one,), (other,) = (answer(tmp_path / how, files / "find.vcf") for how in ("copied", "placed"))
    assert one == other
    assert other.participants_matched == 20


@pytest.mark.parametrize("name", ["c.bed", "c.pgen"])
@pytest.mark.parametrize("change", ["gone", "moved", "cut", "same length", "touched", "linked"])
def test_a_file_that_is_gone_or_another_is_told_and_never_passed_over(
    change: str, name: str, files: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in files.glob("c.*"):
        shutil.copy(path, own / path.name)
    enrol(tmp_path / "placed", [own / name], KEYS, in_place=True)
    before = answer(tmp_path / "placed", files / "find.vcf")
    data = (own / name).read_bytes()
    match change:
        case "gone":
            (own / name).unlink()
        case "moved" | "linked":
            (own / name).rename(tmp_path / name)
            if change == "linked":
                (own / name).symlink_to(tmp_path / name)
        case "cut":
            (own / name).write_bytes(data[:-1])
        case "same length":
            (own / name).write_bytes(data[:-9] + bytes([data[-9] ^ 255]) + data[-8:])
        case "touched":
            os.utime(own / name, (1, 1))
    if change in ("touched", "linked"):
        assert answer(tmp_path / "placed", files / "find.vcf") == before
        return
    with pytest.raises(BadSourceFile, match="back") as told:
        answer(tmp_path / "placed", files / "find.vcf")
    assert str(own / name) in str(told.value)
    assert "\n" not in str(told.value)


def test_what_cannot_stay_in_place_is_told(files: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSourceFile, match="in-place"):
        enrol(tmp_path / "x", [files / "c.bed", files / "plain.vcf"], KEYS, in_place=True)


def test_the_command_takes_it_and_examine_fails_loudly(files: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in files.glob("c.*"):
        shutil.copy(path, own / path.name)
    terminal = Terminal(tmp_path / "home")
    terminal.run("init", shown=False)
    terminal.run("cohort", "add", "c", "--genotypes", str(own / "c.bed"), "--in-place", shown=False)
    said: dict[str, Any] = json.loads(
        terminal.run("examine", str(files / "find.vcf"), "--json", ends=(1,), shown=False).splitlines()[0]
    )
    assert (said["verdict"], said["matches"][0]["participants_matched"]) == ("confirmed", 30)
    (own / "c.bed").unlink()
    with pytest.raises(
        DemoFailed, match=r"ended with 2: cohortwatch: .* put the file, or a link to it, back"
    ):
        terminal.run("examine", str(files / "find.vcf"), "--json", ends=(0, 1), shown=False)
