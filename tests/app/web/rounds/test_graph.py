"""A round drawn as a graph."""

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.rounds.models import RoundRun
from app.rounds.plan import STAGE_OF, RoundPlan, Step, steps_of
from app.rounds.queries import StepView
from app.rounds.service import start_round
from app.runs.metrics import record_metrics
from app.runs.models import Run, RunState, Stage
from app.runs.service import claim_next_run, enqueue_run
from app.web.rounds.graph import AFTER, graph_of, places_of, without_detours
from app.web.rounds.pages import watched_step
from tests.factories import make_project
from tests.pages import PageClient


def test_every_step_that_is_run_is_drawn() -> None:
    assert set(STAGE_OF) <= set(AFTER)


def test_only_the_last_of_what_a_step_waits_for_is_drawn() -> None:
    waits = without_detours({Step.SFT: set(), Step.REWARD: {Step.SFT}, Step.PPO: {Step.SFT, Step.REWARD}})
    assert waits == {Step.SFT: set(), Step.REWARD: {Step.SFT}, Step.PPO: {Step.REWARD}}


@pytest.mark.parametrize(
    "plan",
    [
        RoundPlan(),
        RoundPlan(rankings="existing", evaluate=True),
        RoundPlan(aim="align"),
        RoundPlan(aim="sft"),
        RoundPlan(start="checkpoint", checkpoint_id=1, aim="samples"),
    ],
    ids=lambda plan: plan.aim,
)
def test_nodes_stand_apart_and_after_what_they_wait_for(plan: RoundPlan) -> None:
    steps = [step for step in steps_of(plan) if step in AFTER]
    waits = without_detours({step: set(AFTER[step]) & set(steps) for step in steps})
    places = places_of(waits)
    assert len(set(places.values())) == len(steps)
    assert all(places[before][0] < places[step][0] for step in steps for before in waits[step])
    assert min(column for column, _ in places.values()) == 0
    graph = graph_of([StepView(step) for step in steps_of(plan)])
    assert [node.view.step for node in graph.nodes] == steps
    assert all(node.x + 112 <= graph.width and node.y + 48 <= graph.height for node in graph.nodes)


def test_the_page_of_a_round_shows_the_graph_and_the_curves_of_what_runs(pages: PageClient, session: Session) -> None:
    project = make_project(session, "Kites")
    turn = start_round(session, project, RoundPlan())
    run = enqueue_run(session, project, Stage.PRETRAIN, {"texts": "texts.jsonl"})
    session.add(RoundRun(round_id=turn.id, run_id=run.id, step=Step.PRETRAIN))
    claim = claim_next_run(session, "mill:7")
    assert claim
    record_metrics(session, claim, [{"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.5}])
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/rounds/{turn.id}")
    (node,) = [link for link in page.all("a", href=f"/runs/{run.id}") if link.get("aria-label")]
    assert node.get("aria-label") == "Pretraining: running"
    assert len(page.all("g", role="img")) == len([step for step in steps_of(RoundPlan()) if step in AFTER]) - 1
    assert page.one("tr", data_run=str(run.id)).text.startswith("Pretrain a small model")
    assert page.one("svg", aria_label="loss: from 3 to 2.5")
    assert page.one("section", data_module="state").get("data-events") == f"/rounds/{turn.id}/events"


def test_the_curves_are_those_of_the_run_that_is_under_way_else_of_the_last() -> None:
    def view(step: Step, state: str, **metrics: float) -> StepView:
        return StepView(step, run=Run(id=1, stage=Stage.SFT, state=RunState(state)), metrics=metrics)

    done, under_way = view(Step.SFT, "finished", loss=1.0), view(Step.REWARD, "running")
    assert watched_step([StepView(Step.PPO)]) is None
    assert watched_step([done, view(Step.REWARD, "queued")]) is done
    assert watched_step([under_way, done]) is under_way
