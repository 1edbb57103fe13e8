"""A picture of agreement by release, as SVG: how many of each release's marks a find shows, and the decades for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

MOST_SHOWN = 30
_ROW, _LEFT, _WIDE, _RIGHT, _TOP = 22, 230, 360, 170, 58


@dataclass(frozen=True, slots=True)
class Agreement:
    """One release: its marks in the cells that were read, how many of them the find shows, and the decades."""

    name: str
    marks_count: int
    shown_count: int
    log10_odds: float

    @property
    def share(self) -> float:
        return self.shown_count / self.marks_count if self.marks_count else 0.0


def agreement_picture(title: str, releases: Sequence[Agreement], accused: str) -> str:
    """The SVG; releases by decades, best first, the accused one in another colour and marked in words."""
    best = sorted(releases, key=lambda one: (-one.log10_odds, one.name))[:MOST_SHOWN]
    height = _TOP + _ROW * len(best) + 34
    wide = _LEFT + _WIDE + _RIGHT
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {height}" width="{wide}" height="{height}"'
        ' font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{wide}" height="{height}" fill="white"/>',
        f'<text x="12" y="22" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<text x="{_LEFT}" y="44" fill="#444">share of the release\'s own marks that the file shows</text>',
        f'<text x="{_LEFT + _WIDE + 10}" y="44" fill="#444">marks · decades</text>',
    ]
    for percent in (0, 25, 50, 75, 100):
        x = _LEFT + _WIDE * percent / 100
        bottom = _TOP + _ROW * len(best)
        out.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{_TOP - 6}" y2="{bottom}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.0f}" y="{bottom + 16}" text-anchor="middle" fill="#444">{percent} %</text>')
    for i, one in enumerate(best):
        y = _TOP + _ROW * i
        guilty = one.name == accused
        name = one.name if len(one.name) <= 30 else one.name[:29] + "…"
        weight = "bold" if guilty else "normal"
        out.append(
            f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end" font-weight="{weight}">'
            f"{escape(name)}{' ◀' if guilty else ''}</text>"
        )
        colour = "#b3261e" if guilty else "#7a8ba3"
        out.append(
            f'<rect x="{_LEFT}" y="{y + 2}" width="{_WIDE * one.share:.1f}" height="13" fill="{colour}"/>'
        )
        out.append(
            f'<text x="{_LEFT + _WIDE + 10}" y="{y + 12}">{one.shown_count:,} of {one.marks_count:,}'
            f" · {min(12.0, one.log10_odds):+.1f}</text>"
        )
    out.append("</svg>")
    return "\n".join(out) + "\n"
