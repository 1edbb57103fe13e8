"""The letters: one text file each, a head and a body with `$slots`; found by walking this folder.

A head says the subject, the kind of recipient, which platforms take the letter, its language and legal basis,
when that was read, and which slots the body needs; `finds: data` where it claims more than that data are offered.
Crawled text is only ever put into a slot: it is data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template


@dataclass(frozen=True, slots=True)
class Letter:
    """One template."""

    name: str
    subject: Template
    body: Template
    recipient: str
    platforms: tuple[str, ...]
    language: str
    legal_basis: str
    verified: str
    needs: frozenset[str]
    claims_data: bool = False
    """Whether it says that data were found, which an offer of them does not show."""


@cache
def letters() -> dict[str, Letter]:
    """Every letter by its name (`github-dmca.en`)."""
    found = {}
    for file in files(__package__).iterdir():
        if file.name.endswith(".txt"):
            letter = _read(file.name.removesuffix(".txt"), file.read_text(encoding="utf-8"))
            found[letter.name] = letter
    return dict(sorted(found.items()))


def _read(name: str, text: str) -> Letter:
    head, _, body = text.partition("---\n")
    fields = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in head.splitlines())
    }
    return Letter(
        name=name,
        subject=Template(fields["subject"]),
        body=Template(body),
        recipient=fields["recipient"],
        platforms=tuple(one.strip() for one in fields["platforms"].split(",") if one.strip()),
        language=fields["language"],
        legal_basis=fields["legal-basis"],
        verified=fields["verified"],
        needs=frozenset(fields["needs"].split()),
        claims_data=fields.get("finds") == "data",
    )


def letters_for(platform: str, *, has_data: bool = True) -> list[Letter]:
    """The letters that a platform takes for what was found; the general one where it has none of its own."""
    own = [
        one for one in letters().values() if platform in one.platforms and (has_data or not one.claims_data)
    ]
    return own or [one for one in letters().values() if "other" in one.platforms]
