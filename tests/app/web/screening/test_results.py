"""Reviewers mark demonstrations without names, and admins decide."""

import csv
import io

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.models import Annotation
from app.quality.screening.attempts import assess_oneself
from app.quality.screening.models import AttemptState, Part
from tests.app.quality.screening.screened import REVERSED, RIGHT, Screened, make_screening, take
from tests.factories import make_labeler
from tests.pages import Page, PageClient


def at(screened: Screened, page: str) -> str:
    return f"/projects/{screened.project.id}/screening/{page}"


def mark_fields(page: Page) -> list[str]:
    return sorted({each.get("name") for each in page.all("input", type_="radio")})


def test_demonstrations_are_marked_without_names(pages: PageClient, session: Session) -> None:
    screened = make_screening(session, (Part.DEMONSTRATIONS,))
    candidates = [make_labeler(session) for _ in range(2)]
    for candidate in candidates:
        candidate.name = f"Secret name {candidate.id}"
    one, another = (take(session, screened, candidate) for candidate in candidates)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(at(screened, "demonstrations"))
    assert "4 demonstrations wait." in page.text
    assert "Secret name" not in page.body
    fields = mark_fields(page)
    assert len(fields) == 4
    own = {name: "6" for name in fields if labeler_of(session, name) == one.labeler_id}
    page = pages.submit(page, page.path, **own)
    assert "2 marks are kept." in page.text
    assert "1 attempt is decided by them." in page.text
    assert mark_fields(page) == sorted(set(fields) - set(own))
    session.refresh(one)
    session.refresh(another)
    assert (one.state, another.state) == (AttemptState.PASSED, AttemptState.WAITING)


def labeler_of(session: Session, field: str) -> int:
    return session.get_one(Annotation, int(field.removeprefix("mark[").removesuffix("]"))).labeler_id


def test_a_mark_outside_the_scale_is_refused(pages: PageClient, session: Session) -> None:
    screened = make_screening(session, (Part.DEMONSTRATIONS,), tasks=1)
    attempt = take(session, screened)
    pages.sign_in_as(Role.RESEARCHER)
    page = pages.get(at(screened, "demonstrations"))
    (field,) = mark_fields(page)
    assert "from 1 to 7" in pages.submit(page, page.path, **{field: "8"}).text
    pages.submit(page, page.path, **{"mark[0]": "7"})
    session.refresh(attempt)
    assert attempt.state is AttemptState.WAITING


def test_an_admin_sees_each_score_against_its_cut_off_and_decides(pages: PageClient, session: Session) -> None:
    screened = make_screening(session, (Part.FLAGS, Part.RANKINGS), topics=("religion",))
    good, poor = take(session, screened), take(session, screened, ranks=REVERSED)
    for attempt in (good, poor):
        assess_oneself(session, attempt, {"religion": 4})
    pages.sign_in_as(Role.ADMIN)
    here = at(screened, "results")
    page = pages.get(here)
    assert "needs 75%" in page.text
    assert "religion: Very comfortable" in page.text
    page = pages.post(f"{here}/{good.id}", {"do": "admit"})
    assert "Admitted, and let into 0 campaigns." in page.text
    page = pages.post(f"{here}/{poor.id}", {"do": "refuse"})
    assert "Say why" in page.text
    page = pages.post(f"{here}/{poor.id}", {"do": "refuse", "reason": "Ranked everything upside down."})
    assert "Ranked everything upside down." in page.text
    pages.post(f"{here}/{poor.id}", {"do": "retake"})
    for attempt in (good, poor):
        session.refresh(attempt)
    assert (good.state, poor.state) == (AttemptState.ADMITTED, AttemptState.REFUSED)
    assert poor.retake_from
    assert "They may try again" in pages.post(f"{here}/{poor.id}", {"do": "retake"}).text
    assert "not finished" in pages.post(f"{here}/{good.id}", {"do": "retake"}).text
    pages.post(f"{here}/0", {"do": "admit"}, status=404)


def test_results_are_sorted_and_downloaded(pages: PageClient, session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,))
    for ranks in (RIGHT, REVERSED, RIGHT):
        take(session, screened, ranks=ranks)
    pages.sign_in_as(Role.ADMIN)
    here = at(screened, "results")
    assert pages.get(here, order="rankings").heading == f"Results of the screening for {screened.project.name}"
    table = pages.http.get(f"{here}/table.csv", params={"order": "rankings"}).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["rankings"] for row in rows] == ["1.0", "1.0", "0.0"]
    assert {row["rankings_cutoff"] for row in rows} == {"0.75"}
    assert [row["state"] for row in rows] == ["passed", "passed", "failed"]


def test_the_results_page_asks_no_more_of_the_database_for_more_labelers(pages: PageClient, session: Session) -> None:
    screened = make_screening(session, (Part.RANKINGS,), tasks=1)
    pages.sign_in_as(Role.ADMIN)
    counts = [asked_for(pages, session, screened, more) for more in (1, 4)]
    assert counts[0] == counts[1]


def asked_for(pages: PageClient, session: Session, screened: Screened, more: int) -> int:
    """Statements of the page, after so many more labelers took the screening."""
    for _ in range(more):
        take(session, screened)
    session.flush()
    session.expire_all()
    statements: list[str] = []
    connection = session.connection()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    pages.http.get(at(screened, "results"))
    event.remove(connection, "before_cursor_execute", note)
    return len(statements)
