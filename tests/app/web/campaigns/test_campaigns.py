"""Planning, opening and watching campaigns."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign, CampaignKind, CampaignMember, CampaignState
from app.checkpoints.service import external_checkpoint
from app.completions.service import add_completion
from app.projects.models import Project
from app.tasks.models import Task, TaskCompletion
from tests.factories import make_assignment, make_labeler, make_open_campaign, make_project, make_prompt
from tests.pages import Page, PageClient

JUDGED = Judgement((1, 2, 2, 3), ({"overall": 7, "opinion": True}, {}, {}, {}), {"ambiguous": True})


def _project_with_outputs(session: Session, prompts: int, outputs: int) -> Project:
    """The models take turns."""
    project = make_project(session)
    models = [external_checkpoint(session, project, name) for name in ("small", "large")]
    for number in range(prompts):
        prompt = make_prompt(session, project, f"Question {number}")
        for turn in range(outputs):
            add_completion(session, prompt, f"Answer {turn}", checkpoint=models[turn % 2])
    return project


def _plan(pages: PageClient, project: Project, status: int = 200, **typed: object) -> Page:
    form = pages.get("/campaigns/new", project=project.id)
    return pages.submit(form, f"/campaigns?project={project.id}", status, **{"name": "First", **typed})


def test_a_demonstration_campaign_is_planned_opened_and_closed(pages: PageClient, session: Session) -> None:
    project = _project_with_outputs(session, 3, 1)
    labeler = make_labeler(session)
    pages.sign_in_as(Role.RESEARCHER)
    planned = _plan(pages, project, kind="demonstrate", overlap="2")
    assert planned.heading == "First"
    assert pages.submit(planned, f"{planned.path}/open").all("span", class_="badge good")
    assert session.scalars(select(CampaignMember.user_id)).all() == [labeler.id]
    assert [(task.overlap, task.remaining) for task in session.scalars(select(Task))] == [(2, 2)] * 3
    pages.submit(pages.get(planned.path), f"{planned.path}/close")
    assert session.scalars(select(Campaign)).one().state is CampaignState.CLOSED


def test_comparisons_take_outputs_of_the_chosen_models_in_turn(pages: PageClient, session: Session) -> None:
    project = _project_with_outputs(session, 2, 6)
    small, large = (external_checkpoint(session, project, name).id for name in ("small", "large"))
    pages.sign_in_as(Role.RESEARCHER)
    _plan(pages, project, kind="compare", outputs="4", **{"checkpoints[]": [str(small), str(large)]})
    assert len(session.scalars(select(TaskCompletion)).all()) == 8
    pages.post(
        f"/campaigns?project={project.id}",
        {"name": "Second", "kind": "compare", "outputs": "4", "checkpoints[]": [str(small)]},
        422,
    )


def test_a_plan_that_gives_no_task_makes_no_campaign(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = _plan(pages, _project_with_outputs(session, 2, 3), 422, kind="compare", outputs="9")
    assert "The project has no prompts" in page.text
    assert session.scalar(select(Campaign)) is None


def test_what_was_typed_stays_when_the_plan_is_refused(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    page = _plan(pages, make_project(session), 422, kind="evaluate", overlap="99", name="Mine")
    assert page.one("input", name="name").get("value") == "Mine"
    assert page.one("input", name="overlap").get("value") == "99"


def test_the_campaign_page_counts_the_work(pages: PageClient, session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(3)]
    campaign = make_open_campaign(session, overlap=2)
    for labeler in labelers[:2]:
        submit_ranking(session, make_assignment(session, labeler, campaign), JUDGED, Sent("one", 30))
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/campaigns/{campaign.id}")
    assert "2 of 2" in page.text
    assert "agreement" in page.text
    assert all(labeler.name in page.text for labeler in labelers)


def test_a_labeler_is_paused_and_resumed(pages: PageClient, session: Session) -> None:
    make_labeler(session)
    campaign = make_open_campaign(session)
    pages.sign_in_as(Role.ADMIN)
    paused = pages.submit(pages.get(f"/campaigns/{campaign.id}"), f"/campaigns/{campaign.id}/pause")
    assert session.scalars(select(CampaignMember.paused)).one()
    pages.submit(paused, f"/campaigns/{campaign.id}/resume")
    assert not session.scalars(select(CampaignMember.paused)).one()


def test_a_set_aside_task_is_read_and_put_back(pages: PageClient, session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(3)]
    campaign = make_open_campaign(session)
    for labeler in labelers:
        assignment = make_assignment(session, labeler, campaign)
        skip(session, assignment, "What does it ask for?", Sent("one"))
    pages.sign_in_as(Role.RESEARCHER)
    listed = pages.get(f"/campaigns/{campaign.id}")
    task = pages.get(listed.links[f"Task {assignment.task_id}"])
    assert "What does it ask for?" in task.text
    pages.submit(task, f"{task.path}/put-back")
    assert "Three labelers skipped these" not in pages.get(f"/campaigns/{campaign.id}").text


def test_a_dropped_task_leaves_the_list(pages: PageClient, session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(3)]
    campaign = make_open_campaign(session)
    for labeler in labelers:
        assignment = make_assignment(session, labeler, campaign)
        skip(session, assignment, "unclear", Sent("one"))
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.submit(pages.get(f"/campaigns/{campaign.id}"), f"/tasks/{assignment.task_id}/drop")
    assert "Three labelers skipped these" not in page.text


def test_the_answers_to_a_task_stand_side_by_side(pages: PageClient, session: Session) -> None:
    labelers = [make_labeler(session) for _ in range(2)]
    campaign = make_open_campaign(session, overlap=2)
    for labeler in labelers:
        assignment = make_assignment(session, labeler, campaign)
        annotation = submit_ranking(session, assignment, JUDGED, Sent("one"))
    annotation.surplus = True
    session.flush()
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(f"/tasks/{assignment.task_id}")
    assert all(labeler.name in page.text for labeler in labelers)
    assert "Surplus" in page.text
    assert "Overall quality: 7" in page.text
    assert "Ambiguous" in page.text


def test_a_task_tells_researchers_who_wrote_its_outputs(pages: PageClient, session: Session) -> None:
    project = _project_with_outputs(session, 1, 4)
    pages.sign_in_as(Role.RESEARCHER)
    both = [str(external_checkpoint(session, project, name).id) for name in ("small", "large")]
    _plan(pages, project, kind="compare", outputs="4", **{"checkpoints[]": both})
    task = session.scalars(select(Task)).one()
    page = pages.get(f"/tasks/{task.id}")
    assert sorted(hint.text for hint in page.all("p", class_="hint")) == ["By large"] * 2 + ["By small"] * 2


def test_campaigns_are_listed(pages: PageClient, session: Session) -> None:
    campaign = make_open_campaign(session)
    pages.sign_in_as(Role.RESEARCHER)
    assert pages.get("/campaigns").links[campaign.name] == f"/campaigns/{campaign.id}"


def test_the_tasks_of_a_campaign_are_listed_page_by_page(pages: PageClient, session: Session) -> None:
    campaign = make_open_campaign(session, CampaignKind.DEMONSTRATE, tasks=101)
    pages.sign_in_as(Role.RESEARCHER)
    first = pages.get(pages.get(f"/campaigns/{campaign.id}").links["All tasks"])
    second = pages.get(first.links["Next"])
    numbers = [text for page in (first, second) for text in page.links if text.startswith("Task ")]
    assert len(set(numbers)) == 101
    assert "Next" not in second.links
