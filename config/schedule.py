"""Stays up and runs patrols and re-checks by their schedules (the only importer of APScheduler).

Jobs are made anew from the settings at each start: APScheduler's own store would pickle them. When a run is
due is told by a ledger of runs beside the database, so a run that was missed or killed in the middle is
caught up once at the start, and never twice: a pass holds the workspace's lock.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.interval import IntervalTrigger

from config.children import environment
from config.workspace import Workspace

log = structlog.get_logger()


def run_schedule(workspace: Workspace) -> None:
    """Runs until SIGTERM or SIGINT; a pass that is running is let end."""
    with workspace.sole("schedule"):
        # One worker: a patrol and a re-check share the workspace's lock and run one after the other.
        scheduler = BlockingScheduler(timezone=UTC, executors={"default": ThreadPoolExecutor(1)})
        plan = workspace.settings.schedule
        for what, minutes in (("patrol", plan.patrol_minutes), ("recheck", plan.recheck_minutes)):
            scheduler.add_job(
                run_once,
                IntervalTrigger(minutes=minutes, timezone=UTC),
                args=(workspace.settings.home, what),
                id=what,
                next_run_time=due_at(workspace.settings.home, what, minutes),
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )

        def stop(_signal: int, _frame: FrameType | None) -> None:
            scheduler.shutdown(wait=False)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        log.info("schedule.started", patrol_minutes=plan.patrol_minutes, recheck_minutes=plan.recheck_minutes)
        scheduler.start()
        log.info("schedule.stopped")


def due_at(home: Path, what: str, minutes: int) -> datetime:
    """When `what` is due next: at once if it never ended well, or was due while nothing was up.

    A run that ended in the future was written by a clock that was wrong, and says nothing.
    """
    now = datetime.now(UTC)
    told = read_ledger(home).get(what)
    ended = None if told is None else datetime.fromisoformat(told)
    if ended is None or ended > now:
        return now
    return max(now, ended + timedelta(minutes=minutes))


def run_once(home: Path, what: str) -> None:
    """One pass in a process of its own, so that no leak of memory or crash ends the schedule."""
    started = datetime.now(UTC)
    child = subprocess.run(
        [sys.executable, "-m", "config.cli", "--home", str(home), what, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    seconds = (datetime.now(UTC) - started).total_seconds()
    if child.returncode in (0, 1):
        write_ledger(home, what, datetime.now(UTC))
        log.info("schedule.ran", what=what, code=child.returncode, seconds=round(seconds, 1))
        return
    # Not written as ended: the next start takes it up at once; until then the next interval does.
    log.error("schedule.failed", what=what, code=child.returncode, said=child.stderr.strip()[-500:])


def read_ledger(home: Path) -> dict[str, str]:
    """When each kind of pass last ended well, as ISO times; nothing where the ledger cannot be read."""
    path = home / "runs.json"
    if not path.exists():
        return {}
    try:
        ledger = json.loads(path.read_text(encoding="utf-8"))
        return {
            what: datetime.fromisoformat(ended).astimezone(UTC).isoformat() for what, ended in ledger.items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError):
        log.warning("schedule.ledger-damaged", file=str(path), then="every pass is due at once")
        return {}


def write_ledger(home: Path, what: str, ended: datetime) -> None:
    """Writes one run down, whole or not at all."""
    ledger = {**read_ledger(home), what: ended.isoformat()}
    unfinished = home / ".runs.json"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(ledger, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(home / "runs.json")
