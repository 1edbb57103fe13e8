"""Time stamps of commitments, given by a real authority on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import BadSettings
from config.settings import Marks, Settings
from config.stamping import stamp_release, verified_stamp
from matcher.library import cohort_folder
from matcher.watermarks import verify_commitment
from matcher.watermarks.commitment import manifest_digest, sign_manifest
from matcher.watermarks.roster import manifest_file
from matcher.watermarks.stamp import BadStamp, stamp_file
from tests.matcher.watermarks.authority import make_authority, reply, serving
from tests.matcher.watermarks.made import MASTER

SIGNED = sign_manifest(MASTER, "r1", "Institute A", {"files": []})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    make_authority(folder, "Here")
    make_authority(folder / "other", "Other")
    return folder


def settings_of(home: Path, address: str | None) -> tuple[Settings, Path]:
    settings = Settings(home=home, marks=Marks(stamp_address=address))
    folder = cohort_folder(settings.indexes_folder, "cohort")
    path = manifest_file(folder, "r1")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(SIGNED))
    return settings, folder


def test_the_commitment_is_stamped_kept_and_verified_by_three_programs(
    authority: Path, tmp_path: Path
) -> None:
    with serving(authority) as (address, asked):
        settings, folder = settings_of(tmp_path, address)
        moment = stamp_release(settings, "cohort", "r1", authority / "ca.pem")
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
    assert len(asked) == 1
    assert len(asked[0]) < 100  # a digest and nothing else
    assert verified_stamp(settings, "cohort", "r1", authority / "ca.pem") == moment
    stamp = stamp_file(folder, "r1")
    script = str(Path(verify_commitment.__file__))
    manifest = str(manifest_file(folder, "r1"))
    told = subprocess.run(
        [sys.executable, "-I", "-S", script, manifest, "--stamp", str(stamp)], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.count("holds: ") == 2
    told = subprocess.run(
        ["openssl", "ts", "-verify", "-digest", manifest_digest(SIGNED), "-in", str(stamp),
         "-CAfile", str(authority / "ca.pem")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_stamp_of_another_manifest_is_told_by_every_verifier(authority: Path, tmp_path: Path) -> None:
    with serving(authority) as (address, _):
        settings, folder = settings_of(tmp_path, address)
        stamp_release(settings, "cohort", "r1", authority / "ca.pem")
    other = sign_manifest(MASTER, "r1", "Institute B", {"files": []})
    manifest_file(folder, "r1").write_text(json.dumps(other))
    with pytest.raises(BadStamp):
        verified_stamp(settings, "cohort", "r1", authority / "ca.pem")
    names = [str(manifest_file(folder, "r1")), "--stamp", str(stamp_file(folder, "r1"))]
    assert verify_commitment.main(names) == 1
    stamp_file(folder, "r1").write_bytes(b"\x30\x05\x30\x03\x02\x01")
    assert verify_commitment.main(names) == 1


def test_nothing_is_asked_where_no_address_is_set(tmp_path: Path, authority: Path) -> None:
    settings, _ = settings_of(tmp_path, None)
    with pytest.raises(BadSettings, match="stamp_address"):
        stamp_release(settings, "cohort", "r1", authority / "ca.pem")
    with pytest.raises(BadSettings, match="no time stamp"):
        verified_stamp(settings, "cohort", "r1", authority / "ca.pem")


def test_an_authority_that_is_not_the_one_named_is_refused(authority: Path, tmp_path: Path) -> None:
    with serving(authority / "other") as (address, _):
        settings, folder = settings_of(tmp_path, address)
        with pytest.raises(BadStamp):
            stamp_release(settings, "cohort", "r1", authority / "ca.pem")
    assert not stamp_file(folder, "r1").exists()


def test_an_old_answer_played_again_is_refused(authority: Path, tmp_path: Path) -> None:
    from matcher.watermarks.stamp import stamp_request

    old = reply(authority, stamp_request(SIGNED)[0])  # of this manifest, but of another request
    with serving(authority, fixed=old) as (address, _):
        settings, _ = settings_of(tmp_path, address)
        with pytest.raises(BadStamp, match=r"[Nn]once"):
            stamp_release(settings, "cohort", "r1", authority / "ca.pem")


@pytest.mark.parametrize("answer", [b"", b"<html>", b"\x30\x84\xff\xff\xff\xff", b"0" * 70_000])
def test_damaged_and_endless_answers_are_told_in_one_line(
    answer: bytes, authority: Path, tmp_path: Path
) -> None:
    with serving(authority, fixed=answer) as (address, _):
        settings, folder = settings_of(tmp_path, address)
        with pytest.raises((BadStamp, BadSettings)) as wrong:
            stamp_release(settings, "cohort", "r1", authority / "ca.pem")
    assert "\n" not in str(wrong.value)
    assert not stamp_file(folder, "r1").exists()


def test_a_refusal_and_an_authority_that_is_away_are_told(authority: Path, tmp_path: Path) -> None:
    with serving(authority, status=503) as (address, _):
        settings, _ = settings_of(tmp_path, address)
        with pytest.raises(BadSettings, match="503"):
            stamp_release(settings, "cohort", "r1", authority / "ca.pem")
    with pytest.raises(BadSettings, match="cannot be reached"):
        stamp_release(settings, "cohort", "r1", authority / "ca.pem")
