"""A labeler's way through a screening."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.accounts.models import Cohort, Origin, Role
from app.annotations.models import Annotation, AnnotationKind
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.errors import InvalidInput
from app.quality.screening.attempts import (
    NoRetakeYet,
    ScreeningClosed,
    advance,
    advance_of_task,
    assess_oneself,
    begin_attempt,
    mark_demonstrations,
)
from app.quality.screening.deciding import (
    NotYetJudged,
    ReasonNeeded,
    admit_candidate,
    allow_retake,
    refuse_candidate,
)
from app.quality.screening.making import close_screening
from app.quality.screening.marks import unmarked_count, unmarked_in
from app.quality.screening.models import AttemptState, Part, PartScore
from app.quality.screening.queries import parts_of, scores_of
from app.quality.screening.results import coverage, result_rows, results_of
from app.quality.screening.standing import standings_of
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Task
from tests.app.quality.screening.screened import REVERSED, TIED, answer, attempts, make_screening, take
from tests.factories import make_labeler, make_open_campaign, make_project, make_user

BOTH = (Part.FLAGS, Part.RANKINGS)


def scores(session: Session, attempt: object) -> dict[Part, float]:
    return {part: score.score for part, score in scores_of(session, [attempt])[attempt.id].items()}  # type: ignore


@pytest.mark.parametrize(
    ("ranks", "tick", "state", "flags", "rankings"),
    [
        ((1, 2, 3, 4), True, AttemptState.PASSED, 1.0, 1.0),
        ((1, 2, 4, 3), True, AttemptState.PASSED, 1.0, 5 / 6),
        ((2, 1, 4, 3), True, AttemptState.FAILED, 1.0, 4 / 6),
        (TIED, True, AttemptState.FAILED, 1.0, 0.5),
        (REVERSED, True, AttemptState.FAILED, 1.0, 0.0),
        ((1, 2, 3, 4), False, AttemptState.FAILED, 1 / 3, 1.0),
    ],
)
def test_every_part_has_to_reach_its_cut_off(
    session: Session, ranks: tuple[int, ...], tick: bool, state: AttemptState, flags: float, rankings: float
) -> None:
    attempt = take(session, make_screening(session, BOTH), ranks=ranks, tick=tick)
    assert attempt.state is state
    assert scores(session, attempt) == pytest.approx({Part.FLAGS: flags, Part.RANKINGS: rankings})


def test_just_the_cut_off_is_enough(session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,), tasks=1, rankings_cutoff=5 / 6)
    assert take(session, screened, ranks=(1, 2, 4, 3)).state is AttemptState.PASSED


def test_an_attempt_goes_on_until_the_last_task(session: Session) -> None:
    screened = make_screening(session, BOTH)
    labeler = make_labeler(session)
    attempt = begin_attempt(session, screened.screening, labeler)
    for left in (3, 2, 1, 0):
        assert attempt.state is AttemptState.IN_PROGRESS
        answer(session, claim_next_task(session, labeler) or pytest.fail("no task"))
        (standing,) = standings_of(session, labeler)
        assert standing.total - standing.done == left
    assert attempt.state is AttemptState.PASSED


def test_a_skipped_task_is_done_and_agrees_with_nothing(session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,))
    labeler = make_labeler(session)
    attempt = begin_attempt(session, screened.screening, labeler)
    assignment = claim_next_task(session, labeler)
    assert assignment
    skip(session, assignment, "I cannot say.", Sent("skipped"))
    advance_of_task(session, assignment)
    answer(session, claim_next_task(session, labeler) or pytest.fail("no task"))
    assert scores(session, attempt) == {Part.RANKINGS: 0.5}
    assert attempt.state is AttemptState.FAILED


def test_any_number_of_candidates_may_answer_or_skip_the_same_tasks(session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,), tasks=1)
    for _ in range(4):
        labeler = make_labeler(session)
        begin_attempt(session, screened.screening, labeler)
        assignment = claim_next_task(session, labeler)
        assert assignment
        skip(session, assignment, "I cannot say.", Sent(f"skipped {labeler.id}"))
    assert take(session, screened).state is AttemptState.PASSED


def test_two_clicks_begin_one_attempt(session: Session) -> None:
    screened, labeler = make_screening(session), make_labeler(session)
    assert begin_attempt(session, screened.screening, labeler) is begin_attempt(session, screened.screening, labeler)
    assert len(attempts(session)) == 1


def test_only_labelers_begin_and_only_while_it_is_open(session: Session) -> None:
    screened = make_screening(session)
    for stranger in (make_user(session, Role.RESEARCHER), make_labeler(session, origin=Origin.IMPORTED)):
        with pytest.raises(ScreeningClosed):
            begin_attempt(session, screened.screening, stranger)
    close_screening(session, screened.screening)
    labeler = make_labeler(session)
    assert standings_of(session, labeler) == []
    with pytest.raises(ScreeningClosed):
        begin_attempt(session, screened.screening, labeler)


def test_demonstrations_wait_for_marks_and_nobody_sees_whose_they_are(session: Session) -> None:
    screened = make_screening(session, (Part.DEMONSTRATIONS,))
    one, another = take(session, screened), take(session, screened)
    assert one.state is another.state is AttemptState.WAITING
    waiting = unmarked_in(session, screened.screening, most=10)
    assert unmarked_count(session, screened.screening) == len(waiting) == 4
    assert set(vars(waiting[0])) == {"annotation_id", "prompt", "text"}
    own = {each.annotation_id: 7 for each in waiting if author(session, each.annotation_id) == one.labeler_id}
    assert mark_demonstrations(session, screened.screening, own, screened.researcher) == 1
    assert (one.state, another.state) == (AttemptState.PASSED, AttemptState.WAITING)
    assert scores(session, one) == {Part.DEMONSTRATIONS: 7.0}
    rest = {each.annotation_id: mark for each, mark in zip(unmarked_in(session, screened.screening, 10), (5, 6))}  # noqa: B905
    mark_demonstrations(session, screened.screening, rest | own, screened.researcher)
    assert scores(session, another) == {Part.DEMONSTRATIONS: 5.5}
    assert another.state is AttemptState.FAILED
    assert unmarked_count(session, screened.screening) == 0


def author(session: Session, annotation_id: int) -> int:
    return session.get_one(Annotation, annotation_id).labeler_id


def test_a_demonstration_that_was_skipped_has_the_worst_mark(session: Session) -> None:
    screened = make_screening(session, (Part.DEMONSTRATIONS,))
    labeler = make_labeler(session)
    attempt = begin_attempt(session, screened.screening, labeler)
    first = claim_next_task(session, labeler)
    assert first
    skip(session, first, "No.", Sent("skipped"))
    answer(session, claim_next_task(session, labeler) or pytest.fail("no task"))
    (waiting,) = unmarked_in(session, screened.screening, most=10)
    mark_demonstrations(session, screened.screening, {waiting.annotation_id: 7}, screened.researcher)
    assert scores(session, attempt) == {Part.DEMONSTRATIONS: 4.0}


def test_what_is_revised_after_the_end_changes_nothing(session: Session) -> None:
    screened = make_screening(session, (Part.DEMONSTRATIONS, Part.RANKINGS), tasks=1)
    attempt = take(session, screened, ranks=REVERSED)
    before = [each.annotation_id for each in unmarked_in(session, screened.screening, most=10)]
    for assignment in session.scalars(select(Assignment).where(Assignment.labeler_id == attempt.labeler_id)):
        if session.get_one(Task, assignment.task_id).kind.value == "compare":
            right = Judgement((1, 2, 3, 4), ({},) * 4)
            submit_ranking(session, assignment, right, Sent("again"))
        else:
            answer_again(session, assignment)
    assert [each.annotation_id for each in unmarked_in(session, screened.screening, most=10)] == before
    mark_demonstrations(session, screened.screening, dict.fromkeys(before, 6), screened.researcher)
    assert scores(session, attempt) == {Part.RANKINGS: 0.0, Part.DEMONSTRATIONS: 6.0}


def answer_again(session: Session, assignment: Assignment) -> None:
    from app.annotations.service import submit_demonstration
    from app.annotations.submissions import Demonstration

    submit_demonstration(session, assignment, Demonstration("Much better."), Sent("again"))


def test_an_attempt_waits_for_the_self_assessment_too(session: Session) -> None:
    topics = {"topics": ("religion", "politics"), "needed_topics": ("religion",)}
    screened = make_screening(session, (Part.RANKINGS,), **topics)
    attempt = take(session, screened)
    assert attempt.state is AttemptState.IN_PROGRESS
    with pytest.raises(InvalidInput):
        assess_oneself(session, attempt, {"religion": 3})
    assess_oneself(session, attempt, {"religion": 3, "politics": 1, "something else": 4})
    assert attempt.comfort == {"religion": 3, "politics": 1}
    assert attempt.state is AttemptState.PASSED
    assess_oneself(session, attempt, {"religion": 1, "politics": 1})
    assert attempt.comfort == {"religion": 3, "politics": 1}


def test_a_needed_topic_fails_those_who_are_not_comfortable(session: Session) -> None:
    topics = {"topics": ("religion", "politics"), "needed_topics": ("religion", "politics")}
    screened = make_screening(session, (Part.RANKINGS,), **topics)
    attempt = begin_attempt(session, screened.screening, make_labeler(session))
    assess_oneself(session, attempt, {"religion": 4, "politics": 2})
    for _ in range(2):
        labeler = session.get_one(type(screened.researcher), attempt.labeler_id)
        answer(session, claim_next_task(session, labeler) or pytest.fail("no task"))
    assert attempt.state is AttemptState.FAILED
    assert scores(session, attempt)[Part.SELF_ASSESSMENT] == 0.5


def test_a_failed_attempt_may_be_repeated_after_the_time_that_was_set(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    screened, labeler = make_screening(session, BOTH, retake_days=7), make_labeler(session)
    take(session, screened, labeler, ranks=REVERSED)
    with pytest.raises(NoRetakeYet):
        begin_attempt(session, screened.screening, labeler)
    later = clock.now() + timedelta(days=7, minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert standings_of(session, labeler)[0].may_begin
    again = take(session, screened, labeler)
    assert (again.number, again.state) == (2, AttemptState.PASSED)
    first, second = (parts_of(session, screened.screening, sitting) for sitting in (1, 2))
    assert set(first) == set(second) == set(BOTH)
    assert not {campaign.id for campaign in first.values()} & {campaign.id for campaign in second.values()}


def test_labelers_share_the_tasks_of_a_second_attempt(session: Session) -> None:
    screened = make_screening(session, BOTH, retake_days=0)
    for _ in range(2):
        labeler = make_labeler(session)
        take(session, screened, labeler, ranks=REVERSED)
        assert take(session, screened, labeler).state is AttemptState.PASSED
    assert len(parts_of(session, screened.screening, 2)) == 2
    assert not parts_of(session, screened.screening, 3)


def test_an_admin_may_allow_a_retake(session: Session) -> None:
    screened, labeler = make_screening(session), make_labeler(session)
    attempt = take(session, screened, labeler, ranks=REVERSED)
    assert not standings_of(session, labeler)[0].may_begin
    allow_retake(session, attempt)
    assert take(session, screened, labeler).state is AttemptState.PASSED
    with pytest.raises(NotYetJudged):
        allow_retake(session, attempts(session)[1])


def test_nobody_decides_before_the_end(session: Session) -> None:
    screened, admin = make_screening(session), make_user(session, Role.ADMIN)
    attempt = begin_attempt(session, screened.screening, make_labeler(session))
    for decide in (admit_candidate, refuse_candidate):
        with pytest.raises(NotYetJudged):
            decide(session, attempt, admin, "I know them.")


def test_a_decision_against_the_scores_says_why(session: Session) -> None:
    screened, admin = make_screening(session), make_user(session, Role.ADMIN)
    failed, passed = take(session, screened, ranks=REVERSED), take(session, screened)
    with pytest.raises(ReasonNeeded):
        admit_candidate(session, failed, admin, " ")
    with pytest.raises(ReasonNeeded):
        refuse_candidate(session, passed, admin, "")
    admit_candidate(session, failed, admin, "A tie that the key had wrong.")
    assert (failed.state, failed.decided_by_id) == (AttemptState.ADMITTED, admin.id)
    refuse_candidate(session, passed, admin, "We have enough people.")
    assert (passed.state, passed.reason) == (AttemptState.REFUSED, "We have enough people.")


def test_advancing_again_changes_nothing(session: Session) -> None:
    attempt = take(session, make_screening(session))
    before = (attempt.state, attempt.finished_at)
    advance(session, attempt)
    assert (attempt.state, attempt.finished_at) == before
    assert len(session.scalars(select(PartScore)).all()) == 2


def test_real_work_advances_no_attempt(session: Session) -> None:
    labeler = make_labeler(session)
    make_open_campaign(session)
    assignment = claim_next_task(session, labeler)
    assert assignment
    advance_of_task(session, assignment)
    assert attempts(session) == []


def test_results_are_sorted_and_say_what_people_said_of_themselves(session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,), topics=("religion",))
    admin = make_user(session, Role.ADMIN)
    worse, better = take(session, screened, ranks=REVERSED), take(session, screened)
    unfinished = take(session, screened)
    for attempt, comfort in ((worse, 1), (better, 4)):
        assess_oneself(session, attempt, {"religion": comfort})
    by_score = results_of(session, screened.screening, "rankings")
    assert [each.attempt for each in by_score] == [better, worse, unfinished]
    assert [each.attempt for each in results_of(session, screened.screening)] == [unfinished, better, worse]
    assert [each.attempt for each in results_of(session, screened.screening, "state")] == [better, worse, unfinished]
    assert coverage(screened.screening, by_score) == {"religion": 0}
    admit_candidate(session, better, admin)
    results = results_of(session, screened.screening)
    assert coverage(screened.screening, results) == {"religion": 1}
    columns, rows = result_rows(screened.screening, results)
    assert {name for row in rows for name in row} <= set(columns)
    assert [(row["state"], row.get("rankings"), row["comfort: religion"]) for row in rows] == [
        ("in_progress", None, None),
        ("admitted", 1.0, 4),
        ("failed", 0.0, 1),
    ]


def test_an_admission_is_told_for_a_while(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    screened, labeler = make_screening(session), make_labeler(session)
    admit_candidate(session, take(session, screened, labeler), make_user(session, Role.ADMIN))
    assert [each.attempt.state for each in standings_of(session, labeler) if each.attempt] == [AttemptState.ADMITTED]
    later = clock.now() + timedelta(days=15)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert standings_of(session, labeler) == []


def test_a_part_that_somebody_does_not_want_to_see_is_said_to_be_withheld(session: Session) -> None:
    screened, labeler = make_screening(session, (Part.RANKINGS,)), make_labeler(session, Cohort.HELD_OUT)
    screened.campaign(session, Part.RANKINGS).content_warning = "violence"
    labeler.sees_sensitive = False
    begin_attempt(session, screened.screening, labeler)
    (standing,) = standings_of(session, labeler)
    assert [part.withheld for part in standing.parts] == [True]
    assert claim_next_task(session, labeler) is None


def test_projects_without_a_screening_tell_labelers_nothing(session: Session) -> None:
    make_project(session)
    assert standings_of(session, make_labeler(session)) == []
    assert not session.scalars(select(Annotation).where(Annotation.kind == AnnotationKind.SKIP)).all()
