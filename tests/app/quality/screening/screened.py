"""A project with a screening to test with, and labelers who take it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Role, User
from app.annotations.service import Sent, submit_demonstration, submit_ranking, submit_rating
from app.annotations.submissions import Demonstration, Judgement
from app.campaigns.models import Campaign, CampaignKind
from app.projects.models import Project
from app.quality.screening.answers import Answer, give_answer, tasks_to_answer
from app.quality.screening.attempts import advance_of_task, begin_attempt
from app.quality.screening.making import Settings, choose_part, open_screening, save_screening
from app.quality.screening.models import Attempt, Part, Screening
from app.quality.screening.queries import KINDS, parts_of
from app.tasks.leasing import claim_next_task
from app.tasks.models import Assignment, Task
from tests.factories import make_campaign, make_labeler, make_project, make_tasks, make_user

FLAGS = ("output.sexual_content", "output.violent_content", "prompt.sensitive_content")
RIGHT, REVERSED, TIED = (1, 2, 3, 4), (4, 3, 2, 1), (1, 1, 1, 1)


@dataclass(frozen=True)
class Screened:
    """Each flag task: one output, violent, of a sensitive prompt. Each ranking task: four outputs, best first."""

    project: Project
    screening: Screening
    researcher: User

    def campaign(self, session: Session, part: Part, sitting: int = 1) -> Campaign:
        return parts_of(session, self.screening, sitting)[part]


def make_screening(
    session: Session, parts: tuple[Part, ...] = (Part.FLAGS, Part.RANKINGS), *, tasks: int = 2, **settings: object
) -> Screened:
    """Open, with every answer known."""
    screened = make_draft(session, parts, tasks=tasks, **settings)
    answer_all(session, screened)
    open_screening(session, screened.screening)
    return screened


def make_draft(session: Session, parts: tuple[Part, ...], *, tasks: int = 2, **settings: object) -> Screened:
    project = make_project(session)
    screening = save_screening(session, project, Settings(**({"flags": FLAGS} | settings)))  # type: ignore[arg-type]
    for part in parts:
        campaign = make_campaign(session, KINDS[part], project=project)
        make_tasks(session, campaign, tasks)
        choose_part(session, screening, campaign, part)
    return Screened(project, screening, make_user(session, Role.RESEARCHER))


def answer_all(session: Session, screened: Screened) -> None:
    violent = Answer(ticks=(frozenset({"violent_content"}),), prompt_ticks=frozenset({"sensitive_content"}))
    for each in tasks_to_answer(session, screened.screening):
        answer = violent if each.part is Part.FLAGS else Answer(ranks=RIGHT)
        give_answer(session, screened.screening, each, answer, screened.researcher)


def take(
    session: Session,
    screened: Screened,
    labeler: User | None = None,
    *,
    ranks: tuple[int, ...] = RIGHT,
    tick: bool = True,
) -> Attempt:
    """Begin and answer every task: rankings as the known ones are, or as given; with `tick` the right flags."""
    labeler = labeler or make_labeler(session)
    attempt = begin_attempt(session, screened.screening, labeler)
    for campaign in parts_of(session, screened.screening, attempt.number).values():
        while assignment := claim_next_task(session, labeler, campaign):
            answer(session, assignment, ranks, tick=tick)
    session.refresh(attempt)
    return attempt


def answer(session: Session, assignment: Assignment, ranks: tuple[int, ...] = RIGHT, *, tick: bool = True) -> None:
    task, sent = session.get_one(Task, assignment.task_id), Sent(f"key {assignment.id}")
    if task.kind is CampaignKind.DEMONSTRATE:
        submit_demonstration(session, assignment, Demonstration(f"Written {assignment.id}."), sent)
    elif task.kind is CampaignKind.RATE:
        judged = Judgement((None,), ({"violent_content": tick},), {"sensitive_content": tick})
        submit_rating(session, assignment, judged, sent)
    else:
        place = dict(zip(sorted(assignment.shown_order), ranks, strict=True))
        shown = tuple(place[number] for number in assignment.shown_order)
        submit_ranking(session, assignment, Judgement(shown, ({},) * len(shown)), sent)
    advance_of_task(session, assignment)


def attempts(session: Session) -> list[Attempt]:
    return list(session.scalars(select(Attempt).order_by(Attempt.id)))
