"""The queue: what waits for a person, narrowed by filters that are in the address and so can be kept as a bookmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from takedown.cases import queue
from takedown.console.desk import desk_of
from takedown.console.guard import Signed
from takedown.console.page import page

routes = APIRouter()
ROWS_A_PAGE = 200
OPEN = ("new", "confirmed", "notified", "removed")


def _urgency(row: dict[str, Any]) -> tuple[Any, ...]:
    """A running clock before none, what is still up before what is gone, then how sure and how many."""
    order = {"new": 1, "confirmed": 0, "notified": 2, "removed": 3, "closed": 4, "dismissed": 5}
    clock = row["next_clock"]
    return (
        order[row["state"]],
        clock["due_at"].timestamp() if clock else float("inf"),
        row["copies_up"] == 0,
        row["false_match_probability"],
        -(row["participants_matched"] or 0),
        row["number"],
    )


ORDERS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "urgent": ("Most urgent first", _urgency),
    "sure": ("Surest first", lambda row: row["false_match_probability"]),
    "people": ("Most people first", lambda row: -(row["participants_matched"] or 0)),
    "new": ("Newest first", lambda row: -row["first_seen_at"].timestamp()),
    "old": ("Oldest first", lambda row: row["first_seen_at"].timestamp()),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for; unknown words fall back to the default."""

    text: str = ""
    state: str = "open"
    verdict: str = ""
    platform: str = ""
    whose: str = ""
    order: str = "urgent"


def _asked(
    text: str = "",
    state: str = "open",
    verdict: str = "",
    platform: str = "",
    whose: str = "",
    order: str = "urgent",
) -> Filters:
    return Filters(
        text.strip()[:200], state, verdict, platform, whose, order if order in ORDERS else "urgent"
    )


@routes.get("/")
def show_queue(request: Request, visitor: Signed, filters: Annotated[Filters, Depends(_asked)]) -> Response:
    with desk_of(request).reading() as session:
        everything = queue(session)
    rows = [row for row in everything if _fits(row, filters, visitor.person.name)]
    rows.sort(key=ORDERS[filters.order][1])
    is_part = bool(request.headers.get("hx-request"))
    return page(
        request,
        "queue_rows.html" if is_part else "queue.html",
        visitor=visitor,
        rows=rows[:ROWS_A_PAGE],
        rows_count=len(rows),
        everything_count=len(everything),
        totals=_totals(everything),
        filters=filters,
        orders={name: words for name, (words, _) in ORDERS.items()},
        platforms=sorted({name for row in everything for name in row["platforms"]}),
    )


def _fits(row: dict[str, Any], filters: Filters, me: str) -> bool:
    if filters.state == "open" and row["state"] not in OPEN:
        return False
    if filters.state not in ("open", "all", "") and row["state"] != filters.state:
        return False
    if filters.verdict and row["verdict"] != filters.verdict:
        return False
    if filters.platform and filters.platform not in row["platforms"]:
        return False
    if filters.whose == "mine" and row["assignee"] != me:
        return False
    if filters.whose == "nobody" and row["assignee"]:
        return False
    return _holds(row, filters.text.lower())


def _holds(row: dict[str, Any], text: str) -> bool:
    keys = ("number", "title", "cohort", "release", "recipient", "assignee")
    return not text or any(text in str(row[key] or "").lower() for key in keys)


def _totals(rows: list[dict[str, Any]]) -> dict[str, int]:
    is_open = [row for row in rows if row["state"] in OPEN]
    return {
        "new": sum(row["state"] == "new" for row in rows),
        "confirmed": sum(row["state"] == "confirmed" for row in rows),
        "notified": sum(row["state"] == "notified" for row in rows),
        "removed": sum(row["state"] == "removed" for row in rows),
        "copies_up": sum(row["copies_up"] for row in is_open),
        "nobody": sum(not row["assignee"] for row in is_open),
    }
