"""Prompts as labelers write them."""

from sqlalchemy.orm import Session

from app.prompts.models import PromptKind, Source, Split
from app.prompts.service import NewPrompt, add_prompts, add_written_prompt, use_only
from app.prompts.writing import Pair, few_shot, pairs_of, single_message
from tests.factories import make_labeler, make_project

PAIRS = [Pair("2 + 2", "4"), Pair("3 + 3", "6"), Pair("4 + 4", "8")]


def test_a_few_shot_prompt_ends_where_the_last_pair_is_to_be_answered(session: Session) -> None:
    project, author = make_project(session), make_labeler(session)
    written = few_shot("Add up.", PAIRS, use_case="other")
    prompt, created = add_written_prompt(session, project, written, author)
    assert created
    assert [message["role"] for message in prompt.messages] == ["system", *["user", "assistant"] * 2, "user"]
    assert [message["content"] for message in prompt.messages] == ["Add up.", "2 + 2", "4", "3 + 3", "6", "4 + 4"]
    assert pairs_of(prompt) == PAIRS
    assert (prompt.source, prompt.kind, prompt.use_case) == (Source.LABELER, PromptKind.FEW_SHOT, "other")


def test_a_user_based_prompt_keeps_the_scenario_it_was_written_for(session: Session) -> None:
    written = single_message(PromptKind.USER_BASED, "Plan a menu.", scenario="Plans for small kitchens")
    prompt, _ = add_written_prompt(session, make_project(session), written, make_labeler(session), split=Split.TEST)
    assert prompt.details == {"scenario": "Plans for small kitchens"}
    assert prompt.split is Split.TEST
    assert pairs_of(prompt) == []


def test_of_the_versions_of_a_prompt_one_is_in_use(session: Session) -> None:
    project, author = make_project(session), make_labeler(session)
    first, second = (
        add_written_prompt(session, project, single_message(PromptKind.PLAIN, text), author)[0] for text in "ab"
    )
    use_only(session, [first.id, second.id], second)
    session.expire_all()
    assert (first.in_use, second.in_use) == (False, True)
    use_only(session, [first.id, second.id], None)
    session.expire_all()
    assert (first.in_use, second.in_use) == (False, False)


def test_a_prompt_that_was_revised_away_is_in_use_again_when_it_is_imported(session: Session) -> None:
    project = make_project(session)
    prompt, _ = add_written_prompt(session, project, single_message(PromptKind.PLAIN, "Why?"), make_labeler(session))
    use_only(session, [prompt.id], None)
    _, added = add_prompts(session, project, [NewPrompt(prompt.messages)], source=Source.IMPORTED)
    session.expire_all()
    assert (added, prompt.in_use) == (0, True)
