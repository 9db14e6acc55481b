"""What stands beside the task, in a real browser: guidelines, examples, warnings, questions, and ways back and out."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.campaigns.models import Campaign
from app.campaigns.service import open_campaign
from app.db import transaction
from app.projects.forms import RatingForm
from app.projects.guidelines import acknowledge
from app.projects.models import Guidelines
from app.projects.queries import current_guidelines
from app.projects.ready_made import INSTRUCT_GPT
from app.projects.service import create_project, publish_form
from app.prompts.models import Prompt, PromptReport
from app.quality.membership import admit_cohort
from app.tasks.leasing import claim_next_task
from tests.browser.live import live
from tests.browser.world import World, chosen_ranks, open_desk, press, rate_all
from tests.factories import make_campaign, make_labeler, make_tasks

GUIDELINES = "# Rank fairly\n\n" + "\n\n".join(f"Paragraph {n}: be **fair** to all." for n in range(1, 31))


def form_with_examples() -> RatingForm:
    overall, fails, *rest = INSTRUCT_GPT.output
    taught = overall.model_copy(update={"examples": {"1": "Nonsense.", "7": "Answers all of it,\npolitely."}})
    return RatingForm(output=(taught, fails.model_copy(update={"examples": {"yes": "“No.”"}}), *rest))


@pytest.fixture
def world(fresh_database: Engine) -> Iterator[World]:
    """The labeler has read the guidelines and begun the first of three tasks."""
    with transaction(fresh_database) as session:
        labeler = make_labeler(session)
        project = create_project(session, "Kind answers", guidelines=GUIDELINES)
        publish_form(session, project, form_with_examples())
        campaign = make_campaign(session, project=project)
        make_tasks(session, campaign, 3)
        open_campaign(session, campaign)
        admit_cohort(session, campaign)
        acknowledge(session, current_guidelines(session, project), labeler)
        claim_next_task(session, labeler, campaign)
    with live(fresh_database) as url:
        yield World(url, fresh_database, labeler)


@pytest.fixture
def desk(context: BrowserContext, world: World) -> Page:
    world.let_in(context)
    page = open_desk(context, world)
    page.set_viewport_size({"width": 1440, "height": 900})
    return page


def warn(world: World, warning: str, of: type[Campaign] | type[Prompt] = Prompt) -> None:
    with transaction(world.engine) as session:
        for each in session.scalars(select(of)):
            each.content_warning = warning


def rank_against_the_ratings(page: Page) -> None:
    """A is rated best and ranked last."""
    press(page, "a", "4", "b", "1", "c", "2", "d", "3", "a", "Shift+7")
    for letter in "bcd":
        press(page, letter, "Shift+3")


def submit_and_be_asked(page: Page) -> Locator:
    press(page, "Control+Enter")
    page.wait_for_selector("form.ready .doubts:modal")
    return page.get_by_role("dialog", name="Before you submit")


def rank_well(page: Page) -> None:
    press(page, "a", "1", "b", "2", "c", "3", "d", "4")
    rate_all(page, "abcd", 5)


def found(page: Page) -> tuple[str, list[str]]:
    """What the search says, and what is highlighted as its current match."""
    said = page.locator("[data-found]").inner_text()
    return said, page.evaluate("[...CSS.highlights.get('found-now')].map((range) => range.toString())")


def test_the_guidelines_are_searched_by_keyboard_beside_the_work(desk: Page) -> None:
    text = desk.locator(".guidelines-text")
    press(desk, "Alt+g")
    before = text.inner_html()
    expect(desk.locator("[data-find]")).to_be_focused()
    desk.keyboard.type("be fair")
    assert found(desk) == ("1 of 30", ["be fair"])
    press(desk, "Shift+Enter")
    assert found(desk) == ("30 of 30", ["be fair"])
    expect(text.get_by_text("Paragraph 30")).to_be_in_viewport()
    press(desk, "Enter")
    assert found(desk)[0] == "1 of 30"
    desk.keyboard.type("x")
    assert found(desk) == ("Not found", [])
    assert text.inner_html() == before
    assert chosen_ranks(desk) == {}
    press(desk, "Escape", "2")
    expect(text).to_be_hidden()
    assert chosen_ranks(desk) == {"a": 2}


def test_they_stay_open_beside_the_next_task_on_a_wide_screen_only(desk: Page) -> None:
    desk.locator(".guidelines summary").click()
    panel, outputs = desk.locator(".guidelines-body").bounding_box(), desk.locator(".outputs").bounding_box()
    assert panel is not None
    assert outputs is not None
    assert panel["x"] + panel["width"] <= outputs["x"]
    desk.locator("[data-output='a']").click()
    press(desk, "1")
    expect(desk.locator("[data-save]")).to_contain_text("Saved")
    assert chosen_ranks(desk) == {"a": 1}
    desk.reload()
    desk.wait_for_selector("form.ready")
    expect(desk.locator(".guidelines-text")).to_be_visible()
    assert desk.evaluate("document.activeElement.tagName") == "BODY"
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.reload()
    desk.wait_for_selector("form.ready")
    expect(desk.locator(".guidelines-text")).to_be_hidden()


def test_examples_are_looked_up_and_left_by_keyboard(desk: Page) -> None:
    press(desk, "b", "Alt+x")
    examples = desk.get_by_role("dialog", name="Examples: Overall quality")
    assert examples.locator("dt").all_inner_texts() == ["1", "7"]
    assert examples.locator("dd").all_inner_texts() == ["Nonsense.", "Answers all of it,\npolitely."]
    press(desk, "3", "Escape")
    expect(examples).to_be_hidden()
    assert chosen_ranks(desk) == {}
    press(desk, "3")
    assert chosen_ranks(desk) == {"b": 3}


def test_what_looks_like_a_slip_is_asked_about_over_the_page(desk: Page, world: World) -> None:
    here = desk.url
    rank_against_the_ratings(desk)
    asking = submit_and_be_asked(desk)
    expect(asking).to_contain_text("You rated A 7 of 7 and ranked it last.")
    press(desk, "1")
    press(desk, "Escape")
    expect(asking).to_be_hidden()
    assert chosen_ranks(desk) == {"a": 4, "b": 1, "c": 2, "d": 3}
    assert world.annotations() == []
    press(desk, "Control+Enter")
    desk.wait_for_url(lambda url: url != here)
    assert len(world.annotations()) == 1


def test_whoever_means_it_submits_it_at_once(desk: Page, world: World) -> None:
    here = desk.url
    rank_against_the_ratings(desk)
    submit_and_be_asked(desk)
    press(desk, "Control+Enter")
    desk.wait_for_url(lambda url: url != here)
    assert len(world.annotations()) == 1


def test_the_last_submission_is_undone_by_a_chord_and_the_next_task_waits(desk: Page, world: World) -> None:
    first = desk.url
    rank_well(desk)
    press(desk, "Control+Enter")
    desk.wait_for_url(lambda url: url != first)
    desk.wait_for_selector("form.ready")
    following = desk.url
    press(desk, "Alt+z")
    desk.wait_for_url("**?undo=1")
    desk.wait_for_selector("form.ready")
    assert chosen_ranks(desk) == {"a": 1, "b": 2, "c": 3, "d": 4}
    press(desk, "d", "3", "Control+Enter")
    desk.wait_for_url(following)
    assert [(each.revision, each.current) for each in world.annotations()] == [(1, False), (2, True)]


@pytest.mark.parametrize("of", [Campaign, Prompt])
def test_texts_with_a_warning_stay_blurred_until_they_are_asked_for(
    desk: Page, world: World, of: type[Campaign] | type[Prompt]
) -> None:
    warn(world, "Describes a fight", of)
    desk.reload()
    desk.wait_for_selector("form.ready")
    text = desk.locator("[data-output='a'] .text")
    expect(desk.get_by_text("Content warning: Describes a fight")).to_be_visible()
    assert text.evaluate("(element) => [element.inert, getComputedStyle(element).filter]") == [True, "blur(9.6px)"]
    press(desk, " ")
    expect(desk.get_by_text("Content warning:")).to_have_count(0)
    assert text.evaluate("(element) => [element.inert, getComputedStyle(element).filter]") == [False, "none"]
    press(desk, "2")
    expect(desk.locator("[data-save]")).to_contain_text("Saved")
    desk.reload()
    desk.wait_for_selector("form.ready")
    assert text.evaluate("(element) => element.inert") is False


def test_a_prompt_is_reported_from_the_desk_and_nothing_typed_is_lost(desk: Page, world: World) -> None:
    press(desk, "3", "Shift+2")
    desk.get_by_label("Stop or report").click()
    desk.get_by_label("What is wrong with this prompt?").fill("It names a person.")
    desk.get_by_role("button", name="Report it", exact=True).click()
    expect(desk.get_by_text("A researcher will look at this prompt")).to_be_visible()
    desk.wait_for_selector("form.ready")
    assert chosen_ranks(desk) == {"a": 3}
    with Session(world.engine) as session:
        assert session.scalars(select(PromptReport.reason)).one() == "It names a person."


def test_who_stops_here_leaves_the_task_to_others_and_keeps_the_draft(desk: Page) -> None:
    press(desk, "3")
    desk.get_by_label("Stop or report").click()
    desk.get_by_role("button", name="Stop here").click()
    expect(desk.get_by_role("heading", name="Tasks")).to_be_visible()
    desk.get_by_role("link", name="Go on").click()
    desk.wait_for_selector("form.ready")
    assert chosen_ranks(desk) == {"a": 3}


def test_without_script_guidelines_warnings_and_questions_are_plain_pages(browser: Browser, world: World) -> None:
    warn(world, "Describes a fight")
    with transaction(world.engine) as session:
        stranger = make_labeler(session)
        for campaign in session.scalars(select(Campaign)):
            admit_cohort(session, campaign)
    context = browser.new_context(java_script_enabled=False)
    World(world.url, world.engine, stranger).let_in(context)
    page = context.new_page()
    page.goto(f"{world.url}/tasks")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", name="Guidelines of Kind answers")).to_be_visible()
    page.get_by_role("button", name="I have read them: go on").click()
    expect(page.locator("[data-output='a'] .text")).to_be_hidden()
    page.get_by_text("Content warning: Describes a fight").click()
    expect(page.locator("[data-output='a'] .text")).to_be_visible()
    for letter in "abcd":
        page.locator(f"[name='rank[{letter}]'][value='1']").check(force=True)
        page.locator(f"[name='output[{letter}][overall]'][value='5']").check(force=True)
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_text("All 4 outputs share one rank.")).to_be_visible()
    page.get_by_role("button", name="Submit anyway").click()
    expect(page.get_by_role("link", name="Undo the last submission").first).to_be_visible()
    context.close()


HIDDEN_NUMBERS = """() => [...document.querySelectorAll("td.number")].filter((cell) => {
    cell.scrollIntoView({ block: "center" });
    const { left, top, width, height } = cell.getBoundingClientRect();
    return !cell.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}).map((cell) => cell.textContent)"""


@pytest.mark.parametrize("width", [320, 390, 700])
def test_no_number_of_the_tasks_is_covered_on_a_small_screen(browser: Browser, world: World, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    world.let_in(context)
    page = context.new_page()
    page.goto(f"{world.url}/tasks")
    expect(page.locator("td.number")).to_have_count(3)
    assert page.evaluate(HIDDEN_NUMBERS) == []
    assert page.evaluate("[...document.querySelectorAll('.table')].every((box) => box.scrollWidth <= box.clientWidth)")
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_all_of_it_is_accessible(browser: Browser, world: World, width: int) -> None:
    """axe needs a way past the security policy to look into the page."""
    warn(world, "Describes a fight")
    for theme in ("light", "dark"):
        context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 844})
        world.let_in(context)
        page = open_desk(context, world)
        page.emulate_media(color_scheme="light" if theme == "light" else "dark")
        for keys in [(), (" ", "Alt+g"), ("Escape", "Alt+x"), ("Escape",)]:
            press(page, *keys)
            expect_accessible(page)
        page.get_by_label("Stop or report").click()
        expect_accessible(page)
        for path in ("/tasks", "/history", "/account", f"/guidelines/{world_guidelines(world)}"):
            page.goto(world.url + path)
            expect_accessible(page)
        context.close()


def world_guidelines(world: World) -> int:
    with Session(world.engine) as session:
        return session.scalars(select(Guidelines.id)).one()


def expect_accessible(page: Page) -> None:
    report = Axe().run(page)
    assert report.violations_count == 0, f"{page.url}: {report.generate_report()}"
