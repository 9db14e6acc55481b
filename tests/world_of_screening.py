"""Screenings for `tests.world`: some that labelers took, one that is being set up."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.projects.models import Project
from app.quality.screening.answers import tasks_to_answer
from app.quality.screening.attempts import assess_oneself, begin_attempt, mark_demonstrations
from app.quality.screening.marks import unmarked_in
from app.quality.screening.models import Attempt, Part, Screening
from tests.app.quality.screening.screened import REVERSED, RIGHT, make_draft, make_screening, take
from tests.factories import make_labeler


def addresses_of_attempts(session: Session, labeler: User) -> dict[str, str]:
    """One under way, one that was not passed, one that waits for a reviewer."""
    topics = {"topics": ("religion", "politics"), "needed_topics": ("religion",)}
    every = (Part.FLAGS, Part.RANKINGS, Part.DEMONSTRATIONS)
    begun = begin_attempt(session, make_screening(session, every, **topics).screening, labeler)
    candidate = make_screening(session, (Part.RANKINGS,), retake_days=30)
    failed = take(session, candidate, labeler, ranks=REVERSED)
    waiting = take(session, make_screening(session, (Part.DEMONSTRATIONS,)), labeler)
    numbers = {"a qualification": begun.id, "one not passed": failed.id, "one with a reviewer": waiting.id}
    return {name: f"/qualifications/{number}" for name, number in numbers.items()}


def addresses_of_screening(session: Session, project: Project) -> dict[str, dict[str, str]]:
    """Of a project whose screening some have taken, and of one that has none yet."""
    inside = f"/projects/{_taken(session).id}/screening"
    draft = make_draft(session, (Part.FLAGS, Part.RANKINGS))
    asked = f"/projects/{draft.project.id}/screening"
    tasks = tasks_to_answer(session, draft.screening)
    return {
        "/projects/{number}/screening": {
            "a new screening": f"/projects/{project.id}/screening",
            "a screening to set up": asked,
            "a screening": inside,
        },
        "/projects/{number}/screening/answers/{task}": {
            "flags to know": f"{asked}/answers/{tasks[0].task.id}",
            "ranks to know": f"{asked}/answers/{tasks[-1].task.id}",
        },
        "/projects/{number}/screening/answers/download": {},
        "/projects/{number}/screening/demonstrations": {
            "demonstrations to mark": f"{inside}/demonstrations",
            "nothing to mark": f"{asked}/demonstrations",
        },
    }


def _taken(session: Session) -> Project:
    """By one who passed, one who did not, one who waits for marks and one who is at it."""
    every = (Part.FLAGS, Part.RANKINGS, Part.DEMONSTRATIONS)
    screened = make_screening(session, every, topics=("religion", "politics"), needed_topics=("religion",))
    for ranks, comfort, mark in ((RIGHT, 4, 7), (REVERSED, 2, 5), (RIGHT, 3, None)):
        attempt = take(session, screened, ranks=ranks)
        assess_oneself(session, attempt, {"religion": comfort, "politics": 1})
        waiting = unmarked_in(session, screened.screening, 10)
        marks = {each.annotation_id: mark for each in waiting if mark}
        mark_demonstrations(session, screened.screening, marks, screened.researcher)
    begin_attempt(session, screened.screening, make_labeler(session))
    return screened.project


def addresses_of_results(session: Session) -> dict[str, dict[str, str]]:
    project = session.scalars(select(Screening.project_id).join(Attempt).order_by(Attempt.id.desc())).first()
    unread = make_draft(session, (Part.RANKINGS,)).project.id
    return {
        "/projects/{number}/screening/results": {
            "results": f"/projects/{project}/screening/results",
            "no results": f"/projects/{unread}/screening/results",
        },
        "/projects/{number}/screening/results/table.csv": {},
    }
