"""Zarr stores as zarr-python writes them: folders, zips, both versions, with its codecs; broken and hostile ones."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, TransposeCodec, ZstdCodec

from matcher.contents import FileEnded, Genotypes, Limits
from matcher.reading import read_path
from tests.matcher.formats.tables_made import COLUMNS, ended, found_rows, rows, same

V2 = {
    "plain": None, "zlib": numcodecs.Zlib(), "gzip": numcodecs.GZip(), "zstd": numcodecs.Zstd(), "lz4": numcodecs.LZ4(),
    "blosc": numcodecs.Blosc("lz4", shuffle=2), "blosc-zstd": numcodecs.Blosc("zstd"),
}  # fmt: skip
V3: dict[str, list[Any]] = {
    "plain": [], "gzip": [GzipCodec()], "zstd": [ZstdCodec()], "blosc": [BloscCodec(cname="lz4")],
    "crc": [Crc32cCodec()],
}  # fmt: skip
CASES = [*((2, one) for one in V2), *((3, one) for one in V3)]
NUMBERS = np.arange(300.0).reshape(100, 3) + 0.5


def put(group: Any, name: str, data: np.ndarray[Any, Any], version: int, codec: str, chunks: Any) -> None:
    """One array, its chunks packed in that way."""
    packed: Any = {"compressors": V3[codec] if version == 3 else V2[codec]}
    array = group.create_array(name, shape=data.shape, dtype=data.dtype, chunks=chunks, **packed)
    array[:] = data


def frame(path: Path, version: int, codec: str) -> Path:
    """The usual rows, a column an array; ids and numbers as such, days as text of one length."""
    root = zarr.open_group(str(path), mode="w", zarr_format=version)  # type: ignore[arg-type]
    people = root.create_group("people")
    eid, sex, bmi, visit = zip(*rows(), strict=True)
    put(people, "eid", np.array(eid, np.int64), version, codec, (17,))
    put(people, "sex", np.array(sex, np.int8), version, codec, (60,))
    put(people, "bmi", np.array(bmi, np.float64), version, codec, (25,))
    put(people, "visit", np.array(visit, "U10"), version, codec, (7,))
    put(root, "matrix", NUMBERS, version, codec, (40, 2))
    return path


def as_zip(folder: Path, path: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{inside}{file.relative_to(folder)}")
        archive.writestr(f"{'other/' if inside else ''}notes.txt", "participants of northmoor")
    return path


@pytest.mark.parametrize("place", ["folder", "inside", "zip", "zip-inside"])
@pytest.mark.parametrize(("version", "codec"), CASES)
def test_a_store_gives_its_frames_and_arrays(version: int, codec: str, place: str, tmp_path: Path) -> None:
    store = frame(tmp_path / "data" / "x.zarr", version, codec)
    path = store if place == "folder" else store.parent
    if place.startswith("zip"):
        path = as_zip(store, tmp_path / "x.zip", "a/x.zarr/" if place == "zip-inside" else "")
    ends = [one for one in read_path(path) if isinstance(one, FileEnded)]
    assert {one.skipped for one in ends} == {None}
    assert ends[0].format == "zarr"
    assert len(ends) == (2 if place == "zip-inside" else 1)
    _, tables = ended(path)
    people = [table for table in tables if set(table.columns) == set(COLUMNS)]
    order = [people[0].columns.index(name) for name in COLUMNS]
    assert same([[row[at] for at in order] for row in found_rows(people)], rows())
    (matrix,) = [table for table in tables if len(table.columns) == 3]
    assert same(found_rows([matrix]), [[str(one) for one in row] for row in NUMBERS.tolist()])


@pytest.mark.parametrize("version", [2, 3])
def test_text_of_any_length_and_missing_chunks_are_read(version: int, tmp_path: Path) -> None:
    root = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=version)  # type: ignore[arg-type]
    notes = root.create_array("note", shape=(50,), dtype=str, chunks=(20,))
    notes[:] = np.array([f"{n} 次随访" * (n % 4) for n in range(50)], object)
    root.create_array("empty", shape=(50,), dtype="f8", chunks=(9,), fill_value=0.25)
    end, tables = ended(tmp_path / "x.zarr")
    assert end.skipped is None
    assert list(tables[0].columns) in (["note", "empty"], ["empty", "note"])
    at = tables[0].columns.index("note")
    assert tables[0].cells[at][3] == "3 次随访" * 3
    assert set(tables[0].cells[1 - at]) == {"0.25"}


def test_arrays_that_were_turned_are_read_as_they_were(tmp_path: Path) -> None:
    root = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=3)
    turned = root.create_array(
        "a", shape=(100, 3), dtype=">f8", chunks=(30, 2), filters=[TransposeCodec(order=(1, 0))],
        serializer=BytesCodec(endian="big"),
    )  # fmt: skip
    turned[:] = NUMBERS
    old = zarr.open_group(str(tmp_path / "y.zarr"), mode="w", zarr_format=2)
    old.create_array("a", shape=(100, 3), dtype="f8", chunks=(30, 2), order="F")[:] = NUMBERS
    for name in ("x.zarr", "y.zarr"):
        _, tables = ended(tmp_path / name)
        assert same(found_rows(tables), [[str(one) for one in row] for row in NUMBERS.tolist()])


def genotype_store(path: Path, version: int) -> np.ndarray[Any, Any]:
    """Calls in the layout of sgkit and VCF Zarr; gives the alleles, variants × samples × 2."""
    rng = np.random.default_rng(11)
    calls = rng.integers(0, 2, (500, 40, 2)).astype(np.int8)
    calls[3, 4], calls[7, 8, 1] = -1, 2
    root = zarr.open_group(str(path), mode="w", zarr_format=version)  # type: ignore[arg-type]
    codec = "blosc"
    put(root, "call_genotype", calls, version, codec, (128, 30, 2))
    put(root, "variant_position", np.arange(1, 501, dtype=np.int32) * 1000, version, codec, (200,))
    put(root, "variant_contig", np.repeat([0, 1], 250).astype(np.int8), version, codec, (200,))
    put(root, "contig_id", np.array(["1", "X"]), version, codec, (2,))
    put(root, "variant_allele", np.array([["A", "G"]] * 500), version, codec, (200, 2))
    put(root, "sample_id", np.array([f"S{n}" for n in range(40)]), version, codec, (40,))
    return calls


@pytest.mark.parametrize("version", [2, 3])
def test_calls_of_vcf_zarr_are_genotypes(version: int, tmp_path: Path) -> None:
    calls = genotype_store(tmp_path / "x.vcz", version)
    parts = [
        one
        for one in read_path(tmp_path / "x.vcz", Limits(variants_per_part=300))
        if isinstance(one, Genotypes)
    ]
    assert [len(one.positions) for one in parts] == [300, 200]
    assert parts[0].samples == tuple(f"S{n}" for n in range(40))
    assert (parts[1].chromosomes[-1], parts[1].positions[-1]) == ("X", 500_000)
    assert (parts[0].alleles_a[0], parts[0].alleles_b[0]) == ("A", "G")
    wanted = calls.sum(axis=2)
    wanted[3, 4] = wanted[7, 8] = -1
    assert np.array_equal(np.vstack([one.dosages for one in parts]), wanted)


@pytest.mark.parametrize("version", [2, 3])
def test_a_broken_chunk_is_told_and_other_groups_are_read(version: int, tmp_path: Path) -> None:
    store = frame(tmp_path / "x.zarr", version, "zstd")
    broken = store / "people" / "bmi" / ("c/1" if version == 3 else "1")
    broken.write_bytes(broken.read_bytes()[:9])
    end, tables = ended(store)
    assert end.skipped == "damaged"
    assert any(len(table.columns) == 3 for table in tables)


def test_claims_beyond_what_is_there_are_a_bomb(tmp_path: Path) -> None:
    store = frame(tmp_path / "x.zarr", 2, "zlib")
    told = json.loads((store / "matrix" / ".zarray").read_text())
    (store / "matrix" / ".zarray").write_text(json.dumps({**told, "shape": [10**12, 3]}))
    assert ended(store)[0].skipped == "bomb"


@pytest.mark.parametrize("codec", ["zlib", "blosc"])
def test_a_chunk_that_unfolds_beyond_its_size_is_a_bomb(codec: str, tmp_path: Path) -> None:
    store = frame(tmp_path / "x.zarr", 2, codec)
    packed = V2[codec].encode(np.zeros(200_000_000, np.uint8))  # type: ignore[union-attr]
    (store / "matrix" / "0.0").write_bytes(bytes(packed))
    assert ended(store)[0].skipped == "bomb"


def test_objects_that_would_be_unpickled_are_not(tmp_path: Path) -> None:
    store = frame(tmp_path / "x.zarr", 2, "plain")
    told = json.loads((store / "matrix" / ".zarray").read_text())
    (store / "matrix" / ".zarray").write_text(
        json.dumps({**told, "dtype": "|O", "filters": [{"id": "pickle"}]})
    )
    end, tables = ended(store)
    assert end.skipped == "unsupported"
    assert any(set(table.columns) == set(COLUMNS) for table in tables)


def test_a_link_in_a_store_is_not_followed(tmp_path: Path) -> None:
    store = frame(tmp_path / "x.zarr", 2, "plain")
    (tmp_path / "secret").write_bytes(np.full((40, 2), 4123457.0).tobytes())
    (store / "matrix" / "0.0").unlink()
    (store / "matrix" / "0.0").symlink_to(tmp_path / "secret")
    _, tables = ended(store)
    assert not any("4123457" in cells for table in tables for cells in table.cells)


def test_the_same_store_has_the_same_digest_in_a_folder_and_in_a_zip(tmp_path: Path) -> None:
    store = frame(tmp_path / "x.zarr", 3, "zstd")
    shutil.copytree(store, tmp_path / "again.zarr")
    inside = read_path(as_zip(store, tmp_path / "x.zip", "x.zarr/"))
    digests = {one.sha256 for one in inside if isinstance(one, FileEnded) and one.format == "zarr"}
    assert digests == {ended(store)[0].sha256} == {ended(tmp_path / "again.zarr")[0].sha256}
