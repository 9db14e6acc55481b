"""Verdicts between policies, read from rankings of their outputs."""

from sqlalchemy import and_, case, select
from sqlalchemy.orm import Session, aliased

from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.annotations.review.conditions import is_kept_out
from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.evaluation.win_rate import Verdict
from app.prompts.models import Prompt, Split
from app.tasks.models import Task


def verdicts_between(session: Session, campaign: Campaign, policy: Checkpoint, baseline: Checkpoint) -> list[Verdict]:
    """Every pair of their outputs in every current ranking that no reviewer keeps out; a common text ties.

    Prompts for which all outputs were equal have no task: nobody ranks a text against itself.
    """
    ours, theirs = aliased(AnnotatedOutput), aliased(AnnotatedOutput)
    our_author, their_author = aliased(CompletionAuthor), aliased(CompletionAuthor)
    outcome = case((ours.rank < theirs.rank, 1.0), (ours.rank == theirs.rank, 0.5), else_=0.0)
    query = (
        select(Task.prompt_id, outcome)
        .select_from(Annotation)
        .join(Task, Task.id == Annotation.task_id)
        .join(ours, ours.annotation_id == Annotation.id)
        .join(theirs, theirs.annotation_id == Annotation.id)
        .join(
            our_author,
            and_(our_author.completion_id == ours.completion_id, our_author.checkpoint_id == policy.id),
        )
        .join(
            their_author,
            and_(their_author.completion_id == theirs.completion_id, their_author.checkpoint_id == baseline.id),
        )
        .where(
            Task.campaign_id == campaign.id,
            Annotation.kind == AnnotationKind.RANKING,
            Annotation.current,
            ~Annotation.surplus,
            ~is_kept_out(),
            ours.rank.is_not(None),
            theirs.rank.is_not(None),
        )
        .order_by(Task.id, Annotation.id)
    )
    return [Verdict(prompt_id, outcome) for prompt_id, outcome in session.execute(query)]


def same_answers(session: Session, campaign: Campaign, policy: Checkpoint, baseline: Checkpoint) -> list[int]:
    """Test prompts to which both wrote the same text, and which therefore have no task in the campaign."""
    ours, theirs = aliased(CompletionAuthor), aliased(CompletionAuthor)
    asked = select(Task.prompt_id).where(Task.campaign_id == campaign.id)
    query = (
        select(Completion.prompt_id)
        .join(Prompt, Prompt.id == Completion.prompt_id)
        .join(ours, and_(ours.completion_id == Completion.id, ours.checkpoint_id == policy.id))
        .join(theirs, and_(theirs.completion_id == Completion.id, theirs.checkpoint_id == baseline.id))
        .where(Prompt.split == Split.TEST, Completion.prompt_id.not_in(asked))
        .distinct()
    )
    return list(session.scalars(query.order_by(Completion.prompt_id)))
