"""One round, whole: real trainer subprocesses, tiny models, labelers who prefer the shorter text."""

import io
import json
import threading

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, User
from app.annotations.imports.importing import import_demonstrations
from app.annotations.ranking import dense_ranks
from app.annotations.service import Sent, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.checkpoints.models import Checkpoint, CheckpointKind
from app.completions.models import Completion, CompletionAuthor, CompletionScore
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import Dataset, DatasetKind
from app.db import transaction
from app.notifications.models import Event, EventKind
from app.projects.models import Project
from app.rounds.advancing import advance_unfinished_rounds
from app.rounds.approval.deciding import approve_samples
from app.rounds.approval.queries import asked_now, seen_by
from app.rounds.approval.seen import Seen
from app.rounds.models import Round, RoundState
from app.rounds.plan import NeedsPlan, RoundPlan, SamplingPlan, Step
from app.rounds.queries import step_views
from app.rounds.report.win_rate import round_win_rate
from app.rounds.service import RoundUnderWay, RunStillStopping, cancel_round, resume_round, start_round
from app.runs.models import Run, RunState, Stage
from app.runs.needs import Capacity
from app.runs.service import claim_next_run, end_cancelled_run
from app.runs.settings import InvalidSettings
from app.tasks.leasing import claim_next_task
from app.worker.execution import execute
from tests.factories import make_labeler, make_project

TINY = {
    Stage.PRETRAIN: {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "vocabulary": 300, "epochs": 1},
    Stage.SFT: {"epochs": 1, "learning_rate": 1e-3},
    Stage.REWARD: {"epochs": 1, "learning_rate": 1e-3, "batch": 8},
    Stage.PPO: {"steps": 2, "batch_prompts": 8, "max_new_tokens": 8},
    Stage.SAMPLE: {"max_new_tokens": 8},
}
SPLITS = ["train"] * 8 + ["validation"] * 3 + ["test"] * 4
PLAN = RoundPlan(settings=TINY, samples=SamplingPlan(prompts=4))


def demonstrations() -> io.BytesIO:
    lines = [
        {
            "prompt_id": f"p{number}",
            "prompt": [{"role": "user", "content": f"Say number {number} in words."}],
            "completion": f"Number {number} it is.",
            "split": split,
        }
        for number, split in enumerate(SPLITS)
    ]
    return io.BytesIO("\n".join(json.dumps(line) for line in lines).encode())


def prepare(session: Session) -> Project:
    project = make_project(session)
    import_demonstrations(session, project, demonstrations(), source="words")
    for _ in range(2):
        make_labeler(session)
        make_labeler(session, Cohort.HELD_OUT)
    return project


def do_runs(engine: Engine, files) -> None:
    """What the worker does, until nothing is queued and no round can go on."""
    while True:
        advance_unfinished_rounds(engine, files)
        with transaction(engine) as session:
            claim = claim_next_run(session, "test:1")
        if claim is None:
            return
        execute(engine, files, claim, threading.Event())


def rank_everything(engine: Engine) -> int:
    """Every labeler takes tasks until none is left; the shorter text is the better one, equal lengths tie."""
    done = 0
    with transaction(engine) as session:
        for labeler in session.scalars(select(User).where(User.role == "labeler", User.email.is_not(None))).all():
            while assignment := claim_next_task(session, labeler):
                texts = {each.id: each.text for each in session.scalars(select(Completion))}
                ranks = dense_ranks([len(texts[number]) + 1 for number in assignment.shown_order])
                judgement = Judgement(tuple(ranks), tuple({} for _ in ranks))
                submit_ranking(session, assignment, judgement, Sent(f"key {assignment.id}"))
                done += 1
    return done


def approve(engine: Engine, current: Round) -> Seen:
    with transaction(engine) as session:
        waiting = session.get_one(Round, current.id)
        asked = asked_now(session, waiting)
        approve_samples(session, waiting, asked)
        return seen_by(asked)


def test_a_round_goes_from_demonstrations_to_the_next_round_s_tasks(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        started = start_round(session, prepare(session), PLAN.model_copy(update={"approval": True}))
    do_runs(fresh_database, tmp_path)
    assert approve(fresh_database, started).earlier is None  # people alone answered before
    do_runs(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        waiting = session.get_one(Round, started.id)
        assert (waiting.state, waiting.error) == (RoundState.WAITING, None)
    assert rank_everything(fresh_database) == 11  # train and validation prompts, overlap 1
    do_runs(fresh_database, tmp_path)
    assert rank_everything(fresh_database) == 0  # nobody has approved the new policy's samples
    seen = approve(fresh_database, started)
    assert None not in (seen.ours.reward, seen.ours.kl, seen.theirs, seen.theirs and seen.theirs.reward)
    do_runs(fresh_database, tmp_path)
    assert rank_everything(fresh_database) > 0  # the next round's tasks, and the evaluation
    do_runs(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        finished = session.get_one(Round, started.id)
        assert (finished.state, finished.error) == (RoundState.FINISHED, None)
        told = [*[EventKind.ROUND_AWAITS_APPROVAL] * 2, EventKind.ROUND_FINISHED]
        assert session.scalars(select(Event.kind).order_by(Event.id)).all() == told
        made = {view.step: view for view in step_views(session, finished)}
        assert {view.step for view in made.values() if view.state == "open"} == {Step.NEXT_COMPARE}
        assert {view.step for view in made.values() if view.state == "closed"} == {Step.COMPARE, Step.EVALUATION}
        policy = made[Step.PPO].checkpoint
        assert policy.kind is CheckpointKind.POLICY
        assert policy.parent_id == made[Step.SFT].checkpoint.id
        assert made[Step.SFT].checkpoint.parent_id == made[Step.PRETRAIN].checkpoint.id
        assert (tmp_path / policy.location / "model.safetensors").is_file()
        assert made[Step.COMPARISONS].dataset.rows == 11
        assert session.scalars(select(CompletionAuthor).where(CompletionAuthor.checkpoint_id == policy.id)).first()
        win_rate = round_win_rate(session, tmp_path, finished)
        assert win_rate.prompts == 4
        scored = set(session.scalars(select(CompletionScore.checkpoint_id)))
        assert scored == {made[Step.REWARD].checkpoint.id}  # what held-out labelers said is scored, not trained on
        assert 0 <= win_rate.rate <= 1


def test_looking_twice_changes_nothing(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        start_round(session, prepare(session), PLAN)
    for _ in range(3):
        advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        assert [run.stage for run in session.scalars(select(Run))] == [Stage.PRETRAIN]
        assert [each.kind for each in session.scalars(select(Dataset))] == [DatasetKind.DEMONSTRATIONS]


def test_only_a_worker_that_has_what_the_plan_asks_for_takes_its_runs(fresh_database, tmp_path):
    asking = PLAN.model_copy(update={"needs": {Stage.PRETRAIN: NeedsPlan(gpu=True, memory=8_000, label="large")}})
    with transaction(fresh_database) as session:
        start_round(session, prepare(session), asking)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        for other in (Capacity(), Capacity(1, 64_000, 8_000), Capacity(1, 64_000, 4_000, ("large",))):
            assert claim_next_run(session, "test:1", other) is None
        assert claim_next_run(session, "test:2", Capacity(1, 64_000, 8_000, ("large",)))


def test_a_failed_stage_ends_the_round_with_its_error_and_log_and_can_go_on(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        started = start_round(session, prepare(session), PLAN)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        location = session.scalar(select(Dataset.location))
    rows = tmp_path / location / "demonstrations.jsonl"
    kept = rows.read_text()
    rows.write_text("not JSON\n")
    do_runs(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        failed = session.get_one(Round, started.id)
        assert failed.state is RoundState.FAILED
        assert "line 1" in failed.error
        rows.write_text(kept)
        resume_round(session, failed)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        again = session.get_one(Round, started.id)
        assert (again.state, again.error) == (RoundState.RUNNING, None)
        assert claim_next_run(session, "test:1").stage is Stage.PRETRAIN


def test_a_cancelled_round_stops_its_run(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        started = start_round(session, prepare(session), PLAN)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        cancel_round(session, session.get_one(Round, started.id))
    do_runs(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        assert session.scalar(select(Run.state)) is RunState.CANCELLED
        assert session.scalars(select(Checkpoint)).all() == []
        assert session.get_one(Round, started.id).state is RoundState.CANCELLED


def test_a_cancelled_round_goes_on_only_once_its_run_has_stopped(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        started = start_round(session, prepare(session), PLAN)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        claim = claim_next_run(session, "test:1")
        current = session.get_one(Round, started.id)
        cancel_round(session, current)
        with pytest.raises(RunStillStopping):
            resume_round(session, current)
        end_cancelled_run(session, claim)
        resume_round(session, current)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        assert session.get_one(Round, started.id).state is RoundState.RUNNING


def test_settings_are_checked_before_anything_runs(session):
    plan = RoundPlan(settings={Stage.PPO: {"clip": -1}})
    with pytest.raises(InvalidSettings, match=r"ppo: Setting `clip` must be at least 0"):
        start_round(session, make_project(session), plan)
    assert session.scalars(select(Round)).all() == []


def test_a_project_has_one_round_under_way(session):
    project = make_project(session)
    start_round(session, project, RoundPlan())
    with pytest.raises(RoundUnderWay):
        start_round(session, project, RoundPlan())


def test_a_round_without_demonstrations_says_so(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        started = start_round(session, make_project(session), RoundPlan())
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        failed = session.get_one(Round, started.id)
        assert failed.state is RoundState.FAILED
        assert failed.error.startswith("demonstrations: Nothing matches")
        assert session.scalars(select(Campaign)).all() == []


def test_a_name_that_somebody_gave_away_stops_no_round(fresh_database, tmp_path):
    with transaction(fresh_database) as session:
        project = prepare(session)
        chosen = DatasetFilter(people="both")
        taken = "Round 1: demonstrations"
        freeze_dataset(session, tmp_path, project, taken, DatasetKind.DEMONSTRATIONS, chosen)
        started = start_round(session, project, PLAN)
    advance_unfinished_rounds(fresh_database, tmp_path)
    with transaction(fresh_database) as session:
        assert session.get_one(Round, started.id).state is RoundState.RUNNING
        assert set(session.scalars(select(Dataset.name))) == {taken, f"{taken} (2)"}
