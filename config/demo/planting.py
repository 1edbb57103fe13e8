"""What can be planted where, and the truth about each thing that was."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from config.demo.sites.github_rest import GitHubSite, Repository
from config.demo.sites.repositories import Commit, make_repository
from config.demo.sites.storefront import Listing, Storefront


@dataclass(frozen=True)
class ReleaseFiles:
    """What one recipient got: the table with its own ids, and which samples of the array in which order."""

    name: str
    recipient: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    array: Path | None = None
    """Stem of its own (marked) PLINK files."""

    @property
    def ids(self) -> list[str]:
        return [row[0] for row in self.rows]


@dataclass(frozen=True)
class Planted:
    """The truth about one thing: where it stands, its shape, and whose copy it is; no release for a decoy."""

    where: str
    site: str
    shape: str
    release: str | None
    is_leak: bool


@dataclass
class Sites:
    """The three sites to plant on, and the folder that holds their repositories."""

    folder: Path
    github: GitHubSite = field(default_factory=GitHubSite)
    shop: Storefront = field(default_factory=Storefront)
    truth: list[Planted] = field(default_factory=list)

    @property
    def git_folder(self) -> Path:
        return self.folder / "git"

    def on_github(self, name: str, description: str, commits: list[Commit], planted: Planted | None) -> None:
        folder = self.folder / "github" / f"{name}.git"
        make_repository(folder, commits, author=name.partition("/")[0])
        self.github.add(Repository(name, folder, description))
        if planted:
            self.truth.append(planted)

    def on_git_server(self, name: str, commits: list[Commit], planted: Planted) -> None:
        make_repository(self.git_folder / name, commits, author="someone")
        self.truth.append(planted)

    def in_shop(self, listing: Listing, planted: Planted) -> None:
        self.shop.add(listing)
        self.truth.append(planted)
