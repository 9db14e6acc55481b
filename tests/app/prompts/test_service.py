from collections import Counter

import pytest

from app.errors import InvalidInput
from app.prompts.messages import messages_digest
from app.prompts.models import Source, Split
from app.prompts.service import NewPrompt, add_prompt, add_prompts
from app.prompts.splitting import split_of
from tests.factories import make_project


def ask(content):
    return [{"role": "user", "content": content}]


def test_an_exact_duplicate_is_found(session):
    project = make_project(session)
    first, created = add_prompt(session, project, ask("Why?"), source=Source.IMPORTED)
    again, created_again = add_prompt(
        session, project, [{"content": "Why?", "role": "user"}], source=Source.GENERATED, split=Split.TEST
    )
    assert (created, created_again) == (True, False)
    assert again.id == first.id
    assert again.split is first.split


def test_projects_do_not_share_prompts(session):
    first, _ = add_prompt(session, make_project(session), ask("Why?"), source=Source.IMPORTED)
    second, created = add_prompt(session, make_project(session), ask("Why?"), source=Source.IMPORTED)
    assert created
    assert first.id != second.id


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": "Hello."}],
        [{"role": "robot", "content": "Hello."}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": "nul \0"}],
        [{"role": "user", "content": "half a pair \ud800"}],
        [{"role": "user", "content": "Hello.", "name": "x"}],
    ],
)
def test_messages_that_are_no_prompt_are_refused(session, messages):
    with pytest.raises(InvalidInput):
        add_prompt(session, make_project(session), messages, source=Source.IMPORTED)


def test_all_prompts_of_a_customer_fall_into_one_split(session):
    project = make_project(session)
    prompts = [add_prompt(session, project, ask(f"{n}"), source=Source.IMPORTED, customer="acme")[0] for n in range(20)]
    assert len({prompt.split for prompt in prompts}) == 1


def test_the_split_is_the_same_every_time_and_about_80_10_10():
    digests = [messages_digest(ask(str(n))) for n in range(4000)]
    splits = Counter(split_of(None, digest) for digest in digests)
    assert [split_of(None, digest) for digest in digests[:50]] == [split_of(None, digest) for digest in digests[:50]]
    assert splits[Split.TRAIN] == pytest.approx(3200, abs=150)
    assert splits[Split.TEST] == pytest.approx(400, abs=100)


def test_many_prompts_at_once_are_one_each(session):
    project = make_project(session)
    old, _ = add_prompt(session, project, ask("0"), source=Source.IMPORTED)
    ids, added = add_prompts(
        session, project, [NewPrompt(ask(str(n % 1500))) for n in range(3000)], source=Source.IMPORTED
    )
    assert added == 1499
    assert ids[old.digest] == old.id
    assert len(ids) == 1500


def test_a_name_cannot_come_to_mean_another_prompt(session):
    project = make_project(session)
    add_prompts(session, project, [NewPrompt(ask("a"), external_id="p1")], source=Source.IMPORTED)
    with pytest.raises(InvalidInput, match="p1"):
        add_prompts(session, project, [NewPrompt(ask("b"), external_id="p1")], source=Source.IMPORTED)


def test_one_file_cannot_give_two_prompts_the_same_name(session):
    twice = [NewPrompt(ask("a"), external_id="p1"), NewPrompt(ask("b"), external_id="p1")]
    with pytest.raises(InvalidInput, match="p1"):
        add_prompts(session, make_project(session), twice, source=Source.IMPORTED)
