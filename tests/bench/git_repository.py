"""A git repository of public research content with a few leaks of a cohort, by seed, for the bench of histories."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import openpyxl
import polars as pl

from tests.matcher.research import KINDS, script

A_COMMIT = 20
"""Files that one commit brings."""
SHARES: dict[str, tuple[float, float]] = {
    # of the blobs, and their size by the mean of all
    "src/analysis.py": (0.34, 0.12),
    "notebooks/tutorial.ipynb": (0.17, 2.0),
    "data/measurements.csv": (0.12, 1.5),
    "data/gwas.tsv": (0.09, 4.0),
    "README.md": (0.08, 0.05),
    "data/gwas.txt.gz": (0.05, 1.5),
    "data/peaks.bed": (0.03, 1.0),
    "logs/timings.log": (0.02, 0.5),
    "tests/fixture.json": (0.02, 0.3),
    "LICENSE": (0.01, 0.05),
    "docs/fields.csv": (0.01, 0.3),
    "docs/coding.tsv": (0.01, 0.3),
    "refs/pmids.txt": (0.01, 0.1),
    "logs/files.txt": (0.01, 0.1),
    "data/admissions.csv": (0.01, 0.2),
    "CHANGES.md": (0.01, 0.1),
    "tutorial/toy.csv": (0.01, 0.3),
}


# --- the leaks -------------------------------------------------------------------------------------------------


def _sheet(frame: pl.DataFrame) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (frame.columns, *frame.rows()):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def _zipped(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/pheno.csv", frame.write_csv())
    return out.getvalue()


def _parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _database(frame: pl.DataFrame) -> bytes:
    with sqlite3.connect(":memory:") as database:
        names = ", ".join(f'"{name}"' for name in frame.columns)
        database.execute(f"CREATE TABLE pheno ({names})")
        marks = ", ".join("?" * frame.width)
        database.executemany(f"INSERT INTO pheno VALUES ({marks})", frame.rows())
        return database.serialize()


def _printed(frame: pl.DataFrame) -> bytes:
    text = frame.head(30).write_csv(separator=" ").splitlines(keepends=True)
    output = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "metadata": {},
        "source": ["df.head(30)"],
        "outputs": [output],
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _listed(frame: pl.DataFrame) -> bytes:
    ids = ", ".join(frame["eid"].to_list()[:25])
    return script(np.random.default_rng(5), 4_000) + f"\nexclude = [{ids}]\n".encode()


def _nameless(frame: pl.DataFrame) -> bytes:
    return frame.drop("eid").write_csv().encode()


LEAKS: dict[str, Callable[[pl.DataFrame], bytes]] = {
    "derived/final.csv": lambda frame: frame.write_csv().encode(),
    "derived/final.tsv": lambda frame: frame.write_csv(separator="\t").encode(),
    "derived/withdrawn.txt": lambda frame: "\n".join(frame["eid"].to_list()[:60]).encode(),
    "derived/exclude.py": _listed,
    "derived/look.ipynb": _printed,
    "derived/final.csv.gz": lambda frame: gzip.compress(frame.write_csv().encode(), mtime=0),
    "derived/final.parquet": _parquet,
    "derived/final.xlsx": _sheet,
    "derived/final.zip": _zipped,
    "derived/final.db": _database,
    "derived/no_ids.csv": _nameless,
}


# --- the repository --------------------------------------------------------------------------------------------


@dataclass
class History:
    """A stream for `git fast-import`, commit by commit."""

    out: IO[bytes]
    number: int = 0
    held: list[bytes] = field(default_factory=list)
    bytes: int = 0

    def bring(self, path: str, data: bytes) -> None:
        self.held.append(b"M 100644 inline %b\ndata %d\n%b\n" % (path.encode(), len(data), data))
        self.bytes += len(data)
        if len(self.held) >= A_COMMIT:
            self.commit()

    def commit(self) -> None:
        self.number += 1
        when = 1_600_000_000 + 3600 * self.number
        self.out.write(
            b"commit refs/heads/main\ncommitter A <a@example.org> %d +0000\ndata 7\nchange\n\n" % when
        )
        self.out.writelines(self.held)
        self.held.clear()


def _versions(seed: int, blobs: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Files and new versions of them; a script that is brought again differs in some lines."""
    rng = np.random.default_rng(seed)
    names, odds = list(SHARES), np.array([share for share, _ in SHARES.values()])
    mean = size / blobs / float(sum(share * scale for share, scale in SHARES.values()) / odds.sum())
    last: dict[str, list[bytes]] = {}
    for pick in rng.choice(len(names), blobs, p=odds / odds.sum()).tolist():
        name = names[pick]
        folder, stem = name.rpartition("/")[::2]
        path = f"project{rng.integers(0, 30)}/{folder or '.'}/{rng.integers(0, 12)}_{stem}".replace(
            "/./", "/"
        )
        wanted = max(200, int(mean * SHARES[name][1] * rng.lognormal(-0.18, 0.6)))
        if KINDS[name] is script and path in last:
            lines = last[path]
            for at in rng.integers(0, len(lines), 1 + len(lines) // 20).tolist():
                lines[at] = script(rng, 40).partition(b"\n")[0]
            yield path, b"\n".join(lines)
            continue
        data = KINDS[name](rng, wanted)
        if KINDS[name] is script:
            last[path] = data.split(b"\n")
        yield path, data


def make_repository(folder: Path, leaks: dict[str, bytes], blobs: int, size: int) -> int:
    """A repository of so many blobs and so many bytes in all; how many bytes they are."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True)
    words = ["git", "-c", "core.compression=1", "fast-import", "--quiet"]
    with subprocess.Popen(words, cwd=folder, stdin=subprocess.PIPE) as git:
        assert git.stdin is not None
        history = History(git.stdin)
        waiting = list(leaks.items())
        every = max(1, blobs // (len(waiting) + 1))
        for number, (path, data) in enumerate(_versions(1, blobs - len(waiting), size)):
            history.bring(path, data)
            if waiting and number % every == every - 1:
                history.bring(*waiting.pop())
        for path, data in waiting:
            history.bring(path, data)
        history.commit()
        history.held = [b"D %b\n" % path.encode() for path in list(leaks)[::2]]
        history.commit()
        git.stdin.close()
    assert git.returncode == 0
    return history.bytes
