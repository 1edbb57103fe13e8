"""What a notice must hold, by the kind of letter, looked for in its bytes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from takedown.addresses import Address
from takedown.recipients import UNKNOWN_ADDRESS

RELEASE = "the release that it is about"
# element → a pattern that shows it, by language of the letter
_SHOWN = {
    "sender's name and e-mail": r"[^\s@]+@[^\s@]+\.\w+|[^\s@]+@localhost",
    "postal address": r"(?i)postal address: *\S|通讯地址：\S",
    "telephone": r"(?i)telephone: *\+?\d|联系电话：\+?\d",
    "the work, and that it is unpublished": r"(?i)unpublished|从未公开发布",
    "right claimed": r"(?i)we claim|copyright|database right|权利说明",
    "why it is illegal": r"(?i)why it is illegal\.\s+\S|法律依据\n\S",
    "forks and copies looked for, dated": (
        r"(?i)looked for forks and copies on \d{4}-\d\d-\d\d|\d{4}年\d\d?月\d\d?日查找"
    ),
    "removal from history": r"(?i)history|histories",
    "what the file holds, in counts and fields": (
        r"(?i)what we found (holds|is)|matched at least|names the cohort|至少涉及|尚不清楚"
    ),
    "good faith": r"(?i)good faith",
    "fair use considered": r"(?i)fair use",
    "accuracy under perjury": r"(?i)penalty of perjury",
    "truth of the notice": r"(?i)this notice is true|真实",
    "registration or certificate": r"(?i)registration: *\S|登记或证明文件：\S",
    "contract clause": r"(?i)your agreement with us says: *\S|term on passing them on: *\S",
    "certificate of destruction asked": r"(?i)certificate of destruction",
    "wording that accuses nobody": r"(?i)does not\s+say who published",
    "custody to be checked": r"(?i)check that every copy",
    RELEASE: r"(?i)\brelease\b",
}
_UNPUBLISHED = "the work, and that it is unpublished"
# element → the slots whose values must stand in the letter as they were drafted, in the letter's language
_SLOTS = {
    "sender's name and e-mail": ("signatory", "contact"),
    "postal address": ("postal_address",),
    "telephone": ("telephone",),
    _UNPUBLISHED: ("work",),
    "right claimed": ("right_claimed",),
    "what the file holds, in counts and fields": ("description", "fields_text", "participants_text"),
    "registration or certificate": ("registration",),
    "contract clause": ("contract_clause",),
    RELEASE: ("release",),
}
NUMBERS = "no number that may be a participant's"
# slots that are the sender's own or the register's words, whose numbers are nobody's
_OWN = (
    "organisation", "signatory", "contact", "postal_address", "telephone", "authority", "work", "right_claimed",
    "registration", "contract_clause", "recipient", "release",
)  # fmt: skip
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
    "institution": (*_EVERY, "contract clause", "certificate of destruction asked", "wording that accuses nobody",
                    RELEASE),
    "institution-question": (*_EVERY, "custody to be checked", "wording that accuses nobody", RELEASE),
}  # fmt: skip
FIELD = re.compile(r"\d{1,5}-\d{1,2}\.\d{1,3}")
"""A field of a biobank, its visit and place."""
LONG_NUMBER = re.compile(r"\d{6,}")
_SPLIT_NUMBER = re.compile(r"\d(?:[ \u00a0\u2007\u2009\u202f\u2010-\u2015-]?\d){5,}")
"""Six digits or more, also where one space or hyphen stands between them."""
_NO_PERSON = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"  # a date
    r"|CW-\d{4}-\d{4}"  # a case
    rf"|{FIELD.pattern})(?!\d)"
)


def facts_of(needs: Collection[str], slots: Mapping[str, str], recipient: str) -> dict[str, list[str]]:
    """What a letter must go on saying, by element, as it was drafted; under `NUMBERS` what may hold long numbers."""

    def told(names: Sequence[str]) -> list[str]:
        both = [one for name in names for one in (name, f"{name}_zh") if one in needs]
        return [slots[one] for one in both if slots[one].strip()]

    return {
        **{element: told(names) for element, names in _SLOTS.items()},
        NUMBERS: [one for one in (*told(_OWN), recipient) if _SPLIT_NUMBER.search(one)],
    }


def checklist_of(
    letter: str,
    *,
    subject: str,
    recipient: str,
    body: str,
    addresses: Sequence[Address],
    facts: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Each element with whether it is needed and there, and `wanted`: the facts of its drafting that it is held to.

    A letter that was drafted without facts is held to its wording alone.
    """
    needed = _NEEDED[letter.partition(".")[0]]
    rows = [
        _row(element, _says(body, element, pattern, facts.get(element, ())), facts.get(element, ()))
        for element, pattern in _SHOWN.items()
        if element in needed
    ]
    rows.append(_row("an address to send it to", recipient not in ("", UNKNOWN_ADDRESS)))
    rows.append(_row("every address", all(address.url in body for address in addresses) and bool(addresses)))
    commits = [address.commit for address in addresses if address.commit]
    if commits:
        rows.append(_row("every commit", all(commit in body for commit in commits)))
    known = facts.get(NUMBERS, ())
    strays = _strays(f"{subject}\n{recipient}\n{body}", addresses, known)
    return [*rows, _row(NUMBERS, not strays, known)]


def _row(element: str, present: bool, wanted: Sequence[str] = ()) -> dict[str, Any]:
    return {"element": element, "needed": True, "present": present, "wanted": list(wanted)}


def _says(body: str, element: str, pattern: str, wanted: Sequence[str]) -> bool:
    if wanted and element != _UNPUBLISHED:
        pattern = ""
    text = " ".join(body.split())
    return bool(re.search(pattern, body)) and all(" ".join(one.split()) in text for one in wanted)


def _strays(text: str, addresses: Sequence[Address], known: Sequence[str]) -> list[str]:
    """Long numbers outside the addresses and the sender's own values: an id must never go out."""
    named = {one for at in addresses for one in (at.line("en"), at.line("zh"), at.url)}
    pins = {pin for address in addresses for pin in (address.commit, address.sha256) if pin}
    named |= pins | set(known)
    for one in sorted(named, key=len, reverse=True):  # a short address may be the beginning of a longer line
        text = re.sub(rf"(?<!\d){re.escape(one)}(?!\d)", "\n", text)
    return _SPLIT_NUMBER.findall(_NO_PERSON.sub("\n", text))
