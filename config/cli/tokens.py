"""`cohortwatch cohort tokens` and `cohort tokens-match`: the same people in two organisations' genotypes, by tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from config.cli.session import JsonOption, actor, enrolled, existing, opened, print_json
from config.errors import BadKeys, BadSettings
from config.keys import derive
from config.workspace import Workspace


def tokens(
    name: str,
    sites: Annotated[
        Path,
        typer.Option(
            help="The list of sites that both sides use: a .bim, a score, an array's.", callback=existing
        ),
    ],
    key: Annotated[Path, typer.Option(help="The hand-over's key: 64 hex digits, mode 0600.")],
    out: Annotated[Path, typer.Option(help="Where to write the tokens.")],
    find: Annotated[
        Path | None,
        typer.Option(
            help="Write those of this file's samples (VCF, BCF, PLINK), not the participants'.",
            callback=existing,
        ),
    ] = None,
    group_size: Annotated[
        int, typer.Option(min=2, max=8, help="Sites of a group; 2 for part of the sites.")
    ] = 2,
) -> None:
    """Write keyed tokens of genotypes, to compare with another organisation that has the same key and sites."""
    from matcher.genotypes.handover import choose_groups
    from matcher.genotypes.site_lists import read_sites
    from matcher.genotypes.token_files import read_key, write_tokens, write_tokens_of_find

    workspace = opened()
    store = _store_of(workspace, name, needed=find is None)
    secret = read_key(key)
    if derive(secret, "genotypes") == workspace.keys.matching.genotypes:
        raise BadKeys("that is this workspace's own master key; make another with `openssl rand -hex 32`")
    groups = choose_groups(read_sites(sites), group_size)
    unread: list[str] = []
    with _put_whole(out) as unfinished:
        if find is not None:
            people = write_tokens_of_find(unfinished, find, groups, secret, unread)
        else:
            people = write_tokens(unfinished, store, groups, secret)
        counts = {"people": people, "groups": len(groups), "of_find": find is not None}
        workspace.log.append(actor=actor(None), action="cohort.tokens", subject=name, details=counts)
    print(f"{people:,} people in {len(groups):,} groups of {group_size} sites: {out}")
    if unread:
        why = ", ".join(sorted(set(unread)))
        print(
            f"{len(unread):,} files of it were not read in full ({why}), so there may be more people and sites"
        )
    print(
        "Whoever has the key reads genotypes out of them: hand both over apart, and delete them when compared."
    )


@contextmanager
def _put_whole(out: Path) -> Iterator[Path]:
    """Where to write what takes the place of `out` when the block ends well, and is removed otherwise.

    Raises:
        BadSettings: there is something that is no file.
    """
    if out.exists() and not out.is_file():
        raise BadSettings(f"{out} is no file that tokens can be written to; give --out another name")
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        yield unfinished
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _store_of(workspace: Workspace, name: str, *, needed: bool) -> Any:
    """The cohort's genotypes; raises NotEnrolled, and BadSourceFile where they are needed and there are none."""
    from matcher.errors import BadSourceFile
    from matcher.genotypes.store import open_store

    store = open_store(enrolled(workspace, name).folder, workspace.keys.matching.genotypes)
    if store is None and needed:
        raise BadSourceFile(f"cohort {name!r} has no genotypes; add them, or give --find")
    return store


def tokens_match(one: Path, other: Path, json: JsonOption = False) -> None:
    """Say how many people of one file of tokens are people of the other."""
    from matcher.genotypes.handover import compare_tokens
    from matcher.genotypes.token_files import read_tokens, require_comparable

    mine, theirs = read_tokens(one), read_tokens(other)
    require_comparable(mine, theirs)
    answer = compare_tokens(mine.tokens, theirs.tokens, mine.groups)
    counts = {
        "people": len(mine.tokens),
        "same": int(answer.same.sum()),
        "same_or_kin": int(answer.same_or_kin.sum()),
        "alike": int(answer.alike.sum()),
        "too_few_groups": int(answer.too_few.sum()),
        "groups": len(mine.groups),
        "groups_needed": answer.groups_needed,
        "groups_lacking": answer.groups_lacking,
    }
    if json:
        print_json(counts)
    else:
        print(
            f"{counts['same']:,} of {counts['people']:,} people of {one.name} are among the "
            f"{len(theirs.tokens):,} of {other.name}"
        )
        if counts["same_or_kin"]:
            print(
                f"{counts['same_or_kin']:,} more are the same or close kin: too little of the genome to tell"
            )
        if counts["too_few_groups"]:
            print(
                f"{counts['too_few_groups']:,} cannot be told: {answer.groups_needed:,} groups in common are needed, "
                f"{answer.groups_lacking:,} more would do for the nearest of them"
            )
    if counts["same"] or counts["same_or_kin"]:
        raise typer.Exit(1)
