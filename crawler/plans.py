"""What a crawl is told: where to look (`SourcePlan`) and how to behave (`Manners`). Plain values only."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SourcePlan:
    """One place to look, as an operator set it."""

    name: str
    platform: str
    """The name of a file in `crawler/platforms`."""
    address: str
    terms: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    allow_private: bool = False
    """True for a server inside the operator's own network; nothing else may lead there."""
    requests_per_minute: float | None = None
    """Slower than the platform's own limit. Only on a private address it may also be faster."""
    max_requests: int = 2000
    browser: bool = False
    """True where pages show nothing without JavaScript."""


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How the crawler behaves towards every site."""

    operator: str
    contact: str
    obey_robots: bool = True
    browser: str | None = None
    """The path of a Chromium; None makes no screenshots and renders no page."""
    requests_per_minute: float = 30.0
    """Where neither the platform nor the plan says otherwise."""
    concurrency: int = 4
    """Requests under way at once to one source."""
    timeout_seconds: float = 60.0
    patience_seconds: float = 90.0
    """A site that asks to wait longer than this is left for the next pass."""
    attempts: int = 3
    page_bytes: int = 16 << 20
    file_bytes: int = 256 << 20
    repository_bytes: int = 4 << 30
    clone_seconds: float = 900.0

    @property
    def user_agent(self) -> str:
        """Names the operator, so that a site can ask what this is about."""
        said = f"{self.operator}; {self.contact}".encode("ascii", "replace").decode()
        clean = "".join(one for one in said if one.isprintable() and one not in "()\\")
        return f"cohortwatch/0.1 (data leak search; {clean})"
