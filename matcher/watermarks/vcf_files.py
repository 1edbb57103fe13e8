"""VCF and BCF for marking: lines are kept but for the calls that carry a mark and the samples' names."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from matcher.errors import BadSourceFile
from matcher.watermarks.genotype_files import Block, Variant

_MISSING = b"."


class VcfFile:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.binary = path.name.lower().endswith(".bcf")
        self.compressed = path.name.lower().endswith((".gz", ".bgz"))
        self.header = self._header()
        columns = self.header[-1].rstrip(b"\r\n").split(b"\t")
        if len(columns) < 10:
            raise BadSourceFile(f"{path.name} has no samples; give a file with genotypes")
        self.samples: Sequence[str] = [one.decode() for one in columns[9:]]
        self.kin = np.zeros(len(self.samples), dtype=bool)

    def parts(self) -> list[Path]:
        return [self.path]

    def _header(self) -> list[bytes]:
        if self.binary:
            import pysam

            pysam.set_verbosity(0)
            with pysam.VariantFile(str(self.path)) as file:
                return [line.encode() + b"\n" for line in str(file.header).splitlines()]
        lines = []
        with self._open() as file:
            for line in file:
                if not line.startswith(b"#"):
                    break
                lines.append(line)
                if line.startswith(b"#CHROM"):
                    return lines
        raise BadSourceFile(f"{self.path.name} has no line that starts with #CHROM; it is no VCF")

    @contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        if self.compressed:
            with gzip.open(self.path, "rb") as file:
                yield file  # type: ignore[misc]
        else:
            with self.path.open("rb") as plain:
                yield plain

    def _lines(self) -> Iterator[bytes]:
        if self.binary:
            import pysam

            with pysam.VariantFile(str(self.path)) as file:
                for record in file:
                    yield str(record).encode()
            return
        with self._open() as lines:
            for line in lines:
                if not line.startswith(b"#") and line.strip():
                    yield line

    def blocks(self, variants_per_block: int) -> Iterator[Block]:
        held: list[tuple[Variant, npt.NDArray[np.int8], bytes]] = []
        for line in self._lines():
            held.append(self._parse(line))
            if len(held) == variants_per_block:
                yield _block(held)
                held = []
        if held:
            yield _block(held)

    def _parse(self, line: bytes) -> tuple[Variant, npt.NDArray[np.int8], bytes]:
        head = line.split(b"\t", 9)
        if len(head) < 10:
            raise BadSourceFile(f"{self.path.name}: a line has too few columns; mend the file")
        chromosome, position, name, a, b = (one.decode() for one in head[:5])
        variant = Variant(chromosome, int(position), name, a, b)
        dosages = np.full(len(self.samples), -1, dtype=np.int8)
        if "," not in b and head[8].split(b":", 1)[0] == b"GT":
            cells = head[9].rstrip(b"\r\n").split(b"\t")
            if len(cells) != len(self.samples):
                raise BadSourceFile(f"{self.path.name}: a line has not as many samples as the header")
            calls = np.array([cell[:3] for cell in cells], dtype="S3").view(np.uint8).reshape(-1, 3)
            fourth = np.array([cell[3:4] for cell in cells], dtype="S1").view(np.uint8)
            first, second = calls[:, 0], calls[:, 2]
            whole = ((calls[:, 1] == 47) | (calls[:, 1] == 124)) & ((fourth == 0) | (fourth == 58))
            good = whole & (first >= 48) & (first <= 49) & (second >= 48) & (second <= 49)
            dosages[good] = (first[good] - 48 + second[good] - 48).astype(np.int8)
        return variant, dosages, line

    @contextmanager
    def writer(self, out: Path, ids: Sequence[str]) -> Iterator[VcfWriter]:
        columns = self.header[-1].rstrip(b"\r\n").split(b"\t")[:9] + [one.encode() for one in ids]
        header = [*self.header[:-1], b"\t".join(columns) + b"\n"]
        text = out.with_name(out.name + ".unfinished.vcf.gz") if self.binary else out
        with _output(text, self.binary or self.compressed) as file:
            for line in header:
                file.write(line)
            yield VcfWriter(file)
        if self.binary:
            import pysam.bcftools

            pysam.bcftools.view("-Ob", "-o", str(out), str(text), catch_stdout=False)
            text.unlink()


class VcfWriter:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, block: Block, marked: npt.NDArray[np.int8]) -> None:
        for line, before, after in zip(block.payload, block.dosages, marked, strict=True):
            changed = np.flatnonzero(before != after)
            if not changed.size:
                self._file.write(line)
                continue
            cells = line.split(b"\t")
            tags = cells[8].split(b":")
            for s in changed:
                cells[9 + s] = _call(cells[9 + s], int(after[s]), tags)
            self._file.write(b"\t".join(cells))


def _call(cell: bytes, dosage: int, tags: list[bytes]) -> bytes:
    """The cell with this dosage; a phased het that must lose or gain an allele changes one haplotype only.

    Fields that would betray the change (dosage, likelihoods, probabilities) follow the call or are left missing.
    """
    end = b"\n" if cell.endswith(b"\n") else b""
    fields = cell.rstrip(b"\r\n").split(b":")
    first, bar, second = fields[0][0:1], fields[0][1:2], fields[0][2:3]
    old = (first == b"1") + (second == b"1")
    if dosage == 1:
        kept = b"0" if old == 0 else b"1"
        # which haplotype changes follows from the cell's own text, so that it is the same for everyone
        first, second = (kept, b"1" if old == 0 else b"0") if bar == b"/" or old == 0 else (b"0", b"1")
        if bar == b"/":
            first, second = b"0", b"1"
    else:
        first = second = b"1" if dosage == 2 else b"0"
    fields[0] = first + bar + second
    for at, tag in enumerate(tags[: len(fields)]):
        if tag == b"DS":
            fields[at] = str(dosage).encode()
        elif tag in (b"GP", b"GL", b"PL", b"HDS"):
            fields[at] = _MISSING
    return b":".join(fields) + end


@contextmanager
def _output(path: Path, compressed: bool) -> Iterator[Any]:
    if compressed:
        import pysam

        with pysam.BGZFile(str(path), "w") as file:
            yield file
    else:
        with path.open("wb") as plain:
            yield plain


def _block(held: list[tuple[Variant, npt.NDArray[np.int8], bytes]]) -> Block:
    return Block([one[0] for one in held], np.stack([one[1] for one in held]), [one[2] for one in held])
