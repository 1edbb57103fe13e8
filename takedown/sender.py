"""Who signs the notices and what they claim."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from takedown.errors import BadSender

PLACEHOLDER = "CHANGE ME"


@dataclass(frozen=True, slots=True)
class Sender:
    """The complainant, as every letter names them; no field may be empty or a placeholder."""

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

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not value.strip() or PLACEHOLDER in value:
                raise BadSender(f"settings.toml: sender.{name} is not filled in; fill it in and try again")
