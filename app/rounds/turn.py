"""One look at a round: the facts that its steps left in the database, and how a step adds to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint
from app.datasets.models import Dataset
from app.files.place import Files
from app.projects.models import Project
from app.rounds.models import Round, RoundCampaign, RoundDataset, RoundRun
from app.rounds.plan import RoundPlan, Step
from app.runs.models import Run, RunState, Stage
from app.runs.service import Input, enqueue_run

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Outcome(StrEnum):
    """What became of a step at this look."""

    DONE = "done"
    RUNNING = "running"
    WAITING = "waiting"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"


OUTCOME_OF = {
    RunState.QUEUED: Outcome.RUNNING,
    RunState.RUNNING: Outcome.RUNNING,
    RunState.PAUSED: Outcome.RUNNING,
    RunState.FINISHED: Outcome.DONE,
    RunState.FAILED: Outcome.FAILED,
    RunState.CANCELLED: Outcome.CANCELLED,
}


@dataclass(frozen=True)
class Turn:
    session: Session
    files: Files
    round: Round
    project: Project
    plan: RoundPlan

    @property
    def draw(self) -> str:
        """What this round's prompts are drawn by: other ones than those of the round before."""
        return f"round {self.round.number}"

    def run_of(self, step: Step) -> Run | None:
        return self.session.scalar(
            select(Run)
            .join(RoundRun, RoundRun.run_id == Run.id)
            .where(RoundRun.round_id == self.round.id, RoundRun.step == step)
        )

    def dataset_of(self, step: Step) -> Dataset | None:
        return self.session.scalar(
            select(Dataset)
            .join(RoundDataset, RoundDataset.dataset_id == Dataset.id)
            .where(RoundDataset.round_id == self.round.id, RoundDataset.step == step)
        )

    def campaign_of(self, step: Step) -> Campaign | None:
        return self.session.scalar(
            select(Campaign)
            .join(RoundCampaign, RoundCampaign.campaign_id == Campaign.id)
            .where(RoundCampaign.round_id == self.round.id, RoundCampaign.step == step)
        )

    def the_run(self, step: Step) -> Run:
        run = self.run_of(step)
        assert run is not None, f"step {step} comes before those that need it"
        return run

    def the_dataset(self, step: Step) -> Dataset:
        dataset = self.dataset_of(step)
        assert dataset is not None, f"step {step} comes before those that need it"
        return dataset

    def model_of(self, step: Step) -> Checkpoint:
        """What the step's run produced."""
        return self.session.get_one(Checkpoint, self.the_run(step).produced_checkpoint_id)

    def run_step(
        self,
        step: Step,
        stage: Stage,
        inputs: Sequence[Input],
        own: Mapping[str, Any] = NOTHING,
        above: Mapping[str, Any] = NOTHING,
    ) -> Outcome:
        """The state of the step's run, which is queued at the first look. The plan's settings hold over `own`.

        Those of `above` hold over the plan's.
        """
        run = self.run_of(step)
        if run is None:
            settings = {**own, **self.plan.stage_settings(stage), **above}
            needs = self.plan.stage_needs(stage)
            run = enqueue_run(self.session, self.project, stage, settings, inputs, needs=needs)
            self.session.add(RoundRun(round_id=self.round.id, run_id=run.id, step=step))
            self.session.flush()
        return OUTCOME_OF[run.state]

    def keep_dataset(self, step: Step, dataset: Dataset) -> None:
        self.session.add(RoundDataset(round_id=self.round.id, dataset_id=dataset.id, step=step))
        self.session.flush()

    def keep_campaign(self, step: Step, campaign: Campaign, *, sampled: int, alike: int, left_out: int) -> None:
        """What the samples became, and how many of them it does not show."""
        counts = {"sampled": sampled, "alike": alike, "left_out": left_out}
        self.session.add(RoundCampaign(round_id=self.round.id, campaign_id=campaign.id, step=step, **counts))
        self.session.flush()
