"""Lines that come by COPY are those that a query gives."""

import json

from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import Session

from app.annotations.models import AnnotationKind
from app.datasets.copying import copied_lines
from app.prompts.models import Prompt, Source
from tests.factories import make_project, make_prompt

# Every sign that JSON or COPY escapes, and some that look like what they escape to.
TEXTS = [
    *("\\", "\\\\", "\\.", "\\N", "\\n", "\n", "\r\n", "\t", "\b\f\v\x01\x7f"),
    *('"\\"', "a\\tb\tc", "\u2028 é 漢 😀", ""),
]


def test_whatever_a_text_holds_the_line_is_what_a_query_gives(session: Session) -> None:
    project = make_project(session)
    prompts = [make_prompt(session, project, f"{number}: {words}") for number, words in enumerate(TEXTS)]
    line = cast(func.json_build_object("id", Prompt.id, "messages", Prompt.messages), Text)
    query = select(line).where(Prompt.project_id == project.id).order_by(Prompt.id)
    lines = list(copied_lines(session, query))
    assert lines == [each.encode() + b"\n" for each in session.scalars(query)]
    contents = [json.loads(each)["messages"][0]["content"] for each in lines]
    assert contents == [prompt.messages[0]["content"] for prompt in prompts]


def test_values_of_every_type_are_written_into_the_statement(session: Session) -> None:
    project = make_project(session, "100 % of 'quotes' and \\ such")
    make_prompt(session, project)
    query = select(cast(func.count(), Text)).where(
        Prompt.source == Source.IMPORTED,
        Prompt.details.contains({}),
        Prompt.in_use.is_(True),
        Prompt.id.in_([prompt.id for prompt in session.scalars(select(Prompt))]),
        Prompt.messages[0]["role"].astext != AnnotationKind.SKIP.value,
        func.length(project.name) == len(project.name),
    )
    assert list(copied_lines(session, query)) == [f"{session.scalars(query).one()}\n".encode()]


def test_a_reader_who_leaves_early_leaves_a_connection_that_can_be_rolled_back(session: Session) -> None:
    numbers = func.generate_series(1, 1_000_000).column_valued("number")
    nested = session.begin_nested()
    lines = copied_lines(session, select(cast(numbers, Text)))
    assert next(lines) == b"1\n"
    lines.close()
    nested.rollback()
    assert session.scalars(select(func.count()).select_from(Prompt)).one() >= 0
