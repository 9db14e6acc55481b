"""Which annotations and prompts a plan takes."""

from datetime import date

from sqlalchemy.orm import Session

from app.datasets.models import DatasetKind
from app.datasets.queries import counts_by_split
from app.datasets.rows import rows_of
from app.projects.models import Project
from app.prompts.models import Split
from app.rounds.choosing import comparisons_taken, prompts_taken
from app.rounds.plan import DataPlan, RoundPlan, SamplingPlan
from app.tasks.service import add_compare_tasks
from tests.factories import make_campaign, make_completion, make_project, make_prompt


def _drawn(session: Session, project: Project, draw: str) -> list[str]:
    chosen = prompts_taken(RoundPlan(), list(Split), SamplingPlan(prompts=5), draw)
    return [row.record.prompt_id for row in rows_of(session, project, DatasetKind.PROMPTS, chosen)]


def test_each_round_draws_other_prompts_and_the_same_ones_again(session: Session) -> None:
    project = make_project(session)
    for number in range(30):
        make_prompt(session, project, f"Prompt {number}")
    first, second = _drawn(session, project, "round 1"), _drawn(session, project, "round 2")
    assert len(first) == len(second) == 5
    assert first != second
    assert _drawn(session, project, "round 1") == first


def test_fresh_prompts_are_those_that_nobody_was_asked_to_judge(session: Session) -> None:
    project = make_project(session)
    prompts = [make_prompt(session, project) for _ in range(3)]
    outputs = [make_completion(session, prompts[0], said) for said in ("one", "two")]
    add_compare_tasks(session, make_campaign(session, project=project), [(prompts[0], outputs)])
    fresh = prompts_taken(RoundPlan(), list(Split), SamplingPlan(choose="fresh"))
    assert sum(counts_by_split(session, project, DatasetKind.PROMPTS, fresh).values()) == 2


def test_rankings_are_chosen_by_campaign_and_day() -> None:
    data = DataPlan(campaigns=(3, 4), since=date(2026, 1, 1), until=date(2026, 1, 31))
    chosen = comparisons_taken(RoundPlan(comparisons=data, people="both"))
    assert (chosen.campaigns, chosen.since, chosen.until, chosen.people) == ((3, 4), data.since, data.until, "both")
