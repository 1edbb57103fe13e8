"""Standard streams that may be closed, broken, full, or of an encoding that lacks characters."""

from __future__ import annotations

import io
import os
import sys

from config.errors import BadSettings

STREAMS = ("stdin", "stdout", "stderr")


def settle_streams() -> None:
    """Puts nothing where a stream was closed, and lets no character end an answer.

    A number that stays free is given to the next file that is opened, which would then be written to as the answer.
    """
    for number, name in enumerate(STREAMS):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing > number and not _is_taken(number):
                os.dup2(nothing, number)
            setattr(sys, name, open(nothing, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115, PTH123
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def finish_output() -> None:
    """Writes what is still held back, so that a full disk or a closed pipe is told and not passed over at exit."""
    sys.stdout.flush()


def release_output() -> None:
    """Writes what is held back, or lets it go where that fails, lest the interpreter complain again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)


def require_text(arguments: list[str]) -> None:
    """Refuses bytes that are no text, which no database and no letter can hold; in the names of files they may stand.

    Raises:
        BadSettings: an argument holds such bytes, and there is no file of that name.
    """
    for at, one in enumerate(arguments, 1):
        value = one.partition("=")[2] if one.startswith("--") else one
        if _is_text(one) or os.path.lexists(value):
            continue
        raise BadSettings(f"argument {at} of the command is no text in UTF-8; type it anew")


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_taken(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
