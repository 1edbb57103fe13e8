"""Settings: read once, refused with a line that says what to mend."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from config.errors import BadSettings
from config.settings import Settings, read_settings, secret_from
from config.workspace import EXAMPLE


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
