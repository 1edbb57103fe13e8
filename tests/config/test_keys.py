"""Keys: made once, closed to others, never replaced in silence."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.errors import BadKeys
from config.keys import make_keys, read_keys


def test_keys_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    assert make_keys(tmp_path / "keys")
    before = (tmp_path / "keys" / "master.key").read_bytes()
    assert not make_keys(tmp_path / "keys")
    assert (tmp_path / "keys" / "master.key").read_bytes() == before
    assert stat.S_IMODE((tmp_path / "keys" / "master.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_every_purpose_has_a_key_of_its_own(tmp_path: Path) -> None:
    make_keys(tmp_path)
    ring = read_keys(tmp_path)
    keys = [ring.quarantine, ring.log, ring.sessions, ring.master_mark]
    keys += [
        ring.matching.ids,
        ring.matching.values,
        ring.matching.genotypes,
        ring.matching.texts,
        ring.matching.marks,
    ]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}
    assert keys[0].hex() not in repr(ring)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "master.key").chmod(0o640)
    with pytest.raises(BadKeys, match="chmod 600"):
        read_keys(tmp_path)


def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "master.key").unlink()
    with pytest.raises(BadKeys, match="put it back"):
        make_keys(tmp_path)
    with pytest.raises(BadKeys, match="no master key"):
        read_keys(tmp_path)


def test_the_key_of_another_workspace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_keys(tmp_path)
    monkeypatch.setenv("COHORTWATCH_MASTER_KEY", "ab" * 32)
    with pytest.raises(BadKeys, match="not the one"):
        read_keys(tmp_path)


@pytest.mark.parametrize("text", ["", "xyz", "ab" * 31, "ab" * 33, "é" * 64])
def test_a_key_that_is_no_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    make_keys(tmp_path)
    (tmp_path / "master.key").write_text(text)
    with pytest.raises(BadKeys, match="64 hex digits"):
        read_keys(tmp_path)
