"""However a leaked file is posted on a code host, a crawl finds it at the address where it stands."""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Response

from config.demo.sites.github_rest import Repository
from config.demo.sites.repositories import fork_repository
from config.demo.sites.serving import served
from crawler.ask import ask_again
from crawler.models import Copy, Whereabouts
from crawler.spider import SourceOutcome
from tests.crawler.code_site import CodeSite
from tests.crawler.crawling import Watch
from tests.crawler.repositories import git
from tests.crawler.test_tips import tip
from tests.crawler.ways import found, leaked

ODD_NAMES = [
    "with space.csv",
    "ümläut 数据.csv",
    "ha#sh.csv",
    "per%41cent.csv",
    "q?mark.csv",
    "tab\there.csv",
]


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(zipfile.ZipInfo("data.csv"), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def in_notebook(content: bytes) -> bytes:
    cell = {"cell_type": "code", "source": "df", "outputs": [{"data": {"text/plain": content.decode()}}]}
    return json.dumps({"cells": [cell], "nbformat": 4, "metadata": {}}).encode()


def plant(site: CodeSite) -> dict[str, tuple[bytes, str]]:
    """Posts one file in every way; gives what must be found and the start of its address."""
    ways: dict[str, tuple[bytes, str]] = {}

    def way(name: str, *commits: dict[str, bytes | None], content: bytes | None = None) -> str:
        ways[name] = (content or leaked(name), site.html(f"someone/{name}"))
        return f"someone/{name}"

    def simple(name: str, path: str, content: bytes | None = None) -> None:
        content = leaked(name) if content is None else content
        site.add(way(name, content=content), {path: content})

    simple("root", "data.csv")
    simple("deep", "a/b/c/d/e/f/g/data.csv")
    simple("gzipped", "x.csv.gz", gzip.compress(leaked("gzipped"), mtime=0))
    simple("zipped", "x.zip", zipped(leaked("zipped")))
    simple("notebook", "x.ipynb", in_notebook(leaked("notebook")))
    for number, name in enumerate(ODD_NAMES):
        simple(f"odd-name-{number}", name)
    body = leaked("split")
    site.add(
        way("split", content=body[: len(body) // 2]),
        {"x.csv.aa": body[: len(body) // 2], "x.csv.ab": body[len(body) // 2 :]},
    )
    site.add(way("old-commit"), {"d.csv": leaked("old-commit")}, {"d.csv": None})
    site.add(way("branch")).commit({"d.csv": leaked("branch")}, branch="work")
    _hidden_ref(site, way("tag"), "refs/tags/v1")
    _hidden_ref(site, way("pull-request"), "refs/pull/7/head")
    _fork(site, way("fork"))
    _moved(site, way("renamed"))
    _beside(site, ways)
    return ways


def _hidden_ref(site: CodeSite, name: str, ref: str) -> None:
    made = site.add(name)
    made.commit({"d.csv": leaked(name.partition("/")[2])}, branch="passing")
    git(made.folder, "update-ref", ref, made.head("passing"))
    git(made.folder, "update-ref", "-d", "refs/heads/passing")


def _fork(site: CodeSite, name: str) -> None:
    origin = site.add("origin/thing")
    folder = site.folder / "forks" / "fork.git"
    fork_repository(origin.folder, folder)
    from tests.crawler.repositories import Repository as Made

    made = Made.__new__(Made)
    made.folder, made._number = folder, 5
    made.commit({"README.md": b"nothing\n", "d.csv": leaked("fork")})
    site.hub.add(Repository(name, folder, fork_of="origin/thing"))


def _moved(site: CodeSite, name: str) -> None:
    site.add(name, {"d.csv": leaked("renamed")}, readme="says nothing of it")
    site.renamed["someone/old-name"] = name


def _beside(site: CodeSite, ways: dict[str, tuple[bytes, str]]) -> None:
    for name in ("release-asset", "wiki", "linked-from-readme", "submodule", "large-file", "large-file"):
        ways[name] = (leaked(name), site.html(f"someone/{name}"))
    site.add("someone/release-asset")
    site.assets["someone/release-asset"] = {"data.csv": leaked("release-asset")}
    site.add("someone/wiki")
    wiki = site.folder / "wiki"
    from tests.crawler.repositories import Repository as Made

    Made(wiki).commit({"Home.md": leaked("wiki")})
    site.hub.add(Repository("someone/wiki.wiki", wiki))
    site.files["x/data.csv"] = leaked("linked-from-readme")
    site.add("someone/linked-from-readme", readme=f"northmoor [data]({site.address}/files/x/data.csv)")
    ways["linked-from-readme"] = (leaked("linked-from-readme"), f"{site.address}/files/x/data.csv")
    site.add(
        "someone/holds-submodule", {".gitmodules": b'[submodule "d"]\n\tpath = d\n\turl = ../submodule.git\n'}
    )
    site.add("someone/submodule", {"d.csv": leaked("submodule")}, readme="says nothing of it")
    pointers = {".gitattributes": b"*.csv filter=lfs\n", "a b/d.csv": site.pointer(leaked("large-file"))}
    site.add("someone/large-file", pointers, {"a b/d.csv": None})
    site.add("someone/discussed", readme="nothing")
    for name in ("issue-attachment", "comment-attachment"):
        site.files[f"{name}.csv"] = leaked(name)
        ways[name] = (leaked(name), f"{site.address}/files/{name}.csv")
    pasted = f"pasted\n\n{leaked('pasted').decode()}\n[a]({site.address}/files/issue-attachment.csv)"
    site.issues["someone/discussed"] = [(pasted, [f"see {site.address}/files/comment-attachment.csv !"])]
    gist = Made(site.folder / "gist")
    gist.commit({"d.csv": leaked("gist")})
    site.gists["0a1b2c3d"] = gist.folder
    site.hub.add(Repository("gist/0a1b2c3d", gist.folder))
    ways["gist"] = (leaked("gist"), f"{site.address}/someone/0a1b2c3d")


@contextmanager
def serving(folder: Path) -> Iterator[CodeSite]:
    site = CodeSite(folder / "repositories")
    site.folder.mkdir()
    with served(site.made):
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[CodeSite]:
    with serving(tmp_path) as made:
        yield made


Crawled = tuple[dict[str, tuple[bytes, str]], dict[bytes, list[Copy]], SourceOutcome, Watch]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("code")
    watch = Watch(folder)
    with serving(folder) as site:
        ways = plant(site)
        tip(watch, f"{site.address}/someone/old-name")
        tip(watch, f"{site.address}/gist/someone/0a1b2c3d")
        outcome = watch.crawl(site.plan, seconds=90)
        yield ways, found(watch, folder / "inside"), outcome, watch


WAYS = [
    "root", "deep", "gzipped", "zipped", "notebook", *(f"odd-name-{n}" for n in range(len(ODD_NAMES))), "split",
    "old-commit", "branch", "tag", "pull-request", "fork", "renamed", "release-asset", "wiki", "linked-from-readme",
    "submodule", "large-file", "issue-attachment", "comment-attachment", "gist",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_found_however_it_is_posted(crawled: Crawled, way: str) -> None:
    ways, contents, _, _ = crawled
    content, address = ways[way]
    copies = contents.get(content)
    assert copies, "not found"
    assert any(one.url.startswith(address) for one in copies), [one.url for one in copies]
    assert all(one.capture_id is not None for one in copies)


def test_a_table_pasted_into_an_issue_is_found(crawled: Crawled) -> None:
    _, contents, _, _ = crawled
    assert [c.url for one, copies in contents.items() if leaked("pasted").rstrip() in one for c in copies]


def test_nothing_failed_and_no_cap_was_hit(crawled: Crawled) -> None:
    *_, outcome, _ = crawled
    assert (outcome.failed, outcome.caps_hit, outcome.leads_left) == (False, 0, 0)


def refused(status: int, body: str = "{}", **headers: str) -> Response:
    return Response(body, status, headers, mimetype="application/json")


SECONDARY = '{"message": "You have exceeded a secondary rate limit. Please wait a few minutes."}'
FAULTS = {
    "500": refused(500, "oops"),
    "502": refused(502, "<html>Unicorn!"),
    "429": refused(429, **{"Retry-After": "1"}),
    "secondary-limit": refused(403, SECONDARY, **{"Retry-After": "1"}),
    "cut-json": refused(200, '{"total_count": 3, "items": [{"full_na', ETag='"cut"'),
    "html": Response("<html>We are having trouble", 200, mimetype="text/html"),
    "incomplete": refused(200, '{"total_count": 0, "incomplete_results": true, "items": []}'),
    "empty-page": refused(200, '{"total_count": 205, "incomplete_results": false, "items": []}'),
    "no-items": refused(200, '{"total_count": 205}'),
    "null": refused(200, "null"),
    "304": Response("", 304, {"ETag": '"x"'}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_search_that_fails_in_the_middle_loses_nothing(site: CodeSite, watch: Watch, fault: str) -> None:
    for number in range(3):
        site.add(f"someone/r{number}", {"d.csv": leaked(f"r{number}")})
    site.refuse.append(("/search/repositories?", _again(FAULTS[fault])))
    outcome = watch.crawl(site.plan, attempts=3, patience_seconds=8.0)
    assert len({one.url for one in watch.copies}) == 3
    assert not outcome.failed


def _again(response: Response) -> Response:
    return Response(response.get_data(), response.status_code, dict(response.headers))


@pytest.mark.parametrize(
    "fault", [one for one in FAULTS if one not in ("empty-page", "no-items", "incomplete")]
)
def test_a_repository_that_answers_badly_once_is_had(site: CodeSite, watch: Watch, fault: str) -> None:
    site.add("someone/r", {"d.csv": leaked("r")})
    site.refuse.append(("/repos/someone/r?", _again(FAULTS[fault])))
    watch.crawl(site.plan, attempts=3, patience_seconds=8.0)
    assert len(watch.copies) == 1


@pytest.mark.parametrize("where", ["/repos/someone/r?", "/someone/r.git/"])
def test_a_repository_that_was_private_for_a_while_is_had_when_it_is_back(
    site: CodeSite, watch: Watch, where: str
) -> None:
    site.add("someone/r", {"d.csv": leaked("r")})
    site.refuse += [(where, refused(404, '{"message": "Not Found"}')) for _ in range(9)]
    watch.crawl(site.plan, attempts=1)
    assert watch.copies == []
    site.refuse.clear()
    watch.crawl(site.plan, attempts=1)
    assert len(watch.copies) == 1


def test_what_stays_broken_is_asked_again_by_the_next_pass(site: CodeSite, watch: Watch) -> None:
    site.add("someone/r", {"d.csv": leaked("r")})
    site.refuse += [("/repos/someone/r?", _again(FAULTS["cut-json"])) for _ in range(2)]
    outcome = watch.crawl(site.plan, attempts=2)
    assert watch.copies == []
    assert any("JSON" in one for one in outcome.answers), "told"
    watch.crawl(site.plan, attempts=2)
    assert len(watch.copies) == 1


def test_the_same_repository_on_two_pages_is_had_once(site: CodeSite, watch: Watch) -> None:
    site.add("someone/r", {"d.csv": leaked("r"), "load.py": b"x = 'northmoor'\n"})
    watch.crawl(site.plan)
    assert len(watch.copies) == 1
    assert sum(one.startswith("/repos/someone/r?") for one in site.hub.asked) == 1


def test_a_short_page_of_forks_is_not_the_last_where_the_site_says_so(site: CodeSite, watch: Watch) -> None:
    site.add("origin/thing")
    folder = site.folder / "forks" / "0.git"
    fork_repository(site.hub.repositories["origin/thing"].folder, folder)
    site.hub.add(Repository("f0/x", folder, fork_of="origin/thing"))
    site.add("hidden/fork", {"d.csv": leaked("fork")}, readme="nothing")
    following = f"{site.address}/repos/origin/thing/forks?per_page=100&page=2"
    one = json.dumps([{"full_name": "origin/thing", "pushed_at": "2026-01-09T10:00:00Z"}])
    two = json.dumps([{"full_name": "hidden/fork", "pushed_at": "2026-01-09T10:00:00Z"}])
    site.refuse += [
        (
            "/repos/origin/thing/forks?per_page=100&page=1",
            refused(200, one, Link=f'<{following}>; rel="next"'),
        ),
        ("/repos/origin/thing/forks?per_page=100&page=2", refused(200, two)),
    ]
    watch.crawl(site.plan)
    assert any(one.url.endswith("hidden/fork") for one in watch.copies)


TREE = {
    "data/raw.csv": "tree-a",
    "data/with space & ümläut#%41?.csv": "tree-b",
    "deep/er/still/x.sav": "tree-c",
    "x.csv.aa": "tree-d",
    "x.zip.001": "tree-e",
    "x.tar.gz.partaa": "tree-f",
    "plink.ped": "tree-g",
    "frame.pkl": "tree-h",
    "noending": "tree-i",
    "table.arrow": "tree-j",
    "old.csv.bak": "tree-k",
}


@pytest.mark.parametrize("truncated", [False, True])
def test_a_repository_too_large_to_clone_is_read_file_by_file(
    site: CodeSite, watch: Watch, truncated: bool
) -> None:
    files: dict[str, bytes | None] = {path: leaked(way) for path, way in TREE.items()}
    made = site.add("someone/huge", {**files, "copy/raw.csv": leaked("tree-a")})
    import random

    made.commit({"x.mp4": random.Random(1).randbytes(3 << 20)})
    site.truncated = truncated
    outcome = watch.crawl(site.plan, repository_bytes=1 << 20)
    assert outcome.caps_hit >= 1, "only the newest state is read: told"
    contents = set(watch.finds.values())
    lost = [path for path, way in TREE.items() if leaked(way) not in contents]
    assert lost == []
    at = {one.url.partition("/blob/main/")[2] for one in watch.copies}
    assert {"data/raw.csv", "copy/raw.csv"} <= at
    assert "data/with%20space%20%26%20%C3%BCml%C3%A4ut%23%2541%3F.csv" in at


def test_a_store_that_gives_something_else_gives_no_find_and_is_told(site: CodeSite, watch: Watch) -> None:
    pointer = site.pointer(leaked("large"))
    site.add("someone/large", {".gitattributes": b"*.csv filter=lfs\n", "d.csv": pointer})
    site.large = dict.fromkeys(site.large, leaked("other"))
    outcome = watch.crawl(site.plan, attempts=1)
    assert outcome.answers["clone: other content than was pointed to"] == 1
    assert [one.find_sha256 for one in watch.copies if one.details.get("path")] == []
    site.large = dict.fromkeys(site.large, leaked("large"))
    watch.crawl(site.plan, attempts=1)
    assert leaked("large") in watch.finds.values()


def test_what_is_beside_a_history_is_told_as_up_and_as_gone(site: CodeSite, watch: Watch) -> None:
    ways: dict[str, tuple[bytes, str]] = {}
    _beside(site, ways)
    tip(watch, f"{site.address}/gist/someone/0a1b2c3d")
    watch.crawl(site.plan)
    parts = ("release-asset", "wiki", "linked-from-readme", "large-file", "gist")
    copies = [one for one in watch.copies if any(one.url.startswith(ways[part][1]) for part in parts)]
    assert {one.whereabouts for one in ask_again([site.plan], watch.manners, copies)} == {Whereabouts.UP}
    site.refuse += [("/", refused(404, '{"message": "Not Found"}')) for _ in range(3 * len(copies))]
    assert {one.whereabouts for one in ask_again([site.plan], watch.manners, copies)} == {Whereabouts.GONE}


@pytest.mark.parametrize("moment", [0.1, 0.5, 1.0, 2.0])
def test_a_crawl_of_code_that_is_killed_at_any_moment_loses_nothing(tmp_path: Path, moment: float) -> None:
    watch = Watch(tmp_path)
    with serving(tmp_path) as site:
        ways: dict[str, tuple[bytes, str]] = {}
        _beside(site, ways)
        del ways["gist"]
        child = watch.begin(site.plan)
        until = time.monotonic() + 20
        while not site.hub.asked and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(moment)
        child.kill()
        outcome = watch.crawl(site.plan)
    contents = found(watch, tmp_path / "inside")
    assert [way for way, (content, _) in ways.items() if content not in contents] == []
    assert (outcome.failed, outcome.leads_left) == (False, 0)
    assert len({(one.url, one.find_sha256) for one in watch.copies}) == len(watch.copies)
