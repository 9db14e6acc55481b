"""How often the desk asks the database: each statement costs as much as drawing a card, and labelers wait for all."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.submissions import LETTERS
from tests.factories import make_open_campaign
from tests.pages import PageClient

# Who asks, the desk, its outputs, progress with the last submission.
PAGE = 4
# Who asks, the desk, locked; the annotation, the assignment, the judged outputs; the lock for the claim, the claim.
SUBMISSION = 7


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """Those of the test's own transaction, which stands round each request, apart."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            said.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    yield said
    event.remove(connection, "before_cursor_execute", note)


def _judged(outputs: int) -> dict[str, str]:
    letters = LETTERS[:outputs]
    ranks = {f"rank[{letter}]": str(place) for place, letter in enumerate(letters, start=1)}
    return ranks | {f"output[{letter}][overall]": "4" for letter in letters}


@pytest.mark.parametrize("outputs", [4, 9])
def test_a_desk_and_what_is_sent_from_it_take_few_statements(pages: PageClient, session: Session, outputs: int) -> None:
    pages.sign_in_as(Role.LABELER)
    make_open_campaign(session, tasks=4, outputs=outputs)
    desk = pages.post("/tasks/next")
    for _ in range(2):  # what was done before makes neither dearer
        desk = pages.submit(desk, f"{desk.path}/submit", **_judged(outputs))
    with statements(session) as shown:
        pages.get(desk.path)
    assert len(shown) == PAGE, shown
    form = desk.form(f"{desk.path}/submit")
    fields = {name: values[0] for name, values in form.items()} | _judged(outputs)
    with statements(session) as sent:
        answer = pages.http.post(f"{desk.path}/submit", data=fields, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/assignments/")
    assert len(sent) == SUBMISSION, sent
