"""What the repository itself holds to: no addresses of registries or of a machine, no marks of work undone."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Written apart so that this file does not find itself.
FORBIDDEN = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "deb." + "debian.org",
    "/" + "work/",
    "/" + "opt/pypi",
    "ukbiobank" + ".ac.uk/secure",
)
ROLES = re.compile(r"(^|/)(utils?|helpers?|common|misc|managers?|core|base)\.py$")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def files() -> list[str]:
    try:
        return tracked()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")


def test_no_file_names_a_registry_or_a_path_of_a_machine(files: list[str]) -> None:
    for name in files:
        text = (ROOT / name).read_bytes()
        for word in FORBIDDEN:
            assert word.encode() not in text, f"{name} holds {word}"


def test_every_dependency_is_pinned_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    packages = re.findall(r"^[a-z0-9][\w.-]*==[^\s;\\]+", lock, flags=re.MULTILINE)
    assert len(packages) > 100
    for block in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_files_are_named_for_things_not_for_roles(files: list[str]) -> None:
    assert not [name for name in files if ROLES.search(name)]


def test_nothing_is_marked_as_undone(files: list[str]) -> None:
    marks = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b|raise NotImplemented" + "Error")
    for name in files:
        if name.endswith(".py"):
            assert not marks.search((ROOT / name).read_text(encoding="utf-8")), name


def test_the_top_level_holds_only_what_belongs_there(files: list[str]) -> None:
    allowed = {
        "pyproject.toml", "crawler", "matcher", "takedown", "tests", "config", "README.md", "Makefile", ".ci",
        "requirements.lock", "LICENSE", "CHANGELOG.md", ".gitignore", ".pre-commit-hooks.yaml", "action.yml",
    }  # fmt: skip
    assert {name.partition("/")[0] for name in files} <= allowed
