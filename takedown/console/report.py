"""The report: times to detect, to notice and to removal, what is still exposed, and where nobody was looking."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from takedown import reports
from takedown.console.desk import desk_of
from takedown.console.guard import Signed
from takedown.console.page import page

routes = APIRouter()


@routes.get("/report")
def show_report(request: Request, visitor: Signed, since: str = "") -> Response:
    try:
        start = datetime.strptime(since, "%Y-%m-%d").replace(tzinfo=UTC) if since else None
        problem = None
    except ValueError:
        start, problem = None, "The day was not understood; write it as 2026-01-31."
    with desk_of(request).reading() as session:
        made = reports.report(session, since=start)
    return page(
        request, "report.html", visitor=visitor, report=made, since=since if start else "", problem=problem
    )
