"""The demo's plot: labelers write, rounds run one after the other, labelers rank when one waits for them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.campaigns.models import Campaign
from app.campaigns.service import close_campaign
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.demo.setting_up import crew_of, set_up, sign_in_link
from app.errors import DomainError, message
from app.files.place import Files
from app.projects.models import Project
from app.prompts.models import Split
from app.rounds.advancing import turn_of
from app.rounds.models import Round, RoundState
from app.rounds.plan import RoundPlan, Step, steps_of
from app.rounds.service import start_round
from app.rounds.steps import new_policy
from app.rounds.turn import Turn
from app.runs.models import Run, RunState, Stage
from app.runs.service import Input, enqueue_run
from app.simulation.corpus import Corpus
from app.simulation.facts import Checker, Facts
from app.simulation.labeler import Account, Mind, work
from app.simulation.taste import Taste
from app.tasks.models import Task
from app.translation import gettext

LOOK_EVERY = 0.5  # seconds
CREWS = {Step.COMPARE: Cohort.TRAINING, Step.EVALUATION: Cohort.HELD_OUT}

Watch = Callable[[str, float], None]
"""Called with what is being done, and the share of it that is done, from 0 to 1."""


class DemoFailed(DomainError):
    sentence = message("The demo stopped: {reason}")


@dataclass(frozen=True)
class Script:
    """What is played: `by_labelers` demonstrations go through the pages, a share `noise` of preferences is mistaken."""

    corpus: Corpus
    plan: RoundPlan
    seed: int
    by_labelers: int = 200
    noise: float = 0.1

    @property
    def checker(self) -> Checker:
        return Checker(self.corpus.known)


@dataclass(frozen=True)
class Place:
    """Where it is played: the database, the files, and the address at which the application answers."""

    engine: Engine
    files: Files
    base_url: str


@dataclass(frozen=True)
class Scene:
    """What every round is played on: a project with its demonstrations, and labelers who know what they like."""

    project_id: int
    mind: Mind


def prepare(place: Place, script: Script, watch: Watch) -> Scene:
    """All demonstrations are there when it ends, those of the labelers too."""
    watch("import", 0)
    with transaction(place.engine) as session:
        setting = set_up(session, script.corpus, script.by_labelers)
    watch("import", 1)
    mind = _mind(script, setting.unwritten)
    _let_work(place, mind, Cohort.TRAINING, setting.campaign_id, watch, "demonstrate")
    with transaction(place.engine) as session:
        close_campaign(session, session.get_one(Campaign, setting.campaign_id))
    return Scene(setting.project_id, mind)


def play_round(place: Place, script: Script, scene: Scene, watch: Watch, before: int | None = None) -> int:
    """The number of the round that was played to its end. Raises `DemoFailed`.

    It goes on from the policy of the round `before`, whose samples are ranked first.
    """
    if before is not None:
        _rank_what_was_fed_back(place, scene, before, watch)
    with transaction(place.engine) as session:
        plan = script.plan if before is None else _going_on(script.plan, _turn(session, place, before))
        started = start_round(session, session.get_one(Project, scene.project_id), plan)
    _follow(place, scene.mind, started.id, watch)
    _score_held_out(place, started.id, watch)
    return started.id


def _turn(session: Session, place: Place, number: int) -> Turn:
    return turn_of(session, place.files, session.get_one(Round, number))


def _going_on(plan: RoundPlan, before: Turn) -> RoundPlan:
    """The same settings for the policy that came out."""
    return plan.model_copy(update={"start": "checkpoint", "checkpoint_id": new_policy(before).id})


def _rank_what_was_fed_back(place: Place, scene: Scene, before: int, watch: Watch) -> None:
    """All of it, so that the next round learns from the same rankings however fast the labelers are."""
    with transaction(place.engine) as session:
        campaign = _turn(session, place, before).campaign_of(Step.NEXT_COMPARE)
    if campaign is None:
        return
    _let_work(place, scene.mind, Cohort.TRAINING, campaign.id, watch, Step.NEXT_COMPARE)
    with transaction(place.engine) as session:
        close_campaign(session, session.get_one(Campaign, campaign.id))


def _mind(script: Script, unwritten: dict[Facts, str]) -> Mind:
    def write(facts: Facts, labeler: str) -> str:
        del labeler  # what is to be written was kept back when the demonstrations were imported
        return unwritten[facts]

    return Mind(Taste(script.checker, script.seed, script.noise), write)


def _let_work(place: Place, mind: Mind, cohort: Cohort, campaign_id: int, watch: Watch, what: str) -> None:
    """The cohort's simulated labelers sign in and take tasks until none is left."""
    with transaction(place.engine) as session:
        campaign = session.get_one(Campaign, campaign_id)
        crew = crew_of(session, campaign.project_id, cohort)
        accounts = [Account(str(one.email), link=sign_in_link(session, place.base_url, one)) for one in crew]
        tasks = waiting_in(session, campaign_id)
    watch(what, 0)
    finished = count(1)
    work(place.base_url, accounts, mind, lambda: watch(what, min(next(finished) / tasks, 1)))


def _follow(place: Place, mind: Mind, number: int, watch: Watch) -> None:
    """Until the round has ended; where it waits for people, they come."""
    while True:
        with transaction(place.engine) as session:
            turn = _turn(session, place, number)
            current, now = turn.round, _now(turn)
        if current.state is RoundState.FINISHED:
            return
        if current.state in (RoundState.FAILED, RoundState.CANCELLED):
            raise DemoFailed(reason=current.error or gettext("the round was {value}").format(value=current.state.value))
        if now.campaign_id:
            _let_work(place, mind, CREWS[now.step], now.campaign_id, watch, now.step)
        else:
            watch(now.step, now.progress)
            time.sleep(LOOK_EVERY)


@dataclass(frozen=True)
class Now:
    """The step that a round is at: a campaign with tasks that wait for labelers, or how far its run is."""

    step: Step
    campaign_id: int | None = None
    progress: float = 0.0


def _now(turn: Turn) -> Now:
    at = Now(Step.DEMONSTRATIONS)
    for step in steps_of(turn.plan):
        run, campaign = turn.run_of(step), turn.campaign_of(step)
        if campaign and step in CREWS and waiting_in(turn.session, campaign.id):
            return Now(step, campaign_id=campaign.id)
        if run:
            at = Now(step, progress=run.progress)
    return at


def waiting_in(session: Session, campaign_id: int) -> int:
    query = select(func.count()).where(Task.campaign_id == campaign_id, Task.remaining > 0, ~Task.set_aside)
    return session.scalar(query) or 0


def _score_held_out(place: Place, number: int, watch: Watch) -> None:
    """The reward model reads the rankings of the validation prompts, which it was not trained on."""
    with transaction(place.engine) as session:
        turn = _turn(session, place, number)
        ranked = turn.campaign_of(Step.COMPARE)
        chosen = DatasetFilter(people="both", splits=(Split.VALIDATION,), campaigns=(ranked.id,) if ranked else None)
        name = f"Round {turn.round.number}: held-out comparisons"
        rankings = freeze_dataset(session, place.files, turn.project, name, DatasetKind.COMPARISONS, chosen)
        inputs = [Input("reward_model", turn.model_of(Step.REWARD)), Input("comparisons", rankings)]
        run = enqueue_run(session, turn.project, Stage.SCORE, {}, inputs)
    while run.state in (RunState.QUEUED, RunState.RUNNING):
        watch("score", run.progress)
        time.sleep(LOOK_EVERY)
        with transaction(place.engine) as session:
            run = session.get_one(Run, run.id)
    if run.state is not RunState.FINISHED:
        raise DemoFailed(reason=run.error or gettext("scoring was {value}").format(value=run.state.value))
