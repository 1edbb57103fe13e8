"""What a notice must hold, by the kind of letter, looked for in its bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from takedown.addresses import Address
from takedown.recipients import UNKNOWN_ADDRESS

# element → a pattern that shows it, by language of the letter
_SHOWN = {
    "sender's name and e-mail": r"[^\s@]+@[^\s@]+\.\w+|[^\s@]+@localhost",
    "postal address": r"(?i)postal address: *\S|通讯地址：\S",
    "telephone": r"(?i)telephone: *\+?\d|联系电话：\+?\d",
    "the work, and that it is unpublished": r"(?i)unpublished|从未公开发布",
    "right claimed": r"(?i)we claim|right|权利说明",
    "why it is illegal": r"(?i)why it is illegal\.\s+\S|法律依据\n\S",
    "forks and copies looked for, dated": r"(?i)looked for forks and copies on \d{4}-\d\d-\d\d|\d{4}-\d\d-\d\d 查找",
    "removal from history": r"(?i)history|histories",
    "what the file holds, in counts and fields": r"(?i)what we found holds|matched at least|至少涉及|offer|提及该队列",
    "good faith": r"(?i)good faith",
    "fair use considered": r"(?i)fair use",
    "accuracy under perjury": r"(?i)penalty of perjury",
    "truth of the notice": r"(?i)is true|accurate|真实",
    "registration or certificate": r"(?i)registration: *\S|登记或证明文件：\S",
    "contract clause": r"(?i)your agreement with us says: *\S|term on passing them on: *\S",
    "certificate of destruction asked": r"(?i)certificate of destruction",
    "wording that accuses nobody": r"(?i)does not\s+say who published",
    "custody to be checked": r"(?i)check that every copy",
}
_EVERY = ("sender's name and e-mail", "right claimed", "what the file holds, in counts and fields")
_NEEDED = {
    "github-dmca": (
        *_EVERY, "postal address", "telephone", "the work, and that it is unpublished",
        "forks and copies looked for, dated", "removal from history", "good faith", "fair use considered",
        "accuracy under perjury",
    ),
    "platform": (*_EVERY, "why it is illegal", "forks and copies looked for, dated", "removal from history",
                 "good faith"),
    "marketplace": (*_EVERY, "why it is illegal", "postal address", "telephone", "registration or certificate",
                    "truth of the notice"),
    "institution": (*_EVERY, "contract clause", "certificate of destruction asked", "wording that accuses nobody"),
    "institution-question": (*_EVERY, "custody to be checked", "wording that accuses nobody"),
}  # fmt: skip
LONG_NUMBER = re.compile(r"\d{6,}")


def checklist_of(
    letter: str, body: str, addresses: Sequence[Address], recipient: str
) -> list[dict[str, Any]]:
    """Each element with whether it is needed and whether it is there."""
    needed = _NEEDED[letter.partition(".")[0]]
    rows = [
        {"element": element, "needed": element in needed, "present": bool(re.search(pattern, body))}
        for element, pattern in _SHOWN.items()
        if element in needed
    ]
    rows.append(
        {
            "element": "an address to send it to",
            "needed": True,
            "present": recipient not in ("", UNKNOWN_ADDRESS),
        }
    )
    every_address = all(address.url in body for address in addresses) and bool(addresses)
    rows.append({"element": "every address", "needed": True, "present": every_address})
    if any(address.commit for address in addresses):
        pinned = all(address.commit in body for address in addresses if address.commit)
        rows.append({"element": "every commit", "needed": True, "present": pinned})
    rows.append(
        {
            "element": "no number that may be a participant's",
            "needed": True,
            "present": not _strays(body, addresses),
        }
    )
    return rows


def _strays(body: str, addresses: Sequence[Address]) -> list[str]:
    """Long numbers that stand in no address and in no line of the sender's own numbers: an id must never go out."""
    rest = body
    named = {text for address in addresses for text in (address.line, address.url)}
    for text in sorted(named, key=len, reverse=True):  # a short address may be the beginning of a longer line
        rest = rest.replace(text, "")
    lines = [
        line
        for line in rest.splitlines()
        if not re.search(r"(?i)telephone|联系电话|registration|登记|postal address|通讯地址", line)
    ]
    return LONG_NUMBER.findall("\n".join(lines))
