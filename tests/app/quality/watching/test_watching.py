"""Signs are raised, kept, and forgotten when somebody has dealt with them; what is noticed pauses where it should."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app import jobs
from app.accounts.models import Role, User
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.campaigns.queries import members
from app.db import transaction
from app.quality.gold.models import Level, Sign, SignKind
from app.quality.membership import admit
from app.quality.signs.answers import Answers, Given
from app.quality.signs.findings import Finding, Thresholds
from app.quality.signs.sign import findings
from app.quality.watching.noticing import begin_anew, look_at, unwatched
from app.quality.watching.queries import Chosen, places_of, watched_labelers
from app.tasks.leasing import claim_next_task
from app.tasks.models import Purpose
from app.worker import working
from tests.factories import make_labeler, make_open_campaign, make_user

DEFAULT = Thresholds(0.75, 0.65)
LETTER_A = Judgement((1, 2, 3, 4), ({"overall": 7}, {"overall": 3}, {"overall": 2}, {"overall": 1}))


def go_by_letters(session: Session, labeler: User, campaign: Campaign, answers: int) -> None:
    for _ in range(answers):
        assignment = claim_next_task(session, labeler, campaign)
        assert assignment is not None
        submit_ranking(session, assignment, LETTER_A, Sent("once", 30))


def signs_of(session: Session, labeler: User) -> dict[SignKind, Level]:
    return {sign.kind: sign.level for sign in session.scalars(select(Sign).where(Sign.labeler_id == labeler.id))}


def test_who_goes_by_letters_is_paused_and_goes_on_with_a_clean_slate(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=40)
    assert unwatched(session) == []
    go_by_letters(session, labeler, campaign, 12)
    assert unwatched(session) == [(campaign.id, labeler.id)]
    look_at(session, campaign, labeler)
    assert signs_of(session, labeler) == {SignKind.POSITION: Level.PAUSE}
    assert claim_next_task(session, labeler, campaign) is None
    begin_anew(session, campaign, labeler)
    admit(session, campaign, labeler)
    go_by_letters(session, labeler, campaign, 2)
    look_at(session, campaign, labeler)
    assert signs_of(session, labeler) == {}, "what was before is forgotten"
    assert [member.paused for member in members(session, campaign)] == [False]


def test_a_sign_stays_until_it_is_dealt_with(session: Session) -> None:
    labeler = make_labeler(session)
    campaign = make_open_campaign(session, tasks=40)
    go_by_letters(session, labeler, campaign, 12)
    look_at(session, campaign, labeler)
    sign = session.scalars(select(Sign)).one()
    raised = sign.raised_at
    look_at(session, campaign, labeler)
    assert session.scalars(select(Sign)).one() is sign
    assert sign.raised_at == raised
    assert len(sign.tasks) >= 11, "all but perhaps the first, which repeats nothing"


def test_the_worker_watches(fresh_database: Engine) -> None:
    assert working  # declares the job, as `rondo worker` does
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        go_by_letters(session, labeler, make_open_campaign(session, tasks=12), 12)
        jobs.defer(session, "quality.watch_labelers", timestamp=0)
    jobs.run_due_jobs(fresh_database)
    with Session(fresh_database) as session:
        assert signs_of(session, session.get_one(User, labeler.id)) == {SignKind.POSITION: Level.PAUSE}


def test_the_table_puts_whoever_was_noticed_first(session: Session) -> None:
    good, bad = make_labeler(session), make_labeler(session)
    make_user(session, Role.RESEARCHER)
    campaign, other = make_open_campaign(session, tasks=40), make_open_campaign(session)
    go_by_letters(session, bad, campaign, 12)
    look_at(session, campaign, bad)
    found = watched_labelers(session, Chosen())
    assert [each.labeler for each in found] == [bad, good]
    assert (found[0].paused, found[0].campaigns, found[0].level) == (1, 2, Level.PAUSE)
    assert watched_labelers(session, Chosen(campaign=other.id))[0].signs == []
    assert [each.labeler for each in watched_labelers(session, Chosen(state="paused"))] == [bad]
    assert watched_labelers(session, Chosen(project=campaign.project_id, people="simulated")) == []
    assert places_of(session, bad)[0].campaign is campaign


def given(task: int, labeler: int, ranks: tuple[int, ...], **more: object) -> Given:
    """One of an hour; outputs are shown as they stand in the task unless said."""
    completions = tuple(100 * task + place for place in range(len(ranks)))
    values = {
        "annotation": 1000 * labeler + task,
        "purpose": Purpose.REAL,
        "at": datetime(2026, 1, 1, labeler % 24, task % 60, tzinfo=UTC),
        "seconds": 60.0,
        "length": 2000,
        "shown": completions,
        "ratings": tuple({"overall": 8 - rank} for rank in ranks),
    } | more
    return Given(task=task, labeler=labeler, completions=completions, ranks=ranks, **values)  # type: ignore[arg-type]


def sign(kind: SignKind, answers: Answers) -> Finding:
    return next(found for found in findings(answers, DEFAULT) if found.kind is kind)


ORDERS = [(1, 2, 3, 4), (2, 1, 4, 3), (4, 3, 2, 1), (3, 1, 2, 4), (2, 4, 1, 3), (1, 3, 4, 2)]


def answered(number: int) -> list[Given]:
    return [given(task, 1, ORDERS[task % len(ORDERS)]) for task in range(number)]


def test_gold_warns_before_it_pauses() -> None:
    turned_round = {task: {100 * task + place: 4 - place for place in range(4)} for task in range(60)}
    own = [given(task, 1, ORDERS[0], purpose=Purpose.GOLD) for task in range(60)]
    levels = [sign(SignKind.GOLD, Answers(1, own[:so_far], {}, turned_round, {})).level for so_far in (1, 3, 6, 30)]
    assert levels[0] is None
    assert levels[-1] is Level.PAUSE
    assert levels == sorted(levels, key=lambda level: [None, Level.WARNING, Level.PAUSE].index(level))


def test_practice_is_no_test() -> None:
    known = {0: {0: 4, 1: 3, 2: 2, 3: 1}}
    own = [given(0, 1, ORDERS[0], purpose=Purpose.TRAINING)]
    assert not [found for found in findings(Answers(1, own, {}, known, {}), DEFAULT) if found.kind is SignKind.GOLD]


def test_speed_is_held_against_others_for_texts_of_that_length_and_never_pauses() -> None:
    others = {
        task: [given(task, 2, ORDERS[1], seconds=50 + task % 7 * 10, length=1500 + 40 * task)] for task in range(40)
    }
    slow = [given(task, 1, ORDERS[2], seconds=40.0, length=1500 + 40 * task) for task in range(40)]
    fast = [given(task, 1, ORDERS[2], seconds=3.0, length=1500 + 40 * task) for task in range(40)]
    assert sign(SignKind.SPEED, Answers(1, slow, others, {}, {})).level is None
    found = sign(SignKind.SPEED, Answers(1, fast, others, {}, {}))
    assert (found.level, found.observed) == (Level.WARNING, 1.0)


def test_copying_is_laid_to_who_was_later_only() -> None:
    mine = answered(12)
    theirs = {each.task: [given(each.task, 2, each.ranks, ratings=each.ratings)] for each in mine}
    before = {task: [given(task, 0, same[0].ranks, ratings=same[0].ratings)] for task, same in theirs.items()}
    kinds = [found.kind for found in findings(Answers(1, mine, theirs, {}, {}), DEFAULT)]
    assert SignKind.COPYING not in kinds, "the others came after"
    found = sign(SignKind.COPYING, Answers(1, mine, before, {}, {}))
    assert (found.level, found.observed, found.other) == (Level.WARNING, 1.0, 0)


def test_where_everybody_says_the_same_nobody_has_copied() -> None:
    mine = [given(task, 3, ORDERS[0]) for task in range(30)]
    others = {task: [given(task, 1, ORDERS[0]), given(task, 2, ORDERS[0])] for task in range(30)}
    assert sign(SignKind.COPYING, Answers(3, mine, others, {}, {})).level is None


@pytest.mark.parametrize("others_tie", [False, True])
def test_ties_stand_out_only_where_others_see_differences(others_tie: bool) -> None:
    mine = [given(task, 1, (1, 1, 1, 1)) for task in range(30)]
    theirs = (1, 1, 1, 1) if others_tie else (1, 2, 3, 4)
    others = {task: [given(task, 2, theirs), given(task, 3, theirs)] for task in range(30)}
    level = sign(SignKind.SAMENESS, Answers(1, mine, others, {}, {})).level
    assert level is (None if others_tie else Level.PAUSE)


def test_who_rates_all_the_same_and_still_ranks_is_only_warned_of() -> None:
    own = [given(task, 1, ORDERS[task % 6], ratings=({"overall": 4},) * 4) for task in range(30)]
    assert sign(SignKind.SAMENESS, Answers(1, own, {}, {}, {})).level is Level.WARNING


def test_the_same_ranks_by_letter_again_and_again_are_a_habit() -> None:
    own = [given(task, 1, (3, 1, 4, 2)) for task in range(15)]
    assert sign(SignKind.POSITION, Answers(1, own, {}, {}, {})).level is Level.PAUSE


def test_somebody_who_contradicts_themselves_is_noticed() -> None:
    before = {task: {100 * task + place: 4 - place for place in range(4)} for task in range(20)}
    own = [given(task, 1, ORDERS[0], purpose=Purpose.REPEAT) for task in range(20)]
    found = sign(SignKind.REPEATS, Answers(1, own, {}, {}, before))
    assert (found.level, found.observed) == (Level.WARNING, 0.0)
