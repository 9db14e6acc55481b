"""A labeler takes a screening at the desk."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Cohort, Role
from app.annotations.models import Annotation
from app.annotations.submissions import LETTERS
from app.completions.models import Completion
from app.quality.screening.deciding import admit_candidate
from app.quality.screening.models import Attempt, AttemptState, Part
from app.tasks.models import Assignment
from tests.app.quality.screening.screened import REVERSED, make_screening, take
from tests.factories import make_labeler, make_open_campaign, make_user
from tests.pages import Page, PageClient


def only(session: Session) -> Attempt:
    return session.scalars(select(Attempt)).one()


def rank_rightly(pages: PageClient, session: Session, desk: Page) -> Page:
    """As the known answer has it: the older output is the better one."""
    assignment = session.get_one(Assignment, int(desk.path.rpartition("/")[2]))
    ranks = {number: rank for rank, number in enumerate(sorted(assignment.shown_order), start=1)}
    letters = list(zip(LETTERS, assignment.shown_order, strict=False))
    typed = {f"rank[{letter}]": str(ranks[number]) for letter, number in letters}
    typed |= {f"output[{letter}][overall]": str(8 - ranks[number]) for letter, number in letters}
    return pages.submit(desk, f"{desk.path}/submit", **typed)


def test_a_labeler_goes_from_tasks_through_the_qualification(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.LABELER)
    screened = make_screening(session, (Part.RANKINGS,), topics=("religion", "politics"))
    tasks = pages.get("/tasks")
    assert f"Qualification for {screened.project.name}" in tasks.text
    assert screened.campaign(session, Part.RANKINGS).name not in tasks.text
    page = pages.submit(tasks, "/qualifications")
    attempt = only(session)
    assert page.path == f"/qualifications/{attempt.id}"
    assert "0 of 2 tasks." in page.text
    desk = pages.submit(page, "/tasks/next")
    desk = rank_rightly(pages, session, desk)
    assert "1 of 2 tasks." in pages.get(page.path).text
    after = rank_rightly(pages, session, desk)
    assert after.path == "/tasks"
    assert "2 of 2 tasks. Please also answer the questions about yourself." in after.text
    page = pages.get(page.path)
    here = f"{page.path}/self-assessment"
    assert "Please answer for each topic." in pages.submit(page, here, **{"comfort[0]": "3"}).text
    page = pages.submit(page, here, **{"comfort[0]": "3", "comfort[1]": "2", "comfort[9]": "1"})
    assert "You reached everything that was asked." in page.text
    assert "politics: A little" in page.text
    session.refresh(attempt)
    assert (attempt.state, attempt.comfort) == (AttemptState.PASSED, {"religion": 3, "politics": 2})


def test_a_skip_at_the_desk_ends_an_attempt_too(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.LABELER)
    make_screening(session, (Part.RANKINGS,), tasks=1)
    page = pages.submit(pages.get("/tasks"), "/qualifications")
    desk = pages.submit(page, "/tasks/next")
    pages.submit(desk, f"{desk.path}/skip", reason="I cannot tell.")
    assert only(session).state is AttemptState.FAILED


def test_held_out_labelers_write_demonstrations_that_wait_for_a_reviewer(pages: PageClient, session: Session) -> None:
    pages.sign_in(make_labeler(session, Cohort.HELD_OUT))
    make_screening(session, (Part.DEMONSTRATIONS,), tasks=1)
    page = pages.submit(pages.get("/tasks"), "/qualifications")
    desk = pages.submit(page, "/tasks/next")
    tasks = pages.submit(desk, f"{desk.path}/submit", text="I would rather not help with that.", confirmed="1")
    assert "A reviewer is reading what you wrote" in tasks.text
    written = session.scalars(select(Completion).join(Annotation, Annotation.completion_id == Completion.id)).one()
    assert written.text == "I would rather not help with that."


def test_a_labeler_hears_kindly_how_it_went_and_when_to_try_again(pages: PageClient, session: Session) -> None:
    labeler = pages.sign_in_as(Role.LABELER)
    screened = make_screening(session, (Part.RANKINGS,), retake_days=30)
    attempt = take(session, screened, labeler, ranks=REVERSED)
    page = pages.get(f"/qualifications/{attempt.id}")
    assert "Thank you for your work." in page.text
    assert "You may try again from:" in page.text
    assert "0%" in page.text
    assert "needed: 75%" in page.text
    assert "qualifications" not in [form.get("action").strip("/") for form in pages.get("/tasks").all("form")]
    pages.post("/qualifications", {"screening": screened.screening.id})
    assert only(session).number == 1
    attempt.retake_from = attempt.finished_at
    session.flush()
    page = pages.submit(pages.get("/tasks"), "/qualifications")
    assert "0 of 2 tasks." in page.text


def test_nobody_else_sees_an_attempt(pages: PageClient, session: Session) -> None:
    attempt = take(session, make_screening(session))
    pages.sign_in_as(Role.LABELER)
    pages.get(f"/qualifications/{attempt.id}", status=404)
    pages.post(f"/qualifications/{attempt.id}/self-assessment", {"comfort[0]": "1"}, status=404)


def test_who_is_admitted_starts_on_real_tasks(pages: PageClient, session: Session) -> None:
    labeler = pages.sign_in_as(Role.LABELER)
    screened = make_screening(session, required=True)
    make_open_campaign(session, project=screened.project)
    assert "0 tasks wait" in pages.get("/tasks").text
    admit_candidate(session, take(session, screened, labeler), make_user(session, Role.ADMIN))
    tasks = pages.get("/tasks")
    assert "Welcome!" in tasks.text
    assert "1 task waits" in tasks.text


def test_a_closed_screening_is_not_begun(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.LABELER)
    screened = make_screening(session)
    tasks = pages.get("/tasks")
    screened.screening.is_open = False
    session.flush()
    assert "This qualification is not open just now." in pages.submit(tasks, "/qualifications").text
    assert not session.scalars(select(Attempt)).all()
    assert pages.post("/qualifications", {"screening": ""}).path == "/tasks"


def test_a_part_with_sensitive_content_asks_first(pages: PageClient, session: Session) -> None:
    labeler = pages.sign_in_as(Role.LABELER)
    labeler.sees_sensitive = False
    screened = make_screening(session, (Part.RANKINGS,))
    screened.campaign(session, Part.RANKINGS).content_warning = "violence"
    session.flush()
    page = pages.submit(pages.get("/tasks"), "/qualifications")
    assert page.links["Change that in your account"] == "/account"
