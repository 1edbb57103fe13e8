"""Bench of git histories: ours, opening every format, against the public rule of seven-digit numbers, blob by blob.

Run `python -m tests.bench.git_history [--blobs N] [--bytes N] [--public N]`. The repository is made by seed: public
research content in many commits, and a few leaks of a synthetic cohort, half of them deleted later. The rule goes
through the history as UK Biobank's audit tool does: one `git show` for each blob, text in UTF-8 only, and numbers from
1,000,000 to 6,500,000 that stand alone are counted. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from matcher import reader_process
from matcher.examine import Examiner
from matcher.reading import read_path
from matcher.sketches import EnrolledCohort
from tests.bench.git_repository import LEAKS, make_repository
from tests.matcher.research import public_repository
from tests.matcher.tables.made import KEYS, cohort_of_ids, draw_ids, draw_people, enrol_cohort, write_csv

PEOPLE = 20_000
_EID = re.compile(r"(?<![\d.])(?<![rR][sS])(?:[1-5]\d{6}|6[0-4]\d{5}|6500000)(?!\d)")
FLAGGED_AT = (1, 10, 100)
"""Distinct numbers from which the rule flags a file; the tool itself lists every file that has one."""


# --- the public rule -------------------------------------------------------------------------------------------


def blobs_of(folder: Path) -> dict[str, str]:
    """Every blob that a reference reaches, and a path of it."""
    listed = subprocess.run(
        ["git", "rev-list", "--objects", "--all"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    checked = subprocess.run(
        ["git", "cat-file", "--batch-check=%(objecttype) %(objectname) %(rest)"],
        cwd=folder, check=True, capture_output=True, text=True, input=listed,
    ).stdout  # fmt: skip
    rows = (line.split(" ", 2) for line in checked.splitlines() if line.startswith("blob "))
    return {name: path for _, name, path in rows}


def blobs_of_commits(folder: Path) -> dict[str, str]:
    """The same as the tool asks for it: the whole tree of each commit, one process for each."""
    commits = subprocess.run(
        ["git", "log", "--all", "--format=%H"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.split()
    found: dict[str, str] = {}
    for commit in commits:
        tree = subprocess.run(
            ["git", "ls-tree", "-r", "-z", commit], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        for entry in tree.split("\0")[:-1]:
            head, path = entry.split("\t", 1)
            found[head.split()[2]] = path
    return found


def numbers_in(data: bytes) -> int:
    """Distinct numbers that the rule takes for ids; none where it cannot decode the file."""
    try:
        return len(set(_EID.findall(data.decode("utf-8"))))
    except UnicodeDecodeError:
        return 0


def rule_by_process(folder: Path, blobs: dict[str, str], *words: str) -> dict[str, int]:
    """Numbers by blob; git is started anew for each of them."""
    return {
        name: numbers_in(subprocess.run(["git", *words, name], cwd=folder, capture_output=True).stdout)
        for name in blobs
    }


def rule_by_batch(folder: Path, blobs: dict[str, str]) -> dict[str, int]:
    """The same with one process for all blobs."""
    counts = {}
    with tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{name}\n" for name in blobs).encode())
        asked.seek(0)
        words = ["git", "cat-file", "--batch", "--buffer"]
        with subprocess.Popen(words, cwd=folder, stdin=asked, stdout=subprocess.PIPE) as git:
            assert git.stdout is not None
            for name in blobs:
                size = int(git.stdout.readline().split()[2])
                counts[name] = numbers_in(git.stdout.read(size))
                git.stdout.read(1)
    return counts


# --- ours ------------------------------------------------------------------------------------------------------


def accused(folder: Path, cohort: EnrolledCohort) -> set[str]:
    """The files, by commit and path, that an examination finds probable or more."""
    answers = Examiner((cohort,), KEYS).paths([folder])
    found = {one["path"] for one in answers if one["verdict"] in ("probable", "confirmed")}
    return {path.removeprefix(str(folder)).partition("!/")[0] for path in found}


def enrolled(folder: Path, ids: list[str], people: dict[str, list[str]]) -> dict[str, EnrolledCohort]:
    """The cohort by its ids and values, and by its ids alone."""
    source = write_csv(folder / "cohort.csv", {"eid": ids, **people})
    enrol_cohort(folder / "both", [source], "eid", KEYS)
    (folder / "ids").mkdir()
    return {
        "ids alone": cohort_of_ids(folder / "ids", {}, ids),
        "ids and values": EnrolledCohort("c", len(ids), folder / "both"),
    }


def leaks_of(ids: list[str], people: dict[str, list[str]]) -> dict[str, bytes]:
    """Every way of leaking, twice, of different people; by path."""
    whole = pl.DataFrame({"eid": ids, **people})
    frames = (whole.sample(200, seed=seed)[:, :9] for seed in range(2 * len(LEAKS)))
    return {
        f"group{number}/{path}": LEAKS[path](next(frames)) for number in range(2) for path in sorted(LEAKS)
    }


# --- the tables ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds of some work, with those of every process that it started."""

    wall: float
    cpu: float


def cpu_seconds() -> float:
    """Of this process, of those that ended, and of the readers that wait for more."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ticks = 0
    for waiting in reader_process._idle.values():
        for reader in waiting:
            told = Path(f"/proc/{reader.pid}/stat").read_text().rpartition(") ")[2].split()
            ticks += sum(map(int, told[11:15]))
    return sum(one.ru_utime + one.ru_stime for one in used) + ticks / os.sysconf("SC_CLK_TCK")


def spent(work: Callable[[], Any]) -> tuple[Any, Spent]:
    cpu, wall = cpu_seconds(), time.perf_counter()
    found = work()
    return found, Spent(time.perf_counter() - wall, cpu_seconds() - cpu)


def of_rule(folder: Path, leaks: set[str]) -> Iterator[tuple[str, str, Spent]]:
    """What the rule finds, in the ways of asking git."""
    ways: dict[str, Callable[[dict[str, str]], dict[str, int]]] = {
        "rule, `git show` a blob": lambda blobs: rule_by_process(folder, blobs, "show"),
        "rule, `git cat-file` a blob": lambda blobs: rule_by_process(folder, blobs, "cat-file", "blob"),
        "rule, `git cat-file --batch`": lambda blobs: rule_by_batch(folder, blobs),
    }
    for name, way in ways.items():
        (blobs, counts), took = spent(lambda way=way: (blobs := blobs_of(folder), way(blobs)))  # type: ignore[misc]
        flagged = [[blobs[blob] for blob, count in counts.items() if count >= least] for least in FLAGGED_AT]
        found = " · ".join(f"{len(leaks.intersection(paths))}/{len(leaks)}" for paths in flagged)
        wrong = " · ".join(f"{sum(path not in leaks for path in paths):,}" for paths in flagged)
        yield name, f"{found} | {wrong}", took
    yield (
        "rule, the listing by commits that the tool adds",
        "– | –",
        spent(lambda: blobs_of_commits(folder))[1],
    )


def of_ours(
    folder: Path, cohorts: dict[str, EnrolledCohort], leaks: set[str]
) -> Iterator[tuple[str, str, Spent]]:
    """What an examination finds, by what is enrolled; before that the reading of everything alone."""
    yield "cohortwatch, reading alone", "– | –", spent(lambda: sum(1 for _ in read_path(folder)))[1]
    for name, cohort in cohorts.items():
        found, took = spent(lambda cohort=cohort: accused(folder, cohort))  # type: ignore[misc]
        paths = [path.partition(":")[2] for path in found]
        wrong = sum(path not in leaks for path in paths)
        yield f"cohortwatch, {name}", f"{len(leaks.intersection(paths))}/{len(leaks)} | {wrong}", took


def history_table(folder: Path, blobs: int, size: int) -> Iterator[str]:
    ids, people = draw_ids(1, PEOPLE), draw_people(2, PEOPLE)
    leaks = leaks_of(ids, people)
    repository = folder / "repository"
    total, made = spent(lambda: make_repository(repository, leaks, blobs, size))
    cohorts = enrolled(folder, ids, people)
    for cohort in cohorts.values():  # starts the reader and compiles what is compiled
        accused(folder / "cohort.csv", cohort)
    yield f"{blobs:,} blobs, {total / 1e6:,.0f} MB, made in {made.wall:.0f} s; {len(leaks)} are leaks."
    yield f"The rule flags a file from {' · '.join(map(str, FLAGGED_AT))} distinct numbers."
    yield ""
    yield "| | leaks found | false alarms | seconds | CPU seconds | times faster than `git show` a blob | by CPU |"
    yield "|---|---|---|---|---|---|---|"
    first: Spent | None = None
    for name, told, took in chain(of_rule(repository, set(leaks)), of_ours(repository, cohorts, set(leaks))):
        first = first or took
        faster = f"{first.wall / took.wall:.2f} | {first.cpu / took.cpu:.2f}"
        yield f"| {name} | {told} | {took.wall:.1f} | {took.cpu:.1f} | {faster} |"


def public_table(folder: Path, count: int) -> Iterator[str]:
    """Verdicts on public-style repositories, of a cohort of 5,000."""
    cohorts = enrolled(folder, draw_ids(1, 5_000), draw_people(2, 5_000))
    for seed in range(count):
        for name, data in public_repository(seed).items():
            path = folder / "public" / f"r{seed:03}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    yield f"{count} public-style repositories against a cohort of 5,000."
    yield ""
    yield "| enrolled | files | none | possible | probable | confirmed |"
    yield "|---|---|---|---|---|---|"
    for name, cohort in cohorts.items():
        verdicts = Counter(one["verdict"] for one in Examiner((cohort,), KEYS).paths([folder / "public"]))
        told = " | ".join(f"{verdicts[one]:,}" for one in ("none", "possible", "probable", "confirmed"))
        yield f"| {name} | {verdicts.total():,} | {told} |"


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--blobs", type=int, default=10_000)
    asked.add_argument("--bytes", type=int, default=1_000_000_000)
    asked.add_argument("--public", type=int, default=0, help="so many public repositories instead")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if options.public:
            lines = public_table(Path(place), options.public)
        else:
            lines = history_table(Path(place), options.blobs, options.bytes)
        for line in lines:
            print(line, flush=True)


if __name__ == "__main__":
    main()
