"""What waits for a reviewer, in which order, and how rankings of a task are held against each other."""

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.models import Annotation
from app.annotations.queries import answers_to
from app.annotations.review.adjudication import OwnTask, prefer, rank_anew, standing_adjudication
from app.annotations.review.decisions import approve, send_back, stand_by
from app.annotations.service import Sent, submit_demonstration, submit_ranking, submit_rating
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.projects.models import Project
from app.quality.agreement.pairwise import pairwise_agreement
from app.quality.agreement.queries import labelers_in
from app.quality.progress import shares_in
from app.quality.review.queue import Order, Place, QueueFilter, queue
from app.quality.review.side_by_side import Contradiction, side_by_side
from app.tasks.models import Assignment, Task
from app.tasks.queries import outputs_of
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_user

UP, DOWN, NEARLY = (1, 2, 3, 4), (4, 3, 2, 1), (1, 2, 4, 3)


@pytest.fixture
def project(session: Session) -> Project:
    return make_project(session)


@pytest.fixture
def reviewer(session: Session) -> User:
    return make_user(session, Role.RESEARCHER)


def judged(session: Session, project: Project, *ranks: tuple[int, ...], low: int = 4) -> list[Annotation]:
    """One task, ranked by as many labelers, who all rate the outputs alike; one of them `low`."""
    labelers = [make_labeler(session) for _ in ranks]
    campaign = make_open_campaign(session, overlap=len(ranks), project=project)
    ratings = ({"overall": 7}, {"overall": low}, {"overall": 5}, {"overall": 5})
    return [
        submit_ranking(session, in_order_of_task(session, make_assignment(session, labeler, campaign)), said, Sent("k"))
        for labeler, said in zip(labelers, (Judgement(each, ratings) for each in ranks), strict=True)
    ]


def in_order_of_task(session: Session, assignment: Assignment) -> Assignment:
    task = session.get_one(Task, assignment.task_id)
    assignment.shown_order = [output.id for output in outputs_of(session, task)]
    session.flush()
    return assignment


def task_of(session: Session, annotation: Annotation) -> Task:
    return session.get_one(Task, annotation.task_id)


def numbers(session: Session, project: Project, **chosen: object) -> list[int]:
    found = queue(session, QueueFilter(project, **chosen), 50)  # type: ignore[arg-type]
    return [each.annotation.id for each in found]


def test_the_one_whom_the_others_contradict_comes_first(session: Session, project: Project) -> None:
    agreed = judged(session, project, UP, UP)
    alone = judged(session, project, UP)
    one, two, outlier = judged(session, project, UP, NEARLY, DOWN)
    found = queue(session, QueueFilter(project, order=Order.DISAGREEMENTS), 50)
    assert [each.annotation.id for each in found] == [
        outlier.id,
        one.id,
        two.id,
        agreed[0].id,
        agreed[1].id,
        alone[0].id,
    ]
    # of 12 pairs the others order all but one the other way; of theirs 7 of 12 and 6 of 12
    assert [each.figure for each in found] == [11 / 12, 7 / 12, 6 / 12, 0.0, 0.0, None]


def test_low_ratings_come_first(session: Session, project: Project) -> None:
    (high,), (low,) = judged(session, project, UP, low=5), judged(session, project, UP, low=1)
    found = queue(session, QueueFilter(project, order=Order.LOW_RATINGS), 50)
    assert [(each.annotation.id, each.figure) for each in found] == [(low.id, 0.0), (high.id, 4 / 6)]


def test_single_ratings_are_held_against_each_other(session: Session, project: Project) -> None:
    labelers = [make_labeler(session) for _ in range(2)]
    campaign = make_open_campaign(session, CampaignKind.RATE, overlap=2, project=project)
    for labeler, overall in zip(labelers, (1, 4), strict=True):
        submit_rating(
            session, make_assignment(session, labeler, campaign), Judgement((None,), ({"overall": overall},)), Sent("k")
        )
    assert [each.figure for each in queue(session, QueueFilter(project, order=Order.DISAGREEMENTS), 9)] == [0.5, 0.5]


def test_every_kind_of_work_waits_newest_first_and_a_share_is_drawn_alike(session: Session, project: Project) -> None:
    ranked = [judged(session, project, UP)[0] for _ in range(12)]
    labeler = make_labeler(session)
    assignment = make_assignment(
        session, labeler, make_open_campaign(session, CampaignKind.DEMONSTRATE, project=project)
    )
    written = submit_demonstration(session, assignment, Demonstration("Text"), Sent("k"))
    everything = [written.id, *(each.id for each in reversed(ranked))]
    assert numbers(session, project) == everything
    assert numbers(session, make_project(session)) == []
    assert numbers(session, project, labeler=labeler.id) == [written.id]
    assert numbers(session, project, campaign=task_of(session, ranked[0]).campaign_id) == [ranked[0].id]
    half = numbers(session, project, share=50, seed=7)
    assert 0 < len(half) < len(everything)
    assert numbers(session, project, share=50, seed=7) == half
    assert set(numbers(session, project, share=20, seed=7)) <= set(half)
    assert any(numbers(session, project, share=50, seed=seed) != half for seed in range(5))


@pytest.mark.parametrize("order", Order)
def test_pages_follow_each_other_without_gaps(session: Session, project: Project, order: Order) -> None:
    for ranks in (UP, NEARLY, DOWN):
        judged(session, project, ranks, UP)
    chosen = QueueFilter(project, order=order)
    everything = [each.annotation.id for each in queue(session, chosen, 50)]
    found: list[int] = []
    place: Place | None = None
    while part := queue(session, chosen, 2, place):
        found += [each.annotation.id for each in part]
        place = part[-1].place
    assert found == everything
    assert len(everything) == 6


@pytest.mark.parametrize("order", Order)
def test_the_queue_asks_as_often_however_long_it_is(session: Session, project: Project, order: Order) -> None:
    def asked() -> int:
        statements: list[str] = []
        connection = session.connection()

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        event.listen(connection, "before_cursor_execute", note)
        queue(session, QueueFilter(project, order=order), 50)
        event.remove(connection, "before_cursor_execute", note)
        return len(statements)

    judged(session, project, UP, DOWN)
    few = asked()
    for _ in range(4):
        judged(session, project, UP, NEARLY, DOWN)
    assert asked() == few <= 6


def test_what_came_back_is_in_every_share_and_says_what_was_decided(
    session: Session, project: Project, reviewer: User
) -> None:
    (annotation,) = judged(session, project, UP)
    drawn = [seed for seed in range(40) if numbers(session, project, share=1, seed=seed)]
    seed = next(seed for seed in range(40) if seed not in drawn)
    send_back(session, reviewer, annotation, "Look again.")
    assert numbers(session, project) == []
    labeler = session.get_one(User, annotation.labeler_id)
    stand_by(session, labeler, session.get_one(Assignment, annotation.assignment_id), "It is right.")
    (back,) = queue(session, QueueFilter(project, share=1, seed=seed), 9)
    assert back.earlier is not None
    assert (back.earlier.answer, back.labeler) == ("It is right.", labeler)
    approve(session, reviewer, annotation)
    assert numbers(session, project, share=1, seed=seed) == []


def test_rankings_side_by_side_say_where_and_how_far_they_disagree(session: Session, project: Project) -> None:
    one, *_ = judged(session, project, UP, NEARLY, (1, 1, 1, 1))
    task = task_of(session, one)
    found = side_by_side(answers_to(session, task), [output.id for output in outputs_of(session, task)])
    assert found.contradictions == [Contradiction(2, 3, for_first=(0,), for_second=(1,))]
    assert [found.disputes(place) for place in range(4)] == [0, 0, 1, 1]
    assert [(pair.one, pair.other, pair.alike, pair.strict) for pair in found.pairs] == [
        (0, 1, 5, 6),
        (0, 2, 0, 0),
        (1, 2, 0, 0),
    ]
    assert found.pairs[0].tau == pytest.approx(4 / 6)
    assert [(pair.share, pair.tau) for pair in found.pairs[1:]] == [(None, None)] * 2


def test_an_adjudication_counts_as_nobodys_answer(session: Session, project: Project, reviewer: User) -> None:
    one, two = judged(session, project, UP, DOWN)
    task = task_of(session, one)
    campaign = session.get_one(Campaign, task.campaign_id)
    before = pairwise_agreement(session, campaign), shares_in(session, campaign)
    made = rank_anew(session, reviewer, task, Judgement(DOWN, ({},) * 4), "first")
    assert rank_anew(session, reviewer, task, Judgement(DOWN, ({},) * 4), "first") is made
    again = rank_anew(session, reviewer, task, Judgement(UP, ({},) * 4), "second")
    assert session.get_one(Annotation, again.annotation_id).supersedes_id == made.annotation_id
    assert standing_adjudication(session, task) is again
    assert (pairwise_agreement(session, campaign), shares_in(session, campaign)) == before
    assert reviewer not in labelers_in(session, project)
    assert (task.remaining, task.overlap) == (0, 2)
    prefer(session, reviewer, task, two)
    assert numbers(session, project) == [two.id, one.id]


def test_nobody_adjudicates_what_they_answered(session: Session, project: Project) -> None:
    (annotation,) = judged(session, project, UP)
    labeler = session.get_one(User, annotation.labeler_id)
    with pytest.raises(OwnTask):
        prefer(session, labeler, task_of(session, annotation), annotation)
