"""A small biobank in a workspace, and sites on loopback that hold leaks and decoys of it."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.demo.cohort import ALIAS, NAME, TITLE, MadeCohort, make_cohort, write_plink, write_table
from config.demo.commands import Terminal
from config.demo.planting import Planted, Sites
from config.demo.settings import TOKEN_VARIABLE, write_settings
from config.demo.shapes import delimited, lines, summary_statistics
from config.demo.sites.git_site import GitSite
from config.demo.sites.github_rest import TOKEN, Repository
from config.demo.sites.repositories import fork_repository
from config.demo.sites.serving import served
from config.demo.sites.storefront import Listing

PARTICIPANTS = 400


@dataclass
class Biobank:
    """The steward's side: a workspace to copy, and the files of two releases."""

    template: Path
    cohort: MadeCohort
    rows: dict[str, list[tuple[str, ...]]]


@dataclass
class Web:
    """What is out there, and where."""

    sites: Sites
    git_site: GitSite
    addresses: dict[str, str]


@pytest.fixture(scope="session")
def biobank(tmp_path_factory: pytest.TempPathFactory) -> Biobank:
    folder = tmp_path_factory.mktemp("biobank")
    cohort = make_cohort(PARTICIPANTS, chromosomes=2)
    write_plink(folder / "array", cohort.ids, cohort.sites, cohort.dosages)
    table = [(one, *row) for one, row in zip(cohort.ids, cohort.rows, strict=True)]
    write_table(folder / "phenotypes.csv", ("eid", *cohort.columns), table)
    terminal = Terminal(folder / "workspace")
    terminal.run("init", shown=False)
    files = ("--genotypes", str(folder / "array.bed"), "--phenotypes", str(folder / "phenotypes.csv"))
    terminal.run("cohort", "add", NAME, "--title", TITLE, "--alias", ALIAS, *files, shown=False)
    rows = {}
    for number, (release, recipient) in enumerate((("r-1", "Alder Institute"), ("r-2", "Birch University"))):
        ids = [str(3_000_000 * (number + 1) + 7 * at * at) for at in range(PARTICIPANTS)]
        write_table(
            folder / f"{release}.csv", ("participant", "release_id"), list(zip(cohort.ids, ids, strict=True))
        )
        given = ("--recipient", recipient, "--ids", str(folder / f"{release}.csv"))
        terminal.run("release", "add", NAME, release, *given, shown=False)
        rows[release] = [(one, *row) for one, row in zip(ids, cohort.rows, strict=True)]
    for name, role in (("rosa", "responder"), ("ines", "legal"), ("lars", "legal")):
        named = ("--role", role, "--full-name", name.title(), "--email", f"{name}@northmoor.example")
        terminal.run("person", "add", name, *named, shown=False)
    return Biobank(folder / "workspace", cohort, rows)


@pytest.fixture(scope="session")
def web(biobank: Biobank, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    sites = Sites(tmp_path_factory.mktemp("sites"))
    sites.git_folder.mkdir()
    _plant(sites, biobank)
    git_site = GitSite(sites.git_folder)
    with ExitStack() as stack:
        addresses = {
            "github": stack.enter_context(served(sites.github.app)),
            "shop": stack.enter_context(served(sites.shop.app)),
            "git": stack.enter_context(served(git_site.app)),
        }
        yield Web(sites, git_site, addresses)


def _plant(sites: Sites, biobank: Biobank) -> None:
    columns = ("eid", *biobank.cohort.columns)
    one, two = biobank.rows["r-1"], biobank.rows["r-2"]
    leak = delimited(columns, one[50:250])
    sites.on_github(
        "someone/thesis",
        f"about {TITLE}",
        [("add", {"README.md": b"thesis\n", "d.csv": leak}), ("remove", {"d.csv": None})],
        Planted("someone/thesis", "github", "table deleted at HEAD", "r-1", True),
    )
    fork = sites.folder / "github/other/fork.git"
    fork_repository(sites.folder / "github/someone/thesis.git", fork)
    sites.github.add(Repository("other/fork", fork, "", "someone/thesis"))
    sites.on_git_server(
        "lists",
        [("ids", {"withdrawn.txt": lines([row[0] for row in two[::6]])})],
        Planted("lists", "git", "list of ids", "r-2", True),
    )
    listing = Listing(5, f"{ALIAS} 全套数据 网盘发货", f"{ALIAS} 表型数据", "99.00", "shop", files={})
    listing.files["sample.csv.gz"] = gzip.compress(delimited(columns, two[300:380]), mtime=0)
    sites.in_shop(listing, Planted("/item/5", "shop", "listing with a sample", "r-2", True))
    import numpy as np

    statistics = summary_statistics(biobank.cohort, np.random.default_rng(1))
    sites.on_github(
        "consortium/sumstats",
        f"GWAS of {TITLE}",
        [("add", {"height.tsv": statistics})],
        Planted("consortium/sumstats", "github", "summary statistics", None, False),
    )


@pytest.fixture
def workspace(biobank: Biobank, web: Web, tmp_path: Path) -> Terminal:
    return fresh(biobank, web, tmp_path / "workspace")


def fresh(biobank: Biobank, web: Web, home: Path) -> Terminal:
    """A workspace of its own that watches the sites."""
    shutil.copytree(biobank.template, home)
    institutions = {"Alder Institute": "dpo@alder.example", "Birch University": "dpo@birch.example"}
    write_settings(
        home,
        addresses=web.addresses,
        institutions=institutions,
        mail_port=1,
        console_port=0,
        has_browser=False,
    )
    return Terminal(home, {TOKEN_VARIABLE: TOKEN})
