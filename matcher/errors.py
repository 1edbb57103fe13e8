"""What can go wrong in matching; each carries one line that says what and how to mend it.

MatcherError
├── NotEnrolled        a cohort or release that is not registered
├── AlreadyEnrolled    a name that is taken
├── BadSourceFile      a file given for enrolment that cannot be used
├── NoCluster          a cluster for the search that cannot be used
└── ReaderNotStarted   the child process that reads files does not start
"""

from __future__ import annotations


class MatcherError(Exception):
    """Root of this package's errors."""


class NotEnrolled(MatcherError):
    """A cohort or release that is not registered."""


class AlreadyEnrolled(MatcherError):
    """A name that is taken."""


class BadSourceFile(MatcherError):
    """A file given for enrolment that cannot be used."""


class NoCluster(MatcherError):
    """A cluster for the search that cannot be used."""


class ReaderNotStarted(MatcherError):
    """The child process that reads files does not start."""
