"""A workspace's rows by hand: one leaked repository, its fork, and who works on it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session

from config.database import migrate, open_engine
from crawler.models import Copy, Find, Source, now
from matcher.models import Match
from takedown import cases
from takedown.log import AuditLog
from takedown.people import add_person
from takedown.sender import Sender

SENDER = Sender(
    organisation="Example Biobank",
    signatory="Ines Example",
    email="ines@biobank.example",
    postal_address="1 Example Street, Exampleton",
    telephone="+44 20 7946 0000",
    authority="owner",
    work="The Example Biobank database of participants, unpublished.",
    right_claimed="We claim database copyright under the law of the United Kingdom.",
    registration="company 01234567",
    contract_clause="Clause 7: the recipient passes the data to nobody.",
)
NUMBER = f"CW-{now().year}-0001"
BUNDLE, FORK_BUNDLE, BLOB = "a" * 64, "b" * 64, "c" * 64


def engine_at(folder: Path, address: str | None = None) -> Engine:
    engine = open_engine(address or f"sqlite:///{folder}/x.sqlite3")
    migrate(engine)
    return engine


def log_at(folder: Path) -> AuditLog:
    return AuditLog(folder / "audit.jsonl", bytes(32))


def add_people(session: Session) -> None:
    for name, role in (
        ("rosa", "responder"),
        ("lena", "legal"),
        ("lars", "legal"),
        ("adam", "auditor"),
        ("ada", "admin"),
    ):
        add_person(session, name=name, full_name=name.title(), email=f"{name}@biobank.example", role=role)


def add_leak(session: Session) -> None:
    """A repository with a leaked table in its history, and its fork."""
    session.add(Source(id=1, name="github", platform="github", address="http://127.0.0.1"))
    session.flush()
    for sha256, url, origin in (
        (BUNDLE, "https://github.example/a/study", None),
        (FORK_BUNDLE, "https://github.example/b/study", "https://github.example/a/study"),
    ):
        session.add(Find(sha256=sha256, kind="git", name="study", size_bytes=9, vault_object="0" * 32))
        session.flush()
        session.add(
            Copy(
                find_sha256=sha256,
                source_id=1,
                url=url,
                platform="github",
                origin=origin,
                title="study",
                account="a",
            )
        )
    session.flush()


def open_leak(session: Session, log: AuditLog) -> None:
    """People, and one new case, `NUMBER`, of the repository and its fork."""
    add_people(session)
    add_leak(session)
    session.add_all([match(BUNDLE), match(FORK_BUNDLE)])
    session.flush()
    cases.open_cases(session, log=log)
    session.commit()


def match(find: str, content: str = BLOB, **changes: object) -> Match:
    values = {
        "find_sha256": find,
        "path": "study@0123456789ab:data/pheno.csv",
        "content_sha256": content,
        "verdict": "confirmed",
        "cohort": "ukx",
        "release": "app-1",
        "recipient": "Institute A",
        "standing": "accuse",
        "false_match_probability": 1e-12,
        "false_accusation_probability": 1e-8,
        "participants_matched": 981,
        "participants_examined": 1000,
        "answer": {
            "content": "individual-level",
            "format": "csv",
            "columns": ["eid", "sex"],
            "match": {"evidence": []},
        },
    }
    return Match(**{**values, **changes})  # type: ignore[arg-type]
