"""GitHub by its REST API: repositories, code and issues that name the cohort, forks, and whole histories by git.

A search gives 1,000 results at most, so a repository search is cut into slices of creation dates until each is
under the cap, and a day that is still over it into slices of its last push. A repository is cloned once for
every push; what is too large to be cloned is read by its tree and blobs. Works on any server that speaks
the same API. What is shown beside a history is `crawler.github_beside`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from crawler import large_files
from crawler.answers import whereabouts_of
from crawler.github_beside import (
    ISSUES,
    PAGE,
    base,
    beside,
    gist_of,
    issue_page,
    lacking,
    next_page,
    read_asset,
    read_comments,
    read_gist,
    read_issues,
    read_linked,
    read_readme,
    read_releases,
    repository_url,
)
from crawler.github_trees import BLOB_BYTES, BLOBS, carried_on, read_blob, read_tree
from crawler.models import Answer, Copy, Whereabouts, now
from crawler.plans import SourcePlan
from crawler.platforms import Address, Answered, Asking, Manifest, Reading

MANIFEST = Manifest(
    name="github",
    hosts=("api.github.com", "github.com", "gist.github.com", "codeload.github.com"),
    per_minute={"search": 30, "code_search": 10, "": 80},
    caps={"results": 1000, "tree_entries": 100_000, "forks": 500, "blob_bytes": BLOB_BYTES, "blobs": BLOBS},
    terms_of_use="https://docs.github.com/en/site-policy/github-terms/github-terms-of-service",
    needs_sign_in=False,
    robots=False,
    canary="/rate_limit",
    reports_to="GitHub Trust & Safety, by the copyright or the private information form",
    letters=("github-dmca", "institution"),
)
FIRST_DAY = date(2008, 1, 1)
_LISTS = ("forks", "releases", "comments")
"""Kinds of addresses that answer with a list; all others answer with one thing."""


def searches(plan: SourcePlan, cursor: Mapping[str, Any]) -> Iterator[Address]:
    today = now().date() + timedelta(days=1)
    for term in plan.terms:
        yield _slice(plan, term, ("created", FIRST_DAY, today))
        yield from (issue_page(plan, _quoted(term), of, 1) for of in ISSUES)
        if plan.token:
            yield _code_page(plan, term, 1)


def asking(kind: str, plan: SourcePlan) -> Asking:
    if kind == "linked":
        return Asking(is_file=True)  # anybody's site: it gets no token, and its robots.txt is heard
    kind_wanted = "application/octet-stream" if kind == "asset" else "application/vnd.github+json"
    headers = {"Accept": kind_wanted, "X-GitHub-Api-Version": "2022-11-28"}
    if plan.token and kind != "clone":
        headers["Authorization"] = f"Bearer {plan.token}"
    bucket = {"search": "search", "issues": "search", "code-search": "code_search"}.get(kind, "")
    return Asking(
        headers=headers,
        bucket=bucket,
        robots=False,
        is_file=kind in ("blob", "asset"),
        clone=kind in ("clone", large_files.KIND),
        conditional=kind in ("repository", "releases", "readme"),
    )


def read(answer: Answered, plan: SourcePlan) -> Reading:
    if answer.kind == "linked":
        return read_linked(answer)
    if answer.kind == "asset":
        return read_asset(answer)
    try:
        said = json.loads(answer.body)
    except ValueError:
        return Reading(retry="not JSON")
    if not isinstance(said, list if answer.kind in _LISTS else dict):
        return Reading(retry="other JSON than was asked for")
    return _read_said(said, answer, plan)


def _read_said(said: Any, answer: Answered, plan: SourcePlan) -> Reading:
    match answer.kind:
        case "search":
            return _read_search(said, answer, plan)
        case "code-search":
            return _read_code_search(said, answer, plan)
        case "issues":
            return read_issues(said, answer, plan, claims)
        case "comments":
            return read_comments(said, answer, plan, claims)
        case "forks":
            return _read_forks(said, answer, plan)
        case "releases":
            return read_releases(said, answer)
        case "readme":
            return read_readme(said, answer, plan, claims)
        case "gist":
            return read_gist(said, answer)
        case "tree":
            return read_tree(said, answer, repository_url(plan, answer.details["full_name"]))
        case "blob":
            return read_blob(said, answer)
    return _read_repository(said, answer, plan)


def claims(url: str, plan: SourcePlan) -> Address | None:
    """A page of a repository or of anything in it, or a gist, on github.com or on the plan's own server."""
    parts = urlsplit(url)
    own = urlsplit(plan.address)
    hosts = {"github.com", "www.github.com"} if own.hostname == "api.github.com" else {own.hostname}
    if (gist := gist_of(url, sorted(filter(None, hosts)), plan)) is not None:
        return gist
    steps = [one for one in parts.path.split("/") if one]
    if parts.hostname not in hosts or len(steps) < 2:
        return None
    if steps[:2] == ["api", "v3"] or steps[0] == "repos":
        steps = steps[steps.index("repos") + 1 :] if "repos" in steps else []
    if len(steps) < 2:
        return None
    return Address(
        url=repository_url(plan, f"{steps[0]}/{steps[1].removesuffix('.git')}"),
        kind="repository",
        again=True,
    )


def instead(kind: str, details: Mapping[str, Any], plan: SourcePlan) -> Iterator[Address]:
    """The tree of the newest state, where a repository is too large to be cloned."""
    if kind == "clone":
        full_name, branch = details["full_name"], details.get("default_branch") or "HEAD"
        url = f"{repository_url(plan, full_name)}/git/trees/{quote(branch, safe='')}?recursive=1"
        yield Address(
            url=url, kind="tree", details=carried_on(details), revision=str(details.get("revision", ""))
        )


def recheck(copy: Copy, plan: SourcePlan) -> Sequence[Address]:
    """The repository, then the commit that was found: it may be gone while the repository is up."""
    if copy.details.get("api_url"):
        return [Address(url=copy.details["api_url"], kind="part")]
    full_name = copy.details.get("full_name")
    if not full_name:
        return [Address(url=copy.url, kind="page")]
    repository = repository_url(plan, full_name)
    asked = [Address(url=repository, kind="repository")]
    if copy.details.get("head"):
        query = urlencode({"sha": copy.details["head"], "per_page": 1})
        asked.append(Address(url=f"{repository}/commits?{query}", kind="commits"))
    return asked


def whereabouts(answer: Answered, copy: Copy) -> tuple[Whereabouts, str | None] | None:
    if answer.answer is Answer.BLOCKED_FOR_LAW:
        return Whereabouts.GONE, "disabled by the platform"
    if answer.kind == "commits":
        if answer.status in (404, 409, 422):
            return Whereabouts.GONE, "the repository is up, the commit is not in it any more"
        up = whereabouts_of(answer.answer)
        return up, None if up is Whereabouts.UP else f"commits: {answer.answer.value}"
    if answer.kind == "part" and answer.answer in (Answer.PAGE, Answer.FILE):
        return None if copy.details.get("head") else (Whereabouts.UP, None)
    if answer.answer is not Answer.PAGE:
        return whereabouts_of(answer.answer), answer.answer.value
    try:
        said = json.loads(answer.body)
    except ValueError:
        return Whereabouts.UNKNOWN, "not JSON"
    if not isinstance(said, dict):
        return Whereabouts.UNKNOWN, "not a repository"
    if said.get("private"):
        return Whereabouts.PRIVATE, None
    if said.get("disabled"):
        return Whereabouts.GONE, "disabled by the platform"
    name = str(said.get("full_name", ""))
    if name and name.lower() != str(copy.details.get("full_name", "")).lower():
        return Whereabouts.MOVED, str(said.get("html_url", name))
    if copy.details.get("head"):
        return None
    return Whereabouts.UP, None


def _slice(plan: SourcePlan, term: str, *ranges: tuple[str, date, date], page: int = 1) -> Address:
    said = "".join(f" {name}:{first}..{last}" for name, first, last in ranges)
    # Without `fork:true` a search leaves out forks; without `in:` it leaves out readmes.
    query = f"{_quoted(term)} in:name,description,topics,readme fork:true{said}"
    asked = urlencode({"q": query, "sort": "updated", "order": "desc", "per_page": PAGE, "page": page})
    details = {
        "term": term,
        "page": page,
        "ranges": [[name, str(first), str(last)] for name, first, last in ranges],
    }
    return Address(
        url=f"{base(plan)}/search/repositories?{asked}", kind="search", details=details, again=True
    )


def _code_page(plan: SourcePlan, term: str, page: int) -> Address:
    asked = urlencode({"q": _quoted(term), "per_page": PAGE, "page": page})
    return Address(
        url=f"{base(plan)}/search/code?{asked}",
        kind="code-search",
        details={"term": term, "page": page},
        again=True,
    )


def _read_search(said: Any, answer: Answered, plan: SourcePlan) -> Reading:
    total, items = int(said.get("total_count", 0)), said.get("items") or []
    term, page = answer.details["term"], int(answer.details["page"])
    ranges = [
        (name, date.fromisoformat(first), date.fromisoformat(last))
        for name, first, last in answer.details["ranges"]
    ]
    found = [_repository(one, plan) for one in items if isinstance(one, dict)]
    caps_hit, more = 0, []
    if total > MANIFEST.caps["results"] and page == 1:
        more = [_slice(plan, term, *part) for part in _halves(ranges)]
        caps_hit = 0 if more else 1
    if not more and page * PAGE < min(total, MANIFEST.caps["results"]):
        more = [_slice(plan, term, *ranges, page=page + 1)]
    seen = tuple(str(one.get("html_url")) for one in items)
    return Reading(addresses=(*found, *more), caps_hit=caps_hit, seen=seen, retry=lacking(said, page))


def _halves(ranges: list[tuple[str, date, date]]) -> list[list[tuple[str, date, date]]]:
    """The same ranges with the last one cut in two; a single day is cut by the last push instead."""
    *kept, (name, first, last) = ranges
    if first < last:
        middle = first + (last - first) // 2
        return [[*kept, (name, first, middle)], [*kept, (name, middle + timedelta(days=1), last)]]
    if name == "created":
        today = now().date() + timedelta(days=1)
        return _halves([*ranges, ("pushed", first, max(first, today))]) if first < today else []
    return []


def _read_code_search(said: Any, answer: Answered, plan: SourcePlan) -> Reading:
    total, items = int(said.get("total_count", 0)), said.get("items") or []
    page = int(answer.details["page"])
    repositories = {
        str(one["repository"]["full_name"]): one["repository"]
        for one in items
        if isinstance(one, dict) and isinstance(one.get("repository"), dict)
    }
    # The repository in a code hit lacks its last push, so only asking for it tells whether it has changed.
    found = [
        Address(url=repository_url(plan, name), kind="repository", details={"full_name": name}, again=True)
        for name in repositories
    ]
    caps_hit = 1 if total > MANIFEST.caps["results"] and page == 1 else 0
    more = []
    if page * PAGE < min(total, MANIFEST.caps["results"]):
        more = [_code_page(plan, answer.details["term"], page + 1)]
    return Reading(addresses=(*found, *more), caps_hit=caps_hit, retry=lacking(said, page))


def _repository(one: Mapping[str, Any], plan: SourcePlan) -> Address:
    name = str(one["full_name"])
    revision = str(one.get("pushed_at") or "")
    return Address(
        url=repository_url(plan, name),
        kind="repository",
        details={"full_name": name},
        revision=revision,
        again=not revision,
    )


def _read_repository(said: Any, answer: Answered, plan: SourcePlan) -> Reading:
    name = str(said["full_name"])
    parent = said.get("parent") or said.get("source") or {}
    details = {
        "full_name": name,
        "html_url": str(said.get("html_url") or said["clone_url"]),
        "clone_url": str(said["clone_url"]),
        "account": (said.get("owner") or {}).get("login"),
        "title": said.get("description") or name,
        "origin": parent.get("html_url"),
        "default_branch": said.get("default_branch"),
        "pushed_at": said.get("pushed_at"),
        "forks_count": said.get("forks_count", 0),
    }
    revision = str(said.get("pushed_at") or "")
    found = [
        Address(
            url=details["clone_url"], kind="clone", details=details, revision=revision, again=not revision
        )
    ]
    found += beside(said, details, plan)
    if said.get("forks_count"):
        found.append(_forks(plan, name, 1))
    found += [
        _repository(one, plan) for one in (said.get("parent"), said.get("source")) if isinstance(one, dict)
    ]
    return Reading(addresses=tuple(found), seen=(details["html_url"],), keep=True)


def _forks(plan: SourcePlan, full_name: str, page: int) -> Address:
    url = f"{repository_url(plan, full_name)}/forks?per_page={PAGE}&page={page}"
    return Address(url=url, kind="forks", details={"full_name": full_name, "page": page}, again=True)


def _read_forks(said: Any, answer: Answered, plan: SourcePlan) -> Reading:
    items = [one for one in said if isinstance(one, dict)]
    page = int(answer.details["page"])
    found = [_repository(one, plan) for one in items]
    is_full = len(items) >= PAGE or next_page(answer)
    may_go_on = page * PAGE < MANIFEST.caps["forks"]
    if is_full and may_go_on:
        found.append(_forks(plan, answer.details["full_name"], page + 1))
    return Reading(addresses=tuple(found), caps_hit=int(is_full and not may_go_on))


def _quoted(term: str) -> str:
    # 256 characters are the limit of a whole query; a quote inside would end the phrase.
    return '"' + term.replace('"', " ").strip()[:120] + '"'
