"""Texts of open campaigns are HTML before anybody opens a desk."""

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.campaigns.models import Campaign
from app.campaigns.queries import frozen_guidelines
from app.campaigns.service import close_campaign
from app.completions.models import RenderedText
from app.db import transaction
from app.quality.membership import admit
from app.tasks.models import Task
from app.web import formatting, reading
from app.web.formatting import format_next, formatted
from tests.factories import make_labeler, make_open_campaign
from tests.pages import PageClient


def kept(session: Session) -> list[tuple[str, int]]:
    """How many texts by language."""
    query = select(RenderedText.language, func.count()).group_by(RenderedText.language)
    return sorted((language, number) for language, number in session.execute(query))


def make_labeler_of(session: Session, campaign: Campaign) -> User:
    labeler = make_labeler(session)
    admit(session, campaign, labeler)
    return labeler


def test_a_desk_formats_nothing_that_was_formatted_ahead(
    pages: PageClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.sign_in_as(Role.LABELER)
    campaign = make_open_campaign(session, tasks=3, outputs=4)
    assert format_next(session, campaign)
    asked: list[str] = []

    def note(text: str) -> str:
        asked.append(text)
        return ""

    monkeypatch.setattr(reading, "memory", reading.Memory(100_000))
    monkeypatch.setattr(reading, "render_untrusted", note)
    assert pages.post("/tasks/next").status == 200
    guidelines = frozen_guidelines(session, campaign)
    assert guidelines
    assert asked == [guidelines.text]


def test_all_tasks_are_formatted_once_in_every_language_that_is_read(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatting, "TASKS_AT_ONCE", 2)
    campaign = make_open_campaign(session, tasks=3, outputs=4)
    for language in ("en", "zh"):
        make_labeler_of(session, campaign).language = language
    session.flush()
    assert [format_next(session, campaign) for _ in range(3)] == [2, 1, 0]
    (english, texts), (chinese, as_many) = kept(session)
    assert (english, chinese) == ("en", "zh")
    assert texts == as_many >= 3 * 4


def test_as_many_as_are_soon_handed_out_are_formatted_and_no_more(
    fresh_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formatting, "TASKS_AT_ONCE", 2)
    monkeypatch.setattr(formatting, "FEWEST_AHEAD", 2)
    monkeypatch.setattr(formatting, "MOST_AHEAD", 4)
    with transaction(fresh_database) as session:
        make_labeler(session)
        campaign = make_open_campaign(session, tasks=7)
    assert list(formatted(fresh_database)) == [2, 2]
    assert list(formatted(fresh_database)) == []
    with transaction(fresh_database) as session:
        first = select(Task.id).where(Task.campaign_id == campaign.id).order_by(Task.position).limit(3)
        session.execute(update(Task).where(Task.id.in_(first)).values(remaining=0))
    assert list(formatted(fresh_database)) == [2, 1]
    assert list(formatted(fresh_database)) == []


def test_closed_campaigns_are_left_alone(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        make_labeler(session)
        campaign = make_open_campaign(session, tasks=2)
        close_campaign(session, campaign)
    assert list(formatted(fresh_database)) == []
