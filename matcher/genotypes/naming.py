"""Reads what the name of a column or row says of a variant: `rs123`, `rs123_A(/G)`, `chr1:1000:A:G`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ALLELE = r"[ACGTacgt]{1,60}"
_PLACE = re.compile(
    rf"(?P<by_r>X(?=\d|[XYM][^A-Za-z]))?(?P<prefix>chr)?(?P<chromosome>[1-9]|1\d|2[0-6]|X|Y|XY|MT?)(?P<mark>[:_.-])"
    rf"(?P<position>\d{{2,9}})(?:[:_.-](?P<first>{_ALLELE})[:_.,/>-](?P<second>{_ALLELE}))?",
    re.IGNORECASE,
)
_FEWEST_DIGITS = 5
"""Of a position that stands alone behind a bare number: no chromosome has variants before its base 10,000."""
_RS = re.compile(r"(?:[A-Za-z]{2,8}[-_])?(rs\d{1,12})", re.IGNORECASE)
_ARRAY = re.compile(r"(?:AX-|Affx-|SNP_A-|exm-?|kgp|JHU_|VG|seq-|GSA-|psy_|ilmnseq_|i)\d[\w.:-]{0,60}")
_COUNTED = re.compile(rf"_(?P<counted>{_ALLELE})(?:\(?/(?P<other>{_ALLELE})\)?|\.\.(?P<r>{_ALLELE})\.)?$")


@dataclass(frozen=True, slots=True)
class NamedVariant:
    """What a name states; alleles are "" and the position 0 where it does not."""

    name: str
    chromosome: str = ""
    position: int = 0
    counted: str = ""
    other: str = ""


def variant_of(text: str) -> NamedVariant | None:
    """The variant that a name states, or None where it is a name of something else.

    Of `chr:pos:ref:alt` the last allele is taken as the counted one, which is the custom, unless a suffix says other.
    """
    text = text.strip().strip('"')
    if not text or len(text) > 200:
        return None
    bare = _stated(text)
    if bare is not None:
        return bare
    suffix = _COUNTED.search(text)
    if suffix is None:
        return None
    stem = _stated(text[: suffix.start()])
    if stem is None:
        return None
    counted = suffix["counted"].upper()
    other = (suffix["other"] or suffix["r"] or "").upper()
    if not other and counted in (stem.counted, stem.other):
        other = stem.other if counted == stem.counted else stem.counted
    return NamedVariant(stem.name, stem.chromosome, stem.position, counted, other)


def split_counted(text: str) -> NamedVariant:
    """The name of a .raw's column, whatever the variant is called: what follows the last `_` is counted."""
    known = variant_of(text)
    if (
        known is not None
        and known.counted
        and text.rstrip(")").upper().endswith((known.counted, known.other))
    ):
        return known
    suffix = _COUNTED.search(text)
    if suffix is None:
        return known or NamedVariant(text)
    other = (suffix["other"] or suffix["r"] or "").upper()
    return NamedVariant(text[: suffix.start()], counted=suffix["counted"].upper(), other=other)


def _stated(text: str) -> NamedVariant | None:
    rs = _RS.fullmatch(text)
    if rs is not None:
        return NamedVariant(rs[1].lower())
    place = _PLACE.fullmatch(text)
    if place is not None and _is_place(place):
        return NamedVariant(
            text,
            place["chromosome"].upper(),
            int(place["position"]),
            (place["second"] or "").upper(),
            (place["first"] or "").upper(),
        )
    return NamedVariant(text) if _ARRAY.fullmatch(text) else None


def _is_place(place: re.Match[str]) -> bool:
    """Whether it is no decimal number (`4.61`), time of day (`7:30`), month and year (`5-2014`) or code (`3_102`).

    `chr` or alleles say so; a bare chromosome and position must be as long as positions are. R writes `.` for any
    mark, and then an X before it.
    """
    if place["prefix"] or place["first"]:
        return True
    if place["mark"] == "." and not place["by_r"]:
        return False
    is_mitochondrial = place["chromosome"].upper().startswith("M") and place["mark"] == ":"
    return is_mitochondrial or len(place["position"]) >= _FEWEST_DIGITS
