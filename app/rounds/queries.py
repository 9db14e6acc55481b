"""What is known about rounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint
from app.datasets.models import Dataset
from app.errors import NotFound
from app.projects.models import Project
from app.rounds.models import ApprovalState, Round, RoundApproval, RoundCampaign, RoundDataset, RoundRun, RoundState
from app.rounds.plan import RoundPlan, Step, steps_of
from app.runs.models import Run, RunState
from app.runs.queries import latest_metrics


@dataclass(frozen=True)
class Listed:
    """A round as a line of the list; `asks`: its samples wait for approval."""

    round: Round
    project: str
    asks: bool


@dataclass(frozen=True)
class StepView:
    """A step and what it left: nothing yet, or a run (with the model it made), a dataset, a campaign, a question.

    `fed`: what of the samples the campaign shows.
    """

    step: Step
    run: Run | None = None
    metrics: dict[str, float] | None = None
    checkpoint: Checkpoint | None = None
    dataset: Dataset | None = None
    campaign: Campaign | None = None
    fed: RoundCampaign | None = None
    approval: RoundApproval | None = None

    @property
    def state(self) -> str:
        """In the words of runs and campaigns; a frozen dataset is finished."""
        if self.run:
            return self.run.state.value
        if self.campaign:
            return self.campaign.state.value
        if self.approval:
            return self.approval.state.value
        return RunState.FINISHED.value if self.dataset else "not_started"


def round_by_id(session: Session, number: int) -> Round:
    found = session.get(Round, number)
    if found is None:
        raise NotFound(what="round", number=number)
    return found


def rounds(session: Session) -> list[Listed]:
    """Newest first."""
    asks = (Round.state == RoundState.WAITING) & exists().where(
        RoundApproval.round_id == Round.id, RoundApproval.state == ApprovalState.ASKED
    )
    query = select(Round, Project.name, asks).join(Project, Project.id == Round.project_id).order_by(Round.id.desc())
    return [Listed(found, name, asking) for found, name, asking in session.execute(query)]


def round_of_run(session: Session, run: Run) -> Round | None:
    """The round whose step the run does; runs may be queued without one."""
    return session.scalar(select(Round).join(RoundRun).where(RoundRun.run_id == run.id))


def rounds_of(session: Session, project: Project) -> Sequence[Round]:
    """Newest first."""
    return session.scalars(select(Round).where(Round.project_id == project.id).order_by(Round.number.desc())).all()


def campaigns_of_round(session: Session, found: Round) -> tuple[int, ...]:
    """The numbers of the campaigns that its samples became."""
    return tuple(session.scalars(select(RoundCampaign.campaign_id).where(RoundCampaign.round_id == found.id)))


def plan_of(found: Round) -> RoundPlan:
    return RoundPlan.model_validate(found.plan)


def step_views(session: Session, found: Round) -> list[StepView]:
    """Every step of the plan, in order, done or not."""
    runs = {
        step: (run, checkpoint)
        for step, run, checkpoint in session.execute(
            select(RoundRun.step, Run, Checkpoint)
            .join(Run, Run.id == RoundRun.run_id)
            .outerjoin(Checkpoint, Checkpoint.id == Run.produced_checkpoint_id)
            .where(RoundRun.round_id == found.id)
        )
    }
    datasets = _by_step(session, found, RoundDataset.step, Dataset, RoundDataset)
    campaigns = _by_step(session, found, RoundCampaign.step, Campaign, RoundCampaign)
    links = session.scalars(select(RoundCampaign).where(RoundCampaign.round_id == found.id))
    fed = {link.step: link for link in links}
    approvals = {each.step: each for each in current_approvals(session, found)}
    return [
        StepView(
            step,
            run=runs[step][0] if step in runs else None,
            checkpoint=runs[step][1] if step in runs else None,
            metrics=latest_metrics(session, runs[step][0]) if step in runs else None,
            dataset=datasets.get(step),
            campaign=campaigns.get(step),
            fed=fed.get(step),
            approval=approvals.get(step),
        )
        for step in steps_of(plan_of(found))
    ]


def current_approvals(session: Session, found: Round) -> Sequence[RoundApproval]:
    """Of the samples that the round has now; not of those that were made anew since."""
    query = select(RoundApproval).join(RoundRun, RoundRun.run_id == RoundApproval.run_id)
    return session.scalars(query.where(RoundApproval.round_id == found.id).order_by(RoundApproval.id)).all()


def _by_step(session: Session, found: Round, step: Any, kind: Any, link: Any) -> dict[str, Any]:
    rows = session.execute(select(step, kind).join(link).where(link.round_id == found.id))
    return {name: row for name, row in rows}  # noqa: C416
