"""Every failure as one line that says what and how to mend it."""

from __future__ import annotations

import typer
import typer.exceptions
from sqlalchemy.exc import SQLAlchemyError

from config.errors import ConfigError

OWN_ERRORS = ("ConfigError", "CrawlerError", "MatcherError", "TakedownError")


def one_line(wrong: Exception) -> str:
    """What to print for an exception that ends a command."""
    if type(wrong).__name__ == "NoArgsIsHelpError":
        return f"no command was given; see `{_asked(wrong)} --help`"
    if isinstance(wrong, typer.exceptions.TyperException):
        said = getattr(wrong, "format_message", lambda: str(wrong))()
        return f"{_flat(said).rstrip('.')}; see `{_asked(wrong)} --help`"
    if isinstance(wrong, typer.Exit | typer.Abort):
        return "stopped"
    if _is_ours(wrong):
        return _flat(str(wrong))
    if isinstance(wrong, OSError):
        where = f" {wrong.filename}" if wrong.filename else ""
        return f"{(wrong.strerror or str(wrong)).lower()}:{where}; check that it is there and may be used"
    if isinstance(wrong, SQLAlchemyError):
        # The statement and its parameters are left out: they may hold what no log may hold.
        original = getattr(wrong, "orig", None) or type(wrong).__name__
        return f"the database refused ({_flat(str(original))}); see that it can be reached and is not full"
    # A message of unknown origin may quote what was read, and that may be a participant's value.
    return f"a fault in cohortwatch itself ({_where(wrong)}); please report it with the command that you ran"


def _asked(wrong: Exception) -> str:
    """The command that was called, as far as it was understood."""
    path = getattr(getattr(wrong, "ctx", None), "command_path", "")
    return " ".join(["cohortwatch", *path.split(" ")[1:]])  # whatever name the program was started by


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
