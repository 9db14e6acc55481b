"""The report of a round as a page, as a file and as JSON."""

import re
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.rounds.plan import RoundPlan
from app.rounds.service import start_round
from tests.app.rounds.report.reported import Ended, make_ended_round, make_sft
from tests.factories import make_project
from tests.pages import PageClient


@pytest.fixture
def ended(session: Session, tmp_path: Path) -> Ended:
    project = make_project(session, "Kites & <b>knots</b>")
    return make_ended_round(session, tmp_path, project, make_sft(session, project), wins=[True] * 9 + [False] * 3)


def test_the_page_tells_the_story_in_sentences_charts_and_tables(pages: PageClient, ended: Ended) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/rounds/{ended.round.id}/report")
    assert "ppo-1 wins 75.0% of its comparisons with sft-1 (95 % interval" in page.text
    assert "Which of them is better cannot be told from that." in page.text
    assert "The policy before is also the first SFT model" in page.text
    assert page.links["ppo-1"] == f"/checkpoints/{ended.policy.id}"
    assert page.one("polyline", class_="curve").get("points").count(",") == 20
    assert {"What people prefer", "Reward against KL", "Flags", "Length"} <= {each.text for each in page.all("h2")}


def test_a_round_under_way_says_what_is_missing(pages: PageClient, session: Session) -> None:
    started = start_round(session, make_project(session), RoundPlan())
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/rounds/{started.id}/report")
    assert "There is no new policy yet." in page.text
    assert "Nothing was measured yet." in page.text


def test_the_file_holds_everything_and_asks_for_nothing(pages: PageClient, ended: Ended) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    answer = pages.http.get(f"/rounds/{ended.round.id}/report.html")
    assert answer.headers["content-disposition"] == 'attachment; filename="Kites----b-knots--b-round-1.html"'
    assert "<style>" in answer.text
    assert "--accent:" in answer.text
    assert "<polyline" in answer.text
    assert not re.search(r"url\(|@import|\bsrc=|\bhref=|<script|<link|<b>knots", answer.text)
    assert "default-src 'none'; style-src 'unsafe-inline'" in answer.text


def test_the_same_comes_as_json(pages: PageClient, ended: Ended) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    told = pages.http.get(f"/rounds/{ended.round.id}/report.json").json()
    assert (told["round"], told["policy"]["name"], told["win_rate_earlier"]["win_rate"]) == (1, "ppo-1", 0.75)
    assert told["tables"]["win_rates"][0]["wins"] == 9
    assert told["saturated"] is False


def test_the_page_of_a_round_leads_to_its_report(pages: PageClient, ended: Ended) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    assert f"/rounds/{ended.round.id}/report" in pages.get(f"/rounds/{ended.round.id}").links.values()
