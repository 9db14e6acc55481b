"""What reviewers keep out of a dataset: how much of what its filter asks for, by reason."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.models import Annotation
from app.annotations.review.conditions import KEPT_OUT, REASON_KEPT_OUT, standing_of_it
from app.annotations.review.models import ReviewDecision
from app.campaigns.models import Campaign
from app.datasets.filtering import DatasetFilter, annotations_asked_for, prompts_asked_for
from app.datasets.models import DatasetKind
from app.datasets.rows import KINDS
from app.projects.models import Project
from app.prompts.models import Prompt
from app.tasks.models import Task


def counts_kept_out(session: Session, project: Project, kind: DatasetKind, chosen: DatasetFilter) -> dict[str, int]:
    """By reason, before `at_most`; empty where nothing is kept out. `sent_back` waits for its labeler."""
    query = (
        select(REASON_KEPT_OUT.label("why"), func.count(Annotation.assignment_id.distinct()))
        .select_from(ReviewDecision)
        .join(Annotation, standing_of_it())
        .where(KEPT_OUT)
    )
    if kind is DatasetKind.PROMPTS:
        query = query.join(Prompt, Prompt.id == Annotation.prompt_id).where(*prompts_asked_for(project, chosen))
    else:
        query = (
            query.join(Task, Task.id == Annotation.task_id)
            .join(Campaign, Campaign.id == Task.campaign_id)
            .join(Prompt, Prompt.id == Task.prompt_id)
            .where(Annotation.kind.in_(KINDS[kind]), *annotations_asked_for(project, chosen))
        )
    return dict(session.execute(query.group_by("why").order_by("why")).all())
