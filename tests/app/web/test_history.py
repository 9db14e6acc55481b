"""One's own history: found, looked at in every version, revised."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.models import Annotation
from app.annotations.queries import history_of
from app.annotations.service import Sent, submit_demonstration, submit_prompt, submit_ranking
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import CampaignKind
from app.completions.models import Completion
from app.prompts.models import PromptKind
from app.prompts.writing import WrittenPrompt
from app.tasks.leasing import claim_next_task
from tests.factories import make_assignment, make_open_campaign
from tests.pages import PageClient

RATED = ({"overall": 7}, {"overall": 5}, {"overall": 3, "opinion": True}, {"overall": 1})


@pytest.fixture
def labeler(pages: PageClient) -> User:
    return pages.sign_in_as(Role.LABELER)


def test_both_versions_of_a_revised_ranking_are_shown(pages: PageClient, session: Session, labeler: User) -> None:
    assignment = make_assignment(session, labeler)
    submit_ranking(session, assignment, Judgement((1, 2, 3, 4), RATED), Sent("first"))
    submit_ranking(session, assignment, Judgement((1, 2, 2, 3), RATED), Sent("second"))
    shown = pages.get(f"/history/{assignment.id}")
    assert [[cell.text for cell in shown.all("td", class_="number")][at : at + 4] for at in (0, 4)] == [
        ["1", "2", "2", "3"],
        ["1", "2", "3", "4"],
    ]
    assert [heading.text.split(" ·")[0] for heading in shown.all("h2")][1:3] == [
        "What counts",
        "What you said before, version 1",
    ]
    texts = [session.get_one(Completion, number).text for number in assignment.shown_order]
    assert [shown.one("section", aria_labelledby=f"output-{n}").text for n in (1, 2, 3, 4)] == [
        f"Output {letter} {text}" for letter, text in zip("ABCD", texts, strict=True)
    ]
    assert shown.links["Revise"] == f"/assignments/{assignment.id}"


def test_what_changed_in_a_text_is_shown(pages: PageClient, session: Session, labeler: User) -> None:
    assignment = make_assignment(session, labeler, make_open_campaign(session, CampaignKind.DEMONSTRATE))
    submit_demonstration(session, assignment, Demonstration("One.\nTwo."), Sent("first"))
    submit_demonstration(session, assignment, Demonstration("One.\n<b>Three</b>."), Sent("second"))
    shown = pages.get(f"/history/{assignment.id}")
    assert [line.text for line in shown.all("del")] == ["Two."]
    assert [line.text for line in shown.all("ins")] == ["<b>Three</b>."]


def test_the_history_is_shown_by_campaign_and_by_page(
    pages: PageClient, session: Session, labeler: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.history.PAGE_SIZE", 2)
    one = make_open_campaign(session, CampaignKind.DEMONSTRATE, tasks=3)
    other = make_open_campaign(session, CampaignKind.DEMONSTRATE)
    for campaign in (one, one, one, other):
        assignment = claim_next_task(session, labeler, campaign)
        assert assignment is not None
        submit_demonstration(session, assignment, Demonstration("Text"), Sent("key"))
    first = pages.get("/history", campaign=one.id)
    assert len(first.all("tr")) == 3
    assert other.name not in [cell.text for cell in first.all("td")]
    second = pages.get(first.links["Next"])
    assert len(second.all("tr")) == 2
    assert len(history_of(session, labeler, 1, 50)) == 4
    pages.get("/history", 404, campaign="x")


def test_labelers_see_their_own_last_two_weeks(pages: PageClient, session: Session, labeler: User) -> None:
    assert "Your last two weeks" not in pages.get("/history").text
    judged = Judgement((1, 2, 3, 4), ({}, {}, {}, {}))
    submit_ranking(session, make_assignment(session, labeler), judged, Sent("key", 120))
    shown = pages.get("/history")
    assert "once twenty tasks were ranked" in shown.text
    assert any(row.text.endswith("1 2") for row in shown.all("tr")), "one answer, two minutes"


def test_somebody_elses_work_and_work_not_yet_sent_are_not_there(
    pages: PageClient, session: Session, labeler: User
) -> None:
    assignment = make_assignment(session, labeler)
    pages.get(f"/history/{assignment.id}", 404)
    submit_ranking(session, assignment, Judgement((1, 2, 3, 4), RATED), Sent("first"))
    assert session.scalars(select(Annotation)).one().labeler_id == labeler.id
    pages.get(f"/history/{assignment.id}")
    pages.sign_in_as(Role.LABELER)
    pages.get(f"/history/{assignment.id}", 404)


def test_both_versions_of_a_written_prompt_are_shown(pages: PageClient, session: Session, labeler: User) -> None:
    assignment = make_assignment(session, labeler, make_open_campaign(session, CampaignKind.WRITE_PROMPTS))
    for key, content in (("first", "Why is it dark?"), ("second", "Why is it light?")):
        written = WrittenPrompt(PromptKind.PLAIN, [{"role": "user", "content": content}], use_case="open_qa")
        submit_prompt(session, assignment, written, Sent(key))
    shown = pages.get(f"/history/{assignment.id}")
    assert [text.text for text in shown.all("pre")] == ["Why is it light?", "Why is it dark?"]
    assert [line.text for line in shown.all("del")] == ["Why is it dark?"]
    assert "Why is it light?" in pages.get("/history").text
