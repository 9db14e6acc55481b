"""What a trainer writes into its folder, passed on to the database as it comes."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db import transaction
from app.runs.glimpses import keep_glimpse
from app.runs.metrics import record_metrics
from app.runs.pace import LOOKED_AT, pace_of
from app.runs.service import Claim, Wish, beat
from app.runs.telling import Kind, tell
from app.worker.folders import MetricsFile, log_tail, read_status, recent_outputs

SAY_EVERY = 0.5  # seconds, where there are no new numbers: so long may a pause or a cancel wait
GLIMPSE_EVERY = 2.0  # seconds
SILENT_AT_MOST = 2 / 3  # of the time after which another worker takes the run: by then our trainer has ended

Clock = Callable[[], float]


class OutOfReach(Exception):
    """The database has not answered for so long that the run may be given to another worker."""


class Follower:
    """Looks at one run's folder, often and cheaply. Numbers wait here while the database does not answer."""

    def __init__(self, engine: Engine, claim: Claim, folder: Path, lease: float, clock: Clock = time.monotonic) -> None:
        self.engine = engine
        self.claim = claim
        self.folder = folder
        self.patience = lease * SILENT_AT_MOST
        self.clock = clock
        self.metrics = MetricsFile(folder)
        self.waiting: list[dict[str, Any]] = []
        self.recent: deque[dict[str, Any]] = deque(maxlen=LOOKED_AT)
        self.glimpse: tuple[list[Any], str] | None = None
        self.said = clock()
        self.glimpsed = -GLIMPSE_EVERY

    def look(self) -> Wish:
        """Raises `OutOfReach`, `RunLost`, and OSError where the folder cannot be read."""
        self.waiting.extend(self.metrics.new_lines())
        if not self.waiting and self.clock() - self.said < SAY_EVERY:
            return Wish.GO_ON
        try:
            wish = self.say()
        except OperationalError as error:
            if self.clock() - self.said > self.patience:
                raise OutOfReach from error
            return Wish.GO_ON
        self.said = self.clock()
        return wish

    def say(self) -> Wish:
        """Everything that is new, in one transaction."""
        progress = read_status(self.folder).progress
        with transaction(self.engine) as session:
            wish = beat(session, self.claim, progress)
            record_metrics(session, self.claim, self.waiting)
            self._tell_pace(session, progress)
            self._keep_glimpse(session)
        self.waiting = []
        return wish

    def say_the_rest(self) -> None:
        """What the trainer wrote before it ended."""
        self.waiting.extend(self.metrics.new_lines())
        self.glimpsed = -GLIMPSE_EVERY
        self.say()

    def _tell_pace(self, session: Session, progress: float) -> None:
        if not self.waiting:
            return
        self.recent.extend(self.waiting)
        pace = pace_of(self.recent, progress)
        if pace:
            facts = {"progress": progress, **asdict(pace)}
            tell(session, self.claim.run_id, self.claim.project_id, Kind.PACE, [facts])

    def _keep_glimpse(self, session: Session) -> None:
        if self.clock() - self.glimpsed < GLIMPSE_EVERY:
            return
        self.glimpsed = self.clock()
        glimpse = (recent_outputs(self.folder), log_tail(self.folder))
        if glimpse != self.glimpse and any(glimpse):
            self.glimpse = glimpse
            keep_glimpse(session, self.claim, *glimpse)
