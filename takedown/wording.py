"""What the slots of letters say: the sender's own words, the addresses, counts and fields of what was found."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from crawler.models import Copy, now
from matcher.models import Match
from matcher.verdict import ACCUSED_BELOW
from takedown.addresses import Address, one_line
from takedown.checklist import FIELD, LONG_NUMBER
from takedown.field_titles import titled
from takedown.grounds import WIDTH, grounds_of, kind_of, kinds_of
from takedown.models import Case
from takedown.sender import Sender

LEAST_CHANCE = 12
MOST_NAMES = 12


def finding_of(matches: Sequence[Match], release: str, recipient: str) -> str:
    """The sentence for counsel: what derives from where, and how sure; empty where no release may be accused.

    `matches` are those of the release.
    """
    chances = [match.false_accusation_probability or 0.0 for match in matches if is_accused(match)]
    if not chances:
        return ""
    which = "This file derives" if len(matches) == 1 else "At least one of these files derives"
    said = (
        f"{which} at least in part from the release {release} delivered to {recipient}. "
        f"The chance that this is said of a release that did not contribute is {in_words(min(chances))}."
    )
    return textwrap.fill(said, WIDTH)


def is_accused(match: Match) -> bool:
    """Whether its release may be named to its recipient: the standing says so, and the chance that it rests on."""
    chance = match.false_accusation_probability
    return match.standing == "accuse" and chance is not None and chance < ACCUSED_BELOW


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
    columns = [titled(one, sender.titles.get(case.cohort, {})) for one in _fields(matches)]
    named = list(dict.fromkeys(addresses))
    listings = len({one.item or one.url for one in named})
    has_data = kinds_of(matches) != ["offer"]
    return {
        **sender.slots(),
        **grounds_of(matches),
        "address_list": _numbered(named, "en"),
        "address_list_zh": _numbered(named, "zh"),
        "addresses_text": "1 address" if len(named) == 1 else f"{len(named)} addresses",
        "addresses_count": str(len(named)),
        "listings_text": "a listing" if listings == 1 else f"{listings} listings",
        "listings_count": str(listings),
        "repositories_text": _repositories(copies),
        "description": _description(matches, columns),
        "participants_text": _participants(people, has_data),
        "participants_text_zh": _participants_zh(people, has_data),
        "copies_searched": _searched(copies, today) + _back(copies, returned),
        "copies_searched_zh": _searched_zh(copies, today) + _back_zh(returned),
        "fields_text_zh": _fields_zh(columns),
        "date": today.isoformat(),
        "date_zh": _day_zh(today),
        "case": case.number,
    }


def _numbered(addresses: Sequence[Address], language: str) -> str:
    return "\n".join(f"  {number}. {one.line(language)}" for number, one in enumerate(addresses, start=1))


def _repositories(copies: Sequence[Copy]) -> str:
    count = len({copy.url for copy in copies})
    return "1 repository" if count == 1 else f"{count} repositories"


def _fields(matches: Iterable[Match]) -> list[str]:
    """Names of columns as the files have them, each once.

    A reader's own names for unnamed columns are left out, and what may be a value: a first row that was taken for a
    head holds somebody's.
    """
    found = (str(name) for match in matches for name in match.answer.get("columns", []))
    named = dict.fromkeys(one_line(name) for name in found)
    return [name for name in named if _may_be_named(name)]


def _may_be_named(name: str) -> bool:
    if FIELD.fullmatch(name):
        return True
    has_word = any(one.isalpha() for one in name) and len(name) <= LONGEST_NAME
    return has_word and not any(one.search(name) for one in (_UNNAMED, LONG_NUMBER, _VALUE))


LONGEST_NAME = 80
_UNNAMED = re.compile(r"^column_\d+$")
_VALUE = re.compile(
    r"\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{2,4}"  # a date
    r"|\S@\S"  # an address of mail
    r"|^[-+]?\d[\d.,]*(e[-+]?\d+)?$"  # a number
    r"|^[A-Z]\d\d(\.?\d{1,2})?$",  # a diagnosis
    re.IGNORECASE,
)
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
        shown = ", ".join(columns[:MOST_NAMES])
        more = f" and {len(columns) - MOST_NAMES} more" if len(columns) > MOST_NAMES else ""
        said += f", with the {'field' if len(columns) == 1 else 'fields'} {shown}{more}"
    return textwrap.fill(f"{said}.", WIDTH)


def _held(match: Match) -> str:
    if match.answer.get("content") == "aggregate":
        return "aggregate tables"
    return _HELD.get(kind_of(match), "data of the cohort")


def _participants(count: int, has_data: bool) -> str:
    if not count:
        how_many = "ow many participants' data it holds is not known."
        return f"H{how_many}" if has_data else f"It names the cohort; h{how_many}"
    people = "1 participant" if count == 1 else f"{count:,} participants"
    return f"We matched at least {people}, by comparing keyed digests."


def _participants_zh(count: int, has_data: bool) -> str:
    if not count:
        return "其所含参与者人数尚不清楚。" if has_data else "商品信息提及该队列；其所含参与者人数尚不清楚。"
    return f"经加密摘要比对，至少涉及 {count:,} 名参与者。"


def _searched(copies: Sequence[Copy], today: date) -> str:
    places = len({copy.url for copy in copies})
    forks = len({copy.url for copy in copies if copy.origin is not None})
    looked = f"We looked for forks and copies on {today.isoformat()} and found"
    if places == 1:
        return f"{looked} {'a fork' if forks else 'one copy'}; it is listed above."
    of_them = "" if not forks else ", one of them a fork" if forks == 1 else f", {forks} of them forks"
    return f"{looked} {places} copies{of_them}; each is listed above."


def _searched_zh(copies: Sequence[Copy], today: date) -> str:
    places = len({copy.url for copy in copies})
    return f"我方于{_day_zh(today)}查找了复制品与转载，共发现 {places} 处，{'均' if places > 1 else ''}已列于上文。"


def _fields_zh(columns: Sequence[str]) -> str:
    if not columns:
        return ""
    rest = f"等 {len(columns)} 项" if len(columns) > MOST_NAMES else ""
    return f"所涉字段包括：{'、'.join(columns[:MOST_NAMES])}{rest}。"


def _day_zh(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


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
    return f"其中 {len(returned)} 处曾被移除，现又重新出现（最近一次发现于{_day_zh(max(returned).date())}）。"
