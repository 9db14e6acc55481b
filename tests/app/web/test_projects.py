import json

import pytest

from app.accounts.models import Role
from app.checkpoints.service import external_checkpoint
from app.completions.service import add_completion
from app.projects.queries import current_form, current_guidelines, project_named, projects, rating_form
from app.projects.ready_made import HELP_STEER, INSTRUCT_GPT
from tests.factories import make_open_campaign, make_project, make_prompt


@pytest.fixture
def project(session, pages):
    pages.sign_in_as(Role.RESEARCHER)
    return make_project(session, guidelines="Be **fair**.")


def test_a_researcher_makes_a_project_with_a_ready_made_form(session, pages):
    pages.sign_in_as(Role.RESEARCHER)
    shown = pages.submit(pages.get("/projects/new"), "/projects", name="Kind answers", form="help_steer")
    made = project_named(session, "Kind answers")
    assert shown.heading == "Kind answers"
    assert rating_form(current_form(session, made)) == HELP_STEER
    assert "Kind answers" in pages.get("/projects").links


def test_a_name_that_is_taken_is_said_beside_the_field(session, pages, project):
    shown = pages.submit(pages.get("/projects/new"), "/projects", 422, name=project.name)
    assert "already a project" in shown.text
    assert len(projects(session)) == 1


def test_a_project_shows_what_it_holds(session, pages, project):
    make_open_campaign(session, project=project, tasks=3)
    shown = pages.get(f"/projects/{project.id}")
    assert "3 prompts" in shown.text
    assert "1 campaign" in shown.text
    assert "fair" in shown.text


def test_guidelines_are_previewed_harmless_and_published_in_versions(session, pages, project):
    path = f"/projects/{project.id}/guidelines"
    text = "# Be *kind*\n\n<script>alert(1)</script>"
    preview = pages.submit(pages.get(path), path, text=text, do="preview")
    assert preview.all("em")[0].text == "kind"
    assert current_guidelines(session, project).version == 1
    pages.submit(preview, path, do="publish")
    assert current_guidelines(session, project).text.splitlines()[0] == "# Be *kind*"
    assert "fair" in pages.get(path, version=1).text


def test_the_form_editor_sends_the_whole_form_back_unchanged(session, pages, project):
    path = f"/projects/{project.id}/form"
    pages.submit(pages.get(path), path, do="publish")
    assert current_form(session, project).version == 2
    assert rating_form(current_form(session, project)) == INSTRUCT_GPT


def test_attributes_are_added_moved_and_removed_and_saved_only_when_published(session, pages, project):
    path = f"/projects/{project.id}/form"
    page = pages.submit(pages.get(path), path, do="remove-output-0")
    page = pages.submit(page, path, do="down-output-0")
    page = pages.submit(page, path, do="add-prompt")
    assert current_form(session, project).version == 1
    added = {"prompt[11][label]": "Rude", "prompt[11][name]": "rude", "prompt[11][key]": "X"}
    pages.submit(page, path, do="publish", **added)
    form = rating_form(current_form(session, project))
    assert [each.name for each in form.output[:2]] == ["hallucination", "fails_task"]
    assert len(form.output) == len(INSTRUCT_GPT.output) - 1
    assert (form.prompt[-1].name, form.prompt[-1].key) == ("rude", "X")


def test_a_clash_is_explained_and_nothing_typed_is_lost(session, pages, project):
    path = f"/projects/{project.id}/form"
    shown = pages.submit(
        pages.get(path), path, 422, do="publish", **{"output[1][key]": "U", "output[1][label]": "Oops"}
    )
    assert "The key U is given to two attributes" in shown.text
    assert shown.form(path)["output[1][label]"] == ["Oops"]
    assert current_form(session, project).version == 1


def test_the_form_can_be_given_as_json(session, pages, project):
    path = f"/projects/{project.id}/form"
    definition = json.dumps(HELP_STEER.model_dump(mode="json", exclude_defaults=True))
    pages.submit(pages.get(path), f"{path}/json", definition=definition)
    assert rating_form(current_form(session, project)) == HELP_STEER
    assert "not JSON" in pages.submit(pages.get(path), f"{path}/json", 422, definition="{").text


def test_a_ready_made_form_can_be_started_from(pages, project):
    shown = pages.get(f"/projects/{project.id}/form", start="toxicity")
    assert "Identity attack" in shown.text
    assert "not published yet" in shown.text


def test_labelers_are_not_let_in(pages, project):
    pages.sign_in_as(Role.LABELER)
    for path in ("/projects", f"/projects/{project.id}", "/prompts", "/datasets", "/checkpoints"):
        pages.get(path, 403)


def test_a_project_that_is_not_there_is_not_found(pages, project):
    pages.get(f"/projects/{project.id + 1}", 404)


def test_prompts_are_found_by_words_split_and_project(session, pages, project):
    found = make_prompt(session, project, "Why is the sky blue?")
    make_prompt(session, project, "How do birds fly?")
    make_prompt(session, None, "Why is the sky far?")
    shown = pages.get("/prompts", project=project.id, words="SKY")
    assert [link for link in shown.links if "sky" in link] == ["Why is the sky blue?"]
    other = next(split for split in ("train", "test") if split != found.split.value)
    assert "No prompts found" in pages.get("/prompts", words="blue", split=other).text
    assert "No prompts found" in pages.get("/prompts", words="100%").text


def test_many_prompts_come_in_pages(session, pages, project):
    for number in range(51):
        make_prompt(session, project, f"Number {number}")
    first = pages.get("/prompts", project=project.id)
    assert "Page 1 of 2" in first.text
    second = pages.get(first.links["Next"])
    assert [link for link in second.links if link.startswith("Number")] == ["Number 0"]


def test_a_prompt_shows_its_messages_and_texts_harmless(session, pages, project):
    prompt = make_prompt(session, project, "Why <b>so</b>?")
    add_completion(session, prompt, "<script>1</script>", checkpoint=external_checkpoint(session, project, "model-x"))
    shown = pages.get(f"/prompts/{prompt.id}")
    assert "model-x" in shown.text
    assert "<script>1" not in shown.body


def test_an_example_for_a_rating_is_written_kept_and_exported(session, pages, project):
    path = f"/projects/{project.id}/form"
    typed = {"output[0][examples]": "7: All of it.\n  Politely.\n1: Nonsense", "output[1][examples]": "Says no."}
    shown = pages.submit(pages.get(path), path, do="publish", **typed)
    overall, fails = rating_form(current_form(session, project)).output[:2]
    assert overall.examples == {"7": "All of it.\nPolitely.", "1": "Nonsense"}
    assert fails.examples == {"yes": "Says no."}
    assert "7: All of it.\n  Politely." in shown.body
    exported = json.loads(shown.form(f"{path}/json")["definition"][0])
    assert exported["output"][0]["examples"]["1"] == "Nonsense"
    pages.submit(shown, f"{path}/json", definition=json.dumps(exported))
    assert rating_form(current_form(session, project)).output[0] == overall


def test_an_example_of_nothing_is_said_and_nothing_is_lost(session, pages, project):
    path = f"/projects/{project.id}/form"
    shown = pages.submit(pages.get(path), path, 422, do="publish", **{"output[0][examples]": "All of it"})
    assert "does not say what it is an example of" in shown.text
    assert shown.form(path)["output[0][examples]"] == ["All of it"]
    assert current_form(session, project).version == 1
