"""Addresses that people told us of and no source claims: one page or file each, no links followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crawler.models import Copy, Whereabouts
from crawler.plans import SourcePlan
from crawler.platforms import Address, Answered, Asking, Manifest, Reading, storefront

MANIFEST = Manifest(
    name="tips",
    hosts=(),
    per_minute={"": 30},
    caps={},
    terms_of_use=None,
    needs_sign_in=False,
    robots=True,
    canary="/",
    reports_to="the site's imprint, or the abuse contact of its host",
    letters=("platform", "institution"),
)


def searches(plan: SourcePlan, cursor: Mapping[str, Any]) -> tuple[Address, ...]:
    return ()


def asking(kind: str, plan: SourcePlan) -> Asking:
    return storefront.asking(kind, plan)


def read(answer: Answered, plan: SourcePlan) -> Reading:
    """What the page or file offers, and the files and the picture of a listing."""
    read = storefront.read(answer, plan)
    return replace(read, addresses=tuple(one for one in read.addresses if one.kind in ("file", "picture")))


def claims(url: str, plan: SourcePlan) -> Address | None:
    return None


def instead(kind: str, details: Mapping[str, Any], plan: SourcePlan) -> tuple[Address, ...]:
    return ()


def recheck(copy: Copy, plan: SourcePlan) -> Sequence[Address]:
    return storefront.recheck(copy, plan)


def whereabouts(answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None] | None:
    return storefront.whereabouts(answer, copy)
