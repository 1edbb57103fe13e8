"""Reference panels that are public (1000 Genomes and such): their samples are nobody's leak, and the answer says so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matcher.errors import AlreadyEnrolled, BadSourceFile
from matcher.genotypes.building import FOLDER as GENOTYPES
from matcher.genotypes.enrol import enrol
from matcher.genotypes.found import FoundGenotypes
from matcher.genotypes.identity import FEWEST_SITES, WEIGHED_SITES, identify
from matcher.genotypes.sites import choose, shared_sites
from matcher.genotypes.store import open_store
from matcher.publishing import published
from matcher.sketches import MatchingKeys

FOLDER = ".panels"
"""Beside the cohorts' folders; a cohort's name cannot begin with a dot."""


def add_panel(indexes: Path, name: str, files: Sequence[Path], keys: MatchingKeys) -> int:
    """Keeps the samples of a public panel; gives how many there are.

    Raises:
        AlreadyEnrolled: there is a panel of that name.
        BadSourceFile: the name or a file cannot be used.
    """
    from matcher.enrol import NAME

    if not NAME.fullmatch(name):
        raise BadSourceFile(
            f"{name!r} cannot be a name; use letters, digits, dot, dash and underscore, at most 64"
        )
    folder = indexes / FOLDER / name
    if folder.exists():
        raise AlreadyEnrolled(f"panel {name!r} is registered already; choose another name")
    with published(folder, keep=(GENOTYPES,)) as unfinished:
        return enrol(unfinished, files, keys).samples_count


def panels(indexes: Path) -> tuple[Path, ...]:
    """The folders of all public panels."""
    place = indexes / FOLDER
    return tuple(sorted(one for one in place.iterdir() if one.name[0] != ".")) if place.is_dir() else ()


def public_samples(
    found: FoundGenotypes, folders: Sequence[Path], keys: MatchingKeys
) -> tuple[str, int] | None:
    """The panel that holds most of the find's samples, and how many; None where none holds any."""
    best: tuple[str, int] | None = None
    for folder in folders if len(found) else ():
        store = open_store(folder, keys.genotypes)
        if store is None:
            continue
        shared = shared_sites(found.variants(), store)
        sites = choose(shared, store, WEIGHED_SITES) if len(shared) else ()
        if len(sites) < FEWEST_SITES:
            continue
        called = identify(found, store, shared, sites, kin=False)  # type: ignore[arg-type]
        count = int((called.same | called.same_or_sibling).sum())
        if count and (best is None or count > best[1]):
            best = (folder.name, count)
    return best
