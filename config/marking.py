"""`release mark`: writes a marked copy for one recipient and registers it as that release."""

from __future__ import annotations

from collections.abc import Sequence
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
) -> dict[str, Any]:
    """Writes the marked copy into `out` and registers it; answers counts for the log.

    Raises:
        BadSettings: there is nothing to mark.
    """
    from matcher.enrol import add_release, require_usable
    from matcher.genotypes.enrol_release import Copied
    from matcher.library import cohort_folder

    if not genotypes and not phenotypes:
        raise BadSettings("there is nothing to mark; give --genotypes or --phenotypes")
    require_usable(workspace.enrolment, cohort, release, recipient)
    out.mkdir(parents=True, exist_ok=True)
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
    places = next((one.places for one in marked.files if one.kind == "genotypes"), None)
    try:
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
            copied=Copied(tuple(genotypes), places) if places is not None else None,
            prepare=lambda _folder: {"marks": marked.manifest},
        )
    finally:
        marked.forget_ids()  # the bridge holds participants' ids
    commitment = marked.manifest.get("commitment_sha256")
    return {"files": len(marked.files), "ids": marked.ids_count, "commitment_sha256": commitment}


def _marked(**given: Any) -> MarkedRelease:
    from matcher.watermarks.mark import mark_release

    try:
        return mark_release(**given)
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
