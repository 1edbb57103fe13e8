"""The demo's code host with what hangs beside repositories: releases, wikis, gists, issues, large files, renames."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

from config.demo.sites.github_rest import TOKEN, GitHubSite, Repository
from crawler.plans import SourcePlan
from tests.crawler.crawling import plan
from tests.crawler.repositories import Repository as Made
from tests.crawler.repositories import git


@dataclass
class CodeSite:
    """What a test plants; `refuse` is what is answered before anything else, once each, by start of path and query."""

    folder: Path
    hub: GitHubSite = field(default_factory=GitHubSite)
    address: str = ""
    refuse: list[tuple[str, Response]] = field(default_factory=list)
    assets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    issues: dict[str, list[tuple[str, list[str]]]] = field(default_factory=dict)
    """By repository: the text of each issue, and of its comments."""
    gists: dict[str, Path] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    truncated: bool = False

    def add(
        self, name: str, *commits: dict[str, bytes | None], readme: str = "northmoor", **rest: Any
    ) -> Made:
        made = Made(self.folder / f"{name}.git")
        made.commit({"README.md": f"# {readme} {name}\n".encode()})
        for files in commits:
            made.commit(files)
        self.hub.add(Repository(name, made.folder, **rest))
        return made

    @property
    def plan(self) -> SourcePlan:
        return plan("github", self.address, terms=("northmoor",), token=TOKEN, max_requests=5000)

    def html(self, name: str) -> str:
        return f"{self.address}/{name}"

    def pointer(self, content: bytes) -> bytes:
        """Puts a content on the store of large files; gives what stands in the repository in its place."""
        oid = hashlib.sha256(content).hexdigest()
        self.large[oid] = content
        said = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
        return said.encode()

    def made(self, address: str) -> Flask:
        self.address = address
        app = self.hub.app(address)
        app.before_request(self._first)
        app.after_request(self._with_wiki)
        api = "/repos/<owner>/<name>"
        app.add_url_rule(f"{api}/releases", "releases", self._releases)
        app.add_url_rule(f"{api}/releases/assets/<path:asset>", "asset", self._asset)
        app.add_url_rule(f"{api}/readme", "readme", self._readme)
        app.add_url_rule("/search/issues", "issues", self._search_issues)
        app.add_url_rule(f"{api}/issues/<int:number>/comments", "comments", self._comments)
        app.add_url_rule("/gists/<key>", "gist", self._gist)
        app.add_url_rule("/files/<path:name>", "given", self._file)
        app.add_url_rule("/<owner>/<name>.git/info/lfs/objects/batch", "batch", self._batch, methods=["POST"])
        app.add_url_rule(
            "/large/<oid>", "large", lambda oid: Response(self.large[oid], mimetype="text/plain")
        )
        return app

    def _first(self) -> Response | None:
        asked = request.full_path
        if request.headers.get("If-None-Match") == '"cut"':
            return Response("", 304)
        for number, (start, response) in enumerate(self.refuse):
            if asked.startswith(start):
                del self.refuse[number]
                return response
        for old, new in self.renamed.items():
            if request.path == f"/repos/{old}":
                return Response("", 301, {"Location": f"{self.address}/repos/{new}"})
        if self.truncated and "/git/trees/" in request.path:
            return self._one_folder()
        return None

    def _one_folder(self) -> Response:
        """A tree of which only one folder is told at a time."""
        _, _, owner, name, _, _, ref = request.path.split("/", 6)
        folder = self.hub.repositories[f"{owner}/{name}"].folder
        sha = git(folder, "rev-parse", f"{ref}^{{tree}}").decode().strip()
        if request.args.get("recursive"):
            return jsonify({"sha": sha, "truncated": True, "tree": []})
        lines = git(folder, "ls-tree", "-l", "-z", sha).decode().split("\0")
        told = [(line.split("\t", 1)[0].split(), line.split("\t", 1)[1]) for line in lines if line]
        entries = [
            {"path": path, "type": kind, "sha": key, **({} if size == "-" else {"size": int(size)})}
            for (_, kind, key, size), path in told
        ]
        return jsonify({"sha": sha, "truncated": False, "tree": entries})

    def _with_wiki(self, response: Response) -> Response:
        is_repository = request.path.startswith("/repos/") and request.path.count("/") == 3
        if is_repository and b'"full_name"' in response.get_data():
            response.set_data(json.dumps({**json.loads(response.get_data()), "has_wiki": True}))
        return response

    def _releases(self, owner: str, name: str) -> Response:
        api = f"{self.address}/repos/{owner}/{name}/releases"
        assets = [
            {
                "url": f"{api}/assets/{owner}/{name}/{one}",
                "browser_download_url": f"{self.html(f'{owner}/{name}')}/releases/download/v1/{one}",
                "name": one,
                "size": len(content),
                "state": "uploaded",
                "updated_at": "2026-01-05T10:00:00Z",
            }
            for one, content in self.assets.get(f"{owner}/{name}", {}).items()
        ]
        shown = {
            "html_url": f"{self.html(f'{owner}/{name}')}/releases/tag/v1",
            "tag_name": "v1",
            "assets": assets,
        }
        return jsonify([shown] if assets and request.args.get("page", "1") == "1" else [])

    def _asset(self, owner: str, name: str, asset: str) -> Response:
        if request.headers.get("Accept") != "application/octet-stream":
            return jsonify({"name": asset})
        return Response(
            self.assets[f"{owner}/{name}"][asset.rpartition("/")[2]], mimetype="application/octet-stream"
        )

    def _readme(self, owner: str, name: str) -> Response:
        one = self.hub.repositories[f"{owner}/{name}"]
        content = git(one.folder, "cat-file", "blob", "main:README.md")
        said = {"encoding": "base64", "content": base64.encodebytes(content).decode(), "path": "README.md"}
        return jsonify({**said, "html_url": f"{self.html(one.full_name)}/blob/main/README.md"})

    def _search_issues(self) -> Response:
        if "is:issue" not in request.args.get("q", ""):
            return jsonify({"total_count": 0, "items": []})
        items = [
            {
                "url": f"{self.address}/repos/{name}/issues/{number}",
                "html_url": f"{self.html(name)}/issues/{number}",
                "repository_url": f"{self.address}/repos/{name}",
                "comments_url": f"{self.address}/repos/{name}/issues/{number}/comments",
                "comments": len(comments),
                "title": "northmoor data",
                "body": text,
                "user": {"login": "poster"},
                "updated_at": "2026-01-05T10:00:00Z",
            }
            for name, listed in self.issues.items()
            for number, (text, comments) in enumerate(listed, 1)
        ]
        return jsonify({"total_count": len(items), "incomplete_results": False, "items": items})

    def _comments(self, owner: str, name: str, number: int) -> Response:
        page = f"{self.html(f'{owner}/{name}')}/issues/{number}"
        said = self.issues[f"{owner}/{name}"][number - 1][1]
        return jsonify(
            [
                {"html_url": f"{page}#issuecomment-{n}", "body": one, "user": {"login": "x"}}
                for n, one in enumerate(said)
            ]
        )

    def _gist(self, key: str) -> Response:
        if key not in self.gists:
            return Response('{"message": "Not Found"}', 404, mimetype="application/json")
        said = {"id": key, "html_url": f"{self.address}/someone/{key}", "description": "", "public": True}
        pull = f"{self.address}/gist/{key}.git"
        return jsonify(
            {
                **said,
                "git_pull_url": pull,
                "owner": {"login": "someone"},
                "updated_at": "2026-01-05T10:00:00Z",
            }
        )

    def _file(self, name: str) -> Response:
        if name not in self.files:
            return Response("no", 404)
        return Response(self.files[name], mimetype="application/octet-stream")

    def _batch(self, owner: str, name: str) -> Response:
        asked = json.loads(request.get_data())
        made = [
            {**one, "actions": {"download": {"href": f"{self.address}/large/{one['oid']}"}}}
            if one["oid"] in self.large
            else {**one, "error": {"code": 404, "message": "gone"}}
            for one in asked["objects"]
        ]
        return Response(json.dumps({"objects": made}), mimetype="application/vnd.git-lfs+json")
