"""How far pictures move under what relists do, and how near strangers come: `python tests/bench/pictures.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parents[2]))

from matcher.pictures import ALIKE, SIDE, appearance, bits_apart
from tests.matcher import pictures_drawn as drawn

KINDS: dict[str, Callable[[int], Image.Image]] = {
    "scene": drawn.scene,
    "advertisement": drawn.advertisement,
    "card": lambda seed: drawn.card(seed, template=seed),
    "cards of one template": drawn.card,
}
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG 90": lambda one: drawn.jpeg(one, 90),
    "JPEG 30": lambda one: drawn.jpeg(one, 30),
    "scaled by 0.5": lambda one: drawn.scaled(one, 0.5),
    "scaled by 2": lambda one: drawn.scaled(one, 2),
    "scaled by 0.5, JPEG 30": lambda one: drawn.jpeg(drawn.scaled(one, 0.5), 30),
    "logo, 10 % × 10 %": lambda one: drawn.with_logo(one, 0.10),
    "logo, 15 % × 15 %": lambda one: drawn.with_logo(one, 0.15),
    "logo, 25 % × 25 %": lambda one: drawn.with_logo(one, 0.25),
    "cropped by 10 %": lambda one: drawn.cropped(one, 0.10),
    "frame of 5 %": lambda one: drawn.framed(one, 0.05),
    "dark mode": ImageOps.invert,
}


def main(arguments: Sequence[str] | None = None) -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--changed", type=int, default=100, help="pictures of a kind that are changed")
    asked.add_argument("--strangers", type=int, default=1000, help="pictures of a kind that are compared")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args(arguments)
    kinds = [name for name in KINDS if name != "cards of one template"]
    print(f"share found at most {ALIKE} of 64 bits apart (median bits), {given.changed} pictures of a kind")
    print(f"| change | {' | '.join(kinds)} |")
    found = [_found(KINDS[kind], given) for kind in kinds]
    for change in CHANGES:
        print(f"| {change} | {' | '.join(one[change] for one in found)} |")
    _strangers(given)


def _found(kind: Callable[[int], Image.Image], given: argparse.Namespace) -> dict[str, str]:
    apart: dict[str, list[int]] = {change: [] for change in CHANGES}
    for seed in range(given.seed, given.seed + given.changed):
        picture = kind(seed)
        ours = _seen(picture)
        for change, made in CHANGES.items():
            apart[change].append(bits_apart(ours, _seen(made(picture))))
    return {
        change: f"{np.mean(np.array(bits) <= ALIKE):.3f} ({np.median(bits):.0f})"
        for change, bits in apart.items()
    }


def _strangers(given: argparse.Namespace) -> None:
    hashes: dict[str, npt.NDArray[np.uint64]] = {}
    for kind, made in KINDS.items():
        seeds = range(given.seed + 1_000_000, given.seed + 1_000_000 + given.strangers)
        hashes[kind] = np.array([_seen(made(seed)) for seed in seeds], dtype=np.uint64)
    print(f"pairs of strangers, {given.strangers} pictures of a kind: at most 4, 6, 8, 10, 12 bits apart")
    mixed = np.concatenate([hashes[kind] for kind in KINDS if kind != "cards of one template"])
    for kind, values in {**hashes, "all kinds but the last": mixed}.items():
        counts = np.zeros(65, dtype=np.int64)
        for at in range(len(values) - 1):
            counts += np.bincount(np.bitwise_count(values[at + 1 :] ^ values[at]), minlength=65)
        under = np.cumsum(counts)
        told = ", ".join(str(int(under[most])) for most in (4, 6, 8, 10, 12))
        print(f"| {kind} | {int(counts.sum()):,} | {told} | nearest {int(np.argmax(counts > 0))} |")


def _seen(picture: Image.Image) -> int:
    grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    seen = appearance(np.asarray(grey, dtype=np.uint8))
    assert seen is not None
    return seen


if __name__ == "__main__":
    main()
