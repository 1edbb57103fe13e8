"""Any git server by address: repositories found on its index page, each cloned whole by plain git over HTTP.

What a repository shows (`info/refs`) tells whether it has changed, so it is cloned again only then. Made for
klaus, cgit, gitweb and the like, and for the address of one repository.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import lxml.html

from crawler import large_files
from crawler.answers import whereabouts_of
from crawler.models import Answer, Copy, Whereabouts
from crawler.plans import SourcePlan
from crawler.platforms import Address, Answered, Asking, Manifest, Reading

MANIFEST = Manifest(
    name="git_server",
    hosts=(),
    per_minute={"": 30},
    caps={"repositories": 2000, "index_pages": 50},
    terms_of_use=None,
    needs_sign_in=False,
    robots=True,
    canary="/",
    reports_to="whoever runs the server: its imprint, or the abuse contact of its host",
    letters=("platform", "institution"),
)
REFS = "/info/refs?service=git-upload-pack"
_IN_QUERY = re.compile(r"(^|[;&])p=((?!\.{0,2}(%2[fF]|/|;|&|$))[^;&]+)")
ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
_PAGER = re.compile(r"(^|[&;])(ofs|page|pg|offset|start)=\d+([&;]|$)")
"""How cgit and its kin name a page of the index."""
_REF = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64}) ([^\0\n]+)")


def searches(plan: SourcePlan, cursor: Mapping[str, Any]) -> Iterator[Address]:
    yield _refs(plan.address)
    if not plan.address.rstrip("/").endswith(".git"):
        # A page's address ends in a slash, a repository's does not: one address is one lead.
        url = plan.address if urlsplit(plan.address).query else plan.address.rstrip("/") + "/"
        yield Address(url=url, kind="index", details={"page": 1}, again=True)


def asking(kind: str, plan: SourcePlan) -> Asking:
    # Robots.txt is for pages; git itself never asks for it.
    headers = {"Git-Protocol": "version=0"} if kind == "refs" else {}
    return Asking(headers=headers, robots=kind == "index", clone=kind in ("clone", large_files.KIND))


def read(answer: Answered, plan: SourcePlan) -> Reading:
    if answer.kind == "refs":
        return _read_refs(answer)
    return _read_index(answer, plan)


def claims(url: str, plan: SourcePlan) -> Address | None:
    """Anything on the plan's own server is taken for a repository."""
    own, parts = urlsplit(plan.address), urlsplit(url)
    if (parts.hostname, parts.port) != (own.hostname, own.port) or not parts.path.strip("/"):
        return None
    return _refs(url)


def instead(kind: str, details: Mapping[str, Any], plan: SourcePlan) -> tuple[Address, ...]:
    return ()


def recheck(copy: Copy, plan: SourcePlan) -> Sequence[Address]:
    return [_refs(copy.details.get("clone_url", copy.url))]


def whereabouts(answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None] | None:
    """None where the repository is there but its branches have moved on: the history must tell."""
    if answer.answer not in (Answer.PAGE, Answer.FILE):
        return whereabouts_of(answer.answer), answer.answer.value
    if not _is_advertisement(answer):
        return Whereabouts.UNKNOWN, "there is something else than a repository"
    head = str(copy.details.get("head", ""))
    if head and head.encode() not in _shown(answer.body).values():
        return None
    if answer.url.removesuffix(REFS).rstrip("/") != answer.asked.removesuffix(REFS).rstrip("/"):
        return Whereabouts.MOVED, answer.url.removesuffix(REFS)
    return Whereabouts.UP, None


def _refs(url: str) -> Address:
    base = url.rstrip("/").removesuffix(REFS)
    return Address(url=base + REFS, kind="refs", details={"clone_url": base}, again=True)


def _is_advertisement(answer: Answered) -> bool:
    return answer.headers.get("content-type", "").startswith(ADVERTISEMENT)


def _read_refs(answer: Answered) -> Reading:
    shown = _shown(answer.body) if _is_advertisement(answer) else {}
    shown.pop(b"capabilities^{}", None)
    if not shown:
        return Reading()  # a page like any other, or a repository with nothing in it
    url = answer.url.removesuffix(REFS)
    name = urlsplit(url).path.strip("/")
    steps = name.removesuffix(".git").split("/")
    details = {
        "clone_url": url,
        "html_url": url,
        "full_name": name,
        "title": steps[-1],
        "account": steps[-2].removeprefix("~") if len(steps) > 1 else None,
    }
    told = b"\n".join(name + b" " + shown[name] for name in sorted(shown))
    revision = hashlib.sha256(told).hexdigest()
    clone = Address(url=url, kind="clone", details=details, revision=revision)
    return Reading(addresses=(clone,), seen=(url,), keep=True)


def _shown(body: bytes) -> dict[bytes, bytes]:
    """Names and objects of an advertisement in pkt-lines, without the capabilities: they name the server's version."""
    shown, at = {}, 0
    while at + 4 <= len(body):
        try:
            length = int(body[at : at + 4], 16)
        except ValueError:
            return {}
        line = _REF.match(body[at + 4 : at + max(length, 4)])
        if line:
            shown[line.group(2)] = line.group(1)
        at += max(length, 4)
    return shown


def _read_index(answer: Answered, plan: SourcePlan) -> Reading:
    try:
        page: Any = lxml.html.document_fromstring(answer.body)
    except (ValueError, lxml.etree.ParserError):
        return Reading()
    base = urlsplit(answer.url)
    under = base.path if base.path.endswith("/") else base.path.rpartition("/")[0] + "/"
    found: dict[str, Address] = {}
    for href in [*page.xpath("//link[@rel='vcs-git']/@href"), *page.xpath("//a/@href")]:
        url = urldefrag(urljoin(answer.url, str(href))).url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.netloc != base.netloc:
            continue
        if parts.query:
            # gitweb names the repository in its query.
            named = _IN_QUERY.search(parts.query)
            if named and parts.path.rstrip("/") == base.path.rstrip("/"):
                address = _refs(urljoin(f"{base.scheme}://{base.netloc}{under}", unquote(named[2])))
                found.setdefault(address.url, address)
            continue
        if not parts.path.startswith(under) or parts.path.rstrip("/") == under.rstrip("/"):
            continue
        depth = parts.path.removeprefix(under).strip("/").count("/")
        if depth <= 1 or parts.path.rstrip("/").endswith(".git"):
            address = _refs(url)
            found.setdefault(address.url, address)
    kept = list(found.values())[: MANIFEST.caps["repositories"]]
    caps_hit = int(len(found) > len(kept))
    number = int(answer.details.get("page", 1))
    following = _other_pages(page, answer.url)
    if number < MANIFEST.caps["index_pages"]:
        kept += [
            Address(url=one, kind="index", details={"page": number + 1}, again=True) for one in following
        ]
    else:
        caps_hit += int(bool(following))
    return Reading(addresses=tuple(kept), caps_hit=caps_hit)


def _other_pages(page: Any, url: str) -> list[str]:
    """Further pages of the same index: what is marked as the next, and what a pager leads to."""
    own = urlsplit(url)
    marked = [
        urljoin(url, str(one)) for one in page.xpath("//a[@rel='next']/@href | //link[@rel='next']/@href")
    ]
    paged = [
        other
        for href in page.xpath("//a/@href")
        if (parts := urlsplit(other := urldefrag(urljoin(url, str(href))).url)).path == own.path
        and _PAGER.search(parts.query)
    ]
    return [
        one
        for one in dict.fromkeys([*marked[:1], *paged])
        if urlsplit(one).netloc == own.netloc and one != url
    ]
