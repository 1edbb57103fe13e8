"""Keys of 32 bytes as 64 hex digits, in files that only their owner can read."""

from __future__ import annotations

import stat
from pathlib import Path


def read_key_file(path: Path) -> bytes:
    """The key in a file.

    Raises:
        ValueError: others can read it, or it holds no key; the message says how to mend it.
    """
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ValueError(f"{path} can be read by others; run `chmod 600 {path}`")
    return key_of(path.read_text(encoding="ascii", errors="replace"), str(path))


def key_of(text: str, where: str) -> bytes:
    """The key that stands `where`.

    Raises:
        ValueError: it is none.
    """
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ValueError(f"{where} must hold 64 hex digits; put the right key there")
    return key
