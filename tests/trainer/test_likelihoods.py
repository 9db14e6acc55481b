"""Log-probabilities of groups in any number at once, and the KL measured against the exact one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.tiny import make_group, make_policy, make_tokenizer
from trainer.encoding import make_encoder
from trainer.likelihoods import Speaker, all_group_logprobs, parts_of_like_length, sampled_kl
from trainer.records import Message

ENCODER = make_encoder(make_tokenizer(), 50, 50)
PROMPT = (Message("user", "place 1"),)
DRAWS = 4000


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=20), st.integers(1, 30))
def test_every_group_is_in_one_part_and_parts_have_about_so_many_completions(sizes: list[int], batch: int) -> None:
    groups = [make_group((1,) * k, lengths=(k,) * k, seed=number) for number, k in enumerate(sizes)]
    parts = list(parts_of_like_length(groups, batch))
    assert sorted(index for part in parts for index in part) == list(range(len(groups)))
    for part in parts:
        assert sum(groups[index].k for index in part[:-1]) < batch


def test_the_order_of_groups_is_kept_whatever_the_parts() -> None:
    policy = make_policy()
    groups = [make_group((1, 1), prompt=3 + 2 * (seed % 3), lengths=(4, 1 + seed), seed=seed) for seed in range(6)]
    whole = all_group_logprobs(policy, groups, ENCODER.pad_id, 100)
    for batch in (1, 3, 5):
        for one, other in zip(whole, all_group_logprobs(policy, groups, ENCODER.pad_id, batch), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-5)


def test_the_kl_of_one_token_is_the_exact_one() -> None:
    policy, start = make_policy(), make_policy()
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
        ids = torch.tensor([ENCODER.prompts([PROMPT])[0]])
        said, before = (model(input_ids=ids).logits[0, -1].log_softmax(-1) for model in (policy, start))
    exact = float((said.exp() * (said - before)).sum())
    spread = float((said.exp() * (said - before).square()).sum() - exact**2) ** 0.5
    assert exact > 0.005
    estimate = sampled_kl(Speaker(policy, ENCODER), Speaker(start, ENCODER), [PROMPT] * DRAWS, 1, 0, 1000)
    assert estimate == pytest.approx(exact, abs=4 * spread / DRAWS**0.5)


def test_a_policy_is_no_way_from_itself() -> None:
    speaker = Speaker(make_policy(), ENCODER)
    assert sampled_kl(speaker, speaker, [PROMPT] * 3, 5, 0, 2) == pytest.approx(0.0, abs=1e-5)
