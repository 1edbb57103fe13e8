"""The settings: one frozen model, read once by the command line from `settings.toml` and the environment.

Packages never see it; they get plain values (a folder, a rate, a key ring). `example.toml` documents
every setting; a test holds the two together.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from config.errors import BadSettings

PLACEHOLDER = "CHANGE ME"
SETTINGS_FILE = "settings.toml"


def _one_line(value: str) -> str:
    if not all(one.isprintable() for one in value):
        raise ValueError("must be one line without control characters")
    return value


def _address_of_a_server(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    try:
        parts = urlsplit(value)
        is_whole = bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, value))
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("is no address of a server; write https://HOST or https://HOST:PORT")
    return value


Line = Annotated[str, AfterValidator(_one_line)]
"""What goes into a header or an address, where a line break would begin another one."""
Address = Annotated[Line, AfterValidator(_address_of_a_server)]
Port = Annotated[int, Field(ge=1, le=65535)]
Content = Literal["individual-level", "aggregate", "documentation", "identifiers", "code", "text", "unknown"]
"""As in `matcher.content`, which is not loaded for each command."""
Minutes = Annotated[int, Field(gt=0, le=366 * 24 * 60)]
Bytes = Annotated[int, Field(gt=0, lt=2**62)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Operator(_Section):
    """Who runs the crawler, as its User-Agent says to every site."""

    name: Line = PLACEHOLDER
    contact: Line = PLACEHOLDER


class SourceSettings(_Section):
    """One place to look."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")]
    platform: Line
    address: Address
    terms: tuple[str, ...] = ()
    token_variable: str | None = None
    """The environment variable that holds the token; tokens never stand in a file."""
    allow_private: bool = False
    requests_per_minute: Annotated[float, Field(ge=0.001, le=100_000, allow_inf_nan=False)] | None = None
    max_requests: Annotated[int, Field(gt=0)] = 2000
    browser: bool = False
    enabled: bool = True


class Crawl(_Section):
    obey_robots: bool = True
    browser: str | None = None
    """Path of a Chromium; None looks for one."""
    terms: tuple[str, ...] = ()


class SenderSettings(_Section):
    """Who signs the notices and what they claim."""

    organisation: Line = PLACEHOLDER
    signatory: Line = PLACEHOLDER
    email: Line = PLACEHOLDER
    postal_address: str = PLACEHOLDER
    telephone: str = PLACEHOLDER
    authority: str = PLACEHOLDER
    work: str = PLACEHOLDER
    right_claimed: str = PLACEHOLDER
    registration: str = PLACEHOLDER
    contract_clause: str = PLACEHOLDER
    organisation_zh: str = ""
    """What ends in `_zh` goes into letters in Chinese; where it is empty, the other text does."""
    signatory_zh: str = ""
    postal_address_zh: str = ""
    authority_zh: str = ""
    work_zh: str = ""
    right_claimed_zh: str = ""
    registration_zh: str = ""


class Mail(_Section):
    host: Line | None = None
    port: Port = 587
    starttls: bool = True
    user: str | None = None
    password_variable: str | None = None
    from_address: Line | None = None
    certificate_authority: str | None = None
    """A PEM file that the server's certificate must chain to; None takes the system's."""


class ScheduleSettings(_Section):
    patrol_minutes: Minutes = 60
    recheck_minutes: Minutes = 360


class Recipients(_Section):
    """Where notices of each kind go when the platform's own data should be overridden, `platform = "address"`."""

    addresses: dict[str, Line] = {}
    institutions: dict[str, Line] = {}
    """Recipient of a release → e-mail address of its contact."""


class ConsoleSettings(_Section):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470
    secure_cookies: bool = False


class ReadingLimits(_Section):
    """Limits on reading found files; see `matcher.contents.Limits`."""

    file_bytes: Bytes = 2 * 1024**3
    total_bytes: Bytes = 20 * 1024**3
    memory_bytes: Bytes = 1024**3
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] = 120.0
    ocr: bool = False
    """Whether the words of pictures are read, by the system's tesseract."""


class Gate(_Section):
    """What may leave through `examine --gate`; see `matcher.gate.Policy`."""

    contents: tuple[Content, ...] = ("aggregate", "documentation", "code", "text")
    stop_at: Literal["possible", "probable", "confirmed"] = "possible"
    unread_may_leave: bool = False
    empty_may_leave: bool = True


class Marks(_Section):
    """Watermarked releases."""

    stamp_address: str | None = None
    """A time-stamping authority (RFC 3161) for `release stamp`; None asks nobody."""


class Pkcs11(_Section):
    """The key in a PKCS#11 token that `keys rotate --to pkcs11` wraps the master key under."""

    module: str | None = None
    """Path of the vendor's library."""
    token: str | None = None
    """The token's label."""
    key: str | None = None
    """The key's label."""
    pin_variable: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")] = "COHORTWATCH_PKCS11_PIN"
    """The environment variable that holds the PIN; PINs never stand in a file."""


class Settings(_Section):
    """Everything that an operator may set."""

    home: Path
    database_url: str | None = None
    operator: Operator = Operator()
    crawl: Crawl = Crawl()
    sources: tuple[SourceSettings, ...] = ()
    sender: SenderSettings = SenderSettings()
    recipients: Recipients = Recipients()
    dictionaries: dict[str, Path] = {}
    """A data dictionary of each cohort, for the titles of fields in notices; from the workspace where not absolute."""
    mail: Mail = Mail()
    schedule: ScheduleSettings = ScheduleSettings()
    console: ConsoleSettings = ConsoleSettings()
    limits: ReadingLimits = ReadingLimits()
    gate: Gate = Gate()
    marks: Marks = Marks()
    pkcs11: Pkcs11 = Pkcs11()

    @property
    def keys_folder(self) -> Path:
        return self.home / "keys"

    @property
    def quarantine_folder(self) -> Path:
        return self.home / "quarantine"

    @property
    def indexes_folder(self) -> Path:
        return self.home / "indexes"

    @property
    def audit_file(self) -> Path:
        return self.home / "audit.jsonl"

    @property
    def database(self) -> str | Path:
        """The address that is set, else the workspace's own file."""
        return self.database_url or self.home / "cohortwatch.sqlite3"


def find_home(given: Path | None) -> Path:
    """`--home`, else `COHORTWATCH_HOME`, else the platform's user data folder.

    Raises:
        BadSettings: a home is asked for of a user who is not known.
    """
    from_environment = os.environ.get("COHORTWATCH_HOME")
    try:
        if given is not None:
            return given.expanduser().resolve()
        if from_environment:
            return Path(from_environment).expanduser().resolve()
        return Path(platformdirs.user_data_path("cohortwatch")).resolve()
    except RuntimeError:
        raise BadSettings(
            "the folder of the workspace is not known; give a whole path with --home or in $COHORTWATCH_HOME"
        ) from None


def read_settings(home: Path) -> Settings:
    """Settings of the workspace at `home`.

    Raises:
        BadSettings: the file is not TOML, or a setting is unknown or out of range.
    """
    path = home / SETTINGS_FILE
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (
            ValueError,
            RecursionError,
        ) as wrong:  # numbers too long and brackets too deep are told as these
            raise BadSettings(
                f"{path} is not valid TOML ({wrong}); mend it, or compare config/example.toml"
            ) from None
    if "home" in values:
        raise BadSettings(f"{path}: home: no setting; give the workspace with --home or $COHORTWATCH_HOME")
    values["home"] = home
    database = os.environ.get("COHORTWATCH_DATABASE_URL")
    if database:
        values["database_url"] = database
    try:
        settings = Settings.model_validate(values)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BadSettings(f"{path}: {where}: {first['msg']}; compare config/example.toml") from None
    names = [source.name for source in settings.sources]
    for name in names:
        if names.count(name) > 1:
            raise BadSettings(f"{path}: two sources are named {name!r}; rename one")
    return settings


def secret_from(variable: str | None, purpose: str) -> str | None:
    """The secret that an environment variable holds; None where no variable is set for it.

    Raises:
        BadSettings: the variable is named in the settings but not set.
    """
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        raise BadSettings(f"{purpose} is to be read from ${variable}, which is not set; set it and try again")
    return value
