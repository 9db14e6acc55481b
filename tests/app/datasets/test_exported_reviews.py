"""Decisions of reviewers leave with the other exports, and what is excluded stays out of comparisons."""

import io
import json

import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role, User
from app.annotations.models import Annotation
from app.annotations.review.decisions import correct_judgement, exclude, restore, send_back, stand_by
from app.annotations.review.models import ExclusionReason
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.datasets.filtering import LiveFilter
from app.datasets.live import LiveKind, live_lines
from app.datasets.parquet import COLUMNS, parquet_chunks
from app.projects.models import Project
from app.tasks.models import Assignment
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_user

JUDGED = Judgement((1, 2, 2, 3), ({},) * 4)


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session)


def ranked(session: Session, project: Project) -> Annotation:
    labeler = make_labeler(session)
    assignment = make_assignment(session, labeler, make_open_campaign(session, project=project))
    return submit_ranking(session, assignment, JUDGED, Sent("first"))


def lines(session: Session, project: Project, kind: LiveKind, **chosen: object) -> list[dict[str, object]]:
    return [json.loads(line) for line in live_lines(session, project, kind, LiveFilter.model_validate(chosen))]


def test_every_decision_is_a_line_with_what_was_said(session: Session, project: Project) -> None:
    reviewer = make_user(session, Role.RESEARCHER)
    one, two, three = (ranked(session, project) for _ in range(3))
    exclude(session, reviewer, one, ExclusionReason.CARELESS, "In four seconds.")
    restore(session, reviewer, one)
    send_back(session, reviewer, two, "Again?")
    labeler, assignment = session.get_one(User, two.labeler_id), session.get_one(Assignment, two.assignment_id)
    stand_by(session, labeler, assignment, "Yes.")
    corrected = correct_judgement(session, reviewer, three, JUDGED, "key")
    exclude(session, reviewer, ranked(session, make_project(session)), ExclusionReason.CARELESS)
    found = lines(session, project, LiveKind.REVIEWS)
    assert [(line["decision"], line["reason"], line["comment"], line["standing"]) for line in found] == [
        ("excluded", "careless", "In four seconds.", False),
        ("restored", None, "", True),
        ("sent_back", None, "Again?", True),
        ("corrected", None, "", True),
    ]
    assert (found[2]["answer"], found[2]["labeler"]) == ("Yes.", f"labeler-{two.labeler_id}")
    assert (found[3]["annotation_id"], found[3]["correction_id"]) == (str(three.id), str(corrected.correction_id))
    assert {line["reviewer"] for line in found} == {f"reviewer-{reviewer.id}"}
    assert set(found[0]) == set(COLUMNS["reviews"])
    assert lines(session, project, LiveKind.REVIEWS, cohort=Cohort.HELD_OUT) == []
    table = pq.read_table(io.BytesIO(b"".join(parquet_chunks("reviews", map(json.dumps, found)))))
    assert table.to_pylist() == found


def test_what_reviewers_keep_out_is_in_no_comparisons(session: Session, project: Project) -> None:
    reviewer = make_user(session, Role.RESEARCHER)
    one, two, three = (ranked(session, project) for _ in range(3))
    exclude(session, reviewer, one, ExclusionReason.CARELESS)
    send_back(session, reviewer, two, "Again?")
    found = lines(session, project, LiveKind.COMPARISONS)
    assert [line["annotation_id"] for line in found] == [str(three.id)]
    assert len(lines(session, project, LiveKind.RATINGS)) == 12
