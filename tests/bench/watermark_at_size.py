"""Watermarks at a biobank's size: 500,000 people × 12,000 variants, marked, leaked and examined by the real commands.

Run `python tests/bench/watermark_at_size.py [--people N] [--variants N] [--releases N] [--seed N] [--folder DIR]`. All
is drawn by seed. A cohort is written as a .bed, enrolled in place and marked for one recipient with the command line;
the other releases are of the same source and are registered by the functions that the command calls, without writing a
copy for each. plink2 cuts leaks out of the marked copy, 1 % of their calls are made wrong and their ids taken away, and
`examine` looks at each. Disk: four times the .bed, in a folder that is removed. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from config.workspace import open_workspace
from matcher.enrol import add_release
from matcher.genotypes.holdings import HELD_FILE, holding_bytes
from matcher.library import cohort_folder, release_folder
from matcher.watermarks.mark import keep_release
from matcher.watermarks.plink_files import Plink1File
from matcher.watermarks.roster import manifest_file, release_file, sealing_key
from matcher.watermarks.sealed import SealedReader
from tests.bench.genotype_people import Panel, panel
from tests.bench.watermark_cohort import write_cohort

COHORT = "made"
IDS_EACH = 1_000
"""Ids of a release that is registered beside the marked one."""
ERRORS = 0.01
LOOK_EVERY = 0.02
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Ran:
    """One command: how it ended and what it took; memory in GiB, of the process itself and of all in its tree."""

    code: int
    said: str
    wall: float
    cpu: float
    own_peak: float
    peak: float

    @property
    def costs(self) -> str:
        return f"{self.wall:.1f} | {self.cpu:.1f} | {self.own_peak:.2f} | {self.peak:.2f}"


def command(home: Path, *words: str, fine: tuple[int, ...] = (0,)) -> Ran:
    """Runs one command of the program and watches what it takes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    peaks: dict[int, int] = {}
    together = 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as wrong:
        line = [sys.executable, "-m", "config.cli", "--home", str(home), *words]
        process = subprocess.Popen(line, stdout=out, stderr=wrong, cwd=ROOT)
        while process.poll() is None:
            alive = _peaks(process.pid)
            peaks |= alive
            together = max(together, sum(alive.values()))
            time.sleep(LOOK_EVERY)
        wall = time.perf_counter() - start
        out.seek(0)
        wrong.seek(0)
        if process.returncode not in fine:
            raise SystemExit(
                f"`{' '.join(words[:2])}` ended with {process.returncode}: {wrong.read()[-2000:]}"
            )
        said = out.read()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(process.returncode, said, wall, cpu, peaks.get(process.pid, 0) / 2**20, together / 2**20)


def _peaks(pid: int) -> dict[int, int]:
    """The most memory, in KiB, that this process and each of those under it have held (VmHWM)."""
    out = {}
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return {}  # it has just ended
    held = re.search(r"VmHWM:\s+(\d+)", status)
    if held:
        out[pid] = int(held[1])
    for child in children:
        out |= _peaks(int(child))
    return out


def say(line: str = "") -> None:
    print(line, flush=True)


def load() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


# --- what is leaked ---------------------------------------------------------------------------------------------


def leak(source: Path, out: Path, people: int, variants: int, rng: np.random.Generator) -> Path:
    """Cuts people × variants out of a .bed with plink2, makes 1 % of the calls wrong and takes the ids away."""
    samples = [line.split()[1] for line in source.with_suffix(".fam").read_text().splitlines()]
    names = [line.split()[1] for line in source.with_suffix(".bim").read_text().splitlines()]
    keep, extract = out.with_suffix(".keep"), out.with_suffix(".extract")
    chosen = rng.choice(len(samples), people, replace=False)
    keep.write_text("".join(f"{samples[one]}\t{samples[one]}\n" for one in chosen))
    extract.write_text("".join(f"{names[one]}\n" for one in rng.choice(len(names), variants, replace=False)))
    cut = out.with_name(f"{out.name}-cut")
    plink(
        "--bfile", str(source), "--keep", str(keep), "--extract", str(extract), "--make-bed", "--out", str(cut)
    )  # fmt: skip
    file = Plink1File(cut.with_suffix(".bed"))
    with file.writer(out.with_suffix(".bed"), [f"s{one}" for one in range(people)]) as writer:
        for block in file.blocks(1_000):
            calls = block.dosages.copy()
            wrong = (rng.random(calls.shape) < ERRORS) & (calls >= 0)
            calls[wrong] = (calls[wrong] + rng.integers(1, 3, int(wrong.sum()))) % 3
            writer.write(block, calls)
    return out.with_suffix(".bed")


def as_vcf(bed: Path) -> Path:
    stem = bed.with_suffix("")
    plink("--bfile", str(stem), "--export", "vcf", "bgz", "id-paste=iid", "--out", str(stem))
    return stem.with_suffix(".vcf.gz")


def plink(*words: str) -> None:
    subprocess.run(["plink2", *words, "--threads", "2", "--silent"], check=True, stdout=subprocess.DEVNULL)


# --- the other releases -----------------------------------------------------------------------------------------


def register(home: Path, count: int, seed: int) -> float:
    """Registers `count` more releases of the marked one's source, as `release mark` does; answers wall seconds."""
    workspace = open_workspace(home)
    folder = cohort_folder(workspace.settings.indexes_folder, COHORT)
    key = workspace.keys.matching.marks
    kept = SealedReader(release_file(folder, "r0"), sealing_key(key)).json("release")
    first = json.loads(manifest_file(folder, "r0").read_text(encoding="ascii"))["manifest"]
    content = {
        name: first[name] for name in ("version", "cohort", "id_design", "digit_rates", "protected_sha256")
    }
    rng = np.random.default_rng([seed, 8])
    ids = home / "ids.txt"
    held = holding_bytes(release_folder(workspace.settings.indexes_folder, COHORT, "r0"))

    def same_people(place: Path) -> dict[str, Any]:
        (place / "genotypes").mkdir()
        (place / "genotypes" / HELD_FILE).write_bytes(held or b"")
        return {}

    start = time.perf_counter()
    for number in range(1, count + 1):
        name, recipient = f"r{number}", f"Institute {number}"
        record = {**kept, "release": name, "recipient": recipient}
        keep_release(folder, key, record, {**content, "files": []})
        ids.write_text("".join(f"{one}\n" for one in rng.integers(10**9, 10**10, IDS_EACH).tolist()))
        add_release(
            workspace.enrolment, COHORT, name, recipient=recipient, ids=ids, marked=True, prepare=same_people
        )
    ids.unlink(missing_ok=True)
    workspace.engine.dispose()
    return time.perf_counter() - start


# --- the whole ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leak:
    """A found file, what it is, and whom `examine` must name."""

    what: str
    file: Path
    guilty: str | None
    people: int
    variants: int


def leaks(work: Path, founders: Panel, people: int, variants: int, seed: int) -> list[Leak]:
    """Two leaks of the marked copy, in two formats each, one of the source, and one of nobody's."""
    rng = np.random.default_rng([seed, 9])
    large = min(1_000, people // 2), min(1_000, variants // 2)
    small = min(200, people // 3), min(100, variants // 3)
    marked, source, strangers = work / "marked" / "source", work / "source", work / "strangers"
    write_cohort(strangers, founders, variants, large[0], seed + 1)
    out = []
    for name, size in (("large", large), ("small", small)):
        bed = leak(marked, work / f"leak-{name}", *size, rng)
        out += [Leak("marked copy", bed, "r0", *size), Leak("marked copy", as_vcf(bed), "r0", *size)]
    out.append(Leak("unmarked source", leak(source, work / "leak-unmarked", *large, rng), None, *large))
    out.append(Leak("strangers", leak(strangers, work / "leak-strangers", *large, rng), None, *large))
    return out


def examined(home: Path, one: Leak) -> bool:
    """Prints the row of one leak; True where exactly the right release was accused, or nobody where nobody should."""
    ran = command(home, "examine", str(one.file), "--json", fine=(0, 1))
    answer = json.loads(ran.said.splitlines()[0])
    accused = [match["release"] for match in answer["matches"] if match["standing"] == "accuse"]
    right = accused == ([one.guilty] if one.guilty else [])
    told = _told(answer)
    say(
        f"| {one.what}, {''.join(one.file.suffixes)} | {one.people:,} × {one.variants:,} | {answer['verdict']} "
        f"| {', '.join(accused) or 'nobody'}{'' if right else ' (WRONG)'} | {told} | {ran.costs} | {load()} |"
    )
    return right


def _told(answer: dict[str, Any]) -> str:
    """Decades of the genotype marks, and releases scored, from the words of the answer."""
    words = json.dumps(answer["matches"])
    decades = re.search(r"decades: genotypes ([+-][\d.]+)", words)
    scored = re.search(r"marks of \d+ of (\d+) marked releases", words)
    return f"{decades[1] if decades else '-'} | {int(scored[1]):,}" if scored else "- | all"


def run(work: Path, people: int, variants: int, releases: int, seed: int) -> bool:
    home, source = work / "home", work / "source"
    founders = panel(variants, seed + 3, founders=2_000 if people > 20_000 else 300)
    variants = min(variants, len(founders.positions))
    start, worked = time.perf_counter(), time.process_time()
    write_cohort(source, founders, variants, people, seed)
    size = source.with_suffix(".bed").stat().st_size / 2**30
    say(
        f"Cohort: {people:,} people × {variants:,} variants, .bed of {size:.2f} GiB, seed {seed}; drawn and written in "
        f"{time.perf_counter() - start:.0f} s ({time.process_time() - worked:.0f} s of CPU).\n"
    )
    command(home, "init")
    say("| step | wall, s | CPU, s | peak of the process, GiB | with its children, GiB | load before |")
    say("|---|---|---|---|---|---|")
    at = load()
    bed = str(source.with_suffix(".bed"))
    added = command(home, "cohort", "add", COHORT, "--genotypes", bed, "--in-place")
    say(f"| `cohort add --in-place` | {added.costs} | {at} |")
    at, out = load(), str(work / "marked")
    words = ("release", "mark", COHORT, "r0", "--recipient", "Institute 0", "--genotypes", bed, "--out", out)
    marked = command(home, *words)
    speed = people * variants / 1e6 / marked.cpu
    say(f"| `release mark`, {speed:.1f} million genotypes a CPU second | {marked.costs} | {at} |")
    found = leaks(work, founders, people, variants, seed)
    command(home, "examine", str(found[-1].file), fine=(0, 1))  # what is compiled once is compiled now
    seconds = register(home, releases - 1, seed)
    say(f"\n{releases - 1:,} more releases registered in {seconds:.0f} s.\n")
    say(
        "| leak, 1 % errors | people × variants | verdict | accused | decades | releases scored | wall, s | CPU, s "
        "| peak of the process, GiB | with its children, GiB | load after |"
    )
    say("|---|---|---|---|---|---|---|---|---|---|---|")
    return sum(examined(home, one) for one in found) == len(found)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--people", type=int, default=500_000)
    words.add_argument("--variants", type=int, default=12_000)
    words.add_argument("--releases", type=int, default=10_000)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--folder", type=Path, help="where to work; kept, not removed")
    asked = words.parse_args()
    work = asked.folder or Path(tempfile.mkdtemp(prefix="bench-watermark-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        right = run(work, asked.people, asked.variants, asked.releases, asked.seed)
    finally:
        if asked.folder is None:
            shutil.rmtree(work)
    if not right:
        raise SystemExit("a leak was not told as it should be")


if __name__ == "__main__":
    main()
