"""`release mark`: writes a marked copy for one recipient and registers it as that release."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.errors import BadSettings
from config.workspace import Workspace


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
) -> dict[str, Any]:
    """Writes the marked copy into `out` and registers it; answers counts for the log.

    Raises:
        BadSettings: there is nothing to mark.
    """
    from matcher.enrol import add_release, require_free
    from matcher.library import cohort_folder, release_folder
    from matcher.watermarks.mark import mark_release

    if not genotypes and not phenotypes:
        raise BadSettings("there is nothing to mark; give --genotypes or --phenotypes")
    require_free(workspace.enrolment, cohort, release)
    indexes = workspace.settings.indexes_folder
    out.mkdir(parents=True, exist_ok=True)
    marked = mark_release(
        cohort_folder=cohort_folder(indexes, cohort),
        release=release,
        recipient=recipient,
        genotypes=genotypes,
        phenotypes=phenotypes,
        out=out,
        key=workspace.keys.matching.marks,
        id_column=id_column,
        canaries=canaries,
    )

    def keep_marks(folder: Path) -> dict[str, Any]:
        marks = release_folder(indexes, cohort, release) / "marks"
        if marks.exists():
            shutil.move(marks, folder / "marks")
        return {"marks": marked.manifest}

    add_release(
        workspace.enrolment,
        cohort,
        release,
        recipient=recipient,
        ids=marked.ids_file,
        genotypes=marked.of_kind("genotypes"),
        phenotypes=marked.of_kind("phenotypes"),
        id_column=id_column,
        marked=True,
        prepare=keep_marks,
    )
    marked.forget_ids()
    return {"files": len(marked.files), "ids": marked.ids_count}
