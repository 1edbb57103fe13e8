"""GitHub's trees and blobs: how a repository that is too large to be cloned is read, file by file."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from crawler.file_names import PAGE_PARTS, SCRIPT_ENDINGS, may_be_data
from crawler.platforms import Address, Answered, Offer, Reading

BLOB_BYTES = 100 << 20
"""What the platform gives of a blob at most."""
BLOBS = 300
"""How many files of one answer are asked for, those first that look like data."""
CARRIED = ("full_name", "html_url", "account", "title", "origin", "default_branch", "head")


def read_tree(said: Any, answer: Answered, repository: str) -> Reading:
    """The files of a tree, or its folders one by one where the whole is too long for one answer."""
    carried = carried_on(answer.details)
    folder = str(answer.details.get("folder", ""))
    entries = [one for one in said.get("tree") or [] if isinstance(one, dict)]
    if said.get("truncated") and "recursive=" in answer.url:
        url = f"{repository}/git/trees/{said.get('sha')}"
        return Reading(addresses=(Address(url=url, kind="tree", details=carried, again=True),))
    folders, blobs, caps_hit = [], [], int(bool(said.get("truncated")))
    for one in entries:
        path = f"{folder}{one.get('path')}"
        # One content may stand at several places: the path keeps their leads apart.
        place = f"{one.get('sha')}#{quote(path)}"
        if one.get("type") == "tree" and "recursive=" not in answer.url:
            deeper = {**carried, "folder": f"{path}/"}
            folders.append(Address(url=f"{repository}/git/trees/{place}", kind="tree", details=deeper))
        elif one.get("type") == "blob" and _is_asked_for(path):
            size = int(one.get("size") or 0)
            caps_hit += int(size > BLOB_BYTES)
            if 0 < size <= BLOB_BYTES:
                details = {**carried, "path": path, "commit": answer.details.get("head")}
                blobs.append(Address(url=f"{repository}/git/blobs/{place}", kind="blob", details=details))
    blobs.sort(key=lambda one: not may_be_data(one.details["path"]))
    caps_hit += int(len(blobs) > BLOBS)
    return Reading(addresses=(*folders, *blobs[:BLOBS]), caps_hit=caps_hit)


def read_blob(said: Any, answer: Answered) -> Reading:
    """The content of one file."""
    try:
        content = (
            base64.b64decode(said["content"])
            if said.get("encoding") == "base64"
            else said["content"].encode()
        )
    except (binascii.Error, KeyError, AttributeError):
        return Reading(retry="no content")
    details, path = answer.details, str(answer.details["path"])
    url = f"{details['html_url']}/blob/{quote(str(details.get('default_branch') or 'HEAD'))}/{quote(path)}"
    offer = Offer(
        kind="file",
        name=PurePosixPath(path).name,
        url=url,
        content=content,
        account=details.get("account"),
        title=details.get("title"),
        origin=details.get("origin"),
        details={"path": path, "full_name": details["full_name"], "blob": said.get("sha")},
    )
    return Reading(offers=(offer,))


def carried_on(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a file's lead must know of its repository."""
    return {name: details[name] for name in CARRIED if name in details}


def _is_asked_for(path: str) -> bool:
    ending = PurePosixPath(path).suffix.lower()
    return not ending or ending in SCRIPT_ENDINGS or may_be_data(path) or ending not in NEVER


NEVER = (
    *PAGE_PARTS,
    *(
        ".c",
        ".cc",
        ".class",
        ".cpp",
        ".cs",
        ".dll",
        ".exe",
        ".go",
        ".h",
        ".hpp",
        ".java",
        ".jar",
        ".kt",
        ".lock",
    ),
    *(
        ".lua",
        ".o",
        ".otf",
        ".php",
        ".rb",
        ".rs",
        ".scss",
        ".so",
        ".swift",
        ".ts",
        ".tsx",
        ".ttf",
        ".vue",
        ".whl",
    ),
)
"""Endings of pictures, fonts, programs and the code of languages that nobody keeps tables in."""
