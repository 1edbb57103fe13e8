"""What the slots of letters say: the sender's own words, the addresses, counts and fields of what was found."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from crawler.models import Copy, now
from matcher.models import Match
from takedown.addresses import Address
from takedown.checklist import LONG_NUMBER
from takedown.grounds import WIDTH, grounds_of, kind_of
from takedown.models import Case
from takedown.sender import Sender

LEAST_CHANCE = 12


def finding_of(matches: Sequence[Match], release: str, recipient: str) -> str:
    """The sentence for counsel: what derives from where, and how sure; empty where no release may be accused."""
    chances = [
        match.false_accusation_probability or 1.0
        for match in matches
        if match.release == release and match.standing == "accuse"
    ]
    if not chances:
        return ""
    which = "This file derives" if len(matches) == 1 else "At least one of these files derives"
    said = (
        f"{which} at least in part from the release {release} delivered to {recipient}. "
        f"The chance that this is said of a release that did not contribute is {in_words(min(chances))}."
    )
    return textwrap.fill(said, WIDTH)


def in_words(chance: float) -> str:
    """A probability for counsel, rounded up to a power of ten; nothing smaller than one in 10^12 is claimed.

    Model error is far likelier than that, so smaller figures would promise what no statistics can hold.
    """
    power = min(LEAST_CHANCE, max(0, math.floor(-math.log10(max(chance, 1e-300)))))
    return f"below one in {10**power:,}" if power else "not small"


def slots_of(
    case: Case,
    addresses: Sequence[Address],
    copies: Sequence[Copy],
    matches: Sequence[Match],
    sender: Sender,
    returned: Sequence[datetime],
) -> dict[str, str]:
    """Every slot of every letter; `returned` says since when each copy that was gone is up again."""
    people = max((match.participants_matched or 0 for match in matches), default=0)
    today = now().date()
    columns = _fields(matches)
    listings = len({one.item or one.url for one in addresses})
    return {
        **sender.slots(),
        **grounds_of(matches),
        "address_list": _numbered(addresses, "en"),
        "address_list_zh": _numbered(addresses, "zh"),
        "addresses_text": "1 address" if len(addresses) == 1 else f"{len(addresses)} addresses",
        "addresses_count": str(len(addresses)),
        "listings_text": "a listing" if listings == 1 else f"{listings} listings",
        "listings_count": str(listings),
        "repositories_text": _repositories(copies),
        "description": _description(matches, columns),
        "participants_text": _participants(people),
        "participants_text_zh": _participants_zh(people),
        "copies_searched": _searched(copies, today) + _back(copies, returned),
        "copies_searched_zh": f"我方于 {today.isoformat()} 查找了复制品与转载，共发现 {len(copies)} 处，均已列于上文。"
        + _back_zh(returned),
        "date": today.isoformat(),
        "case": case.number,
    }


def _numbered(addresses: Sequence[Address], language: str) -> str:
    return "\n".join(f"  {number}. {one.line(language)}" for number, one in enumerate(addresses, start=1))


def _repositories(copies: Sequence[Copy]) -> str:
    count = len({copy.url for copy in copies})
    return "1 repository" if count == 1 else f"{count} repositories"


def _fields(matches: Iterable[Match]) -> list[str]:
    """Names of columns as the files have them, each once; a reader's own names for unnamed columns are left out."""
    named = dict.fromkeys(name for match in matches for name in match.answer.get("columns", []))
    return [name for name in named if not _UNNAMED.fullmatch(name) and not LONG_NUMBER.search(name)]


_UNNAMED = re.compile(r"column_\d+")
_HELD = {
    "genetic": "genotypes of individual participants",
    "records": "records of individual participants",
    "identifiers": "lists of participants' identifiers",
    "offer": "an offer or a text that names the cohort",
}


def _description(matches: Sequence[Match], columns: Sequence[str]) -> str:
    held = dict.fromkeys(_held(match) for match in matches)
    if list(held) == [_HELD["offer"]]:
        return f"What we found is {_HELD['offer']}."
    said = f"What we found holds {' and '.join(held) or 'data of the cohort'}"
    if columns:
        shown = ", ".join(columns[:12])
        said += f", with the fields {shown}" + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
    return textwrap.fill(f"{said}.", WIDTH)


def _held(match: Match) -> str:
    if match.answer.get("content") == "aggregate":
        return "aggregate tables"
    return _HELD.get(kind_of(match), "data of the cohort")


def _participants(count: int) -> str:
    if not count:
        return "The offer names the cohort; how many participants' data it holds is not known."
    return f"We matched at least {count:,} participants, by comparing keyed digests."


def _participants_zh(count: int) -> str:
    if not count:
        return "商品信息提及该队列；其所含参与者人数尚不清楚。"
    return f"经加密摘要比对，至少涉及 {count:,} 名参与者。"


def _searched(copies: Sequence[Copy], today: date) -> str:
    forks = sum(copy.origin is not None for copy in copies)
    looked = f"We looked for forks and copies on {today.isoformat()} and found"
    if len(copies) == 1:
        return f"{looked} {'a fork' if forks else 'one copy'}; it is listed above."
    of_them = "" if not forks else ", one of them a fork" if forks == 1 else f", {forks} of them forks"
    return f"{looked} {len(copies)} copies{of_them}; each is listed above."


def _back(copies: Sequence[Copy], returned: Sequence[datetime]) -> str:
    """What was gone and is up again, which the reader may take for what was dealt with."""
    if not returned:
        return ""
    since = max(returned).date().isoformat()
    if len(returned) > 1:
        return f"\n{len(returned)} of them were gone and are up again, the last of them since {since}."
    return f"\n{'It' if len(copies) == 1 else 'One of them'} was gone and is up again since {since}."


def _back_zh(returned: Sequence[datetime]) -> str:
    if not returned:
        return ""
    return f"其中 {len(returned)} 处曾被移除，现又重新出现（最近一次发现于 {max(returned).date().isoformat()}）。"
