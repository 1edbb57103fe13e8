"""Who signs the notices and what they claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from takedown.errors import BadSender

PLACEHOLDER = "CHANGE ME"
CHINESE = "_zh"


@dataclass(frozen=True, slots=True)
class Sender:
    """The complainant, as every letter names them; no field may be empty or a placeholder.

    What ends in `_zh` is the same for letters in Chinese, and may be left out.
    """

    organisation: str
    signatory: str
    email: str
    postal_address: str
    telephone: str
    authority: str
    work: str
    right_claimed: str
    registration: str
    contract_clause: str
    organisation_zh: str = ""
    signatory_zh: str = ""
    postal_address_zh: str = ""
    authority_zh: str = ""
    work_zh: str = ""
    right_claimed_zh: str = ""
    registration_zh: str = ""
    titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What each cohort calls its fields: titles by cohort and name of the field (`field_titles`)."""

    def __post_init__(self) -> None:
        for name, value in self._said().items():
            is_left_out = name.endswith(CHINESE) and not value
            if not is_left_out and (not value.strip() or PLACEHOLDER in value):
                raise BadSender(f"settings.toml: sender.{name} is not filled in; fill it in and try again")

    def slots(self) -> dict[str, str]:
        """What letters say of the sender, by slot; in Chinese the other text where no Chinese one is set."""
        given = self._said()
        said = {name: value or given[name.removesuffix(CHINESE)] for name, value in given.items()}
        return {**said, "contact": said.pop("email")}

    def _said(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if name != "titles"}
