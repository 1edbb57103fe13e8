"""Bench of reading genotypes: our readers and the fastest public reader of the same file, in CPU seconds.

Run `python tests/bench/genotype_reading.py [--only WORD] [--tries 3] [--folder DIR] [--out FILE]`. Prints Markdown.

With lists: both sides give the calls as an array and the chromosome, position, name and alleles of every variant and
the list of samples. Calls alone: a file of many people, of which the public reader gives the calls and nothing else;
ours gives what it always does. Every row has the least of some tries, both sides in turn in the same process. Public
readers may use an array of theirs again; ours give new ones, which whoever asked may keep.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.containers import compressed
from matcher.contents import Genotypes, Limits, Opened
from tests.bench import public_readers as public
from tests.bench.reading_files import LISTED, LONE, MATRIX, ONE, WIDE, WIDEST, Size, files_of

ASKED = 1 / 1.3
_OURS = "ours"
Peer = Callable[[Path, Size], object]
Row = tuple[str, str, str, Size, dict[str, Peer]]

WITH_LISTS: tuple[Row, ...] = (
    ("bed", "l.bed", "plink1", LISTED, public.beds(lists=True)),
    ("pgen", "l.pgen", "plink2", LISTED, public.pgens(lists=True)),
    ("pgen with dosages", "ld.pgen", "plink2", LISTED, public.pgens(lists=True)),
    ("bed, a biobank's", "b.bed", "plink1", LONE, public.beds(lists=True)),
    ("pgen, a biobank's", "b.pgen", "plink2", LONE, public.pgens(lists=True)),
    ("vcf", "l.vcf", "vcf", LISTED, public.vcfs(lists=True)),
    ("vcf.gz", "l.vcf.gz", "vcf", LISTED, public.vcfs(lists=True)),
    ("bcf", "l.bcf", "vcf", LISTED, public.vcfs(lists=True)),
    ("bgen, 8 bits, zlib", "l.bgen", "bgen_file", LISTED, public.bgens(lists=True)),
    ("bgen, 16 bits, zstd", "lz.bgen", "bgen_file", LISTED, public.bgens(lists=True)),
    ("ped", "l.ped", "plink_ped", LISTED, public.peds()),
    ("raw", "l.raw", "dosage_matrix", LISTED, public.texts("\t")),
    ("traw", "l.traw", "dosage_matrix", LISTED, public.texts("\t")),
    ("23andMe (one person)", "one.txt", "consumer_array", ONE, public.consumers()),
    ("EIGENSTRAT text", "e.geno", "eigenstrat", LISTED, public.eigenstrats()),
    ("EIGENSTRAT packed", "p.geno", "eigenstrat_packed", LISTED, public.packed_eigenstrats()),
    ("matrix of dosages, CSV", "m.csv", "dosage_matrix", MATRIX, public.texts(",")),
    ("matrix of calls, Parquet", "m.parquet", "columnar", MATRIX, public.parquets()),
)
CALLS_ALONE: tuple[Row, ...] = (
    ("bed", "x.bed", "plink1", WIDEST, public.beds(lists=False)),
    ("pgen", "x.pgen", "plink2", WIDEST, public.pgens(lists=False)),
    ("pgen with dosages", "xd.pgen", "plink2", WIDEST, public.pgens(lists=False)),
    ("vcf", "w.vcf", "vcf", WIDE, public.vcfs(lists=False)),
    ("vcf.gz", "w.vcf.gz", "vcf", WIDE, public.vcfs(lists=False)),
    ("bcf", "w.bcf", "vcf", WIDE, public.vcfs(lists=False)),
    ("bgen, 8 bits, zlib", "w.bgen", "bgen_file", WIDE, public.bgens(lists=False)),
    ("bgen, 16 bits, zstd", "wz.bgen", "bgen_file", WIDE, public.bgens(lists=False)),
)


def read_by_us(module: str, path: Path, size: Size) -> None:
    """Every part that our reader gives, and a check that it gave all calls."""

    def beside(suffix: str) -> object:
        other = path.with_suffix(suffix)
        return other.open("rb") if other.is_file() else None

    reader, seen = importlib.import_module(f"matcher.formats.{module}"), 0
    with path.open("rb") as stream:
        opened = Opened(path.name, stream, path.stat().st_size, beside)  # type: ignore[arg-type]
        if stream.peek(2).startswith(b"\x1f\x8b"):
            (member,) = compressed.members(opened, Limits())
            opened = Opened(member.name, member.open(), path.stat().st_size)
        for part in reader.read(opened, Limits()):
            seen += part.dosages.size if isinstance(part, Genotypes) else 0
    if seen != size.people * size.variants:
        raise AssertionError(f"{path.name}: {seen} calls were read of {size.people * size.variants}")


def cpu_seconds(works: dict[str, Callable[[], object]], tries: int) -> dict[str, float]:
    """The least of so many tries of each in turn, after one that counts for nothing (compilers, the page cache)."""
    least = dict.fromkeys(works, float("inf"))
    for number in range(tries + 1):
        for name, work in works.items():
            start = time.process_time()
            work()
            if number:
                least[name] = min(least[name], time.process_time() - start)
    return least


def row_of(row: Row, folder: Path, tries: int) -> str:
    name, file, module, size, peers = row
    path, million = folder / file, size.people * size.variants / 1e6
    works: dict[str, Callable[[], object]] = {
        one: lambda work=work: work(path, size)  # type: ignore[misc]
        for one, work in peers.items()
    }
    try:
        taken = cpu_seconds({**works, _OURS: lambda: read_by_us(module, path, size)}, tries)
    except AssertionError as wrong:
        print(wrong, file=sys.stderr)
        return f"| {name} | {size} | — | — | not read as genotypes |"
    ours = million / taken.pop(_OURS)
    others = {one: million / seconds for one, seconds in taken.items()}
    best = max(others, key=lambda one: others[one])
    ratio = ours / others[best]
    mark = "" if ratio >= ASKED else " **short**"
    return f"| {name} | {size} | {ours:,.0f} | {others[best]:,.0f} ({best}) | {ratio:.2f}{mark} |"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", default="", help="rows whose file's name starts so")
    words.add_argument("--tries", type=int, default=3)
    words.add_argument("--folder", type=Path, help="keeps the files there and takes those that it has")
    words.add_argument("--out", type=Path)
    asked = words.parse_args()
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = asked.folder or Path(place)
        for title, rows in (("with lists", WITH_LISTS), ("calls alone", CALLS_ALONE)):
            chosen = [row for row in rows if row[1].startswith(asked.only)]
            lines += [
                f"| {title} | people × variants | ours | fastest public reader | ratio |",
                "|---" * 5 + "|",
            ]
            print("\n".join(lines[-2:]))
            for row in chosen:
                files_of(folder, row[1], row[3])
                lines.append(row_of(row, folder, asked.tries))
                print(lines[-1], flush=True)
            lines.append("")
            print()
    if asked.out:
        asked.out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
