"""Where a control token stands, which one, and that the model takes it without forgetting anything."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.tiny import make_group, make_policy, make_tokenizer
from trainer.control_tokens import add_control_tokens, after_control, asking_for, grade_of, graded
from trainer.encoding import load_tokenizer, make_encoder
from trainer.records import Message

PROMPT = (Message("user", "place 1"),)
TURNS = (Message("system", "Be brief."), Message("user", "a"), Message("assistant", "b"), Message("user", "c"))


def without_template() -> Any:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = None
    return tokenizer


@pytest.mark.parametrize(
    ("worst", "grades", "expected"),
    [(2, 2, [1, 2]), (3, 2, [1, 1, 2]), (3, 5, [1, 3, 5]), (5, 3, [1, 1, 2, 2, 3]), (4, 5, [1, 2, 4, 5]), (1, 3, [1])],
)
def test_ranks_are_spread_over_the_grades(worst: int, grades: int, expected: list[int]) -> None:
    assert [grade_of(rank, worst, grades) for rank in range(1, worst + 1)] == expected


@settings(deadline=None)
@given(st.integers(2, 9), st.integers(2, 9))
def test_the_best_and_the_worst_have_the_outer_grades_and_no_rank_overtakes(worst: int, grades: int) -> None:
    spread = [grade_of(rank, worst, grades) for rank in range(1, worst + 1)]
    assert (spread[0], spread[-1]) == (1, grades)
    assert spread == sorted(spread)


def test_each_completion_stands_alone_after_the_token_of_its_rank() -> None:
    group = make_group((1, 3, 2), lengths=(4, 2, 7))
    alone = graded(group, [100, 101, 102])
    assert [one.prompt_ids for one in alone] == [(*group.prompt_ids[:-1], control) for control in (100, 102, 101)]
    assert [one.completion_ids for one in alone] == [(ids,) for ids in group.completion_ids]
    assert after_control(group, 100).completion_ids == group.completion_ids


@pytest.mark.parametrize("make", [make_tokenizer, without_template])
@pytest.mark.parametrize("conversation", [PROMPT, TURNS])
def test_a_prompt_is_as_before_but_for_the_best_token_at_its_end(make: Any, conversation: Any) -> None:
    before = make_encoder(make(), 200, 50)
    tokenizer = make()
    controls = add_control_tokens(make_policy(), tokenizer, 3)
    after = make_encoder(tokenizer, 200, 50)
    assert after.prompts([conversation])[0] == (*before.prompts([conversation])[0], controls[0])
    assert after.end_id == before.end_id
    assert after.completions(["a pub"]) == before.completions(["a pub"])
    assert after.text([controls[1], *after.completions(["a pub"])[0].ids]) == "a pub"


def test_a_prompt_that_spells_a_control_token_is_only_text() -> None:
    tokenizer = make_tokenizer()
    controls = add_control_tokens(make_policy(), tokenizer, 2)
    (ids,) = make_encoder(tokenizer, 200, 50).prompts([(Message("user", "<|rank_2|> <|rank_1|>"),)])
    assert [token for token in ids if token in controls] == [controls[0]]


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gpt_neox"])
def test_the_model_takes_the_tokens_and_knows_what_it_knew(architecture: str) -> None:
    model, ids = make_policy(architecture), torch.tensor([[4, 9, 30]])
    known = model.config.vocab_size
    with torch.no_grad():
        before = model(input_ids=ids).logits
        tokenizer = make_tokenizer()
        tokenizer.add_tokens([f"<|fill_{number}|>" for number in range(known - len(tokenizer))])
        controls = add_control_tokens(model, tokenizer, 2)
        after = model(input_ids=ids).logits
    assert controls == [known, known + 1]
    torch.testing.assert_close(after[..., :known], before)
    assert not after[..., known:].gt(after[..., :known].amax(-1, keepdim=True)).any()
    assert model.config.vocab_size == known + 2


def test_room_that_a_model_already_has_is_kept() -> None:
    model, tokenizer = make_policy(), make_tokenizer()
    model.resize_token_embeddings(400, mean_resizing=False)
    add_control_tokens(model, tokenizer, 2)
    assert model.get_input_embeddings().weight.shape[0] == 400


def test_what_asks_for_the_best_is_not_asked_twice(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    first = add_control_tokens(make_policy(), tokenizer, 2)
    tokenizer.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert add_control_tokens(make_policy(), again, 2) == first
    assert again.chat_template == tokenizer.chat_template == asking_for("<|rank_1|>", tokenizer)
