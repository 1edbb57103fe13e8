"""The frontier: which address is looked at next, and the one transaction that ends it.

A pass of a source is opened with its searches and closed when nothing waits; both are rows. A lead is leased, asked,
and ended by `finish()`: its finds, copies, captures, new leads and its own state are committed together. A process that
dies in between has changed nothing, and the next one takes the lead up again. Names that must be unique
(a lead's address in its source, a find's digest, a copy's address and digest) are so in the database.

One process works on a source at a time; `config` holds the lock. So leases of a dead process are released at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, func, or_, select

from crawler.models import Capture, Copy, Find, Lead, LeadState, Source, now
from crawler.plans import SourcePlan
from crawler.platforms import Address, Offer

LEASE = timedelta(minutes=30)
STALE = timedelta(hours=24)
"""A pass that could not be finished for so long is begun anew, so that one slow lead does not keep out what is new."""
FAILED_PASSES = 5
FAILED_REST = timedelta(hours=24)
"""After so many passes a failing lead rests so long between two passes, where nothing points to it."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """An offer whose content lies sealed in quarantine."""

    offer: Offer
    sha256: str
    size_bytes: int
    vault_object: str


@dataclass(frozen=True, kw_only=True)
class Ending:
    """All that looking at one lead has brought."""

    state: LeadState = LeadState.DONE
    reason: str | None = None
    revision: str | None = None
    etag: str | None = None
    contents: Sequence[Content] = ()
    capture: Capture | None = None
    capture_of: int | None = None
    """An earlier capture that these contents rest on, or that a late screenshot belongs to."""
    addresses: Sequence[Address] = ()
    seen: Sequence[str] = ()
    cursor: dict[str, Any] = field(default_factory=dict)
    caps_hit: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True)
class Added:
    finds: int = 0
    copies: int = 0
    unused_objects: tuple[str, ...] = ()
    """Sealed but known already: to be shredded."""


def open_pass(engine: Engine, plan: SourcePlan, seeds: Iterable[Address]) -> int:
    """Begins a pass, or takes up the one that was not finished; gives the source's id."""
    with Session(engine) as session:
        source = session.exec(select(Source).where(Source.name == plan.name)).first()
        if source is None:
            source = Source(name=plan.name, platform=plan.platform, address=plan.address)
            session.add(source)
            session.flush()
        source_id = source.id
        assert source_id is not None
        source.platform, source.address = plan.platform, plan.address
        session.execute(
            update(Lead)
            .where(col(Lead.source_id) == source_id, col(Lead.state) == LeadState.LEASED)
            .values(state=LeadState.WAITING, leased_until=None)
        )
        is_unfinished = (
            source.cursor.get("pass_open") and not _is_stale(source) and _waits(session, source_id)
        )
        if not is_unfinished:
            number = int(source.cursor.get("pass_number", 0)) + 1
            source.cursor = {
                **source.cursor,
                "pass_open": True,
                "pass_number": number,
                "pass_opened_at": now().isoformat(),
            }
            source.caps_hit = 0
            _give_another_chance(session, source_id)
        session.add(source)
        _add_leads(session, source_id, seeds, int(source.cursor["pass_number"]))
        session.commit()
        return source_id


def close_pass(engine: Engine, source_id: int, *, silent_reason: str | None, answered: bool) -> int:
    """Ends a pass as far as it went; gives the number of leads that still wait."""
    with Session(engine) as session:
        waiting = session.exec(
            select(func.count())
            .select_from(Lead)
            .where(Lead.source_id == source_id, col(Lead.state).in_((LeadState.WAITING, LeadState.LEASED)))
        ).one()
        source = session.get_one(Source, source_id)
        source.cursor = {**source.cursor, "pass_open": waiting > 0}
        source.last_pass_at = now()
        if answered:
            source.last_answer_at = now()
        source.silent_reason = silent_reason
        session.add(source)
        session.commit()
        return int(waiting)


def lease(engine: Engine, source_id: int) -> Lead | None:
    """The next lead that may be asked now, held for this process."""
    with Session(engine, expire_on_commit=False) as session:
        at = now()
        chosen = session.exec(
            select(Lead)
            .where(
                Lead.source_id == source_id,
                Lead.state == LeadState.WAITING,
                or_(col(Lead.leased_until).is_(None), col(Lead.leased_until) <= at),
            )
            .order_by(col(Lead.attempts), col(Lead.id))
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if chosen is None:
            return None
        chosen.state, chosen.leased_until = LeadState.LEASED, at + LEASE
        chosen.attempts += 1
        session.add(chosen)
        session.commit()
        return chosen


def next_wait(engine: Engine, source_id: int) -> float | None:
    """Seconds until some waiting lead may be asked; None where none waits."""
    with Session(engine) as session:
        soonest = session.exec(
            select(Lead.leased_until)
            .where(Lead.source_id == source_id, Lead.state == LeadState.WAITING)
            .order_by(col(Lead.leased_until).asc())
            .limit(50)
        ).all()
    if not soonest:
        return None
    at = now()
    return min(max(0.0, (one - at).total_seconds()) if one else 0.0 for one in soonest)


def finish(engine: Engine, lead: Lead, plan: SourcePlan, ending: Ending) -> Added:
    """Writes everything that a lead brought and its own new state, in one transaction."""
    assert lead.id is not None
    with Session(engine) as session:
        source = session.get_one(Source, lead.source_id)
        row = session.get_one(Lead, lead.id)
        capture_id = ending.capture_of
        if ending.capture is not None:
            session.add(ending.capture)
            session.flush()
            capture_id = ending.capture.id
        added = _add_contents(session, lead, plan, ending.contents, capture_id)
        passing = int(source.cursor.get("pass_number", 1))
        linked = [
            Address(
                url=one.url,
                kind=one.kind,
                details={**one.details, **({"capture_id": capture_id} if capture_id else {})},
                revision=one.revision,
                again=one.again,
            )
            for one in ending.addresses
        ]
        _add_leads(session, lead.source_id, linked, passing)
        _mark_seen(session, lead.source_id, ending.seen)
        row.state, row.reason, row.leased_until = ending.state, ending.reason, ending.not_before
        failures = int(row.details.get("failures", 0)) + 1 if ending.state == LeadState.FAILED else 0
        row.details = {**row.details, "pass": passing, "failures": failures}
        if ending.state == LeadState.FAILED:
            row.details = {**row.details, "failed_at": now().isoformat()}
        if ending.etag:
            row.details = {**row.details, "etag": ending.etag}
        if ending.state == LeadState.DONE:
            told = str(row.details.get("revision", ""))
            row.revision = told if ending.revision is None else ending.revision
        session.add(row)
        if ending.cursor or ending.caps_hit:
            source.cursor = {**source.cursor, **ending.cursor}
            source.caps_hit += ending.caps_hit
            session.add(source)
        session.commit()
        return added


def stored_object(engine: Engine, sha256: str) -> str | None:
    """The object of a content that is in quarantine already."""
    with Session(engine.execution_options(reading=True)) as session:
        return session.exec(select(Find.vault_object).where(Find.sha256 == sha256)).first()


def is_new_copy(engine: Engine, url: str, sha256: str) -> bool:
    with Session(engine.execution_options(reading=True)) as session:
        return (
            session.exec(select(Copy.id).where(Copy.url == url, Copy.find_sha256 == sha256)).first() is None
        )


def is_news(engine: Engine, source_id: int, addresses: Iterable[Address]) -> bool:
    """True where one of the addresses was never looked at, or shows another revision than last time."""
    with Session(engine.execution_options(reading=True)) as session:
        for one in addresses:
            same = select(Lead.revision).where(Lead.source_id == source_id, Lead.url == one.url)
            if session.exec(same).first() != one.revision:
                return True
    return False


def add_screenshot(engine: Engine, lead: Lead, capture_id: int, *, vault_object: str, sha256: str) -> bool:
    """Ends a screenshot's lead; False where the capture has a picture already."""
    assert lead.id is not None
    with Session(engine) as session:
        capture = session.get(Capture, capture_id)
        row = session.get_one(Lead, lead.id)
        row.state, row.leased_until = LeadState.DONE, None
        session.add(row)
        is_new = capture is not None and capture.screenshot_object is None
        if capture is not None and is_new:
            capture.screenshot_object, capture.screenshot_sha256 = vault_object, sha256
            session.add(capture)
        session.commit()
        return is_new


def _give_another_chance(session: Session, source_id: int) -> None:
    """What failed or was cut short in an earlier pass waits again; what failed often, once it has rested."""
    states = (LeadState.FAILED, LeadState.WAITING)
    for row in session.exec(select(Lead).where(Lead.source_id == source_id, col(Lead.state).in_(states))):
        failed_at = row.details.get("failed_at")
        has_rested = failed_at is None or now() - datetime.fromisoformat(failed_at) > FAILED_REST
        if has_rested or int(row.details.get("failures", 0)) < FAILED_PASSES:
            row.state, row.attempts, row.leased_until = LeadState.WAITING, 0, None
            session.add(row)


def _waits(session: Session, source_id: int) -> bool:
    """False where a pass died after its last lead and before it was closed: then there is nothing to take up."""
    waiting = select(Lead.id).where(Lead.source_id == source_id, Lead.state == LeadState.WAITING)
    return session.exec(waiting.limit(1)).first() is not None


def _is_stale(source: Source) -> bool:
    opened = source.cursor.get("pass_opened_at")
    return opened is None or now() - datetime.fromisoformat(opened) > STALE


def _add_contents(
    session: Session, lead: Lead, plan: SourcePlan, contents: Sequence[Content], capture_id: int | None
) -> Added:
    finds = copies = 0
    unused = []
    for content in contents:
        offer = content.offer
        find = {
            "sha256": content.sha256,
            "kind": offer.kind,
            "name": offer.name,
            "size_bytes": content.size_bytes,
            "vault_object": content.vault_object,
            "first_seen_at": now(),
        }
        if _insert(session, Find, find):
            finds += 1
        elif session.get_one(Find, content.sha256).vault_object != content.vault_object:
            unused.append(content.vault_object)
        known = session.exec(
            select(Copy).where(Copy.url == offer.url, Copy.find_sha256 == content.sha256)
        ).first()
        if known is not None:
            known.last_seen_at = now()
            session.add(known)
            continue
        copies += 1
        session.add(
            Copy(
                find_sha256=content.sha256,
                source_id=lead.source_id,
                capture_id=capture_id,
                url=offer.url,
                platform=plan.platform,
                account=offer.account,
                title=offer.title,
                origin=offer.origin,
                details={**offer.details, "source": plan.name},
            )
        )
        session.flush()
    return Added(finds, copies, tuple(unused))


def _add_leads(session: Session, source_id: int, addresses: Iterable[Address], passing: int) -> None:
    for one in addresses:
        fresh: dict[str, Any] = {
            "source_id": source_id,
            "url": one.url,
            "kind": one.kind,
            "details": {**one.details, "pass": 0, "revision": one.revision},
            "revision": "",
            "state": LeadState.WAITING,
            "attempts": 0,
            "found_at": now(),
        }
        if _insert(session, Lead, fresh):
            continue
        known = session.exec(select(Lead).where(Lead.source_id == source_id, Lead.url == one.url)).one()
        if known.state in (LeadState.WAITING, LeadState.LEASED) or known.details.get("pass") == passing:
            continue  # under way, or looked at in this pass
        changed = (
            one.again or known.state != LeadState.DONE or (one.revision and one.revision != known.revision)
        )
        if not changed:
            continue
        known.state, known.attempts, known.kind, known.leased_until = LeadState.WAITING, 0, one.kind, None
        remembered: dict[str, Any] = {
            name: known.details[name]
            for name in ("pass", "etag", "failures", "failed_at")
            if name in known.details
        }
        known.details = {**one.details, "revision": one.revision, **remembered}
        session.add(known)
    session.flush()


def _mark_seen(session: Session, source_id: int, urls: Sequence[str]) -> None:
    for start in range(0, len(urls), 200):
        session.execute(
            update(Copy)
            .where(col(Copy.source_id) == source_id, col(Copy.url).in_(urls[start : start + 200]))
            .values(last_seen_at=now())
        )


def _insert(session: Session, model: type[Any], values: dict[str, Any]) -> bool:
    """Writes a row unless its unique name is there; True where it was written."""
    on = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = on.insert(model.__table__).values(**values).on_conflict_do_nothing()
    return bool(session.connection().execute(statement).rowcount)
