"""What can go wrong in takedown; each carries one line that says what and how to mend it.

TakedownError
├── UnknownCase, UnknownNotice, UnknownPerson    nothing has that name
├── NotAllowed          the person's role does not allow it, or author and approver are one
├── NotNow              the state does not allow it
├── BadSender           the settings do not say who signs
└── BadDictionary       the titles of a cohort's fields cannot be read
"""

from __future__ import annotations


class TakedownError(Exception):
    """Root of this package's errors."""


class UnknownCase(TakedownError):
    """No case has that number."""


class UnknownNotice(TakedownError):
    """No notice has that number."""


class UnknownPerson(TakedownError):
    """Nobody has that name, or their access was taken away."""


class NotAllowed(TakedownError):
    """The person may not do that."""


class NotNow(TakedownError):
    """The state of the case or notice does not allow it."""


class BadSender(TakedownError):
    """It is not said who signs."""


class BadDictionary(TakedownError):
    """A data dictionary cannot be read, or has no names and titles."""
