"""`cohortwatch keys show` and `keys rotate`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from config.cli.session import ByOption, JsonOption, actor, opened, print_json

if TYPE_CHECKING:
    from config.custody import Holder
    from config.settings import Pkcs11

app = typer.Typer(help="The master key: who holds it.", no_args_is_help=True)


class HolderName(StrEnum):
    FILE = "file"
    ENVIRONMENT = "environment"
    KMS = "aws-kms"
    PKCS11 = "pkcs11"


@app.command()
def show(json: JsonOption = False) -> None:
    """Say who holds the master key, and that it opens.

    A token's PIN is tried once here even where the token was given a wrong one before, which no other command does.
    """
    from config.custody import held_by
    from config.keys import read_keys

    folder = opened().settings.keys_folder
    read_keys(folder, insists=True)
    held = held_by(folder)
    if json:
        print_json(held)
    else:
        print(
            f"The master key is held by: {held['holder']}"
            + (f" ({held['key_id']})" if "key_id" in held else "")
            + (f" (key {held['key']!r} of token {held['token']!r})" if "token" in held else "")
        )


@app.command()
def rotate(
    to: Annotated[HolderName, typer.Option("--to", help="Who holds the master key from now on.")],
    key_id: Annotated[
        str | None, typer.Option("--key-id", help="AWS KMS: the key's ARN, id or alias.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="AWS KMS: the region; default that of the account.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="AWS KMS: another address, such as a VPC endpoint.")
    ] = None,
    by: ByOption = None,
) -> None:
    """Wrap the master key anew, under another key or by another holder; old releases stay detectable.

    For `environment`, the new wrapping key is read from COHORTWATCH_NEW_WRAPPING_KEY where that is set, else from
    COHORTWATCH_WRAPPING_KEY. For `pkcs11`, token and key are those under [pkcs11] in settings.toml.
    """
    from config.custody import held_by
    from config.keys import rotate_keys

    workspace = opened()
    folder = workspace.settings.keys_folder
    before = held_by(folder)["holder"]
    log = workspace.log  # opened with the key as it is held now
    log.require_writable()
    rotate_keys(folder, _holder(to, key_id, region, endpoint, workspace.settings.pkcs11))
    log.append(
        actor=actor(by), action="keys.rotate", subject="master", details={"from": before, "to": to.value}
    )
    print(f"The master key is held by: {to.value}; copies of the old file or wrapping must be destroyed too")


def _holder(
    to: HolderName, key_id: str | None, region: str | None, endpoint: str | None, token: Pkcs11
) -> Holder | None:
    import os

    from config.custody import NEW_WRAPPING_VARIABLE, WRAPPING_VARIABLE, KmsHolder, wrapping_key
    from config.errors import BadKeys

    if to is HolderName.FILE:
        return None
    if to is HolderName.ENVIRONMENT:
        return wrapping_key(
            NEW_WRAPPING_VARIABLE if os.environ.get(NEW_WRAPPING_VARIABLE) else WRAPPING_VARIABLE
        )
    if to is HolderName.PKCS11:
        return _in_token(token)
    if not key_id:
        raise BadKeys("AWS KMS needs the key that is to wrap; give --key-id")
    return KmsHolder(key_id, region, endpoint)


def _in_token(named: Pkcs11) -> Holder:
    from config.custody_pkcs11 import Pkcs11Holder
    from config.errors import BadKeys

    if not (named.module and named.token and named.key):
        raise BadKeys("PKCS#11 needs module, token and key; set them under [pkcs11] in settings.toml")
    return Pkcs11Holder(named.module, named.token, named.key, named.pin_variable, insists=True)
