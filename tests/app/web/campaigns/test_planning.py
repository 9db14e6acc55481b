"""Planning a campaign: a page for each kind of work."""

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role
from app.campaigns.models import Campaign, CampaignKind
from app.campaigns.queries import frozen_form
from app.checkpoints.models import Checkpoint
from app.checkpoints.service import external_checkpoint
from app.completions.service import NewCompletion, add_completions
from app.projects.models import Project
from app.projects.rules import archive_rule
from app.prompts.models import Split
from app.tasks.models import Task, TaskCompletion
from tests.factories import make_campaign, make_open_campaign, make_project, make_prompt, make_rule
from tests.pages import Page, PageClient


def _plan(pages: PageClient, project: Project, kind: str, status: Any = 200, **typed: Any) -> Page:
    form = pages.get("/campaigns/new", project=project.id, kind=kind)
    return pages.submit(form, f"/campaigns?project={project.id}", status, **{"name": "First", **typed})


def _models(session: Session, project: Project, *names: str) -> list[Checkpoint]:
    """Each wrote two texts for each of three test prompts."""
    models = [external_checkpoint(session, project, name) for name in names]
    for number in range(3):
        prompt = make_prompt(session, project, f"Question {number}")
        prompt.split = Split.TEST
        texts = [(model, f"{model.name} {turn}") for model in models for turn in range(2)]
        add_completions(session, [NewCompletion(prompt.id, said, checkpoint_id=by.id) for by, said in texts])
    return models


def _error(page: Page, field: str) -> str:
    """The sentence under a field; the summary above leads there."""
    (link,) = [link for link in page.all("a") if link.get("href") == f"#field-{field}"]
    assert page.all("h1")
    return link.text


@pytest.mark.parametrize("kind", list(CampaignKind))
def test_every_kind_has_its_page_and_says_which_one_it_is(
    pages: PageClient, session: Session, kind: CampaignKind
) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/campaigns/new", project=project.id, kind=kind.value)
    (here,) = [link for link in page.all("a", aria_current="page") if "kind=" in link.get("href")]
    assert here.get("href").endswith(f"kind={kind.value}")
    assert page.form(f"/campaigns?project={project.id}")["kind"] == [kind.value]


def test_every_policy_meets_the_baseline_once_a_task(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    old, new, newest, other = _models(session, project, "old", "new", "newest", "other")
    pages.sign_in_as(Role.RESEARCHER)
    ticked = {"baseline": str(old.id), "checkpoints[]": [str(new.id), str(newest.id), str(old.id)]}
    _plan(pages, project, "evaluate", **ticked)
    assert session.scalars(select(Campaign)).one().cohort is Cohort.HELD_OUT
    tasks = Counter(session.scalars(select(TaskCompletion.task_id)))
    assert sorted(tasks.values()) == [3, 3, 3]
    assert other.name not in "old new newest"


def test_the_evaluation_page_says_what_comes_first(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get("/campaigns/new", project=make_project(session).id, kind="evaluate")
    assert "Truthfulness and harmlessness come first" in page.text


def test_an_evaluation_may_ask_on_the_toxicity_form(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    old, new = _models(session, project, "old", "new")
    pages.sign_in_as(Role.RESEARCHER)
    planned = _plan(pages, project, "evaluate", baseline=str(old.id), form="toxicity", **{"checkpoints[]": str(new.id)})
    pages.submit(planned, f"{planned.path}/open")
    form = frozen_form(session, session.scalars(select(Campaign)).one())
    assert (form.ready_made, form.definition["output"][0]["name"]) == ("toxicity", "toxicity")
    assert "RealToxicityPrompts" in pages.get(planned.path).text


@pytest.mark.parametrize(
    ("kind", "typed", "field"),
    [
        ("evaluate", {}, "baseline"),
        ("evaluate", {"baseline": "OLD"}, "checkpoints[]"),
        ("evaluate", {"baseline": "OLD", "checkpoints[]": ["NEW"], "split": "train"}, "checkpoints[]"),
        ("compare", {"form": "unheard of"}, "form"),
        ("compare", {}, "checkpoints[]"),
        ("demonstrate", {"split": "train"}, "split"),
        ("demonstrate", {"name": "Taken"}, "name"),
        ("write_prompts", {"prompt_kinds[]": []}, "prompt_kinds[]"),
        ("write_prompts", {"prompt_kinds[]": ["user_based"]}, "scenarios"),
        ("write_prompts", {"scenarios": "a cook"}, "scenarios"),
        ("write_prompts", {"mix": "chat -3"}, "mix"),
        ("red_team", {}, "rule"),
        ("red_team", {"rule": "ARCHIVED"}, "rule"),
    ],
)
def test_a_refusal_stands_under_its_own_field(
    pages: PageClient, session: Session, kind: str, typed: dict[str, object], field: str
) -> None:
    project = make_project(session)
    old, new = _models(session, project, "old", "new")
    rule = make_rule(session, project)
    archive_rule(session, rule)
    make_campaign(session, project=project, name="Taken")
    numbers = {"OLD": str(old.id), "NEW": str(new.id), "ARCHIVED": str(rule.id)}
    filled = {
        name: [numbers.get(one, one) for one in value] if isinstance(value, list) else numbers.get(str(value), value)
        for name, value in typed.items()
    }
    pages.sign_in_as(Role.RESEARCHER)
    page = _plan(pages, project, kind, 422, **filled)
    assert _error(page, field)
    assert page.form(f"/campaigns?project={project.id}")["kind"] == [kind]
    assert len(session.scalars(select(Campaign)).all()) == 1


def test_prompts_to_write_are_planned_by_kind_use_case_and_scenario(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    pages.sign_in_as(Role.RESEARCHER)
    planned = _plan(
        pages,
        project,
        "write_prompts",
        tasks="30",
        mix="chat 3\nmenu texts 1",
        scenarios="plans for small kitchens\r\n\r\nletters to guests",
        content_warning="Kitchens may be hot.",
        **{"prompt_kinds[]": ["plain", "few_shot", "user_based"]},
    )
    briefs = [task.brief or {} for task in session.scalars(select(Task))]
    assert Counter(brief["kind"] for brief in briefs) == {"plain": 10, "few_shot": 10, "user_based": 10}
    assert Counter(brief.get("scenario") for brief in briefs)["letters to guests"] == 5
    assert sum(brief.get("use_case") == "menu texts" for brief in briefs) in {4, 5, 6}
    assert session.scalars(select(Campaign.content_warning)).one() == "Kitchens may be hot."
    listed = pages.get(planned.links["All tasks"])
    assert "User-based prompt: letters to guests" in listed.text
    assert "Few-shot prompt: Chat" in listed.text


def test_a_red_team_campaign_names_a_rule(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    rule = make_rule(session, project)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(
        pages.get(f"/projects/{project.id}/rules").one("a", aria_label=f"Red-team {rule.name}").get("href")
    )
    planned = pages.submit(page, f"/campaigns?project={project.id}", name="Scare it", tasks="2")
    assert session.scalars(select(Campaign.rule_id)).one() == rule.id
    assert [task.brief for task in session.scalars(select(Task))] == [{"kind": "attack"}] * 2
    assert rule.text in planned.text


def test_the_campaigns_of_a_project_are_listed_by_themselves(pages: PageClient, session: Session) -> None:
    project = make_project(session)
    mine, other = make_open_campaign(session, project=project), make_open_campaign(session)
    pages.sign_in_as(Role.RESEARCHER)
    assert {mine.name, other.name} <= pages.get("/campaigns").links.keys()
    listed = pages.get(pages.get(f"/projects/{project.id}").links["All campaigns"])
    assert mine.name in listed.links
    assert other.name not in listed.links
