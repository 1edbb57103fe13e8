"""`release mark`: writes a marked copy for one recipient and registers it as that release."""

from __future__ import annotations

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
    donors: Path | None = None,
) -> dict[str, Any]:
    """Writes the marked copy into `out` and registers it; answers counts for the log.

    Raises:
        BadSettings: there is nothing to mark.
    """
    from matcher.enrol import add_release, require_free
    from matcher.library import cohort_folder
    from matcher.watermarks.mark import mark_release

    if not genotypes and not phenotypes:
        raise BadSettings("there is nothing to mark; give --genotypes or --phenotypes")
    require_free(workspace.enrolment, cohort, release)
    out.mkdir(parents=True, exist_ok=True)
    marked = mark_release(
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
            prepare=lambda _folder: {"marks": marked.manifest},
        )
    finally:
        marked.forget_ids()  # the bridge holds participants' ids
    commitment = marked.manifest.get("commitment_sha256")
    return {"files": len(marked.files), "ids": marked.ids_count, "commitment_sha256": commitment}
