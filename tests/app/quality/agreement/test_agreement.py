"""Agreement between labelers of the same task."""

from random import Random

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.ranking import dense_ranks
from app.annotations.review.decisions import exclude
from app.annotations.review.models import ExclusionReason
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.quality.agreement.coefficients import figure
from app.quality.agreement.judged import pair_verdicts, rankings_in
from app.quality.agreement.pairs import STRICT_AGREEMENT
from app.quality.agreement.pairwise import Agreement, pairwise_agreement
from app.quality.agreement.scope import Scope
from app.tasks.leasing import claim_next_task
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_user


def _campaign_ranked(session: Session, *rankings: tuple[int, ...]) -> Campaign:
    """One task, ranked by one labeler each; ranks in the order of completion ids."""
    labelers = [make_labeler(session) for _ in rankings]
    campaign = make_open_campaign(session, overlap=len(rankings), outputs=len(rankings[0]))
    for labeler, ranks in zip(labelers, rankings, strict=True):
        assignment = make_assignment(session, labeler, campaign)
        by_id = dict(zip(sorted(assignment.shown_order), ranks, strict=True))
        shown = tuple(by_id[number] for number in assignment.shown_order)
        submit_ranking(session, assignment, Judgement(shown, ({},) * len(ranks)), Sent("one"))
    return campaign


@pytest.mark.parametrize(
    ("rankings", "expected"),
    [
        (((1, 2, 3), (1, 2, 3)), Agreement(3, 3, 0)),
        (((1, 2, 3), (3, 2, 1)), Agreement(3, 0, 0)),
        (((1, 2, 3), (2, 1, 3)), Agreement(3, 2, 0)),
        (((1, 1, 2), (1, 2, 3)), Agreement(2, 2, 1)),
        (((1, 2), (1, 2), (2, 1)), Agreement(3, 1, 0)),
        (((1, 2, 3),), Agreement(0, 0, 0)),
    ],
)
def test_pairs_that_both_ordered_agree_where_the_order_is_the_same(
    session: Session, rankings: tuple[tuple[int, ...], ...], expected: Agreement
) -> None:
    assert pairwise_agreement(session, _campaign_ranked(session, *rankings)) == expected


def test_without_a_common_pair_there_is_no_share(session: Session) -> None:
    assert pairwise_agreement(session, _campaign_ranked(session, (1, 2))).share is None
    assert pairwise_agreement(session, _campaign_ranked(session, (1, 2), (1, 2))).share == 1


def test_of_many_tasks_the_newest_are_looked_at(session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(2)]
    campaign = make_open_campaign(session, tasks=3, overlap=2, outputs=2)
    for labeler, ranks in zip(labelers, ((1, 2), (1, 2)), strict=True):
        while assignment := claim_next_task(session, labeler, campaign):
            submit_ranking(session, assignment, Judgement(ranks, ({}, {})), Sent(f"{labeler.id}-{assignment.id}"))
    found = pairwise_agreement(session, campaign, newest_tasks=2)
    assert (found.strict + found.tied, found.cut) == (2, True)
    assert not pairwise_agreement(session, campaign, newest_tasks=3).cut


@pytest.mark.parametrize("seed", range(3))
def test_the_page_of_a_campaign_says_what_the_page_of_agreement_says(session: Session, seed: int) -> None:
    """The database counts for the one, arrays for the other."""
    chance = Random(seed)
    labelers = [make_labeler(session) for _ in range(4)]
    campaign = make_open_campaign(session, tasks=6, overlap=3, outputs=4)
    said = []
    for labeler in labelers:
        while assignment := claim_next_task(session, labeler, campaign):
            ranks = dense_ranks([chance.randint(1, 4) for _ in range(4)])
            judgement = Judgement(tuple(ranks), ({},) * 4)
            said.append(submit_ranking(session, assignment, judgement, Sent(f"{assignment.id}")))
    exclude(session, make_user(session, Role.RESEARCHER), chance.choice(said), ExclusionReason.CARELESS, "")
    counted = pairwise_agreement(session, campaign)
    verdicts = pair_verdicts(rankings_in(session, Scope(campaigns=(campaign.id,))))
    computed = figure(STRICT_AGREEMENT, verdicts.counts, verdicts.item_clusters)
    assert (counted.share, counted.strict) == (pytest.approx(computed.value), computed.comparisons)
    assert counted.tied > 0
