"""The quarantine: what goes in comes out, nothing that was altered does, and what was shredded is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.errors import VaultFault
from crawler.vault import CHUNK, Vault


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path, bytes(range(32)))


def stored(folder: Path, name: str) -> Path:
    return folder / name[:2] / name


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_goes_in_comes_out(vault: Vault, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    assert vault.read(vault.put(content)) == content


def test_nothing_of_the_content_is_on_disk(vault: Vault, tmp_path: Path) -> None:
    name = vault.put(b"a secret row of a participant" * 100)
    assert b"secret" not in stored(tmp_path, name).read_bytes()
    assert stored(tmp_path, name).stat().st_mode & 0o077 == 0


def test_every_altered_byte_is_found(vault: Vault, tmp_path: Path) -> None:
    name = vault.put(b"x" * 50)
    path = stored(tmp_path, name)
    whole = path.read_bytes()
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 1
        path.write_bytes(altered)
        with pytest.raises(VaultFault):
            vault.read(name)


@pytest.mark.parametrize("how", ["cut-a-chunk", "swap-chunks", "cut-a-byte", "other-object"])
def test_chunks_that_were_cut_or_moved_are_found(vault: Vault, tmp_path: Path, how: str) -> None:
    name = vault.put(bytes(3 * CHUNK))
    path = stored(tmp_path, name)
    whole = path.read_bytes()
    start, sealed = len(whole) - 3 * (CHUNK + 16), CHUNK + 16
    head, chunks = whole[:start], [whole[start + n * sealed : start + (n + 1) * sealed] for n in range(3)]
    changed = {
        "cut-a-chunk": head + chunks[0] + chunks[1],
        "swap-chunks": head + chunks[1] + chunks[0] + chunks[2],
        "cut-a-byte": whole[:-1],
        "other-object": stored(tmp_path, vault.put(b"other")).read_bytes(),
    }[how]
    path.write_bytes(changed)
    with pytest.raises(VaultFault):
        vault.read(name)


def test_what_was_shredded_is_gone(vault: Vault, tmp_path: Path) -> None:
    name = vault.put(b"x")
    vault.shred(name)
    assert not stored(tmp_path, name).exists()
    with pytest.raises(VaultFault):
        vault.read(name)


def test_another_key_reads_nothing(vault: Vault, tmp_path: Path) -> None:
    name = vault.put(b"x")
    with pytest.raises(VaultFault):
        Vault(tmp_path, bytes(32)).read(name)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "zz", "a/b"])
def test_a_name_is_never_a_path(vault: Vault, name: str) -> None:
    with pytest.raises(VaultFault):
        vault.read(name)
