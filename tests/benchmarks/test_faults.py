"""The short form of the fault test: labelers rank while the web application and its database are killed.

Workers and trainers are killed in `tests/app/worker/test_faults.py`; all of them over whole rounds by
`python -m tests.benchmarks.faults`.
"""

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

import app.tables  # noqa: F401  (models name each other's tables)
from app.annotations.models import AnnotatedOutput
from app.config import Settings
from app.db import connect, transaction
from app.storage import storage
from app.tasks.models import Task
from tests.benchmarks.faults import PASSWORD, hire, killing_at_desks, reckoned
from tests.benchmarks.killing.labelers import Crew
from tests.benchmarks.killing.site import patiently, site
from tests.factories import make_labeler, make_open_campaign


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_acknowledged_is_lost_when_web_and_database_are_killed(tmp_path: Path) -> None:
    with storage(Settings(home=tmp_path, database_url=None)) as engine:
        with transaction(engine) as session:
            emails = [make_labeler(session).email or "" for _ in range(3)]
            make_open_campaign(session, tasks=12, overlap=2)
        hire(engine)
        url = engine.url.render_as_string(hide_password=False)
    with site(tmp_path) as here:
        here.start_web()
        here.await_web()
        crew = Crew(here.address)
        with killing_at_desks(here, crew, slots=20, kills=2, chance=random.Random(1)) as killed:
            crew.work(emails, PASSWORD)
        engine = connect(url)
        found = patiently(lambda: reckoned(engine, crew))
        assert killed.total() == 2
        assert found.is_right, found
        assert found.acknowledged == 24
        assert crew.resent > 0
        assert reckoned(engine, replace(crew, acknowledged=crew.acknowledged[1:])).unasked == 1
        with transaction(engine) as session:  # and it would have been noticed
            session.scalars(select(AnnotatedOutput).limit(1)).one().rank = 9
            session.scalars(select(Task).limit(1)).one().remaining = 1
        wrong = reckoned(engine, crew)
        assert (wrong.lost, wrong.miscounted) == (1, 1)
        engine.dispose()
