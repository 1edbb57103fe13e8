"""One crawl, in a process of its own: `python -m config.crawling` under `rounds.crawl_round`.

Scrapy cannot start twice in one process. Standard input holds the workspace and the names of sources as
JSON, standard output gets the outcome as one JSON object; what Scrapy has to say goes to standard error.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from config.browser import find_browser
from config.children import follow_parent
from config.database import reading
from config.errors import BadSettings
from config.settings import secret_from
from config.workspace import Workspace, open_workspace
from matcher.models import Cohort

if TYPE_CHECKING:
    from crawler.plans import Manners, SourcePlan


FAILED = "failed"
"""The only key of an outcome that is none: why."""


def manners_of(workspace: Workspace) -> Manners:
    """How the crawler behaves, from the settings."""
    from crawler.plans import Manners

    settings = workspace.settings
    return Manners(
        operator=settings.operator.name,
        contact=settings.operator.contact,
        obey_robots=settings.crawl.obey_robots,
        browser=find_browser(settings.crawl.browser),
    )


def plans_of(workspace: Workspace, names: Sequence[str] = ()) -> list[SourcePlan]:
    """A plan for each enabled source whose token is set (`sources_without_token`), or for those named.

    Raises:
        BadSettings: a name that no source has, or the token of one that was named is not set.
    """
    from crawler.plans import SourcePlan

    sources = workspace.settings.sources
    unknown = sorted(set(names) - {one.name for one in sources})
    if unknown:
        known = ", ".join(one.name for one in sources) or "none"
        raise BadSettings(f"no source is named {unknown[0]!r} in settings.toml; there are: {known}")
    with reading(workspace.engine) as session:
        titles = session.exec(select(Cohort.title).order_by(col(Cohort.name))).all()
    silent = {} if names else sources_without_token(workspace)
    chosen = [
        one for one in sources if (one.name in names if names else one.enabled) and one.name not in silent
    ]
    return [
        SourcePlan(
            name=one.name,
            platform=one.platform,
            address=one.address,
            terms=tuple(dict.fromkeys((*one.terms, *workspace.settings.crawl.terms, *titles))),
            token=secret_from(one.token_variable, f"the token of source {one.name}"),
            allow_private=one.allow_private,
            requests_per_minute=one.requests_per_minute,
            max_requests=one.max_requests,
            browser=one.browser,
        )
        for one in chosen
    ]


def sources_without_token(workspace: Workspace) -> dict[str, str]:
    """The enabled sources that cannot be asked, with the reason; the others go on without them."""
    missing = {}
    for one in workspace.settings.sources:
        try:
            secret_from(one.token_variable, f"the token of source {one.name}")
        except BadSettings as wrong:
            if one.enabled:
                missing[one.name] = str(wrong)
    return missing


def crawl_here(home: Path, names: Sequence[str]) -> dict[str, Any]:
    """Crawls in this process, which must not have crawled before."""
    from crawler.spider import crawl

    workspace = open_workspace(home)
    outcome = crawl(workspace.engine, workspace.vault, plans_of(workspace, names), manners_of(workspace))
    return dataclasses.asdict(outcome)


def main() -> None:
    follow_parent()
    # Whatever a library prints must not mix with the outcome.
    outcome_to = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asked = json.load(sys.stdin)
    try:
        outcome = crawl_here(Path(asked["home"]), asked["sources"])
    except Exception as wrong:  # noqa: BLE001 - the parent tells it in one line; the whole of it stays in crawl.log
        from config.cli.failures import one_line

        traceback.print_exc()
        outcome = {FAILED: one_line(wrong)}
    with os.fdopen(outcome_to, "w") as out:
        json.dump(outcome, out, default=str)


if __name__ == "__main__":
    main()
