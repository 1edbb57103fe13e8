"""What comes by git: a whole history as one bundle, and the large files that it only points to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from sqlalchemy import Engine

from crawler import frontier, large_files
from crawler.frontier import Content, Ending
from crawler.models import Lead
from crawler.passes import SourcePass
from crawler.plans import Manners
from crawler.platforms import Address, Offer
from crawler.repositories import Cloned, NotCloned, cloned
from crawler.vault import Vault

_OF_COPY = ("full_name", "clone_url", "default_branch", "pushed_at", "forks_count", "tip", "api_url")
_OF_LARGE = ("full_name", "clone_url", "default_branch", "html_url", "account", "title", "origin", "api_url")


def look(engine: Engine, vault: Vault, manners: Manners, one: SourcePass, lead: Lead) -> Ending:
    """What a lead that is asked by git has brought, sealed in quarantine.

    Raises:
        NotCloned: it could not be had, or is over a limit.
    """
    host = urlsplit(lead.url).hostname
    if host not in {*one.platform.MANIFEST.hosts, urlsplit(one.plan.address).hostname}:
        raise NotCloned("another host than the platform's")
    if lead.kind == large_files.KIND:
        return _large_file(engine, vault, manners, one, lead)
    return _history(engine, vault, manners, one, lead)


def _history(engine: Engine, vault: Vault, manners: Manners, one: SourcePass, lead: Lead) -> Ending:
    details = lead.details
    with cloned(
        lead.url,
        door=one.door,
        workplace=vault.workplace(),
        max_bytes=manners.repository_bytes,
        seconds=manners.clone_seconds,
        user_agent=manners.user_agent,
    ) as repository:
        stored = frontier.stored_object(engine, repository.sha256)
        if stored is None:
            with repository.bundle.open("rb") as stream:
                stored = vault.put(stream)
        name = str(details["full_name"]).replace("/", "-").removesuffix(".git")
        offer = Offer(
            kind="git",
            name=f"{name}.bundle",
            url=details["html_url"],
            content=b"",
            account=details.get("account"),
            title=details.get("title"),
            origin=details.get("origin"),
            details={
                **_some(details, _OF_COPY),
                "head": repository.head,
                "commit": repository.head,
                "heads_count": repository.heads_count,
            },
        )
    content = Content(
        offer=offer, sha256=repository.sha256, size_bytes=repository.size_bytes, vault_object=stored
    )
    inside = (one.platform.claims(url, one.plan) for url in repository.submodules)
    large, too_many = _large(repository, details, manners)
    return Ending(
        contents=(content,),
        capture_of=details.get("capture_id"),
        addresses=(*filter(None, inside), *large),
        caps_hit=too_many,
    )


def _large(repository: Cloned, details: Mapping[str, Any], manners: Manners) -> tuple[list[Address], int]:
    url = str(details["clone_url"]) + large_files.BATCH
    known = _some(details, _OF_LARGE)
    kept = [one for one in repository.large if 0 < one.size <= manners.repository_bytes]
    found = [
        Address(
            url=f"{url}#{one.sha256}/{quote(one.path)}",
            kind=large_files.KIND,
            details={**known, "path": one.path, "commit": one.commit, "sha256": one.sha256, "size": one.size},
        )
        for one in kept
    ]
    return found, int(repository.has_more_large or len(kept) < len(repository.large))


def _large_file(engine: Engine, vault: Vault, manners: Manners, one: SourcePass, lead: Lead) -> Ending:
    details = lead.details
    sha256, size = str(details["sha256"]), int(details["size"])
    stored = frontier.stored_object(engine, sha256)
    if stored is None:
        try:
            with large_files.fetched(
                str(details["clone_url"]),
                sha256,
                size,
                door=one.door,
                workplace=vault.workplace(),
                seconds=manners.clone_seconds,
                user_agent=manners.user_agent,
            ) as stream:
                stored = vault.put(stream)  # type: ignore[arg-type]
        except large_files.NotFetched as wrong:
            raise NotCloned(str(wrong)) from None
    path, page = str(details["path"]), str(details["html_url"])
    offer = Offer(
        kind="file",
        name=PurePosixPath(path).name,
        # Only of a platform whose pages are known can a file be shown at its commit.
        url=f"{page}/blob/{details['commit']}/{quote(path)}" if details.get("default_branch") else page,
        content=b"",
        account=details.get("account"),
        title=details.get("title"),
        origin=details.get("origin"),
        details={
            **_some(details, _OF_COPY),
            "head": details["commit"],
            "commit": details["commit"],
            "path": path,
        },
    )
    content = Content(offer=offer, sha256=sha256, size_bytes=size, vault_object=stored)
    return Ending(contents=(content,), capture_of=details.get("capture_id"))


def _some(details: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: details[name] for name in names if details.get(name) is not None}
