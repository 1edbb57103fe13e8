"""Packed EIGENSTRAT: as EIGENSOFT's convertf writes it, turned, cut, tampered with.

Nothing that Debian ships writes a TGENO; it is made here after its description (as `GENO`, a record a person).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from matcher.contents import FileEnded, Limits, Unreadable
from matcher.formats import eigenstrat, eigenstrat_packed
from matcher.reading import read_path
from matcher.sniffing import format_of
from tests.matcher.formats.made import SAMPLES, Truth, assert_same, genotypes, read_file, run, truth


@pytest.fixture
def of() -> Truth:
    return truth()


def lists(folder: Path, of: Truth, people: tuple[str, ...] = SAMPLES) -> None:
    (folder / "x.ind").write_text("".join(f"{one} U Control\n" for one in people))
    (folder / "x.snp").write_text(
        "".join(
            f"{of.names[n]} {of.chromosomes[n]} 0.0 {of.positions[n]} {of.references[n]} {of.alternates[n]}\n"
            for n in range(len(of.names))
        )
    )


def packed(calls: np.ndarray, least: int) -> bytes:
    """Rows of two bits a call, highest first, filled up."""
    codes = np.where(calls < 0, 3, 2 - calls).astype(np.uint8)
    codes = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 4)))
    four = codes.reshape(len(codes), -1, 4)
    rows = four[..., 0] << 6 | four[..., 1] << 4 | four[..., 2] << 2 | four[..., 3]
    return np.pad(rows, ((0, 0), (0, max(0, least - rows.shape[1])))).tobytes()


def write(path: Path, calls: np.ndarray, kind: str) -> Path:
    """A packed .geno of calls (variants × people) after the format's description."""
    head = f"{kind:>5}{calls.shape[1]:8d} {calls.shape[0]:8d} ca6e8304 5a77d3c7".strip().encode()
    first = 48 if kind == "TGENO" else max(48, -(-calls.shape[1] // 4))
    rows = calls.T if kind == "TGENO" else calls
    path.write_bytes(head.ljust(first, b"\0") + packed(rows, 48))
    return path


@pytest.mark.skipif(shutil.which("convertf") is None, reason="EIGENSOFT is not installed")
@pytest.mark.parametrize("people", [37, 1])
def test_what_convertf_writes_is_read(people: int, tmp_path: Path, of: Truth) -> None:
    digits = np.where(of.dosages >= 0, 2 - of.dosages, 9)[:, :people]
    (tmp_path / "x.geno").write_text("\n".join("".join(map(str, row)) for row in digits.tolist()) + "\n")
    lists(tmp_path, of, SAMPLES[:people])
    (tmp_path / "par").write_text(
        f"genotypename: {tmp_path}/x.geno\nsnpname: {tmp_path}/x.snp\nindivname: {tmp_path}/x.ind\n"
        f"outputformat: PACKEDANCESTRYMAP\ngenotypeoutname: {tmp_path}/p.geno\n"
        f"snpoutname: {tmp_path}/p.snp\nindivoutname: {tmp_path}/p.ind\n"
    )
    run("convertf", "-p", tmp_path / "par")
    head = (tmp_path / "p.geno").read_bytes()
    assert format_of("whatever", head) is eigenstrat_packed
    parts = read_file(eigenstrat_packed, tmp_path / "p.geno")
    if people == len(SAMPLES):
        assert_same(parts, of)
        own = write(tmp_path / "own.geno", of.dosages, "GENO").read_bytes()
        assert own[48:] == head[48:], "what the tests write is what convertf writes"
    # The text that convertf made it from says the same.
    text = read_file(eigenstrat, tmp_path / "x.geno")
    for one, other in zip(genotypes(parts), genotypes(text), strict=True):
        assert (one.dosages == other.dosages).all()
        assert (one.names, one.alleles_a, one.alleles_b) == (other.names, other.alleles_a, other.alleles_b)


@pytest.mark.parametrize("kind", ["GENO", "TGENO"])
def test_both_ways_round_are_read(kind: str, tmp_path: Path, of: Truth) -> None:
    lists(tmp_path, of)
    path = write(tmp_path / "x.geno", of.dosages, kind)
    assert_same(read_file(eigenstrat_packed, path), of)
    assert [one.skipped for one in read_path(path) if isinstance(one, FileEnded)] == [None]


@pytest.mark.parametrize("stripe", [1, 40, 400])
def test_a_turned_file_is_read_in_stripes(
    stripe: int, tmp_path: Path, of: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eigenstrat_packed, "_STRIPE", stripe)
    lists(tmp_path, of)
    assert_same(read_file(eigenstrat_packed, write(tmp_path / "x.geno", of.dosages, "TGENO")), of)


@pytest.mark.parametrize("kind", ["GENO", "TGENO"])
def test_more_people_and_sites_than_fill_the_shortest_record(kind: str, tmp_path: Path) -> None:
    of = truth(variants=403)
    calls = np.tile(of.dosages, (1, 7))[:, :250]
    lists(tmp_path, of, tuple(f"S{number}" for number in range(250)))
    parts = genotypes(read_file(eigenstrat_packed, write(tmp_path / "x.geno", calls, kind)))
    assert (np.concatenate([part.dosages for part in parts]) == np.where(calls < 0, -1, 2 - calls)).all()


@pytest.mark.parametrize("cut", [0.05, 0.3, 0.6, 0.999])
def test_a_cut_file_gives_every_record_before(cut: float, tmp_path: Path, of: Truth) -> None:
    lists(tmp_path, of)
    path = write(tmp_path / "x.geno", of.dosages, "GENO")
    data = path.read_bytes()[: int(cut * path.stat().st_size)]
    path.write_bytes(data)
    events = list(read_path(path))
    ends = [event for event in events if isinstance(event, FileEnded) and event.path.endswith(".geno")]
    assert [end.skipped for end in ends] == ["damaged"]
    assert sum(len(part.names) for part in genotypes(events)) == (len(data) - 48) // 48


@pytest.mark.parametrize("kind", ["GENO", "TGENO"])
@pytest.mark.parametrize(
    "how", ["more people", "more variants", "endless", "longer", "no list", "empty list", "cut in the head"]
)
def test_what_does_not_fit_is_damaged(how: str, kind: str, tmp_path: Path, of: Truth) -> None:
    lists(tmp_path, of)
    path = write(tmp_path / "x.geno", of.dosages, kind)
    data = path.read_bytes()
    match how:
        case "more people":
            path.write_bytes(data.replace(b"37", b"99", 1))
        case "more variants":
            path.write_bytes(data.replace(b"230", b"231", 1))
        case "endless":  # a bomb: a head that promises 10**19 calls
            path.write_bytes(f"{kind} 9999999999 9999999999 0 0".encode().ljust(48, b"\0") + data[48:])
        case "longer":
            path.write_bytes(data + bytes(48))
        case "no list":
            (tmp_path / "x.snp").unlink()
        case "empty list":
            (tmp_path / "x.ind").write_text("\n")
        case "cut in the head":
            path.write_bytes(data[:40])
    with pytest.raises(Unreadable, match="damaged"):
        read_file(eigenstrat_packed, path)
    if how != "cut in the head":  # too short to be told by its content
        assert [
            one.skipped
            for one in read_path(path)
            if isinstance(one, FileEnded) and one.path.endswith(".geno")
        ] == ["damaged"]


def test_lists_that_are_bombs_are_held_to_the_limits(tmp_path: Path, of: Truth) -> None:
    lists(tmp_path, of)
    path = write(tmp_path / "x.geno", of.dosages, "GENO")
    with (tmp_path / "x.ind").open("wb") as file:
        file.truncate(1 << 33)  # eight sparse GiB
    ends = [
        one
        for one in read_path(path, Limits(seconds=20))
        if isinstance(one, FileEnded) and one.path.endswith(".geno")
    ]
    assert [one.skipped for one in ends] in (["damaged"], ["too-large"])


@pytest.mark.parametrize(
    "head", [b"GENO", b"GENO 5 5 a", b"GENOME 37 230 a b\n", b"TGENO -5 5 a b", b"GENO 37 230 xyz q\0"]
)
def test_text_that_begins_alike_is_not_taken(head: bytes) -> None:
    assert eigenstrat_packed.sniff("x.geno", head.ljust(60, b" ")) == 0
