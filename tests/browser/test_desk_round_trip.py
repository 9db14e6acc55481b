"""From keys, lanes and order line to the database and to `comparisons.jsonl`: random rankings with ties."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.annotations.models import Annotation
from app.annotations.ranking import dense_ranks
from app.db import transaction
from app.projects.models import Project
from app.tasks.leasing import claim_next_task
from tests.arriving import Ranking, frozen_comparisons, rankings_in_file, rankings_in_trainer
from tests.browser.live import live
from tests.browser.world import World, chosen_ranks, open_desk, press, rate_all, stored_ranking, texts
from tests.factories import make_labeler, make_open_campaign, make_project

SEEDS = (1, 2)


@pytest.fixture
def world(fresh_database: Engine) -> Iterator[World]:
    """Tasks of four to nine outputs, two of each, in one project."""
    with transaction(fresh_database) as session:
        labeler, project = make_labeler(session), make_project(session)
        for outputs in range(4, 10):
            campaign = make_open_campaign(session, outputs=outputs, tasks=len(SEEDS), project=project)
            campaign.priority = outputs
        claim_next_task(session, labeler)
    with live(fresh_database) as url:
        yield World(url, fresh_database, labeler)


def by_digits(page: Page, ranks: dict[str, int]) -> None:
    for letter, rank in ranks.items():
        press(page, letter, str(rank))


def by_lanes(page: Page, ranks: dict[str, int]) -> None:
    for letter, rank in ranks.items():
        page.locator(f"[data-letter='{letter}'] button").click()
        page.locator("[data-lanes] button.lane-name").nth(rank - 1).click()


def by_the_order_line(page: Page, ranks: dict[str, int]) -> None:
    tiers = [[letter for letter in ranks if ranks[letter] == rank] for rank in sorted(set(ranks.values()))]
    press(page, "r")
    page.keyboard.type(" ".join("=".join(tier) for tier in tiers))
    press(page, "Enter")


def by_the_order_line_with_undone_half_steps(page: Page, ranks: dict[str, int]) -> None:
    letters = list(ranks)
    by_digits(page, dict(zip(letters, range(1, len(letters) + 1), strict=True)))
    by_the_order_line(page, ranks)
    for letter in letters[:2]:
        press(page, letter, "Alt+ArrowDown")
        if chosen_ranks(page) != dict(zip(ranks, dense_ranks(list(ranks.values())), strict=True)):
            press(page, "z")


WAYS = (by_digits, by_lanes, by_the_order_line, by_the_order_line_with_undone_half_steps)


def test_random_rankings_with_ties_arrive_as_they_were_chosen(
    context: BrowserContext, world: World, tmp_path: Path
) -> None:
    context.set_default_timeout(60_000)
    world.let_in(context)
    page, chosen = open_desk(context, world), []
    for turn in range(6 * len(SEEDS)):
        chosen.append(rank_at_random(page, Random(SEEDS[turn % 2] * 100 + turn), WAYS[turn % len(WAYS)]))
    with Session(world.engine) as session:
        annotations = session.scalars(select(Annotation).order_by(Annotation.id)).all()
        assert [stored_ranking(session, annotation) for annotation in annotations] == chosen
        comparisons = frozen_comparisons(session, tmp_path, session.scalars(select(Project)).one())
    assert sorted(map(len, chosen)) == sorted([*range(4, 10)] * len(SEEDS))
    for arrived in (rankings_in_file(comparisons), rankings_in_trainer(comparisons)):
        assert in_any_order(arrived) == in_any_order(chosen)


def rank_at_random(page: Page, random: Random, way: object) -> Ranking:
    """What the labeler meant, by text; ranks may leave gaps."""
    assert callable(way)
    shown = texts(page)
    ranks = {letter: random.randint(1, len(shown)) for letter in shown}
    rate_all(page, "".join(shown), 4)
    way(page, ranks)
    submit(page)
    return dict(zip(shown.values(), dense_ranks(list(ranks.values())), strict=True))


def submit(page: Page) -> None:
    """Also what looks like a slip: all tied, or ranks against the ratings."""
    before = page.url
    press(page, "Control+Enter")
    page.wait_for_url(lambda url: url != before)
    if page.url.endswith("/submit"):
        page.wait_for_selector("dialog.doubts:modal")
        press(page, "Control+Enter")
        page.wait_for_url(lambda url: not url.endswith("/submit"))
    if page.url.endswith("/tasks") and page.get_by_role("button", name="Start", exact=True).count():
        page.get_by_role("button", name="Start", exact=True).click()  # in the next campaign
        page.wait_for_url("**/assignments/*")
    if "/assignments/" in page.url:
        page.wait_for_selector("form.ready")


def in_any_order(rankings: list[Ranking]) -> list[list[tuple[str, int]]]:
    return sorted(sorted(ranking.items()) for ranking in rankings)
