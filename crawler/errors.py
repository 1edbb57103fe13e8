"""What can go wrong in crawling; each carries one line that says what and how to mend it.

CrawlerError
├── VaultFault      an object that is missing, shredded or altered
├── BadTip          a lead from a person that cannot be taken in
└── BadPlan         a source that cannot be crawled as it is set
"""

from __future__ import annotations


class CrawlerError(Exception):
    """Root of this package's errors."""


class VaultFault(CrawlerError):
    """An object of the quarantine that is missing, shredded or altered."""


class BadTip(CrawlerError):
    """A lead from a person that cannot be taken in."""


class BadPlan(CrawlerError):
    """A source that cannot be crawled as it is set."""
