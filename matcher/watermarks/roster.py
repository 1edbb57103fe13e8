"""Who is in the cohort, as 64-bit names in an order that only grows, and where marks lie in the cohort's folder.

`COHORT/marks/` holds `roster.sealed`, one `SOURCE.sealed` for every source file (calls or values as they were before
marking) and `releases/RELEASE.sealed`. No raw id, no marked value, no key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from matcher.watermarks.sealed import SealedReader, SealedWriter
from matcher.watermarks.units import derive, participant_units


def marks_folder(cohort_folder: Path) -> Path:
    return cohort_folder / "marks"


def release_file(cohort_folder: Path, release: str) -> Path:
    return marks_folder(cohort_folder) / "releases" / f"{release}.sealed"


def manifest_file(cohort_folder: Path, release: str) -> Path:
    """The signed commitment of a release; it may be shown to anyone."""
    return marks_folder(cohort_folder) / "releases" / f"{release}.manifest.json"


def source_file(cohort_folder: Path, digest: str) -> Path:
    return marks_folder(cohort_folder) / f"{digest[:32]}.sealed"


def sealing_key(master: bytes) -> bytes:
    return derive(master, "sealed")


def plain_id(sample: str) -> str:
    """`123_123`, as PLINK writes family and sample, is participant 123."""
    left, _, right = sample.strip().partition("_")
    return left if left == right else sample.strip()


def digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(slots=True)
class Roster:
    """Participants in the order in which they were first met."""

    units: npt.NDArray[np.uint64]
    master: bytes

    @classmethod
    def read(cls, cohort_folder: Path, master: bytes) -> Roster:
        path = marks_folder(cohort_folder) / "roster.sealed"
        if not path.exists():
            return cls(np.zeros(0, dtype=np.uint64), master)
        return cls(SealedReader(path, sealing_key(master)).array("units"), master)

    def write(self, cohort_folder: Path) -> None:
        with SealedWriter(marks_folder(cohort_folder) / "roster.sealed", sealing_key(self.master)) as out:
            out.array("units", self.units)

    def knows(self, ids: Iterable[str]) -> bool:
        """True where any of them is in the cohort's releases already."""
        units = participant_units(self.master, (plain_id(one) for one in ids))
        return bool(np.isin(units, self.units).any())

    def numbers(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Each id's number; new participants are appended."""
        wanted = participant_units(self.master, (plain_id(one) for one in ids))
        new = wanted[~np.isin(wanted, self.units)]
        if new.size:
            _, index = np.unique(new, return_index=True)
            self.units = np.concatenate([self.units, new[np.sort(index)]])
        order = np.argsort(self.units, kind="stable")
        return np.asarray(order[np.searchsorted(self.units[order], wanted)], dtype=np.int64)
