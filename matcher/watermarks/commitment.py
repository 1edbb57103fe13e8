"""The commitment: what is signed before a release leaves the house, and how one key of it is opened later.

The manifest holds parameters, the protected list's digest, digests of source and release, thresholds, the fixed
analysis, and the Merkle root of the salted keys. Its digest goes into the audit log and under a time stamp.
Opening one leaf discloses one key of one recipient and nothing of any other. `verify_commitment` checks
all of it without this package.
"""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from matcher.watermarks.units import derive
from matcher.watermarks.verify_commitment import canonical, leaf

CLASSES = ("genotypes", "digits")
ANALYSIS = {
    "version": 2,
    "statistic": "mixture e-value over 19 coalition hypotheses and the rates of error of matcher.watermarks.odds; of "
    "genotypes, exact-tail steps of matcher.watermarks.steps at both levels besides",
    "accuse": "e >= releases / 1e-6",
    "investigate": "e >= releases / 1e-3",
    "cap_log10": 12,
}


def _leaves(master: bytes, release: str, recipient: str) -> list[tuple[str, bytes, bytes]]:
    """(name, key, salt) of every committed key: the recipient's classes, the release's ids, and K0 by class."""
    named = [(f"recipient/{one}", derive(master, "recipient", recipient, one)[:16]) for one in CLASSES]
    named.append(("ids", derive(master, "release", release, recipient, "ids")[:16]))
    named += [(f"cohort/{one}", derive(master, "cohort", one)[:16]) for one in CLASSES]
    return [(name, key, derive(master, "salt", release, recipient, name)) for name, key in named]


def _tree(leaves: list[bytes]) -> list[list[bytes]]:
    levels = [leaves]
    while len(levels[-1]) > 1:
        level = levels[-1]
        if len(level) % 2:
            level = [*level, hashlib.sha256(b"\x02" + level[-1]).digest()]
            levels[-1] = level
        levels.append(
            [hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level), 2)]
        )
    return levels


def sign_manifest(master: bytes, release: str, recipient: str, content: dict[str, Any]) -> dict[str, Any]:
    """The signed manifest of one release; `content` are its parameters and digests."""
    leaves = [leaf(*one) for one in _leaves(master, release, recipient)]
    manifest = {
        **content,
        "release": release,
        "recipient": recipient,
        "analysis": ANALYSIS,
        "keys_count": len(leaves),
        "keys_root": _tree(leaves)[-1][0].hex(),
    }
    return signed_document(master, "manifest", manifest)


def signed_document(master: bytes, word: str, content: dict[str, Any]) -> dict[str, Any]:
    """A document under the key that signs manifests: `manifest` before a release, `explanation` after a find."""
    key = Ed25519PrivateKey.from_private_bytes(derive(master, "signing"))
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {word: content, "public_key": public.hex(), "signature": key.sign(canonical(content)).hex()}


def manifest_digest(signed: dict[str, Any]) -> str:
    """What is stamped and logged."""
    return hashlib.sha256(canonical(signed)).hexdigest()


def open_leaf(master: bytes, release: str, recipient: str, name: str) -> dict[str, Any]:
    """Discloses one committed key: give it to an expert under a confidentiality order.

    Raises:
        KeyError: there is no such key in the commitment.
    """
    all_leaves = _leaves(master, release, recipient)
    names = [one[0] for one in all_leaves]
    if name not in names:
        raise KeyError(name)
    at = names.index(name)
    _, key, salt = all_leaves[at]
    path = []
    for level in _tree([leaf(*one) for one in all_leaves])[:-1]:
        path.append(["left" if at % 2 else "right", level[at ^ 1].hex()])
        at //= 2
    return {"name": name, "key": key.hex(), "salt": salt.hex(), "path": path}
