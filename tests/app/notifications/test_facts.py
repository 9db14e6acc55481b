"""Which facts are told: in the transaction that makes them, each once."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.service import close_campaign
from app.db import transaction
from app.notifications.models import Event, EventKind
from app.rounds.advancing import advance_unfinished_rounds
from app.rounds.models import Round
from app.rounds.plan import RoundPlan
from app.rounds.service import resume_round, start_round
from app.runs.models import Run, Stage
from app.runs.service import claim_next_run, enqueue_run, fail_run, retry_run
from app.tasks.finishing import announce_done_campaigns
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_tasks


def events(session: Session) -> list[Event]:
    return list(session.scalars(select(Event).order_by(Event.id)))


def fail_next_run(session: Session) -> Run:
    claim = claim_next_run(session, "test:1")
    assert claim
    return fail_run(session, claim, "No memory left.", "")


def test_each_failure_of_a_run_is_told(session: Session) -> None:
    project = make_project(session)
    run = enqueue_run(session, project, Stage.REWARD, {"model": "m", "comparisons": "c"})
    fail_next_run(session)
    retry_run(session, run)
    fail_next_run(session)
    first, second = events(session)
    assert first.kind is second.kind is EventKind.RUN_FAILED
    assert first.facts == {"project": project.name, "run": run.id, "stage": "reward", "error": "No memory left."}
    assert first.path == f"/runs/{run.id}"


def test_a_failure_that_is_rolled_back_is_not_told(session: Session) -> None:
    enqueue_run(session, make_project(session), Stage.REWARD, {"model": "m", "comparisons": "c"})
    undone = session.begin_nested()
    fail_next_run(session)
    assert len(events(session)) == 1
    undone.rollback()
    assert events(session) == []


def test_a_round_that_fails_is_told_once_and_once_more_when_it_fails_again(fresh_database, tmp_path) -> None:
    with transaction(fresh_database) as session:
        started = start_round(session, make_project(session), RoundPlan())
    for _ in range(2):
        advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        (told,) = events(session)
        assert (told.kind, told.facts["round"]) == (EventKind.ROUND_FAILED, 1)
        assert told.facts["error"].startswith("demonstrations: ")
        resume_round(session, session.get_one(Round, started.id))
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        assert len(events(session)) == 2


def answer(session: Session, assignment) -> None:
    ranks = tuple(range(1, len(assignment.shown_order) + 1))
    judgement = Judgement(ranks, tuple({"overall": 4} for _ in ranks))
    submit_ranking(session, assignment, judgement, Sent(f"key {assignment.id}"))


def test_a_campaign_is_done_when_nothing_waits_and_nothing_is_on_a_desk(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session)
    assignment = make_assignment(session, labeler, campaign)
    announce_done_campaigns(session)
    assert events(session) == []
    answer(session, assignment)
    for _ in range(2):
        announce_done_campaigns(session)
    (told,) = events(session)
    assert told.kind is EventKind.CAMPAIGN_DONE
    assert told.facts == {"project": told.facts["project"], "campaign": campaign.name, "tasks": 1}


def test_a_campaign_that_got_more_tasks_is_done_anew(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session)
    answer(session, make_assignment(session, labeler, campaign))
    announce_done_campaigns(session)
    make_tasks(session, campaign)
    announce_done_campaigns(session)
    answer(session, make_assignment(session, labeler, campaign))
    close_campaign(session, campaign)  # as a round does at once
    announce_done_campaigns(session)
    assert [told.facts["tasks"] for told in events(session)] == [1, 2]


def test_a_campaign_closed_before_its_end_was_never_done(session: Session) -> None:
    make_labeler(session)
    close_campaign(session, make_open_campaign(session))
    announce_done_campaigns(session)
    assert events(session) == []
