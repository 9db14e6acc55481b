"""Rounds as they look when they have ended, without the hours of training: made row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import members
from app.campaigns.service import open_campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.clock import now
from app.completions.models import Completion
from app.completions.service import add_completion
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.projects.models import Project
from app.prompts.models import Prompt, Split
from app.quality.membership import admit_cohort
from app.rounds.models import Round, RoundCampaign, RoundDataset, RoundRun, RoundState
from app.rounds.plan import RoundPlan, Step
from app.rounds.service import start_round
from app.runs.models import Run, RunInput, RunMetric, RunState, Stage
from app.tasks.leasing import claim_next_task
from app.tasks.service import add_compare_tasks
from tests.factories import make_campaign, make_labeler, make_prompt

POLICY_WORDS, EARLIER_WORDS = "The policy says so.", "The earlier one says this."


@dataclass(frozen=True)
class Ended:
    """A finished round and what it made; `outputs`: of each test prompt the policy's and the earlier one's."""

    round: Round
    policy: Checkpoint
    reward: Checkpoint
    comparisons: Dataset
    compare: Campaign
    evaluation: Campaign
    outputs: list[tuple[Completion, Completion]]


def make_sft(session: Session, project: Project) -> Checkpoint:
    return register_checkpoint(session, project, CheckpointKind.SFT, "sft-1", location="runs/1-sft/model", digest="5f")


def make_ended_round(
    session: Session,
    files: Path,
    project: Project,
    earlier: Checkpoint,
    *,
    wins: Sequence[bool],
    labelers: int = 2,
    baseline: Checkpoint | None = None,
) -> Ended:
    """Two labelers rank two prompts alike; held-out ones prefer the policy on a test prompt for each true in `wins`.

    `baseline`: whose output stands beside those two, and is the worst always.
    """
    for _ in range(labelers):
        make_labeler(session)
        make_labeler(session, Cohort.HELD_OUT)
    plan = RoundPlan(start="checkpoint", checkpoint_id=earlier.id)
    started = start_round(session, project, plan)
    compare = make_ranked_campaign(session, project, started, labelers)
    comparisons = _frozen(session, files, project, started, compare)
    reward = _reward(session, project, started, earlier, comparisons)
    policy = _policy(session, project, started, earlier, reward)
    evaluation, outputs = _evaluated(session, project, started, policy, earlier, wins, baseline)
    started.state, started.finished_at = RoundState.FINISHED, now()
    session.flush()
    return Ended(started, policy, reward, comparisons, compare, evaluation, outputs)


def make_ranked_campaign(session: Session, project: Project, started: Round, labelers: int) -> Campaign:
    campaign = make_campaign(session, project=project, overlap=labelers)
    prompts = [make_prompt(session, project) for _ in range(2)]
    texts = [[add_completion(session, prompt, f"Text {n}") for n in range(3)] for prompt in prompts]
    _open(session, campaign, list(zip(prompts, texts, strict=True)), started, Step.COMPARE)
    _rank_all(session, campaign, {completion.id: rank for group in texts for rank, completion in enumerate(group)})
    return campaign


def _open(
    session: Session,
    campaign: Campaign,
    groups: list[tuple[Prompt, list[Completion]]],
    started: Round,
    step: Step,
) -> None:
    add_compare_tasks(session, campaign, groups)
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    session.add(RoundCampaign(round_id=started.id, campaign_id=campaign.id, step=step))


def _rank_all(session: Session, campaign: Campaign, places: dict[int, int]) -> None:
    """Everybody of the cohort, until there is nothing left; a lower place is better."""
    for member in members(session, campaign):
        while assignment := claim_next_task(session, member.user, campaign):
            order = [places[number] for number in assignment.shown_order]
            ranks = tuple(sorted(set(order)).index(place) + 1 for place in order)
            ratings = tuple({"overall": 8 - rank, "hallucination": rank > 1} for rank in ranks)
            submit_ranking(session, assignment, Judgement(ranks, ratings), Sent(f"key {assignment.id}"))


def _frozen(session: Session, files: Path, project: Project, started: Round, campaign: Campaign) -> Dataset:
    name = f"Round {started.number}: comparisons"
    chosen = DatasetFilter(campaigns=(campaign.id,))
    dataset = freeze_dataset(session, files, project, name, DatasetKind.COMPARISONS, chosen)
    session.add(RoundDataset(round_id=started.id, dataset_id=dataset.id, step=Step.COMPARISONS))
    return dataset


def _reward(session: Session, project: Project, started: Round, model: Checkpoint, data: Dataset) -> Checkpoint:
    name = f"reward-{started.number}"
    made = register_checkpoint(
        session, project, CheckpointKind.REWARD, name, location=f"runs/{name}/model", digest="4e"
    )
    lines = [{"step": 1, "validation_accuracy": 0.625}]
    inputs = [{"setting": "model", "checkpoint_id": model.id}, {"setting": "comparisons", "dataset_id": data.id}]
    _run(session, started, Step.REWARD, Stage.REWARD, made, inputs, lines)
    return made


def _policy(session: Session, project: Project, started: Round, model: Checkpoint, reward: Checkpoint) -> Checkpoint:
    name = f"ppo-{started.number}"
    made = register_checkpoint(
        session, project, CheckpointKind.POLICY, name, location=f"runs/{name}/model", digest="90", parent=model
    )
    inputs = [{"setting": "model", "checkpoint_id": model.id}, {"setting": "reward_model", "checkpoint_id": reward.id}]
    lines = [{"step": step, "score": step / 10, "kl": step / 4, "length": 20.0} for step in range(1, 41)]
    _run(session, started, Step.PPO, Stage.PPO, made, inputs, lines)
    return made


def _run(
    session: Session,
    started: Round,
    step: Step,
    stage: Stage,
    made: Checkpoint,
    inputs: list[dict[str, object]],
    lines: list[dict[str, float]],
) -> None:
    run = Run(
        project_id=started.project_id,
        stage=stage,
        settings={"seed": 1},
        state=RunState.FINISHED,
        produced_checkpoint_id=made.id,
        finished_at=now(),
    )
    session.add(run)
    session.flush()
    session.add(RoundRun(round_id=started.id, run_id=run.id, step=step))
    session.add_all(RunInput(run_id=run.id, **each) for each in inputs)
    session.add_all(RunMetric(run_id=run.id, step=int(line["step"]), values=line) for line in lines)
    session.flush()


def _evaluated(
    session: Session,
    project: Project,
    started: Round,
    policy: Checkpoint,
    earlier: Checkpoint,
    wins: Sequence[bool],
    baseline: Checkpoint | None,
) -> tuple[Campaign, list[tuple[Completion, Completion]]]:
    campaign = make_campaign(session, CampaignKind.EVALUATE, project=project)
    prompts = [make_prompt(session, project) for _ in wins]
    for prompt in prompts:
        prompt.split = Split.TEST
    session.flush()
    pairs = [
        (
            add_completion(
                session, prompt, f"{POLICY_WORDS} {started.number}", checkpoint=policy, finish_reason="stop"
            ),
            add_completion(session, prompt, EARLIER_WORDS, checkpoint=earlier, finish_reason="length"),
        )
        for prompt in prompts
    ]
    worst = [add_completion(session, prompt, "No.", checkpoint=baseline) for prompt in prompts if baseline]
    groups = [(prompt, list(pair)) for prompt, pair in zip(prompts, pairs, strict=True)]
    for (_, group), third in zip(groups, worst, strict=False):
        group.append(third)
    _open(session, campaign, groups, started, Step.EVALUATION)
    places = {
        completion.id: place
        for pair, won in zip(pairs, wins, strict=True)
        for completion, place in zip(pair, (0, 1) if won else (1, 0), strict=True)
    }
    _rank_all(session, campaign, places | {completion.id: 2 for completion in worst})
    return campaign, pairs
