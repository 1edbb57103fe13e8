"""One field, many spellings: `31-0.0`, `f.31.0.0`, `X31.0.0`, `n_31_0_0`, `p31_i0`, `participant.p31` are field 31.

A name is read into (field, instance, array); what no spelling fits keeps its own words, in lower case without
punctuation, so that `Body mass index (BMI)` and `body_mass_index_bmi` are one.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files


@cache
def headings(kind: str) -> frozenset[str]:
    """The words of `headings.toml` of one kind."""
    return frozenset(_headings()[kind].split())


@cache
def _headings() -> dict[str, str]:
    return tomllib.loads((files("matcher.tables") / "headings.toml").read_text(encoding="utf-8"))


_FIELD = re.compile(
    r"""(?:participant\.)?(?:
        (?P<a>\d{1,6})-(?P<ai>\d{1,2})\.(?P<aa>\d{1,3})                      # 31-0.0
      | (?:[a-z]\w*_)?[fnstx][._](?P<b>\d{1,6})[._](?P<bi>\d{1,2})[._](?P<ba>\d{1,3})  # f.31.0.0, n_31_0_0, sex_f31
      | (?:[a-z]\w*_)?[fx](?P<c>\d{1,6})[._](?P<ci>\d{1,2})[._](?P<ca>\d{1,3})  # X31.0.0, sex_f31_0_0
      | p(?P<d>\d{1,6})(?:_i(?P<di>\d{1,2}))?(?:_a(?P<da>\d{1,3}))?          # p31_i0_a3
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_INSTANCE = re.compile(
    r"^(?P<name>.*?)\s*\|\s*instance\s*(?P<i>\d+)(?:\s*\|\s*array\s*(?P<a>\d+))?$", re.IGNORECASE
)


@lru_cache(maxsize=65536)
def read_name(name: str) -> tuple[str, int, int]:
    """Field (a number as text, or the name's own words), instance and array of a column name."""
    text = unicodedata.normalize("NFKC", name).strip()
    field = _FIELD.fullmatch(text)
    if field:
        found = {key[0]: {} for key in field.groupdict()}  # type: ignore[var-annotated]
        for key, value in field.groupdict().items():
            found[key[0]][key[1:]] = value
        parts = next(group for group in found.values() if group[""] is not None)
        return str(int(parts[""])), int(parts["i"] or 0), int(parts["a"] or 0)
    worded = _INSTANCE.match(text)
    if worded:
        return plain(worded["name"]), int(worded["i"]), int(worded["a"] or 0)
    return plain(text.rpartition("participant.")[2] or text), 0, 0


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name's letters and digits in lower case."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def is_field(name: str) -> bool:
    """Whether a name is one of the spellings of a numbered field."""
    return _FIELD.fullmatch(name.strip()) is not None


def is_id_name(name: str) -> bool:
    """Whether a name is one that participants' columns have."""
    return plain(name) in headings("id_names")
