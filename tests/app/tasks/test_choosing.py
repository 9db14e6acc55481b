"""Which prompts and outputs a new campaign is made of."""

from sqlalchemy.orm import Session

from app.checkpoints.service import external_checkpoint
from app.completions.service import NewCompletion, add_completions
from app.tasks.choosing import random_groups, random_prompts
from tests.factories import make_project, make_prompt


def test_checkpoints_take_turns_and_equal_texts_count_once(session: Session) -> None:
    project = make_project(session)
    prompt = make_prompt(session, project)
    one, two = (external_checkpoint(session, project, name) for name in ("one", "two"))
    written = [(one, "same"), (two, "same"), (two, "only two"), *((one, f"only one {n}") for n in range(20))]
    add_completions(session, [NewCompletion(prompt.id, said, checkpoint_id=author.id) for author, said in written])
    ((_, outputs),) = random_groups(session, project, None, [one, two], number=5, k=4)
    assert len({output.text for output in outputs}) == 4
    assert {"same", "only two"} <= {output.text for output in outputs}


def test_prompts_with_too_few_different_outputs_are_left_out(session: Session) -> None:
    project = make_project(session)
    prompt = make_prompt(session, project)
    author = external_checkpoint(session, project, "one")
    add_completions(session, [NewCompletion(prompt.id, said, checkpoint_id=author.id) for said in ("a", "b")])
    assert random_groups(session, project, None, [author], number=5, k=3) == []
    assert [each.id for each in random_prompts(session, project, None, 5)] == [prompt.id]
