"""A server of GitHub's published REST contract over real bare repositories, which git serves for clones.

Holds the parts that a search for leaks asks for: repository search, code search (with a token only), repositories,
forks, trees, blobs, commits, the limit headers, 404 for what is private or deleted, 451 for what was taken down.
"""

from __future__ import annotations

import base64
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

TOKEN = "a-token-of-the-demo"
SEARCH_CAP = 1000
_RANGE = re.compile(r"(created|pushed):(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")


@dataclass
class Repository:
    """One repository as the platform shows it."""

    full_name: str
    folder: Path
    description: str = ""
    fork_of: str | None = None
    created: str = "2026-01-02T10:00:00Z"
    pushed: str = "2026-01-09T10:00:00Z"
    state: str = "public"
    """`public`, `gone` (404) or `disabled` (451)."""


@dataclass
class GitHubSite:
    """Accounts and repositories; `repositories` may change while it is served."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, repository: Repository) -> None:
        self.repositories[repository.full_name] = repository

    def app(self, address: str) -> Flask:
        site = Flask("github_rest")
        routes = _Routes(self, address)
        site.add_url_rule("/rate_limit", view_func=routes.rate_limit)
        site.add_url_rule("/search/repositories", view_func=routes.search_repositories)
        site.add_url_rule("/search/code", view_func=routes.search_code)
        of_one = "/repos/<owner>/<name>"
        site.add_url_rule(of_one, view_func=routes.repository)
        site.add_url_rule(f"{of_one}/forks", view_func=routes.forks)
        site.add_url_rule(f"{of_one}/git/trees/<path:reference>", view_func=routes.tree)
        site.add_url_rule(f"{of_one}/git/blobs/<sha>", view_func=routes.blob)
        site.add_url_rule(f"{of_one}/commits", view_func=routes.commits)
        site.add_url_rule("/<owner>/<name>", view_func=routes.page)
        site.add_url_rule("/<owner>/<name>.git/<path:inside>", view_func=routes.git, methods=["GET", "POST"])
        site.after_request(routes.with_limits)
        return site


class _Unseen(Exception):
    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class _Routes:
    def __init__(self, site: GitHubSite, address: str) -> None:
        self._site = site
        self._address = address

    def rate_limit(self) -> Response:
        return jsonify({"resources": {"core": {"limit": 5000, "remaining": 4999}}})

    def search_repositories(self) -> Response:
        asked = request.args.get("q", "")
        words = re.findall(r'"([^"]+)"', asked) or [asked.split(" in:")[0]]
        ranges = _RANGE.findall(asked)
        found = [
            one
            for one in self._public()
            if (one.fork_of is None or "fork:true" in asked)
            and all(_holds(self._searched(one), word) for word in words)
            and all(first <= getattr(one, name)[:10] <= last for name, first, last in ranges)
        ]
        return self._page_of([self._shown(one) for one in found])

    def search_code(self) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _failed(401, "Requires authentication")
        words = re.findall(r'"([^"]+)"', request.args.get("q", ""))
        found = []
        for one in self._public():
            if one.fork_of is not None:
                continue
            for path, sha in self._files(one):
                content = _git(one.folder, "cat-file", "blob", sha)
                if len(content) < 384 << 10 and all(word.encode() in content for word in words):
                    repository = {"full_name": one.full_name, "html_url": self._html(one)}
                    found.append(
                        {"name": Path(path).name, "path": path, "sha": sha, "repository": repository}
                    )
        return self._page_of(found)

    def repository(self, owner: str, name: str) -> Response:
        try:
            one = self._one(owner, name)
        except _Unseen as unseen:
            return unseen.response
        shown = self._shown(one)
        if one.fork_of and one.fork_of in self._site.repositories:
            parent = self._site.repositories[one.fork_of]
            if parent.state == "public":
                shown["parent"] = shown["source"] = self._shown(parent)
        return jsonify(shown)

    def forks(self, owner: str, name: str) -> Response:
        forks = [one for one in self._public() if one.fork_of == f"{owner}/{name}"]
        first, size = _page()
        return jsonify([self._shown(one) for one in forks[first : first + size]])

    def tree(self, owner: str, name: str, reference: str) -> Response:
        try:
            one = self._one(owner, name)
        except _Unseen as unseen:
            return unseen.response
        if not re.fullmatch(r"[\w./-]+", reference) or reference.startswith("-"):
            return _failed(404, "Not Found")
        entries = [
            {"path": path, "mode": "100644", "type": "blob", "sha": sha, "size": size}
            for path, sha, size in self._tree(one, reference)
        ]
        return jsonify({"sha": reference, "tree": entries, "truncated": False})

    def blob(self, owner: str, name: str, sha: str) -> Response:
        try:
            one = self._one(owner, name)
            content = _git(one.folder, "cat-file", "blob", sha) if re.fullmatch("[0-9a-f]{40}", sha) else None
        except _Unseen as unseen:
            return unseen.response
        except subprocess.CalledProcessError:
            content = None
        if content is None:
            return _failed(404, "Not Found")
        body = base64.encodebytes(content).decode()
        return jsonify({"sha": sha, "size": len(content), "encoding": "base64", "content": body})

    def commits(self, owner: str, name: str) -> Response:
        try:
            one = self._one(owner, name)
        except _Unseen as unseen:
            return unseen.response
        asked = request.args.get("sha", "main")
        try:
            if not re.fullmatch(r"[\w./-]+", asked) or asked.startswith("-"):
                raise ValueError(asked)
            sha = _git(one.folder, "rev-list", "-1", asked, "--").decode().strip()
        except (subprocess.CalledProcessError, ValueError):
            return _failed(422, f"No commit found for SHA: {asked}")
        return jsonify([{"sha": sha}])

    def page(self, owner: str, name: str) -> Response:
        """The page of a repository, for people and for screenshots."""
        try:
            one = self._one(owner, name)
        except _Unseen as unseen:
            return Response(
                "<h1>404</h1><p>This is not the page you are looking for.", unseen.response.status
            )
        rows = "".join(f"<li>{path}" for path, _sha in self._files(one))
        return Response(
            f"<!doctype html><title>{one.full_name}</title><h1>{one.full_name}</h1>"
            f"<p>{one.description}<ul>{rows}</ul>"
        )

    def git(self, owner: str, name: str, inside: str) -> Response:
        """Clones, by git's own `http-backend` (CGI)."""
        try:
            one = self._one(owner, name)
        except _Unseen as unseen:
            return unseen.response
        environ = {
            "GIT_PROJECT_ROOT": str(one.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{inside}",
            "QUERY_STRING": request.query_string.decode(),
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        ran = subprocess.run(
            ["git", "http-backend"], input=request.get_data(), env=environ, capture_output=True, check=True
        )
        head, _, body = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return Response(body, headers.pop("Status", "200 OK"), headers)

    def with_limits(self, response: Response) -> Response:
        self._site.asked.append(request.full_path)
        is_search = request.path.startswith("/search/")
        response.headers["x-ratelimit-limit"] = "30" if is_search else "5000"
        response.headers["x-ratelimit-remaining"] = "29" if is_search else "4999"
        response.headers["x-ratelimit-reset"] = str(int(time.time()) + 60)
        response.headers["x-ratelimit-resource"] = "search" if is_search else "core"
        return response

    def _public(self) -> list[Repository]:
        return [one for one in self._site.repositories.values() if one.state == "public"]

    def _one(self, owner: str, name: str) -> Repository:
        one = self._site.repositories.get(f"{owner}/{name}")
        if one is not None and one.state == "disabled":
            block = {"reason": "dmca", "created_at": "2026-11-20T00:00:00Z"}
            refused = jsonify({"message": "Repository access blocked", "block": block})
            refused.status_code = 451
            raise _Unseen(refused)
        if one is None or one.state != "public":
            raise _Unseen(_failed(404, "Not Found"))
        return one

    def _searched(self, one: Repository) -> str:
        readme = next((sha for path, sha in self._files(one) if path.lower().startswith("readme")), None)
        told = _git(one.folder, "cat-file", "blob", readme).decode("utf-8", "replace") if readme else ""
        return f"{one.full_name}\n{one.description}\n{told}"

    def _files(self, one: Repository) -> list[tuple[str, str]]:
        return [(path, sha) for path, sha, _size in self._tree(one, "main")]

    def _tree(self, one: Repository, reference: str) -> list[tuple[str, str, int]]:
        listed = _git(one.folder, "ls-tree", "-r", "-l", "-z", reference).decode("utf-8", "replace")
        entries = []
        for line in filter(None, listed.split("\0")):
            told, path = line.split("\t", 1)
            _mode, kind, sha, size = told.split()
            if kind == "blob":
                entries.append((path, sha, int(size)))
        return entries

    def _html(self, one: Repository) -> str:
        return f"{self._address}/{one.full_name}"

    def _shown(self, one: Repository) -> dict[str, Any]:
        forks = sum(other.fork_of == one.full_name for other in self._public())
        owner, name = one.full_name.split("/")
        return {
            "full_name": one.full_name,
            "name": name,
            "owner": {"login": owner, "type": "User"},
            "private": False,
            "fork": one.fork_of is not None,
            "description": one.description,
            "html_url": self._html(one),
            "clone_url": f"{self._html(one)}.git",
            "default_branch": "main",
            "created_at": one.created,
            "pushed_at": one.pushed,
            "updated_at": one.pushed,
            "forks_count": forks,
            "disabled": False,
        }

    def _page_of(self, items: list[dict[str, Any]]) -> Response:
        first, size = _page()
        given = items[first : min(first + size, SEARCH_CAP)]
        return jsonify({"total_count": len(items), "incomplete_results": False, "items": given})


def _holds(text: str, word: str) -> bool:
    return word.casefold() in text.casefold()


def _page() -> tuple[int, int]:
    size = min(request.args.get("per_page", 30, int), 100)
    return (request.args.get("page", 1, int) - 1) * size, size


def _failed(status: int, message: str) -> Response:
    refused = jsonify({"message": message, "documentation_url": "", "status": str(status)})
    refused.status_code = status
    return refused


def _git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True).stdout
