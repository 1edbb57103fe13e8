"""Who holds the master key: file, environment or AWS KMS; rotation changes the holder and no derived key."""

from __future__ import annotations

import base64
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.custody import KmsHolder, held_by, wrapping_key
from config.errors import BadKeys
from config.keys import make_keys, read_keys, rotate_keys

FIRST, SECOND = "11" * 32, "22" * 32


@pytest.fixture
def made(tmp_path: Path) -> Path:
    make_keys(tmp_path)
    return tmp_path


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import boto3
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    with mock_aws():
        yield boto3.client("kms")


def test_a_wrapped_key_gives_every_key_that_the_plain_one_gave(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, plain = read_keys(made), (made / "master.key").read_text().strip()
    monkeypatch.setenv("COHORTWATCH_WRAPPING_KEY", FIRST)
    rotate_keys(made, wrapping_key())
    assert read_keys(made) == before
    assert not (made / "master.key").exists()
    assert held_by(made) == {"holder": "environment"}
    kept = (made / "master.wrapped").read_text()
    assert plain not in kept
    assert bytes.fromhex(plain) not in base64.b64decode(json.loads(kept)["wrapped"])
    assert stat.S_IMODE((made / "master.wrapped").stat().st_mode) == 0o600
    assert not make_keys(made)


def test_after_rotation_the_old_wrapping_key_opens_nothing(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_keys(made)
    monkeypatch.setenv("COHORTWATCH_WRAPPING_KEY", FIRST)
    rotate_keys(made, wrapping_key())
    monkeypatch.setenv("COHORTWATCH_NEW_WRAPPING_KEY", SECOND)
    rotate_keys(made, wrapping_key("COHORTWATCH_NEW_WRAPPING_KEY"))
    with pytest.raises(BadKeys, match="does not open"):
        read_keys(made)
    monkeypatch.setenv("COHORTWATCH_WRAPPING_KEY", SECOND)
    assert read_keys(made) == before
    rotate_keys(made, None)
    monkeypatch.delenv("COHORTWATCH_WRAPPING_KEY")
    assert read_keys(made) == before
    assert held_by(made) == {"holder": "file"}
    assert not (made / "master.wrapped").exists()


def test_kms_wraps_the_key_and_only_its_ciphertext_lies_here(made: Path, kms: Any) -> None:
    before, plain = read_keys(made), (made / "master.key").read_text().strip()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    rotate_keys(made, KmsHolder(key, "eu-west-2"))
    assert read_keys(made) == before
    assert held_by(made) == {"holder": "aws-kms", "key_id": key, "region": "eu-west-2", "endpoint": None}
    assert all(plain not in one.read_text() for one in made.iterdir())
    wrapped = json.loads((made / "master.wrapped").read_text())["wrapped"]
    second = kms.create_key()["KeyMetadata"]["KeyId"]
    rotate_keys(made, KmsHolder(second, "eu-west-2"))
    assert read_keys(made) == before
    assert held_by(made)["key_id"] == second
    assert wrapped not in (made / "master.wrapped").read_text()


def test_an_unknown_key_and_a_wrapping_of_another_workspace_are_refused(
    made: Path, kms: Any, tmp_path: Path
) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    rotate_keys(made, KmsHolder(key, "eu-west-2"))
    kept = json.loads((made / "master.wrapped").read_text())
    (made / "master.wrapped").write_text(json.dumps({**kept, "workspace": "0" * 32}))
    with pytest.raises(BadKeys, match="KMS refused"):
        read_keys(made)
    nobody = "00000000-0000-0000-0000-000000000000"
    (made / "master.wrapped").write_text(json.dumps({**kept, "key_id": nobody}))
    with pytest.raises(BadKeys, match="KMS refused"):
        read_keys(made)


def test_a_key_store_that_is_away_is_told_in_one_line(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    before = (made / "master.key").read_bytes()
    with pytest.raises(BadKeys, match="cannot be asked"):
        rotate_keys(made, KmsHolder("alias/x", "eu-west-2", "http://127.0.0.1:9"))
    assert (made / "master.key").read_bytes() == before
    assert not (made / "master.wrapped").exists()


def test_a_holder_that_gives_back_another_key_changes_nothing(made: Path) -> None:
    class Forgetful:
        def wrap(self, master: bytes, workspace: str) -> bytes:
            return b"x"

        def unwrap(self, wrapped: bytes, workspace: str) -> bytes:
            return bytes(32)

        def described(self) -> dict[str, Any]:
            return {"holder": "environment"}

    before = read_keys(made)
    with pytest.raises(BadKeys, match="nothing was changed"):
        rotate_keys(made, Forgetful())
    assert read_keys(made) == before


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"holder": "nobody"}', '{"holder": "environment", "wrapped": "!"}']
)
def test_a_damaged_wrapping_is_told_and_no_new_key_is_made(made: Path, text: str) -> None:
    (made / "master.key").unlink()
    (made / "master.wrapped").write_text(text)
    with pytest.raises(BadKeys, match="damaged"):
        read_keys(made)
    assert not make_keys(made)


def test_releases_marked_before_a_rotation_are_detected_after_it(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matcher.watermarks.mark import mark_release
    from tests.matcher.watermarks.files import accused, evidence_with, read_table, write_phenotypes

    write_phenotypes(made / "p.csv")
    for name in ("a", "b"):
        mark_release(
            cohort_folder=made / "cohort", release=name, recipient=f"Institute of {name}", genotypes=[],
            phenotypes=[made / "p.csv"], out=made / name, key=read_keys(made).matching.marks,
        )  # fmt: skip
    monkeypatch.setenv("COHORTWATCH_WRAPPING_KEY", FIRST)
    rotate_keys(made, wrapping_key())
    keys = read_keys(made).matching
    assert accused(evidence_with(keys, made / "cohort", ["a", "b"], read_table(made / "b" / "p.csv"))) == {
        "b"
    }
