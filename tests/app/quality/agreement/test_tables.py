"""Which answers are compared with which."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Origin, Role, User
from app.annotations.models import Annotation
from app.annotations.review.decisions import exclude, send_back, stand_by
from app.annotations.review.models import ExclusionReason
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.quality.agreement.coefficients import Figure, Undefined
from app.quality.agreement.questions import Measure, Part
from app.quality.agreement.scope import Scope
from app.quality.agreement.tables import Agreement, agreement_in
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Task
from tests.factories import make_labeler, make_open_campaign, make_project, make_user

SCORES = ({"overall": 6}, {"overall": 2}, {"overall": 2})


def ranked(session: Session, campaign: Campaign, labeler: User, ranks: tuple[int, ...], **flags: bool) -> None:
    """Every task of the campaign, its outputs ranked in the order of their ids."""
    while assignment := claim_next_task(session, labeler, campaign):
        by_id = dict(zip(sorted(assignment.shown_order), range(len(ranks)), strict=True))
        places = [by_id[number] for number in assignment.shown_order]
        given = tuple({**SCORES[place], **flags} for place in places)
        judgement = Judgement(tuple(ranks[place] for place in places), given, {"ambiguous": True})
        submit_ranking(session, assignment, judgement, Sent(f"{labeler.id}-{assignment.id}"))


def figure_of(found: Agreement, part: Part, measure: Measure, question: str = "") -> Figure:
    (one,) = [
        line.figure for line in found.lines if (line.part, line.measure, line.question) == (part, measure, question)
    ]
    return one


@pytest.fixture
def campaign(session: Session) -> Campaign:
    """Twelve tasks of three outputs; two say the same, a third turns the first two outputs round."""
    project = make_project(session)
    people = [make_labeler(session) for _ in range(3)]
    campaign = make_open_campaign(session, tasks=12, outputs=3, overlap=3, project=project)
    for labeler, ranks in zip(people, [(1, 2, 3), (1, 2, 3), (2, 1, 3)], strict=True):
        ranked(session, campaign, labeler, ranks, hallucination=ranks[0] == 2)
    return campaign


def test_rankings_are_compared_pair_by_pair(session: Session, campaign: Campaign) -> None:
    found = agreement_in(session, Scope(project=campaign.project_id), most_pairs=9)
    strict = figure_of(found, Part.PAIRS, Measure.STRICT)
    assert strict.value == pytest.approx(7 / 9), "of three labelers' three pairs, two outputs of three are undisputed"
    assert (strict.items, strict.comparisons, strict.clusters) == (36, 108, 12)
    assert strict.low == strict.high == pytest.approx(7 / 9), "every task is alike"
    assert figure_of(found, Part.PAIRS, Measure.TAU_B).value == pytest.approx((1 + 2 * (1 / 3)) / 3)
    assert found.labelers == 3
    assert not found.cut


def test_ratings_flags_and_marks_of_the_prompt_are_compared(session: Session, campaign: Campaign) -> None:
    found = agreement_in(session, Scope(project=campaign.project_id))
    assert figure_of(found, Part.OUTPUT, Measure.ALPHA_ORDINAL, "overall").value == 1
    assert figure_of(found, Part.OUTPUT, Measure.RAW, "hallucination").value == pytest.approx(1 / 3)
    marked = figure_of(found, Part.PROMPT, Measure.ALPHA_NOMINAL, "ambiguous")
    assert (marked.value, marked.undefined, marked.items) == (None, Undefined.CONSTANT, 12)


def test_labelers_are_compared_two_by_two(session: Session, campaign: Campaign) -> None:
    found = agreement_in(session, Scope(project=campaign.project_id), most_pairs=9)
    strict = [pair.figures[Measure.STRICT].value for pair in found.pairs if pair.part is Part.PAIRS]
    assert sorted(value for value in strict if value is not None) == pytest.approx([2 / 3, 2 / 3, 1])
    names = {name for pair in found.pairs for name in (pair.first, pair.second)}
    assert len(names) == 3
    first = next(pair for pair in found.pairs if pair.part is Part.PAIRS)
    alone = agreement_in(session, Scope(project=campaign.project_id, labelers=(first.first_id, first.second_id)))
    assert figure_of(alone, Part.PAIRS, Measure.STRICT).value == first.figures[Measure.STRICT].value
    assert alone.labelers == 2


def test_surplus_superseded_gold_and_simulated_answers_stay_outside(session: Session, campaign: Campaign) -> None:
    everybody = Scope(project=campaign.project_id)
    for change in ({"surplus": True}, {"simulated": True}):
        with session.begin_nested() as changed:
            session.execute(update(Annotation).values(**change))
            assert agreement_in(session, everybody).lines == []
            assert bool(agreement_in(session, replace(everybody, people="both")).lines) is ("simulated" in change)
            changed.rollback()
    session.execute(update(Task).values(purpose="gold"))
    assert agreement_in(session, everybody).lines == []


@pytest.mark.parametrize(
    ("narrowed", "is_there"),
    [
        ({"cohort": Cohort.TRAINING}, True),
        ({"cohort": Cohort.HELD_OUT}, False),
        ({"use_case": "chat"}, False),
        ({"campaigns": ()}, False),
    ],
)
def test_a_scope_is_narrowed(session: Session, campaign: Campaign, narrowed: dict[str, object], is_there: bool) -> None:
    scope = replace(Scope(project=campaign.project_id), **narrowed)  # type: ignore[arg-type]
    assert bool(agreement_in(session, scope).lines) is is_there


def test_another_projects_answers_stay_outside(session: Session, campaign: Campaign) -> None:
    assert campaign.kind is CampaignKind.COMPARE
    assert agreement_in(session, Scope(project=make_project(session).id)).lines == []


def test_only_the_newest_tasks_are_looked_at_where_that_is_asked(session: Session, campaign: Campaign) -> None:
    scope = Scope(project=campaign.project_id, newest_tasks=5)
    found = agreement_in(session, scope)
    assert figure_of(found, Part.PAIRS, Measure.STRICT).clusters == 5
    assert found.cut
    assert not agreement_in(session, replace(scope, newest_tasks=12)).cut


def test_answers_of_a_single_labeler_are_not_enough_and_say_so(session: Session) -> None:
    simulated = make_labeler(session, origin=Origin.SIMULATED)
    campaign = make_open_campaign(session, outputs=3)
    ranked(session, campaign, simulated, (1, 2, 2))
    found = agreement_in(session, Scope(project=campaign.project_id, people="simulated"))
    assert {line.figure.undefined for line in found.lines} == {Undefined.NOTHING_SHARED}


def test_what_reviewers_keep_out_is_left_out_unless_it_is_asked_for(session: Session, campaign: Campaign) -> None:
    contrary = session.scalars(select(Annotation).order_by(Annotation.labeler_id.desc(), Annotation.id)).all()[:12]
    reviewer = make_user(session, Role.RESEARCHER)
    for annotation in contrary[:11]:
        exclude(session, reviewer, annotation, ExclusionReason.CARELESS, "")
    send_back(session, reviewer, contrary[11], "Please look again.")
    scope = Scope(project=campaign.project_id)
    without, with_them = agreement_in(session, scope), agreement_in(session, replace(scope, excluded=True))
    assert (without.excluded, with_them.excluded) == (12, 12)
    assert (without.labelers, with_them.labelers) == (2, 3)
    assert figure_of(without, Part.PAIRS, Measure.STRICT).value == 1
    assert figure_of(with_them, Part.PAIRS, Measure.STRICT).value == pytest.approx(7 / 9)
    sent_back = contrary[11]
    labeler = session.get_one(User, sent_back.labeler_id)
    stand_by(session, labeler, session.get_one(Assignment, sent_back.assignment_id), "I did.")
    assert agreement_in(session, scope).excluded == 11
