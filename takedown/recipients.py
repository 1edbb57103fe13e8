"""Where notices go: each platform's channel and address, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Recipient:
    """One addressee; a form is filled in by a person."""

    name: str
    channel: str
    address: str
    verified: str


PLATFORMS = {
    "github": Recipient("GitHub", "form", "https://github.com/contact/dmca", "K"),
}
UNKNOWN_ADDRESS = "address not known"


@dataclass(frozen=True, slots=True)
class Directory:
    """Addresses that the operator set, which go before those known here."""

    platforms: dict[str, str] = field(default_factory=dict)
    institutions: dict[str, str] = field(default_factory=dict)

    def platform(self, name: str) -> Recipient:
        """The addressee of a platform; an address set by the operator that holds an @ is mail."""
        address = self.platforms.get(name)
        if address:
            return Recipient(name, "smtp" if "@" in address else "form", address, "operator")
        return PLATFORMS.get(name, Recipient(name, "form", UNKNOWN_ADDRESS, "K"))

    def institution(self, name: str) -> Recipient:
        address = self.institutions.get(name)
        if address:
            return Recipient(name, "smtp" if "@" in address else "form", address, "operator")
        return Recipient(name, "form", UNKNOWN_ADDRESS, "K")
