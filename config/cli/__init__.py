"""The command line: `cohortwatch`, one file a noun.

Exit codes, for every command: 0 done and nothing found; 1 done and something found, or a check that does
not hold; 2 wrong use or a failure, with one line on standard error that says what and how to mend it.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

try:
    import typer

    from config.cli import (
        audit,
        case,
        cohort,
        console,
        demo,
        examine,
        keys,
        notice,
        panel,
        person,
        release,
        report,
        watch,
        workspace,
    )
    from config.cli.session import HomeOption, set_home
except KeyboardInterrupt:  # loading takes a second or two, in which a person may think better of it
    print("cohortwatch: stopped", file=sys.stderr)
    sys.exit(2)

INTERRUPTED = 130
"""What Typer answers where a person stopped the command."""

app = typer.Typer(
    name="cohortwatch",
    help="Finds a biobank's data on the open web, says whose copy leaked, and gets it taken down.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _every_command(home: HomeOption = None) -> None:
    set_home(home)


for noun, group in (
    ("cohort", cohort.app),
    ("release", release.app),
    ("case", case.app),
    ("notice", notice.app),
    ("audit", audit.app),
    ("panel", panel.app),
    ("person", person.app),
    ("keys", keys.app),
):
    app.add_typer(group, name=noun)
for verb in (
    workspace.init,
    examine.examine,
    watch.crawl,
    watch.patrol,
    watch.schedule,
    watch.tip,
    watch.recheck,
    report.report,
    console.console,
    demo.demo,
):
    app.command()(verb)


def _stop_in_one_line() -> None:
    """Lets a command that the system or a terminal ends clean up and say so, as one that a person stops does."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for one in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(one) is signal.SIG_DFL:  # under `nohup` it is ignored, and stays so
            signal.signal(one, stop)


def main(arguments: list[str] | None = None) -> None:
    """Runs one command and leaves with its exit code; no failure ends in a traceback."""
    from config.children import follow_parent
    from config.cli.failures import one_line
    from config.cli.streams import finish_output, release_output, require_text, settle_streams

    follow_parent()
    _stop_in_one_line()
    settle_streams()
    os.umask(0o077)  # whatever is written is for this account alone
    try:
        require_text(sys.argv[1:] if arguments is None else arguments)
        code: Any = app(arguments, standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        finish_output()
    except KeyboardInterrupt:
        print("cohortwatch: stopped", file=sys.stderr)
        code = 2
    except (BrokenPipeError, SystemExit):
        # The reader of our output went away, for which Typer and Rich leave with 1, as if something were found.
        release_output()
        code = 2
    except Exception as wrong:  # noqa: BLE001 - the last stop of every failure: one line, never a traceback
        print(f"cohortwatch: {one_line(wrong)}", file=sys.stderr)
        release_output()
        code = 2
    sys.exit(code if isinstance(code, int) else 0)
