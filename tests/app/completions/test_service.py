from sqlalchemy import select

from app.checkpoints.service import external_checkpoint
from app.completions.models import CompletionAuthor, CompletionScore
from app.completions.service import NewCompletion, add_completion, add_completions, record_scores
from app.projects.models import Project
from tests.factories import make_labeler, make_prompt


def authors_of(session, completion):
    query = select(CompletionAuthor).where(CompletionAuthor.completion_id == completion.id)
    return list(session.scalars(query.order_by(CompletionAuthor.id)))


def test_equal_texts_for_a_prompt_are_one_completion_with_several_authors(session):
    prompt = make_prompt(session)
    model = external_checkpoint(session, session.get_one(Project, prompt.project_id), "model")
    labeler = make_labeler(session)
    first = add_completion(session, prompt, "Blue.", checkpoint=model, token_ids=[5, 6], finish_reason="stop")
    second = add_completion(session, prompt, "Blue.", user=labeler)
    add_completion(session, prompt, "Blue.", checkpoint=model)
    assert first.id == second.id
    by_model, by_labeler = authors_of(session, first)
    assert (by_model.checkpoint_id, by_model.token_ids) == (model.id, [5, 6])
    assert by_labeler.user_id == labeler.id


def test_texts_that_differ_in_a_space_are_two(session):
    prompt = make_prompt(session)
    assert add_completion(session, prompt, "Blue.").id != add_completion(session, prompt, "Blue. ").id


def test_an_empty_text_is_a_completion(session):
    assert add_completion(session, make_prompt(session), "").text == ""


def test_a_text_and_a_name_that_look_alike_are_two(session):
    prompt = make_prompt(session)
    ids, added = add_completions(
        session, [NewCompletion(prompt.id, "b1"), NewCompletion(prompt.id, None, external_id="b1")]
    )
    assert added == 2
    assert len(ids) == 2


def test_thousands_are_added_in_batches(session):
    prompt = make_prompt(session)
    ids, added = add_completions(session, (NewCompletion(prompt.id, str(n % 2500)) for n in range(5000)))
    assert added == len(ids) == 2500


def test_a_later_score_replaces_an_earlier_one(session):
    prompt = make_prompt(session)
    judge = external_checkpoint(session, session.get_one(Project, prompt.project_id), "judge")
    completion = add_completion(session, prompt, "Blue.")
    record_scores(session, judge, {completion.id: 0.5})
    record_scores(session, judge, {completion.id: -1.5})
    assert session.scalars(select(CompletionScore.score)).all() == [-1.5]
