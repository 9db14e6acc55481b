"""How long a plan's stages take, by how fast the same stage went before.

Work is counted in what each stage goes through: rows times passes for those that learn from a file, episodes for PPO,
completions for sampling. A stage that was never finished in this installation is not known yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.datasets.models import Dataset
from app.projects.models import Project
from app.prompts.models import Split
from app.rounds.chosen_data import ChosenData
from app.rounds.plan import STAGE_OF, RoundPlan, Step, steps_of
from app.runs.models import Run, RunInput, RunState, Stage
from trainer.config import STAGES, defaults


@dataclass(frozen=True)
class Estimate:
    """`seconds` is None where no run of this stage has finished yet; `run` is the one that it was reckoned by."""

    step: Step
    work: int
    seconds: float | None
    run: int | None


def estimates(session: Session, project: Project, plan: RoundPlan, found: ChosenData) -> list[Estimate]:
    """A line for each step that runs the trainer."""
    return [_estimate(session, project, plan, step, found) for step in steps_of(plan) if step in STAGE_OF]


def total_seconds(lines: list[Estimate]) -> float | None:
    """None while any of them is not known."""
    known = [line.seconds for line in lines if line.seconds is not None]
    return sum(known) if len(known) == len(lines) else None


def _estimate(session: Session, project: Project, plan: RoundPlan, step: Step, found: ChosenData) -> Estimate:
    stage = STAGE_OF[step]
    work = work_in(stage, {**plan.stage_settings(stage), **_own(plan, step)}, rows_for(plan, step, found))
    before = _latest_run(session, project, stage)
    if before is None:
        return Estimate(step, work, None, None)
    run, done, seconds = before
    return Estimate(step, work, work * seconds / done, run.id)


def _own(plan: RoundPlan, step: Step) -> dict[str, Any]:
    """What the step adds to the settings of its stage (`app.rounds.steps`)."""
    sampling = {Step.CANDIDATES: plan.candidates, Step.SAMPLES: plan.samples, Step.EARLIER_SAMPLES: plan.samples}
    if step not in sampling:
        policies = 2 if step is Step.EARLIER_TEST_SAMPLES and _has_baseline(plan) else 1
        return {"k_min": policies, "k_max": policies} if STAGE_OF[step] is Stage.SAMPLE else {}
    chosen = sampling[step]
    earlier, candidates = len(plan.others) + plan.mix_earlier_policy, 1 + len(plan.candidate_others)
    models = {Step.EARLIER_SAMPLES: earlier, Step.CANDIDATES: candidates}.get(step, 1)
    times = chosen.rankings * models
    return {"k_min": chosen.k_min * times, "k_max": chosen.k_max * times}


def _has_baseline(plan: RoundPlan) -> bool:
    """Whether a first SFT model may be another than the policy that the round begins with."""
    return plan.against_first_sft and plan.start != "pretrain"


def rows_for(plan: RoundPlan, step: Step, found: ChosenData) -> int:
    """The lines of the file that the step reads."""
    collected = found.candidate_prompts * plan.candidates.rankings * plan.overlap
    there = found.ranked.rankings
    rankings = {"collect": collected, "existing": there, "both": collected + there}[plan.rankings]
    demonstrations = found.demonstrations[Split.TRAIN]
    return {
        Step.PRETRAIN: demonstrations,
        Step.SFT: demonstrations,
        Step.CANDIDATES: found.candidate_prompts,
        Step.REWARD: rankings,
        Step.PPO: found.train_prompts,
        Step.ALIGN: found.train_prompts if plan.draws_while_aligning else rankings,
        Step.SAMPLES: found.sample_prompts,
        Step.EARLIER_SAMPLES: found.sample_prompts,
        Step.TEST_SAMPLES: found.test_prompts,
        Step.EARLIER_TEST_SAMPLES: found.test_prompts,
    }[step]


def work_in(stage: Stage, settings: Mapping[str, Any], rows: int) -> int:
    """At least 1."""
    value = {**defaults(STAGES[stage.value]), **settings}
    if stage is Stage.PPO:
        work: float = value["steps"] * value["batch_prompts"] * value["samples_per_prompt"]
    elif stage is Stage.SAMPLE:
        work = rows * (value["k_min"] + value["k_max"]) / 2
    else:
        work = rows * value.get("epochs", 1)
    return max(1, round(work))


def _latest_run(session: Session, project: Project, stage: Stage) -> tuple[Run, int, float] | None:
    """The newest finished one, of this project if there is any: with its work and how many seconds it took."""
    seconds = func.extract("epoch", Run.finished_at - Run.started_at)
    query = (
        select(Run, func.max(Dataset.rows), seconds)
        .join(RunInput, RunInput.run_id == Run.id)
        .join(Dataset, Dataset.id == RunInput.dataset_id)
        .where(Run.stage == stage, Run.state == RunState.FINISHED, Run.started_at.is_not(None))
        .where(Run.finished_at > Run.started_at)
        .group_by(Run.id)
        .order_by((Run.project_id == project.id).desc(), Run.finished_at.desc())
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    run, rows, took = found
    return run, work_in(stage, run.settings, rows), float(took)
