"""What came over the wire, in words and unpacked: why a request failed, and the content of a compressed answer."""

from __future__ import annotations

import gzip
import io
import zlib


def decoded(body: bytes, headers: dict[str, str], most: int) -> bytes:
    """The content of an answer that came compressed although it was asked not to."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"content-encoding {coding}")
    if coding == "deflate":
        inflate = zlib.decompressobj()
        out = inflate.decompress(body, most + 1)
        is_whole = inflate.eof
    else:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as members:
            out = members.read(most + 1)  # refuses what was cut off
        is_whole = True
    if len(out) > most:
        raise ValueError("too large when unpacked")
    if not is_whole:
        raise ValueError("cut off")
    return out


def in_words(wrong: BaseException) -> str:
    kind, said = type(wrong).__name__, str(wrong)
    if "CONNECT tunnel" in said:
        for reason in ("private address", "name not found", "timed out", "connection refused"):
            if reason in said:
                return reason
        return "unreachable"
    known = {
        "DownloadCancelledError": "too large",
        "CancelledError": "too large",
        "DownloadTimeoutError": "timed out",
        "TimeoutError": "timed out",
        "TCPTimedOutError": "timed out",
        "ResponseDataLossError": "cut off",
        "ResponseFailed": "cut off",
        "ResponseNeverReceived": "cut off",
        "DownloadFailedError": "cut off",
        "ConnectionLost": "cut off",
        "NotSupported": "no handler for it",
    }
    return known.get(kind, kind)
