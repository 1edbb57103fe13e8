"""`release mark`: writes a marked copy for one recipient and registers it as that release."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.errors import BadSettings
from config.workspace import Workspace

if TYPE_CHECKING:
    from matcher.watermarks.mark import MarkedRelease


def mark_and_register(
    workspace: Workspace,
    cohort: str,
    release: str,
    *,
    recipient: str,
    out: Path,
    genotypes: Sequence[Path],
    phenotypes: Sequence[Path],
    id_column: str | None,
    canaries: int,
    donors: Path | None = None,
    delivered: date | None = None,
    tell: Callable[[dict[str, Any]], None] | None = None,
) -> None:
    """Writes the marked copy into `out` and registers it; `tell` is told counts for the log before that is done.

    Raises:
        BadSettings: there is nothing to mark.
        BadSourceFile: a file cannot be marked or registered; then no copy is left that could be handed over.
    """
    from matcher.enrol import require_usable
    from matcher.given_ids import require_columns
    from matcher.library import cohort_folder

    if not genotypes and not phenotypes:
        raise BadSettings("there is nothing to mark; give --genotypes or --phenotypes")
    require_usable(workspace.enrolment, cohort, release, recipient)
    require_columns([path for path in phenotypes if path.is_file()], id_column)
    with _all_or_nothing(out):
        marked = _marked(
            cohort_folder=cohort_folder(workspace.settings.indexes_folder, cohort),
            release=release,
            recipient=recipient,
            genotypes=genotypes,
            phenotypes=phenotypes,
            out=out,
            key=workspace.keys.matching.marks,
            id_column=id_column,
            canaries=canaries,
            donors=donors,
        )
        try:
            _register(
                workspace, cohort, release, marked, recipient, tuple(genotypes), id_column, delivered, tell
            )
        finally:
            marked.forget_ids()  # the bridge holds participants' ids


def _register(
    workspace: Workspace,
    cohort: str,
    release: str,
    marked: MarkedRelease,
    recipient: str,
    sources: tuple[Path, ...],
    id_column: str | None,
    delivered: date | None,
    tell: Callable[[dict[str, Any]], None] | None,
) -> None:
    from matcher.enrol import add_release
    from matcher.genotypes.enrol_release import Copied

    counts = {
        "files": len(marked.files),
        "ids": marked.ids_count,
        "commitment_sha256": marked.manifest.get("commitment_sha256"),
    }
    places = next((one.places for one in marked.files if one.kind == "genotypes"), None)
    add_release(
        workspace.enrolment,
        cohort,
        release,
        recipient=recipient,
        ids=marked.ids_file,
        genotypes=marked.of_kind("genotypes"),
        phenotypes=marked.of_kind("phenotypes"),
        id_column=id_column,
        delivered=delivered,
        marked=True,
        copied=Copied(sources, places) if places is not None else None,
        prepare=lambda _folder: {"marks": marked.manifest},
        tell=(lambda _row: tell(counts)) if tell is not None else None,
    )


@contextmanager
def _all_or_nothing(out: Path) -> Iterator[None]:
    """Leaves `out` as empty as it was where the block does not end well: a copy that is registered nowhere would be
    nobody's when it leaks.
    """
    out.mkdir(parents=True, exist_ok=True)
    was_empty = not any(out.iterdir())
    try:
        yield
    except BaseException:  # whoever stops the command, too
        for file in out.iterdir() if was_empty else ():
            file.unlink()
        raise


def _marked(**given: Any) -> MarkedRelease:
    """Raises BadSettings for what the readers of files to mark say nothing of themselves."""
    from matcher.watermarks.mark import mark_release

    try:
        return mark_release(**given)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadSettings("a file to mark breaks off or is damaged; give a whole copy of it") from None
    except csv.Error:
        raise BadSettings(
            "a file to mark has a cell that is too long, or quotes that do not close; mend the file"
        ) from None
    except UnicodeDecodeError:
        raise BadSettings(
            "a file to mark is no text in UTF-8; write it anew as such, or give Parquet or genotypes"
        ) from None


def explain_find(
    workspace: Workspace, cohort: str, release: str, paths: Sequence[Path], out: Path
) -> tuple[str, float]:
    """Writes into `out` what counsel is given about these files and that release; answers the sentence and decades.

    Raises:
        BadSettings: no such file or cohort, or `out` is not empty.
        NoMarks: the release is not marked, or the files share nothing with its sources.
    """
    from config.database import reading
    from matcher.contents import FileEnded, Genotypes, Table
    from matcher.genotypes.called_tables import with_calls
    from matcher.library import read_library
    from matcher.reading import read_path
    from matcher.watermarks.explain import explain_release
    from matcher.watermarks.marks import sketch

    for path in paths:
        if not path.exists():
            raise BadSettings(f"there is no {path}; check the path")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadSettings(f"{out} is not an empty folder; name one that does not exist yet")
    with reading(workspace.engine) as session:
        library = [
            one for one in read_library(session, workspace.settings.indexes_folder) if one.name == cohort
        ]
    if not library:
        raise BadSettings(f"no cohort is named {cohort!r}; see `cohortwatch cohort list`")
    found = sketch(workspace.keys.matching)  # one for all files: what stands in two of them counts once
    files = []
    for path in paths:
        for event in with_calls(read_path(path, workspace.limits)):
            if isinstance(event, Table | Genotypes):
                found.add(event)
            elif isinstance(event, FileEnded):
                files.append({"sha256": event.sha256, "bytes": event.size})
    told = explain_release(found, library[0], release, workspace.keys.matching.marks, files)
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in told.files.items():
        (out / name).write_text(text, encoding="utf-8")
    return told.sentence, told.log10_odds
