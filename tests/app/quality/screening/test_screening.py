"""Setting up a screening, and who gets real work because of it."""

import io
import json

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role
from app.campaigns.models import CampaignKind, CampaignState
from app.campaigns.queries import members
from app.errors import InvalidInput
from app.prompts.importing import ImportRefused
from app.quality.membership import NotScreened, admit, admit_cohort, move, pause
from app.quality.screening.answers import Answer, answer_lines, give_answer, import_answers, tasks_to_answer
from app.quality.screening.attempts import begin_attempt
from app.quality.screening.deciding import admit_candidate, refuse_candidate
from app.quality.screening.making import (
    NotForScreening,
    ScreeningBegun,
    ScreeningNotReady,
    Settings,
    choose_part,
    close_screening,
    give_up_part,
    named_topics,
    open_screening,
    save_screening,
)
from app.quality.screening.models import KnownAnswer, Part, ScreeningPart
from app.quality.screening.queries import campaigns_for, parts_of
from app.tasks.leasing import claim_next_task
from app.tasks.models import Purpose, Task
from tests.app.quality.screening.screened import FLAGS, RIGHT, answer_all, make_draft, make_screening, take
from tests.factories import make_campaign, make_labeler, make_open_campaign, make_project, make_tasks, make_user


def names_in(session: Session, campaign: object) -> list[str]:
    return [member.user.name for member in members(session, campaign)]  # type: ignore[arg-type]


def test_a_part_is_a_draft_whose_tasks_are_no_real_ones_any_more(session: Session) -> None:
    screened = make_draft(session, (Part.RANKINGS,))
    campaign = screened.campaign(session, Part.RANKINGS)
    purposes = session.scalars(select(Task.purpose).where(Task.campaign_id == campaign.id)).all()
    assert purposes == [Purpose.SCREENING] * 2
    assert campaign not in campaigns_for(session, screened.project, Part.RANKINGS)
    part = session.get_one(ScreeningPart, campaign.id)
    give_up_part(session, screened.screening, part)
    task = session.scalars(select(Task).where(Task.campaign_id == campaign.id)).first()
    assert task is not None
    assert (task.purpose, task.overlap, task.remaining) == (Purpose.REAL, 1, 1)
    assert campaign in campaigns_for(session, screened.project, Part.RANKINGS)


def test_only_drafts_of_the_right_kind_and_project_become_a_part(session: Session) -> None:
    screened = make_draft(session, ())
    others = [
        make_campaign(session, CampaignKind.RATE, project=screened.project),
        make_campaign(session, CampaignKind.COMPARE),
        make_open_campaign(session, project=screened.project),
    ]
    for campaign in others:
        with pytest.raises(NotForScreening):
            choose_part(session, screened.screening, campaign, Part.RANKINGS)
    assert not parts_of(session, screened.screening)


def test_another_choice_for_a_part_takes_the_place_of_the_first(session: Session) -> None:
    screened = make_draft(session, (Part.RANKINGS,))
    answer_all(session, screened)
    another = make_campaign(session, project=screened.project)
    make_tasks(session, another)
    choose_part(session, screened.screening, another, Part.RANKINGS)
    assert parts_of(session, screened.screening) == {Part.RANKINGS: another}
    assert not session.scalars(select(KnownAnswer)).all()


def test_a_screening_opens_once_its_answers_are_known(session: Session) -> None:
    screened = make_draft(session, ())
    with pytest.raises(ScreeningNotReady, match="at least one part"):
        open_screening(session, screened.screening)
    screened = make_draft(session, (Part.FLAGS, Part.RANKINGS, Part.DEMONSTRATIONS))
    with pytest.raises(ScreeningNotReady, match="no known answer"):
        open_screening(session, screened.screening)
    answer_all(session, screened)
    open_screening(session, screened.screening)
    assert {campaign.state for campaign in parts_of(session, screened.screening).values()} == {CampaignState.OPEN}


def test_a_part_without_tasks_or_with_flags_that_nobody_asks_does_not_open(session: Session) -> None:
    with pytest.raises(ScreeningNotReady, match="no tasks"):
        open_screening(session, make_draft(session, (Part.DEMONSTRATIONS,), tasks=0).screening)
    with pytest.raises(ScreeningNotReady, match="does not ask"):
        open_screening(session, make_draft(session, (Part.FLAGS,), flags=("output.no_such_flag",)).screening)
    with pytest.raises(ScreeningNotReady, match="Choose the flags"):
        open_screening(session, make_draft(session, (Part.FLAGS,), flags=()).screening)


def test_what_is_asked_stays_the_same_for_all(session: Session) -> None:
    screened = make_screening(session)
    begin_attempt(session, screened.screening, make_labeler(session))
    each = tasks_to_answer(session, screened.screening)[0]
    with pytest.raises(ScreeningBegun):
        give_answer(session, screened.screening, each, Answer(), screened.researcher)
    with pytest.raises(ScreeningBegun):
        save_screening(session, screened.project, Settings(flags=FLAGS[:1]))
    with pytest.raises(ScreeningBegun):
        choose_part(session, screened.screening, make_campaign(session, project=screened.project), Part.RANKINGS)
    assert save_screening(session, screened.project, Settings(flags=FLAGS, flags_cutoff=0.8)).flags_cutoff == 0.8


def test_a_needed_topic_is_asked_about(session: Session) -> None:
    with pytest.raises(InvalidInput, match="not asked about"):
        save_screening(session, make_project(session), Settings(topics=("religion",), needed_topics=("politics",)))


def test_topics_are_named_one_a_line() -> None:
    assert named_topics(" religion \n\npolitics and  power\nreligion\n") == ("religion", "politics and power")


def test_answers_go_out_as_json_lines_and_come_back(session: Session) -> None:
    screened = make_screening(session)
    lines = [json.loads(line) for line in answer_lines(session, screened.screening)]
    assert [set(line) for line in lines] == [
        *[{"task_id", "prompt", "completions", "ratings", "prompt_ratings"}] * 2,
        *[{"task_id", "prompt", "completions", "ranks"}] * 2,
    ]
    lines[0] |= {"ratings": [{"sexual_content": True, "violent_content": False}], "prompt_ratings": {}}
    lines[2]["ranks"] = [9 % 5, 1, 1, 2]
    file = io.BytesIO("\n".join(map(json.dumps, lines)).encode())
    assert import_answers(session, screened.screening, file, screened.researcher) == 4
    session.expire_all()
    again = [json.loads(line) for line in answer_lines(session, screened.screening)]
    assert again[0]["ratings"] == [{"sexual_content": True}]
    assert again[2]["ranks"] == [3, 1, 1, 2]
    assert again[3]["ranks"] == list(RIGHT)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"task_id": "%s", "ranks": [1, 2, 3, 9]}', "from 1 to 4"),
        ('{"task_id": "%s", "ranks": [1, 2]}', "from 1 to 4"),
        ('{"task_id": "0%s0", "ranks": [1, 2, 3, 4]}', "no part of this screening"),
        ('["%s"]', "no JSON object"),
        ('{"task_id": "%s", "ranks": "first"}', "no JSON object"),
        ("%s {", "no JSON object"),
    ],
)
def test_a_bad_line_leaves_all_answers_as_they_were(session: Session, line: str, reason: str) -> None:
    screened = make_screening(session, (Part.RANKINGS,))
    number = tasks_to_answer(session, screened.screening)[0].task.id
    file = io.BytesIO((line % number).encode())
    with pytest.raises(ImportRefused, match=reason):
        import_answers(session, screened.screening, file, screened.researcher)


def test_where_a_screening_is_required_nobody_else_is_admitted(session: Session) -> None:
    screened = make_screening(session)
    before, stranger = make_labeler(session), make_labeler(session)
    real = make_open_campaign(session, project=screened.project)
    elsewhere = make_open_campaign(session)
    assert before.name in names_in(session, real)
    save_screening(session, screened.project, Settings(flags=FLAGS, required=True))
    assert names_in(session, real) == []
    assert before.name in names_in(session, elsewhere)
    assert admit_cohort(session, real) == 0
    with pytest.raises(NotScreened):
        admit(session, real, stranger)
    assert claim_next_task(session, stranger, real) is None


@pytest.mark.parametrize("cohort", Cohort)
def test_who_is_admitted_gets_the_real_work_of_their_cohort(session: Session, cohort: Cohort) -> None:
    screened = make_screening(session, required=True)
    kinds = {Cohort.TRAINING: CampaignKind.COMPARE, Cohort.HELD_OUT: CampaignKind.EVALUATE}
    real = {each: make_open_campaign(session, kind, project=screened.project) for each, kind in kinds.items()}
    labeler, admin = make_labeler(session, cohort), make_user(session, Role.ADMIN)
    attempt = take(session, screened, labeler)
    assert claim_next_task(session, labeler) is None
    assert admit_candidate(session, attempt, admin) == 1
    assert {each: names_in(session, campaign) for each, campaign in real.items()} == {
        each: [labeler.name] if each is cohort else [] for each in Cohort
    }
    assert claim_next_task(session, labeler, real[cohort])
    later = make_open_campaign(session, kinds[cohort], project=screened.project)
    assert names_in(session, later) == [labeler.name]


def test_a_refusal_takes_an_admission_back(session: Session) -> None:
    screened = make_screening(session, required=True)
    real = make_open_campaign(session, project=screened.project)
    labeler, admin = make_labeler(session), make_user(session, Role.ADMIN)
    attempt = take(session, screened, labeler)
    admit_candidate(session, attempt, admin)
    refuse_candidate(session, attempt, admin, "Shared the answers with others.")
    assert names_in(session, real) == []


def test_an_admission_ends_no_pause(session: Session) -> None:
    screened = make_screening(session)
    real = make_open_campaign(session, project=screened.project)
    labeler = make_labeler(session)
    admit(session, real, labeler)
    pause(session, real, labeler)
    save_screening(session, screened.project, Settings(flags=FLAGS, required=True))
    admit_candidate(session, take(session, screened, labeler), make_user(session, Role.ADMIN))
    assert [member.paused for member in members(session, real)] == [True]


def test_the_tasks_of_a_screening_are_for_those_who_are_at_it(session: Session) -> None:
    screened = make_screening(session)
    candidate = make_labeler(session, Cohort.HELD_OUT)
    make_labeler(session)
    begin_attempt(session, screened.screening, candidate)
    campaign = screened.campaign(session, Part.RANKINGS)
    admit_cohort(session, campaign)
    assert names_in(session, campaign) == [candidate.name]
    move(session, candidate, Role.LABELER, Cohort.TRAINING)
    assert [member.paused for member in members(session, campaign)] == [False]


def test_a_closed_screening_lets_those_finish_who_began(session: Session) -> None:
    screened = make_screening(session)
    candidate = make_labeler(session)
    begin_attempt(session, screened.screening, candidate)
    close_screening(session, screened.screening)
    assert claim_next_task(session, candidate)
