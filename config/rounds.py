"""The whole walk on one page: crawl, examine, open cases, draft notices, re-check.

Each step commits when it ends, so a pass that dies anywhere is taken up by the next one at the last finished
step. A step that fails is named in the outcome and does not keep the others from their work.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlmodel import Session, col, or_, select

from config.children import environment
from config.database import reading
from config.errors import CrawlFailed
from config.workspace import Workspace
from crawler.models import Capture, Copy, Find
from matcher.models import FoundPicture, Match
from takedown.people import MACHINE

CRAWL_SECONDS = 6 * 3600


def patrol_round(workspace: Workspace) -> dict[str, Any]:
    """One whole pass; the outcome names what was found and what could not be done."""
    failures: list[str] = []

    def attempt(what: str, step: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return step()
        except Exception as wrong:  # noqa: BLE001 - nobody watches: the other steps must still run, and this is told
            from config.cli.failures import one_line

            failures.append(f"{what}: {one_line(wrong)}")
            return otherwise

    crawled = attempt("crawl", lambda: crawl_round(workspace, ()), {"sources": [], "finds_new": 0})
    failures += [
        f"source {one['source']}: {one['silent_reason']}" for one in crawled["sources"] if one.get("failed")
    ]
    examined = attempt("examine", lambda: examine_round(workspace, failures), (0, []))
    cases = attempt("cases", lambda: cases_round(workspace), [])
    drafted = attempt("notices", lambda: draft_round(workspace), 0)
    rechecked = attempt("re-checks", lambda: recheck_round(workspace, None), [])
    outcome = {
        "crawl": crawled,
        "examined": examined[0],
        "matches": examined[1],
        "cases_opened": cases,
        "notices_drafted": drafted,
        "rechecked": len(rechecked),
        "failures": failures,
    }
    workspace.log.append(
        actor=MACHINE,
        action="patrol",
        subject="workspace",
        details={
            "examined": examined[0],
            "matches": len(examined[1]),
            "cases_opened": cases,
            "notices_drafted": drafted,
            "rechecked": len(rechecked),
            "failures": failures,
        },
    )
    return outcome


def crawl_round(workspace: Workspace, names: Sequence[str]) -> dict[str, Any]:
    """Crawls the sources in a child process, which Scrapy needs for itself."""
    from config.crawling import FAILED, plans_of, sources_without_token
    from crawler.passes import SourceOutcome

    missing = [
        asdict(SourceOutcome(source=name, silent_reason=reason, failed=True))
        for name, reason in ({} if names else sources_without_token(workspace)).items()
    ]
    if not plans_of(workspace, names):
        return {"sources": missing, "finds_new": 0}
    child = subprocess.run(
        [sys.executable, "-m", "config.crawling"],
        input=json.dumps({"home": str(workspace.settings.home), "sources": list(names)}),
        capture_output=True,
        text=True,
        check=False,
        timeout=CRAWL_SECONDS,
        env=environment(),
    )
    (workspace.settings.home / "crawl.log").write_text(child.stderr, encoding="utf-8")
    if child.returncode != 0 or not child.stdout:
        raise CrawlFailed(f"the crawl ended with code {child.returncode}; see crawl.log in the workspace")
    outcome: dict[str, Any] = json.loads(child.stdout)
    if FAILED in outcome:
        raise CrawlFailed(outcome[FAILED])
    outcome["sources"] += missing
    outcome["finds_new"] = sum(one["finds_new"] for one in outcome["sources"])
    return outcome


def examine_round(workspace: Workspace, failures: list[str]) -> tuple[int, list[dict[str, Any]]]:
    """Examines every find that these matchers and cohorts have not seen; answers how many, and the new matches."""
    from matcher.examine import Examiner
    from matcher.library import read_library, version

    with reading(workspace.engine) as session:
        library = read_library(session, workspace.settings.indexes_folder)
        now = version(library)
        unseen = or_(col(Find.examined_version).is_(None), Find.examined_version != now)
        waiting = session.exec(select(Find.sha256).where(unseen).order_by(col(Find.first_seen_at))).all()
    examiner = Examiner(library, workspace.keys.matching, workspace.limits)
    examined, found = 0, []
    for sha256 in waiting:
        try:
            found += _examine_find(workspace, examiner, sha256, now)
            examined += 1
        except Exception as wrong:  # noqa: BLE001 - one bad find must not hide the next; it stays waiting and is told
            from config.cli.failures import one_line

            failures.append(f"find {sha256[:12]}: {one_line(wrong)}")
    return examined, found


def _examine_find(workspace: Workspace, examiner: Any, sha256: str, version: str) -> list[dict[str, Any]]:
    from matcher.texts.families import signature
    from matcher.verdict import is_at_least
    from takedown.families import SIGNATURE

    with reading(workspace.engine) as session:
        find = session.get_one(Find, sha256)
    with workspace.vault.open(find.vault_object) as content:
        answers = [one for one in examiner.content(find.name, content) if one["matches"]]
        if find.kind == "listing":
            answers += _in_screenshots(workspace, examiner, sha256)
            content.seek(0)
            mark = signature(content.read().decode("utf-8", "replace")).hex()
            answers = [{**one, SIGNATURE: mark} for one in answers]
        seen = _appearance(workspace, find, content)
    rows = [_match_row(sha256, answer, match) for answer in answers for match in answer["matches"]]
    with Session(workspace.engine) as session:
        if seen is not None:
            session.merge(FoundPicture(find_sha256=sha256, appearance=f"{seen:016x}"))
        for row in rows:
            _keep(session, row)
        kept = session.get_one(Find, sha256)
        kept.examined_version = version
        session.add(kept)
        session.commit()
    return [
        {
            "name": answer["path"],
            "verdict": match["verdict"],
            "cohort": match["cohort"],
            "release": match["release"],
            "standing": match["standing"],
            "false_match_probability": match["false_match_probability"],
            "participants": match["participants_matched"],
        }
        for answer in answers
        for match in answer["matches"]
        if is_at_least(match["verdict"], "probable")
    ]


def _in_screenshots(workspace: Workspace, examiner: Any, sha256: str) -> list[dict[str, Any]]:
    """What the screenshots of a listing hold in words, where words of pictures are read."""
    if not workspace.limits.ocr:
        return []
    with reading(workspace.engine) as session:
        taken = select(Capture.screenshot_object).join(Copy, col(Copy.capture_id) == Capture.id)
        objects = session.exec(taken.where(Copy.find_sha256 == sha256).order_by(col(Capture.id))).all()
    answers: list[dict[str, Any]] = []
    for name in dict.fromkeys(one for one in objects if one):
        with workspace.vault.open(name) as picture:
            answers += [one for one in examiner.content("screenshot.png", picture) if one["matches"]]
    return answers


def _appearance(workspace: Workspace, find: Find, content: Any) -> int | None:
    """What the picture of a listing looks like; None of anything else."""
    if find.kind != "picture":
        return None
    from matcher.pictures import look

    content.seek(0)
    return look(find.name, content, workspace.limits)


def _match_row(find_sha256: str, answer: dict[str, Any], match: dict[str, Any]) -> Match:
    return Match(
        find_sha256=find_sha256,
        path=answer["path"],
        content_sha256=answer["sha256"],
        verdict=match["verdict"],
        cohort=match["cohort"],
        release=match["release"] or "",
        recipient=match["recipient"],
        relation=match["relation"],
        standing=match["standing"],
        false_match_probability=match["false_match_probability"],
        false_accusation_probability=match["false_accusation_probability"],
        participants_matched=match["participants_matched"],
        participants_examined=match["participants_examined"],
        answer={**{key: value for key, value in answer.items() if key != "matches"}, "match": match},
    )


def _keep(session: Session, row: Match) -> None:
    """Writes a match, or brings the one of the same find, file, cohort and release up to date."""
    same = select(Match).where(
        Match.find_sha256 == row.find_sha256,
        Match.path == row.path,
        Match.cohort == row.cohort,
        Match.release == row.release,
    )
    known = session.exec(same).first()
    if known is None:
        session.add(row)
        return
    for name, value in row.model_dump(exclude={"id", "found_at"}).items():
        setattr(known, name, value)
    session.add(known)


def cases_round(workspace: Workspace) -> list[str]:
    """Opens cases for new matches, or joins them to the family that they belong to; numbers of those opened."""
    from takedown.cases import open_cases

    with Session(workspace.engine) as session:
        opened = [one.number for one in open_cases(session, log=workspace.log)]
        session.commit()
    return opened


def draft_round(workspace: Workspace) -> int:
    """Drafts what open cases still lack: the notices of a new case, or of copies that joined one since.

    None while the settings do not say who signs. Drafting what stands already changes nothing, so a pass that was
    killed before its drafts is made good by the next.
    """
    from config.parties import directory_of, sender_of
    from takedown.cases import open_numbers
    from takedown.notices import draft

    sender = sender_of(workspace)
    if sender is None:
        return 0
    with reading(workspace.engine) as session:
        numbers = open_numbers(session)
    drafted = 0
    for number in numbers:
        with Session(workspace.engine) as session:
            made = draft(
                session,
                number,
                author=MACHINE,
                sender=sender,
                log=workspace.log,
                directory=directory_of(workspace),
            )
            drafted += len(made)
            session.commit()
    return drafted


def recheck_round(workspace: Workspace, numbers: Sequence[str] | None) -> list[dict[str, Any]]:
    """Asks the addresses under takedown that are due, or all of the named cases."""
    from config.crawling import manners_of, plans_of
    from crawler.ask import Sighting, ask_again
    from takedown.recheck import recheck

    def ask(copies: Sequence[Copy]) -> list[Sighting]:
        return ask_again(plans_of(workspace), manners_of(workspace), copies)

    with Session(workspace.engine) as session:
        asked = recheck(session, ask=ask, numbers=numbers, log=workspace.log)
        session.commit()
    return asked
