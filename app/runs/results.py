"""What a finished run leaves behind: a checkpoint, completions or scores, in the transaction that ends the run."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.checkpoints.files import size_of
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.completions.queries import BATCH, completion_ids
from app.completions.service import NewCompletion, add_completions, record_scores
from app.db import in_batches
from app.files.place import Files, fetched, here
from app.projects.models import Project
from app.runs.models import Run, Stage
from app.runs.queries import input_checkpoint, inputs_of, latest_metrics
from trainer.manifest import model_digest
from trainer.records import Sample, ScoreRecord, read_lines

PRODUCES = {
    Stage.PRETRAIN: CheckpointKind.BASE,
    Stage.SFT: CheckpointKind.SFT,
    Stage.REWARD: CheckpointKind.REWARD,
    Stage.PPO: CheckpointKind.POLICY,
    Stage.ALIGN: CheckpointKind.POLICY,
}


def register_results(session: Session, run: Run, files: Files) -> Checkpoint | None:
    """The checkpoint that a training stage made; samples and scores are stored instead where that was the stage."""
    if run.stage is Stage.SAMPLE:
        add_completions(session, _completions(session, run, files))
    elif run.stage is Stage.SCORE:
        _store_scores(session, run, files)
    else:
        return _register_model(session, run, files)
    return None


def _register_model(session: Session, run: Run, files: Files) -> Checkpoint:
    location = f"{run.location}/model"
    return register_checkpoint(
        session,
        session.get_one(Project, run.project_id),
        PRODUCES[run.stage],
        f"{run.stage.value}-{run.id}",
        location=location,
        digest=model_digest(here(files) / location),
        size=size_of(here(files) / location),
        parent=input_checkpoint(session, run, "model"),
        metrics=latest_metrics(session, run),
    )


@dataclass(frozen=True)
class StoredSample:
    """A line of a finished run's `samples.jsonl` and the completion that it became. `likelihood`: nats a token."""

    checkpoint_id: int | None
    temperature: float
    prompt_id: int
    completion_id: int
    text: str
    ended: bool
    likelihood: float | None
    reward: float | None


def samples_of(session: Session, run: Run, files: Files) -> Iterator[StoredSample]:
    """In the order of the file: policy after policy."""
    for batch in in_batches(_samples(session, run, files), BATCH):
        ids = completion_ids(session, [(new.prompt_id, new.digest) for new, _ in batch])
        yield from (_stored(ids[new.prompt_id, new.digest], new, sample) for new, sample in batch)


def _stored(completion_id: int, new: NewCompletion, sample: Sample) -> StoredSample:
    return StoredSample(
        checkpoint_id=new.checkpoint_id,
        temperature=sample.temperature,
        prompt_id=new.prompt_id,
        completion_id=completion_id,
        text=new.text or "",
        ended=sample.finish_reason == "stop",
        likelihood=sample.logprob / len(sample.token_ids) if sample.token_ids else None,
        reward=sample.score,
    )


def sampled_completions(session: Session, run: Run, files: Files) -> list[tuple[int, int]]:
    """(prompt id, completion id) of each line of a finished run's `samples.jsonl`, in its order."""
    return [(each.prompt_id, each.completion_id) for each in samples_of(session, run, files)]


def _policies(session: Session, run: Run, files: Files) -> dict[str, Checkpoint]:
    """By the name that the trainer knew them by, which is what their samples carry."""
    named = json.loads(fetched(files, f"{run.location}/config.json").read_text(encoding="utf-8"))["model"].split(",")
    policies = [each.source for each in inputs_of(session, run) if each.setting == "model"]
    return {name: each for name, each in zip(named, policies, strict=True) if isinstance(each, Checkpoint)}


def _completions(session: Session, run: Run, files: Files) -> Iterator[NewCompletion]:
    return (new for new, _ in _samples(session, run, files))


def _samples(session: Session, run: Run, files: Files) -> Iterator[tuple[NewCompletion, Sample]]:
    first = input_checkpoint(session, run, "model")
    several = sum(each.setting == "model" for each in inputs_of(session, run)) > 1
    policies = _policies(session, run, files) if several else {}
    for sample in read_lines(Sample, fetched(files, f"{run.location}/samples.jsonl")):
        author = policies.get(sample.checkpoint, first)
        new = NewCompletion(
            int(sample.prompt_id),
            sample.completion.replace("\0", "\N{REPLACEMENT CHARACTER}"),  # which Postgres cannot keep; the ids can
            checkpoint_id=author.id if author else None,
            token_ids=sample.token_ids,
            finish_reason=sample.finish_reason,
            logprob=sample.logprob,
            sampling={"run": run.id, "seed": sample.seed, "temperature": sample.temperature},
        )
        yield new, sample


def _store_scores(session: Session, run: Run, files: Files) -> None:
    reward_model = input_checkpoint(session, run, "reward_model")
    if reward_model is None:
        return
    scores = read_lines(ScoreRecord, fetched(files, f"{run.location}/scores.jsonl"))
    record_scores(session, reward_model, {int(each.completion_id): each.score for each in scores})
