"""A git server that nobody here wrote (klaus): whole histories are had, once for every change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import klaus
import pytest

from config.demo.sites.serving import served
from crawler.models import Find, LeadState
from crawler.plans import SourcePlan
from tests.crawler.crawling import Watch, plan
from tests.crawler.repositories import Repository, blobs_of
from tests.crawler.servers import answering

LEAK = b"eid,sex,year\n" + b"".join(b"%d,1,1950\n" % (1_000_003 + 17 * number) for number in range(200))


@dataclass
class GitSite:
    """klaus over a folder; counts what is asked of it."""

    folder: Path
    address: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def clones(self) -> int:
        return sum(one.endswith("git-upload-pack") for one in self.asked)

    @property
    def plan(self) -> SourcePlan:
        return plan("git_server", self.address + "/")

    def app(self, address: str) -> Callable[..., Iterable[bytes]]:
        self.address = address

        made: dict[tuple[str, ...], Any] = {}
        making = Lock()  # two applications made at once trip over each other in Python 3.11's `ast`

        def answer(environ: dict[str, Any], start: Any) -> Any:
            self.asked.append(environ["PATH_INFO"])
            folders = tuple(str(one) for one in sorted(self.folder.iterdir()))
            with making:
                if folders not in made:
                    made[folders] = klaus.make_app(list(folders), "git.example", use_smarthttp=True)
            return made[folders](environ, start)

        return answer


@pytest.fixture
def site(tmp_path: Path) -> Iterator[GitSite]:
    made = GitSite(tmp_path / "repositories")
    made.folder.mkdir()
    with served(made.app):
        yield made


@pytest.fixture
def thesis(site: GitSite) -> Repository:
    """A repository whose leak was deleted at HEAD."""
    made = Repository(site.folder / "thesis")
    made.commit({"README.md": b"my thesis\n", "data/raw.csv": LEAK})
    made.commit({"data/raw.csv": None}, message="oops")
    return made


def bundles(watch: Watch) -> list[bytes]:
    return [watch.vault.read(one.vault_object) for one in watch.rows(Find, kind="git")]


def test_a_leak_that_was_deleted_at_head_is_in_what_is_found(
    site: GitSite, thesis: Repository, watch: Watch, tmp_path: Path
) -> None:
    outcome = watch.crawl(site.plan)
    assert outcome.finds_new == 1
    (bundle,) = bundles(watch)
    assert LEAK in blobs_of(bundle, tmp_path / "bundle")
    (copy,) = watch.copies
    assert copy.url == f"{site.address}/thesis"
    assert copy.details["head"] == thesis.head()
    (capture,) = [one for one in watch.captures if one.id == copy.capture_id]
    assert thesis.head().encode() in watch.vault.read(watch.captures[0].warc_object) or capture.warc_object


def test_branches_and_tags_are_had_as_well(
    site: GitSite, thesis: Repository, watch: Watch, tmp_path: Path
) -> None:
    thesis.commit({"old.csv": b"1234567,2\n"}, branch="old-work")
    watch.crawl(site.plan)
    (bundle,) = bundles(watch)
    assert b"1234567,2\n" in blobs_of(bundle, tmp_path / "bundle")


def test_a_second_pass_finds_nothing_new_and_clones_nothing(
    site: GitSite, thesis: Repository, watch: Watch
) -> None:
    watch.crawl(site.plan)
    clones, captures = site.clones, len(watch.captures)
    outcome = watch.crawl(site.plan)
    assert (outcome.finds_new, outcome.copies_new, outcome.failed) == (0, 0, False)
    assert site.clones == clones
    assert len(watch.captures) == captures
    (copy,) = watch.copies
    assert copy.last_seen_at > copy.first_seen_at


def test_a_new_commit_is_found(site: GitSite, thesis: Repository, watch: Watch, tmp_path: Path) -> None:
    watch.crawl(site.plan)
    thesis.commit({"more.csv": b"7654321,1\n"})
    outcome = watch.crawl(site.plan)
    assert (outcome.finds_new, outcome.copies_new) == (1, 1)
    assert b"7654321,1\n" in blobs_of(bundles(watch)[-1], tmp_path / "bundle")
    assert [one.details["head"] for one in watch.copies][-1] == thesis.head()


def test_a_commit_that_was_forced_away_stays_in_quarantine(
    site: GitSite, thesis: Repository, watch: Watch, tmp_path: Path
) -> None:
    first = Repository(site.folder / "forced")
    kept = first.commit({"README.md": b"hello\n"})
    first.commit({"list.txt": LEAK})
    watch.crawl(site.plan)
    first.force_back(kept)
    outcome = watch.crawl(site.plan)
    assert outcome.finds_new == 1
    contents = [blobs_of(one, tmp_path / str(number)) for number, one in enumerate(bundles(watch))]
    assert sum(LEAK in one for one in contents) == 2, "the thesis, and the forced one as it was"
    assert len([one for one in watch.copies if one.url.endswith("/forced")]) == 2


def test_the_same_history_at_two_addresses_is_one_find_and_two_copies(
    site: GitSite, thesis: Repository, watch: Watch
) -> None:
    again = Repository(site.folder / "upload")
    again.commit({"README.md": b"my thesis\n", "data/raw.csv": LEAK})
    again.commit({"data/raw.csv": None}, message="oops")
    assert again.head() == thesis.head()
    outcome = watch.crawl(site.plan)
    assert (outcome.finds_new, outcome.copies_new) == (1, 2)
    assert len({one.find_sha256 for one in watch.copies}) == 1


def test_an_address_of_one_repository_is_enough(site: GitSite, thesis: Repository, watch: Watch) -> None:
    Repository(site.folder / "other").commit({"x": b"y"})
    watch.crawl(plan("git_server", f"{site.address}/thesis.git"))
    watch.crawl(plan("git_server", f"{site.address}/thesis", name="one"))
    assert {one.title for one in watch.copies} >= {"thesis"}
    assert "other" not in {one.title for one in watch.copies}


def test_an_empty_repository_keeps_nothing_back(site: GitSite, thesis: Repository, watch: Watch) -> None:
    Repository(site.folder / "empty")
    outcome = watch.crawl(site.plan)
    assert [one.title for one in watch.copies] == ["thesis"]
    assert not outcome.failed


def test_a_repository_over_the_limit_is_told_and_leaves_nothing_behind(site: GitSite, watch: Watch) -> None:
    import random

    Repository(site.folder / "large").commit({"x": random.Random(1).randbytes(6 << 20)})
    outcome = watch.crawl(site.plan, repository_bytes=1 << 20)
    assert outcome.answers.get("clone: too large", 0) >= 1
    assert watch.rows(Find) == []
    assert not list((watch.folder / "quarantine").glob(".workplace/*"))


def test_a_clone_address_on_another_host_is_not_followed(watch: Watch) -> None:
    with answering({}, host="127.0.0.1") as other:
        advertised = b"001e# service=git-upload-pack\n0000"
        advertised += b"003d" + b"a" * 40 + b" refs/heads/main\n0000"
        headers = {"Content-Type": "application/x-git-upload-pack-advertisement"}
        with answering(
            {"/info/refs": (302, {"Location": other.address + "/r/info/refs?service=git-upload-pack"}, b"")}
        ) as site:
            other.pages["/r/info/refs"] = (200, headers, advertised)
            watch.crawl(plan("git_server", site.address + "/"))
        assert other.asked == []
        assert watch.rows(Find) == []


def test_a_repository_that_has_gone_is_told_in_its_lead_and_keeps_its_find(
    site: GitSite, thesis: Repository, watch: Watch
) -> None:
    source = plan("git_server", f"{site.address}/thesis")
    watch.crawl(source)
    thesis.folder.rename(site.folder.parent / "elsewhere")
    Repository(site.folder / "another").commit({"x": b"y"})
    watch.crawl(source)
    lead = watch.lead(f"{site.address}/thesis/info/refs?service=git-upload-pack")
    assert (lead.state, lead.reason) == (LeadState.DONE, "gone")
    assert len(watch.rows(Find)) == 1
