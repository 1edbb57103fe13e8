"""Zarr stores (v2, v3) as one stored zip, as Zarr itself puts a store into one file: frames, arrays, genotypes.

Arrays of one dimension that stand together with one length are columns; `call_genotype` with its variants and samples
(sgkit, VCF Zarr) is genotypes. A folder that is a store is packed so by `containers/zarr.py`.
"""

from __future__ import annotations

import json
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from matcher.contents import MISSING, Genotypes, Limits, Opened, Table, Unreadable
from matcher.formats.beside import variants_a_part
from matcher.formats.hdf5_file import Labels, dataset, side_by_side
from matcher.formats.numpy_array import text_of_value
from matcher.formats.zarr_array import ZarrArray, array_v2, array_v3
from matcher.opening import FREE_BYTES

FORMAT = "zarr"
MARKS = (".zgroup", ".zarray", ".zattrs", ".zmetadata", "zarr.json")
_MOST_META = 16 << 20
_MOST_ARRAYS = 20_000
_BROKEN = (RuntimeError, ValueError, KeyError, TypeError, IndexError, OSError, zipfile.BadZipFile, zlib.error)


def sniff(name: str, head: bytes) -> int:
    return 7 if is_packed_store(head) else 0


def is_packed_store(head: bytes) -> bool:
    """Whether a zip begins with the marks of a store at its root."""
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return head.startswith(b"PK\x03\x04") and first.decode("ascii", "replace") in MARKS


def read(opened: Opened, limits: Limits) -> Iterator[Table | Genotypes]:
    """Group by group.

    Raises:
        Unreadable: it is damaged, or some of it is packed in a way that is not read here; the rest was given.
    """
    wrong: Unreadable | None = None
    try:
        with zipfile.ZipFile(opened.stream) as archive:
            groups = _arrays(archive, opened.size * limits.ratio)
            for group, arrays in groups.items():
                try:
                    yield from _group(f"{opened.name} {group}".strip(), arrays, limits)
                except Unreadable as fault:
                    wrong = wrong or fault
                except _BROKEN as odd:
                    wrong = wrong or Unreadable("damaged", type(odd).__name__)
    except _BROKEN as odd:
        raise Unreadable("damaged", type(odd).__name__) from None
    if wrong is not None:
        raise wrong


def _arrays(archive: zipfile.ZipFile, most: int) -> dict[str, dict[str, Any]]:
    """Arrays by the group that they stand in; labels with their codes as one."""
    names = {one.filename: one for one in archive.infolist()}
    groups: dict[str, dict[str, Any]] = {}
    for name in list(names):
        folder, _, file = name.rpartition("/")
        if file not in (".zarray", "zarr.json"):
            continue
        meta = _metadata(archive, names[name])
        if file == "zarr.json" and meta.get("node_type") != "array":
            continue
        make = array_v2 if file == ".zarray" else array_v3
        one = make(meta, _reader(archive, names, folder), posixpath.basename(folder))
        if one.nbytes > max(FREE_BYTES, most):
            raise Unreadable("bomb", "an array that claims far more than the store holds")
        groups.setdefault(posixpath.dirname(folder), {})[one.name] = one
        if len(groups) > _MOST_ARRAYS:
            raise Unreadable("bomb", "more arrays than may be read")
    for group in [one for one, arrays in groups.items() if set(arrays) == {"codes", "categories"}]:
        arrays, parent = groups.pop(group), posixpath.dirname(group)
        labels = [text_of_value(one) for one in arrays["categories"][:].tolist()]
        groups.setdefault(parent, {})[posixpath.basename(group)] = Labels(arrays["codes"], labels)
    return groups


def _metadata(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Mapping[str, Any]:
    if entry.file_size > _MOST_META:
        raise Unreadable("bomb", "a description larger than may be read")
    meta = json.loads(archive.read(entry))
    if not isinstance(meta, dict) or meta.get("zarr_format") not in (2, 3):
        raise Unreadable("damaged", "no description of an array")
    return meta


def _reader(
    archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], folder: str
) -> Callable[[str], bytes | None]:
    def read_chunk(key: str) -> bytes | None:
        entry = names.get(f"{folder}/{key}" if folder else key)
        return None if entry is None else archive.read(entry)

    return read_chunk


def _group(name: str, arrays: Mapping[str, Any], limits: Limits) -> Iterator[Table | Genotypes]:
    calls = arrays.get("call_genotype")
    rest = dict(arrays)
    if (
        isinstance(calls, ZarrArray)
        and calls.ndim == 3
        and {"variant_position", "sample_id"} <= arrays.keys()
    ):
        yield from _genotypes(calls, arrays, limits)
        rest = {key: one for key, one in arrays.items() if not key.startswith("call_genotype")}
    by_length: dict[int, dict[str, Any]] = {}
    for key, one in rest.items():
        if isinstance(one, Labels) or (one.ndim == 1 and not one.dtype.names):
            by_length.setdefault(len(one), {})[key] = one
        else:
            yield from dataset(f"{name} {key}", one, limits)
    for length, columns in by_length.items():
        if length:
            yield from side_by_side(f"{name} {length}", columns, limits)


def _genotypes(calls: ZarrArray, arrays: Mapping[str, Any], limits: Limits) -> Iterator[Genotypes]:
    """Calls as counts of the first other allele; a call with a further one is missing."""
    samples = _texts(arrays["sample_id"][:])
    contigs = _texts(arrays["contig_id"][:]) if "contig_id" in arrays else ()
    if calls.shape[1] != len(samples) or calls.shape[2] > 4:
        raise Unreadable("damaged", "calls that do not fit their samples")
    step = variants_a_part(limits, len(samples) * calls.shape[2])
    for start in range(0, len(calls), step):
        at = slice(start, start + step)
        some = calls[at]
        dosages = (some == 1).sum(axis=2).astype(np.int8)
        dosages[(some == -1).any(axis=2) | (some > 1).any(axis=2)] = MISSING
        count = len(some)
        alleles = arrays["variant_allele"][at] if "variant_allele" in arrays else np.full((count, 2), "")
        contig = arrays["variant_contig"][at].tolist() if "variant_contig" in arrays else [-1] * count
        yield Genotypes(
            samples=samples,
            chromosomes=tuple(contigs[one] if 0 <= one < len(contigs) else "" for one in contig),
            positions=np.asarray(arrays["variant_position"][at], np.int64),
            names=_texts(arrays["variant_id"][at]) if "variant_id" in arrays else ("",) * count,
            alleles_a=_texts(alleles[:, 0]),
            alleles_b=_texts(alleles[:, 1]),
            dosages=dosages,
        )


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(text_of_value(one) for one in values.tolist())
