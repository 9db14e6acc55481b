"""Researchers set up a screening: parts, known answers, cut-offs."""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.campaigns.models import CampaignKind
from app.campaigns.queries import members
from app.quality.screening.answers import tasks_to_answer
from app.quality.screening.attempts import begin_attempt
from app.quality.screening.models import KnownAnswer, Part, Screening
from tests.app.quality.screening.screened import RIGHT, make_draft, make_screening
from tests.factories import make_campaign, make_labeler, make_open_campaign, make_project, make_tasks
from tests.pages import Page, PageClient

SETTINGS = {
    "required": "1",
    "flags_cutoff": "80",
    "rankings_cutoff": "77.5",
    "demonstrations_cutoff": "5.5",
    "flags[]": ["output.violent_content", "prompt.sensitive_content"],
    "topics": "religion\npolitics",
    "needed_topics": "politics",
    "retake_days": "14",
}


def only(session: Session) -> Screening:
    return session.scalars(select(Screening)).one()


def notices(page: Page) -> str:
    return " ".join(each.text for each in page.elements if "notice" in each.get("class").split())


def test_the_paper_s_cut_offs_and_sensitive_flags_are_suggested(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    project = make_project(session)
    page = pages.get(f"/projects/{project.id}/screening")
    suggested = page.form(f"/projects/{project.id}/screening")
    assert (suggested["flags_cutoff"], suggested["rankings_cutoff"]) == (["75"], ["75"])
    assert suggested["demonstrations_cutoff"] == ["6"]
    assert set(suggested["flags[]"]) > {"output.sexual_content", "prompt.sensitive_content"}
    assert "required" not in suggested
    pages.submit(page, page.path)
    assert not only(session).required


def test_settings_are_kept_and_shown_again(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    project = make_project(session)
    page = pages.post(f"/projects/{project.id}/screening", SETTINGS)
    kept = only(session)
    assert (kept.flags_cutoff, kept.rankings_cutoff, kept.demonstrations_cutoff) == (0.8, 0.775, 5.5)
    assert (kept.topics, kept.needed_topics, kept.retake_days) == (["religion", "politics"], ["politics"], 14)
    shown = page.form(f"/projects/{project.id}/screening")
    assert {name: value for name, value in shown.items() if name in SETTINGS} == {
        name: value if isinstance(value, list) else [value] for name, value in SETTINGS.items()
    }


def test_a_mistake_keeps_everything_typed(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    here = f"/projects/{make_project(session).id}/screening"
    page = pages.post(here, SETTINGS | {"needed_topics": "philosophy"}, status=422)
    assert "not asked about" in notices(page)
    assert page.form(here)["topics"] == ["religion\npolitics"]
    pages.post(here, SETTINGS | {"flags_cutoff": "101"}, status=422)
    assert not session.scalars(select(Screening)).all()


def test_a_planned_draft_becomes_a_part_and_opens_with_its_answers(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    screened = make_draft(session, ())
    draft = make_campaign(session, CampaignKind.RATE, project=screened.project, name="Is it violent?")
    (task,) = make_tasks(session, draft)
    here = f"/projects/{screened.project.id}/screening"
    page = pages.get(here)
    assert "Is it violent?" in page.text
    assert "Plan a draft" in page.text
    page = pages.submit(page, f"{here}/parts")
    assert page.links["Is it violent?"] == f"/campaigns/{draft.id}"
    assert "Some tasks have no known answer yet." in notices(pages.post(f"{here}/open"))
    answering = pages.get(f"{here}/answers/{task.id}")
    page = pages.submit(
        answering, answering.path, **{"output[a][violent_content]": "1", "prompt[sensitive_content]": "1"}
    )
    assert page.path == here
    known = session.get_one(KnownAnswer, task.id)
    assert list(known.ratings.values()) == [{"violent_content": True}]
    assert known.prompt_ratings == {"sensitive_content": True}
    assert "Labelers may begin now." in notices(pages.post(f"{here}/open"))
    assert only(session).is_open
    assert "Nobody else can begin" in notices(pages.post(f"{here}/close"))
    assert not only(session).is_open


def test_ranks_are_answered_one_task_after_another(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    screened = make_draft(session, (Part.RANKINGS,))
    first, second = (each.task.id for each in tasks_to_answer(session, screened.screening))
    here = f"/projects/{screened.project.id}/screening"
    page = pages.get(f"{here}/answers/{first}")
    again = pages.submit(page, page.path, 422, **{"rank[a]": "1", "rank[b]": "2"})
    assert "Still without a rank: C, D." in again.text
    assert again.form(page.path)["rank[b]"] == ["2"]
    ranks = {f"rank[{letter}]": rank for letter, rank in zip("abcd", "1334", strict=True)}
    page = pages.submit(again, page.path, **ranks)
    assert page.path == f"{here}/answers/{second}"
    assert sorted((session.get_one(KnownAnswer, first).ranks or {}).values()) == [1, 2, 2, 3]
    page = pages.submit(page, page.path, **ranks)
    assert "Every task has a known answer." in notices(page)
    assert pages.get(f"{here}/answers/{first}").form(f"{here}/answers/{first}")["rank[c]"] == ["2"]


def test_answers_are_downloaded_filled_in_and_sent_back(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    screened = make_draft(session, (Part.RANKINGS,))
    here = f"/projects/{screened.project.id}/screening"
    rows = [json.loads(line) for line in pages.get(f"{here}/answers/download").body.splitlines()]
    assert [row["ranks"] for row in rows] == [None, None]
    for row in rows:
        row["ranks"] = list(RIGHT)
    file = "\n".join(json.dumps(row) for row in rows).encode()
    page = pages.post(f"{here}/answers", files={"file": ("answers.jsonl", file)})
    assert "2 answers are known now." in notices(page)
    page = pages.post(f"{here}/answers", files={"file": ("answers.jsonl", b"{}")})
    assert "Line 1" in notices(page)
    assert len(session.scalars(select(KnownAnswer)).all()) == 2


def test_it_is_said_what_somebody_reaches_who_ticks_nothing(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    screened = make_screening(session)
    here = f"/projects/{screened.project.id}/screening"
    assert (
        "Somebody who never ticks anything would agree on 33% of the flags; the cut-off is 75%" in pages.get(here).text
    )
    page = pages.submit(pages.get(here), here, flags_cutoff="30")
    assert "raise it" in notices(page)


def test_once_somebody_began_the_answers_stay(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    screened = make_screening(session, (Part.RANKINGS,))
    first = tasks_to_answer(session, screened.screening)[0].task.id
    begin_attempt(session, screened.screening, make_labeler(session))
    here = f"/projects/{screened.project.id}/screening"
    page = pages.get(here)
    assert "Labelers have begun" in page.text
    assert f"{here}/answers/{first}" not in page.links.values()
    answering = pages.get(f"{here}/answers/{first}")
    refused = pages.submit(answering, answering.path, 422)
    assert "what it asks stays as it is" in refused.text
    page = pages.submit(page, here, 422, **{"flags[]": "output.sexual_content"})
    assert "what it asks stays as it is" in page.text


def test_who_is_not_admitted_leaves_when_the_screening_becomes_required(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    labeler = make_labeler(session)
    screened = make_screening(session)
    real = make_open_campaign(session, project=screened.project)
    here = f"/projects/{screened.project.id}/screening"
    assert labeler in [member.user for member in members(session, real)]
    pages.submit(pages.get(here), here, required="1")
    assert not members(session, real)
    page = pages.post(f"/campaigns/{real.id}/admit")
    assert "0 labelers were admitted" in notices(page)


def test_an_unknown_task_or_a_project_without_a_screening_is_not_there(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.ADMIN)
    screened = make_screening(session)
    pages.get(f"/projects/{screened.project.id}/screening/answers/0", status=404)
    bare = f"/projects/{make_project(session).id}/screening"
    for path in ("/answers/0", "/answers/download", "/demonstrations", "/results", "/results/table.csv"):
        pages.get(bare + path, status=404)


def test_the_page_of_a_part_says_that_it_is_no_real_work(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    screened = make_screening(session, (Part.RANKINGS,))
    campaign = screened.campaign(session, Part.RANKINGS)
    page = pages.get(f"/campaigns/{campaign.id}")
    assert "a part of the project's screening" in page.text
    assert page.links["Screening"] == f"/projects/{screened.project.id}/screening"
    assert "2,000,000" not in page.text
    assert f"/campaigns/{campaign.id}/admit" not in [form.get("action") for form in page.all("form")]


def test_the_page_speaks_chinese_too(pages: PageClient, session: Session) -> None:
    screened = make_screening(session)
    pages.sign_in_as(Role.RESEARCHER).language = "zh"
    session.flush()
    page = pages.get(f"/projects/{screened.project.id}/screening")
    assert "标记一致率" in page.text
    assert "什么都不勾选的人会有 33% 的标记一致" in page.text
