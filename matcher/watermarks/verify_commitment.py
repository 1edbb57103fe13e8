#!/usr/bin/env python3
"""Checks a watermark commitment and recomputes a report, with Python's standard library alone.

    python verify_commitment.py MANIFEST [OPENING [REPORT]] [--stamp STAMP]

MANIFEST is what was signed before the release (or, alone, an explanation signed after a find): parameters, digests, and
the Merkle root of the salted keys. OPENING discloses keys of it, leaf by leaf. REPORT lists the units that were read
from a found file (keyed names of cells, no participant's id or value) and the e-value claimed. STAMP is a time-stamping
authority's answer (RFC 3161): that it is of this manifest is checked here, the authority's signature with
`openssl ts -verify -digest D -in STAMP -CAfile PEM`.
Written independently of the detector: it shares no code with it.

Exit code 0: everything holds; 1: something does not; 2: wrong use.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from typing import Any

MASK = 2**64 - 1

# Ed25519 (RFC 8032, section 5.1), verification only

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
Point = tuple[int, int, int, int]


def _point(data: bytes) -> Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _ROOT % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(number: int, p: Point) -> Point:
    out: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            out = _add(out, p)
        p = _add(p, p)
        number >>= 1
    return out


def signature_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Ed25519 verification."""
    base = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))
    key, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or base is None or len(signature) != 64 or s >= _L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    left, right = _times(s, base), _add(r, _times(h, key))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % _P == 0


# The commitment


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def leaf(name: str, key: bytes, salt: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + name.encode() + b"|" + key + salt).digest()


def root_of(start: bytes, path: list[tuple[str, bytes]]) -> bytes:
    """The root that a leaf and its path lead to."""
    for side, other in path:
        pair = other + start if side == "left" else start + other
        start = hashlib.sha256(b"\x01" + pair).digest()
    return start


def manifest_holds(signed: dict[str, Any]) -> bool:
    return signature_holds(
        bytes.fromhex(signed["public_key"]),
        canonical(signed["manifest"] if "manifest" in signed else signed["explanation"]),
        bytes.fromhex(signed["signature"]),
    )


def opening_holds(signed: dict[str, Any], opening: dict[str, Any]) -> bool:
    start = leaf(opening["name"], bytes.fromhex(opening["key"]), bytes.fromhex(opening["salt"]))
    path = [(side, bytes.fromhex(other)) for side, other in opening["path"]]
    return bool(root_of(start, path).hex() == signed["manifest"]["keys_root"])


# The time stamp (RFC 3161): DER, as far as it is needed


def _der(data: bytes) -> list[tuple[int, bytes]]:
    """The elements, one after another, with their tags."""
    out = []
    while data:
        tag, size, at = data[0], data[1], 2
        if size & 0x80:
            at = 2 + (size & 0x7F)
            size = int.from_bytes(data[2:at], "big")
        if len(data) < at + size:
            raise ValueError("cut off")
        out.append((tag, data[at : at + size]))
        data = data[at + size :]
    return out


def stamp_of(answer: bytes) -> tuple[bytes, str]:
    """The SHA-256 digest that a time stamp is of, and when it was given (UTC)."""
    _, token = _der(_der(answer)[0][1])
    signed = _der(_der(_der(token[1])[1][1])[0][1])
    inside = _der(_der(_der(signed[2][1])[1][1])[0][1])[0][1]
    information = _der(inside)
    algorithm, digest = _der(information[2][1])
    if _der(algorithm[1])[0][1] != bytes.fromhex("608648016503040201"):
        raise ValueError("not SHA-256")
    return digest[1], information[4][1].decode("ascii")


# The e-value


def siphash24(key: bytes, data: bytes) -> int:
    """SipHash-2-4, as published by Aumasson and Bernstein."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:16], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def turn(x: int, b: int) -> int:
        return ((x << b) | (x >> (64 - b))) & MASK

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[2] = (v[2] + v[3]) & MASK
            v[1] = turn(v[1], 13) ^ v[0]
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[1]) & MASK
            v[0] = (v[0] + v[3]) & MASK
            v[1] = turn(v[1], 17) ^ v[2]
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = turn(v[2], 32)

    padded = data + b"\x00" * (7 - len(data) % 8) + bytes([len(data) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 255
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _shown(rule: str, k: int, c: int) -> float:
    if rule == "interleave":
        return k / c
    if rule == "majority":
        return 0.5 if 2 * k == c else float(2 * k > c)
    if rule == "minority":
        return 0.0 if k == 0 else 1.0 if k == c else 0.5 if 2 * k == c else float(2 * k < c)
    return float(k == c) if rule == "all0" else float(k > 0)


def _hypotheses(noise: float | None) -> list[tuple[float, int, str, float]]:
    """(weight, coalition, strategy, error) as the manifest's analysis fixes them."""
    grid = (0.001, 0.005, 0.02, 0.06, 0.15, 0.3)
    if noise is None:
        errors = [(one, 1 / 6) for one in grid]
    else:
        near = min(max(noise, 0.0005), 0.45)
        errors = [(near, 0.7), (min(0.45, near * 2.5), 0.1), (max(0.0005, near / 2.5), 0.05)]
        errors += [(one, 0.15 / 6) for one in grid]
    out = []
    for c, weight in ((1, 0.5), (2, 0.2), (3, 0.1), (4, 0.1), (5, 0.1)):
        rules = ["interleave", "all0", "all1", "majority", "minority"][: 1 if c == 1 else 3 if c == 2 else 5]
        out += [(weight / len(rules) * share, c, rule, error) for rule in rules for error, share in errors]
    return out


def _chances(p: float, c: int, rule: str, error: float) -> list[float]:
    """The chance that a cell shows the mark, for a bit of 0 and of 1."""
    out = []
    for mine in (0, 1):
        z = sum(
            math.comb(c - 1, k) * p**k * (1 - p) ** (c - 1 - k) * _shown(rule, k + mine, c) for k in range(c)
        )
        out.append(z * (1 - error) + (1 - z) * 0.6 * error)
    return out


def _binomial(total: int, p: float) -> tuple[list[float], float]:
    """Chances of 0, 1, … ones until they are negligible, and a bound on the rest."""
    out: list[float] = []
    for k in range(total + 1):
        ways = math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        chance = math.exp(ways + k * math.log(p) + (total - k) * math.log1p(-p))
        if k and chance < 1e-24 and (total - k + 1) * p / (k * (1 - p)) < 0.5:
            return out, 2 * chance
        out.append(chance)
    return out, 0.0


def _steps(
    counts: dict[tuple[int, int, int], int],
    p: list[float],
    weights: dict[tuple[int, int], int],
    levels: list[float],
) -> list[tuple[float, float | None]]:
    """Analysis 2: (share, log10 of what the recipient gets there or None) of every step that the find can reach."""
    totals = {cell: counts.get((*cell, 0), 0) + counts.get((*cell, 1), 0) for cell in weights}
    if not levels or sum(totals.values()) > 20_000:
        return []
    chances, beyond, mine = {0: 1.0}, 0.0, 0
    for cell, weight in weights.items():
        if not weight or not totals[cell]:
            continue
        mine += weight * counts.get((*cell, 1), 0)
        ones, cut = _binomial(totals[cell], p[cell[0]])
        beyond += cut
        spread: dict[int, float] = {}
        for value, chance in chances.items():
            for k, more in enumerate(ones):
                at = value + k * weight
                spread[at] = spread.get(at, 0.0) + chance * more
        chances = spread
    out: list[tuple[float, float | None]] = []
    for share, level in zip((0.55, 0.10), levels, strict=True):
        tail, lowest = beyond, None
        for value in sorted(chances, reverse=True):
            if tail + chances[value] > share * 10**-level:
                break
            tail += chances[value]
            lowest = value if chances[value] > 0 else lowest
        if lowest is not None:
            out.append((share, -math.log10(tail) if mine >= lowest else None))
    return out


def log10_e(
    counts: dict[tuple[int, int, int], int],
    p: list[float],
    noise: float | None,
    seen: list[int],
    levels: list[float],
) -> float:
    """The mixture e-value; `counts[(layer, found, bit)]`, `seen[2 layer + found]` before any unit was left out."""
    rows, ratios = [], []
    for weight, c, rule, error in _hypotheses(noise):
        chances = [_chances(one, c, rule, error) for one in p]
        means = [one * q[1] + (1 - one) * q[0] for one, q in zip(p, chances, strict=True)]
        likely = math.log10(weight) + sum(
            seen[2 * k] * math.log10(1 - mean) + seen[2 * k + 1] * math.log10(mean)
            for k, mean in enumerate(means)
        )
        total = 0.0
        for (k, found, bit), count in counts.items():
            q, mean = chances[k], means[k]
            total += count * math.log10(q[bit] / mean if found else (1 - q[bit]) / (1 - mean))
        rows.append((weight, likely, total))
        ratios.append((chances, means))
    best = max(one[1] for one in rows)
    sums = sum(one[0] for one in rows), sum(10 ** (one[1] - best) for one in rows)
    terms = [
        math.log10(0.3 * weight / sums[0] + 0.7 * 10 ** (likely - best) / sums[1]) + total
        for weight, likely, total in rows
    ]
    at = max(range(len(rows)), key=lambda i: rows[i][1])
    weights = {}
    for k, (q, mean) in enumerate(zip(*ratios[at], strict=True)):
        for found in (0, 1):
            r = [(one / mean if found else (1 - one) / (1 - mean)) for one in q]
            weights[(k, found)] = round((math.log10(r[1]) - math.log10(r[0])) * 16)
    steps = _steps(counts, p, weights, levels)
    kept = math.log10(1 - sum(share for share, _ in steps))
    terms = [one + kept for one in terms]
    terms += [math.log10(share) + height for share, height in steps if height is not None]
    top = max(terms)
    return top + math.log10(sum(10 ** (one - top) for one in terms))


def recomputed(report: dict[str, Any], key: bytes) -> float:
    """The e-value of a report's units under an opened key."""
    thresholds = [int(one) for one in report["thresholds"]]
    counts: dict[tuple[int, int, int], int] = {}
    for first, second, layer, found in report["units"]:
        data = int(first).to_bytes(8, "little") + int(second).to_bytes(8, "little")
        bit = int(siphash24(key, data) < thresholds[layer])
        counts[(layer, found, bit)] = counts.get((layer, found, bit), 0) + 1
    return log10_e(
        counts,
        [one / 2.0**64 for one in thresholds],
        report["errors"],
        report["seen"],
        report.get("levels", []),
    )


def analysis_holds(signed: dict[str, Any], report: dict[str, Any]) -> bool:
    """Whether a report uses steps only where the manifest committed to them."""
    return not report.get("levels") or signed["manifest"]["analysis"]["version"] >= 2


def _stamp_check(name: str, signed: dict[str, Any]) -> tuple[str, bool]:
    with open(name, "rb") as file:  # noqa: PTH123
        answer = file.read(1 << 16)
    mine = hashlib.sha256(canonical(signed)).digest()
    try:
        digest, moment = stamp_of(answer)
    except (ValueError, IndexError):
        return "the time stamp can be read", False
    return f"the time stamp of {moment} is of this manifest (digest {mine.hex()})", digest == mine


def main(arguments: list[str]) -> int:
    stamp: list[str] = []
    if "--stamp" in arguments:
        at = arguments.index("--stamp")
        stamp, arguments = arguments[at + 1 : at + 2], arguments[:at] + arguments[at + 2 :]
    if not 1 <= len(arguments) <= 3:
        print(__doc__, file=sys.stderr)  # noqa: T201
        return 2
    given = []
    for name in arguments:
        with open(name, encoding="utf-8") as file:  # noqa: PTH123
            given.append(json.load(file))
    checks = [("the manifest is signed by its key", manifest_holds(given[0]))]
    if len(given) > 1:
        checks.append(("the opened key is the one committed to", opening_holds(given[0], given[1])))
    if len(given) > 2:
        value = recomputed(given[2], bytes.fromhex(given[1]["key"]))
        right = abs(value - given[2]["log10_e"]) < 1e-6 * max(1.0, abs(value))
        checks.append((f"the e-value is 10^{value:.4f}, as reported", right))
        checks.append(("its analysis is the one committed to", analysis_holds(given[0], given[2])))
    checks += [_stamp_check(name, given[0]) for name in stamp]
    for what, holds in checks:
        print(("holds: " if holds else "DOES NOT HOLD: ") + what)  # noqa: T201
    return 0 if all(holds for _, holds in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
