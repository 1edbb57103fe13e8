"""Who may do what over HTTP: sessions, one-time links, forged posts, and every role against every action."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlmodel import Session, select

from crawler.models import now
from takedown import people
from takedown.console.guard import COOKIE, HEADERS
from takedown.models import Person, Role, SignIn
from tests.takedown.console.conftest import Door
from tests.takedown.console.seeded import PASSWORD, PEOPLE, Seeded

NAMES = {role: name for name, _, role in reversed(PEOPLE)}
EVERYONE = {role.value for role in Role}
TRIAGE = {"responder", "legal", "admin"}
READS = {
    "/": EVERYONE,
    "/?state=all&order=sure&text=git": EVERYONE,
    "/case/CW-2026-0001": EVERYONE,
    "/notice/1": EVERYONE,
    "/notice/1/export/txt": EVERYONE,
    "/notice/3?edit=true": {"legal"},
    "/evidence/1": EVERYONE,
    "/report": EVERYONE,
    "/sources": EVERYONE,
    "/people": EVERYONE,
    "/log": {"legal", "auditor", "admin"},
}
WRITES = {
    "/case/CW-2026-0002/decide": ({"decision": "confirm", "reason": "seen"}, TRIAGE),
    "/case/CW-2026-0002/assign": ({"to": "rosa"}, TRIAGE),
    "/case/CW-2026-0002/draft": ({}, TRIAGE),
    "/case/CW-2026-0002/recheck": ({}, TRIAGE),
    "/notice/3/edit": ({"recipient": "a@b.example", "subject": "s", "body": "b"}, {"legal"}),
    "/notice/4/approve": ({"sha256": "0"}, {"legal"}),
    "/notice/1/send": ({"sha256": "0"}, {"legal"}),
    "/notice/1/filed": ({"reference": "T-1"}, {"legal"}),
    "/notice/1/settle": ({"went_out": "yes"}, {"legal"}),
    "/people": ({"name": "new", "full_name": "New", "email": "n@b.example", "role": "auditor"}, {"admin"}),
    "/people/nobody/deactivate": ({}, {"admin"}),
    "/people/nobody/activate": ({}, {"admin"}),
}


@pytest.mark.parametrize("role", sorted(EVERYONE))
@pytest.mark.parametrize("path", READS)
def test_each_role_reads_what_it_may(shared: tuple[Seeded, str], path: str, role: str) -> None:
    workspace, address = shared
    answer = Door(address, workspace.session_token(NAMES[role])).get(path)
    assert answer.status_code == (200 if role in READS[path] else 403)
    if role not in READS[path]:
        assert "takes the role" in answer.text


@pytest.mark.parametrize("role", sorted(EVERYONE))
@pytest.mark.parametrize("path", WRITES)
def test_each_role_does_what_it_may(shared: tuple[Seeded, str], path: str, role: str) -> None:
    workspace, address = shared
    form, allowed = WRITES[path]
    door = Door(address, workspace.session_token(NAMES[role]))
    before = len(workspace.log.entries())
    answer = door.post(path, **form)
    if role in allowed:
        assert "takes the role" not in answer.text
        assert answer.status_code in (303, 404, 409)
    else:
        assert answer.status_code == 403
        assert "takes the role" in answer.text
        assert len(workspace.log.entries()) == before


def test_every_post_without_the_token_of_its_session_is_refused(shared: tuple[Seeded, str]) -> None:
    workspace, address = shared
    door = Door(address, workspace.session_token("amir"))
    for path, (form, _) in [*WRITES.items(), ("/sign-out", ({}, EVERYONE))]:
        for forged in ({}, {"csrf": "0" * 64}, {"csrf": Door(address, "another").csrf}, {"csrf": "ü"}):
            answer = door.http.post(path, data={**form, **forged})
            assert answer.status_code == 403, path
            assert "did not come from a page of this session" in answer.text


def test_a_post_that_the_browser_says_comes_from_another_site_is_refused(shared: tuple[Seeded, str]) -> None:
    workspace, address = shared
    door = Door(address, workspace.session_token("amir"))
    answer = door.http.post("/sign-out", data={"csrf": door.csrf}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_every_route_that_posts_stands_in_the_table_of_roles(workspace: Seeded) -> None:
    posts = {
        route.path  # type: ignore[attr-defined]
        for route in _routes(workspace.app())
        if "POST" in (getattr(route, "methods", None) or ())
    }
    tried = {one.replace("CW-2026-0002", "{number}").replace("/nobody/", "/{name}/") for one in WRITES}
    tried = {one.replace("/notice/1/", "/notice/{notice_id}/") for one in tried}
    tried = {one.replace("/notice/3/", "/notice/{notice_id}/") for one in tried}
    tried = {one.replace("/notice/4/", "/notice/{notice_id}/") for one in tried}
    assert posts - {"/sign-in", "/sign-out"} == tried


def _routes(app: object) -> list[object]:
    """All routes, also those of routers that are kept whole."""
    found: list[object] = []
    for route in getattr(app, "routes", ()):
        inner = getattr(route, "original_router", None)
        found += _routes(inner) if inner is not None else [route]
    return found


@pytest.mark.parametrize("path", [*READS, "/sign-in", "/nowhere", "/case/NONE", "/notice/99999"])
def test_every_answer_has_the_headers_and_is_not_kept(shared: tuple[Seeded, str], path: str) -> None:
    workspace, address = shared
    answer = Door(address, workspace.session_token("ines")).get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "style=" not in answer.text
    assert "<script>" not in answer.text


def test_a_stranger_is_sent_to_the_sign_in_and_sees_nothing(shared: tuple[Seeded, str]) -> None:
    _, address = shared
    for path in READS:
        answer = httpx.get(address + path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/sign-in")
        assert "CW-2026" not in answer.text
    assert httpx.get(f"{address}/evidence/4/screenshot").status_code == 303


def test_a_session_ends_by_time_by_signing_out_and_with_the_access(address: str, workspace: Seeded) -> None:
    late, out, away = (workspace.session_token(name) for name in ("rosa", "ines", "lars"))
    with Session(workspace.engine) as session:
        rosa = session.exec(select(Person).where(Person.name == "rosa")).one()
        row = session.exec(select(SignIn).where(SignIn.person_id == rosa.id)).one()
        row.expires_at = now() - timedelta(seconds=1)
        session.add(row)
        people.deactivate_person(session, name="lars")
        session.commit()
    leaving = Door(address, out)
    assert leaving.get("/").status_code == 200
    assert leaving.post("/sign-out").status_code == 303
    for token in (late, out, away):
        assert Door(address, token).get("/").status_code == 303


def test_an_admin_takes_access_away_and_gives_it_back(address: str, workspace: Seeded) -> None:
    admin, theirs = Door(address, workspace.session_token("amir")), workspace.session_token("lars")
    before = len(workspace.log.entries())
    assert admin.post("/people/lars/deactivate").headers["Location"] == "/people?said=deactivated"
    assert "/people/lars/activate" in admin.get("/people").text
    assert "/people/lars/activate" not in Door(address, workspace.session_token("rosa")).get("/people").text
    assert admin.post("/people/lars/deactivate").status_code == 404
    assert admin.post("/people/lars/activate").headers["Location"] == "/people?said=activated"
    assert admin.post("/people/lars/activate").status_code == 409
    assert Door(address, theirs).get("/").status_code == 303
    assert Door(address, workspace.session_token("lars")).get("/").status_code == 200
    told = [(one["action"], one["subject"]) for one in workspace.log.entries()[before:]]
    assert told == [("person.deactivate", "lars"), ("person.activate", "lars")]


def test_a_one_time_link_opens_one_session_once(address: str, workspace: Seeded) -> None:
    link = f"{address}/sign-in/once?token={workspace.one_time_token('ines')}"
    assert httpx.get(link, headers={"Sec-Purpose": "prefetch"}).status_code == 503
    first = httpx.get(link)
    assert first.status_code == 303
    cookie = first.headers["set-cookie"]
    for word in (COOKIE, "HttpOnly", "SameSite=strict"):
        assert word.lower() in cookie.lower()
    assert Door(address, first.cookies[COOKIE]).get("/").status_code == 200
    second = httpx.get(link)
    assert second.status_code == 401
    assert "was used already" in second.text
    assert COOKIE not in second.cookies


def test_a_one_time_token_is_no_session_and_a_session_no_one_time_token(
    address: str, workspace: Seeded
) -> None:
    assert Door(address, workspace.one_time_token("ines")).get("/").status_code == 303
    session = workspace.session_token("ines")
    assert httpx.get(f"{address}/sign-in/once?token={session}").status_code == 401


def test_a_wrong_password_is_told_the_same_for_known_and_unknown_names(
    address: str, workspace: Seeded
) -> None:
    def tried(name: str, password: str) -> httpx.Response:
        with httpx.Client(base_url=address) as http:
            form = http.get("/sign-in").text
            csrf = form.split('name="csrf" value="')[1].split('"')[0]
            return http.post("/sign-in", data={"name": name, "password": password, "csrf": csrf})

    known, unknown = tried("ines", "wrong wrong wrong"), tried("mallory", "wrong wrong wrong")
    assert known.status_code == unknown.status_code == 401
    assert "do not go together" in known.text
    assert "mallory" not in str(workspace.log.entries())
    assert tried("ines", PASSWORD).status_code == 303
    for _ in range(8):
        tried("lars", "guess guess guess")
    assert tried("lars", PASSWORD).status_code == 429


@pytest.mark.parametrize(
    "then", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1"]
)
def test_the_sign_in_leads_to_pages_of_the_console_only(shared: tuple[Seeded, str], then: str) -> None:
    _, address = shared
    assert 'name="then" value="/"' in httpx.get(f"{address}/sign-in", params={"then": then}).text


def test_cookies_are_for_https_only_where_that_is_set(workspace: Seeded) -> None:
    from tests.takedown.console.seeded import serving

    with serving(workspace.app(secure_cookies=True)) as address:
        answer = httpx.get(f"{address}/sign-in/once?token={workspace.one_time_token('ines')}")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "Strict-Transport-Security" in answer.headers
