"""What a file of prompts says beside the prompts themselves."""

import json
from io import BytesIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.prompts.constraints import constraints_of
from app.prompts.importing import ImportRefused, import_prompts
from app.prompts.models import Prompt
from tests.factories import make_project


def _file(*warnings: object) -> BytesIO:
    lines = [
        {"prompt_id": f"p{n}", "prompt": [{"role": "user", "content": f"Question {n}?"}], "content_warning": warning}
        for n, warning in enumerate(warnings)
    ]
    return BytesIO("\n".join(map(json.dumps, lines)).encode())


def test_a_prompt_brings_its_content_warning(session: Session) -> None:
    import_prompts(session, make_project(session), _file(" Violence ", None, " "))
    warnings = session.scalars(select(Prompt.content_warning).order_by(Prompt.external_id)).all()
    assert warnings == ["Violence", None, None]


def test_a_warning_is_a_text(session: Session) -> None:
    with pytest.raises(ImportRefused, match="content_warning"):
        import_prompts(session, make_project(session), _file(True))


def _with_constraints(constraints: object) -> BytesIO:
    line = {"prompt_id": "p", "prompt": [{"role": "user", "content": "Describe it."}], "constraints": constraints}
    return BytesIO(json.dumps(line).encode())


def test_a_prompt_brings_the_constraints_of_its_customer(session: Session) -> None:
    import_prompts(session, make_project(session), _with_constraints(["At most 20 words. ", "No prices."]))
    assert constraints_of(session.scalars(select(Prompt)).one()) == ["At most 20 words.", "No prices."]


@pytest.mark.parametrize("constraints", ["At most 20 words.", [7], [" "], ["x" * 501], ["x"] * 21, None])
def test_what_are_no_constraints_is_refused(session: Session, constraints: object) -> None:
    with pytest.raises(ImportRefused, match="constraints"):
        import_prompts(session, make_project(session), _with_constraints(constraints))
