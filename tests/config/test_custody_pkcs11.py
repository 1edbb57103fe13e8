"""The master key under a key in a PKCS#11 token: real SoftHSM tokens, the module's own counts of logins."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config import custody_pkcs11
from config.custody import held_by, wrapping_key
from config.custody_pkcs11 import Pkcs11Holder
from config.errors import BadKeys, BadSettings
from config.keys import make_keys, read_keys, rotate_keys
from config.settings import read_settings
from tests.config.softhsm import (
    MODULE,
    PIN,
    VARIABLE,
    Shelf,
    counted_logins,
    holder,
    token_flags,
    wrong_pin_was_given,
)

ROOT = Path(__file__).parent.parent.parent
OK, PIN_INCORRECT = 0x0, 0xA0
FINAL_TRY, LOCKED = 0x20000, 0x40000


@pytest.fixture
def made(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """One token, `vault`, with one key, `wrapping`."""
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(settings))
    monkeypatch.setenv(VARIABLE, PIN)
    monkeypatch.setattr(custody_pkcs11, "_refused", set())
    shelf = Shelf(tmp_path / "tokens")
    shelf.add_token("vault")
    shelf.add_key("vault", "wrapping")
    return shelf


def kept(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "master.wrapped").read_text())
    return value


def test_the_token_wraps_the_key_and_only_its_ciphertext_lies_here(made: Path, shelf: Shelf) -> None:
    before, plain = read_keys(made), (made / "master.key").read_text().strip()
    rotate_keys(made, holder())
    assert read_keys(made) == before
    assert held_by(made) == {
        "holder": "pkcs11", "module": MODULE, "token": "vault", "key": "wrapping", "pin_variable": VARIABLE,
    }  # fmt: skip
    assert not (made / "master.key").exists()
    for file in made.iterdir():
        assert plain not in file.read_text()
        assert PIN not in file.read_text()
    assert bytes.fromhex(plain) not in base64.b64decode(kept(made)["wrapped"])
    assert stat.S_IMODE((made / "master.wrapped").stat().st_mode) == 0o600
    assert not make_keys(made)


def test_what_the_token_sealed_is_aes_gcm_with_the_workspace_bound(made: Path, shelf: Shelf) -> None:
    """Opened by another program's AES, under a key that both were given."""
    value = bytes(range(32))
    shelf.import_key("vault", "known", value)
    plain = bytes.fromhex((made / "master.key").read_text())
    rotate_keys(made, holder(key="known"))
    wrapped = base64.b64decode(kept(made)["wrapped"])
    bound = f"cohortwatch:{kept(made)['workspace']}".encode()
    assert AESGCM(value).decrypt(wrapped[:12], wrapped[12:], bound) == plain
    rotate_keys(made, holder(key="known"))
    assert base64.b64decode(kept(made)["wrapped"])[:12] != wrapped[:12]


def test_rotation_goes_through_every_holder_and_changes_no_key(
    made: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3
    from moto import mock_aws

    from config.custody import KmsHolder

    before = read_keys(made)
    shelf.add_key("vault", "second")
    shelf.add_token("spare")
    shelf.add_key("spare", "wrapping")
    monkeypatch.setenv("COHORTWATCH_WRAPPING_KEY", "11" * 32)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        kms = boto3.client("kms", region_name="eu-west-2").create_key()["KeyMetadata"]["KeyId"]
        in_kms = KmsHolder(kms, "eu-west-2")
        for to in (
            holder(), holder(key="second"), holder("spare"), wrapping_key(), holder(), in_kms, holder("spare"), None,
        ):  # fmt: skip
            rotate_keys(made, to)
            assert read_keys(made) == before
    assert held_by(made) == {"holder": "file"}


def test_an_old_wrapping_opens_until_its_key_in_the_token_is_destroyed(made: Path, shelf: Shelf) -> None:
    before = read_keys(made)
    rotate_keys(made, holder())
    copy = (made / "master.wrapped").read_bytes()
    shelf.add_key("vault", "second")
    rotate_keys(made, holder(key="second"))
    new = (made / "master.wrapped").read_bytes()
    (made / "master.wrapped").write_bytes(copy)
    assert read_keys(made) == before
    shelf.remove_key("vault", "wrapping")
    with pytest.raises(BadKeys, match="no secret key labelled 'wrapping'"):
        read_keys(made)
    shelf.add_key("vault", "wrapping")
    with pytest.raises(BadKeys, match="does not open"):
        read_keys(made)
    (made / "master.wrapped").write_bytes(new)
    assert read_keys(made) == before


def test_releases_marked_before_the_token_are_detected_after_it(made: Path, shelf: Shelf) -> None:
    from matcher.watermarks.mark import mark_release
    from tests.matcher.watermarks.files import accused, evidence_with, read_table, write_phenotypes

    write_phenotypes(made / "p.csv")
    for name in ("a", "b"):
        mark_release(
            cohort_folder=made / "cohort", release=name, recipient=f"Institute of {name}", genotypes=[],
            phenotypes=[made / "p.csv"], out=made / name, key=read_keys(made).matching.marks,
        )  # fmt: skip
        rotate_keys(made, holder())  # b is marked when the token holds the key already
    shelf.add_key("vault", "second")
    rotate_keys(made, holder(key="second"))
    keys = read_keys(made).matching
    for name in ("a", "b"):
        found = read_table(made / name / "p.csv")
        assert accused(evidence_with(keys, made / "cohort", ["a", "b"], found)) == {name}


def test_the_same_label_in_another_token_and_another_workspace_open_nothing(made: Path, shelf: Shelf) -> None:
    shelf.add_token("spare")
    shelf.add_key("spare", "wrapping")
    rotate_keys(made, holder())
    right = kept(made)
    wrapped = base64.b64decode(right["wrapped"])
    for wrong in (
        {"token": "spare"},
        {"workspace": "0" * 32},
        {"wrapped": base64.b64encode(wrapped[:-1] + bytes([wrapped[-1] ^ 1])).decode()},
        {"wrapped": base64.b64encode(wrapped[:20]).decode()},
        {"wrapped": ""},
    ):
        (made / "master.wrapped").write_text(json.dumps({**right, **wrong}))
        with pytest.raises(BadKeys, match="does not open the wrapped master key"):
            read_keys(made)
    (made / "master.wrapped").write_text(json.dumps(right))
    read_keys(made)


def test_a_wrong_pin_is_tried_once_and_never_again_by_itself(
    made: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_keys(made)
    rotate_keys(made, holder())
    monkeypatch.setenv(VARIABLE, "1234-wrong")
    with counted_logins() as logins:
        with pytest.raises(BadKeys, match="refused the PIN") as wrong:
            read_keys(made)
        assert logins == [PIN_INCORRECT]
        assert "1234-wrong" not in str(wrong.value)
        with pytest.raises(BadKeys, match="has refused the PIN"):
            read_keys(made, insists=True)
        assert len(logins) == 1
        assert wrong_pin_was_given("vault")
        # The next process of the schedule knows nothing of this one; the token tells it.
        monkeypatch.setattr(custody_pkcs11, "_refused", set())
        with pytest.raises(BadKeys, match="none was tried"):
            read_keys(made)
        monkeypatch.setenv(VARIABLE, PIN)
        with pytest.raises(BadKeys, match="none was tried"):
            read_keys(made)
        assert len(logins) == 1
        assert read_keys(made, insists=True) == before
        assert read_keys(made) == before
        assert logins == [PIN_INCORRECT, OK, OK]
    assert not wrong_pin_was_given("vault")


def test_a_wrong_pin_at_rotation_changes_nothing(
    made: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_keys(made)
    monkeypatch.setenv(VARIABLE, "1234-wrong")
    with counted_logins() as logins, pytest.raises(BadKeys, match="refused the PIN"):
        rotate_keys(made, holder(insists=True))
    assert logins == [PIN_INCORRECT]
    assert held_by(made) == {"holder": "file"}
    assert read_keys(made) == before


@pytest.mark.parametrize(
    ("flags", "says"), [(FINAL_TRY, "locks at the next wrong PIN"), (LOCKED, "has locked")]
)
def test_the_last_try_before_a_lock_is_left_to_a_person(
    made: Path, shelf: Shelf, flags: int, says: str
) -> None:
    rotate_keys(made, holder())
    with token_flags(flags), counted_logins() as logins:
        for insists in (False, True):
            with pytest.raises(BadKeys, match=says):
                read_keys(made, insists=insists)
    assert logins == []


@pytest.mark.parametrize("pin", ["", "1234\n", "\udcff"])
def test_no_pin_in_the_environment_is_told_before_any_try(
    made: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, pin: str
) -> None:
    monkeypatch.setenv(VARIABLE, pin)
    with counted_logins() as logins, pytest.raises(BadKeys, match=f"\\${VARIABLE} must hold the PIN"):
        rotate_keys(made, holder())
    assert logins == []


def twice(shelf: Shelf) -> None:
    shelf.add_key("vault", "wrapping")


def two_tokens(shelf: Shelf) -> None:
    shelf.add_token("vault")


def other_keys(shelf: Shelf) -> None:
    from pkcs11 import KeyType

    shelf.add_key("vault", "short", bits=128)
    shelf.add_key("vault", "plain", SENSITIVE=False, EXTRACTABLE=True)
    shelf.add_key("vault", "shut", DECRYPT=False)
    shelf.add_key("vault", "mute", ENCRYPT=False)
    shelf.import_key("vault", "generic", bytes(32), KEY_TYPE=KeyType.GENERIC_SECRET)


@pytest.mark.parametrize(
    ("prepare", "change", "says"),
    [
        (None, {"module": "/nowhere/libpkcs11.so"}, "no PKCS#11 module at /nowhere"),
        (None, {"module": "libsofthsm2.so"}, "full path"),
        (None, {"module": str(Path(__file__))}, "does not load or start"),
        (None, {"token": "elsewhere"}, "shows no token labelled 'elsewhere'"),
        (two_tokens, {}, "2 tokens labelled 'vault'"),
        (None, {"key": "lost"}, "no secret key labelled 'lost'"),
        (twice, {}, "2 secret keys labelled 'wrapping'"),
        (other_keys, {"key": "generic"}, "is no AES key"),
        (other_keys, {"key": "short"}, "has 128 bits; give one of 256"),
        (other_keys, {"key": "plain"}, "can be read out of the token"),
        (other_keys, {"key": "shut"}, r"may not decrypt \(CKA_DECRYPT\)"),
        (other_keys, {"key": "mute"}, r"may not encrypt \(CKA_ENCRYPT\)"),
    ],
)
def test_what_cannot_hold_the_key_is_told_in_one_line_and_changes_nothing(
    made: Path, shelf: Shelf, prepare: Callable[[Shelf], None] | None, change: dict[str, str], says: str
) -> None:
    if prepare:
        prepare(shelf)
    before = read_keys(made)
    named = {"module": MODULE, "token": "vault", "key": "wrapping", "pin_variable": VARIABLE, **change}
    with pytest.raises(BadKeys, match=says) as wrong:
        rotate_keys(made, Pkcs11Holder(**named))
    assert "\n" not in str(wrong.value)
    assert PIN not in str(wrong.value)
    assert held_by(made) == {"holder": "file"}
    assert read_keys(made) == before


def test_a_key_that_lost_its_right_to_decrypt_is_told(made: Path, shelf: Shelf) -> None:
    shelf.import_key("vault", "known", bytes(range(32)))
    rotate_keys(made, holder(key="known"))
    shelf.remove_key("vault", "known")
    shelf.import_key("vault", "known", bytes(range(32)), DECRYPT=False)
    with pytest.raises(BadKeys, match="may not decrypt"):
        read_keys(made)


def test_a_module_without_its_own_settings_is_told(
    made: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate_keys(made, holder())
    monkeypatch.setenv("SOFTHSM2_CONF", str(made / "none.conf"))
    with pytest.raises(BadKeys, match="does not load or start"):
        read_keys(made)


def test_a_wrapping_that_others_may_write_loads_no_library(made: Path, shelf: Shelf) -> None:
    rotate_keys(made, holder())
    (made / "master.wrapped").chmod(0o620)
    with counted_logins() as logins, pytest.raises(BadKeys, match="chmod 600"):
        read_keys(made)
    assert logins == []


@pytest.mark.parametrize("missing", ["module", "token", "key", "pin_variable"])
def test_a_damaged_wrapping_is_told(made: Path, shelf: Shelf, missing: str) -> None:
    rotate_keys(made, holder())
    rest = {name: value for name, value in kept(made).items() if name != missing}
    (made / "master.wrapped").write_text(json.dumps(rest))
    with pytest.raises(BadKeys, match="damaged"):
        read_keys(made)


def test_threads_that_ask_at_once_all_get_the_key(made: Path, shelf: Shelf) -> None:
    before = read_keys(made)
    rotate_keys(made, holder())
    with ThreadPoolExecutor(4) as pool:
        assert all(one == before for one in pool.map(lambda _: read_keys(made), range(16)))


def test_a_pin_where_the_name_of_a_variable_belongs_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[pkcs11]\npin_variable = "4711-secret"\n')
    with pytest.raises(BadSettings, match=r"pkcs11\.pin_variable") as wrong:
        read_settings(tmp_path)
    assert "4711" not in str(wrong.value)


# Writes down every program that the command starts, with its arguments, and whether the library was loaded.
WATCHED = """
import json, sys
started = [sys.orig_argv]
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn"):
        started.append([repr(one) for one in arguments[:2]])
sys.addaudithook(watch)
from config.cli import main
try:
    main(sys.argv[2:])
finally:
    open(sys.argv[1], "w").write(json.dumps({"started": started, "loaded": "pkcs11" in sys.modules}))
"""


def run(home: Path, *arguments: str, **variables: str) -> tuple[int, str, dict[str, Any]]:
    watched = home.parent / "watched.json"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(watched), "--home", str(home), *arguments],
        cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, json.loads(watched.read_text())


@pytest.mark.slow
def test_the_commands_rotate_into_the_token_and_back_and_tell_no_pin(tmp_path: Path, shelf: Shelf) -> None:
    home = tmp_path / "home"
    said, seen = [], []

    def step(code: int, *arguments: str, **variables: str) -> str:
        got, text, watched = run(home, *arguments, **variables)
        assert got == code, text
        said.append(text)
        seen.append(watched)
        return text

    step(0, "init")
    assert "under [pkcs11] in settings.toml" in step(2, "keys", "rotate", "--to", "pkcs11")
    settings = home / "settings.toml"
    settings.write_text(
        settings.read_text().partition("[pkcs11]")[0]
        + f'[pkcs11]\nmodule = "{MODULE}"\ntoken = "vault"\nkey = "wrapping"\n'
    )
    step(0, "keys", "show")
    assert not any(one["loaded"] for one in seen), "the library is loaded where no token is in use"
    assert "held by: pkcs11" in step(0, "keys", "rotate", "--to", "pkcs11", "--by", "ines")
    assert "(key 'wrapping' of token 'vault')" in step(0, "keys", "show")
    assert seen[-1]["loaded"]
    assert json.loads(step(0, "keys", "show", "--json"))["token"] == "vault"
    # A wrong PIN in one process: the next does not try, though the PIN is right by then, until a person asks.
    assert "refused the PIN" in step(2, "audit", "verify", **{VARIABLE: "9999-wrong"})
    assert "none was tried" in step(2, "audit", "verify")
    step(0, "keys", "show")
    step(0, "audit", "verify")
    step(0, "keys", "rotate", "--to", "file", "--by", "ines")
    step(0, "audit", "verify", **{VARIABLE: ""})
    logged = (home / "audit.jsonl").read_text()
    assert '"pkcs11"' in logged
    for text in (*said, logged, json.dumps(seen)):
        assert PIN not in text
        assert "9999-wrong" not in text
    for file in home.rglob("*"):
        if file.is_file():
            assert PIN.encode() not in file.read_bytes(), file
