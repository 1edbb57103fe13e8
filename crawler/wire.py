"""What came over the wire, in words and unpacked: why a request failed, and the content of a compressed answer."""

from __future__ import annotations

import gzip
import io
import zlib

import zstandard

_NO_CODING = ("", "identity", "none", "binary", "utf-8", "aws-chunked")
"""What stands in Content-Encoding and packs nothing; a charset is put there by mistake."""


def decoded(body: bytes, headers: dict[str, str], most: int) -> bytes:
    """The content of an answer that came compressed although it was asked not to.

    Raises:
        ValueError, OSError, zlib.error, zstandard.ZstdError: it cannot be unpacked, or is larger than `most` then.
    """
    codings = [one.strip().lower() for one in headers.get("content-encoding", "").split(",")]
    for coding in reversed(codings):  # the last was put on last
        if coding not in _NO_CODING and body:
            body = _unpacked(body, coding, most)
    return body


def _unpacked(body: bytes, coding: str, most: int) -> bytes:
    if coding == "deflate":
        # Some servers leave out the two bytes of zlib's head.
        has_head = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
        inflate = zlib.decompressobj(zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)
        out = inflate.decompress(body, most + 1)
        if len(out) <= most and not inflate.eof:
            raise ValueError("cut off")
    elif coding in ("gzip", "x-gzip"):
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as members:
            out = members.read(most + 1)  # refuses what was cut off
    elif coding == "zstd":
        out = _from_zstd(body, most)
    else:
        raise ValueError(f"content-encoding {coding}")
    if len(out) > most:
        raise ValueError("too large when unpacked")
    return out


def _from_zstd(body: bytes, most: int) -> bytes:
    out = bytearray()
    while body and len(out) <= most:
        frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        # Asked for in pieces, so that a bomb is noticed before it has gone off.
        for start in range(0, len(body), 1 << 10):
            out += frame.decompress(body[start : start + (1 << 10)])
            if frame.eof or len(out) > most:
                break
        if len(out) <= most and not frame.eof:
            raise ValueError("cut off")
        body = frame.unused_data + body[start + (1 << 10) :]
    return bytes(out)


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
