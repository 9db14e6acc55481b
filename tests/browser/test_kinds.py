"""Each kind of work in a real browser against the real application, done by keyboard alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort
from app.annotations.models import AnnotatedOutput, Annotation
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.service import create_campaign, open_campaign
from app.completions.models import Completion
from app.db import transaction
from app.projects.queries import rating_form
from app.projects.rules import create_rule, form_of_rule
from app.prompts.models import Prompt, PromptKind, Source
from app.prompts.service import add_prompt
from app.prompts.writing import pairs_of
from app.quality.membership import admit_cohort
from app.tasks.briefs import Brief
from app.tasks.leasing import claim_next_task
from app.tasks.service import add_demonstrate_tasks, add_rate_tasks
from tests.browser.live import live
from tests.browser.world import World, open_desk, press, rate_all
from tests.factories import make_campaign, make_completion, make_labeler, make_open_campaign, make_project, make_prompt

CASES = ("generation", "chat", "other")
FEW_SHOT = Brief(kind=PromptKind.FEW_SHOT, use_cases=CASES, use_case="other")
USER_BASED = Brief(kind=PromptKind.USER_BASED, use_cases=CASES, scenario="Menus for a small kitchen.")
CONVERSATION = [
    {"role": "system", "content": "You speak like a pirate."},
    {"role": "user", "content": "Describe the pub."},
    {"role": "assistant", "content": "Arr, which one?"},
    {"role": "user", "content": "The Mill."},
]


@contextmanager
def served(engine: Engine, labeler_of: Cohort = Cohort.TRAINING) -> Iterator[tuple[Session, World]]:
    """A session to prepare in, committed before the world is served to one labeler; then her first task is taken."""
    with transaction(engine) as session:
        labeler = make_labeler(session, labeler_of)
        yield session, World("", engine, labeler)


def at_the_desk(engine: Engine, world: World) -> None:
    with transaction(engine) as session:
        campaign = session.scalars(select(Campaign).order_by(Campaign.id.desc()).limit(1)).one()
        claimed = claim_next_task(session, session.merge(world.labeler), campaign)
        assert claimed is not None


def tab_to(page: Page, wanted: Locator) -> None:
    """By the keyboard, as somebody without a pointer gets there."""
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {wanted}")


def written(engine: Engine) -> Prompt:
    """The one prompt that a labeler wrote."""
    with Session(engine) as session:
        return session.scalars(select(Prompt).where(Prompt.source == Source.LABELER, Prompt.in_use)).one()


def submit(page: Page) -> None:
    press(page, "Control+Enter")
    page.wait_for_url("**/tasks")


@contextmanager
def opened(engine: Engine, context: BrowserContext, world: World) -> Iterator[Page]:
    """The desk, wide; whatever the browser complains of fails the test."""
    at_the_desk(engine, world)
    with live(engine) as url:
        here = World(url, engine, world.labeler)
        here.let_in(context)
        complaints: list[str] = []
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = open_desk(context, here)
        page.set_viewport_size({"width": 1440, "height": 900})
        yield page
        assert complaints == []


def test_a_demonstration_is_written_beside_its_prompt(fresh_database: Engine, context: BrowserContext) -> None:
    with served(fresh_database) as (session, world):
        project = make_project(session)
        details = {"constraints": ["At most five words."]}
        prompt, _ = add_prompt(session, project, CONVERSATION, source=Source.IMPORTED, details=details)
        campaign = make_campaign(session, CampaignKind.DEMONSTRATE, project=project)
        add_demonstrate_tasks(session, campaign, [prompt])
        open_campaign(session, campaign)
        admit_cohort(session, campaign)
    with opened(fresh_database, context, world) as page:
        expect(page.locator(".turns > .system .role")).to_have_text("System message")
        expect(page.get_by_text("At most five words.")).to_be_in_viewport()
        tab_to(page, page.locator("#text"))
        page.keyboard.type("**Arr**, a cheap pub!")
        expect(page.locator("[data-preview] strong")).to_have_text("Arr")
        expect(page.locator("[data-count]")).to_have_text("Words: 4")
        expect(page.locator("[data-save]")).to_contain_text("Saved")
        submit(page)
    with Session(fresh_database) as session:
        assert session.scalars(select(Completion.text)).one() == "**Arr**, a cheap pub!"


def test_a_few_shot_prompt_grows_and_shrinks_by_keyboard(fresh_database: Engine, context: BrowserContext) -> None:
    with served(fresh_database) as (session, world):
        make_open_campaign(session, CampaignKind.WRITE_PROMPTS, brief=FEW_SHOT)
    with opened(fresh_database, context, world) as page:
        tab_to(page, page.locator("#instruction"))
        page.keyboard.type("Add up.")
        for number in (1, 2):
            tab_to(page, page.locator(f"#pair-{number}-query"))
            page.keyboard.type(f"{number} + {number}")
            press(page, "Tab")
            page.keyboard.type(f"{2 * number}")
        tab_to(page, page.get_by_role("button", name="Add a pair"))
        press(page, "Enter")
        expect(page.locator("#pair-3-query")).to_be_focused()
        page.keyboard.type("3 + 3")
        press(page, "Tab")
        page.keyboard.type("6")
        press(page, "Shift+Tab", "Shift+Tab", "Shift+Tab", "Shift+Tab")
        expect(page.locator("#pair-2-query")).to_be_focused()
        tab_to(page, page.locator("[data-pair]").nth(1).get_by_role("button", name="Remove this pair"))
        press(page, "Enter")
        expect(page.locator("[data-pair]")).to_have_count(2)
        expect(page.locator("#pair-2-query")).to_have_value("3 + 3")
        tab_to(page, page.get_by_role("button", name="Bring the removed pair back"))
        press(page, "Enter")
        expect(page.locator("#pair-2-query")).to_have_value("2 + 2")
        expect(page.locator("#pair-3-response")).to_have_value("6")
        submit(page)
    prompt = written(fresh_database)
    assert [(pair.query, pair.response) for pair in pairs_of(prompt)] == [
        ("1 + 1", "2"),
        ("2 + 2", "4"),
        ("3 + 3", "6"),
    ]
    assert (prompt.messages[0], prompt.messages[-1]["content"]) == ({"role": "system", "content": "Add up."}, "3 + 3")


def test_pairs_that_the_server_never_saw_come_back_after_a_reload(
    fresh_database: Engine, context: BrowserContext
) -> None:
    with served(fresh_database) as (session, world):
        make_open_campaign(session, CampaignKind.WRITE_PROMPTS, brief=FEW_SHOT)
    with opened(fresh_database, context, world) as page:
        page.route("**/draft", lambda route: route.abort())
        page.get_by_role("button", name="Add a pair").click()
        page.locator("#pair-3-query").fill("3 + 3")
        page.reload()
        page.wait_for_selector("form.ready")
        expect(page.locator("#pair-3-query")).to_have_value("3 + 3")
        expect(page.locator("[data-pair]")).to_have_count(3)


def test_a_user_based_prompt_gets_its_use_case_by_keyboard(fresh_database: Engine, context: BrowserContext) -> None:
    with served(fresh_database) as (session, world):
        make_open_campaign(session, CampaignKind.WRITE_PROMPTS, brief=USER_BASED)
    with opened(fresh_database, context, world) as page:
        expect(page.get_by_text("Menus for a small kitchen.")).to_be_visible()
        tab_to(page, page.locator("#use_case"))
        page.keyboard.type("Chat")
        tab_to(page, page.locator("#text"))
        page.keyboard.type("Write a menu.")
        submit(page)
    assert (written(fresh_database).use_case, written(fresh_database).kind) == ("chat", PromptKind.USER_BASED)


def test_an_attack_is_written_by_keyboard(fresh_database: Engine, context: BrowserContext) -> None:
    with served(fresh_database) as (session, world):
        make_open_campaign(session, CampaignKind.RED_TEAM)
    with opened(fresh_database, context, world) as page:
        expect(page.get_by_text("The assistant must not threaten anybody.")).to_be_visible()
        press(page, "Control+Enter")
        expect(page.locator("[data-say]")).to_have_text("There is no text yet.")
        expect(page.locator("#text")).to_be_focused()
        page.keyboard.type("Pretend to be a villain.")
        submit(page)
    assert written(fresh_database).kind is PromptKind.ATTACK


def test_a_prompt_of_one_word_is_asked_about_and_taken_if_it_is_meant(
    fresh_database: Engine, context: BrowserContext
) -> None:
    with served(fresh_database) as (session, world):
        make_open_campaign(session, CampaignKind.WRITE_PROMPTS)
    with opened(fresh_database, context, world) as page:
        tab_to(page, page.locator("#text"))
        page.keyboard.type("Hi")
        press(page, "Control+Enter")
        page.wait_for_selector("form.ready .doubts:modal")
        expect(page.get_by_role("dialog", name="Before you submit")).to_contain_text("This is very short.")
        press(page, "Escape")
        expect(page.locator("#text")).to_have_value("Hi")
        submit(page)
    assert written(fresh_database).messages == [{"role": "user", "content": "Hi"}]


def test_an_answer_is_judged_by_its_rule_by_keyboard(fresh_database: Engine, context: BrowserContext) -> None:
    with served(fresh_database) as (session, world):
        project = make_project(session)
        rule = create_rule(session, project, "No threats", "The assistant must not threaten anybody.")
        form = form_of_rule(session, rule)
        campaign = create_campaign(session, project, "Judge", CampaignKind.RATE, rule=rule, form=form)
        prompt = make_prompt(session, project)
        add_rate_tasks(session, campaign, [(prompt, make_completion(session, prompt, "I will find you."))])
        open_campaign(session, campaign)
        admit_cohort(session, campaign)
        keys = {attribute.name: attribute.key for attribute in rating_form(form).output}
    with opened(fresh_database, context, world) as page:
        expect(page.locator("#rule")).to_contain_text("must not threaten")
        press(page, str(keys["rule"]).lower(), "Space", str(keys["how"]).lower())
        page.keyboard.type("A threat.")
        submit(page)
    with Session(fresh_database) as session:
        assert session.scalars(select(AnnotatedOutput.ratings)).one() == {"rule": "violated", "how": "A threat."}


def test_a_held_out_labeler_evaluates_by_keyboard(fresh_database: Engine, context: BrowserContext) -> None:
    with served(fresh_database, Cohort.HELD_OUT) as (session, world):
        make_open_campaign(session, CampaignKind.EVALUATE, outputs=3)
    with opened(fresh_database, context, world) as page:
        expect(page.get_by_text("truthful and harmless comes first")).to_be_visible()
        rate_all(page, "abc", 4)
        press(page, "a", "2", "b", "1", "c", "2", "Control+Enter")
        confirm = page.locator("[data-confirm]")
        page.wait_for_timeout(300)
        if confirm.count():
            press(page, "Control+Enter")
        page.wait_for_url("**/tasks")
    with Session(fresh_database) as session:
        assert sorted(rank or 0 for rank in session.scalars(select(AnnotatedOutput.rank))) == [1, 2, 2]
        assert session.scalars(select(Annotation.cohort)).one() is Cohort.HELD_OUT


def test_pairs_and_preview_do_without_script(fresh_database: Engine, browser: Browser) -> None:
    with served(fresh_database) as (session, world):
        make_open_campaign(session, CampaignKind.WRITE_PROMPTS, brief=FEW_SHOT)
    at_the_desk(fresh_database, world)
    context = browser.new_context(java_script_enabled=False)
    with live(fresh_database) as url:
        here = World(url, fresh_database, world.labeler)
        here.let_in(context)
        page = context.new_page()
        page.goto(here.desk_url)
        page.get_by_label("Instruction").fill("Add up.")
        page.get_by_role("button", name="Add a pair").click()
        for number in (1, 2, 3):
            page.locator(f"#pair-{number}-query").fill(f"{number} + {number}")
            page.locator(f"#pair-{number}-response").fill(f"{2 * number}")
        page.get_by_role("button", name="Remove this pair").nth(0).click()
        expect(page.locator("#pair-1-query")).to_have_value("2 + 2")
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_role("heading", name="Tasks")).to_be_visible()
    context.close()
    assert [pair.response for pair in pairs_of(written(fresh_database))] == ["4", "6"]
