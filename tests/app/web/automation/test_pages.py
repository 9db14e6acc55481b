"""The page on which admins say when rounds start by themselves."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.automation.models import AutomaticRound, Automation
from app.rounds.models import Round, RoundState
from tests.app.automation.test_looking import automated, finished, look
from tests.factories import make_project
from tests.pages import PageClient


def test_what_was_chosen_is_kept_and_shown(pages: PageClient, session: Session, tmp_path: Path) -> None:
    first = finished(session, tmp_path)
    admin = pages.sign_in_as(Role.ADMIN)
    page = pages.get(pages.get(f"/projects/{first.project_id}").links["When rounds start by themselves"])
    chosen = {"rankings": "40", "hour": "4", "zone": "Asia/Shanghai", "per_week": "3", "most_failures": "1"}
    saved = pages.submit(page, page.path, starts="1", copied=str(first.id), **{"days[]": ["2", "5"]}, **chosen)
    kept = session.scalars(select(Automation)).one()
    assert (kept.cron, kept.zone, kept.rankings, kept.per_week) == ("0 4 * * 2,5", "Asia/Shanghai", 40, 3)
    assert (kept.starts, kept.copied_round_id, kept.changed_by_id) == (True, first.id, admin.id)
    assert "3 of 40" in saved.text
    assert "Nothing calls for a round yet." in saved.text
    typed = saved.form(page.path)
    assert typed["days[]"] == ["2", "5"]
    assert (typed["hour"], typed["starts"], typed["copied"]) == (["4"], ["1"], [str(first.id)])


def test_what_cannot_be_is_said_and_stays_typed(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/projects/{project.id}/automation")
    refused = pages.submit(page, page.path, 422, starts="1", rankings="5")
    assert "Choose the round whose settings are copied." in refused.text
    assert refused.form(page.path)["rankings"] == ["5"]
    for wrong in ({"rankings": "0"}, {"hour": "24"}, {"days[]": ["9"]}, {"zone": "Mars"}, {"copied": "77"}):
        pages.submit(page, page.path, 422, **wrong)
    assert session.scalars(select(Automation)).all() == []


def test_failures_are_shown_and_rounds_go_on(pages: PageClient, session: Session, tmp_path: Path) -> None:
    automation = automated(session, finished(session, tmp_path), rankings=1, per_week=9, most_failures=1)
    look(session, tmp_path, automation)[-1].state = RoundState.FAILED
    session.flush()
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/projects/{automation.project_id}/automation")
    assert "1 round in a row failed" in page.text
    assert "Round 2" in page.links
    assert "New rankings: 3" in page.text
    again = pages.submit(page, f"{page.path}/go-on")
    assert "in a row failed" not in again.text
    assert len(session.scalars(select(AutomaticRound)).all()) == 1


def test_what_holds_a_round_back_is_said(pages: PageClient, session: Session, tmp_path: Path) -> None:
    first = finished(session, tmp_path)
    automation = automated(session, first, rankings=1)
    session.get_one(Round, first.id).state = RoundState.WAITING
    session.flush()
    pages.sign_in_as(Role.ADMIN)
    page = pages.get(f"/projects/{automation.project_id}/automation")
    assert "called for, but held back" in page.text
    assert "Round 1 of this project is still under way" in page.text
