"""However a git server lists its repositories, each is asked for; what is over a cap is told."""

from __future__ import annotations

import pytest

from crawler.platforms import git_server
from tests.crawler.crawling import Watch, plan
from tests.crawler.servers import Behaviour, Page, answering, html

REFS = "/info/refs?service=git-upload-pack"
INDEXES: dict[str, dict[str, Page | Behaviour]] = {
    "plain": {"/": html("<a href='/one/'>x</a><a href='/two.git'>x</a>")},
    "gitweb": {
        "/": html("<a href='/?p=one;a=summary'>x</a><a href='?p=two.git;a=tree'>x</a><a href='?a=opml'>x</a>")
    },
    "cgit": {
        "/": html("<a href='/one/'>x</a><ul class='pager'><li><a href='/?ofs=50'>[2]</a></ul>"),
        "/?ofs=50": html("<a href='/two.git'>x</a><ul class='pager'><li><a href='/?ofs=0'>[1]</a></ul>"),
    },
    "marked": {
        "/": html("<a href='/one/'>x</a><a rel='next' href='/?after=x'>more</a>"),
        "/?after=x": html("<a href='/two.git'>x</a>"),
    },
}


@pytest.mark.parametrize("kind", INDEXES)
def test_every_repository_of_an_index_is_asked_for(watch: Watch, kind: str) -> None:
    with answering({**INDEXES[kind], "/robots.txt": (404, {}, b"")}) as site:
        outcome = watch.crawl(plan("git_server", site.address + "/"))
        assert {f"/one{REFS}", f"/two.git{REFS}"} <= set(site.asked)
        assert max(site.count(one) for one in site.asked) == 1
    assert outcome.caps_hit == 0


def test_more_repositories_than_are_asked_for_are_told(watch: Watch) -> None:
    most = git_server.MANIFEST.caps["repositories"]
    links = "".join(f"<a href='/r{number}/'>x</a>" for number in range(most + 1))
    with answering({"/": html(f"{links}<a rel='next' href='/?after=x'>more</a>")}) as site:
        outcome = watch.crawl(plan("git_server", site.address + "/", max_requests=2))
    assert outcome.caps_hit == 2, "the cap of the index, and that of the requests"
