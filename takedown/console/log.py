"""The audit log for auditors: does it hold, and what stands in it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from takedown import people
from takedown.console.desk import desk_of
from takedown.console.guard import Signed
from takedown.console.page import page

routes = APIRouter()
ENTRIES_A_PAGE = 100


@routes.get("/log")
def show_log(request: Request, visitor: Signed, about: str = "", start: int = 0) -> Response:
    people.require(visitor.person, "read-log")
    log = desk_of(request).log
    verified = log.verify()
    entries = [one for one in reversed(log.entries()) if _is_about(one, about.strip())]
    start = max(0, min(start, max(0, len(entries) - 1)))
    return page(
        request,
        "log.html",
        visitor=visitor,
        verified=verified,
        entries=entries[start : start + ENTRIES_A_PAGE],
        entries_count=len(entries),
        start=start,
        about=about.strip(),
        newer=max(0, start - ENTRIES_A_PAGE) if start else None,
        older=start + ENTRIES_A_PAGE if start + ENTRIES_A_PAGE < len(entries) else None,
    )


def _is_about(entry: dict[str, Any], about: str) -> bool:
    shown = (str(entry.get(key, "")).lower() for key in ("actor", "action", "subject"))
    return not about or any(about.lower() in one for one in shown)
