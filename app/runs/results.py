"""What a finished run leaves behind: a checkpoint, completions or scores, in the transaction that ends the run."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.orm import Session

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.completions.queries import completion_ids
from app.completions.service import NewCompletion, add_completions, record_scores
from app.projects.models import Project
from app.runs.models import Run, Stage
from app.runs.queries import input_checkpoint, latest_metrics
from trainer.manifest import model_digest
from trainer.records import Sample, ScoreRecord, read_lines

PRODUCES = {
    Stage.PRETRAIN: CheckpointKind.BASE,
    Stage.SFT: CheckpointKind.SFT,
    Stage.REWARD: CheckpointKind.REWARD,
    Stage.PPO: CheckpointKind.POLICY,
    Stage.ALIGN: CheckpointKind.POLICY,
}


def register_results(session: Session, run: Run, files: Path) -> Checkpoint | None:
    """The checkpoint that a training stage made; samples and scores are stored instead where that was the stage."""
    if run.stage is Stage.SAMPLE:
        add_completions(session, _completions(session, run, files))
    elif run.stage is Stage.SCORE:
        _store_scores(session, run, files)
    else:
        return _register_model(session, run, files)
    return None


def _register_model(session: Session, run: Run, files: Path) -> Checkpoint:
    location = f"{run.location}/model"
    return register_checkpoint(
        session,
        session.get_one(Project, run.project_id),
        PRODUCES[run.stage],
        f"{run.stage.value}-{run.id}",
        location=location,
        digest=model_digest(files / location),
        parent=input_checkpoint(session, run, "model"),
        metrics=latest_metrics(session, run),
    )


def sampled_completions(session: Session, run: Run, files: Path) -> list[tuple[int, int]]:
    """(prompt id, completion id) of each line of a finished run's `samples.jsonl`, in its order."""
    sampled = [(each.prompt_id, each.digest) for each in _completions(session, run, files)]
    ids = completion_ids(session, sampled)
    return [(key[0], ids[key]) for key in sampled]


def _completions(session: Session, run: Run, files: Path) -> Iterator[NewCompletion]:
    author = input_checkpoint(session, run, "model")
    for sample in read_lines(Sample, files / run.location / "samples.jsonl"):
        yield NewCompletion(
            int(sample.prompt_id),
            sample.completion.replace("\0", "\N{REPLACEMENT CHARACTER}"),  # which Postgres cannot keep; the ids can
            checkpoint_id=author.id if author else None,
            token_ids=sample.token_ids,
            finish_reason=sample.finish_reason,
            logprob=sample.logprob,
            sampling={"run": run.id, "seed": sample.seed, "temperature": sample.temperature},
        )


def _store_scores(session: Session, run: Run, files: Path) -> None:
    reward_model = input_checkpoint(session, run, "reward_model")
    if reward_model is None:
        return
    scores = read_lines(ScoreRecord, files / run.location / "scores.jsonl")
    record_scores(session, reward_model, {int(each.completion_id): each.score for each in scores})
