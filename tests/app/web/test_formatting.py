"""Texts of open campaigns are HTML before anybody opens a desk."""

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.campaigns.models import Campaign, CampaignState
from app.campaigns.queries import frozen_guidelines
from app.completions.models import RenderedText
from app.db import transaction
from app.quality.membership import admit
from app.web import formatting, reading
from app.web.formatting import format_next, format_some
from tests.factories import make_labeler, make_open_campaign, make_tasks
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
    assert [format_next(session, campaign) for _ in range(3)] == [True, True, False]
    (english, texts), (chinese, as_many) = kept(session)
    assert (english, chinese) == ("en", "zh")
    assert texts == as_many >= 3 * 4


def test_tasks_that_come_later_are_formatted_too(session: Session) -> None:
    campaign = make_open_campaign(session, tasks=1)
    make_labeler_of(session, campaign)
    assert format_next(session, campaign)
    assert not format_next(session, campaign)
    make_tasks(session, campaign, 2, 4)
    assert format_next(session, campaign)


def test_the_job_stops_when_all_open_campaigns_are_done(fresh_database: Engine) -> None:
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        first, second, closed = (make_open_campaign(session, tasks=2, outputs=4) for _ in range(3))
        closed.state = CampaignState.CLOSED
        assert labeler.language == "en"
    assert [format_some(fresh_database) for _ in range(3)] == [True, True, False]
    with transaction(fresh_database) as session:
        done = {campaign.id: campaign.formatted_to > 0 for campaign in session.scalars(select(Campaign))}
        assert done == {first.id: True, second.id: True, closed.id: False}
