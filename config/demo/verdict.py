"""What was planted against what was found: every leak found or missed, every decoy left alone or accused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from config.cli.session import shown_chance
from config.demo.planting import Planted


@dataclass(frozen=True)
class Told:
    """What the program says of one planted thing."""

    planted: Planted
    case: str | None
    verdict: str | None
    releases: tuple[str, ...]
    standing: str | None
    participants: int
    false_match: float | None
    why: str

    @property
    def outcome(self) -> str:
        if not self.planted.is_leak:
            return "ACCUSED" if self.case else "left alone"
        if self.case is None:
            return "MISSED"
        if set(self.releases) - {self.planted.release}:
            return "WRONG RELEASE"
        if not self.releases:
            return "RELEASE NOT NAMED"
        return "found"

    @property
    def is_right(self) -> bool:
        return self.outcome in ("found", "left alone")


def tell(truth: Sequence[Planted], addresses: dict[str, str], cases: Sequence[dict[str, Any]]) -> list[Told]:
    """One line for each planted thing; `addresses` gives the root of each site, `cases` are `case show --json`."""
    return [_told(one, addresses[one.site], cases) for one in truth]


def _told(planted: Planted, root: str, cases: Sequence[dict[str, Any]]) -> Told:
    base = f"{root}/{planted.where.strip('/')}"
    for case in cases:
        copies = [one for one in case["copies"] if _is_at(one, base)]
        if copies:
            finds = {one["find_sha256"] for one in copies}
            matches = [one for one in case["matches"] if one["find_sha256"] in finds]
            return _of_case(planted, case, matches)
    return Told(planted, None, None, (), None, 0, None, "")


def _is_at(copy: dict[str, Any], base: str) -> bool:
    """Whether a copy stands at an address or below it, or is a file that its listing offers."""
    at = (copy["url"], str(copy["details"].get("listing", "")))
    return any(one == base or one.startswith((base + "/", base + ".git", base + "?")) for one in at)


def _of_case(planted: Planted, case: dict[str, Any], matches: Sequence[dict[str, Any]]) -> Told:
    named = tuple(dict.fromkeys(one["release"] for one in matches if one["release"]))
    best = min(matches, key=lambda one: one["false_match_probability"], default=None)
    evidence = max(best["evidence"], key=lambda one: one["log10_odds"], default=None) if best else None
    return Told(
        planted=planted,
        case=case["number"],
        verdict=best["verdict"] if best else None,
        releases=named,
        standing=next((one["standing"] for one in matches if one["standing"]), None),
        participants=max((one["participants_matched"] or 0 for one in matches), default=0),
        false_match=best["false_match_probability"] if best else None,
        why=f"{evidence['matcher']}: {evidence['why']}" if evidence else "",
    )


def print_told(told: Sequence[Told]) -> None:
    """The two tables: leaks, decoys."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    leaks = Table(
        "",
        "leak",
        "shape",
        "case",
        "verdict",
        "people",
        "false match",
        "release",
        "standing",
        box=box.SIMPLE_HEAD,
    )
    decoys = Table("", "decoy", "what it is", "verdict", box=box.SIMPLE_HEAD)
    for one in told:
        mark = "[green]✓[/]" if one.is_right else f"[bold red]{one.outcome}[/]"
        if one.planted.is_leak:
            name = ", ".join(one.releases) or "–"
            leaks.add_row(
                mark,
                one.planted.where,
                one.planted.shape,
                one.case or "–",
                one.verdict or "–",
                f"{one.participants:,}",
                shown_chance(one.false_match),
                name,
                one.standing or "–",
            )
        else:
            decoys.add_row(mark, one.planted.where, one.planted.shape, one.verdict or "none")
    console = Console(width=180, highlight=False)
    console.print(leaks)
    console.print(decoys)
