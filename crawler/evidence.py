"""Evidence: the raw answer as WARC, digests of everything, all of it in quarantine.

`kept()` seals the objects and gives the row that names them; the row is written by the frontier in the one
transaction that ends the lead. What was sealed and never named (the process died in between) is shredded
by `sweep()`.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlmodel import Session, select
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from crawler.models import Answer, Capture, Find, now
from crawler.vault import Vault

ORPHAN_SECONDS = 3600.0
"""An object without a row may belong to a process that is about to write it; after this it does not."""


def kept(
    vault: Vault,
    *,
    lead_id: int | None,
    url: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    answer: Answer,
    at: datetime,
    rendered: bool = False,
    screenshot: bytes | None = None,
) -> Capture:
    """Seals an answer as WARC, and its picture; gives the row for it."""
    warc = _warc(url, status, headers, body, at, rendered)
    return Capture(
        lead_id=lead_id,
        url=url,
        fetched_at=at,
        status=status,
        answer=answer,
        sha256=hashlib.sha256(body).hexdigest(),
        size_bytes=len(body),
        warc_object=vault.put(warc),
        warc_sha256=hashlib.sha256(warc).hexdigest(),
        screenshot_object=vault.put(screenshot) if screenshot else None,
        screenshot_sha256=hashlib.sha256(screenshot).hexdigest() if screenshot else None,
    )


def named_objects(session: Session) -> set[str]:
    """Every object of the quarantine that a row names."""
    named = set(session.exec(select(Find.vault_object)).all())
    for warc, picture in session.exec(select(Capture.warc_object, Capture.screenshot_object)).all():
        named.update(one for one in (warc, picture) if one)
    return named


def sweep(
    session: Session, vault: Vault, *, older_than: timedelta = timedelta(seconds=ORPHAN_SECONDS)
) -> int:
    """Shreds what no row names: left behind by a process that died before its transaction."""
    before = time.time() - older_than.total_seconds()
    # Listed before the rows are read: what is put after the listing is not looked at.
    candidates = [name for name in vault.names() if vault.stored_at(name) < before]
    named = named_objects(session) if candidates else set()
    orphans = [name for name in candidates if name not in named]
    for name in orphans:
        vault.shred(name)
    return len(orphans)


def _warc(
    url: str, status: int, headers: Mapping[str, str], body: bytes, at: datetime, rendered: bool
) -> bytes:
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    date = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    software = {"software": "cohortwatch", "format": "WARC File Format 1.1", "created": now().isoformat()}
    writer.write_record(writer.create_warcinfo_record("evidence.warc.gz", software))
    if rendered:
        # The page as the browser showed it: a conversion, since scripts have changed what came over the wire.
        record = writer.create_warc_record(
            url,
            "conversion",
            io.BytesIO(body),
            warc_content_type="text/html",
            warc_headers_dict={"WARC-Date": date},
        )
    else:
        names = {one.value: one.phrase for one in HTTPStatus}
        lines = [(_line(name), _line(value)) for name, value in headers.items()]
        head = StatusAndHeaders(f"{status} {names.get(status, '')}".strip(), lines, protocol="HTTP/1.1")
        record = writer.create_warc_record(
            url, "response", io.BytesIO(body), http_headers=head, warc_headers_dict={"WARC-Date": date}
        )
    writer.write_record(record)
    return out.getvalue()


def _line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
