"""Keyed tokens of genotypes as files that change hands, and the key that both sides have (see `handover`).

A file is one line of JSON, the groups' sites (8 bytes each) and the tokens (8 bytes each, a person after the other,
in an order drawn at random: where somebody stood in the cohort is nobody's business). No id is in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeGuard

import numpy as np

from matcher.contents import FileEnded, Genotypes
from matcher.errors import BadSourceFile
from matcher.genotypes.called_tables import with_calls
from matcher.genotypes.handover import GROUP_SIZES, Groups, Tokens, tokens_of, words_of
from matcher.genotypes.sites import FoundVariants, shared_sites
from matcher.genotypes.store import Store, open_store, write_store
from matcher.key_files import read_key_file
from matcher.prf import siphash24, subkey
from matcher.reading import read_path

FORMAT = "cohortwatch-tokens-1"
_HEAD_BYTES = 4_096
_PEOPLE_AT_ONCE = 4_096
_MOST = 1 << 40
_AGAIN = "have it written again with `cohort tokens`"


@dataclass(frozen=True, slots=True)
class TokenFile:
    """What such a file holds; `tokens` (people × groups) stay on the disk until they are looked at."""

    groups: Groups
    tokens: Tokens
    key_check: str
    """The same for the same key; tells nothing of it."""


def read_key(path: Path) -> bytes:
    """The key of a hand-over: 64 hex digits in a file that only its owner can read.

    Raises:
        BadSourceFile: it is none, or others can read it.
    """
    if not path.is_file():
        raise BadSourceFile(f"no key at {path}; make one with `openssl rand -hex 32` and share it apart")
    try:
        return read_key_file(path)
    except ValueError as wrong:
        raise BadSourceFile(str(wrong)) from None


def write_tokens(path: Path, store: Store, groups: Groups, key: bytes) -> int:
    """Writes the tokens of everybody in a store who has not withdrawn; gives how many people that are.

    Raises:
        BadSourceFile: the list of sites makes no group, or the store has none of its sites.
    """
    shared = shared_sites(groups.sites, store)
    if not len(groups) or not len(shared) or not shared.coding_known:
        raise BadSourceFile(
            "the list of sites and the genotypes have no group of sites in common; give another"
        )
    people = np.random.default_rng().permutation(np.flatnonzero(~store.withdrawn))
    head = {
        "format": FORMAT,
        "group_size": groups.size,
        "groups": len(groups),
        "people": len(people),
        "key": _key_check(key),
    }
    rows = store.packed_rows(shared.known)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        file.write(words_of(groups).astype("<u8").tobytes())
        for start in range(0, len(people), _PEOPLE_AT_ONCE):
            who = people[start : start + _PEOPLE_AT_ONCE]
            codes = (rows[:, who >> 2] >> (2 * (who & 3)).astype(np.uint8)) & 3
            theirs = np.where(codes == 3, -1, codes).astype(np.int8)
            turn = shared.swapped
            theirs[turn] = np.where(theirs[turn] >= 0, 2 - theirs[turn], -1)
            calls = np.full((len(groups.sites), len(who)), -1, np.int8)
            calls[shared.found] = theirs
            file.write(tokens_of(calls, groups, key).astype("<u8").tobytes())
    return len(people)


def write_tokens_of_find(
    path: Path, find: Path, groups: Groups, key: bytes, unread: list[str] | None = None
) -> int:
    """The same of the samples of a find, which is read as any find is; variants that state no allele are left out.

    Of files that were not read in full `unread` is given the reason.

    Raises:
        BadSourceFile: the find holds no such genotypes, or those of files with other samples.
    """
    with TemporaryDirectory(prefix="cohortwatch-") as folder:
        own = os.urandom(32)
        try:
            write_store(Path(folder), _genotypes(find, [] if unread is None else unread), own)
        except ValueError:
            raise BadSourceFile(
                f"{find.name} has genotype files with different samples; give them one by one"
            ) from None
        store = open_store(Path(folder), own)
        if store is None:
            raise BadSourceFile(f"{find.name} holds no genotypes that can be used; give VCF, BCF or PLINK")
        return write_tokens(path, store, groups, key)


def read_tokens(path: Path) -> TokenFile:
    """Opens a file of tokens, which the other side may have written as it likes.

    Raises:
        BadSourceFile: it is none, or not whole.
    """
    with path.open("rb") as file:
        line = file.readline(_HEAD_BYTES)
    head = _head(line)
    if head is None:
        raise BadSourceFile(f"{path.name} is no file of tokens; {_AGAIN}")
    size, count, people, check = head
    if path.stat().st_size != len(line) + 8 * count * (size + people):
        raise BadSourceFile(f"{path.name} is not whole; {_AGAIN}")
    words = np.fromfile(path, dtype="<u8", count=count * size, offset=len(line)).reshape(count, size)
    start = len(line) + 8 * count * size
    tokens: Tokens = np.zeros((people, count), np.uint64)
    if people and count:
        tokens = np.memmap(path, dtype="<u8", mode="r", offset=start, shape=(people, count))
    return TokenFile(_groups(words), tokens, check)


def require_comparable(one: TokenFile, other: TokenFile) -> None:
    """Raises BadSourceFile where two files were made with other keys or from other lists of sites."""
    if one.key_check != other.key_check:
        raise BadSourceFile("the two files were made with different keys; make both with the one you share")
    mine, theirs = words_of(one.groups), words_of(other.groups)
    if mine.shape != theirs.shape or (mine != theirs).any():
        raise BadSourceFile(
            "the two files were made from different lists of sites or group sizes; agree on one"
        )


def _genotypes(find: Path, unread: list[str]) -> Iterator[Genotypes]:
    for event in with_calls(read_path(find)):
        if isinstance(event, FileEnded) and event.skipped:
            unread.append(event.skipped)
        if isinstance(event, Genotypes) and event.coding_known and event.samples:
            yield event


def _key_check(key: bytes) -> str:
    return f"{siphash24(subkey(key, 'genotype hand-over check'), b''):016x}"


def _groups(words: Tokens) -> Groups:
    numbers = words.reshape(-1).astype(np.int64)
    places = numbers >> 2
    sites = FoundVariants(
        ((places >> 40) & 255).astype(np.uint8),
        places & ((1 << 40) - 1),
        np.zeros(len(numbers), np.int64),
        np.zeros(len(numbers), np.uint8),
        (numbers & 3).astype(np.uint8),
        np.ones(len(numbers), np.bool_),
    )
    return Groups(sites, np.arange(len(numbers), dtype=np.int64).reshape(words.shape))


def _head(line: bytes) -> tuple[int, int, int, str] | None:
    """Group size, groups, people and check of the key; None where the line is no head."""
    try:
        head: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        return None
    size, groups, people, check = (head.get(name) for name in ("group_size", "groups", "people", "key"))
    if not _is_count(size) or not _is_count(groups) or not _is_count(people) or not isinstance(check, str):
        return None
    return (size, groups, people, check) if size in GROUP_SIZES and groups else None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < _MOST
