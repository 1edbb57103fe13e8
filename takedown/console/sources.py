"""Sources: where the crawler looks, when it last heard something, and which fell silent."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import func
from sqlmodel import col, select

from crawler.models import Copy, Lead, LeadState, Source
from takedown.console.desk import desk_of
from takedown.console.guard import Signed
from takedown.console.page import page

routes = APIRouter()


@routes.get("/sources")
def show_sources(request: Request, visitor: Signed) -> Response:
    desk = desk_of(request)
    with desk.reading() as session:
        sources = session.exec(select(Source).order_by(col(Source.name))).all()
        waiting = dict(
            session.exec(
                select(Lead.source_id, func.count())
                .where(col(Lead.state).in_([LeadState.WAITING, LeadState.LEASED]))
                .group_by(col(Lead.source_id))
            ).all()
        )
        copies = dict(session.exec(select(Copy.source_id, func.count()).group_by(col(Copy.source_id))).all())
        return page(
            request,
            "sources.html",
            visitor=visitor,
            sources=sources,
            waiting=waiting,
            copies=copies,
            crawl_status=desk.crawl_status() if desk.crawl_status else None,
        )
