"""What GitHub shows beside a history: files of releases, wikis, gists, issues, and what their texts link to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from crawler.answers import is_web_page
from crawler.file_names import may_be_data
from crawler.plans import SourcePlan
from crawler.platforms import Address, Answered, Offer, Reading

PAGE = 100
LINKS = 50
"""How many files that one text links to are asked for."""
RESULTS = 1000
"""How far a search of the platform goes."""
ISSUES = ("issue", "pull-request")
_LINK = re.compile(r"https?://[^\s<>\"'`\\^{}|]+")
_IN_REPOSITORY = re.compile(r"^/[^/]+/[^/]+/(blob|raw|tree|blame)/")
_GIST = re.compile(r"^(?:/gist)?/(?:[^/]+/)?([0-9a-f]{8,40})(?:\.git|/.*)?$")
_LONG_NUMBER = re.compile(r"\d{4,}")
_NUMBERS = 5
"""A text with as many long numbers may hold rows of a table; one that only talks of data is nobody's leak."""

Claims = Callable[[str, SourcePlan], Address | None]


def base(plan: SourcePlan) -> str:
    return plan.address.rstrip("/")


def repository_url(plan: SourcePlan, full_name: str) -> str:
    return f"{base(plan)}/repos/{quote(full_name)}"


def next_page(answer: Answered) -> bool:
    """Whether the platform says that more follows, also where this page is not full."""
    return 'rel="next"' in answer.headers.get("link", "")


def beside(said: Mapping[str, Any], details: Mapping[str, Any], plan: SourcePlan) -> list[Address]:
    """The releases, the readme and the wiki of a repository."""
    name = str(details["full_name"])
    own = {key: details[key] for key in ("full_name", "html_url", "account", "title") if details.get(key)}
    found = [
        _listed(f"{repository_url(plan, name)}/releases", "releases", own, 1),
        Address(url=f"{repository_url(plan, name)}/readme", kind="readme", details=own, again=True),
    ]
    if said.get("has_wiki"):
        clone_url = str(details["clone_url"]).removesuffix(".git") + ".wiki.git"
        of_wiki = {
            **own,
            "full_name": f"{name}.wiki",
            "html_url": f"{details['html_url']}/wiki",
            "clone_url": clone_url,
            "api_url": repository_url(plan, name),
            "may_be_missing": True,  # the platform says that there may be a wiki, not that there is one
        }
        revision = str(said.get("updated_at") or said.get("pushed_at") or "")
        found.append(Address(url=clone_url, kind="clone", details=of_wiki, revision=revision))
    return found


def read_releases(said: Any, answer: Answered) -> Reading:
    """The files of releases; their source archives are those of a tag, which a clone has."""
    details = answer.details
    releases = [one for one in said if isinstance(one, dict)]
    found = []
    for release in releases:
        for one in release.get("assets") or []:
            told = {
                "full_name": details["full_name"],
                "account": details.get("account"),
                "title": release.get("name") or details.get("title"),
                "html_url": str(one["browser_download_url"]),
                "name": str(one["name"]),
                "release": release.get("tag_name"),
            }
            revision = f"{one.get('updated_at')} {one.get('size')}"
            found.append(Address(url=str(one["url"]), kind="asset", details=told, revision=revision))
    return Reading(addresses=(*found, *_following(answer, len(releases))))


def read_asset(answer: Answered) -> Reading:
    """One file of a release."""
    told = answer.details
    details = {"repository": told["full_name"], "release": told.get("release"), "api_url": answer.asked}
    return Reading(offers=(_offer(answer.body, told, details),))


def read_readme(said: Any, answer: Answered, plan: SourcePlan, claims: Claims) -> Reading:
    """The files that a readme links to; its words are in the history."""
    import base64

    text = base64.b64decode(str(said.get("content") or "")).decode("utf-8", "replace")
    return Reading(
        addresses=tuple(_links(text, str(said.get("html_url") or ""), answer.details, plan, claims))
    )


def issue_page(plan: SourcePlan, phrase: str, of: str, page: int) -> Address:
    asked = urlencode({"q": f"{phrase} is:{of}", "sort": "updated", "per_page": PAGE, "page": page})
    details = {"phrase": phrase, "of": of, "page": page}
    return Address(url=f"{base(plan)}/search/issues?{asked}", kind="issues", details=details, again=True)


def read_issues(said: Any, answer: Answered, plan: SourcePlan, claims: Claims) -> Reading:
    """Issues that name the cohort: tables in their text, files that they link to, and their comments."""
    total, items = int(said.get("total_count", 0)), said.get("items") or []
    page, details = int(answer.details["page"]), answer.details
    found: list[Address] = []
    offers = []
    for one in items:
        own = _of_text(one, str(one.get("title") or ""))
        offers += _table_in(own, one, str(one.get("url")))
        found += _links(str(one.get("body") or ""), own["html_url"], own, plan, claims)
        if one.get("comments") and one.get("comments_url"):
            listed = _listed(str(one["comments_url"]), "comments", own, 1)
            revision = str(one.get("updated_at") or "")
            found.append(Address(url=listed.url, kind="comments", details=listed.details, revision=revision))
    if page * PAGE < min(total, RESULTS):
        found.append(issue_page(plan, str(details["phrase"]), str(details["of"]), page + 1))
    retry = lacking(said, page)
    return Reading(
        offers=tuple(offers), addresses=tuple(found), caps_hit=int(total > RESULTS and page == 1), retry=retry
    )


def read_comments(said: Any, answer: Answered, plan: SourcePlan, claims: Claims) -> Reading:
    """Tables in comments, and the files that they link to."""
    found: list[Address] = []
    offers = []
    for one in said:
        own = _of_text(one, str(answer.details.get("title") or ""))
        offers += _table_in(own, one, str(one.get("url") or answer.asked))
        found += _links(str(one.get("body") or ""), own["html_url"], own, plan, claims)
    return Reading(offers=tuple(offers), addresses=(*found, *_following(answer, len(said))))


def lacking(said: Mapping[str, Any], page: int) -> str | None:
    """Why a page of results is not whole, though the platform says that it should be."""
    if said.get("incomplete_results"):
        return "incomplete_results"
    is_short = not said.get("items") and int(said.get("total_count") or 0) > (page - 1) * PAGE
    return "a page without its results" if is_short and page * PAGE <= RESULTS else None


def read_linked(answer: Answered) -> Reading:
    """A file that a text links to; a page in its place is none."""
    if is_web_page(answer.headers, answer.body[:1024]) and b"<" in answer.body[:1024]:
        return Reading()
    told = answer.details
    return Reading(
        offers=(_offer(answer.body, told, {"linked_from": told["linked_from"], "api_url": answer.asked}),)
    )


def gist_of(url: str, hosts: Sequence[str | None], plan: SourcePlan) -> Address | None:
    """The gist that an address leads to: of the public service, or under /gist on a server of one's own."""
    parts = urlsplit(url)
    named = _GIST.match(parts.path)
    is_public = parts.hostname == "gist.github.com" and "github.com" in hosts
    if named is None or not (is_public or (parts.hostname in hosts and parts.path.startswith("/gist/"))):
        return None
    return Address(url=f"{base(plan)}/gists/{named[1]}", kind="gist", again=True)


def read_gist(said: Mapping[str, Any], answer: Answered) -> Reading:
    """A gist's whole history, to be cloned."""
    url = str(said["git_pull_url"])
    revision = str(said.get("updated_at") or "")
    page = str(said.get("html_url") or url)
    details = {
        "full_name": f"gist/{said['id']}",
        "html_url": page,
        "clone_url": url,
        "account": (said.get("owner") or {}).get("login"),
        "title": said.get("description") or f"gist {said['id']}",
        "api_url": answer.asked,
    }
    clone = Address(url=url, kind="clone", details=details, revision=revision, again=not revision)
    return Reading(addresses=(clone,), seen=(page,), keep=True)


def _listed(url: str, kind: str, details: Mapping[str, Any], page: int) -> Address:
    asked = f"{url}?{urlencode({'per_page': PAGE, 'page': page})}"
    return Address(url=asked, kind=kind, details={**details, "page": page, "list": url}, again=True)


def _following(answer: Answered, count: int) -> list[Address]:
    if count < PAGE and not next_page(answer):
        return []
    own = {name: value for name, value in answer.details.items() if name not in ("pass", "revision", "etag")}
    return [_listed(str(own["list"]), answer.kind, own, int(own["page"]) + 1)]


def _of_text(one: Mapping[str, Any], title: str) -> dict[str, Any]:
    account = (one.get("user") or {}).get("login")
    return {"html_url": str(one["html_url"]), "account": account, "title": title}


def _table_in(own: Mapping[str, Any], one: Mapping[str, Any], api_url: str) -> list[Offer]:
    text = f"{own['title']}\n\n{one.get('body') or ''}"
    if len(_LONG_NUMBER.findall(text)) < _NUMBERS:
        return []
    return [_offer(text.encode(), {**own, "name": "text.md"}, {"api_url": api_url})]


def _offer(content: bytes, told: Mapping[str, Any], details: dict[str, Any]) -> Offer:
    return Offer(
        kind="file",
        name=str(told["name"]),
        url=str(told["html_url"]),
        content=content,
        account=told.get("account"),
        title=told.get("title"),
        details={key: value for key, value in details.items() if value is not None},
    )


def _links(text: str, page: str, own: Mapping[str, Any], plan: SourcePlan, claims: Claims) -> list[Address]:
    """Files that a text links to, and the repositories and gists whose files it names."""
    found: dict[str, Address] = {}
    for match in _LINK.findall(text):
        url = urljoin(page, match.rstrip(".,;:!?*_").rstrip(")]"))
        try:
            path = urlsplit(url).path
        except ValueError:
            continue
        if (claimed := claims(url, plan)) is not None and (
            claimed.kind == "gist" or _IN_REPOSITORY.match(path)
        ):
            found.setdefault(claimed.url, claimed)
        elif may_be_data(path):
            told = {
                "html_url": url,
                "name": unquote(path).rpartition("/")[2],
                "account": own.get("account"),
                "title": own.get("title"),
                "linked_from": page,
            }
            found.setdefault(url, Address(url=url, kind="linked", details=told, again=True))
    return list(found.values())[:LINKS]
