"""What a round's plan takes of the project's annotations and prompts, as filters of datasets."""

from collections.abc import Sequence

from app.datasets.filtering import DatasetFilter
from app.prompts.models import Split
from app.rounds.plan import DataPlan, RoundPlan, SamplingPlan

WHOLE = SamplingPlan()


def demonstrations_taken(plan: RoundPlan) -> DatasetFilter:
    return _taken(plan, plan.demonstrations)


def comparisons_taken(plan: RoundPlan) -> DatasetFilter:
    """Of the rankings that are there already."""
    return _taken(plan, plan.comparisons)


def _taken(plan: RoundPlan, data: DataPlan) -> DatasetFilter:
    return DatasetFilter(people=plan.people, campaigns=data.campaigns, since=data.since, until=data.until)


def prompts_taken(
    plan: RoundPlan, splits: Sequence[Split], sampling: SamplingPlan = WHOLE, draw: str | None = None
) -> DatasetFilter:
    """`draw`: where only some are taken, they are drawn anew for each word."""
    return DatasetFilter(
        people=plan.people,
        splits=tuple(splits),
        at_most=sampling.prompts,
        unjudged=sampling.choose == "fresh",
        drawn_by=draw if sampling.prompts else None,
    )
