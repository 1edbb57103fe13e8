"""The places that are searched, one file each, and the words in which they are asked and read.

A platform is a module of plain functions on answers; it opens no socket. `known()` finds all of them by a
walk over this folder; `tests/crawler/test_platforms.py` holds each to the contract:

    MANIFEST                          what is known of the platform
    searches(plan, cursor)            the addresses that a pass begins with
    asking(address_kind, plan)        how such an address is asked
    read(answer, plan)                what an answer holds
    claims(url, plan)                 the address that a person's tip becomes here, or None
    instead(kind, details, plan)      what to ask where a repository is too large to be cloned
    recheck(copy, plan)               what to ask, in turn, to learn whether a copy is still there
    whereabouts(answer, copy)         what one such answer says of the copy; None where the next must tell
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from crawler.errors import BadPlan
from crawler.models import Answer, Copy, Whereabouts
from crawler.plans import SourcePlan


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of a platform before anything is asked."""

    name: str
    hosts: tuple[str, ...]
    """Hosts of the public service; empty for software that anybody may run."""
    per_minute: Mapping[str, float] = field(default_factory=dict)
    """Published limits by bucket; `""` is every request that names no bucket."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Where the platform, or good manners, stop the listing of more."""
    terms_of_use: str | None
    needs_sign_in: bool
    """True where nothing can be seen without an account: then it is not crawled."""
    robots: bool
    """True where robots.txt speaks to us: web pages, not published APIs."""
    canary: str
    """A path that answers while the platform is as this file expects it."""
    reports_to: str
    """Who takes reports, in words for the legal team."""
    letters: tuple[str, ...]
    """Names of letters in `takedown/letters`, best first."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address worth asking; the frontier makes a lead of it."""

    url: str
    kind: str
    details: dict[str, Any] = field(default_factory=dict)
    revision: str = ""
    """What is there by the account of the page that named it; asked again when this changes."""
    again: bool = False
    """True where only asking tells whether it has changed: asked once in every pass."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How an address is asked."""

    headers: dict[str, str] = field(default_factory=dict)
    bucket: str = ""
    browser: bool = False
    robots: bool = True
    is_file: bool = False
    """True where the answer may be as large as a file."""
    conditional: bool = False
    """True where "not changed since" is all that need be known: then nothing else is looked for behind it."""
    clone: bool = False
    """True where it is a git repository to be cloned rather than a page."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One answer, as a platform reads it."""

    url: str
    """The address that answered, after redirects."""
    asked: str
    kind: str
    details: Mapping[str, Any]
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    answer: Answer
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A content that an address offers, with what a notice must name."""

    kind: str
    """`file`, `git`, `listing` or `picture`."""
    name: str
    url: str
    content: bytes
    account: str | None = None
    title: str | None = None
    origin: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What an answer holds."""

    offers: tuple[Offer, ...] = ()
    addresses: tuple[Address, ...] = ()
    seen: tuple[str, ...] = ()
    """Addresses of copies that this answer still shows."""
    cursor: dict[str, Any] = field(default_factory=dict)
    caps_hit: int = 0
    keep: bool = False
    """True where the answer is evidence although it offers no content itself."""
    retry: str | None = None
    """Why the answer is not whole and should be asked for again."""


class Platform(Protocol):
    """What every file of this folder gives."""

    MANIFEST: Manifest

    def searches(self, plan: SourcePlan, cursor: Mapping[str, Any]) -> Iterable[Address]: ...
    def asking(self, kind: str, plan: SourcePlan) -> Asking: ...
    def read(self, answer: Answered, plan: SourcePlan) -> Reading: ...
    def claims(self, url: str, plan: SourcePlan) -> Address | None: ...
    def instead(self, kind: str, details: Mapping[str, Any], plan: SourcePlan) -> Iterable[Address]: ...
    def recheck(self, copy: Copy, plan: SourcePlan) -> Sequence[Address]: ...
    def whereabouts(self, answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None] | None: ...


@cache
def known() -> dict[str, Platform]:
    """All platforms by name."""
    modules = (
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    )
    return {module.MANIFEST.name: module for module in modules}


def platform_of(plan: SourcePlan) -> Platform:
    """The platform that a plan names.

    Raises:
        BadPlan: there is none of that name, or it needs an account.
    """
    platform = known().get(plan.platform)
    if platform is None:
        names = ", ".join(sorted(known()))
        raise BadPlan(f"source {plan.name!r}: no platform is named {plan.platform!r}; there are: {names}")
    if platform.MANIFEST.needs_sign_in:
        raise BadPlan(
            f"source {plan.name!r}: {plan.platform} shows nothing without an account; take tips instead"
        )
    return platform
