"""The application behind a socket with labelers at work, and what a test does as one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.accounts.sessions import begin_session
from app.annotations.models import AnnotatedOutput, Annotation
from app.campaigns.models import CampaignKind
from app.completions.models import Completion
from app.db import transaction
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment
from tests.arriving import Ranking
from tests.browser.live import live
from tests.factories import make_labeler, make_open_campaign


@dataclass(frozen=True)
class World:
    """One labeler with a lease on the first of some tasks."""

    url: str
    engine: Engine
    labeler: User

    @property
    def desk_url(self) -> str:
        return f"{self.url}/assignments/{self.assignment().id}"

    def assignment(self) -> Assignment:
        """The one begun last."""
        with Session(self.engine) as session:
            return session.scalars(select(Assignment).order_by(Assignment.id.desc()).limit(1)).one()

    def draft(self) -> dict[str, str]:
        """What the server has kept of it."""
        return dict(self.assignment().draft or {})

    def annotations(self) -> list[Annotation]:
        with Session(self.engine) as session:
            return list(session.scalars(select(Annotation).order_by(Annotation.id)))

    def let_in(self, context: BrowserContext) -> None:
        """As if through the sign-in page, without the quarter of a second that a password takes."""
        with transaction(self.engine) as session:
            token = begin_session(session, session.get_one(User, self.labeler.id))
        context.add_cookies([{"name": "rondo-session", "value": token, "url": self.url}])


@contextmanager
def working(
    engine: Engine, kind: CampaignKind = CampaignKind.COMPARE, *, outputs: int = 4, tasks: int = 2
) -> Iterator[World]:
    with transaction(engine) as session:
        labeler = make_labeler(session)
        campaign = make_open_campaign(session, kind, outputs=outputs, tasks=tasks)
        claim_next_task(session, labeler, campaign)
    with live(engine) as url:
        yield World(url, engine, labeler)


def open_desk(context: BrowserContext, world: World) -> Page:
    page = context.new_page()
    page.goto(world.desk_url)
    page.wait_for_selector("form.ready")
    return page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def rate_all(page: Page, letters: str, rating: int) -> None:
    for letter in letters:
        press(page, letter, f"Shift+{rating}")


def chosen_ranks(page: Page) -> dict[str, int]:
    """By letter, as the form would send them."""
    found: dict[str, int] = page.evaluate(
        """() => Object.fromEntries([...new FormData(document.querySelector('#desk'))]
            .filter(([name]) => name.startsWith('rank')).map(([name, value]) => [name[5], Number(value)]))"""
    )
    return found


def texts(page: Page) -> dict[str, str]:
    """What each output says, by its letter."""
    cards = page.locator("[data-output]").all()
    return {str(card.get_attribute("data-output")): card.locator(".text").inner_text().strip() for card in cards}


def stored_ranking(session: Session, annotation: Annotation) -> Ranking:
    query = (
        select(Completion.text, AnnotatedOutput.rank)
        .join(AnnotatedOutput, AnnotatedOutput.completion_id == Completion.id)
        .where(AnnotatedOutput.annotation_id == annotation.id)
    )
    return {str(text): int(rank or 0) for text, rank in session.execute(query)}
