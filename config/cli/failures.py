"""Every failure as one line that says what and how to mend it."""

from __future__ import annotations

import errno

import typer
import typer.exceptions
from sqlalchemy.exc import SQLAlchemyError

from config.cli.session import printable
from config.errors import ConfigError

OWN_ERRORS = ("ConfigError", "CrawlerError", "MatcherError", "TakedownError")
MEND = {
    errno.ENOSPC: "free some space and run it again",
    errno.EDQUOT: "free some space and run it again",
    errno.EFBIG: "raise the limit on the size of files and run it again",
    errno.EROFS: "use a folder that may be written to",
    errno.ENAMETOOLONG: "give a shorter name",
}
"""What to do where it is not the file that is at fault."""
DAMAGED = ("malformed", "not a database")


def one_line(wrong: Exception) -> str:
    """What to print for an exception that ends a command; nothing in it steers a terminal."""
    return printable(_flat(_said(wrong)))


def _said(wrong: Exception) -> str:
    if type(wrong).__name__ == "NoArgsIsHelpError":
        return f"no command was given; see `{_asked(wrong)} --help`"
    if isinstance(wrong, typer.exceptions.TyperException):
        said = getattr(wrong, "format_message", lambda: str(wrong))()
        return f"{_flat(said).rstrip('.')}; see `{_asked(wrong)} --help`"
    if isinstance(wrong, typer.Exit | typer.Abort):
        return "stopped"
    if _is_ours(wrong):
        return str(wrong)
    if isinstance(wrong, OSError):
        where = f": {wrong.filename}" if wrong.filename else ""
        mend = MEND.get(wrong.errno or 0, "check that it is there and may be used")
        return f"{(wrong.strerror or str(wrong)).lower()}{where}; {mend}"
    if isinstance(wrong, SQLAlchemyError):
        # The statement and its parameters are left out: they may hold what no log may hold.
        original = str(getattr(wrong, "orig", None) or type(wrong).__name__)
        mend = "see that it can be reached and is not full"
        if any(one in original for one in DAMAGED):
            mend = "it is damaged, so put back a copy of it"
        return f"the database refused ({original}); {mend}"
    # A message of unknown origin may quote what was read, and that may be a participant's value.
    return f"a fault in cohortwatch itself ({_where(wrong)}); please report it with the command that you ran"


def _asked(wrong: Exception) -> str:
    """The command that was called, as far as it was understood, whatever name the program was started by."""
    names: list[str] = []
    context = getattr(wrong, "ctx", None)
    while context is not None and context.parent is not None:
        names.append(context.info_name or "")
        context = context.parent
    return " ".join(["cohortwatch", *reversed(names)])


def _is_ours(wrong: Exception) -> bool:
    return isinstance(wrong, ConfigError) or any(one.__name__ in OWN_ERRORS for one in type(wrong).__mro__)


def _flat(message: str) -> str:
    return " ".join(message.split())


def _where(wrong: Exception) -> str:
    trace = wrong.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(wrong).__name__
    code = trace.tb_frame.f_code
    return f"{type(wrong).__name__} in {code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
