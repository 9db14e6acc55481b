"""What a finished run leaves behind."""

from collections import Counter
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.checkpoints.models import CheckpointKind
from app.checkpoints.service import register_checkpoint
from app.completions.models import Completion, CompletionAuthor
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.projects.models import Project
from app.runs.models import Run, Stage
from app.runs.results import register_results, sampled_completions, samples_of
from app.runs.service import Input, enqueue_run
from app.worker.folders import write_run_folder
from tests.factories import make_prompt
from trainer.records import Sample, write_lines


def sampled(session: Session, files: Path, *texts: str) -> Run:
    """A run of the stage `sample`, with these texts for one prompt."""
    prompt = make_prompt(session)
    project = session.get_one(Project, prompt.project_id)
    policy = register_checkpoint(session, project, CheckpointKind.POLICY, "policy", location="somewhere")
    prompts = freeze_dataset(session, files, project, "prompts", DatasetKind.PROMPTS, DatasetFilter())
    inputs = [Input("model", policy), Input("prompts", prompts)]
    run = enqueue_run(session, project, Stage.SAMPLE, {}, inputs)
    (files / run.location).mkdir(parents=True)
    samples = (Sample(str(prompt.id), said, (1, 2), "stop", -1.0, "policy", 7, 1.0) for said in texts)
    write_lines(files / run.location / "samples.jsonl", samples)
    return run


def test_samples_become_completions_in_their_order(session: Session, tmp_path: Path) -> None:
    run = sampled(session, tmp_path, "b", "a", "b", "nul \0")
    register_results(session, run, tmp_path)
    numbers = [number for _, number in sampled_completions(session, run, tmp_path)]
    texts = [session.get_one(Completion, number).text for number in numbers]
    assert texts == ["b", "a", "b", "nul \N{REPLACEMENT CHARACTER}"]
    assert numbers[0] == numbers[2]


def test_looking_at_samples_writes_nothing(session: Session, tmp_path: Path) -> None:
    run = sampled(session, tmp_path, "a", "b")
    register_results(session, run, tmp_path)
    session.execute(text("SET TRANSACTION READ ONLY"))
    assert len(sampled_completions(session, run, tmp_path)) == 2


def test_samples_of_several_policies_are_told_apart(session: Session, tmp_path: Path) -> None:
    prompt = make_prompt(session)
    project = session.get_one(Project, prompt.project_id)
    policies = [register_checkpoint(session, project, CheckpointKind.POLICY, name, location=name) for name in "ab"]
    prompts = freeze_dataset(session, tmp_path, project, "prompts", DatasetKind.PROMPTS, DatasetFilter())
    inputs = [*(Input("model", policy) for policy in policies), Input("prompts", prompts)]
    run = enqueue_run(session, project, Stage.SAMPLE, {}, inputs)
    folder = write_run_folder(session, run, tmp_path)
    samples = [Sample(str(prompt.id), f"by {name}", (1,), "stop", -1.0, name, 7, 1.0) for name in "aabb"]
    write_lines(folder / "samples.jsonl", samples)
    register_results(session, run, tmp_path)
    query = select(CompletionAuthor.checkpoint_id, Completion.text).join(Completion).order_by(Completion.text)
    assert list(session.execute(query)) == [(policies[0].id, "by a"), (policies[1].id, "by b")]
    assert Counter(each.checkpoint_id for each in samples_of(session, run, tmp_path)) == {
        each.id: 2 for each in policies
    }
