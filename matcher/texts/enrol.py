"""Writes what texts are compared with: a cohort's names, and keyed signatures of documents that it handed over.

Names lie in `texts/aliases.json` of the cohort's folder, signatures in `texts/documents.npy`; no text is kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from matcher.texts.families import signature
from matcher.texts.listing import known_cohorts
from matcher.texts.wording import one_script

TEXTS_FOLDER = "texts"
ALIASES_FILE = "aliases.json"
DOCUMENTS_FILE = "documents.npy"

MANY_MEANINGS = frozenset(
    {"share", "all of us", "lifelines", "mvp", "ckb", "aou", "twb", "bbj", "demo", "test"}
)
"""Names that also mean something else; alone they name no cohort."""
SHORT = 4
"""Letters of a name that is likely to be something else as well."""


def enrol_texts(
    folder: Path, name: str, title: str, aliases: Sequence[str] = (), documents: Sequence[Path] = ()
) -> None:
    """Writes a cohort's names, with those it is known by where it is a large one, and its documents' signatures."""
    place = folder / TEXTS_FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    given = [one_script(one).strip() for one in aliases]
    own = [one_script(title).strip(), one_script(name).strip()]
    known = [one for group in known_cohorts() if set(own) & set(group) for one in group]
    clear = [one for one in dict.fromkeys([*given, *own, *known]) if _is_clear(one, one in given)]
    vague = [one for one in dict.fromkeys([*own, *known, *given]) if one and one not in clear]
    names = {"clear": clear, "vague": vague}
    (place / ALIASES_FILE).write_text(json.dumps(names, ensure_ascii=False, indent=1), encoding="utf-8")
    signatures = [signature(one.read_text(encoding="utf-8", errors="replace")) for one in documents]
    whole = [np.frombuffer(one, dtype="<u8") for one in signatures if one]
    if whole:
        np.save(place / DOCUMENTS_FILE, np.vstack(whole), allow_pickle=False)


def read_aliases(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A cohort's names that are its alone, and those that may mean something else."""
    path = folder / TEXTS_FOLDER / ALIASES_FILE
    if not path.exists():
        return (), ()
    names = json.loads(path.read_text(encoding="utf-8"))
    return tuple(names["clear"]), tuple(names["vague"])


def _is_clear(name: str, given: bool) -> bool:
    if name in MANY_MEANINGS or not name:
        return False
    if name == "ukb" or (given and len(name) >= 3):
        return True
    chinese = any("\u4e00" <= letter <= "\u9fff" for letter in name)
    if chinese:
        return len(name) >= 4
    return len(name) > SHORT and (" " in name or len(name) > 7 or any(letter.isdigit() for letter in name))
