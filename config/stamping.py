"""`release stamp`: asks a time-stamping authority (RFC 3161) for a stamp of a release's commitment.

Only the digest of the signed manifest is sent, only where `[marks] stamp_address` is set, and only when a named person
runs the command. The answer is verified before it is kept.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.errors import BadSettings
from config.settings import Settings

SECONDS = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadManifest(BadSettings):
    """A commitment that was altered beyond reading."""


def read_manifest(settings: Settings, cohort: str, release: str) -> tuple[Path, dict[str, Any]]:
    """The cohort's folder and the signed manifest of one release.

    Raises:
        BadSettings: the release has none.
        BadManifest: it is not as it was written.
    """
    from matcher.library import cohort_folder
    from matcher.watermarks.roster import manifest_file

    folder = cohort_folder(settings.indexes_folder, cohort)
    path = manifest_file(folder, release)
    if not path.is_file():
        raise BadSettings(f"{cohort}/{release} has no commitment; only `release mark` makes one")
    try:
        signed: Any = json.loads(path.read_text(encoding="ascii"))
    except (ValueError, RecursionError):
        signed = None
    if not isinstance(signed, dict) or not isinstance(signed.get("manifest"), dict):
        raise BadManifest(
            f"the commitment of {cohort}/{release} is not as it was written; put back a copy of it"
        )
    return folder, signed


def is_signed(signed: dict[str, Any]) -> bool:
    """Whether a manifest is signed by the key that it names."""
    from matcher.watermarks.verify_commitment import manifest_holds

    try:
        return manifest_holds(signed)
    except (KeyError, TypeError, ValueError):  # key or signature are none
        return False


def stamp_release(settings: Settings, cohort: str, release: str, authority: Path) -> datetime:
    """Asks for the stamp, verifies it under the authority's certificate and keeps it beside the manifest.

    Raises:
        BadSettings: no address is set, it is not safe to use, or the authority does not answer.
        BadStamp: the answer is no stamp of this manifest.
    """
    from matcher.watermarks.stamp import stamp_file, stamp_request, stamped_at

    address = settings.marks.stamp_address
    if not address:
        raise BadSettings("no time-stamping authority is set; set [marks] stamp_address in settings.toml")
    roots = _read(authority)
    folder, signed = read_manifest(settings, cohort, release)
    place = stamp_file(folder, release)
    if place.exists():
        raise BadSettings(f"{cohort}/{release} has a stamp already, and the earliest one counts; keep it")
    request, nonce = stamp_request(signed)
    answer = _ask(address, request)
    moment = stamped_at(signed, answer, roots, nonce)
    unfinished = place.with_name(f".{place.name}.unfinished")
    unfinished.write_bytes(answer)
    unfinished.replace(place)
    return moment


def verified_stamp(settings: Settings, cohort: str, release: str, authority: Path) -> datetime:
    """When the kept stamp of a release was given.

    Raises:
        BadSettings: there is no stamp.
        BadStamp: it is not of this manifest, or not of that authority.
    """
    from matcher.watermarks.stamp import stamp_file, stamped_at

    folder, signed = read_manifest(settings, cohort, release)
    place = stamp_file(folder, release)
    if not place.is_file():
        raise BadSettings(f"{cohort}/{release} has no time stamp; `cohortwatch release stamp` asks for one")
    return stamped_at(signed, place.read_bytes(), _read(authority))


def _read(authority: Path) -> bytes:
    if not authority.is_file():
        raise BadSettings(f"{authority} is no file; give the authority's root certificates as PEM")
    return authority.read_bytes()


def _ask(address: str, request: bytes) -> bytes:
    import httpx

    from matcher.watermarks.stamp import ANSWER_TYPE, MOST_BYTES, REQUEST_TYPE

    if urlsplit(address).scheme not in ("http", "https"):
        raise BadSettings("[marks] stamp_address must start with http:// or https://; mend settings.toml")
    local = urlsplit(address).hostname in LOOPBACK
    try:
        with (
            httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=not local) as client,
            client.stream("POST", address, content=request, headers={"Content-Type": REQUEST_TYPE}) as answer,
        ):
            kind = answer.headers.get("content-type", "").partition(";")[0].strip()
            if answer.status_code != 200 or kind != ANSWER_TYPE:
                raise BadSettings(
                    f"the time-stamping authority answered {answer.status_code} and no stamp; check stamp_address"
                )
            out = bytearray()
            for piece in answer.iter_bytes():
                out += piece
                if len(out) > MOST_BYTES:
                    raise BadSettings("the authority's answer is too long for a stamp; check stamp_address")
    except httpx.HTTPError as wrong:
        raise BadSettings(
            f"the time-stamping authority cannot be reached ({type(wrong).__name__}); try again later"
        ) from None
    return bytes(out)
