"""The arrows between packages and the fences round libraries, held by the code's own imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "crawler", "matcher", "takedown")

MAY_IMPORT = {
    "crawler": {"crawler"},
    "matcher": {"matcher"},
    "takedown": {"takedown", "crawler", "matcher"},
    "config": {"config", "takedown", "crawler", "matcher"},
}

FENCES = {
    "scrapy": ("crawler/spider.py", "crawler/walk.py", "crawler/scrapy_manners.py"),
    "playwright": ("crawler/browser.py",),
    "pysam": ("matcher/formats/", "matcher/genotypes/", "matcher/watermarks/", "config/demo/"),
    "pgenlib": ("matcher/formats/", "matcher/genotypes/", "matcher/watermarks/"),
    "pyliftover": ("matcher/genotypes/",),
    "datasketch": ("matcher/texts/", "matcher/tables/"),
    "apscheduler": ("config/schedule.py",),
    "distributed": ("matcher/genotypes/",),
    "fastapi": ("takedown/console/",),
    "warcio": ("crawler/evidence.py",),
    "alembic": ("config/database.py", "config/migrations/"),
    "typer": ("config/cli/",),
    "pkcs11": ("config/custody_pkcs11.py",),
    "PIL": ("matcher/formats/picture.py",),
}

NEVER = {"pickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_package_may(path: Path) -> None:
    inside = path.relative_to(ROOT).as_posix()
    package = inside.partition("/")[0]
    for name in imported(path):
        top = name.partition(".")[0]
        assert top not in NEVER, f"{inside} imports {name}"
        if top in PACKAGES:
            assert top in MAY_IMPORT[package], f"{inside} imports {name}: {package} may not see {top}"
        for library, places in FENCES.items():
            if top == library:
                assert inside.startswith(places), f"{inside} imports {name}, which belongs in {places}"


def test_the_fences_stand_round_something() -> None:
    """A fence round a library that nobody imports would never fail."""
    seen = {name.partition(".")[0] for path in modules() for name in imported(path)}
    assert set(FENCES) <= seen
