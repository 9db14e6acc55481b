"""Rules and the forms that answers are judged on by them."""

import pytest
from sqlalchemy.orm import Session

from app.errors import NotFound
from app.projects.forms import validate_answers
from app.projects.queries import current_form, form_versions, rating_form
from app.projects.rules import (
    RuleIncomplete,
    RuleNameTaken,
    archive_rule,
    bring_rule_back,
    create_rule,
    form_of_rule,
    rule_numbered,
    rules_of,
)
from app.projects.service import NoSuchForm, keep_ready_made_form
from tests.factories import make_project

THREATS = "The assistant must not threaten anybody."


def test_a_rule_comes_with_the_form_that_answers_are_judged_on(session: Session) -> None:
    project = make_project(session)
    rule = create_rule(session, project, " No threats ", THREATS)
    form = rating_form(form_of_rule(session, rule))
    judged = form.output[0]
    assert (judged.label, judged.description) == ("No threats", THREATS)
    assert judged.options == ("violated", "not violated", "unsure")
    assert validate_answers(form.output, {"rule": "violated", "how": "Says: or else."})["how"] == "Says: or else."


def test_the_form_of_a_rule_never_becomes_the_project_s_own(session: Session) -> None:
    project = make_project(session)
    before = current_form(session, project)
    create_rule(session, project, "No threats", THREATS)
    toxicity = keep_ready_made_form(session, project, "toxicity")
    assert current_form(session, project) is before
    assert form_versions(session, project) == [before]
    assert keep_ready_made_form(session, project, "toxicity") is toxicity
    assert rating_form(toxicity).output[0].name == "toxicity"
    with pytest.raises(NoSuchForm):
        keep_ready_made_form(session, project, "unheard of")


@pytest.mark.parametrize(("name", "text"), [("", THREATS), ("No threats", " "), ("No threats", "x" * 501)])
def test_a_rule_needs_a_name_and_a_sentence(session: Session, name: str, text: str) -> None:
    with pytest.raises(RuleIncomplete):
        create_rule(session, make_project(session), name, text)


def test_a_project_has_one_rule_of_a_name(session: Session) -> None:
    project = make_project(session)
    create_rule(session, project, "No threats", THREATS)
    create_rule(session, make_project(session), "No threats", THREATS)
    with pytest.raises(RuleNameTaken):
        create_rule(session, project, "No threats", "Another sentence.")


def test_archived_rules_come_last_and_can_be_brought_back(session: Session) -> None:
    project = make_project(session)
    first, second = (create_rule(session, project, name, THREATS) for name in ("A", "B"))
    archive_rule(session, first)
    assert rules_of(session, project) == [second, first]
    bring_rule_back(session, first)
    assert rules_of(session, project) == [first, second]


def test_another_project_s_rule_is_not_there(session: Session) -> None:
    rule = create_rule(session, make_project(session), "No threats", THREATS)
    with pytest.raises(NotFound):
        rule_numbered(session, make_project(session), rule.id)
