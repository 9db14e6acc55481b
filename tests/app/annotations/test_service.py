"""Submitting, submitting again, revising and skipping."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.queries import answers_to, today_of
from app.annotations.service import (
    AlreadySkipped,
    AlreadySubmitted,
    ReasonMissing,
    Sent,
    SkippedElsewhere,
    WrittenElsewhere,
    skip,
    submit_demonstration,
    submit_ranking,
    submit_rating,
)
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import CampaignClosed, close_campaign
from app.completions.models import Completion, CompletionAuthor
from app.tasks.drafts import Window, save_draft
from app.tasks.models import AssignmentState, Task
from tests.factories import make_assignment, make_labeler, make_open_campaign

JUDGED = Judgement(ranks=(2, 1, 2, 3), ratings=({"overall": 4}, {"overall": 7}, {"overall": 4}, {"overall": 1}))


def _ranks(session: Session, annotation: Annotation) -> dict[int, int | None]:
    rows = session.scalars(select(AnnotatedOutput).where(AnnotatedOutput.annotation_id == annotation.id))
    return {row.completion_id: row.rank for row in rows}


def test_ranks_belong_to_the_outputs_as_they_were_shown(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    annotation = submit_ranking(session, assignment, JUDGED, Sent("one", 12.5))
    assert _ranks(session, annotation) == dict(zip(assignment.shown_order, JUDGED.ranks, strict=True))
    assert annotation.seconds == 12.5
    assert assignment.state is AssignmentState.SUBMITTED


def test_cohort_and_origin_are_stamped(session: Session) -> None:
    labeler = make_labeler(session, origin=Origin.SIMULATED)
    annotation = submit_ranking(session, make_assignment(session, labeler), JUDGED, Sent("one"))
    labeler.cohort = Cohort.HELD_OUT
    session.flush()
    assert (annotation.cohort, annotation.simulated) == (Cohort.TRAINING, True)


def test_the_same_page_sent_twice_makes_one_annotation(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    first = submit_ranking(session, assignment, JUDGED, Sent("same"))
    assert submit_ranking(session, assignment, JUDGED, Sent("same")) is first


def test_a_revision_supersedes_and_keeps_the_old(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    first = submit_ranking(session, assignment, JUDGED, Sent("one"))
    changed = Judgement((1, 1, 1, 1), JUDGED.ratings)
    second = submit_ranking(session, assignment, changed, Sent("two"))
    assert (second.revision, second.supersedes_id, second.current, first.current) == (2, first.id, True, False)
    assert set(_ranks(session, second).values()) == {1}
    assert set(_ranks(session, first).values()) == {1, 2, 3}


def test_nothing_is_revised_in_a_closed_campaign(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    submit_ranking(session, assignment, JUDGED, Sent("one"))
    task = session.get_one(Task, assignment.task_id)
    close_campaign(session, session.get_one(Campaign, task.campaign_id))
    with pytest.raises(CampaignClosed):
        submit_ranking(session, assignment, JUDGED, Sent("two"))


def test_a_demonstration_becomes_a_completion_of_the_labeler(session: Session) -> None:
    labeler = make_labeler(session)
    assignment = make_assignment(session, labeler, make_open_campaign(session, CampaignKind.DEMONSTRATE))
    annotation = submit_demonstration(session, assignment, Demonstration("Hello."), Sent("one"))
    completion = session.get_one(Completion, annotation.completion_id)
    authors = session.scalars(select(CompletionAuthor).where(CompletionAuthor.completion_id == completion.id)).all()
    assert completion.text == "Hello."
    assert [author.user_id for author in authors] == [labeler.id]


def test_a_single_output_is_rated_without_a_rank(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session), make_open_campaign(session, CampaignKind.RATE))
    annotation = submit_rating(session, assignment, Judgement((None,), ({"overall": 3},)), Sent("one"))
    assert set(_ranks(session, annotation).values()) == {None}


def test_a_skip_needs_a_reason_and_returns_the_slot(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    with pytest.raises(ReasonMissing):
        skip(session, assignment, "  ", Sent("one"))
    annotation = skip(session, assignment, " unclear ", Sent("one"))
    assert annotation.skip_reason == "unclear"
    assert session.get_one(Task, assignment.task_id, populate_existing=True).remaining == 1
    with pytest.raises(AlreadySkipped):
        submit_ranking(session, assignment, JUDGED, Sent("two"))


def test_a_page_from_before_the_skip_is_told_and_one_from_after_takes_it_back(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    before = Window(assignment.draft_version)
    skipped = skip(session, assignment, "unclear", Sent("one"))
    with pytest.raises(SkippedElsewhere):
        submit_ranking(session, assignment, JUDGED, Sent("two", window=before))
    taken_back = submit_ranking(session, assignment, JUDGED, Sent("two", window=Window(assignment.draft_version)))
    assert (taken_back.revision, taken_back.supersedes_id, taken_back.surplus) == (2, skipped.id, False)
    task = session.get_one(Task, assignment.task_id, populate_existing=True)
    assert (task.remaining, task.skips) == (0, 0)


def test_work_on_a_skipped_task_is_surplus_where_somebody_else_did_it(session: Session) -> None:
    labeler, other = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session)
    assignment = make_assignment(session, labeler, campaign)
    skip(session, assignment, "unclear", Sent("one"))
    submit_ranking(session, make_assignment(session, other, campaign), JUDGED, Sent("one"))
    late = submit_ranking(session, assignment, JUDGED, Sent("two", window=Window(assignment.draft_version)))
    assert late.surplus


def test_an_older_window_does_not_overwrite_what_a_newer_one_saved_or_submitted(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    older = Window(assignment.draft_version, "older", 5)
    save_draft(session, assignment, Window(0, "newer", 1), {"rank[a]": "1"})
    with pytest.raises(WrittenElsewhere):
        submit_ranking(session, assignment, JUDGED, Sent("one", window=older))
    submit_ranking(session, assignment, JUDGED, Sent("two", window=Window(0, "newer", 2)))
    with pytest.raises(WrittenElsewhere):
        submit_ranking(session, assignment, JUDGED, Sent("one", window=older))


def test_submitted_work_is_not_skipped(session: Session) -> None:
    assignment = make_assignment(session, make_labeler(session))
    submit_ranking(session, assignment, JUDGED, Sent("one"))
    with pytest.raises(AlreadySubmitted):
        skip(session, assignment, "unclear", Sent("two"))


def test_today_counts_a_revised_task_once_and_skips_not_at_all(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=2)
    assignment = make_assignment(session, labeler, campaign)
    first = submit_ranking(session, assignment, JUDGED, Sent("one", 60))
    submit_ranking(session, assignment, JUDGED, Sent("two", 120))
    skip(session, make_assignment(session, labeler, campaign), "unclear", Sent("three", 60))
    today = today_of(session, labeler, first.created_at.replace(hour=0, minute=0, second=0))
    assert (today.done, today.minutes) == (1, 3)


def test_a_task_shows_who_judged_it_and_how(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(2)]
    campaign = make_open_campaign(session, overlap=2)
    for labeler in labelers:
        assignment = make_assignment(session, labeler, campaign)
        submit_ranking(session, assignment, JUDGED, Sent("one"))
    answers = answers_to(session, session.get_one(Task, assignment.task_id))
    assert [answer.labeler for answer in answers] == labelers
    assert all(len(answer.outputs) == 4 for answer in answers)
