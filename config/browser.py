"""Finds a Chromium, and gets one where there is none: `python -m config.browser`.

In order: the one that the settings or `COHORTWATCH_BROWSER` name, one on PATH, one that Playwright
installed, Playwright's own install, the system's package. Nothing is asked.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BROWSER_VARIABLE = "COHORTWATCH_BROWSER"
NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium-headless-shell", "chromium")


def find_browser(named: str | None = None) -> str | None:
    """The path of a Chromium that can be run, or None."""
    for candidate in (named, os.environ.get(BROWSER_VARIABLE), *map(shutil.which, NAMES), _of_playwright()):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    return None


def get_browser() -> str | None:
    """A Chromium, installed now if need be; None where nothing worked."""
    found = find_browser()
    if found:
        return found
    print("setup: no Chromium here; asking Playwright for one", file=sys.stderr)
    subprocess.run(
        [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=600,
    )
    found = find_browser()
    if found or not shutil.which("apt-get"):
        return found
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive", **os.environ}
    subprocess.run([*as_root, "apt-get", "-qq", "update"], env=quiet, check=False, stdout=subprocess.DEVNULL)
    for package in PACKAGES:
        print(f"setup: installing the system's {package}", file=sys.stderr)
        subprocess.run(
            [*as_root, "apt-get", "-qq", "install", "-y", "--no-install-recommends", package],
            env=quiet,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        found = find_browser()
        if found:
            return found
    return None


def _of_playwright() -> str | None:
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    for pattern in (
        "chromium*/chrome-linux*/headless_shell",
        "chromium*/chrome-*linux*/*shell",
        "chromium*/chrome-linux*/chrome",
    ):
        for path in sorted(folder.glob(pattern), reverse=True):
            return str(path)
    return None


if __name__ == "__main__":
    browser = get_browser()
    if browser is None:
        sys.exit(
            "cohortwatch: no Chromium could be found or installed; install the package `chromium` and try again"
        )
    print(f"setup: browser {browser}")
