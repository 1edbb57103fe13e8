"""Bench of the search for genotypes: its speed, the machine's limits beside it, a Dask cluster, and the index's size.

Parts of `python -m tests.bench.genotypes`, or alone: `python -m tests.bench.genotype_speed [--quick] [--part
speed|limits|dask|index] [--out FILE]`. Everything is drawn by seed; where the machine is busy, CPU seconds tell.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit, prange

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher.contents import Genotypes
from matcher.genotypes import partitions
from matcher.genotypes.planes import from_calls, from_packed, packed
from matcher.genotypes.search import _add_differences, _ones, nearest
from matcher.genotypes.store import open_store, write_store
from tests.bench.genotype_people import Matrix, with_errors

KEY = b"g" * 32
ROUNDS = 7
Lines = list[str]


def cpu(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of this process."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (
        time.perf_counter() - start,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def least(work: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """The least wall and the least CPU seconds of some rounds, after one that is not counted."""
    work()
    wall, spent = zip(*(cpu(work) for _ in range(rounds)), strict=True)
    return min(wall), min(spent)


def drawn(participants: int, samples: int, sites: int) -> tuple[np.ndarray, Matrix]:
    """Packed rows of a cohort, and the calls of its first people with errors."""
    rng = np.random.default_rng(3)
    rows = np.empty((sites, (participants + 3) // 4), np.uint8)
    found = np.empty((sites, samples), np.int8)
    for site in range(sites):
        calls = rng.binomial(2, rng.uniform(0.3, 0.5), participants).astype(np.int8)
        rows[site] = packed(calls[None])[0]
        found[site] = calls[:samples]
    return rows, with_errors(found, 0.01, 0.02, rng)


def speed_table(participants: int, samples: int) -> Lines:
    lines = [
        f"{samples:,} found samples against {participants:,} participants, calls in memory:",
        "",
        "| sites | wall s | CPU s | pairs a CPU second | one sample, ms | named rightly |",
        "|---|---|---|---|---|---|",
    ]
    for sites in (64, 128, 256):
        rows, found = drawn(participants, samples, sites)
        nearest(from_calls(found[:, :8]), from_packed(rows, participants))
        best: dict[str, np.ndarray] = {}

        def search(
            rows: np.ndarray = rows, found: Matrix = found, best: dict[str, np.ndarray] = best
        ) -> None:
            best["places"] = nearest(from_calls(found), from_packed(rows, participants))[0][:, 0]

        wall, spent = cpu(search)
        planes, one = from_packed(rows, participants), from_calls(found[:, :1])
        single = min(cpu(lambda planes=planes, one=one: nearest(one, planes))[0] for _ in range(40))
        right = (best["places"] == np.arange(samples)).mean()
        lines.append(
            f"| {sites} | {wall:.2f} | {spent:.2f} | {samples * participants / spent:.2e} "
            f"| {1e3 * single:.1f} | {right:.4f} |"
        )
        print(lines[-1], flush=True)
    return lines


@njit(parallel=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _read(words: Any, out: Any) -> None:
    """Sums memory that is far larger than any cache, as STREAM reads it; one share an entry of `out`."""
    shares = out.size
    for share in prange(shares):
        total = np.uint64(0)
        for at in range(share * words.size // shares, (share + 1) * words.size // shares):
            total += words[at]
        out[share] = total


@njit(parallel=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _count(words: Any, turns: int, out: Any) -> None:
    """Population counts of words that stay in the nearest cache; `turn` keeps a compiler from counting but once."""
    for share in prange(out.size):
        total = np.int64(0)
        for turn in range(turns):
            flip = np.uint64(turn)
            here = np.int64(0)
            for at in range(words.size):
                here += _ones(words[at] ^ flip)
            total += here
        out[share] = total


@njit(parallel=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator,unused-ignore]
def _differ(words: Any, turns: int, out: Any) -> None:
    """The search's own loop over planes that stay in the nearest cache, without ranking anybody."""
    for share in prange(out.size):
        score = np.zeros(words.size, np.int32)
        for turn in range(turns):
            one = np.uint64(turn)
            _add_differences(one, ~one, one | np.uint64(1), words, words, words, score)
        out[share] = score.sum()


def limits_table(participants: int, samples: int) -> Lines:
    """What the search reads and counts in a CPU second, beside what the machine could; one run, the same cores."""
    cores = len(os.sched_getaffinity(0))
    memory, shares = np.ones(1 << 26, np.uint64), np.zeros(4 * cores, np.uint64)
    wall_read, spent_read = least(lambda: _read(memory, shares))
    bandwidth = memory.nbytes / wall_read, memory.nbytes / spent_read
    words, turns, totals = np.arange(1 << 9, dtype=np.uint64), 1 << 17, np.zeros(4 * cores, np.int64)
    all_words = words.size * turns * totals.size
    counted = all_words / least(lambda: _count(words, turns, totals))[1]
    compared = all_words / least(lambda: _differ(words, turns, totals))[1]
    lines = [
        f"{cores} cores read {bandwidth[0] / 1e9:.1f} GB a second from memory (512 MiB summed; "
        f"{bandwidth[1] / 1e9:.1f} GB a CPU second). In the nearest cache they count the bits of {counted / 1e9:.1f} G "
        f"words a CPU second, and compare {compared / 1e9:.1f} G words of three planes by the search's own loop.",
        "",
        "| sites | found | CPU s | words compared a CPU second | share of counting alone | share of its loop in cache "
        "| GB from memory a CPU second | share of bandwidth |",
        "|---|---|---|---|---|---|---|---|",
    ]
    print(lines[0], flush=True)
    for sites in (64, 128, 256):
        rows, found = drawn(participants, samples, sites)
        planes = from_packed(rows, participants)
        size = sum(one.nbytes for one in (planes.het, planes.hom, planes.called))
        for count in (1, samples):
            some = from_calls(found[:, :count])
            rounds = max(1, 200 // count)

            def search(some: Any = some, planes: Any = planes, rounds: int = rounds) -> None:
                for _ in range(rounds):
                    nearest(some, planes)

            spent = least(search)[1] / rounds
            # One share of the samples passes over all planes: as many passes as shares, at most one a sample.
            passes = max(1, min(count, 4 * cores))
            pairs = count * participants * len(planes.het) / spent
            far = passes * size / spent
            lines.append(
                f"| {sites} | {count:,} | {spent:.4f} | {pairs / 1e9:.2f} G | {pairs / counted:.0%} "
                f"| {pairs / compared:.0%} | {far / 1e9:.2f} | {far / bandwidth[1]:.0%} |"
            )
            print(lines[-1], flush=True)
    return lines


def dask_table(participants: int, samples: int, work: Path) -> Lines:
    """The search of a store by stretches: in this process, and on two worker processes of a cluster on this machine."""
    from distributed import LocalCluster

    write_store(work, random_parts(participants, 128), KEY)
    store = open_store(work, KEY)
    assert store is not None
    sites = np.arange(128)
    found = with_errors(store.rows(sites)[:, :samples], 0.01, 0.02, np.random.default_rng(8))
    answers = {}

    def search(name: str) -> None:
        answers[name] = partitions.nearest_in_store(found, store, sites, coding_known=True, kin=False)

    wall, spent = least(lambda: search("here"), 3)
    rows = [("this process, two threads", wall, spent, 0.0)]
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        os.environ[partitions.SCHEDULER] = cluster.scheduler_address
        try:
            search("cluster")
            started = _workers_cpu(cluster)
            taken = [cpu(lambda: search("cluster")) for _ in range(3)]
            workers = (_workers_cpu(cluster) - started) / len(taken)
        finally:
            del os.environ[partitions.SCHEDULER]
            partitions._client(cluster.scheduler_address).close()
            partitions._client.cache_clear()
    rows.append(
        (
            "Dask, two worker processes",
            min(one[0] for one in taken),
            min(one[1] for one in taken),
            workers,
        )
    )
    same = all(np.array_equal(a, b) for a, b in zip(answers["here"], answers["cluster"], strict=True))
    lines = [
        f"{samples:,} found samples against {participants:,} participants at 128 sites, from an encrypted index in "
        f"{len(partitions.stretches(participants))} stretches; the same answer: {'yes' if same else 'NO'}:",
        "",
        "| where | wall s | CPU s of this process | CPU s of the workers | pairs a CPU second of both |",
        "|---|---|---|---|---|",
    ]
    for name, wall, spent, workers in rows:
        lines.append(
            f"| {name} | {wall:.2f} | {spent:.2f} | {workers:.2f} | {samples * participants / (spent + workers):.2e} |"
        )
        print(lines[-1], flush=True)
    return lines


def _workers_cpu(cluster: Any) -> float:
    """CPU seconds of the cluster's worker processes up to now, their threads and helpers among them."""
    total = 0.0
    for worker in cluster.workers.values():
        words = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(one) for one in words[11:13]) / os.sysconf("SC_CLK_TCK")
    return total


def index_lines(participants: int, variants: int, work: Path) -> Lines:
    """Builds the index of a large cohort in a process of its own, from a stream of calls, and tells its peak memory."""
    code = (
        "import sys,time\n"
        "from pathlib import Path\n"
        "from tests.bench.genotype_speed import random_parts, KEY\n"
        "from matcher.genotypes.store import write_store\n"
        f"start=time.perf_counter(); write_store(Path(sys.argv[1]), random_parts({participants},{variants}), KEY)\n"
        "peak=next(x for x in open('/proc/self/status') if x.startswith('VmHWM')).split()[1]\n"
        "print(time.perf_counter()-start, int(peak)/2**20)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(work)], capture_output=True, text=True, check=True)
    seconds, memory = map(float, done.stdout.split())
    size = sum(path.stat().st_size for path in (work / "genotypes").iterdir())
    line = (
        f"Index of {participants:,} × {variants:,}, encrypted: {seconds:.0f} s with the drawing of the calls, "
        f"{memory:.2f} GiB at the peak, {size / 2**30:.2f} GiB on disk."
    )
    print(line, flush=True)
    return [line]


def random_parts(participants: int, variants: int, step: int = 64) -> Iterator[Genotypes]:
    """A stream of random calls that costs little to draw: rows of one block, shifted."""
    rng = np.random.default_rng(1)
    block = rng.binomial(2, 0.3, participants).astype(np.int8)
    samples = tuple(f"p{number}" for number in range(participants))
    for start in range(0, variants, step):
        rows = np.arange(start, min(start + step, variants))
        calls = np.stack([np.roll(block, int(one)) for one in rng.integers(participants, size=len(rows))])
        yield Genotypes(
            samples=samples,
            chromosomes=tuple(str(1 + row * 22 // variants) for row in rows),
            positions=(rows + 1) * 1000,
            names=tuple(f"rs{row}" for row in rows),
            alleles_a=("A",) * len(rows),
            alleles_b=("G",) * len(rows),
            dosages=calls,
        )


PARTS = ("speed", "limits", "dask", "index")


def part_lines(part: str, work: Path, *, quick: bool) -> Lines:
    participants, samples = (50_000, 1_000) if quick else (500_000, 10_000)
    (work / part).mkdir()
    print(f"{part}:", flush=True)
    if part == "speed":
        return speed_table(participants, samples)
    if part == "limits":
        return limits_table(participants, samples // 10)
    if part == "dask":
        # At least two stretches, so that there is something to share out.
        return dask_table(max(participants, 2 * partitions.PEOPLE), samples, work / part)
    return index_lines(participants, 2_000 if quick else 20_000, work / part)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a tenth of everything")
    words.add_argument("--part", choices=PARTS, action="append")
    words.add_argument("--out", type=Path)
    asked = words.parse_args()
    work, lines = Path(tempfile.mkdtemp(prefix="bench-speed-")), []
    try:
        for part in asked.part or PARTS:
            lines += [*part_lines(part, work, quick=asked.quick), ""]
    finally:
        shutil.rmtree(work)
    print("\n".join(lines))
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
