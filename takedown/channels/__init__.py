"""How notices leave: one file a channel, each with `deliver(notice, route) -> Outcome`; found by walking."""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class MailRoute:
    """How mail leaves; the password never stands in a log."""

    host: str
    port: int
    starttls: bool
    from_address: str
    user: str | None = None
    password: str | None = None
    certificate_authority: str | None = None

    def __repr__(self) -> str:
        return f"MailRoute({self.host}:{self.port})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery. `unknown` is "it may have gone out": never tried again by itself."""

    state: Literal["sent", "failed", "unknown"]
    answer: str
    message_id: str | None = None


@cache
def channels() -> dict[str, Any]:
    """Every channel by its name."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name: importlib.import_module(f"{__name__}.{name}") for name in sorted(names)}
