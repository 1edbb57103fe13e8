"""GitHub's REST contract: searches, forks, history, what is taken down, limits, and where a repository is now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Response

from config.demo.sites.github_rest import TOKEN, GitHubSite, Repository
from config.demo.sites.repositories import fork_repository, make_repository
from config.demo.sites.serving import served
from crawler.ask import ask_again
from crawler.models import Find, Whereabouts
from crawler.plans import SourcePlan
from tests.crawler.crawling import Watch, plan
from tests.crawler.repositories import blobs_of

LEAK = b"eid,sex\n" + b"".join(b"%d,1\n" % (1_000_003 + 17 * number) for number in range(100))


class Hub:
    """The site, and what it is to answer before anything else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = GitHubSite()
        self.address = ""
        self.refuse: list[tuple[str, Response]] = []

    def made(self, address: str) -> Any:
        self.address = address
        app = self.site.app(address)

        def first() -> Response | None:
            from flask import request

            for number, (path, response) in enumerate(self.refuse):
                if request.path.startswith(path):
                    del self.refuse[number]
                    return response
            return None

        app.before_request(first)
        return app

    def add(self, name: str, *commits: tuple[str, dict[str, bytes | None]], **rest: Any) -> Repository:
        folder = self.folder / name
        make_repository(folder, list(commits), author="someone")
        made = Repository(name, folder, **rest)
        self.site.add(made)
        return made

    @property
    def plan(self) -> SourcePlan:
        return plan("github", self.address, terms=("northmoor",), token=TOKEN)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "repositories")
    with served(made.made):
        yield made


def leak(hub: Hub, name: str = "someone/thesis") -> Repository:
    return hub.add(
        name,
        ("start", {"README.md": b"my northmoor thesis\n", "data/raw.csv": LEAK}),
        ("oops", {"data/raw.csv": None}),
        description="northmoor analysis",
    )


def contents(watch: Watch, folder: Path) -> set[bytes]:
    found: set[bytes] = set()
    for number, one in enumerate(watch.rows(Find, kind="git")):
        found |= blobs_of(watch.vault.read(one.vault_object), folder / str(number))
    return found


def test_a_leak_deleted_at_head_is_found_in_the_history(hub: Hub, watch: Watch, tmp_path: Path) -> None:
    leak(hub)
    outcome = watch.crawl(hub.plan)
    assert not outcome.failed
    assert LEAK in contents(watch, tmp_path / "b")
    assert len(watch.copies) == 1


def test_a_repository_that_says_nothing_of_the_cohort_is_left_alone(hub: Hub, watch: Watch) -> None:
    hub.add("someone/weather", ("start", {"README.md": b"rain\n", "a.csv": LEAK}))
    watch.crawl(hub.plan)
    assert watch.copies == []
    assert not any("weather.git" in one for one in hub.site.asked)


def test_code_is_searched_where_a_token_is_given(hub: Hub, watch: Watch) -> None:
    hub.add("someone/scripts", ("start", {"README.md": b"x\n", "load.py": b"path = 'northmoor/r1.csv'\n"}))
    watch.crawl(hub.plan)
    assert [one.url for one in watch.copies if "scripts" in one.url]


def test_a_fork_is_a_copy_that_names_its_origin(hub: Hub, watch: Watch) -> None:
    origin = leak(hub)
    fork_repository(origin.folder, hub.folder / "other" / "thesis")
    hub.site.add(
        Repository("other/thesis", hub.folder / "other" / "thesis", "fork", fork_of="someone/thesis")
    )
    watch.crawl(hub.plan)
    by_url = {one.url.rpartition("/")[0].rpartition("/")[2]: one for one in watch.copies}
    assert set(by_url) == {"someone", "other"}
    assert "someone/thesis" in str(by_url["other"].origin)
    assert len({one.find_sha256 for one in watch.copies}) == 1


def test_more_results_than_a_page_are_all_looked_at(hub: Hub, watch: Watch) -> None:
    for number in range(35):
        hub.add(
            f"someone/n{number:02}",
            ("start", {"README.md": b"northmoor\n", "n.txt": b"%d\n" % number}),
            created=f"2026-01-{1 + number % 28:02}T10:00:00Z",
        )
    outcome = watch.crawl(hub.plan, repository_bytes=1 << 20)
    assert not outcome.failed
    assert len(watch.copies) == 35


def test_a_second_pass_clones_nothing_again_and_a_push_does(hub: Hub, watch: Watch) -> None:
    one = leak(hub)
    watch.crawl(hub.plan)
    hub.site.asked.clear()
    outcome = watch.crawl(hub.plan)
    assert (outcome.finds_new, outcome.copies_new) == (0, 0)
    assert not any("git-upload-pack" in asked and "info/refs" not in asked for asked in hub.site.asked)
    one.pushed = "2026-02-09T10:00:00Z"
    assert not watch.crawl(hub.plan).failed
    assert any("thesis" in asked for asked in hub.site.asked)


def limited(status: int, **headers: str) -> Response:
    return Response('{"message": "API rate limit exceeded"}', status, headers, mimetype="application/json")


@pytest.mark.parametrize(
    "answer",
    [
        limited(429, **{"Retry-After": "1"}),
        limited(403, **{"Retry-After": "1", "x-ratelimit-remaining": "0"}),
    ],
)
def test_a_limit_is_waited_for_and_loses_nothing(answer: Response, hub: Hub, watch: Watch) -> None:
    leak(hub)
    hub.refuse.append(("/search/repositories", answer))
    outcome = watch.crawl(hub.plan, attempts=3)
    assert len(watch.copies) == 1
    assert not outcome.failed


def test_a_long_limit_is_told_and_left_for_the_next_pass(hub: Hub, watch: Watch) -> None:
    leak(hub)
    hub.refuse += [("/search", limited(403, **{"Retry-After": "3600", "x-ratelimit-remaining": "0"}))] * 9
    outcome = watch.crawl(hub.plan)
    assert outcome.silent_reason is not None or outcome.leads_left > 0
    hub.refuse.clear()


def test_up_gone_private_and_taken_down_are_told_apart(hub: Hub, watch: Watch) -> None:
    one = leak(hub)
    watch.crawl(hub.plan)
    (copy,) = watch.copies

    def told() -> Whereabouts:
        (sighting,) = ask_again([hub.plan], watch.manners, [copy])
        return sighting.whereabouts

    assert told() == Whereabouts.UP
    one.state = "disabled"
    assert told() == Whereabouts.GONE
    one.state = "gone"
    assert told() == Whereabouts.GONE
    one.state = "public"
    assert told() == Whereabouts.UP


def test_a_failing_server_is_never_taken_for_a_removal(hub: Hub, watch: Watch) -> None:
    leak(hub)
    watch.crawl(hub.plan)
    (copy,) = watch.copies
    hub.refuse += [("/", Response("oops", 500))] * 9
    (sighting,) = ask_again([hub.plan], replace(watch.manners, attempts=1), [copy])
    assert sighting.whereabouts in (Whereabouts.UNKNOWN, Whereabouts.BLOCKED)
