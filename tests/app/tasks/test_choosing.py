"""Which prompts and outputs a new campaign is made of."""

from sqlalchemy.orm import Session

from app.checkpoints.service import external_checkpoint
from app.completions.service import NewCompletion, add_completions
from app.projects.rules import create_rule
from app.prompts.models import PromptKind
from app.prompts.service import add_written_prompt, use_only
from app.prompts.writing import single_message
from app.tasks.choosing import matchups, random_groups, random_prompts
from tests.factories import make_labeler, make_project, make_prompt


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


def test_a_matchup_has_one_output_of_each_policy(session: Session) -> None:
    project = make_project(session)
    policies = [external_checkpoint(session, project, name) for name in ("old", "new", "newest")]
    full, half, alike = (make_prompt(session, project) for _ in range(3))
    written = [(full, author, f"{author.name} {turn}") for author in policies for turn in range(3)]
    written += [(half, author, author.name) for author in policies[:2]]
    written += [(alike, author, "the same") for author in policies]
    add_completions(session, [NewCompletion(prompt.id, said, checkpoint_id=by.id) for prompt, by, said in written])
    ((prompt, outputs),) = matchups(session, project, None, policies, 10)
    assert prompt.id == full.id
    assert sorted((output.text or "").split()[0] for output in outputs) == ["new", "newest", "old"]


def test_in_a_matchup_a_text_that_two_policies_wrote_is_there_once(session: Session) -> None:
    project = make_project(session)
    prompt = make_prompt(session, project)
    policies = [external_checkpoint(session, project, name) for name in ("old", "new", "newest")]
    texts = zip(policies, ("same", "same", "other"), strict=True)
    add_completions(session, [NewCompletion(prompt.id, said, checkpoint_id=by.id) for by, said in texts])
    ((_, outputs),) = matchups(session, project, None, policies, 10)
    assert sorted(output.text or "" for output in outputs) == ["other", "same"]


def test_attacks_and_what_was_revised_are_not_drawn(session: Session) -> None:
    project, author = make_project(session), make_labeler(session)
    rule = create_rule(session, project, "No threats", "Never threaten.")
    attack, _ = add_written_prompt(session, project, single_message(PromptKind.ATTACK, "Scare me."), author, rule=rule)
    old, _ = add_written_prompt(session, project, single_message(PromptKind.PLAIN, "Old"), author)
    kept, _ = add_written_prompt(session, project, single_message(PromptKind.PLAIN, "New"), author)
    use_only(session, [old.id, kept.id], kept)
    model = external_checkpoint(session, project, "model")
    answers = [NewCompletion(each.id, text, checkpoint_id=model.id) for each in (attack, old, kept) for text in "ab"]
    add_completions(session, answers)
    assert [each.id for each in random_prompts(session, project, None, 5)] == [kept.id]
    assert [each.id for each, _ in random_groups(session, project, None, [model], number=5, k=2)] == [kept.id]
