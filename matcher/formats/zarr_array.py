"""One array of a Zarr store (v2 or v3) as rows: its chunks are unpacked as they are asked for, a few are held.

Codecs are those of a list: what would run or unpickle anything is not on it.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from matcher.contents import Unreadable

MOST_CHUNK = 256 << 20
"""Bytes of one chunk, unpacked."""
_HELD = 128 << 20
_PACKERS = ("blosc", "zstd", "lz4", "bz2", "lzma")
_FILTERS = ("delta", "shuffle", "fixedscaleoffset", "packbits", "vlen-utf8", "vlen-bytes")
_CHECKS = ("crc32", "adler32", "fletcher32")
_BY_NUMCODECS = frozenset((*_PACKERS, *_FILTERS, *_CHECKS))
_PASSED_OVER = frozenset({"quantize", "bitround"})
Read = Callable[[str], bytes | None]
"""The bytes of a name in the store; None where it has none."""


@dataclass(slots=True)
class ZarrArray:
    """Sliced along its first dimension, as a dataset of HDF5 is."""

    read: Read
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    codecs: tuple[Mapping[str, Any], ...]
    """In the order of writing."""
    fill: Any
    key: Callable[[tuple[int, ...]], str]
    order: str = "C"
    name: str = ""
    _held: OrderedDict[tuple[int, ...], npt.NDArray[Any]] = field(default_factory=OrderedDict)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: slice) -> npt.NDArray[Any]:
        start, stop, _ = at.indices(len(self))
        out = np.empty((max(0, stop - start), *self.shape[1:]), self.dtype)
        if not out.size:
            return out
        first = range(start // self.chunks[0], (stop - 1) // self.chunks[0] + 1)
        rest = [range(-(-long // wide)) for long, wide in zip(self.shape[1:], self.chunks[1:], strict=True)]
        for place in itertools.product(first, *rest):
            low = place[0] * self.chunks[0]
            begin, end = max(start, low), min(stop, low + self.chunks[0])
            beside = tuple(
                slice(number * wide, min(long, (number + 1) * wide))
                for number, wide, long in zip(place[1:], self.chunks[1:], self.shape[1:], strict=True)
            )
            inside = (slice(begin - low, end - low), *(slice(0, one.stop - one.start) for one in beside))
            out[(slice(begin - start, end - start), *beside)] = self._chunk(place)[inside]
        return out

    def _chunk(self, place: tuple[int, ...]) -> npt.NDArray[Any]:
        if place in self._held:
            self._held.move_to_end(place)
            return self._held[place]
        raw = self.read(self.key(place))
        if raw is None:
            return np.broadcast_to(np.array(self.fill, self.dtype), self.chunks)
        chunk = self._unpacked(raw)
        self._held[place] = chunk
        while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > _HELD:
            self._held.popitem(last=False)
        return chunk

    def _unpacked(self, raw: bytes) -> npt.NDArray[Any]:
        """Raises Unreadable where it does not unpack to a chunk."""
        count = math.prod(self.chunks)
        if count * max(1, self.dtype.itemsize) > MOST_CHUNK:
            raise Unreadable("too-large", "chunks larger than may be held")
        data: Any = raw
        shape = self.chunks
        most = MOST_CHUNK if self.dtype.hasobject else count * max(1, self.dtype.itemsize)
        turned: tuple[int, ...] | None = None
        for codec in reversed(self.codecs):
            if codec["id"] == "transpose":
                turned = tuple(codec["order"])
                shape = tuple(self.chunks[axis] for axis in turned)
            else:
                data = _decoded(codec, data, most)
        if isinstance(data, np.ndarray) and data.dtype.hasobject:
            chunk: npt.NDArray[Any] = data.reshape(-1)
        elif self.dtype.hasobject:
            raise Unreadable("unsupported", "objects, which would be unpickled")
        else:
            chunk = np.frombuffer(_plain_bytes(data), self.dtype)
        if len(chunk) != count:
            raise Unreadable("damaged", "a chunk of another size than it should have")
        chunk = chunk.reshape(shape, order="F" if self.order == "F" else "C")
        return chunk if turned is None else chunk.transpose(np.argsort(turned))


def _plain_bytes(data: Any) -> bytes:
    return data.tobytes() if isinstance(data, np.ndarray) else bytes(data)


def _decoded(codec: Mapping[str, Any], data: Any, most: int) -> Any:
    """What one codec was given to pack; at most `most` bytes of what packs tightest."""
    import numcodecs

    name = codec["id"]
    if name in ("zlib", "gzip"):
        out = zlib.decompressobj(zlib.MAX_WBITS | 32)
        plain = out.decompress(bytes(data), most + 1)
        if len(plain) > most:
            raise Unreadable("bomb", "a chunk that unfolds beyond its size")
        return plain
    if name == "crc32c":
        return bytes(data)[:-4]
    if name == "bytes" or name in _PASSED_OVER:
        return data
    if name not in _BY_NUMCODECS:
        raise Unreadable("unsupported", "a codec that is not read here")
    if name == "blosc" and int.from_bytes(bytes(data[4:8]), "little") > most:
        raise Unreadable("bomb", "a chunk that claims more than its size")
    return numcodecs.get_codec(dict(codec)).decode(data)


def array_v2(meta: Mapping[str, Any], read: Read, name: str) -> ZarrArray:
    """From a `.zarray`."""
    packed = [*(meta.get("filters") or []), *([meta["compressor"]] if meta.get("compressor") else [])]
    dtype = np.dtype(
        [tuple(one) for one in meta["dtype"]] if isinstance(meta["dtype"], list) else meta["dtype"]
    )
    separator = str(meta.get("dimension_separator", "."))
    shape = _sizes(meta["shape"])
    return ZarrArray(
        read,
        shape or (1,),
        _sizes(meta["chunks"]) or (1,),
        dtype,
        tuple(packed),
        _fill(meta.get("fill_value"), dtype),
        lambda place: separator.join(map(str, place)),
        str(meta.get("order", "C")),
        name,
    )


_KINDS_V3 = {"string": "O", "bytes": "O", "variable_length_bytes": "O", "bool": "?"}


def array_v3(meta: Mapping[str, Any], read: Read, name: str) -> ZarrArray:
    """From a `zarr.json` of an array."""
    kind = meta["data_type"]
    codecs, endian = [], "<"
    for one in meta["codecs"]:
        told = one.get("configuration") or {}
        codecs.append({**told, "id": str(one["name"]).removeprefix("numcodecs.")})
        if one["name"] == "blosc":
            codecs[-1] = {"id": "blosc"}
        endian = ">" if one["name"] == "bytes" and told.get("endian") == "big" else endian
    if isinstance(kind, dict):
        size = int(kind["configuration"]["length_bytes"])
        dtype = np.dtype(f"{endian}U{size // 4}" if kind["name"] == "fixed_length_utf32" else f"S{size}")
    else:
        dtype = np.dtype(_KINDS_V3.get(kind, kind)).newbyteorder(endian)
    keys = meta.get("chunk_key_encoding", {"name": "default"})
    is_default = keys["name"] == "default"
    separator = (keys.get("configuration") or {}).get("separator", "/" if is_default else ".")
    before = f"c{separator}" if is_default else ""
    shape = _sizes(meta["shape"])
    return ZarrArray(
        read,
        shape or (1,),
        _sizes(meta["chunk_grid"]["configuration"]["chunk_shape"]) or (1,),
        dtype,
        tuple(codecs),
        _fill(meta.get("fill_value"), dtype),
        lambda place: before + separator.join(map(str, place)) if shape else before.rstrip(separator) or "0",
        name=name,
    )


def _sizes(of: Any) -> tuple[int, ...]:
    sizes = tuple(int(one) for one in of)
    if len(sizes) > 8 or any(one < 0 or one > 1 << 48 for one in sizes):
        raise Unreadable("damaged", "an array of impossible size")
    return sizes


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject:
        return value if isinstance(value, str) else ""
    try:
        return np.array(float(value) if value in ("NaN", "Infinity", "-Infinity") else value).astype(dtype)
    except (TypeError, ValueError, OverflowError):
        return np.zeros((), dtype)
