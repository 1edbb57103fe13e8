"""A workspace with made-up cases, for tests and for the eye: rows by seed, everything after them by the real functions.

`python -m tests.takedown.console.seeded FOLDER` makes one and serves it on loopback.
"""

from __future__ import annotations

import hashlib
import io
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine
from sqlmodel import Session, select

from config.database import migrate, open_engine
from crawler.models import Answer, Capture, Copy, Find, Lead, LeadState, Source, Whereabouts, now
from crawler.vault import Vault
from matcher.models import Cohort, Match, Release
from takedown import cases, notices, people
from takedown.channels import MailRoute
from takedown.console.app import make_app
from takedown.log import AuditLog
from takedown.models import Case, Notice, Person
from takedown.recheck import recheck
from takedown.recipients import Directory
from takedown.sender import Sender

PASSWORD = "correct horse battery"
PEOPLE = (
    ("rosa", "Rosa Responder", "responder"),
    ("ines", "Ines Example", "legal"),
    ("lars", "Lars Lawyer", "legal"),
    ("ada", "Ada Auditor", "auditor"),
    ("amir", "Amir Admin", "admin"),
)
SENDER = Sender(
    organisation="Example Biobank",
    signatory="Ines Example",
    email="takedown@biobank.example",
    postal_address="1 Cohort Street, Exampletown",
    telephone="+44 20 7946 0000",
    authority="owner of the database",
    work="the Example Biobank research database, unpublished",
    right_claimed="copyright in the selection and arrangement of the database",
    registration="charity 99-EX",
    contract_clause="the recipient shall not pass the data on (clause 7.2)",
)
DIRECTORY = Directory(
    platforms={"storefront": "ip@shop.example", "git": "abuse@git.example"},
    institutions={"Institute A": "dpo@institute-a.example"},
)


@dataclass(frozen=True)
class Seeded:
    """A made-up workspace and the parts of it."""

    engine: Engine
    vault: Vault
    log: AuditLog

    def app(self, **given: Any) -> FastAPI:
        settings: dict[str, Any] = {"sender": SENDER, "route": None, "directory": DIRECTORY, **given}
        return make_app(engine=self.engine, vault=self.vault, log=self.log, **settings)

    def one_time_token(self, name: str) -> str:
        with Session(self.engine) as session:
            token = people.one_time_token(session, name=name)
            session.commit()
        return token

    def session_token(self, name: str) -> str:
        with Session(self.engine) as session:
            token = people.open_session(session, people.find_person(session, name))
            session.commit()
        return token


def open_seeded(folder: Path) -> Seeded:
    """The workspace that lies in a folder."""
    engine = open_engine(f"sqlite:///{folder / 'cohortwatch.sqlite3'}")
    return Seeded(
        engine, Vault(folder / "quarantine", b"q" * 32), AuditLog(folder / "audit.jsonl", b"l" * 32)
    )


def seed_workspace(folder: Path, *, with_past: bool = True) -> Seeded:
    """Makes cases in every state; `with_past=False` leaves all of them new."""
    engine = open_engine(f"sqlite:///{folder / 'cohortwatch.sqlite3'}")
    migrate(engine)
    made = Seeded(
        engine, Vault(folder / "quarantine", b"q" * 32), AuditLog(folder / "audit.jsonl", b"l" * 32)
    )
    with Session(engine) as session:
        for name, full_name, role in PEOPLE:
            people.add_person(
                session,
                name=name,
                full_name=full_name,
                email=f"{name}@biobank.example",
                role=role,
                password=PASSWORD,
            )
        _add_cohort(session)
        _Leaks(session, made.vault, random.Random(7)).add_all()
        cases.open_cases(session, log=made.log)
        session.commit()
        if with_past:
            _live_through(session, made.log)
            session.commit()
    return made


def _add_cohort(session: Session) -> None:
    cohort = Cohort(
        name="examplebank",
        title="Example Biobank",
        participants_count=500_000,
        columns_count=31,
        variants_count=700_000,
    )
    session.add(cohort)
    session.flush()
    for number, recipient in enumerate("ABCDEF", start=1041):
        session.add(
            Release(
                cohort_id=cohort.id or 0,
                name=f"app-{number}",
                recipient=f"Institute {recipient}",
                ids_count=500_000,
            )
        )
    ages = {"github": 0.4, "storefront": 0.5, "git": 0.6, "mirror": 52.0}
    for name, hours in ages.items():
        session.add(
            Source(
                name=name,
                platform="git" if name == "mirror" else name,
                address=f"https://{name}.example/",
                last_pass_at=now() - timedelta(hours=0.4),
                last_answer_at=now() - timedelta(hours=hours),
                silent_reason="challenge page since two days" if name == "mirror" else None,
                caps_hit=2 if name == "github" else 0,
            )
        )
    session.flush()


class _Leaks:
    """Finds, copies, captures and matches, as the crawler and the matcher would write them."""

    def __init__(self, session: Session, vault: Vault, dice: random.Random) -> None:
        self.session, self.vault, self.dice = session, vault, dice
        self.sources = {one.name: one for one in session.exec(select(Source)).all()}

    def add_all(self) -> None:
        rows = [_row_evidence(981, 1000, 41.2), _id_evidence(1000, 23.5)]
        genotypes = [
            {
                "matcher": "genotype-identity",
                "log10_odds": 212.4,
                "why": "250 of 250 samples agree with one participant each over 612 chosen variants",
            }
        ]
        ids = [_id_evidence(20, 6.3)]
        repository = self.find("thesis-analysis", "git", 5)
        self.copy(
            repository,
            "github",
            "https://github.com/quiet-otter/thesis-analysis",
            "thesis-analysis",
            account="quiet-otter",
            details={"commit": "9f3c1d20ab77"},
        )
        self.copy(
            repository,
            "github",
            "https://github.com/second-heron/thesis-analysis",
            "thesis-analysis",
            account="second-heron",
            origin="https://github.com/quiet-otter/thesis-analysis",
        )
        self.match(
            repository,
            "thesis-analysis@9f3c1d20ab77:data/phenotypes.csv",
            rows,
            981,
            1000,
            "app-1042",
            "Institute B",
            "accuse",
        )
        self.match(
            repository,
            "thesis-analysis@9f3c1d20ab77:notebooks/.ipynb_checkpoints/explore-checkpoint.ipynb",
            ids,
            20,
            20,
            "app-1042",
            "Institute B",
            "investigate",
            content="identifiers",
            kind="notebook",
        )
        genome = self.find("genotypes_chr21.vcf.gz", "file", 30)
        self.copy(
            genome,
            "git",
            "https://git.example/lab/imputation/blob/main/genotypes_chr21.vcf.gz",
            "imputation",
            account="lab",
        )
        self.match(
            genome,
            "",
            genotypes,
            250,
            250,
            "app-1041",
            "Institute A",
            "accuse",
            content="individual-level",
            kind="vcf",
        )
        listing = self.find("listing", "listing", 2)
        title = "英国生物样本库 UKB数据 全套数据 表型数据 基因数据 秒发"
        self.copy(
            listing,
            "storefront",
            "https://shop.example/item/88213",
            title,
            account="旺铺数据",
            details={"item": "88213", "price": "CNY 480", "size_claimed": "500,000 people"},
            picture=title,
        )
        self.copy(
            listing,
            "storefront",
            "https://shop.example/item/90455",
            "UKB数据 全套 自动发货",
            account="数据小店",
            details={"item": "90455", "price": "CNY 360"},
            picture="UKB 自动发货",
        )
        self.match(
            listing,
            "",
            [
                {
                    "matcher": "listing-offer",
                    "log10_odds": 5.1,
                    "why": "offers data of the cohort by name, at a price, with instant delivery",
                }
            ],
            None,
            None,
            content="text",
            kind="text",
        )
        for number, (name, hours, count) in enumerate(
            [("withdrawn_samples.csv", 70, 61), ("eidToIcd.tsv", 200, 4120), ("ukb_extracted.rds", 400, 1200)]
        ):
            found = self.find(name, "file", hours)
            self.copy(
                found,
                "github",
                f"https://github.com/user-{number}/ehr/blob/main/{name}",
                f"ehr/{name}",
                account=f"user-{number}",
            )
            standing = "investigate" if number == 0 else "accuse"
            evidence = [_id_evidence(count, 15.0)] if number == 0 else [_row_evidence(count, count + 9, 33.0)]
            self.match(
                found,
                "",
                evidence,
                count,
                count + 9,
                f"app-104{number + 3}",
                f"Institute {'CDE'[number]}",
                standing,
            )
        unnamed = self.find("covariates", "file", 11)
        self.copy(unnamed, "git", "https://git.example/gwas/run/raw/covariates", "gwas/run", account="gwas")
        self.match(
            unnamed,
            "",
            [_row_evidence(12, 40, 7.4)],
            12,
            40,
            candidates=[
                {"release": "app-1043", "recipient": "Institute C", "false_accusation_probability": 0.04},
                {"release": "app-1046", "recipient": "Institute F", "false_accusation_probability": 0.31},
            ],
        )

    def find(self, name: str, kind: str, hours: float) -> Find:
        content = self.dice.randbytes(2000)
        found = Find(
            sha256=hashlib.sha256(content).hexdigest(),
            kind=kind,
            name=name,
            size_bytes=self.dice.randint(20_000, 90_000_000),
            vault_object=self.vault.put(content),
            first_seen_at=now() - timedelta(hours=hours),
            examined_version="1",
        )
        self.session.add(found)
        self.session.flush()
        return found

    def copy(
        self,
        found: Find,
        platform: str,
        url: str,
        title: str,
        *,
        account: str | None = None,
        origin: str | None = None,
        details: dict[str, Any] | None = None,
        picture: str | None = None,
    ) -> Copy:
        source = self.sources[platform]
        lead = Lead(source_id=source.id or 0, url=url, kind="page", state=LeadState.DONE)
        self.session.add(lead)
        self.session.flush()
        capture = self.capture(lead, url, found, picture)
        copy = Copy(
            find_sha256=found.sha256,
            source_id=source.id or 0,
            capture_id=capture.id,
            url=url,
            platform=platform,
            account=account,
            title=title,
            origin=origin,
            details=details or {},
            first_seen_at=found.first_seen_at,
            last_seen_at=now() - timedelta(minutes=25),
        )
        self.session.add(copy)
        self.session.flush()
        return copy

    def capture(self, lead: Lead, url: str, found: Find, picture: str | None) -> Capture:
        warc = self.dice.randbytes(900)
        shot = draw_page(url, picture) if picture else None
        capture = Capture(
            lead_id=lead.id,
            url=url,
            fetched_at=found.first_seen_at,
            status=200,
            answer=Answer.PAGE if picture else Answer.FILE,
            sha256=hashlib.sha256(warc[:500]).hexdigest(),
            size_bytes=found.size_bytes,
            warc_object=self.vault.put(warc),
            warc_sha256=hashlib.sha256(warc).hexdigest(),
            screenshot_object=self.vault.put(shot) if shot else None,
            screenshot_sha256=hashlib.sha256(shot).hexdigest() if shot else None,
        )
        self.session.add(capture)
        self.session.flush()
        return capture

    def match(
        self,
        found: Find,
        path: str,
        evidence: list[dict[str, Any]],
        matched: int | None,
        examined: int | None,
        release: str = "",
        recipient: str | None = None,
        standing: str | None = None,
        *,
        content: str = "individual-level",
        kind: str = "csv",
        candidates: list[dict[str, Any]] | None = None,
    ) -> Match:
        wrong = max(1e-300, 10.0 ** -sum(one["log10_odds"] for one in evidence))
        accusation = {"accuse": 4e-9, "investigate": 2e-4}.get(standing or "")
        answer: dict[str, Any] = {
            "content": content,
            "format": kind,
            "columns": ["eid", "sex", "birth_year", "bmi", "f.54.0.0"]
            if content == "individual-level"
            else [],
            "match": {"evidence": evidence, "candidates": candidates or []},
        }
        if release:
            answer["match"]["release_evidence"] = [
                f"{matched:,} of {examined:,} ids are of this release; another one holds a tenth of them by chance"
            ]
        row = Match(
            find_sha256=found.sha256,
            path=path,
            content_sha256=hashlib.sha256(f"{found.sha256}{path}".encode()).hexdigest()
            if path
            else found.sha256,
            verdict="confirmed" if wrong < 1e-9 else "probable",
            cohort="examplebank",
            release=release,
            recipient=recipient,
            relation="same" if kind == "vcf" else None,
            standing=standing,
            false_match_probability=wrong,
            false_accusation_probability=accusation,
            participants_matched=matched,
            participants_examined=examined,
            answer=answer,
        )
        self.session.add(row)
        self.session.flush()
        return row


def _row_evidence(matched: int, examined: int, odds: float) -> dict[str, Any]:
    why = f"{matched:,} of {examined:,} rows agree with one participant each on 4 or more columns"
    return {"matcher": "row-values", "log10_odds": odds, "why": why}


def _id_evidence(count: int, odds: float) -> dict[str, Any]:
    why = f"{count:,} of {count:,} ids are ids of one release; chance would give {count / 10:,.0f}"
    return {"matcher": "id-set", "log10_odds": odds, "why": why}


def draw_page(url: str, title: str) -> bytes:
    """A picture like a screenshot of a shop's page."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (1000, 640), "#ffffff")
    pen = ImageDraw.Draw(picture)
    font: Any = ImageFont.load_default(24)
    for path in Path("/usr/share/fonts").rglob("*"):
        if path.name in ("wqy-microhei.ttc", "NotoSansCJK-Regular.ttc"):
            font = ImageFont.truetype(str(path), 26)
    pen.rectangle((0, 0, 1000, 70), fill="#e8572a")
    pen.text((30, 20), "shop.example", font=font, fill="#ffffff")
    pen.rectangle((30, 110, 420, 500), fill="#d9dee4")
    pen.text((450, 120), title[:22], font=font, fill="#222222")
    pen.text((450, 170), url, font=font, fill="#777777")
    pen.text((450, 240), "CNY 480", font=font, fill="#e8572a")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _live_through(session: Session, log: AuditLog) -> None:
    """A few days of work: one case drafted, one approved, one removed and back, one dismissed."""
    rows = {one.title: one for one in session.exec(select(Case)).all()}
    genome = next(one for title, one in rows.items() if "imputation" in title)
    shop = next(one for title, one in rows.items() if "storefront" in title)
    diagnoses = next(one for title, one in rows.items() if "eidToIcd" in title)
    extract = next(one for title, one in rows.items() if "ukb_extracted" in title)
    withdrawn = next(one for title, one in rows.items() if "withdrawn" in title)
    cases.dismiss(
        session, withdrawn.number, by="rosa", reason="our own published test list, seen by hand", log=log
    )
    for case, hours in ((genome, 26.0), (shop, 1.5), (diagnoses, 190.0), (extract, 380.0)):
        cases.assign(session, case.number, to="rosa", by="rosa", log=log)
        cases.confirm(
            session, case.number, by="rosa", reason="rows and addresses checked against the release", log=log
        )
        case.opened_at = case.first_seen_at + timedelta(minutes=14)
        case.aware_at = now() - timedelta(hours=hours)
        session.add(case)
    for case in (genome, shop, diagnoses, extract):
        notices.draft(session, case.number, author="rosa", sender=SENDER, log=log, directory=DIRECTORY)
    session.commit()  # a re-check reads afresh, and gives up what was not kept
    gone, back, genome_id = diagnoses.number, extract.number, genome.id
    _see(session, log, gone, [Whereabouts.UP, Whereabouts.UP, Whereabouts.GONE])
    _see(session, log, back, [Whereabouts.UP, Whereabouts.GONE, Whereabouts.GONE, Whereabouts.UP])
    drafted = session.exec(select(Notice).where(Notice.case_id == genome_id)).all()
    ines = session.exec(select(Person).where(Person.name == "ines")).one()
    complete = [
        one
        for one in drafted
        if all(row["present"] for row in notices.check(session, one.id or 0) if row["needed"])
    ]
    for notice in complete[:1]:
        notices.approve(session, notice.id or 0, approver=ines, log=log)


def _see(session: Session, log: AuditLog, number: str, seen: Sequence[Whereabouts]) -> None:
    for days, whereabouts in zip(range(len(seen), 0, -1), seen, strict=True):
        status = {Whereabouts.UP: 200}.get(whereabouts, 404)

        def ask(
            copies: Sequence[Copy], whereabouts: Whereabouts = whereabouts, status: int = status
        ) -> list[Any]:
            return [
                SimpleNamespace(copy_id=one.id, status=status, whereabouts=whereabouts, note=None)
                for one in copies
            ]

        recheck(session, ask=ask, log=log, numbers=[number], at=now() - timedelta(days=days - 0.9))
        session.commit()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The console on loopback, as its address."""
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=free_port(), log_level="warning", server_header=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join(10)


Sightings = Callable[[Sequence[str] | None], list[dict[str, Any]]]


def mail_route(port: int) -> MailRoute:
    return MailRoute(host="127.0.0.1", port=port, starttls=False, from_address="takedown@biobank.example")


if __name__ == "__main__":
    import sys

    place = Path(sys.argv[1])
    place.mkdir(parents=True)
    workspace = seed_workspace(place)
    with serving(workspace.app(recheck=lambda _numbers: [])) as address:
        print(f"{address}/sign-in/once?token={workspace.one_time_token('ines')}", flush=True)
        threading.Event().wait()
