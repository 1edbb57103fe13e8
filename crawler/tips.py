"""Tips: leads from people. An address is looked at by the next pass; a file goes into quarantine at once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from sqlmodel import Session, select

from crawler.errors import BadTip
from crawler.models import Copy, Find, Lead, LeadState, Source, Whereabouts
from crawler.vault import Vault

SOURCE = "tips"
MOST_BYTES = 2 << 30


def take_tip(session: Session, vault: Vault, url_or_path: str, note: str | None) -> str:
    """Takes in an address or a file; gives what to call it. The same tip twice is taken in once.

    Raises:
        BadTip: neither an address nor a file that can be read.
    """
    if is_web_address(url_or_path):
        return _take_address(session, _source(session), url_or_path, note)
    path = Path(os.path.expanduser(url_or_path))  # noqa: PTH111 - leaves `~nobody` as it is, where Path raises
    if not path.is_file():
        raise BadTip(f"{url_or_path[:200]} is neither a web address nor a file; give one of these")
    if path.stat().st_size > MOST_BYTES:
        raise BadTip(f"{path} is larger than 2 GiB; examine it where it lies with `cohortwatch examine`")
    return _take_file(session, vault, _source(session), path, note)


def is_web_address(url: str) -> bool:
    """Whether it can be asked at all: one line, a host, and a port that there can be."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and all(one.isprintable() and not one.isspace() for one in url)
        )
    except ValueError:
        return False


def _source(session: Session) -> Source:
    source = session.exec(select(Source).where(Source.name == SOURCE)).first()
    if source is None:
        source = Source(name=SOURCE, platform=SOURCE, address="people")
        session.add(source)
        session.flush()
    return source


def _take_address(session: Session, source: Source, url: str, note: str | None) -> str:
    same = select(Lead).where(Lead.source_id == source.id, Lead.url == url)
    known = session.exec(same).first()
    told = {"note": note} if note else {}
    if known is None:
        session.add(Lead(source_id=source.id or 0, url=url, kind="tip", details=told))
    elif known.state not in (LeadState.WAITING, LeadState.LEASED):
        # Whoever tells it again has seen something there since it was looked at.
        known.state, known.attempts, known.leased_until = LeadState.WAITING, 0, None
        known.details = {**known.details, **told, "pass": 0}
        session.add(known)
    return url


def _take_file(session: Session, vault: Vault, source: Source, path: Path, note: str | None) -> str:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if session.get(Find, sha256) is None:
            stream.seek(0)
            name, size = vault.put(stream), path.stat().st_size
            kind = "git" if path.suffix == ".bundle" else "file"
            session.add(Find(sha256=sha256, kind=kind, name=path.name, size_bytes=size, vault_object=name))
            session.flush()
    url = f"tip:{sha256[:16]}"
    if session.exec(select(Copy).where(Copy.url == url)).first() is None:
        session.add(
            Copy(
                find_sha256=sha256,
                source_id=source.id or 0,
                url=url,
                platform=SOURCE,
                title=path.name,
                details={"note": note} if note else {},
                whereabouts=Whereabouts.UNKNOWN,
            )
        )
        session.flush()
    return url
