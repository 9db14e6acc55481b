"""Labelers learn neither who wrote an output nor what others said of it: worlds that differ only in that are alike."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.service import Sent, skip, submit_ranking
from app.annotations.submissions import Judgement
from app.campaigns.models import Campaign
from app.campaigns.service import open_campaign
from app.checkpoints.service import external_checkpoint
from app.completions.models import Completion, CompletionScore
from app.completions.service import NewCompletion, add_completions
from app.projects.guidelines import acknowledge
from app.projects.models import Guidelines, Project
from app.prompts.models import Prompt
from app.quality.membership import admit_cohort
from app.quality.screening.answers import Answer, give_answer, tasks_to_answer
from app.quality.screening.attempts import begin_attempt
from app.quality.screening.making import Settings, choose_part, open_screening, save_screening
from app.quality.screening.models import Part
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment
from app.tasks.service import add_compare_tasks
from tests.app.web.test_routes import admissions, methods, routes
from tests.factories import make_campaign, make_labeler, make_project, make_prompt, make_tasks
from tests.pages import PageClient

TEXTS = ("One.", "Two.", "Three.", "Four.")
JUDGEMENT = Judgement((1, 2, 2, 3), ({"overall": 6}, {"overall": 4}, {"overall": 4}, {"overall": 1}))
MASKED = (
    (r'(name="(?:csrf_token|idempotency_key)" value=)"[^"]*"', r'\1""'),  # drawn anew for each page
    (r'("token":)"\w+"', r'\1""'),
    (r"(/|campaign=|version-|qualification-)\d+", r"\g<1>0"),  # numbers of rows, which the two worlds do not share
    (r'(data-assignment|<option value|name="campaign" value)="\d+"', r'\1="0"'),
    (r"(the number )\d+", r"\g<1>0"),
    (r"\d{4}-\d\d-\d\d[T ][\d:.+]+", "then"),
    (r"\d+:\d\d\s[AP]M", "then"),
)


@dataclass(frozen=True)
class World:
    """`authors` of the outputs and their `scores`; the `ranks` that another labeler gave, none where they skipped."""

    authors: tuple[str, ...]
    scores: tuple[float, ...]
    ranks: tuple[int, ...] | None


ONE = World(("secret-sft", "secret-policy", "secret-sft", "secret-policy"), (0.5, -1.25, 3.5, 0.0), (1, 2, 3, 4))
RIVALS = World(("rival-small", "rival-small", "rival-large", "rival-small"), (7.75, 2.0, -3.0, 1.5), ONE.ranks)
OTHERWISE_RANKED = World(ONE.authors, ONE.scores, (2, 1, 1, 2))
SKIPPED = World(ONE.authors, ONE.scores, None)


def make_world(session: Session, world: World) -> Campaign:
    """Two tasks for two labelers each, both seen by somebody else."""
    project = make_project(session, "The same project", guidelines="The same guidelines.")
    groups = [_outputs(session, project, question, world) for question in ("Which?", "And which?")]
    campaign = make_campaign(session, project=project, name="The same campaign", overlap=2)
    for place, task in enumerate(add_compare_tasks(session, campaign, groups)):
        task.position = place / 10
    open_campaign(session, campaign)
    _answer_as_another(session, campaign, world.ranks)
    return campaign


def _outputs(session: Session, project: Project, question: str, world: World) -> tuple[Prompt, list[Completion]]:
    prompt = make_prompt(session, project, question)
    judge = external_checkpoint(session, project, f"{world.authors[0]}-judge")
    outputs = []
    for author, text, score in zip(world.authors, TEXTS, world.scores, strict=True):
        checkpoint = external_checkpoint(session, project, author)
        new = NewCompletion(prompt.id, text, checkpoint_id=checkpoint.id, finish_reason=f"{author}-stopped")
        (number,) = add_completions(session, [new])[0].values()
        session.add(CompletionScore(completion_id=number, checkpoint_id=judge.id, score=score))
        outputs.append(session.get_one(Completion, number))
    session.flush()
    return prompt, outputs


def _answer_as_another(session: Session, campaign: Campaign, ranks: Sequence[int] | None) -> None:
    somebody = make_labeler(session)
    admit_cohort(session, campaign)
    for _ in range(2):
        assignment = _claimed(session, somebody, campaign)
        if ranks is None:
            skip(session, assignment, "I know these models", Sent(f"skip {assignment.id}"))
        else:
            judgement = Judgement(tuple(ranks), tuple({"overall": 8 - rank} for rank in ranks))
            submit_ranking(session, assignment, judgement, Sent(f"rank {assignment.id}"))


def _claimed(session: Session, labeler: User, campaign: Campaign) -> Assignment:
    """With its outputs in the order that the task has them."""
    assignment = claim_next_task(session, labeler, campaign)
    assert assignment is not None
    assignment.shown_order = sorted(assignment.shown_order)
    session.flush()
    return assignment


def what_labelers_get(pages: PageClient, session: Session, world: World) -> dict[str, str]:
    """By route, every answer that a labeler can get: pages, and what comes back of a post."""
    savepoint = session.begin_nested()
    labeler = pages.sign_in_as(Role.LABELER)
    labeler.name, labeler.email = "The same labeler", "labeler@example.org"
    campaign = make_world(session, world)
    guidelines = session.scalars(select(Guidelines).where(Guidelines.project_id == campaign.project_id)).one()
    unread = pages.get(f"/guidelines/{guidelines.id}").body
    acknowledge(session, guidelines, labeler)
    done, at_hand = _one_submitted_one_begun(session, labeler, campaign)
    desk = f"/assignments/{at_hand.id}"
    answers = {
        "/": pages.get("/").body,
        "/account": pages.get("/account").body,
        "/account/password": pages.get("/account/password").body,
        "/tasks": pages.get("/tasks").body,
        "/qualifications/{number}": pages.get(_qualification(session, labeler, campaign)).body,
        "/history": pages.get("/history").body,
        "/history/{number}": pages.get(f"/history/{done.id}").body,
        "/guidelines/{number}": unread,
        "/assignments/{number}": pages.get(desk).body + pages.get(f"/assignments/{done.id}").body,
        "/assignments/{number}/draft": pages.http.get(f"{desk}/draft").text,
        "/assignments/{number}/feedback": pages.http.get(f"/assignments/{done.id}/feedback").text,
        "a refusal": pages.submit(pages.get(desk), f"{desk}/submit", status=422).body,
        "what comes after": pages.submit(pages.get(desk), f"{desk}/skip", reason="No.").body,
    }
    savepoint.rollback()
    return {route: _masked(answer) for route, answer in answers.items()}


def _one_submitted_one_begun(session: Session, labeler: User, campaign: Campaign) -> tuple[Assignment, Assignment]:
    done = _claimed(session, labeler, campaign)
    submit_ranking(session, done, JUDGEMENT, Sent("mine"))
    return done, _claimed(session, labeler, campaign)


def _qualification(session: Session, labeler: User, campaign: Campaign) -> str:
    """The address of an attempt at it."""
    project = session.get_one(Project, campaign.project_id)
    screening = save_screening(session, project, Settings())
    draft = make_campaign(session, project=project, name="The same screening")
    make_tasks(session, draft)
    choose_part(session, screening, draft, Part.RANKINGS)
    (each,) = tasks_to_answer(session, screening)
    give_answer(session, screening, each, Answer(ranks=(1, 2, 3, 4)), None)
    open_screening(session, screening)
    return f"/qualifications/{begin_attempt(session, screening, labeler).id}"


def _masked(answer: str) -> str:
    for pattern, replacement in MASKED:
        answer = re.sub(pattern, replacement, answer)
    return answer


@pytest.mark.parametrize("other", [RIVALS, OTHERWISE_RANKED, SKIPPED], ids=["by rivals", "ranked otherwise", "skipped"])
def test_no_answer_to_a_labeler_tells_who_wrote_or_what_others_said(
    pages: PageClient, session: Session, other: World
) -> None:
    one, another = what_labelers_get(pages, session, ONE), what_labelers_get(pages, session, other)
    for route, answer in one.items():
        assert answer == another[route], route
        assert not any(name in answer for name in {*ONE.authors, "I know these models"}), route
    assert all(text in one["/assignments/{number}"] for text in TEXTS)
    assert "The same campaign" in one["/history"]


def test_every_page_of_a_labeler_was_looked_at(pages: PageClient, session: Session, web_app: FastAPI) -> None:
    looked_at = what_labelers_get(pages, session, ONE)
    for_labelers = {
        route.path
        for route in routes(web_app)
        if "GET" in methods(route) and any(Role.LABELER in admission.roles for admission in admissions(route.dependant))
    }
    assert for_labelers <= looked_at.keys()


def test_masks_hide_the_numbers_of_rows_and_nothing_that_tells() -> None:
    telling = 'by secret-sft, score <b>3.5</b>, ranked 2 by another, href="/tasks/17"'
    assert _masked(telling) == telling.replace("/17", "/0")
