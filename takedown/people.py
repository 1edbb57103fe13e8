"""People, what their role lets them do, and how they sign in."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlmodel import Session, col, select

from crawler.models import now
from takedown.errors import NotAllowed, UnknownPerson
from takedown.models import Approval, Notice, NoticeState, Person, Role, SignIn

MACHINE = "cohortwatch"
"""Who drafts by itself: no person may be called so."""
NAME = re.compile(r"\w[\w.@+-]{0,63}")
EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
ONE_TIME_LASTS = timedelta(minutes=15)
SESSION_LASTS = timedelta(hours=10)

MAY: dict[str, frozenset[Role]] = {
    "read": frozenset(Role),
    "triage": frozenset({Role.RESPONDER, Role.LEGAL, Role.ADMIN}),
    "draft": frozenset({Role.RESPONDER, Role.LEGAL, Role.ADMIN}),
    "recheck": frozenset({Role.RESPONDER, Role.LEGAL, Role.ADMIN}),
    "edit": frozenset({Role.LEGAL}),
    "approve": frozenset({Role.LEGAL}),
    "send": frozenset({Role.LEGAL}),
    "read-log": frozenset({Role.AUDITOR, Role.ADMIN, Role.LEGAL}),
    "people": frozenset({Role.ADMIN}),
}
"""Which roles may do what; whatever is not here nobody may."""

_hasher = PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_hex(16))


def may(role: Role | str, action: str) -> bool:
    return Role(role) in MAY.get(action, frozenset())


def require(person: Person, action: str) -> None:
    """Raises NotAllowed where the person's role does not let them."""
    if not person.active or not may(person.role, action):
        allowed = ", ".join(sorted(MAY.get(action, ())))
        raise NotAllowed(f"{person.name} ({person.role}) may not {action}; that takes the role {allowed}")


def add_person(
    session: Session, *, name: str, full_name: str, email: str, role: str, password: str | None = None
) -> Person:
    """Adds a person; without a password only one-time links sign them in.

    Raises:
        NotAllowed: the name is taken or none, the role unknown, or the password shorter than 12 characters.
    """
    _require_usable(name, full_name, email)
    if role not in {one.value for one in Role}:
        raise NotAllowed(f"there is no role {role!r}; give responder, legal, auditor or admin")
    if name == MACHINE:
        raise NotAllowed(f"{name!r} is the name of the program itself; choose another name")
    taken = session.exec(select(Person).where(Person.name == name)).first()
    if taken is not None:
        else_do = (
            "choose another name"
            if taken.active
            else f"`cohortwatch person activate {name}` brings them back"
        )
        raise NotAllowed(f"{name!r} is taken; {else_do}")
    if password is not None and len(password) < 12:
        raise NotAllowed("the password is shorter than 12 characters; give a longer one")
    person = Person(
        name=name,
        full_name=full_name,
        email=email,
        role=Role(role),
        password_hash=_hasher.hash(password) if password is not None else None,
    )
    session.add(person)
    session.flush()
    return person


def _require_usable(name: str, full_name: str, email: str) -> None:
    """What stands in addresses, in letters and in the log must be one line that reads as it is."""
    if not NAME.fullmatch(name):
        raise NotAllowed(
            f"{name[:80]!r} cannot be a name to sign in with; use letters, digits, dot, dash and @, at most 64"
        )
    if not full_name.strip() or not full_name.isprintable():
        raise NotAllowed("the full name must be one line of text, as it stands under a letter; give it again")
    if not EMAIL.fullmatch(email) or not email.isprintable():
        raise NotAllowed(f"{email[:80]!r} is no e-mail address; give one as in ines@example.org")


def find_person(session: Session, name: str) -> Person:
    """The active person of that name.

    Raises:
        UnknownPerson: there is none.
    """
    person = session.exec(select(Person).where(Person.name == name)).first()
    if person is None or not person.active:
        raise UnknownPerson(
            f"nobody is registered as {name!r}; see `cohortwatch person list`, or add --by NAME"
        )
    return person


def deactivate_person(session: Session, *, name: str) -> Person:
    """Takes a person's access away, ends their sessions, and voids their approvals of what has not gone out."""
    person = find_person(session, name)
    person.active = False
    session.add(person)
    _void_approvals(session, person)
    for sign_in in session.exec(select(SignIn).where(SignIn.person_id == person.id)).all():
        session.delete(sign_in)
    return person


def _void_approvals(session: Session, person: Person) -> None:
    """What only this person approved is a draft again."""
    mine = select(Notice).join(Approval, col(Approval.notice_id) == Notice.id)
    mine = mine.where(Notice.state == NoticeState.APPROVED, Approval.sha256 == Notice.sha256)
    others = {notice.id for notice in session.exec(mine.where(Approval.approver != person.name)).all()}
    for notice in session.exec(mine.where(Approval.approver == person.name)).all():
        if notice.id not in others:
            notice.state = NoticeState.DRAFT
            session.add(notice)


def activate_person(session: Session, *, name: str) -> Person:
    """Gives a person back the access that was taken away, with the role that they had.

    Raises:
        UnknownPerson: nobody has that name.
        NotAllowed: they have access.
    """
    person = session.exec(select(Person).where(Person.name == name)).first()
    if person is None:
        raise UnknownPerson(f"nobody is called {name!r}; see `cohortwatch person list`")
    if person.active:
        raise NotAllowed(f"{name} has access already")
    person.active = True
    session.add(person)
    return person


def check_password(session: Session, *, name: str, password: str) -> Person | None:
    """The person, if name and password are right; takes as long where the name is unknown."""
    person = session.exec(select(Person).where(Person.name == name)).first()
    known = person.password_hash if person is not None and person.active and person.password_hash else _NOBODY
    try:
        _hasher.verify(known, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return person if known is not _NOBODY else None


def one_time_token(session: Session, *, name: str) -> str:
    """A token that opens one session, once, within fifteen minutes; only its hash is kept."""
    return _issue(session, find_person(session, name), one_time=True)


def use_one_time_token(session: Session, token: str) -> tuple[Person, str] | None:
    """The person and a session token, if the one-time token is good; it is not good again."""
    person = _take(session, token, one_time=True)
    if person is None:
        return None
    return person, _issue(session, person, one_time=False)


def open_session(session: Session, person: Person) -> str:
    """A session token for a person whose password was right."""
    return _issue(session, person, one_time=False)


def person_of(session: Session, token: str) -> Person | None:
    """Whose session a token is, while it lasts."""
    row = session.get(SignIn, _digest(token))
    if row is None or row.one_time or row.expires_at <= now():
        return None
    person = session.get(Person, row.person_id)
    return person if person is not None and person.active else None


def end_session(session: Session, token: str) -> None:
    row = session.get(SignIn, _digest(token))
    if row is not None:
        session.delete(row)


def _issue(session: Session, person: Person, *, one_time: bool) -> str:
    token = secrets.token_urlsafe(32)
    lasts = ONE_TIME_LASTS if one_time else SESSION_LASTS
    assert person.id is not None
    session.add(
        SignIn(token_sha256=_digest(token), person_id=person.id, one_time=one_time, expires_at=now() + lasts)
    )
    session.flush()
    return token


def _take(session: Session, token: str, *, one_time: bool) -> Person | None:
    row = session.get(SignIn, _digest(token))
    if row is None or row.one_time != one_time:
        return None
    session.delete(row)
    session.flush()
    person = session.get(Person, row.person_id)
    return person if row.expires_at > now() and person is not None and person.active else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
