"""Notices: drafted from letters, checked, edited, approved over their exact bytes, exported."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from email.message import EmailMessage
from typing import Any

from sqlmodel import Session, select

from crawler.models import LARGEST_NUMBER, Copy
from matcher.models import Match
from takedown import cases
from takedown.addresses import Address, addresses_of, one_line
from takedown.approvals import standing, writers_of
from takedown.checklist import RELEASE, checklist_of, facts_of
from takedown.earlier import stands_already, supersede
from takedown.errors import NotAllowed, NotNow, UnknownNotice
from takedown.grounds import kinds_of
from takedown.letters import Letter, letters, letters_for
from takedown.log import AuditLog
from takedown.models import Approval, Case, CaseState, Notice, NoticeCopy, NoticeState, Person
from takedown.people import require
from takedown.recheck import returned_at
from takedown.recipients import Directory, Recipient
from takedown.sender import Sender
from takedown.wording import finding_of, is_accused, slots_of

CHANGEABLE = (NoticeState.DRAFT, NoticeState.APPROVED)


def draft(
    session: Session,
    number: str,
    *,
    author: str,
    sender: Sender,
    log: AuditLog,
    directory: Directory | None = None,
    letters_named: Sequence[str] | None = None,
) -> list[Notice]:
    """Drafts what the copies of a case call for: one notice a platform and letter, one a named institution.

    A letter that stands as a draft, or went out, for the same copies is not drafted again, unless one of them was
    gone and came back after it went out.
    """
    case = cases.find_case(session, number)
    if case.state in (CaseState.DISMISSED, CaseState.CLOSED):
        raise NotNow(f"{number} is {case.state}; confirm it before drafting notices")
    places = directory or Directory()
    matches = cases.matches_of(session, case)
    copies = [copy for copy in cases.copies_of(session, case) if copy.whereabouts in cases.PRESENT]
    made: list[Notice] = []
    for platform in sorted({copy.platform for copy in copies}):
        here = [copy for copy in copies if copy.platform == platform]
        held = _at(here, matches)
        for letter in letters_for(platform, has_data=kinds_of(held) != ["offer"]):
            if letters_named is None or letter.name in letters_named:
                made += _draft(
                    session, case, letter, places.platform(platform), here, held, author, sender, {}
                )
    for recipient, release in _named(_at(copies, matches)):
        held = [match for match in _at(copies, matches) if match.release == release]
        here = [copy for copy in copies if copy.find_sha256 in {match.find_sha256 for match in held}]
        letter = letters()[_institution_letter(held)]
        if letters_named is None or letter.name in letters_named:
            extra = {
                "recipient": one_line(recipient),
                "release": one_line(release),
                "finding": finding_of(held, one_line(release), one_line(recipient)),
            }
            made += _draft(
                session, case, letter, places.institution(recipient), here, held, author, sender, extra
            )
    for notice in made:
        log.append(
            actor=author,
            action="notice.draft",
            subject=f"{number}/{notice.id}",
            details={"letter": notice.letter, "sha256": notice.sha256},
        )
    return made


def _draft(
    session: Session,
    case: Case,
    letter: Letter,
    to: Recipient,
    copies: Sequence[Copy],
    matches: Sequence[Match],
    author: str,
    sender: Sender,
    extra: dict[str, str],
) -> list[Notice]:
    returned = {copy.id or 0: at for copy in copies if (at := returned_at(session, copy))}
    release = extra.get("release")
    if not copies or stands_already(
        session, case, letter, to.address, author=author, release=release, copies=copies, returned=returned
    ):
        return []
    addresses = [address for copy in copies for address in addresses_of(copy, matches)]
    slots = {**slots_of(case, addresses, copies, matches, sender, list(returned.values())), **extra}
    body = letter.body.substitute({name: slots[name] for name in letter.needs})
    subject = " ".join(letter.subject.substitute(slots).split())
    notice = Notice(
        case_id=case.id or 0,
        letter=letter.name,
        language=letter.language,
        subject=subject,
        recipient=to.address,
        channel=to.channel,
        body=body.encode(),
        sha256="",
        author=author,
    )
    notice.sha256 = digest(notice)
    session.add(notice)
    session.flush()
    for copy in copies:
        session.add(NoticeCopy(notice_id=notice.id or 0, copy_id=copy.id or 0))
    supersede(session, notice, case, letter, release, copies)
    facts = facts_of(letter.needs, slots, to.address)
    notice.checklist = _checked(notice, addresses, facts)
    session.add(notice)
    session.flush()
    return [notice]


def _at(copies: Sequence[Copy], matches: Sequence[Match]) -> list[Match]:
    """What was found at these copies: a letter says nothing of what is elsewhere."""
    finds = {copy.find_sha256 for copy in copies}
    return [match for match in matches if match.find_sha256 in finds]


def _named(matches: Iterable[Match]) -> list[tuple[str, str]]:
    """Recipients and releases that may be written to, each once."""
    return sorted(
        {(match.recipient, match.release) for match in matches if match.release and match.recipient}
    )


def _institution_letter(matches: Sequence[Match]) -> str:
    """A question where a release may only be looked into; the letter that names it where it may be accused."""
    return "institution.en" if any(map(is_accused, matches)) else "institution-question.en"


def digest(notice: Notice) -> str:
    """SHA-256 over everything that goes out: channel, recipient, subject and body."""
    parts = [notice.channel, notice.recipient, notice.subject, hashlib.sha256(notice.body).hexdigest()]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def find_notice(session: Session, notice_id: int) -> Notice:
    """The notice of that number.

    Raises:
        UnknownNotice: there is none.
    """
    notice = session.get(Notice, notice_id) if 0 < notice_id <= LARGEST_NUMBER else None
    if notice is None:
        raise UnknownNotice(f"there is no notice {notice_id}; see `cohortwatch case show CASE`")
    return notice


def show(session: Session, notice_id: int) -> dict[str, Any]:
    """A notice as it will go out, with its checklist and approvals."""
    notice = find_notice(session, notice_id)
    case = session.get_one(Case, notice.case_id)
    approvals = session.exec(select(Approval).where(Approval.notice_id == notice_id)).all()
    stand = {one.id for one in standing(session, notice_id, notice.sha256)}
    return {
        "id": notice.id,
        "case": case.number,
        "letter": notice.letter,
        "language": notice.language,
        "recipient": notice.recipient,
        "channel": notice.channel,
        "subject": notice.subject,
        "body": notice.body.decode(),
        "sha256": notice.sha256,
        "state": NoticeState(notice.state),
        "author": notice.author,
        "drafted_at": notice.drafted_at,
        "checklist": check(session, notice_id),
        "approvals": [
            {"approver": one.approver, "approved_at": one.approved_at, "stands": one.id in stand}
            for one in approvals
        ],
    }


def check(session: Session, notice_id: int) -> list[dict[str, Any]]:
    """What the notice must hold, looked for in its present bytes."""
    notice = find_notice(session, notice_id)
    case = session.get_one(Case, notice.case_id)
    named = session.exec(select(NoticeCopy.copy_id).where(NoticeCopy.notice_id == notice_id)).all()
    copies = [copy for copy in cases.copies_of(session, case) if copy.id in set(named)]
    facts = {row["element"]: row.get("wanted", ()) for row in notice.checklist}
    about = facts.get(RELEASE)
    matches = [
        match for match in cases.matches_of(session, case) if not about or one_line(match.release) in about
    ]
    addresses = [address for copy in copies for address in addresses_of(copy, matches)]
    return _checked(notice, addresses, facts)


def _checked(
    notice: Notice, addresses: Sequence[Address], facts: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    return checklist_of(
        notice.letter,
        subject=notice.subject,
        recipient=notice.recipient,
        body=notice.body.decode(),
        addresses=addresses,
        facts=facts,
    )


def edit(
    session: Session, notice_id: int, *, by: Person, subject: str, body: str, recipient: str, log: AuditLog
) -> Notice:
    """Changes a notice; approvals of other bytes are void, and the editor counts as an author.

    Text that returns to bytes which were approved is approved; saving what stands already changes nothing.
    """
    require(by, "edit")
    notice = _changeable(session, notice_id)
    before = notice.sha256
    notice.subject = " ".join(subject.split())
    notice.body = body.replace("\r\n", "\n").encode()
    notice.recipient = one_line(recipient)
    notice.sha256 = digest(notice)
    if notice.sha256 == before:
        return notice
    is_approved = approval_of(session, notice) is not None
    notice.state = NoticeState.APPROVED if is_approved else NoticeState.DRAFT
    notice.author = by.name
    session.add(notice)
    log.append(actor=by.name, action="notice.edit", subject=str(notice_id), details={"sha256": notice.sha256})
    return notice


def approve(session: Session, notice_id: int, *, approver: Person, log: AuditLog) -> Approval:
    """A named person's yes to the exact bytes; saying it again changes nothing.

    Raises:
        NotAllowed: the role does not allow it, or the approver wrote or edited it.
        NotNow: something is missing, its case is not confirmed, or it went out already.
    """
    require(approver, "approve")
    case = session.get_one(Case, find_notice(session, notice_id).case_id)
    cases.require_confirmed(case, f"notice {notice_id} is approved")
    notice = _changeable(session, notice_id)
    given = next(
        (one for one in standing(session, notice_id, notice.sha256) if one.approver == approver.name), None
    )
    if given is not None and notice.state == NoticeState.APPROVED:
        return given
    if given is None and approver.name in writers_of(session, notice, log):
        raise NotAllowed(
            f"{approver.name} wrote or edited notice {notice_id}; another person must approve it"
        )
    missing = [one["element"] for one in check(session, notice_id) if one["needed"] and not one["present"]]
    if missing:
        raise NotNow(f"notice {notice_id} lacks: {', '.join(missing)}; edit it and try again")
    approval = given or Approval(notice_id=notice_id, sha256=notice.sha256, approver=approver.name)
    session.add(approval)
    notice.state = NoticeState.APPROVED
    session.add(notice)
    session.flush()
    log.append(
        actor=approver.name,
        action="notice.approve",
        subject=str(notice_id),
        details={"sha256": notice.sha256},
    )
    return approval


def approval_of(session: Session, notice: Notice) -> Approval | None:
    """The approval of these very bytes by a person who may approve still, or None."""
    if digest(notice) != notice.sha256:
        return None
    return next(iter(standing(session, notice.id or 0, notice.sha256)), None)


def export(session: Session, notice_id: int, *, form: str) -> bytes:
    """The notice as `txt` or `eml`.

    Raises:
        NotNow: another form was asked for.
    """
    notice = find_notice(session, notice_id)
    if form == "txt":
        return f"To: {notice.recipient}\nSubject: {notice.subject}\n\n".encode() + notice.body
    if form == "eml":
        return bytes(message_of(notice, "unsent@localhost"))
    raise NotNow(f"a notice cannot be written as .{form}; give a name that ends in .txt or .eml")


def message_of(notice: Notice, from_address: str) -> EmailMessage:
    """The notice as mail; its Message-ID follows from its number and digest, so a second sending would show."""
    message = EmailMessage()
    message["From"] = from_address
    message["To"] = notice.recipient
    message["Subject"] = notice.subject
    message["Message-ID"] = f"<{notice.id}.{notice.sha256[:40]}@{from_address.rpartition('@')[2]}>"
    message.set_content(notice.body.decode(), cte="quoted-printable")
    return message


def _changeable(session: Session, notice_id: int) -> Notice:
    notice = find_notice(session, notice_id)
    if NoticeState(notice.state) not in CHANGEABLE:
        raise NotNow(f"notice {notice_id} is {notice.state}; it can no longer be changed or approved")
    return notice
