"""Results of screenings are exported; what candidates said in them is exported nowhere."""

import io
import json

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin
from app.annotations.models import Annotation
from app.datasets.filtering import LiveFilter
from app.datasets.live import LiveKind, live_chunks
from app.datasets.parquet import parquet_chunks
from app.quality.screening.attempts import assess_oneself
from app.quality.screening.models import Part
from tests.app.quality.screening.screened import REVERSED, Screened, make_screening, take
from tests.factories import make_labeler

EVERY = (Part.FLAGS, Part.RANKINGS, Part.DEMONSTRATIONS)


def exported(session: Session, screened: Screened, **chosen: object) -> list[dict[str, object]]:
    file = b"".join(live_chunks(session, screened.project, LiveKind.SCREENING, LiveFilter(**chosen)))  # type: ignore[arg-type]
    return [json.loads(line) for line in file.splitlines()]


def test_each_attempt_is_a_line_without_what_people_say_of_themselves(session: Session) -> None:
    topics = {"topics": ("religion",), "needed_topics": ("religion",)}
    screened = make_screening(session, (Part.RANKINGS,), **topics)
    passed, unfinished = take(session, screened), take(session, screened, ranks=REVERSED)
    assess_oneself(session, passed, {"religion": 4})
    one, other = exported(session, screened)
    assert one["scores"] == {"rankings": {"score": 1.0, "cutoff": 0.75, "rests_on": 12}}
    assert (one["state"], one["attempt"], one["labeler"]) == ("passed", 1, f"labeler-{passed.labeler_id}")
    assert (other["state"], other["scores"], other["finished_at"]) == ("in_progress", None, None)
    assert "religion" not in json.dumps([one, other])
    assert other["labeler"] == f"labeler-{unfinished.labeler_id}"


def test_lines_are_chosen_by_people_cohort_campaign_and_day(session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,), retake_days=0)
    held_out, simulated = make_labeler(session, Cohort.HELD_OUT), make_labeler(session, origin=Origin.SIMULATED)
    for labeler in (held_out, simulated, simulated):
        take(session, screened, labeler, ranks=REVERSED)
    campaign = screened.campaign(session, Part.RANKINGS, sitting=2)
    assert [line["cohort"] for line in exported(session, screened, people="people")] == ["held_out"]
    assert [line["attempt"] for line in exported(session, screened, cohort=Cohort.TRAINING)] == [1, 2]
    assert [line["attempt"] for line in exported(session, screened, campaign=campaign.id)] == [2]
    assert not exported(session, screened, until="2020-01-01")


def test_parquet_has_the_same_rows(session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,))
    take(session, screened)
    chunks = live_chunks(session, screened.project, LiveKind.SCREENING, LiveFilter())
    lines = b"".join(chunks).splitlines()
    table = pq.read_table(io.BytesIO(b"".join(parquet_chunks("screening", lines))))
    (row,) = table.to_pylist()
    assert (row["state"], row["attempt"]) == ("passed", 1)
    assert json.loads(row["scores"])["rankings"]["score"] == 1.0


@pytest.mark.parametrize("kind", [kind for kind in LiveKind if kind is not LiveKind.SCREENING])
def test_what_candidates_say_is_in_no_other_export(session: Session, kind: LiveKind) -> None:
    screened = make_screening(session, EVERY)
    take(session, screened)
    assert session.scalars(select(Annotation)).all()
    assert not b"".join(live_chunks(session, screened.project, kind, LiveFilter()))
