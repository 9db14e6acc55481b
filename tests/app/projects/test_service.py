import pytest

from app.projects.queries import current_form, current_guidelines, form_versions, rating_form
from app.projects.ready_made import HELP_STEER, INSTRUCT_GPT, TOXICITY
from app.projects.service import (
    ProjectNameTaken,
    create_project,
    keep_imported_form,
    publish_form,
    publish_guidelines,
)
from tests.factories import make_project


def test_a_new_project_has_guidelines_and_a_form(session):
    project = create_project(session, "Helpful", guidelines="Be kind.")
    assert current_guidelines(session, project).text == "Be kind."
    assert rating_form(current_form(session, project)) == INSTRUCT_GPT


def test_two_projects_cannot_share_a_name(session):
    create_project(session, "Helpful")
    with pytest.raises(ProjectNameTaken):
        create_project(session, "Helpful")


def test_what_is_published_is_current_and_what_was_stays(session):
    project = make_project(session)
    first = current_form(session, project)
    publish_form(session, project, TOXICITY)
    publish_guidelines(session, project, "Second")
    assert rating_form(current_form(session, project)) == TOXICITY
    assert rating_form(first) == INSTRUCT_GPT
    assert [form.version for form in form_versions(session, project)] == [2, 1]
    assert current_guidelines(session, project).version == 2


def test_a_form_that_describes_imported_annotations_is_kept_once_and_never_current(session):
    project = make_project(session)
    kept = keep_imported_form(session, project, HELP_STEER)
    assert keep_imported_form(session, project, HELP_STEER).id == kept.id
    assert rating_form(current_form(session, project)) == INSTRUCT_GPT
    assert publish_form(session, project, TOXICITY).version == kept.version + 1
