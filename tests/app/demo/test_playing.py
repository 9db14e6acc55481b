"""Two rounds on a model of a few weights: real pages over a socket, the real trainer, in this process."""

import io
import json
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app.campaigns.models import Campaign, CampaignState
from app.checkpoints.models import Checkpoint
from app.commands.demo import app as command
from app.commands.demo import play
from app.commands.demo_words import show
from app.config import Settings
from app.datasets.models import DatasetKind
from app.db import transaction
from app.demo.outcome import Outcome, outcome_of
from app.demo.playing import Place, Script
from app.main import create_app
from app.rounds.advancing import advance_unfinished_rounds
from app.rounds.lineage import lineage_of
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan, SamplingPlan, Step
from app.rounds.queries import plan_of, step_views
from app.rounds.report.report import round_report
from app.rounds.service import cancel_round
from app.runs.models import Stage
from app.runs.queries import run_by_id
from app.runs.results import register_results
from app.runs.service import claim_next_run, finish_run
from app.simulation.corpus import make_corpus
from app.worker.folders import write_run_folder
from tests.app.simulation.test_labeler_on_the_site import serving
from trainer.__main__ import main as train

FEW = SamplingPlan(prompts=2, k_min=2, k_max=3)
PLAN = RoundPlan(
    people="both",
    rankings="both",
    settings={
        Stage.PRETRAIN: {"hidden": 16, "layers": 1, "heads": 2, "feed_forward": 32, "vocabulary": 300, "threads": 1},
        Stage.SFT: {"epochs": 1, "learning_rate": 1e-3, "threads": 1},
        Stage.REWARD: {"epochs": 1, "learning_rate": 1e-3, "batch": 8, "threads": 1},
        Stage.PPO: {"steps": 1, "batch_prompts": 4, "max_new_tokens": 8, "threads": 1},
        Stage.SAMPLE: {"max_new_tokens": 8, "threads": 1},
    },
    candidates=SamplingPlan(k_min=2, k_max=6, rankings=2),  # so many pairs that some are in an order
    samples=FEW,
)
SCRIPT = Script(make_corpus(seed=3, places=15, texts_each=1, loose_texts=0), PLAN, seed=3, by_labelers=1)
ROUNDS = 2


def do_runs_until(played: Future[list[int]], engine: Engine, files: Path) -> None:
    """What a worker does, without a process of its own for each stage."""
    while not played.done():
        advance_unfinished_rounds(engine, files)
        with transaction(engine) as session:
            claim = claim_next_run(session, "test:1")
        if claim is None:
            wait([played], timeout=0.1)
            continue
        with transaction(engine) as session:
            folder = write_run_folder(session, run_by_id(session, claim.run_id), files)
        assert train([claim.stage.value, str(folder)]) == 0
        with transaction(engine) as session:
            produced = register_results(session, run_by_id(session, claim.run_id), files)
            finish_run(session, claim, produced)


def test_two_rounds_go_on_from_each_other(fresh_database: Engine, tmp_path: Path) -> None:
    said = Console(file=io.StringIO(), width=200)
    with serving(create_app(Settings(), fresh_database)) as url, ThreadPoolExecutor(1) as stage:
        place = Place(fresh_database, tmp_path, url)
        played = stage.submit(play, place, SCRIPT, ROUNDS, said)
        try:
            do_runs_until(played, fresh_database, tmp_path)
        except BaseException:
            end_the_play(fresh_database)
            raise
    first, second = played.result()
    with transaction(fresh_database) as session:
        outcome = outcome_of(session, tmp_path, (first, second), SCRIPT.checker)
        show(said, outcome)
        check_plans(session, first, second)
        check_data(session, second)
        check_report(session, second, outcome)
    told = said.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    begun, ranked, went_on = map(told.index, ("Round 1 of 2", "Labelers rank them", "Round 2 of 2"))
    assert begun < ranked < went_on  # what people do is told always, a run only where a look falls into it
    assert "Preferred to the policy before" in told


def end_the_play(engine: Engine) -> None:
    """Whoever plays would else wait for its round for ever."""
    with transaction(engine) as session:
        for each in session.scalars(select(Round).where(Round.state.in_([RoundState.RUNNING, RoundState.WAITING]))):
            cancel_round(session, each)


def check_plans(session: Session, first: int, second: int) -> None:
    """Equal but for what they start from."""
    rounds = [session.get_one(Round, number) for number in (first, second)]
    assert [(each.number, each.state) for each in rounds] == [(1, RoundState.FINISHED), (2, RoundState.FINISHED)]
    begun, went_on = map(plan_of, rounds)
    policy = made_in(session, first, Step.PPO)
    assert went_on == begun.model_copy(update={"start": "checkpoint", "checkpoint_id": policy.id})
    assert made_in(session, second, Step.PPO).parent_id == policy.id


def check_data(session: Session, second: int) -> None:
    """The last policy comes from the demonstrations and the comparisons of both rounds."""
    lineage = lineage_of(session, made_in(session, second, Step.PPO))
    datasets = [node.dataset for node in lineage.datasets.values()]
    comparisons = [each.name for each in datasets if each.kind is DatasetKind.COMPARISONS]
    assert comparisons == ["Round 1: comparisons", "Round 2: comparisons"]
    assert DatasetKind.DEMONSTRATIONS in {each.kind for each in datasets}
    last = next(node for node in lineage.datasets.values() if node.dataset.name == "Round 2: comparisons")
    names = {campaign.name for campaign in last.campaigns}
    assert {"Round 1: rank the candidates", "Round 2: rank the candidates"} <= names
    fed_back = session.scalars(select(Campaign).where(Campaign.name.endswith("rank the new policy"))).all()
    assert [each.state for each in fed_back] == [CampaignState.CLOSED, CampaignState.OPEN]


def check_report(session: Session, second: int, outcome: Outcome) -> None:
    """The second round is measured against the first SFT and the policy before; the last line says the former."""
    report = round_report(session, session.get_one(Round, second))
    rates = [(each.against_earlier, each.against_baseline) for each in report.rounds]
    assert [(each.over_earlier, each.win_rate) for each in outcome.rounds] == rates
    assert all(rate and rate.prompts == len(SCRIPT.corpus.held_out) for of_round in rates for rate in of_round)
    line = json.loads(json.dumps(outcome.as_json()))
    assert line == {
        "rounds": [{"win_rate": rate.rate, "low": rate.low, "high": rate.high} for _, rate in rates if rate]
    }


def made_in(session: Session, number: int, step: Step) -> Checkpoint:
    views = {view.step: view for view in step_views(session, session.get_one(Round, number))}
    made = views[step].checkpoint
    assert made is not None
    return made


@pytest.mark.parametrize("rounds", ["0", "10", "many"])
def test_rounds_have_bounds(rounds: str) -> None:
    refused = CliRunner().invoke(command, ["--rounds", rounds])
    assert refused.exit_code == 2
    assert "--rounds" in refused.output
