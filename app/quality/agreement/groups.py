"""How far labelers agree on rankings within groups: campaigns, cohorts, use cases."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.models import Annotation, AnnotationKind
from app.campaigns.models import Campaign
from app.prompts.models import Prompt
from app.quality.agreement.coefficients import Figure, figure
from app.quality.agreement.judged import Ranking, pair_verdicts
from app.quality.agreement.pairs import STRICT_AGREEMENT
from app.quality.agreement.scope import Scope, from_task, joined
from app.quality.resampling import DRAWS


class Grouping(StrEnum):
    CAMPAIGN = "campaign"
    COHORT = "cohort"
    USE_CASE = "use_case"


@dataclass(frozen=True)
class Group:
    """Agreement, ties left out, of two labelers of the same group; a use case without a name is empty."""

    by: Grouping
    name: str
    figure: Figure


def agreement_by_group(
    session: Session, scope: Scope, since: int | None, rankings: Sequence[Ranking], draws: int = DRAWS
) -> list[Group]:
    """Of groupings with two groups or more; the largest group first. One query."""
    belongs = _groups_of_annotations(session, scope, since)
    found: list[Group] = []
    for place, by in enumerate(Grouping):
        groups: dict[str, list[Ranking]] = defaultdict(list)
        for ranking in rankings:
            groups[belongs[ranking.annotation][place]].append(ranking)
        if len(groups) > 1:
            largest_first = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
            found += [Group(by, name, _agreement(inside, draws)) for name, inside in largest_first]
    return found


def _groups_of_annotations(session: Session, scope: Scope, since: int | None) -> dict[int, tuple[str, str, str]]:
    """Of each ranking its campaign, cohort and use case."""
    query = joined(select(Annotation.id, Campaign.name, Annotation.cohort, Prompt.use_case)).where(
        *scope.conditions(), Annotation.kind == AnnotationKind.RANKING
    )
    if since is not None:
        query = query.where(*from_task(since))
    return {number: (campaign, cohort.value, case or "") for number, campaign, cohort, case in session.execute(query)}


def _agreement(rankings: Sequence[Ranking], draws: int) -> Figure:
    said = pair_verdicts(rankings)
    return figure(STRICT_AGREEMENT, said.counts, said.item_clusters, draws=draws)
