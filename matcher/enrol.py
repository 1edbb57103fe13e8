"""Registers cohorts and releases and builds their indexes.

Indexes are built in a folder of their own beside the final one and moved there when whole, before the row is
written: a run that dies leaves no half cohort, and the next one goes on with the genotypes and does the rest afresh.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from matcher.errors import AlreadyEnrolled, BadSourceFile, NotEnrolled
from matcher.library import cohort_folder, release_folder
from matcher.models import Cohort, Release
from matcher.publishing import published, sync_tree
from matcher.sketches import MatchingKeys

if TYPE_CHECKING:
    from matcher.genotypes.enrol_release import Copied

_GENOTYPES = ("genotypes",)
"""What a run that was killed left of a folder and the next one goes on with."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


LONGEST_LINE = 300
Row = TypeVar("Row", Cohort, Release)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Where indexes lie, under which keys, and which rows tell of them."""

    engine: Engine
    indexes: Path
    keys: MatchingKeys


def add_cohort(
    enrolment: Enrolment,
    name: str,
    *,
    title: str | None = None,
    genotypes: Sequence[Path] = (),
    phenotypes: Sequence[Path] = (),
    id_column: str | None = None,
    aliases: Sequence[str] = (),
    in_place: bool = False,
    tell: Callable[[Cohort], None] | None = None,
) -> Cohort:
    """Registers a source cohort and builds its indexes; only keyed hashes of ids and values are kept.

    With `in_place` genotypes are not copied: the index reads them from their .bed or .pgen, which must stay.
    `tell` is told of the row when all is built and nothing is registered yet; where it raises, nothing is.

    Raises:
        AlreadyEnrolled: the name is taken.
        BadSourceFile: no file was given, or one cannot be used.
    """
    from matcher.genotypes import enrol as genotypes_enrol
    from matcher.given_ids import require_columns
    from matcher.tables import enrol as tables_enrol
    from matcher.texts import enrol as texts_enrol

    _check_name(name)
    for line in (title or name, *aliases):
        _check_line("a title or another name of a cohort", line)
    _check_files([*genotypes, *phenotypes])
    if not genotypes and not phenotypes:
        raise BadSourceFile("a cohort needs data to be recognised by; give --genotypes or --phenotypes")
    _require_new(enrolment, name)
    require_columns(phenotypes, id_column)
    row = Cohort(name=name, title=title or name, participants_count=0)

    def build(folder: Path) -> None:
        _require_new(enrolment, name)  # another may have ended while this one waited for the folder
        if phenotypes:
            tables = tables_enrol.enrol_cohort(folder, phenotypes, id_column, enrolment.keys)
            row.participants_count = tables.participants_count
            row.columns_count = len(tables.columns)
        if genotypes:
            enrolled = genotypes_enrol.enrol(folder, genotypes, enrolment.keys, in_place=in_place)
            row.participants_count = max(row.participants_count, enrolled.samples_count)
            row.variants_count = enrolled.variants_count
            if not phenotypes:
                tables_enrol.enrol_ids(folder, enrolled.samples, enrolment.keys)
        texts_enrol.enrol_texts(folder, name, row.title, tuple(aliases))

    _publish(enrolment, cohort_folder(enrolment.indexes, name), bool(genotypes), build, row, tell)
    return row


def add_release(
    enrolment: Enrolment,
    cohort: str,
    release: str,
    *,
    recipient: str,
    ids: Path | None = None,
    genotypes: Sequence[Path] = (),
    phenotypes: Sequence[Path] = (),
    id_column: str | None = None,
    delivered: date | None = None,
    marked: bool = False,
    copied: Copied | None = None,
    prepare: Callable[[Path], dict[str, Any]] | None = None,
    tell: Callable[[Release], None] | None = None,
) -> Release:
    """Registers one hand-over to one recipient: its ids, what it held, and digests of its files.

    `copied` says what the genotypes were made from, if they were made here: they are not read anew.
    `prepare` may write more into the release's folder (its marks) and answers what to keep in the manifest. `tell` as
    in `add_cohort`.

    Raises:
        NotEnrolled: there is no such cohort.
        AlreadyEnrolled: the cohort has a release of that name.
        BadSourceFile: nothing was given, or a file cannot be used.
    """
    from matcher.genotypes import enrol_release as genotypes_enrol
    from matcher.given_ids import require_columns, require_list
    from matcher.tables import enrol as tables_enrol
    from matcher.texts.exact_copies import write_files

    cohort_id = require_usable(enrolment, cohort, release, recipient)
    files = [*([ids] if ids else []), *genotypes, *phenotypes]
    _check_files(files)
    if not files:
        raise BadSourceFile(
            "a release needs something to be told by; give --ids, --genotypes or --phenotypes"
        )
    require_columns(phenotypes, id_column)
    if ids is not None and not marked:  # what is marked has its list from here
        require_list(ids)
    base = cohort_folder(enrolment.indexes, cohort)
    row = Release(cohort_id=cohort_id, name=release, recipient=recipient, marked=marked)
    row.manifest = {"files": [_manifest_line(file) for file in files]}
    if delivered is not None:
        row.manifest["delivered"] = delivered.isoformat()

    def build(folder: Path) -> None:
        _require_free(enrolment, cohort, release)  # as in `add_cohort`
        tables = tables_enrol.enrol_release(
            folder, base, ids=ids, files=phenotypes, id_column=id_column, keys=enrolment.keys
        )
        row.ids_count = tables.ids_count
        if genotypes:
            enrolled = genotypes_enrol.enrol_release(folder, genotypes, enrolment.keys, base, copied)
            if not row.ids_count:
                row.ids_count = tables_enrol.enrol_ids(folder, enrolled.samples, enrolment.keys)
        write_files(folder, files, row.manifest["files"])
        if prepare is not None:
            row.manifest = {**row.manifest, **prepare(folder)}

    place = release_folder(enrolment.indexes, cohort, release)
    _publish(enrolment, place, bool(genotypes), build, row, tell)
    return row


def _publish(
    enrolment: Enrolment,
    place: Path,
    goes_on: bool,
    build: Callable[[Path], None],
    row: Row,
    tell: Callable[[Row], None] | None,
) -> None:
    """Builds the folder and puts it in its place together with its row.

    The row is written first and committed last: whoever adds the same name at the same moment waits for it or meets
    it, before their folder takes the place of this one. What cannot be told (to the log) is not done.
    """
    with Session(enrolment.engine, expire_on_commit=False) as session:
        with published(place, keep=_GENOTYPES if goes_on else ()) as folder:
            build(folder)
            sync_tree(folder)  # ahead of the row, as that keeps other writers waiting
            session.add(row)
            try:
                session.flush()
            except IntegrityError:
                raise AlreadyEnrolled(
                    f"{row.name!r} was registered by another process meanwhile; choose another name"
                ) from None
            if tell is not None:
                tell(row)
        session.commit()


def require_usable(enrolment: Enrolment, cohort: str, release: str, recipient: str) -> int:
    """The number of the cohort, if a release of that name to that recipient can be registered.

    Raises:
        NotEnrolled, AlreadyEnrolled: there is no such cohort, or it has a release of that name.
        BadSourceFile: the name or the recipient cannot be used.
    """
    _check_name(release)
    _check_line("a recipient", recipient)
    return _require_free(enrolment, cohort, release)


def _require_free(enrolment: Enrolment, cohort: str, release: str) -> int:
    with Session(enrolment.engine) as session:
        row = session.exec(select(Cohort).where(Cohort.name == cohort)).first()
        if row is None or row.id is None:
            raise NotEnrolled(
                f"no cohort is named {cohort!r}; add it first with `cohortwatch cohort add {cohort}`"
            )
        taken = select(Release).where(Release.cohort_id == row.id, Release.name == release)
        if session.exec(taken).first():
            raise AlreadyEnrolled(f"cohort {cohort!r} has a release {release!r} already; choose another name")
        return row.id


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise BadSourceFile(
            f"{name!r} cannot be a name; use letters, digits, dot, dash and underscore, at most 64"
        )


def _check_line(what: str, text: str) -> None:
    """Names of cohorts and recipients stand in letters, in searches and on terminals."""
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_LINE:
        raise BadSourceFile(
            f"{what} must be one line of text of at most {LONGEST_LINE} characters, without control characters; "
            "give it again"
        )


def _require_new(enrolment: Enrolment, name: str) -> None:
    with Session(enrolment.engine) as session:
        if session.exec(select(Cohort).where(Cohort.name == name)).first():
            raise AlreadyEnrolled(f"cohort {name!r} is registered already; choose another name")


def _check_files(files: Sequence[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise BadSourceFile(f"{file} is not a file that can be read; check the path")


def _manifest_line(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": file.name, "bytes": file.stat().st_size, "sha256": digest}
