"""What the import page says of its files."""

import io

import pytest
from sqlalchemy.orm import Session

from app.accounts.models import Role
from app.annotations.imports.importing import import_comparisons, import_demonstrations
from app.prompts.importing import import_prompts
from app.web.imports import EXAMPLES
from tests.factories import make_project
from tests.pages import PageClient


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_of_each_file_can_be_imported(session: Session, name: str) -> None:
    project, file = make_project(session), io.BytesIO(EXAMPLES[name].encode())
    if name == "prompts.jsonl":
        assert import_prompts(session, project, file).added == 1
    else:
        bring = {"demonstrations.jsonl": import_demonstrations, "comparisons.jsonl": import_comparisons}[name]
        assert bring(session, project, file, source="example").added == 1


def test_the_page_shows_an_example_of_each_file(pages: PageClient, session: Session) -> None:
    pages.sign_in_as(Role.RESEARCHER)
    shown = pages.get("/imports", project=make_project(session).id)
    assert [example.text for example in shown.all("pre")] == list(EXAMPLES.values())
