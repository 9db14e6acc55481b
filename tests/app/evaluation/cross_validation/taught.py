"""A project whose labelers ranked prompts of every split, and a reward model that learned from them."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.clock import now
from app.completions.models import Completion, CompletionScore
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.evaluation.cross_validation.advancing import advance_cross_validation, advance_cross_validations
from app.evaluation.cross_validation.models import CrossValidation, ValidationState
from app.evaluation.cross_validation.queries import fold_views, folds_of
from app.evaluation.cross_validation.service import start_cross_validation
from app.projects.models import Project
from app.prompts.models import Prompt
from app.runs.models import Run, RunState, Stage
from app.runs.service import Input, claim_next_run, enqueue_run
from app.worker.execution import execute
from tests.app.evaluation.judged import bring, judged
from tests.factories import make_project

SETTINGS = {"epochs": 1, "learning_rate": 1e-3, "batch": 8, "seed": 7, "device": "cpu"}


def ranked(labelers: Sequence[str], prompts: int, split: str, **more: object) -> list[dict[str, Any]]:
    """Each labeler ranks each prompt alike: the shorter output first."""
    texts = {"short": "Yes.", "middle": "Yes, it is so.", "long": "Yes, it is so and was so always."}
    return [
        judged(f"{split}-{n}", {"short": 1, "middle": 2, "long": 3}, texts=texts, labeler=labeler, split=split, **more)
        for labeler in labelers
        for n in range(prompts)
    ]


def make_taught_project(session: Session, labelers: Sequence[str] = ("ann", "bob", "cyd", "dan", "eve")) -> Project:
    project = make_project(session)
    rows = [*ranked(labelers, 3, "train"), *ranked(labelers, 2, "validation")]
    bring(session, project, [*rows, *ranked(["held"], 2, "test", cohort="held_out")])
    return project


def make_reward_model(session: Session, files: Path, project: Project, model: Checkpoint | None = None) -> Checkpoint:
    """As a finished run left it; `model`: what it was made from."""
    frozen = freeze_dataset(session, files, project, "all rankings", DatasetKind.COMPARISONS, DatasetFilter())
    base = model or register_checkpoint(session, project, CheckpointKind.SFT, "sft", location="sft", digest="5f")
    run = enqueue_run(session, project, Stage.REWARD, SETTINGS, [Input("model", base), Input("comparisons", frozen)])
    made = register_checkpoint(session, project, CheckpointKind.REWARD, "reward", location="rm", digest="4e")
    run.state, run.finished_at, run.produced_checkpoint_id = RunState.FINISHED, now(), made.id
    session.flush()
    return made


def do_runs(engine: Engine, files: Path) -> list[Run]:
    """What a worker does, until nothing is queued and nothing is missing; those that it did, in order."""
    done = []
    while True:
        advance_cross_validations(engine, files)
        with transaction(engine) as session:
            claim = claim_next_run(session, "test:1")
        if claim is None:
            return done
        execute(engine, files, claim, threading.Event())
        with transaction(engine) as session:
            done.append(session.get_one(Run, claim.run_id))


def make_contrary(session: Session, files: Path) -> CrossValidation:
    """Two labelers of opposite taste, each with a model that says what the one says who taught it."""
    project = make_project(session)
    rows = [*ranked(["ann"], 1, "train"), *ranked(["ann"], 12, "validation")]
    others = [*ranked(["bob"], 1, "train"), *ranked(["bob"], 12, "validation")]
    bring(session, project, rows + [{**row, "ranks": row["ranks"][::-1]} for row in others])
    started = start_cross_validation(session, project, make_reward_model(session, files, project), 2, seed=0)
    advance_cross_validation(session, files, started)
    taught_by_ann = {fold.number: "bob" in fold.left_out[0].name for fold in fold_views(session, started)}
    for fold in folds_of(session, started):
        model = register_checkpoint(session, project, CheckpointKind.REWARD, f"fold {fold.number}", location="x")
        session.get_one(Run, fold.training_id).produced_checkpoint_id = model.id
        for completion in session.scalars(select(Completion).join(Prompt).where(Prompt.project_id == project.id)):
            length = len(completion.text or "")
            score = -length if taught_by_ann[fold.number] else length
            session.add(CompletionScore(completion_id=completion.id, checkpoint_id=model.id, score=score))
    started.state, started.finished_at = ValidationState.FINISHED, now()
    session.flush()
    return started
