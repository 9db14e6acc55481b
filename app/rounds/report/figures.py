"""What one round came to, in figures that stand beside those of other rounds. None: it was not measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.annotations.models import AnnotatedOutput, Annotation
from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.queries import first_sft
from app.completions.models import Completion, CompletionAuthor
from app.datasets.models import DatasetAnnotation
from app.db import among
from app.evaluation.choosing import Chosen
from app.evaluation.reward_models import Accuracy, accuracies, scored_pairs
from app.evaluation.win_rate import WinRate
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.quality.agreement.coefficients import Figure, figure
from app.quality.agreement.judged import pair_verdicts, rankings_in
from app.quality.agreement.pairs import STRICT_AGREEMENT
from app.quality.agreement.scope import Scope
from app.rounds.models import Round, RoundCampaign, RoundRun
from app.rounds.plan import Step
from app.rounds.queries import StepView, step_views
from app.rounds.report.win_rate import evaluations_of, win_rate_between
from app.runs.models import Run
from app.runs.queries import input_checkpoint
from app.tasks.models import Task


@dataclass(frozen=True)
class Labels:
    """What the round's reward model learned from; `untied` and `tied` are pairs of outputs of one ranking."""

    rankings: int
    prompts: int
    labelers: int
    untied: int
    tied: int


@dataclass(frozen=True)
class Models:
    """The policy that the round made, the one that it began with, and the oldest SFT model behind both."""

    policy: Checkpoint | None
    policy_run: Run | None
    reward: Checkpoint | None
    earlier: Checkpoint | None
    baseline: Checkpoint | None

    @property
    def policies(self) -> list[Checkpoint]:
        """Newest first, each once."""
        found = [each for each in (self.policy, self.earlier, self.baseline) if each is not None]
        return list({each.id: each for each in found}.values())


@dataclass(frozen=True)
class Length:
    """Of what a policy wrote for test prompts: means, and the share that ended before the limit."""

    policy: Checkpoint
    outputs: int
    words: float
    tokens: float | None
    ended: float | None


@dataclass(frozen=True)
class RoundFigures:
    """`accuracy`: of the reward model on pairs of validation and test prompts that its own labelers ranked;
    `accuracy_held_out`: on those of the held-out, who judged the policies. `validation_accuracy` is the trainer's own.
    """

    round: Round
    steps: list[StepView]
    models: Models
    labels: Labels | None
    agreement: Figure | None
    accuracy: Accuracy | None
    validation_accuracy: float | None
    accuracy_held_out: Accuracy | None
    reward: float | None
    kl: float | None
    against_earlier: WinRate | None
    against_baseline: WinRate | None
    lengths: list[Length]


def figures_of(session: Session, project: Project, found: Round) -> RoundFigures:
    models = models_of(session, found)
    steps = step_views(session, found)
    evaluations = evaluations_of(session, found)
    last = _last_numbers(steps, models.policy)
    return RoundFigures(
        round=found,
        steps=steps,
        models=models,
        labels=labels_of(session, steps),
        agreement=agreement_of(session, ranked_in(session, found)),
        accuracy=_of_most(accuracies_on(session, project, ranked_in(session, found), models, unseen=True)),
        validation_accuracy=_last_numbers(steps, models.reward).get("validation_accuracy"),
        accuracy_held_out=_of_most(accuracies_on(session, project, evaluations, models)),
        reward=last.get("score"),
        kl=last.get("kl"),
        against_earlier=_against(session, evaluations, models.policy, models.earlier),
        against_baseline=_against(session, evaluations, models.policy, models.baseline),
        lengths=lengths_of(session, models.policies),
    )


def _last_numbers(steps: Sequence[StepView], made: Checkpoint | None) -> dict[str, float]:
    """Of the run that made it."""
    found = (step.metrics for step in steps if made and step.checkpoint and step.checkpoint.id == made.id)
    return next(found, None) or {}


def models_of(session: Session, found: Round) -> Models:
    made = session.execute(
        select(Run, Checkpoint)
        .join(RoundRun, RoundRun.run_id == Run.id)
        .join(Checkpoint, Checkpoint.id == Run.produced_checkpoint_id)
        .where(RoundRun.round_id == found.id)
        .order_by(Run.id)
    ).all()
    of_kind = {checkpoint.kind: (run, checkpoint) for run, checkpoint in made}
    run, policy = of_kind.get(CheckpointKind.POLICY, (None, None))
    return Models(
        policy=policy,
        policy_run=run,
        reward=of_kind.get(CheckpointKind.REWARD, (None, None))[1],
        earlier=input_checkpoint(session, run, "model") if run else None,
        baseline=first_sft(session, policy) if policy else None,
    )


def ranked_in(session: Session, found: Round) -> list[Campaign]:
    """Where the round's own rankings were collected; none where it took those that were there."""
    query = select(Campaign).join(RoundCampaign)
    return list(session.scalars(query.where(RoundCampaign.round_id == found.id, RoundCampaign.step == Step.COMPARE)))


def labels_of(session: Session, steps: Sequence[StepView]) -> Labels | None:
    """Of the dataset of comparisons that the round froze; None while there is none."""
    frozen = [step.dataset for step in steps if step.dataset and step.step is Step.COMPARISONS]
    if not frozen:
        return None
    taken = select(DatasetAnnotation.annotation_id).where(DatasetAnnotation.dataset_id == frozen[0].id)
    people = (
        select(func.count(), func.count(Task.prompt_id.distinct()), func.count(Annotation.labeler_id.distinct()))
        .join(Task, Task.id == Annotation.task_id)
        .where(Annotation.id.in_(taken))
    )
    return Labels(*session.execute(people).one(), *_pairs(session, taken))


def _pairs(session: Session, taken: object) -> tuple[int, int]:
    """Untied and tied: of K outputs K(K-1)/2 pairs, of n at the same rank n(n-1)/2."""
    at_rank = (
        select(AnnotatedOutput.annotation_id, func.count().label("size"))
        .where(AnnotatedOutput.annotation_id.in_(taken), AnnotatedOutput.rank.is_not(None))  # type: ignore[arg-type]
        .group_by(AnnotatedOutput.annotation_id, AnnotatedOutput.rank)
        .subquery()
    )
    of_ranking = (
        select(
            func.sum(at_rank.c.size).label("outputs"),
            func.sum(at_rank.c.size * (at_rank.c.size - 1) / 2).label("tied"),
        )
        .group_by(at_rank.c.annotation_id)
        .subquery()
    )
    every = func.coalesce(func.sum(of_ranking.c.outputs * (of_ranking.c.outputs - 1) / 2), 0)
    pairs, tied = session.execute(select(every, func.coalesce(func.sum(of_ranking.c.tied), 0))).one()
    return int(pairs - tied), int(tied)


def agreement_of(session: Session, campaigns: Sequence[Campaign]) -> Figure | None:
    """How often two labelers put two outputs in the same order (InstructGPT, 3.4); None without a campaign."""
    if not campaigns:
        return None
    scope = Scope(campaigns=tuple(each.id for each in campaigns), people="both")
    said = pair_verdicts(rankings_in(session, scope, None))
    return figure(STRICT_AGREEMENT, said.counts, said.item_clusters) if len(said.items) else None


def accuracies_on(
    session: Session, project: Project, campaigns: Sequence[Campaign], models: Models, *, unseen: bool = False
) -> list[Accuracy]:
    """Of the round's reward model, by whose word it is. `unseen`: without prompts that were trained on."""
    if models.reward is None:
        return []
    pairs = [
        pair
        for campaign in campaigns
        for pair in scored_pairs(session, Chosen(project, campaign))
        if pair.reward_model == models.reward.id
    ]
    if unseen:
        known = _trained_on(session, {pair.prompt_id for pair in pairs})
        pairs = [pair for pair in pairs if pair.prompt_id not in known]
    return accuracies(pairs)


def _trained_on(session: Session, prompts: set[int]) -> set[int]:
    query = select(Prompt.id).where(among(Prompt.id, prompts), Prompt.split == Split.TRAIN)
    return set(session.scalars(query))


def _of_most(found: Sequence[Accuracy]) -> Accuracy | None:
    """People and simulated labelers are never mixed: those who said most speak."""
    return max(found, key=lambda each: each.share.count, default=None)


def _against(
    session: Session, evaluations: Sequence[Campaign], policy: Checkpoint | None, other: Checkpoint | None
) -> WinRate | None:
    if policy is None or other is None or not evaluations:
        return None
    return win_rate_between(session, evaluations, policy, other)


def lengths_of(session: Session, policies: Sequence[Checkpoint]) -> list[Length]:
    words = func.cardinality(func.regexp_split_to_array(func.btrim(Completion.text), r"\s+"))
    query = (
        select(
            CompletionAuthor.checkpoint_id,
            func.count(),
            func.avg(words),
            func.avg(func.cardinality(CompletionAuthor.token_ids)),
            func.count().filter(CompletionAuthor.finish_reason == "stop"),
            func.count(CompletionAuthor.finish_reason),
        )
        .join(Completion, Completion.id == CompletionAuthor.completion_id)
        .join(Prompt, Prompt.id == Completion.prompt_id)
        .where(among(CompletionAuthor.checkpoint_id, [each.id for each in policies]))
        .where(Prompt.split == Split.TEST, Completion.text.is_not(None))
        .group_by(CompletionAuthor.checkpoint_id)
    )
    counted = {row[0]: row[1:] for row in session.execute(query)}
    return [_length(policy, *counted[policy.id]) for policy in policies if policy.id in counted]


def _length(policy: Checkpoint, outputs: int, words: float, tokens: float | None, ended: int, known: int) -> Length:
    return Length(
        policy, outputs, float(words), float(tokens) if tokens is not None else None, ended / known if known else None
    )
