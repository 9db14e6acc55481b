import pytest

from app.accounts.models import Role
from app.evaluation.cross_validation.advancing import advance_cross_validation
from app.evaluation.cross_validation.models import CrossValidation, ValidationState
from tests.app.evaluation.cross_validation.taught import make_contrary, make_reward_model, make_taught_project
from tests.factories import make_project

HOME = "/evaluation/cross-validation"


@pytest.fixture
def project(session, pages, tmp_path):
    pages.sign_in_as(Role.ADMIN)
    project = make_taught_project(session)
    make_reward_model(session, tmp_path, project)
    return project


def test_what_would_be_done_is_shown_and_then_done(session, pages, project):
    planned = pages.get(f"{HOME}/new", project=project.id, folds=2, seed=3)
    assert "ann" in planned.text
    assert "4: each fold is trained" in planned.text
    shown = pages.post(f"{HOME}?project={project.id}", {"model": "", "folds": "2", "seed": "3"})
    started = session.query(CrossValidation).one()
    assert (started.folds, started.seed, started.state) == (2, 3, ValidationState.RUNNING)
    assert shown.all("tr")[1:]
    assert "The cross-validation has started." in shown.text
    assert pages.get(HOME, project=project.id).links[str(started.id)] == f"{HOME}/{started.id}"


def test_too_many_folds_are_refused_with_a_sentence(session, pages, project):
    assert "Each of 6 folds needs a labeler" in pages.get(f"{HOME}/new", project=project.id, folds=6).text
    refused = pages.post(f"{HOME}?project={project.id}", {"folds": "6"}, status=422)
    assert "Each of 6 folds needs a labeler" in refused.text
    pages.post(f"{HOME}?project={project.id}", {"folds": "99"}, status=422)
    assert session.query(CrossValidation).count() == 0


def test_it_is_cancelled_and_goes_on(session, pages, project, tmp_path):
    pages.post(f"{HOME}?project={project.id}", {"folds": "2"})
    started = session.query(CrossValidation).one()
    advance_cross_validation(session, tmp_path, started)
    shown = pages.post(f"{HOME}/{started.id}/cancel", {})
    assert started.state is ValidationState.CANCELLED
    assert "Go on from here" in shown.text
    pages.post(f"{HOME}/{started.id}/resume", {})
    assert started.state is ValidationState.RUNNING


def test_a_project_without_a_model_of_its_own_says_what_is_missing(session, pages, project):
    other = make_project(session)
    assert "There is no reward model to repeat" in pages.get(f"{HOME}/new", project=other.id).text
    model = pages.get(f"{HOME}/new", project=project.id).one("option", selected="").get("value")
    pages.post(f"{HOME}?project={other.id}", {"model": model}, status=422)


def test_researchers_watch_and_admins_start(session, pages, project):
    pages.post(f"{HOME}?project={project.id}", {"folds": "2"})
    pages.sign_in_as(Role.RESEARCHER)
    assert "Cross-validate a reward model" not in pages.get(HOME, project=project.id).text
    number = session.query(CrossValidation).one().id
    assert "Cancel" not in pages.get(f"{HOME}/{number}").text
    pages.get(f"{HOME}/new", project=project.id, status=403)


def test_what_came_out_stands_on_the_page_of_evaluation(session, pages, tmp_path):
    pages.sign_in_as(Role.RESEARCHER)
    found = make_contrary(session, tmp_path)
    assert "What it found" in pages.get(f"{HOME}/{found.id}").text
    assert "only 2 chosen ones" in pages.get(f"/datasets/{found.judged_id}").text
    shown = pages.get("/evaluation", project=found.project_id)
    assert {"Labelers left out", "Labelers who taught it", "Lost before new labelers"} <= {
        cell.text for cell in shown.all("td")
    }
    assert {"reward", "reward · Labelers left out"} <= {drawn.text for drawn in shown.all("figcaption")}
    rows = pages.http.get("/evaluation/cross_validation.json", params={"project": found.project_id}).json()
    assert {row["whose"]: row["accuracy"] for row in rows} == {"left_out": 0, "taught": 1, "difference": 1}
