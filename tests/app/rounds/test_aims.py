"""Rounds that do not end in PPO: real trainer subprocesses, tiny models."""

from app.checkpoints.models import Checkpoint, CheckpointKind
from app.db import transaction
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan, SamplingPlan, Step
from app.rounds.queries import step_views
from app.rounds.service import start_round
from app.runs.models import Stage
from tests.app.rounds.test_loop import TINY, do_runs, prepare, rank_everything

SETTINGS = {**TINY, Stage.ALIGN: {"batch": 8, "learning_rate": 1e-3, "kl_prompts": 4, "max_new_tokens": 8}}
FEW = SamplingPlan(prompts=3, k_min=2, k_max=4)


def made_by(engine, started: Round) -> dict[Step, Checkpoint]:
    with transaction(engine) as session:
        found = session.get_one(Round, started.id)
        assert (found.state, found.error) == (RoundState.FINISHED, None)
        return {view.step: view.checkpoint for view in step_views(session, found) if view.checkpoint}


def test_a_round_aligns_a_policy_without_ppo(fresh_database, tmp_path):
    plan = RoundPlan(aim="align", settings=SETTINGS, candidates=FEW, samples=FEW, evaluate=False)
    with transaction(fresh_database) as session:
        started = start_round(session, prepare(session), plan)
    do_runs(fresh_database, tmp_path)
    assert rank_everything(fresh_database) == 3
    do_runs(fresh_database, tmp_path)
    made = made_by(fresh_database, started)
    assert set(made) == {Step.PRETRAIN, Step.SFT, Step.ALIGN}
    assert made[Step.ALIGN].kind is CheckpointKind.POLICY
    assert made[Step.ALIGN].parent_id == made[Step.SFT].id
