"""The library: what is enrolled, as matchers see it, and the matchers themselves."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.metadata import version as program_version
from pathlib import Path
from typing import cast

from sqlmodel import Session, col, select

from matcher.errors import NotEnrolled
from matcher.models import Cohort, Release
from matcher.sketches import EnrolledCohort, EnrolledRelease, Matcher

MATCHER_FOLDERS = ("genotypes", "tables", "texts", "watermarks")


def cohort_folder(indexes: Path, cohort: str) -> Path:
    return indexes / cohort


def release_folder(indexes: Path, cohort: str, release: str) -> Path:
    return indexes / cohort / "releases" / release


def read_library(session: Session, indexes: Path, only: Iterable[str] = ()) -> tuple[EnrolledCohort, ...]:
    """Every enrolled cohort with its releases, or those named in `only`.

    Raises:
        NotEnrolled: a name in `only` is not enrolled.
    """
    cohorts = session.exec(select(Cohort).order_by(col(Cohort.name))).all()
    wanted = set(only)
    unknown = sorted(wanted - {cohort.name for cohort in cohorts})
    if unknown:
        known = ", ".join(cohort.name for cohort in cohorts) or "none"
        raise NotEnrolled(f"no cohort is named {unknown[0]!r}; enrolled: {known}")
    return tuple(_enrolled(session, indexes, one) for one in cohorts if not wanted or one.name in wanted)


def _enrolled(session: Session, indexes: Path, cohort: Cohort) -> EnrolledCohort:
    releases = session.exec(
        select(Release).where(Release.cohort_id == cohort.id).order_by(col(Release.name))
    ).all()
    return EnrolledCohort(
        name=cohort.name,
        participants_count=cohort.participants_count,
        folder=cohort_folder(indexes, cohort.name),
        releases=tuple(
            EnrolledRelease(
                one.name,
                one.recipient,
                release_folder(indexes, cohort.name, one.name),
                date.fromisoformat(one.manifest["delivered"]) if "delivered" in one.manifest else None,
            )
            for one in releases
        ),
    )


@cache
def matchers() -> tuple[Matcher, ...]:
    """Every module of the matcher folders that has what a matcher gives."""
    found = []
    for folder in MATCHER_FOLDERS:
        package = importlib.import_module(f"matcher.{folder}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda one: one.name):
            one = importlib.import_module(f"matcher.{folder}.{module.name}")
            if all(hasattr(one, name) for name in ("NAME", "VERSION", "sketch", "compare")):
                found.append(cast("Matcher", one))
    return tuple(found)


def version(library: Iterable[EnrolledCohort]) -> str:
    """Which program, matchers, cohorts and releases an examination used; finds are examined anew when it changes.

    The program's own version is one of them, since readers of a new one see what those before it did not.
    """
    library = tuple(library)
    words = [f"cohortwatch={program_version('cohortwatch')}"]
    words += [f"{one.NAME}={one.VERSION}" for one in matchers()]
    for cohort in library:
        words += [cohort.name, *(f"{cohort.name}/{one.name}" for one in cohort.releases)]
        words += [
            f"{cohort.name}@{one.name}" for one in (cohort.folder / "genotypes" / "builds").glob("*.npz")
        ]
    return hashlib.sha256("\n".join(sorted(words)).encode()).hexdigest()[:16]
