"""Rounds whose samples are there without a trainer: a sampling run is claimed, written and ended by hand."""

import json
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.files.place import keep
from app.projects.models import Project
from app.prompts.models import Split
from app.rounds.advancing import advance_round
from app.rounds.models import Round
from app.rounds.plan import RoundPlan
from app.rounds.service import start_round
from app.runs.models import Run, Stage
from app.runs.results import register_results
from app.runs.service import claim_next_run, finish_run
from app.worker.folders import write_run_folder
from tests.factories import make_labeler, make_prompt
from trainer.records import PromptRecord, Sample, read_lines, write_lines

Says = Callable[[str, int, int], str]  # the policy's folder, the prompt's number, which of its outputs


def make_policies(session: Session, project: Project) -> tuple[Checkpoint, Checkpoint]:
    """An SFT model and the policy that came from it."""
    sft = register_checkpoint(session, project, CheckpointKind.SFT, "sft-1", location="sft")
    policy = register_checkpoint(session, project, CheckpointKind.POLICY, "ppo-1", location="ppo", parent=sft)
    return sft, policy


def start_sampling_round(
    session: Session, project: Project, policy: Checkpoint, prompts: int = 3, **plan: object
) -> Round:
    make_labeler(session)
    for _ in range(prompts):
        make_prompt(session, project).split = Split.TRAIN
    wanted = {"aim": "samples", "start": "checkpoint", "checkpoint_id": policy.id, "approval": True, **plan}
    return start_round(session, project, RoundPlan.model_validate(wanted))


def says(policy: str, prompt: int, place: int) -> str:
    return f"{policy} says the {place}th thing of prompt {prompt}."


def advance(session: Session, files: Path, current: Round, text: Says = says) -> list[Run]:
    """What the worker does until the round waits or ends; samples say `text`."""
    done: list[Run] = []
    while True:
        advance_round(session, files, current)
        session.flush()
        claim = claim_next_run(session, "test:1")
        if claim is None:
            return done
        assert claim.stage is Stage.SAMPLE
        run = session.get_one(Run, claim.run_id)
        write_samples(write_run_folder(session, run, files), text)
        keep(files, run.location)
        register_results(session, run, files)
        done.append(finish_run(session, claim, None))


def write_samples(folder: Path, text: Says) -> None:
    """`k_max` outputs of each policy for each prompt, with each of the temperatures in turn."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    prompts = list(read_lines(PromptRecord, Path(config["prompts"])))
    warmth = [float(each) for each in config.get("temperatures", "1").split(",")]
    samples = [
        Sample(
            prompt_id=row.prompt_id,
            completion=text(Path(policy).name, int(row.prompt_id), place),
            token_ids=(1, 2),
            finish_reason="stop",
            logprob=-2.0,
            checkpoint=policy,
            seed=7,
            temperature=warmth[place % len(warmth)],
        )
        for policy in config["model"].split(",")
        for row in prompts
        for place in range(config["k_max"])
    ]
    write_lines(folder / "samples.jsonl", samples)
