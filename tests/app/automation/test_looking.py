"""Rounds that start by themselves: when they should, once, and never beyond their limits."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock
from app.annotations.models import Annotation
from app.automation.deciding import decide
from app.automation.looking import look_at, look_at_all
from app.automation.models import AutomaticRound, Automation, Trigger
from app.automation.schedule import cron_of
from app.automation.service import Wanted, let_start_again, save_automation
from app.datasets.filtering import DatasetFilter
from app.datasets.freezing import freeze_dataset
from app.datasets.models import DatasetKind
from app.db import transaction
from app.errors import InvalidInput
from app.notifications.models import Event, EventKind
from app.projects.models import Project
from app.rounds.models import Round, RoundDataset, RoundState
from app.rounds.plan import DataPlan, RoundPlan, Step
from app.rounds.queries import plan_of
from tests.app.rounds.dry_run.test_dry_run import REWARD, policy, ranked
from tests.factories import make_project, make_user

MONDAYS = cron_of([1], 3)
SUNDAY = datetime(2026, 5, 3, 12, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch):
    """Moves the clock."""

    def move(moment: datetime) -> None:
        for module in ("deciding", "service", "queries"):
            monkeypatch.setattr(f"app.automation.{module}.now", lambda: moment)

    return move


def finished(session: Session, files: Path, tasks: int = 3) -> Round:
    """The first round of a project with so many rankings that no round has frozen."""
    campaign = ranked(session, (1, 2, 3, 3), tasks=tasks)
    project = session.get_one(Project, campaign.project_id)
    plan = REWARD.model_copy(
        update={"checkpoint_id": policy(session, project, files).id, "comparisons": DataPlan(campaigns=(99,))}
    )
    return a_round(session, project, RoundState.FINISHED, plan)


def a_round(session: Session, project: Project, state: RoundState, plan: RoundPlan = REWARD) -> Round:
    number = len(session.scalars(select(Round).where(Round.project_id == project.id)).all()) + 1
    made = Round(project_id=project.id, number=number, state=state, plan=plan.model_dump(mode="json"))
    session.add(made)
    session.flush()
    return made


def automated(session: Session, first: Round, **wanted: Any) -> Automation:
    project = session.get_one(Project, first.project_id)
    return save_automation(session, project, Wanted(**{"starts": True, "copied": first} | wanted))


def look(session: Session, files: Path, automation: Automation) -> list[Round]:
    """The rounds that started by themselves so far."""
    look_at(session, files, automation.project_id)
    return list(session.scalars(select(Round).join(AutomaticRound).order_by(Round.id)))


def hindered(session: Session, files: Path, automation: Automation) -> str:
    project = session.get_one(Project, automation.project_id)
    return " ".join(decide(session, files, project, automation).hindrances)


def events(session: Session) -> list[EventKind]:
    return list(session.scalars(select(Event.kind).order_by(Event.id)))


def test_enough_rankings_start_a_round_that_goes_on_from_the_policy(session: Session, tmp_path: Path) -> None:
    first = finished(session, tmp_path, tasks=3)
    admin = make_user(session)
    automation = automated(session, first, rankings=4)
    assert look(session, tmp_path, automation) == []
    automation.rankings, automation.changed_by_id = 3, admin.id
    (started,) = look(session, tmp_path, automation)
    plan, earlier = plan_of(started), plan_of(first)
    assert (started.number, started.state, started.created_by_id) == (2, RoundState.RUNNING, admin.id)
    assert (plan.start, plan.checkpoint_id, plan.rankings) == ("checkpoint", earlier.checkpoint_id, "existing")
    assert plan.comparisons == DataPlan()  # not of the campaigns that the copied round chose
    assert (plan.aim, plan.settings) == (earlier.aim, earlier.settings)
    why = session.get_one(AutomaticRound, started.id)
    assert (why.trigger, why.new_rankings) == (Trigger.RANKINGS, 3)
    assert len(look(session, tmp_path, automation)) == 1  # round 2 is under way


def test_rankings_that_a_round_froze_are_not_new(session: Session, tmp_path: Path) -> None:
    first = finished(session, tmp_path)
    project = session.get_one(Project, first.project_id)
    frozen = freeze_dataset(session, tmp_path, project, "All", DatasetKind.COMPARISONS, DatasetFilter())
    automation = automated(session, first, rankings=1)
    assert decide(session, tmp_path, project, automation).rankings == 3
    session.add(RoundDataset(round_id=first.id, dataset_id=frozen.id, step=Step.COMPARISONS))
    session.flush()
    assert decide(session, tmp_path, project, automation).rankings == 0
    assert look(session, tmp_path, automation) == []


def test_several_workers_start_one_round(fresh_database, tmp_path: Path) -> None:
    with transaction(fresh_database) as session:
        automated(session, finished(session, tmp_path), rankings=1, per_week=9)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: look_at_all(fresh_database, tmp_path), range(8)))
    with transaction(fresh_database) as session:
        assert len(session.scalars(select(AutomaticRound)).all()) == 1
        assert sorted(session.scalars(select(Round.number))) == [1, 2]


def test_a_schedule_starts_a_round_when_its_time_has_come(session: Session, tmp_path: Path, at) -> None:
    at(SUNDAY)
    automation = automated(session, finished(session, tmp_path), cron=MONDAYS)
    assert look(session, tmp_path, automation) == []
    at(SUNDAY + timedelta(hours=15))
    (started,) = look(session, tmp_path, automation)
    assert session.get_one(AutomaticRound, started.id).trigger is Trigger.SCHEDULE
    assert automation.due_at == SUNDAY + timedelta(days=7, hours=15)


def test_a_time_that_a_round_under_way_held_back_comes_later_and_once(session: Session, tmp_path: Path, at) -> None:
    at(SUNDAY)
    first = finished(session, tmp_path)
    automation = automated(session, first, cron=MONDAYS)
    first.state = RoundState.WAITING
    at(SUNDAY + timedelta(days=16))
    assert look(session, tmp_path, automation) == []
    assert "still under way" in hindered(session, tmp_path, automation)
    first.state = RoundState.FINISHED
    session.flush()
    assert len(look(session, tmp_path, automation)) == 1
    assert automation.due_at > SUNDAY + timedelta(days=16)


def test_a_time_without_anything_new_is_passed_over(session: Session, tmp_path: Path, at) -> None:
    at(SUNDAY)
    automation = automated(session, finished(session, tmp_path), cron=MONDAYS)
    for annotation in session.scalars(select(Annotation)):
        annotation.surplus = True
    at(SUNDAY + timedelta(days=1))
    assert look(session, tmp_path, automation) == []
    assert automation.due_at == SUNDAY + timedelta(days=7, hours=15)


def test_so_many_a_week_and_no_more(session: Session, tmp_path: Path, at) -> None:
    automation = automated(session, finished(session, tmp_path), rankings=1, per_week=1)
    (started,) = look(session, tmp_path, automation)
    started.state = RoundState.FINISHED
    session.flush()
    assert len(look(session, tmp_path, automation)) == 1
    assert "within seven days" in hindered(session, tmp_path, automation)
    at(clock.now() + timedelta(days=8))
    assert len(look(session, tmp_path, automation)) == 2


def test_failures_in_a_row_stop_it_and_say_so_once(session: Session, tmp_path: Path) -> None:
    automation = automated(session, finished(session, tmp_path), rankings=1, per_week=9, most_failures=2)
    for count in (1, 2):
        started = look(session, tmp_path, automation)
        assert len(started) == count
        started[-1].state = RoundState.FAILED
        session.flush()
    for _ in range(2):
        assert len(look(session, tmp_path, automation)) == 2
    assert events(session) == [EventKind.AUTOMATION_STOPPED, EventKind.DATA_WAITING]
    let_start_again(session, automation)
    assert len(look(session, tmp_path, automation)) == 3


def test_a_finished_round_between_two_failures_forgives_the_first(session: Session, tmp_path: Path) -> None:
    automation = automated(session, finished(session, tmp_path), rankings=1, per_week=9, most_failures=2)
    for state in (RoundState.FAILED, RoundState.FINISHED, RoundState.FAILED, RoundState.CANCELLED):
        look(session, tmp_path, automation)[-1].state = state
        session.flush()
    assert len(look(session, tmp_path, automation)) == 5


def test_what_a_dry_run_misses_holds_a_round_back(session: Session, tmp_path: Path) -> None:
    automation = automated(session, finished(session, tmp_path), rankings=1)
    (tmp_path / "runs/1/model/config.json").unlink()
    assert look(session, tmp_path, automation) == []
    assert "lacks config.json" in hindered(session, tmp_path, automation)


def test_without_a_finished_round_there_is_nothing_to_go_on_from(session: Session, tmp_path: Path) -> None:
    first = finished(session, tmp_path)
    first.state = RoundState.CANCELLED
    automation = automated(session, first, rankings=1)
    assert look(session, tmp_path, automation) == []
    assert "no policy to go on from" in hindered(session, tmp_path, automation)


def test_rankings_that_no_round_waits_for_are_told_once(session: Session, tmp_path: Path) -> None:
    automation = automated(session, finished(session, tmp_path), starts=False, rankings=3)
    for _ in range(2):
        assert look(session, tmp_path, automation) == []
    assert events(session) == [EventKind.DATA_WAITING]


def test_an_archived_project_is_left_alone(session: Session, tmp_path: Path) -> None:
    automation = automated(session, finished(session, tmp_path), rankings=1)
    session.get_one(Project, automation.project_id).archived = True
    assert look(session, tmp_path, automation) == []
    assert events(session) == []


@pytest.mark.parametrize(
    "wanted",
    [{}, {"copied": None, "rankings": 1}, {"rankings": 1, "zone": "Mars/Olympus"}],
    ids=["when", "what", "where"],
)
def test_what_cannot_be_is_refused(session: Session, wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        automated(session, a_round(session, make_project(session), RoundState.FINISHED), **wanted)


def test_a_round_of_another_project_is_not_copied(session: Session) -> None:
    other = a_round(session, make_project(session), RoundState.FINISHED)
    with pytest.raises(InvalidInput):
        save_automation(session, make_project(session), Wanted(starts=True, rankings=1, copied=other))
