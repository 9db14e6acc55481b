"""What reviewers decide, and what becomes of the work."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.accounts.service import deactivate
from app.annotations.models import AnnotatedOutput, Annotation
from app.annotations.queries import last_assignment
from app.annotations.review.conditions import is_approved, is_kept_out, waits_for_review
from app.annotations.review.decisions import (
    AnswerMissing,
    CommentMissing,
    EvaluationStands,
    NobodyToAnswer,
    NotCorrectable,
    NotExcluded,
    NotForReview,
    NothingToAnswer,
    ReasonUnexplained,
    RevisedMeanwhile,
    approve,
    correct_demonstration,
    correct_judgement,
    exclude,
    restore,
    send_back,
    stand_by,
)
from app.annotations.review.models import Decision, ExclusionReason, ReviewDecision
from app.annotations.review.queries import came_back_to, decisions_in, decisions_of
from app.annotations.service import Sent, skip, submit_demonstration, submit_prompt, submit_ranking
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import CampaignClosed, close_campaign
from app.completions.models import Completion, CompletionAuthor
from app.projects.models import Project
from app.prompts.models import Prompt, PromptKind, Split
from app.prompts.writing import single_message
from app.quality.membership import admit_cohort, move
from app.tasks.models import Assignment, Task
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_user

JUDGED = Judgement((1, 2, 2, 3), ({"overall": 6}, {"overall": 4}, {"overall": 4}, {"overall": 1}))
BETTER = Judgement((4, 3, 2, 1), ({"overall": 1}, {"overall": 2}, {"overall": 3}, {"overall": 7}), {"ambiguous": True})


@pytest.fixture
def reviewer(session: Session) -> User:
    return make_user(session, Role.RESEARCHER)


def ranked(session: Session, labeler: User | None = None, campaign: Campaign | None = None) -> Annotation:
    labeler = labeler or make_labeler(session)
    return submit_ranking(session, make_assignment(session, labeler, campaign), JUDGED, Sent("first", 12.0))


def assignment_of(session: Session, annotation: Annotation) -> Assignment:
    return session.get_one(Assignment, annotation.assignment_id)


def waiting(session: Session) -> list[int]:
    query = select(Annotation.id).join(Task, Task.id == Annotation.task_id).where(*waits_for_review())
    return list(session.scalars(query.order_by(Annotation.id)))


def kept_out(session: Session) -> list[int]:
    return list(session.scalars(select(Annotation.id).where(is_kept_out(), Annotation.current)))


def test_approved_work_waits_no_longer(session: Session, reviewer: User) -> None:
    annotation, other = ranked(session), ranked(session)
    assert waiting(session) == [annotation.id, other.id]
    decided = approve(session, reviewer, annotation, " Good. ")
    assert (decided.decision, decided.reviewer_id, decided.comment) == (Decision.APPROVED, reviewer.id, "Good.")
    assert waiting(session) == [other.id]
    assert session.scalars(select(Annotation.id).where(is_approved())).all() == [annotation.id]


def test_the_same_said_twice_is_one_decision(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    assert approve(session, reviewer, annotation) is approve(session, reviewer, annotation)
    approve(session, make_user(session, Role.ADMIN), annotation)
    assert [decision.standing for decision, _ in decisions_of(session, assignment_of(session, annotation))] == [
        True,
        False,
    ]


def test_a_correction_is_a_revision_that_says_who_made_it(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    assignment = assignment_of(session, annotation)
    decided = correct_judgement(session, reviewer, annotation, BETTER, "key", "Upside down.")
    correction = session.get_one(Annotation, decided.correction_id)
    assert (correction.revision, correction.supersedes_id, correction.current) == (2, annotation.id, True)
    assert (correction.labeler_id, correction.reviewer_id) == (annotation.labeler_id, reviewer.id)
    assert (correction.seconds, correction.prompt_ratings) == (12.0, {"ambiguous": True})
    rows = session.scalars(select(AnnotatedOutput).where(AnnotatedOutput.annotation_id == correction.id))
    assert {row.completion_id: row.rank for row in rows} == dict(zip(assignment.shown_order, (4, 3, 2, 1), strict=True))
    assert not annotation.current
    assert waiting(session) == []
    assert session.scalars(select(Annotation.id).where(is_approved())).all() == [correction.id]
    labeler = session.get_one(User, annotation.labeler_id)
    assert last_assignment(session, labeler, annotation.created_at) == annotation.assignment_id


def test_a_correction_sent_twice_is_made_once(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    first = correct_judgement(session, reviewer, annotation, BETTER, "key")
    assert correct_judgement(session, reviewer, annotation, BETTER, "key") is first
    with pytest.raises(RevisedMeanwhile):
        correct_judgement(session, reviewer, annotation, BETTER, "another")


def test_a_corrected_text_is_the_reviewers(session: Session, reviewer: User) -> None:
    assignment = make_assignment(session, make_labeler(session), make_open_campaign(session, CampaignKind.DEMONSTRATE))
    annotation = submit_demonstration(session, assignment, Demonstration("Wrong."), Sent("first"))
    decided = correct_demonstration(session, reviewer, annotation, Demonstration("Right."), "key")
    correction = session.get_one(Annotation, decided.correction_id)
    text = session.get_one(Completion, correction.completion_id)
    author = session.scalars(select(CompletionAuthor).where(CompletionAuthor.completion_id == text.id)).one()
    assert (text.text, author.user_id) == ("Right.", reviewer.id)


@pytest.mark.parametrize("origin", [Origin.PERSON, Origin.SIMULATED])
@pytest.mark.parametrize("cohort", Cohort)
def test_a_correction_keeps_the_stamps_of_what_it_corrects(
    session: Session, reviewer: User, cohort: Cohort, origin: Origin
) -> None:
    campaign = make_open_campaign(session)
    campaign.cohort = cohort
    labeler = make_labeler(session, cohort, origin=origin)
    admit_cohort(session, campaign)
    annotation = ranked(session, labeler, campaign)
    move(session, labeler, Role.LABELER, Cohort.TRAINING if cohort is Cohort.HELD_OUT else Cohort.HELD_OUT)
    labeler.origin = Origin.PERSON
    decided = correct_judgement(session, reviewer, annotation, BETTER, "key")
    correction = session.get_one(Annotation, decided.correction_id)
    assert (correction.cohort, correction.simulated) == (cohort, origin is Origin.SIMULATED)


def test_what_a_simulated_reviewer_corrects_is_simulated(session: Session) -> None:
    simulated = make_user(session, Role.RESEARCHER, origin=Origin.SIMULATED)
    decided = correct_judgement(session, simulated, ranked(session), BETTER, "key")
    assert session.get_one(Annotation, decided.correction_id).simulated


def test_held_out_work_stays_held_out_when_it_comes_back_after_a_move(session: Session, reviewer: User) -> None:
    labeler = make_labeler(session, Cohort.HELD_OUT)
    campaign = make_open_campaign(session)
    campaign.cohort = Cohort.HELD_OUT
    admit_cohort(session, campaign)
    annotation = ranked(session, labeler, campaign)
    send_back(session, reviewer, annotation, "Look again at B.")
    move(session, labeler, Role.LABELER, Cohort.TRAINING)
    revised = submit_ranking(session, assignment_of(session, annotation), JUDGED, Sent("second"))
    assert revised.cohort is Cohort.HELD_OUT


def test_a_prompt_begun_by_a_held_out_labeler_stays_a_test(session: Session) -> None:
    labeler = make_labeler(session, Cohort.HELD_OUT)
    campaign = make_open_campaign(session, CampaignKind.WRITE_PROMPTS)
    campaign.cohort = Cohort.HELD_OUT
    admit_cohort(session, campaign)
    assignment = make_assignment(session, labeler, campaign)
    submit_prompt(session, assignment, single_message(PromptKind.PLAIN, "Why is it dark?"), Sent("first"))
    move(session, labeler, Role.LABELER, Cohort.TRAINING)
    revised = submit_prompt(session, assignment, single_message(PromptKind.PLAIN, "Why is it light?"), Sent("second"))
    assert session.get_one(Prompt, revised.prompt_id).split is Split.TEST


def test_an_evaluation_is_not_corrected(session: Session, reviewer: User) -> None:
    labeler = make_labeler(session, Cohort.HELD_OUT)
    annotation = ranked(session, labeler, make_open_campaign(session, CampaignKind.EVALUATE))
    with pytest.raises(EvaluationStands):
        correct_judgement(session, reviewer, annotation, BETTER, "key")
    exclude(session, reviewer, annotation, ExclusionReason.CARELESS)


def test_a_written_prompt_is_not_corrected_and_a_skip_not_reviewed(session: Session, reviewer: User) -> None:
    labeler = make_labeler(session)
    assignment = make_assignment(session, labeler, make_open_campaign(session, CampaignKind.WRITE_PROMPTS))
    prompt = submit_prompt(session, assignment, single_message(PromptKind.PLAIN, "Why is it dark?"), Sent("first"))
    with pytest.raises(NotCorrectable):
        correct_judgement(session, reviewer, prompt, BETTER, "key")
    skipped = skip(session, make_assignment(session, labeler), "Unclear.", Sent("second"))
    with pytest.raises(NotForReview):
        approve(session, reviewer, skipped)


def test_work_sent_back_comes_to_its_labeler_and_stays_out_of_datasets_until_revised(
    session: Session, reviewer: User
) -> None:
    annotation = ranked(session)
    labeler = session.get_one(User, annotation.labeler_id)
    send_back(session, reviewer, annotation, "Look again at B.")
    (back,) = came_back_to(session, labeler)
    assert (back.decision.comment, back.decision.annotation_id) == ("Look again at B.", annotation.id)
    assert kept_out(session) == [annotation.id]
    assert waiting(session) == []
    assert came_back_to(session, make_labeler(session)) == []
    revised = submit_ranking(session, assignment_of(session, annotation), BETTER, Sent("second"))
    assert came_back_to(session, labeler) == []
    assert kept_out(session) == []
    assert waiting(session) == [revised.id]
    with pytest.raises(NothingToAnswer):
        stand_by(session, labeler, assignment_of(session, annotation), "It is right.")


def test_a_labeler_may_stand_by_their_work(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    labeler, assignment = session.get_one(User, annotation.labeler_id), assignment_of(session, annotation)
    send_back(session, reviewer, annotation, "Look again at B.")
    with pytest.raises(AnswerMissing):
        stand_by(session, labeler, assignment, " ")
    with pytest.raises(NothingToAnswer):
        stand_by(session, make_labeler(session), assignment, "Mine.")
    answered = stand_by(session, labeler, assignment, "B invents a fact.")
    assert (answered.answer, answered.answered_at is not None) == ("B invents a fact.", True)
    assert (came_back_to(session, labeler), kept_out(session), waiting(session)) == ([], [], [annotation.id])
    send_back(session, reviewer, annotation, "Look again at B.")
    assert waiting(session) == []
    assert len(came_back_to(session, labeler)) == 1


def test_nothing_is_sent_back_without_a_word_or_to_nobody(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    with pytest.raises(CommentMissing):
        send_back(session, reviewer, annotation, "  ")
    labeler = session.get_one(User, annotation.labeler_id)
    deactivate(session, labeler)
    with pytest.raises(NobodyToAnswer):
        send_back(session, reviewer, annotation, "Look again.")
    labeler.active = True
    close_campaign(session, session.get_one(Campaign, session.get_one(Task, annotation.task_id).campaign_id))
    with pytest.raises(CampaignClosed):
        send_back(session, reviewer, annotation, "Look again.")


def test_nobody_revises_excluded_work_back_into_datasets(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    exclude(session, reviewer, annotation, ExclusionReason.CARELESS, "All ranked as shown.")
    assert kept_out(session) == [annotation.id]
    revised = submit_ranking(session, assignment_of(session, annotation), BETTER, Sent("second"))
    assert kept_out(session) == [revised.id]
    assert waiting(session) == [revised.id]
    restore(session, reviewer, revised, "Done with care now.")
    assert kept_out(session) == []
    with pytest.raises(NotExcluded):
        restore(session, reviewer, revised)


def test_a_reason_of_its_own_is_explained(session: Session, reviewer: User) -> None:
    annotation = ranked(session)
    with pytest.raises(ReasonUnexplained):
        exclude(session, reviewer, annotation, ExclusionReason.OTHER)
    exclude(session, reviewer, annotation, ExclusionReason.OTHER, "The outputs were cut off.")


def test_decisions_are_found_by_kind_and_reason(session: Session, reviewer: User) -> None:
    annotation, other = ranked(session), ranked(session)
    exclude(session, reviewer, annotation, ExclusionReason.CARELESS)
    restore(session, reviewer, annotation)
    exclude(session, reviewer, other, ExclusionReason.MISTAKEN)
    project = session.scalars(select(Project).join(Campaign).join(Task).where(Task.id == annotation.task_id)).one()

    def found(**chosen: object) -> list[Decision]:
        return [each.decision.decision for each in decisions_in(session, project, **chosen)]  # type: ignore[arg-type]

    assert found() == [Decision.RESTORED, Decision.EXCLUDED]
    assert found(standing=True) == [Decision.RESTORED]
    assert found(reason=ExclusionReason.MISTAKEN) == []
    newest = session.scalars(select(ReviewDecision.id).order_by(ReviewDecision.id.desc())).all()
    assert found(before=newest[1], size=1) == [Decision.EXCLUDED]
