"""Who holds the master key: a file, the environment, AWS KMS, or a PKCS#11 token, behind `Holder`.

`file` keeps it in `keys/master.key`. The others keep it wrapped in `keys/master.wrapped`: `environment` under
`COHORTWATCH_WRAPPING_KEY` (64 hex digits, AES-256-GCM), `aws-kms` under a key that never leaves AWS, with the workspace
bound as encryption context, `pkcs11` under a key that never leaves its token (see `custody_pkcs11`). Rotation wraps the
same master key anew, so that old releases stay detectable and the quarantine readable; what the old wrapping key opened
is worth nothing once its wrapped copies are gone.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import BadKeys

WRAPPED_FILE = "master.wrapped"
WRAPPING_VARIABLE = "COHORTWATCH_WRAPPING_KEY"
NEW_WRAPPING_VARIABLE = "COHORTWATCH_NEW_WRAPPING_KEY"


class Holder(Protocol):
    """Wraps and unwraps the master key; `workspace` is bound to what is wrapped."""

    def wrap(self, master: bytes, workspace: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, workspace: str) -> bytes: ...

    def described(self) -> dict[str, Any]:
        """What must be known to unwrap again, without any secret."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class EnvironmentHolder:
    """AES-256-GCM under a key from the environment."""

    key: bytes

    def wrap(self, master: bytes, workspace: str) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + AESGCM(self.key).encrypt(nonce, master, workspace.encode())

    def unwrap(self, wrapped: bytes, workspace: str) -> bytes:
        try:
            return AESGCM(self.key).decrypt(wrapped[:12], wrapped[12:], workspace.encode())
        except (InvalidTag, ValueError):
            raise BadKeys(
                f"${WRAPPING_VARIABLE} does not open the wrapped master key; give the key that it was wrapped under"
            ) from None

    def described(self) -> dict[str, Any]:
        return {"holder": "environment"}


@dataclass(frozen=True, slots=True)
class KmsHolder:
    """AWS KMS; credentials come from where AWS's own tools look for them."""

    key_id: str
    region: str | None = None
    endpoint: str | None = None

    def wrap(self, master: bytes, workspace: str) -> bytes:
        answer = self._asked(
            "encrypt", KeyId=self.key_id, Plaintext=master, EncryptionContext=_context(workspace)
        )
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, workspace: str) -> bytes:
        answer = self._asked(
            "decrypt", KeyId=self.key_id, CiphertextBlob=wrapped, EncryptionContext=_context(workspace)
        )
        return bytes(answer["Plaintext"])

    def described(self) -> dict[str, Any]:
        return {
            "holder": "aws-kms",
            "key_id": self.key_id,
            "region": self.region,
            "endpoint": self.endpoint,
        }

    def _asked(self, action: str, **words: Any) -> dict[str, Any]:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        limits = Config(connect_timeout=10, read_timeout=10, retries={"total_max_attempts": 3})
        try:
            client = boto3.client("kms", region_name=self.region, endpoint_url=self.endpoint, config=limits)
            answer: dict[str, Any] = getattr(client, action)(**words)
        except ClientError as wrong:
            code = wrong.response.get("Error", {}).get("Code", "refused")
            raise BadKeys(
                f"AWS KMS refused to {action} ({code}); check the key, the region and this account's rights to it"
            ) from None
        except BotoCoreError as wrong:
            raise BadKeys(
                f"AWS KMS cannot be asked ({type(wrong).__name__}); check network, region and credentials"
            ) from None
        return answer


def _context(workspace: str) -> dict[str, str]:
    return {"application": "cohortwatch", "workspace": workspace}


def wrapping_key(variable: str = WRAPPING_VARIABLE) -> EnvironmentHolder:
    """The holder whose key is in the environment.

    Raises:
        BadKeys: it is not set, or is no key.
    """
    try:
        key = bytes.fromhex(os.environ.get(variable, "").strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BadKeys(f"${variable} must hold 64 hex digits; set it, `openssl rand -hex 32` makes one")
    return EnvironmentHolder(key)


def read_wrapped(folder: Path, *, insists: bool = False) -> bytes | None:
    """The master key that `keys/master.wrapped` holds; None where there is no such file.

    `insists` where a person asks: a PIN is then tried although the token saw a wrong one.

    Raises:
        BadKeys: it is damaged, or its holder does not open it.
    """
    path = folder / WRAPPED_FILE
    if not path.exists():
        return None
    kept = _kept(path)
    try:
        wrapped = base64.b64decode(kept["wrapped"], validate=True)
        workspace = str(kept["workspace"])
        holder = holder_of(kept, insists=insists)
    except (KeyError, ValueError, TypeError):
        raise BadKeys(f"{path} is damaged; restore it from a copy") from None
    if kept["holder"] == "pkcs11" and path.stat().st_mode & 0o022:
        raise BadKeys(f"others may write {path}, which names a library that is loaded; run: chmod 600 {path}")
    master = holder.unwrap(wrapped, workspace)
    if len(master) != 32:
        raise BadKeys(f"{path} holds no master key; restore it from a copy")
    return master


def _kept(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="ascii"))
    except (ValueError, RecursionError):
        kept = None
    if not isinstance(kept, dict):
        raise BadKeys(f"{path} is damaged; restore it from a copy")
    return kept


def holder_of(kept: dict[str, Any], *, insists: bool = False) -> Holder:
    if kept["holder"] == "environment":
        return wrapping_key()
    if kept["holder"] == "aws-kms":
        return KmsHolder(str(kept["key_id"]), kept.get("region"), kept.get("endpoint"))
    if kept["holder"] == "pkcs11":
        from config.custody_pkcs11 import Pkcs11Holder

        module, token, key, variable = (
            str(kept[name]) for name in ("module", "token", "key", "pin_variable")
        )
        return Pkcs11Holder(module, token, key, variable, insists)
    raise ValueError(kept["holder"])


def held_by(folder: Path) -> dict[str, Any]:
    """Who holds the master key of a workspace, without any secret."""
    path = folder / WRAPPED_FILE
    if not path.exists():
        return {"holder": "file"}
    return {name: value for name, value in _kept(path).items() if name not in ("wrapped", "workspace")}


def write_wrapped(folder: Path, master: bytes, holder: Holder, workspace: str) -> None:
    """Wraps the master key and puts it in place, after it was seen to open again.

    Raises:
        BadKeys: the holder does not give back what it was given.
    """
    wrapped = holder.wrap(master, workspace)
    if holder.unwrap(wrapped, workspace) != master:
        raise BadKeys("the holder does not give back the key that it was given; nothing was changed")
    kept = {**holder.described(), "workspace": workspace, "wrapped": base64.b64encode(wrapped).decode()}
    place_secret(folder / WRAPPED_FILE, json.dumps(kept, indent=1) + "\n")


def place_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
