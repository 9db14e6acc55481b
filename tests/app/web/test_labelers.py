"""Researchers look at labelers, and make known answers."""

import csv
import io
import json
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.service import Sent, submit_ranking
from app.campaigns.models import Campaign
from app.campaigns.queries import members
from app.quality.gold.models import CheckScore, GoldAnswer, Sign
from app.quality.membership import admit_cohort
from app.quality.watching.noticing import look_at
from app.tasks.leasing import claim_next_task
from app.tasks.models import Purpose, Task
from tests.app.quality.gold.test_gold import known_task, mixing, work
from tests.app.quality.watching.test_watching import LETTER_A, go_by_letters
from tests.factories import make_labeler, make_open_campaign
from tests.pages import PageClient


@pytest.fixture
def campaign(session: Session) -> Campaign:
    return make_open_campaign(session, tasks=40)


@pytest.fixture
def bad(session: Session, campaign: Campaign) -> User:
    """Noticed and paused."""
    labeler = make_labeler(session)
    labeler.name = "=Ada"
    admit_cohort(session, campaign)
    go_by_letters(session, labeler, campaign, 12)
    look_at(session, campaign, labeler)
    return labeler


def test_what_was_noticed_stands_in_the_table_and_leaves_as_csv(
    pages: PageClient, campaign: Campaign, bad: User
) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/labelers", campaign=campaign.id, state="noticed")
    (row,) = [row.text for row in page.all("tr") if "=Ada" in row.text]
    assert "Goes by the letters paused in 1 campaign" in row
    address = next(url for text, url in page.links.items() if text == "CSV")
    (line,) = csv.DictReader(io.StringIO(pages.get(address).body))
    assert (line["labeler"], line["signs"], line["paused"]) == ("'=Ada", "position:pause", "1")
    rows = json.loads(pages.get(address.replace("table.csv", "table.json")).body)["labelers"]
    assert rows[0]["labeler_id"] == bad.id


def test_each_sign_is_explained_with_its_tasks_and_may_be_dealt_with(
    pages: PageClient, session: Session, campaign: Campaign, bad: User
) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/labelers/{bad.id}")
    assert "output A was among the best in 100% of 12 answers, 25% would be chance" in page.text
    task = session.scalars(select(Sign)).one().tasks[0]
    assert f"/tasks/{task}" in page.links.values()
    done = pages.submit(page, f"/labelers/{bad.id}/settle")
    assert "=Ada goes on in" in done.text
    assert [member.paused for member in members(session, campaign) if member.user is bad] == [False]
    assert session.scalars(select(Sign)).all() == []


def test_scores_are_shown_over_time(pages: PageClient, session: Session) -> None:
    labeler = make_labeler(session)
    campaign = mixing(session, gold_rate=0.5)
    work(session, labeler, campaign, 12, Random(3))
    look_at(session, campaign, labeler)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/labelers/{labeler.id}", campaign=campaign.id)
    assert "Agreement with known answers" in page.text
    scores = json.loads(pages.get(f"/labelers/{labeler.id}/scores.json").body)["scores"]
    assert len(scores) == len(session.scalars(select(CheckScore)).all()) == 6
    assert {row["agreed"] for row in scores} == {6.0}
    assert "100%" in next(row.text for row in pages.get("/labelers").all("tr") if labeler.name in row.text)


def test_a_labelers_ranking_becomes_the_known_answer(pages: PageClient, session: Session, campaign: Campaign) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    labeler = make_labeler(session)
    admit_cohort(session, campaign)
    begun = claim_next_task(session, labeler, campaign)
    assert begun is not None
    said = submit_ranking(session, begun, LETTER_A, Sent("once"))
    page = pages.get("/gold/new", task=begun.task_id, annotation=said.id)
    done = pages.submit(page, f"/gold?task={begun.task_id}", purpose="training", explanation="Because *it is*.")
    assert "The known answer is there" in done.text
    made = session.scalars(select(GoldAnswer)).one()
    assert session.get_one(Task, made.task_id).purpose is Purpose.TRAINING
    pages.submit(done, f"/gold/{made.task_id}/withdraw")
    assert session.get_one(Task, made.task_id).set_aside
    again = pages.get("/gold", campaign=campaign.id)
    pages.submit(again, f"/gold/{made.task_id}/use")
    assert not session.get_one(Task, made.task_id).set_aside


def test_rates_and_thresholds_are_set_in_per_cent(pages: PageClient, session: Session, campaign: Campaign) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    address = f"/gold/settings?campaign={campaign.id}"
    page = pages.get("/gold", campaign=campaign.id)
    pages.submit(page, address, gold_rate="10", repeat_rate="5", warn_below="80", pause_below="70")
    session.refresh(campaign)
    assert (campaign.gold_rate, campaign.repeat_rate) == (0.1, 0.05)
    assert (campaign.warn_below, campaign.pause_below) == (0.8, 0.7)
    refused = pages.submit(page, address, status=422, warn_below="50", pause_below="70")
    assert "Warn at the same agreement as you pause, or earlier." in refused.text


def test_whoever_is_paused_reads_a_kind_word(pages: PageClient, session: Session) -> None:
    labeler = pages.sign_in_as(Role.LABELER)
    campaign = make_open_campaign(session, tasks=20)
    go_by_letters(session, labeler, campaign, 12)
    look_at(session, campaign, labeler)
    text = pages.get("/tasks").text
    assert f"You have a pause in “{campaign.name}”" in text
    assert "letters" not in text


def test_training_comes_first_and_is_talked_over(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.LABELER)
    campaign = make_open_campaign(session, tasks=3)
    known_task(session, campaign, Purpose.TRAINING, explanation="The first is **true**.")
    desk = pages.post("/tasks/next")
    ranks = {f"rank[{letter}]": "1" if letter == "a" else "2" for letter in "abcd"}
    page = pages.submit(
        desk, f"{desk.path}/submit", **ranks, **{f"output[{letter}][overall]": "4" for letter in "abcd"}
    )
    assert page.heading == "A training task, and how we see it"
    assert "The first is true." in page.text
    assert pages.submit(page, "/tasks/next").path.startswith("/assignments/")


def test_labelers_are_not_let_in(pages: PageClient) -> None:
    labeler = pages.sign_in_as(Role.LABELER)
    pages.get("/labelers", status=403)
    pages.get(f"/labelers/{labeler.id}", status=403)
