"""Known answers and repeats cannot be told from real tasks: by pages, headers, numbers of rows, or what comes after."""

import re
from dataclasses import dataclass
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.models import Annotation
from app.campaigns.service import open_campaign
from app.quality.gold.answers import Known, make_known
from app.quality.gold.mixing import FORGOTTEN_AFTER, next_check
from app.quality.gold.models import RepeatedTask
from app.quality.membership import admit_cohort
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Purpose, Task
from app.tasks.service import add_compare_tasks
from tests.app.quality.gold.known import answer as answered
from tests.app.web.test_blindness import TEXTS, _masked
from tests.factories import make_campaign, make_completion, make_open_campaign, make_project, make_prompt
from tests.pages import PageClient

JUDGED = {f"rank[{letter}]": str(place) for place, letter in enumerate("abcd", start=1)} | {
    f"output[{letter}][overall]": "4" for letter in "abcd"
}

Kept = tuple[int, tuple[str, ...], str]  # status, names of headers, body and where it leads


@dataclass
class Seen:
    """Of each answer that the browser got."""

    answers: dict[str, Kept]
    steps: list[int]  # between the numbers of assignments
    purpose: Purpose


def second_task_of(pages: PageClient, session: Session, purpose: Purpose) -> Seen:
    """A labeler answers a real task, and then one of this purpose."""
    savepoint = session.begin_nested()
    labeler = pages.sign_in_as(Role.LABELER)
    labeler.name, labeler.email = "The same labeler", "labeler@example.org"
    project = make_project(session, "The same project")
    prompts = [make_prompt(session, project, question) for question in ("Which?", "And which?")]
    groups = [(prompt, [make_completion(session, prompt, text) for text in TEXTS]) for prompt in prompts]
    campaign = make_campaign(session, project=project, name="The same campaign")
    first, second = add_compare_tasks(session, campaign, groups)
    first.position, second.position = 0.1, 0.2
    if purpose is not Purpose.REAL:
        make_known(session, second, Known({output.id: rank for rank, output in enumerate(groups[1][1], 1)}), None)
        second.remaining, campaign.gold_rate = 0, 0.5  # of two tasks the second is the check
    open_campaign(session, campaign)
    admit_cohort(session, campaign)
    real = _shown_in_order(session, pages.http.post("/tasks/next", data={"csrf_token": pages.csrf_token()}))
    sent = _send(pages, real)
    check = _shown_in_order(session, sent)
    task = session.get_one(Task, check.task_id)
    if purpose is not Purpose.REAL:
        task.purpose = purpose
        session.flush()
    found = Seen(_looks(pages, check) | {"sent": _kept(sent)}, [check.id - real.id], task.purpose)
    savepoint.rollback()
    return found


def _shown_in_order(session: Session, answer: object) -> Assignment:
    number = re.search(r"/assignments/(\d+)", str(getattr(answer, "headers", {}).get("location") or answer.url))  # type: ignore[attr-defined]
    assert number is not None
    assignment = session.scalars(select(Assignment).where(Assignment.id == int(number[1]))).one()
    assignment.shown_order = sorted(assignment.shown_order)
    session.flush()
    return assignment


def _send(pages: PageClient, assignment: Assignment) -> object:
    desk = pages.get(f"/assignments/{assignment.id}")
    fields = {name: values[0] for name, values in desk.form(f"{desk.path}/submit").items()} | JUDGED
    return pages.http.post(f"{desk.path}/submit", data=fields, follow_redirects=False)


def _looks(pages: PageClient, check: Assignment) -> dict[str, Kept]:
    """Before it is answered, what the answer is answered with, and afterwards."""
    desk = f"/assignments/{check.id}"
    before = ("/tasks", desk, f"{desk}/draft", f"{desk}/feedback", "/history")
    found = {f"before {address}": _kept(pages.http.get(address)) for address in before}
    found["answered"] = _kept(_send(pages, check))
    after = ("/tasks", "/history", f"/history/{check.id}", f"{desk}/feedback")
    found |= {f"after {address}": _kept(pages.http.get(address)) for address in after}
    return {re.sub(r"/\d+", "/N", name): kept for name, kept in found.items()}


def _kept(answer: object) -> Kept:
    status, headers, body = answer.status_code, answer.headers, answer.text  # type: ignore[attr-defined]
    location = re.sub(r"\d+", "0", headers.get("location", ""))
    names = tuple(sorted(name for name in headers if name not in {"content-length"}))
    return status, names, _masked(body) + location


@pytest.mark.parametrize("purpose", [Purpose.GOLD, Purpose.REPEAT])
def test_a_check_looks_like_a_real_task_in_every_answer(pages: PageClient, session: Session, purpose: Purpose) -> None:
    real, check = second_task_of(pages, session, Purpose.REAL), second_task_of(pages, session, purpose)
    assert check.purpose is purpose, "it did come"
    assert real.steps == check.steps == [1], "numbers of assignments go on as ever"
    for address, answer in real.answers.items():
        assert check.answers[address] == answer, address
    assert real.answers["before /assignments/N/feedback"][0] == 404


def test_only_training_is_followed_by_the_known_answer(pages: PageClient, session: Session) -> None:
    seen = second_task_of(pages, session, Purpose.TRAINING)
    assert seen.answers["answered"][2].endswith("/assignments/0/feedback")
    assert seen.answers["before /assignments/N/feedback"][0] == 404, "not before it is answered"
    assert seen.answers["after /assignments/N/feedback"][0] == 200


def test_a_repeat_stands_in_the_history_beside_the_answer_before_and_neither_says_which_it_is(
    pages: PageClient, session: Session
) -> None:
    """All that was submitted stands there: were one of the two missing, just that would tell of a check.

    A prompt that comes twice tells nothing, since campaigns ask for several rankings of a prompt too.
    """
    labeler = pages.sign_in_as(Role.LABELER)
    campaign = make_open_campaign(session, tasks=FORGOTTEN_AFTER + 5, outputs=3)
    campaign.repeat_rate = 0.5
    begun = None
    while session.scalar(select(RepeatedTask.task_id)) is None or begun is not None:
        assignment = begun or claim_next_task(session, labeler, campaign)
        assert assignment is not None
        assignment.shown_order = sorted(assignment.shown_order)
        begun = next_check(session, labeler, campaign, answered(session, assignment), Random(0))
    repeat = session.scalars(select(RepeatedTask)).one()
    second = session.scalars(select(Assignment.id).where(Assignment.task_id == repeat.task_id)).one()
    rows = re.findall(r"<tr>.*?</tr>", pages.http.get("/history").text, re.DOTALL)
    lines = {int(link[1]): row for row in rows if (link := re.search(r"/history/(\d+)", row))}
    assert len(lines) == session.scalar(select(func.count()).select_from(Annotation))
    assert _masked(lines[repeat.original_id]) == _masked(lines[second])
    shown = [_masked(pages.http.get(f"/history/{number}").text) for number in (repeat.original_id, second)]
    assert shown[0] == shown[1]
