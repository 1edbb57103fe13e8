"""Child processes that die with their parent: a pass that is killed leaves nothing behind that goes on."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PARENT_VARIABLE = "COHORTWATCH_PARENT"
_PR_SET_PDEATHSIG = 1  # prctl(2)


def environment() -> dict[str, str]:
    """The environment for a child that is to die with this process."""
    return {**os.environ, PARENT_VARIABLE: str(os.getpid())}


def follow_parent() -> None:
    """In the child: be killed when the parent dies, however it dies (Linux); leave at once if it is dead already."""
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit(2)
