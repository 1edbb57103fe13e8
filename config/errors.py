"""What can be wrong with the set-up; each carries one line that says what and how to mend it.

ConfigError
├── BadSettings      settings.toml or the environment
├── BadKeys          key files or their mode
├── NoWorkspace      `cohortwatch init` was not run
├── Busy             another process holds the workspace's lock
└── CrawlFailed      the crawl's own process ended without an outcome
"""

from __future__ import annotations


class ConfigError(Exception):
    """Root of this package's errors."""


class BadSettings(ConfigError):
    """A setting that cannot be used."""


class BadKeys(ConfigError):
    """Keys that are missing, readable by others, or not this workspace's."""


class NoWorkspace(ConfigError):
    """There is no workspace where one was looked for."""


class Busy(ConfigError):
    """Another process is at work in this workspace."""


class CrawlFailed(ConfigError):
    """The crawl's process ended without an outcome."""
