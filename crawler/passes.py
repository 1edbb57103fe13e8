"""One source during one pass: its counts, what it begins with, and how long it wants to be left alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from crawler import frontier
from crawler.frontier import Ending
from crawler.manners import Door
from crawler.models import Lead, LeadState, Source
from crawler.plans import Manners, SourcePlan
from crawler.platforms import Address, Platform, platform_of
from crawler.tips import is_web_address

TIPS = "tips"


@dataclass
class SourceOutcome:
    """What one pass over one source came to."""

    source: str
    requests: int = 0
    finds_new: int = 0
    copies_new: int = 0
    caps_hit: int = 0
    leads_left: int = 0
    silent_reason: str | None = None
    """Why nothing useful was heard; None where something was."""
    failed: bool = False
    answers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class PassOutcome:
    sources: list[SourceOutcome]
    seconds: float


class SourcePass:
    """One source during one pass: its counts, and how long it wants to be left alone."""

    def __init__(self, plan: SourcePlan, platform: Platform, source_id: int, doors: dict[bool, Door]) -> None:
        self.plan = plan
        self.platform = platform
        self.source_id = source_id
        self.door = doors[plan.allow_private]
        self.outcome = SourceOutcome(source=plan.name)
        self.answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.heard = 0
        self.in_flight = 0
        self.paused_until = 0.0
        self.limited = False

    def has_room(self, manners: Manners) -> bool:
        return (
            self.in_flight < manners.concurrency
            and self.outcome.requests < self.plan.max_requests
            and time.monotonic() >= self.paused_until
        )

    def pause(self, seconds: float) -> None:
        self.limited = True
        self.paused_until = max(self.paused_until, time.monotonic() + seconds)

    def wait(self, engine: Engine, manners: Manners) -> float | None:
        """Seconds until there may be something to ask; None where this pass is over."""
        if self.in_flight:
            return 1.0
        if self.outcome.requests >= self.plan.max_requests:
            return None
        due = frontier.next_wait(engine, self.source_id)
        if due is None:
            return None
        due = max(due, self.paused_until - time.monotonic())
        return due if due <= manners.patience_seconds else None

    def close(self, engine: Engine) -> SourceOutcome:
        out = self.outcome
        bad = self.failures + Counter(
            {name: n for name, n in self.answers.items() if name not in ("page", "file")}
        )
        if not self.heard and (out.requests or self.plan.name != TIPS):
            said = ", ".join(f"{name} ({n})" for name, n in bad.most_common(3))
            out.silent_reason = f"no useful answer: {said or 'nothing could be asked'}"
            out.failed = True
        if out.requests >= self.plan.max_requests:
            out.caps_hit += 1
        out.answers = {**self.answers, **self.failures}
        out.leads_left = frontier.close_pass(
            engine, self.source_id, silent_reason=out.silent_reason, answered=self.heard > 0
        )
        return out


def seeds(engine: Engine, plan: SourcePlan, platforms: dict[str, Platform]) -> list[Address]:
    """What a pass begins with: the platform's searches, and the tips that belong to this source."""
    platform = platforms[plan.name]
    with Session(engine.execution_options(reading=True)) as session:
        source = session.exec(select(Source).where(Source.name == plan.name)).first()
        cursor = dict(source.cursor) if source else {}
    seeds = list(platform.searches(plan, cursor))
    for tip in filter(lambda one: is_web_address(one.url), _waiting_tips(engine)):
        claimed = platform.claims(tip.url, plan)
        if claimed is not None:
            note = {"tip": tip.details.get("note") or "told by a person"}
            seeds.append(
                Address(url=claimed.url, kind=claimed.kind, details={**claimed.details, **note}, again=True)
            )
    return seeds


def _waiting_tips(engine: Engine) -> list[Lead]:
    with Session(engine.execution_options(reading=True), expire_on_commit=False) as session:
        states = (LeadState.WAITING, LeadState.LEASED)
        tips = (
            select(Lead)
            .join(Source, col(Lead.source_id) == Source.id)
            .where(Source.name == TIPS, Lead.kind == "tip", col(Lead.state).in_(states))
        )
        return list(session.exec(tips).all())


def tips_pass(
    engine: Engine, plans: Sequence[SourcePlan], platforms: dict[str, Platform], doors: dict[bool, Door]
) -> SourcePass | None:
    """The tips that no source claims. The others are leads of that source by now, so their own are done."""
    tips = _waiting_tips(engine)
    if not tips:
        return None
    plan = SourcePlan(name=TIPS, platform=TIPS, address="people")
    own = SourcePass(plan, platform_of(plan), frontier.open_pass(engine, plan, ()), doors)
    for tip in tips:
        able = plans if is_web_address(tip.url) else ()
        claimant = next((one for one in able if platforms[one.name].claims(tip.url, one)), None)
        if claimant is not None:
            frontier.finish(engine, tip, plan, Ending(reason=f"looked at as part of {claimant.name}"))
    return own
