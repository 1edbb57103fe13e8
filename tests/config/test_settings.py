"""Settings: read once, refused with a line that says what to mend."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from config.cli.session import actor
from config.errors import BadSettings
from config.parties import sender_of
from config.settings import SenderSettings, Settings, read_settings, secret_from
from config.workspace import EXAMPLE, Workspace


def test_the_example_holds_every_default(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(EXAMPLE.read_bytes())
    assert read_settings(tmp_path) == Settings(home=tmp_path)


def test_the_example_names_every_section_and_setting() -> None:
    text = EXAMPLE.read_text()
    for name, field in Settings.model_fields.items():
        if name == "home":
            continue
        assert name in text
        inner = getattr(field.annotation, "model_fields", {})
        for setting in inner:
            assert f"{setting} =" in text or f"[{name}.{setting}]" in text, f"{name}.{setting}"
    assert tomllib.loads(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[crawl\n", "not valid TOML"),
        ("[crawl]\nspeed = 9\n", "crawl.speed"),
        ('[[sources]]\nname = "x"\nplatform = "github"\naddress = "ftp://x"\n', "http"),
        ("[console]\nport = 99999\n", "console.port"),
        ('[[sources]]\nname="a"\nplatform="g"\naddress="http://x"\n' * 2, "two sources"),
        ("a = " + "[" * 100_000, "not valid TOML"),
        ("a = " + "9" * 10_000, "not valid TOML"),
        ('home = "/etc"', "home"),
        ("[limits]\nfile_bytes = -1", "limits.file_bytes"),
        ("[limits]\nseconds = nan", "limits.seconds"),
        ("[limits]\nmemory_bytes = 99999999999999999999", "limits.memory_bytes"),
        ("[mail]\nport = -5", "mail.port"),
        ("[schedule]\npatrol_minutes = 99999999999999", "schedule.patrol_minutes"),
        ('[gate]\ncontents = ["bogus"]', "gate.contents"),
        ('[operator]\nname = "A\\nX-Header: b"', "operator.name"),
        ('[recipients.institutions]\nA = "a@b.org\\nBcc: c@d.org"', "recipients.institutions"),
        ('[[sources]]\nname="a"\nplatform="g"\naddress="http://["', "sources.0.address"),
        ('[[sources]]\nname="a"\nplatform="g"\naddress="http://x:99999/"', "sources.0.address"),
        ('[[sources]]\nname="a"\nplatform="g"\naddress="https://"', "sources.0.address"),
        ('[[sources]]\nname="a"\nplatform="g"\naddress="http://x"\nrequests_per_minute=inf', "requests_per"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(BadSettings, match=says):
        read_settings(tmp_path)


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    assert secret_from(None, "a token") is None
    with pytest.raises(BadSettings, match="SOME_TOKEN"):
        secret_from("SOME_TOKEN", "the token of source github")


def test_a_file_as_windows_editors_save_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xef\xbb\xbf" + EXAMPLE.read_bytes())
    assert read_settings(tmp_path) == Settings(home=tmp_path)


def test_the_gate_knows_the_kinds_of_content_that_there_are() -> None:
    from config import settings
    from matcher import content

    assert settings.Content == content.Content


@pytest.mark.parametrize("signatory", ["", "  ", "CHANGE ME please"])
def test_nothing_is_signed_by_nobody(tmp_path: Path, signatory: str) -> None:
    names = [name for name in SenderSettings.model_fields if not name.endswith("_zh")]
    whole = Settings(home=tmp_path, sender=SenderSettings(**dict.fromkeys(names, "x")))
    assert sender_of(Workspace(whole)) is not None
    lacking = whole.sender.model_copy(update={"signatory": signatory})
    assert sender_of(Workspace(whole.model_copy(update={"sender": lacking}))) is None


def test_an_account_without_a_name_acts_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.delenv("COHORTWATCH_PERSON", raising=False)
    assert actor(None) == f"account {os.getuid()}"
