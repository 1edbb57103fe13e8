"""RFC 3161 time stamps of commitments: what is asked for, and whether an answer is a stamp of that manifest.

Nothing is sent here; `config` sends the request where an address is set and a named person asks for it. The answer is
kept beside the manifest. `verify_commitment` reads it without this package, `openssl ts -verify` checks it too.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from matcher.errors import MatcherError
from matcher.watermarks.roster import manifest_file
from matcher.watermarks.verify_commitment import canonical

MOST_BYTES = 64 * 1024
REQUEST_TYPE = "application/timestamp-query"
ANSWER_TYPE = "application/timestamp-reply"


class BadStamp(MatcherError):
    """An answer that is no stamp of this manifest."""


def stamp_file(cohort_folder: Path, release: str) -> Path:
    return manifest_file(cohort_folder, release).with_suffix(".tsr")


def stamp_request(signed: dict[str, Any]) -> tuple[bytes, int]:
    """The request for a stamp of a signed manifest, and its nonce; only a digest stands in it."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder(data=canonical(signed), hash_algorithm=HashAlgorithm.SHA256).build()
    assert request.nonce is not None
    return request.as_bytes(), request.nonce


def stamped_at(signed: dict[str, Any], answer: bytes, authority: bytes, nonce: int | None = None) -> datetime:
    """When an authority (PEM of its roots) stamped this manifest.

    Raises:
        BadStamp: the answer is refused, damaged, of another manifest or request, or of an authority not given.
    """
    from cryptography.x509 import load_pem_x509_certificates
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    try:
        roots = load_pem_x509_certificates(authority)
    except ValueError:
        raise BadStamp(
            "the authority's certificate is no PEM; give the file that the authority publishes"
        ) from None
    if len(answer) > MOST_BYTES:
        raise BadStamp("the answer is too long for a time stamp; ask another authority")
    try:
        told = decode_timestamp_response(answer)
        builder = VerifierBuilder(roots=roots, nonce=nonce)
        if not told.signed_data.certificates:
            raise BadStamp("the stamp holds no certificate of its authority; ask another authority")
        builder.build().verify_message(told, canonical(signed))
        moment: datetime = told.tst_info.gen_time
    except BadStamp:
        raise
    except (VerificationError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BadStamp(f"the answer is no stamp of this manifest by that authority ({reason})") from None
    return moment
