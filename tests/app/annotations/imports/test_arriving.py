"""Rankings arrive in the trainer as they were chosen, whatever they are (argilla#5712 is what happens without this)."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.ranking import dense_ranks
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.projects.models import Project
from app.tasks.leasing import claim_next_task
from app.tasks.queries import desk
from tests.arriving import Ranking, frozen_comparisons, rankings_in_file, rankings_in_trainer
from tests.factories import make_labeler, make_open_campaign

ranks = st.integers(2, 9).flatmap(lambda k: st.lists(st.integers(1, k), min_size=k, max_size=k))


@given(rankings=st.lists(ranks, min_size=1, max_size=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_ranking_arrives_unchanged(session: Session, tmp_path: Path, rankings: list[list[int]]) -> None:
    undone = session.begin_nested()
    chosen, project = _ranked_by_a_labeler(session, rankings)
    comparisons = frozen_comparisons(session, tmp_path, project)
    assert rankings_in_file(comparisons) == chosen
    assert rankings_in_trainer(comparisons) == chosen
    undone.rollback()


def _ranked_by_a_labeler(session: Session, rankings: list[list[int]]) -> tuple[list[Ranking], Project]:
    """One task each, ranked in the order shown on the desk; what was chosen, by text."""
    labeler = make_labeler(session)
    first = make_open_campaign(session, outputs=len(rankings[0]))
    project = session.get_one(Project, first.project_id)
    campaigns = [first] + [make_open_campaign(session, outputs=len(each), project=project) for each in rankings[1:]]
    chosen = [_rank(session, labeler, campaign, each) for campaign, each in zip(campaigns, rankings, strict=True)]
    return chosen, project


def _rank(session: Session, labeler: User, campaign: Campaign, typed: list[int]) -> Ranking:
    assignment = claim_next_task(session, labeler, campaign)
    assert assignment is not None
    judgement = Judgement(tuple(dense_ranks(typed)), ({},) * len(typed))
    submit_ranking(session, assignment, judgement, Sent("one"))
    texts = [str(output.text) for output in desk(session, assignment).outputs]
    return dict(zip(texts, dense_ranks(typed), strict=True))
