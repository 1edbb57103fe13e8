"""Tells a file by its content: which container opens it, which format reads it. A name is only a hint.

Containers and formats are the modules of `containers/` and `formats/` that have `FORMAT` and `sniff`; none is
listed anywhere else.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

HEAD_BYTES = 64 << 10
"""What a recogniser may look at."""


@cache
def modules(folder: str) -> tuple[Any, ...]:
    """The extensions of `containers` or `formats`."""
    package = importlib.import_module(f"matcher.{folder}")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    found = [importlib.import_module(f"matcher.{folder}.{name}") for name in names]
    return tuple(module for module in found if hasattr(module, "sniff") and hasattr(module, "FORMAT"))


def container_of(name: str, head: bytes) -> Any | None:
    return next((one for one in modules("containers") if one.sniff(name, head)), None)


def format_of(name: str, head: bytes) -> Any | None:
    """The reader that is surest of the file; 0 is "not mine"."""
    ranked = [(int(one.sniff(name, head)), one) for one in modules("formats")]
    best = max(ranked, key=lambda one: one[0], default=(0, None))
    return best[1] if best[0] > 0 else None
