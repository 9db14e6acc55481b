"""Starting and watching rounds and their runs."""

from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.rounds.models import Round, RoundRun, RoundState
from app.rounds.plan import RoundPlan, Step
from app.rounds.service import start_round
from app.runs.metrics import record_metrics
from app.runs.models import Run, RunState, Stage
from app.runs.service import claim_next_run, enqueue_run, fail_run
from tests.factories import make_project
from tests.pages import PageClient


def test_a_researcher_watches_but_does_not_start(pages: PageClient, session: Session) -> None:
    project = make_project(session, "Kites")
    started = start_round(session, project, RoundPlan())
    pages.sign_in_as(Role.RESEARCHER)
    assert f"/rounds/{started.id}" in pages.get("/rounds").links.values()
    shown = pages.get(f"/rounds/{started.id}")
    assert shown.all("button", type="submit") == shown.all("form", action=f"/rounds/{started.id}/cancel") == []
    pages.get("/rounds/new", project=project.id, status=403)


def test_a_round_is_cancelled_and_goes_on(pages: PageClient, session: Session) -> None:
    started = start_round(session, make_project(session), RoundPlan())
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/rounds/{started.id}")
    page = pages.submit(page, f"/rounds/{started.id}/cancel")
    assert session.get_one(Round, started.id).state is RoundState.CANCELLED
    pages.submit(page, f"/rounds/{started.id}/resume")
    assert session.get_one(Round, started.id).state is RoundState.RUNNING


def _failed_run(session: Session) -> tuple[Round, Run]:
    project = make_project(session)
    started = start_round(session, project, RoundPlan())
    run = enqueue_run(session, project, Stage.PRETRAIN, {"texts": "texts.jsonl"})
    session.add(RoundRun(round_id=started.id, run_id=run.id, step=Step.PRETRAIN))
    claim = claim_next_run(session, "host:1")
    record_metrics(session, claim, [{"step": 1, "loss": 3.25, "note": "warm"}, {"step": 2, "loss": 2.5}])
    fail_run(session, claim, "Out of memory.", "Traceback <b>here</b>")
    started.state, started.error = RoundState.FAILED, "pretrain: Out of memory."
    session.flush()
    return started, run


def test_a_failed_stage_shows_its_error_and_the_end_of_its_log(pages: PageClient, session: Session) -> None:
    started, run = _failed_run(session)
    pages.sign_in_as(Role.RESEARCHER)
    for path in (f"/rounds/{started.id}", f"/rounds/{started.id}/steps", f"/runs/{run.id}", f"/runs/{run.id}/state"):
        page = pages.get(path)
        assert "Out of memory." in page.body
        assert "Traceback &lt;b&gt;here&lt;/b&gt;" in page.body


def test_the_curves_are_the_numbers_of_each_step(pages: PageClient, session: Session) -> None:
    _, run = _failed_run(session)
    pages.sign_in_as(Role.RESEARCHER)
    answer = pages.http.get(f"/runs/{run.id}/metrics.json").json()
    assert answer == {"steps": [1, 2], "series": {"loss": [3.25, 2.5]}}


def test_a_failed_run_is_tried_again(pages: PageClient, session: Session) -> None:
    _, run = _failed_run(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.submit(pages.get(f"/runs/{run.id}"), f"/runs/{run.id}/retry")
    assert session.get_one(Run, run.id).state is RunState.QUEUED
    pages.submit(page, f"/runs/{run.id}/cancel")
    assert session.get_one(Run, run.id).state is RunState.CANCELLED


def test_a_run_leads_back_to_its_round(pages: PageClient, session: Session) -> None:
    project = make_project(session, "Kites")
    found = start_round(session, project, RoundPlan())
    run = enqueue_run(session, project, Stage.PRETRAIN, {"texts": "texts.jsonl"})
    session.add(RoundRun(round_id=found.id, run_id=run.id, step=Step.PRETRAIN))
    session.flush()
    pages.sign_in_as(Role.RESEARCHER)
    links = pages.get(f"/runs/{run.id}").links
    assert (links["Round 1"], links["Kites"]) == (f"/rounds/{found.id}", f"/projects/{project.id}")


def test_of_many_projects_one_is_chosen_for_a_new_round(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    first = make_project(session, "Kites")
    assert pages.get("/rounds").links["New round"] == f"/rounds/new?project={first.id}"
    make_project(session, "Boats")
    page = pages.get("/rounds")
    assert [option.text for option in page.all("option")] == ["Boats", "Kites"]
    assert page.one("form", class_="inline start").get("action") == "/rounds/new"
