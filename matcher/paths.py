"""Paths of what stands inside containers and histories: `data.zip!/a.csv`, `repository@COMMIT:folder/a.csv`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

_COMMIT = r"@(?:[0-9a-f]{64}|[0-9a-f]{40}):"
_JOINT = re.compile(rf"!/|{_COMMIT}")
_WHOLE_COMMIT = re.compile(_COMMIT)
SHOWN_DIGITS = 12


def name_of(path: str) -> str:
    """The file's own name, without the containers and the commit that it stands in."""
    return PurePosixPath(_JOINT.split(path)[-1]).name


def inner_path(path: str) -> str:
    """Where it stands in its innermost container or commit; of a file that is in none, its name."""
    *outer, inner = _JOINT.split(path)
    return inner if outer else name_of(inner)


def masked(path: str, mask: Callable[[str], str]) -> str:
    """The path with `mask` laid over every name in it; a commit is nobody's name, and stays."""
    commits = _WHOLE_COMMIT.findall(path)
    names = [mask(one) for one in _WHOLE_COMMIT.split(path)]
    return "".join(part for pair in zip(names, [*commits, ""], strict=True) for part in pair)


def short_path(path: str) -> str:
    """The path as people are shown it, with the first digits of commits alone."""
    return _WHOLE_COMMIT.sub(lambda found: f"{found[0][: 1 + SHOWN_DIGITS]}:", path)
