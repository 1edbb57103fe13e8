"""The console in clumsy and hostile hands, over a real socket: a page that says what is wrong, never a fault."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from sqlmodel import Session, select

from crawler.models import now
from takedown.console.guard import COOKIE
from takedown.models import Approval, Notice, NoticeState, SignIn
from tests.takedown.console.conftest import Door
from tests.takedown.console.seeded import Seeded

BEYOND = (
    "0",
    "-1",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 400,
    "9" * 5000,
    "1e3",
    "½",
    "%00",
    "..",
)
ODD = (
    "\0",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "\u202egnp",
    "x" * 100_000,
    "\r\nA: b",
)
PAGES = (
    "/notice/{}",
    "/notice/{}/export/txt",
    "/evidence/{}",
    "/evidence/{}/screenshot",
    "/case/{}",
    "/log?start={}",
)
FORMS = {
    "/case/{}/decide": {"decision": "confirm", "reason": "seen"},
    "/case/{}/assign": {"to": "rosa"},
    "/case/{}/draft": {},
    "/case/{}/recheck": {},
    "/notice/{}/edit": {"recipient": "a@b.example", "subject": "s", "body": "b"},
    "/notice/{}/approve": {"sha256": "0"},
    "/notice/{}/send": {"sha256": "0"},
    "/notice/{}/filed": {"reference": "T-1"},
    "/notice/{}/settle": {"went_out": "yes"},
    "/people/{}/deactivate": {},
    "/people/{}/activate": {},
}


def is_told(answer: httpx.Response) -> bool:
    """Whether it is an answer of the console's own, to what was asked wrongly."""
    return answer.status_code < 500 and "Traceback" not in answer.text and "sqlite" not in answer.text.lower()


@pytest.mark.parametrize("page", PAGES)
def test_numbers_that_no_row_can_have_are_not_found(shared: tuple[Seeded, str], page: str) -> None:
    workspace, address = shared
    door = Door(address, workspace.session_token("ines"))
    for number in BEYOND:
        answer = door.get(page.format(number))
        assert is_told(answer), (number, answer.status_code)
        assert answer.status_code in (404, 422) or page.startswith("/log") or number == "..", number


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("who", ["ines", "amir"])
def test_forms_for_what_is_not_there_are_told(shared: tuple[Seeded, str], form: str, who: str) -> None:
    workspace, address = shared
    door = Door(address, workspace.session_token(who))
    for number in BEYOND:
        assert is_told(door.post(form.format(number), **FORMS[form])), number


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_text_in_a_form_is_taken_as_text_or_told(workspace: Seeded, address: str, odd: str) -> None:
    legal, admin = (Door(address, workspace.session_token(one)) for one in ("ines", "amir"))
    for path, form in (
        ("/case/CW-2026-0002/decide", {"decision": odd, "reason": odd}),
        ("/case/CW-2026-0002/assign", {"to": odd}),
        ("/notice/3/edit", {"recipient": odd, "subject": odd, "body": odd}),
        ("/notice/3/approve", {"sha256": odd}),
        ("/notice/1/filed", {"reference": odd}),
        ("/notice/1/settle", {"went_out": odd}),
    ):
        assert is_told(legal.post(path, **form)), path
    for name in ("name", "full_name", "email", "role", "password"):
        new = {
            "name": "new",
            "full_name": "New",
            "email": "n@b.example",
            "role": "auditor",
            "password": "x" * 12,
        }
        assert is_told(admin.post("/people", **{**new, name: odd})), name
    assert is_told(legal.http.get("/", params={"state": odd[:2000], "order": odd[:2000], "text": odd[:2000]}))
    assert is_told(legal.http.get("/log", params={"about": odd[:2000]}))
    assert is_told(
        httpx.post(f"{address}/sign-in", data={"name": odd, "password": odd, "csrf": odd, "then": odd})
    )
    assert is_told(httpx.get(f"{address}/sign-in/once", params={"token": odd[:2000]}))
    for page in ("/", "/people", "/log", "/case/CW-2026-0002", "/notice/3"):
        assert admin.get(page).status_code == 200, page


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods_change_nothing(shared: tuple[Seeded, str], method: str) -> None:
    workspace, address = shared
    door = Door(address, workspace.session_token("ines"))
    for path in (
        "/",
        "/notice/3",
        "/notice/3/approve",
        "/people",
        "/evidence/1/screenshot",
        "/static/console.css",
    ):
        answer = door.http.request(method, path)
        assert answer.status_code < 500, path


@pytest.mark.parametrize("cookie", ["", "x", "\xff\xfe", "a" * 4000, '"', "a=b=c", "%00", "é;;;"])
def test_a_broken_cookie_is_nobody(shared: tuple[Seeded, str], cookie: str) -> None:
    _, address = shared
    header = {"Cookie": f"{COOKIE}={cookie}".encode("latin-1")}
    assert httpx.get(f"{address}/people", headers=header).status_code == 303
    assert httpx.post(f"{address}/notice/3/approve", headers=header).status_code in (303, 403)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/%2e%2e%2f%2e%2e%2flog.py",
        "/static//etc/passwd", "/static/%00", "/static/" + "a" * 5000, "/evidence/..%2f1", "/evidence/1/..%2f..%2fkeys",
        "/notice/1/export/..%2f..%2f", "//evil.example/", "/static/\\..\\app.py",
    ],
)  # fmt: skip
def test_no_path_leads_outside(shared: tuple[Seeded, str], path: str) -> None:
    workspace, address = shared
    parts = urlsplit(address)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=20
    ) as line:  # no client mends it on the way
        token = workspace.session_token("ines")
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}={token}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    assert int(answer.split()[1]) in (303, 307, 400, 404, 405, 422), answer[:200]
    assert b"import annotations" not in answer
    assert b"root:" not in answer


def test_a_body_that_is_no_form_or_far_too_long_is_told(shared: tuple[Seeded, str]) -> None:
    workspace, address = shared
    door = Door(address, workspace.session_token("ines"))
    for kind, body in (
        ("application/json", b"{"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"----"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nx'),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=csrf; filename=a\r\n\r\nx\r\n--b--",
        ),
        ("application/x-www-form-urlencoded", b"csrf=%ff%fe&" * 20_000),
        ("application/x-www-form-urlencoded", b"csrf=" + b"a" * 20_000_000),
    ):
        answer = door.http.post("/notice/3/approve", content=body, headers={"Content-Type": kind})
        assert is_told(answer), (kind, answer.status_code)
        assert answer.status_code >= 400, kind


def test_a_session_that_ends_in_the_middle_of_a_form_changes_nothing(workspace: Seeded, address: str) -> None:
    door = Door(address, workspace.session_token("ines"))
    with Session(workspace.engine) as session:
        for row in session.exec(select(SignIn)).all():
            row.expires_at = now() - timedelta(seconds=1)
            session.add(row)
        before = session.get_one(Notice, 3).sha256
        session.commit()
    answer = door.post("/notice/3/edit", recipient="a@b.example", subject="s", body="b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    with Session(workspace.engine) as session:
        assert session.get_one(Notice, 3).sha256 == before


def test_two_people_who_approve_at_once_and_one_who_presses_twice(workspace: Seeded, address: str) -> None:
    with Session(workspace.engine) as session:
        draft = session.exec(select(Notice).where(Notice.state == NoticeState.DRAFT)).first()
        assert draft is not None
        number, sha256, author = draft.id, draft.sha256, draft.author
    legal = [name for name in ("ines", "lars") if name != author]
    doors = [Door(address, workspace.session_token(name)) for name in legal * 3]
    with ThreadPoolExecutor(len(doors)) as pool:
        answers = list(pool.map(lambda door: door.post(f"/notice/{number}/approve", sha256=sha256), doors))
    assert all(is_told(one) for one in answers), [one.status_code for one in answers]
    with Session(workspace.engine) as session:
        approvers = [
            one.approver for one in session.exec(select(Approval).where(Approval.notice_id == number))
        ]
        assert len(approvers) == len(set(approvers))
    assert workspace.log.verify().holds
