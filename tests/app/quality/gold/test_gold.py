"""Known answers are made, given at their rate, scored, and stay out of everything else."""

import io
import json
from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import Annotation
from app.annotations.service import Sent, skip
from app.campaigns.models import Campaign, CampaignKind
from app.prompts.importing import ImportRefused
from app.prompts.models import Prompt, Split
from app.quality.agreement.pairwise import pairwise_agreement
from app.quality.gold.answers import (
    Known,
    KnownAlready,
    NothingIsKnown,
    OnlyRankingsAreKnown,
    OutputsUnknown,
    make_known,
)
from app.quality.gold.feedback import feedback_on
from app.quality.gold.importing import import_known
from app.quality.gold.mixing import FORGOTTEN_AFTER, begin_training, next_check
from app.quality.gold.models import CheckScore, RepeatedTask
from app.quality.gold.offers import with_checks
from app.quality.membership import admit_cohort, pause
from app.quality.progress import progress_of, shares_in
from app.quality.watching.noticing import look_at
from app.rounds.feeding import is_ranked
from app.tasks.leasing import claim_next_task, give_back, return_expired_leases
from app.tasks.models import Assignment, AssignmentState, Purpose, Task
from app.tasks.queries import offers_for
from tests.app.quality.gold.known import answer, known_task, ranks_of
from tests.factories import make_labeler, make_open_campaign

OUTPUTS = 4


def work(session: Session, labeler: User, campaign: Campaign, answers: int, chance: Random) -> list[Purpose]:
    """The purposes of the tasks that came, in order."""
    came: list[Purpose] = []
    begun: Assignment | None = None
    for _ in range(answers):
        begun = begun or claim_next_task(session, labeler, campaign)
        assert begun is not None
        came.append(session.get_one(Task, begun.task_id).purpose)
        begun = next_check(session, labeler, campaign, answer(session, begun), chance)
    return came


def mixing(session: Session, *, gold_rate: float = 0.0, repeat_rate: float = 0.0, tasks: int = 60) -> Campaign:
    campaign = make_open_campaign(session, tasks=tasks, outputs=OUTPUTS)
    campaign.gold_rate, campaign.repeat_rate = gold_rate, repeat_rate
    for _ in range(6 if gold_rate else 0):
        known_task(session, campaign)
    return campaign


def test_each_block_of_a_labelers_tasks_holds_one_known_answer_however_late_they_come(session: Session) -> None:
    early, late = make_labeler(session), make_labeler(session)
    campaign = mixing(session, gold_rate=0.1)
    chance = Random(2)
    for labeler in (early, late):
        came = work(session, labeler, campaign, 20, chance)
        assert [came[:10].count(Purpose.GOLD), came[10:].count(Purpose.GOLD)] == [1, 1]
    places = [work(session, make_labeler_in(session, campaign), campaign, 2, chance)[1] for _ in range(4)]
    assert set(places) <= {Purpose.REAL, Purpose.GOLD}


def make_labeler_in(session: Session, campaign: Campaign) -> User:
    labeler = make_labeler(session)
    admit_cohort(session, campaign)
    return labeler


def test_places_in_a_block_are_drawn(session: Session) -> None:
    campaign = mixing(session, gold_rate=0.25, tasks=80)
    chance = Random(1)
    first = []
    for _ in range(12):
        labeler = make_labeler_in(session, campaign)
        first.append(work(session, labeler, campaign, 4, chance).index(Purpose.GOLD))
    assert {1, 2, 3} == set(first)


def test_a_known_answer_is_leased_as_a_claim_would_lease_it(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, gold_rate=0.5)
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    gold = next_check(session, labeler, campaign, answer(session, real), Random(0))
    assert gold is not None
    assert (gold.state, gold.id) == (AssignmentState.LEASED, real.id + 1)
    assert claim_next_task(session, labeler) is gold, "one task at a time"
    task = session.get_one(Task, gold.task_id)
    assert (task.purpose, task.overlap, task.remaining) == (Purpose.GOLD, 1, 0)
    assert answer(session, gold).surplus is False


def test_a_check_that_was_given_back_goes_to_nobody_else_and_holds_nothing_up(session: Session) -> None:
    labeler, other = make_labeler(session), make_labeler(session)
    campaign = make_open_campaign(session, tasks=2, outputs=OUTPUTS)
    campaign.gold_rate = 0.5
    known_task(session, campaign)
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    gold = next_check(session, labeler, campaign, answer(session, real), Random(0))
    assert gold is not None
    give_back(session, gold)
    assert session.get_one(Task, gold.task_id).remaining == 1
    assert claim_next_task(session, other, campaign) is None
    assert offers_for(session, other)[0].waiting == 0
    assert is_ranked(session, campaign)
    assert claim_next_task(session, labeler, campaign) is gold, "its labeler takes it up again"


def test_nobody_gets_a_known_answer_whose_prompt_they_had(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=3, outputs=OUTPUTS)
    campaign.gold_rate = 0.5
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    task = session.get_one(Task, real.task_id)
    make_known(session, task, Known(ranks_of(session, task)), None)
    assert next_check(session, labeler, campaign, answer(session, real), Random(0)) is None


def test_whoever_is_paused_or_revises_gets_none(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, gold_rate=0.5)
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    annotation = answer(session, real)
    annotation.revision = 2
    assert next_check(session, labeler, campaign, annotation, Random(0)) is None
    annotation.revision = 1
    pause(session, campaign, labeler)
    assert next_check(session, labeler, campaign, annotation, Random(0)) is None


def test_a_repeat_asks_the_same_in_another_order_some_answers_later(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, repeat_rate=0.5)
    came = work(session, labeler, campaign, FORGOTTEN_AFTER + 4, Random(0))
    assert Purpose.REPEAT not in came[: FORGOTTEN_AFTER + 1]
    assert Purpose.REPEAT in came
    repeat = session.scalars(select(RepeatedTask)).first()
    assert repeat is not None
    first = session.get_one(Assignment, repeat.original_id)
    second = session.scalars(select(Assignment).where(Assignment.task_id == repeat.task_id)).one()
    assert sorted(first.shown_order) == sorted(second.shown_order)
    assert first.shown_order != second.shown_order
    assert second.labeler_id == labeler.id


def test_scores_count_ties_half_and_compare_what_was_rated(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=3, outputs=OUTPUTS)
    campaign.gold_rate = 0.5
    task = session.scalars(select(Task).where(Task.campaign_id == campaign.id)).first()
    assert task is not None
    task.remaining = 0
    a, b, c, d = ranks_of(session, task)
    known = Known({a: 1, b: 2, c: 3, d: 3}, {a: {"overall": 4, "hallucination": False}, b: {"overall": 7}})
    make_known(session, task, known, None)
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    gold = next_check(session, labeler, campaign, answer(session, real), Random(0))
    assert gold is not None
    said = answer(session, gold, {a: 2, b: 1, c: 2, d: 3})
    look_at(session, campaign, labeler)
    score = session.get_one(CheckScore, said.id)
    # of ab, ac, ad, bc, bd: turned round, tied, alike, alike, alike; of three questions the second is not alike
    assert (score.pairs, score.agreed, score.questions, score.alike) == (5, 3.5, 3, 2)


def test_training_comes_first_and_tells_the_answer_where_gold_does_not(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=4, outputs=OUTPUTS)
    training = known_task(session, campaign, Purpose.TRAINING, explanation="The first is true.")
    begun = begin_training(session, labeler)
    assert begun is not None
    assert begun.task_id == training.id
    annotation = answer(session, begun)
    feedback = feedback_on(session, begun)
    assert (feedback.pairs, feedback.agreed, feedback.explanation) == (6, 6, "The first is true.")
    assert [output.completion for output in feedback.outputs] == begun.shown_order
    assert next_check(session, labeler, campaign, annotation, Random(0)) is None
    assert begin_training(session, labeler) is None, "once is enough"


def test_checks_are_in_no_figure_of_progress_or_agreement(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(2)]
    campaign = mixing(session, gold_rate=0.25)
    for labeler in labelers:
        assert Purpose.GOLD in work(session, labeler, campaign, 8, Random(4))
    tasks = select(Task.id).where(Task.purpose == Purpose.REAL)
    real = session.scalars(select(func.count()).where(Annotation.task_id.in_(tasks))).one()
    shares = shares_in(session, campaign)
    progress = progress_of(session, campaign, shares)
    assert sum(share.done for share in shares) == progress.done == real
    assert progress.tasks == 60
    assert pairwise_agreement(session, campaign).strict == 0, "overlap is 1, only known answers are shared"


def test_every_task_makes_the_number_that_waits_one_less(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, gold_rate=0.2, tasks=30)
    chance, begun, shown = Random(8), None, []
    for _ in range(20):
        begun = begun or claim_next_task(session, labeler, campaign)
        assert begun is not None
        (offer,) = with_checks(session, labeler, offers_for(session, labeler))
        shown.append(offer.waiting)
        begun = next_check(session, labeler, campaign, answer(session, begun), chance)
    assert [before - after for before, after in pairwise(shown)] == [1] * 19


@pytest.mark.parametrize(
    ("ranks", "error"),
    [({}, OutputsUnknown), ({"all": 1}, NothingIsKnown)],
)
def test_what_is_no_known_answer_is_refused(session: Session, ranks: dict[str, int], error: type[Exception]) -> None:
    campaign = make_open_campaign(session, outputs=OUTPUTS)
    task = session.scalars(select(Task).where(Task.campaign_id == campaign.id)).one()
    known = Known(dict.fromkeys(ranks_of(session, task), 1) if ranks else {})
    with pytest.raises(error):
        make_known(session, task, known, None)


def test_known_answers_are_made_of_real_rankings_only(session: Session) -> None:
    campaign = make_open_campaign(session, outputs=OUTPUTS)
    gold = known_task(session, campaign)
    with pytest.raises(KnownAlready):
        make_known(session, gold, Known(ranks_of(session, gold)), None)
    other = make_open_campaign(session, CampaignKind.RATE)
    task = session.scalars(select(Task).where(Task.campaign_id == other.id)).one()
    with pytest.raises(OnlyRankingsAreKnown):
        make_known(session, task, Known(ranks_of(session, task)), None)


LINE = {
    "prompt_id": "p1",
    "prompt": [{"role": "user", "content": "Why is the sky blue?"}],
    "completions": ["Scattering.", "Magic.", "Paint."],
    "ranks": [1, 2, 2],
    "explanation": "Only one is true.",
}


def lines(*rows: object) -> io.BytesIO:
    return io.BytesIO("\n".join(json.dumps(row) for row in rows).encode())


def test_known_answers_come_in_from_a_file_and_no_model_learns_from_their_prompts(session: Session) -> None:
    campaign = make_open_campaign(session)
    (task,) = import_known(session, campaign, lines(LINE), None, Purpose.TRAINING)
    assert (task.purpose, task.remaining, campaign.trains) == (Purpose.TRAINING, 0, True)
    assert session.get_one(Prompt, task.prompt_id).split is Split.TEST
    labeler = make_labeler_in(session, campaign)
    begun = begin_training(session, labeler)
    assert begun is not None
    answer(session, begun, dict(zip(begun.shown_order, (1, 2, 3), strict=True)))
    assert feedback_on(session, begun).explanation == "Only one is true."


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ranks": [1, 1, 1]}, "not all of them can be tied"),
        ({"ranks": None}, "ranks"),
        ({"explanation": 3}, "must be a text"),
        ({"completions": ["a", "b", None], "completion_ids": ["1", "2", "3"]}, "text"),
    ],
)
def test_one_bad_line_brings_nothing_in(session: Session, changes: dict[str, object], reason: str) -> None:
    campaign = make_open_campaign(session)
    before = session.scalar(select(func.count()).select_from(Task))
    with pytest.raises(ImportRefused) as refused, session.begin_nested():
        import_known(session, campaign, lines(LINE, LINE | changes), None)
    assert reason in refused.value.problems[0].reason
    assert refused.value.problems[0].line == 2
    assert session.scalar(select(func.count()).select_from(Task)) == before


def test_an_expired_check_comes_back_to_its_labeler(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, gold_rate=0.5)
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    gold = next_check(session, labeler, campaign, answer(session, real), Random(0))
    assert gold is not None
    gold.deadline = gold.created_at
    session.flush()
    assert return_expired_leases(session) == 1
    again = claim_next_task(session, labeler, campaign)
    assert again is not None
    assert again.id == gold.id


def test_a_skipped_check_is_not_given_again(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, gold_rate=0.5)
    real = claim_next_task(session, labeler, campaign)
    assert real is not None
    gold = next_check(session, labeler, campaign, answer(session, real), Random(0))
    assert gold is not None
    skip(session, gold, "unclear", Sent("once"))
    following = claim_next_task(session, labeler, campaign)
    assert following is not None
    assert session.get_one(Task, following.task_id).purpose is Purpose.REAL
