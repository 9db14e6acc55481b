"""The sampler against a plain forward pass, over model families and left-padded prompts of mixed length."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from trainer import rollouts
from trainer.rollouts import (
    PromptTooLong,
    SampledCompletion,
    SampleRequest,
    SamplingSettings,
    inverse_draw,
    of_like_length,
    sample_completions,
    sampling_logprobs,
    seed_of,
)

END = 2
SIZES = {
    "vocab_size": 61,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": END,
}
FAMILIES = {
    "llama": LlamaConfig(**SIZES, num_key_value_heads=2),
    "qwen2": Qwen2Config(**SIZES, num_key_value_heads=4),
    "qwen3": Qwen3Config(**SIZES, head_dim=4, num_key_value_heads=2),
    "mistral": MistralConfig(**SIZES, num_key_value_heads=2, sliding_window=6),
    "gpt_neox": GPTNeoXConfig(**SIZES),
    "gpt2": GPT2Config(vocab_size=61, n_embd=16, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=END),
}
REQUESTS = [
    SampleRequest([5, 6, 7], seeds=[1, 2, 3]),
    SampleRequest([9, 8, 4, 11, 12, 3, 14, 15, 16, 17], seeds=[4, 5, 6, 7]),
    SampleRequest([8], seeds=[8]),
]
SETTINGS = SamplingSettings(max_new_tokens=12, temperature=0.7)


def make_model(config: PretrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.25)
    return model


@pytest.fixture(scope="module")
def llama() -> PreTrainedModel:
    return make_model(FAMILIES["llama"])


def draw(
    model: PreTrainedModel, requests: list[SampleRequest] = REQUESTS, settings: SamplingSettings = SETTINGS
) -> list[list[SampledCompletion]]:
    return sample_completions(model, requests, settings, end_ids=[END, 3, 4], batch_size=64)


def ids(drawn: list[list[SampledCompletion]]) -> list[list[list[int]]]:
    return [[completion.token_ids for completion in completions] for completions in drawn]


@pytest.mark.parametrize("family", FAMILIES)
def test_reading_prompts_in_parts_changes_no_completion(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, read = make_model(FAMILIES[family]), []
    model.get_input_embeddings().register_forward_pre_hook(lambda _, given: read.append(given[0].shape))
    together = draw(model)
    first = read.copy()
    read.clear()
    monkeypatch.setattr(rollouts, "FILLED_UP", 0)
    apart = draw(model)
    assert ids(apart) == ids(together)
    assert (first[0], read[:3]) == ((3, 10), [(1, 1), (1, 3), (1, 10)])


def test_prompts_are_read_with_those_that_are_about_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "FILLED_UP", 4)
    lengths = [[len(ids) for ids in part] for part in of_like_length([[5] * n for n in (2, 3, 4, 4, 20, 24, 29)])]
    assert lengths == [[2, 3, 4, 4], [20, 24], [29]]


@pytest.mark.parametrize("family", FAMILIES)
def test_logprobs_are_those_of_a_plain_forward_pass(family: str) -> None:
    model = make_model(FAMILIES[family])
    for request, completions in zip(REQUESTS, draw(model), strict=True):
        for completion in completions:
            row = torch.tensor([[*request.prompt_ids, *completion.token_ids]])
            expected = torch.log_softmax(model(row).logits[0, :-1] / 0.7, dim=-1).gather(1, row[0, 1:, None])[:, 0]
            assert completion.logprobs == pytest.approx(expected[len(request.prompt_ids) - 1 :].tolist(), abs=1e-4)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_completion_depends_on_its_seed_and_not_on_its_batch(family: str) -> None:
    model = make_model(FAMILIES[family])
    together = ids(draw(model))
    assert [ids(draw(model, [request]))[0] for request in REQUESTS] == together
    assert ids(draw(model, REQUESTS[::-1]))[::-1] == together
    assert ids(sample_completions(model, REQUESTS, SETTINGS, [END, 3, 4], batch_size=1)) == together


def test_other_seeds_give_other_completions(llama: PreTrainedModel) -> None:
    drawn = ids(draw(llama, [SampleRequest([5, 6], seeds=list(range(20)))]))[0]
    assert len({tuple(tokens) for tokens in drawn}) > 15


def test_a_completion_stops_at_its_first_end_token_or_at_the_length(llama: PreTrainedModel) -> None:
    [drawn] = draw(llama, [SampleRequest([5, 6], seeds=list(range(64)))])
    assert {completion.finish_reason for completion in drawn} == {"stop", "length"}
    for completion in drawn:
        ends = [token in (END, 3, 4) for token in completion.token_ids]
        assert not any(ends[:-1])
        assert ends[-1] == (completion.finish_reason == "stop")
        assert ends[-1] or len(ends) == SETTINGS.max_new_tokens
        assert len(completion.logprobs) == len(ends)


def test_tokens_come_as_often_as_the_model_says() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, -torch.inf]])
    settings = SamplingSettings(max_new_tokens=1, temperature=2.0)
    logprobs = sampling_logprobs(logits, settings).expand(1000, -1)
    evenly = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    shares = inverse_draw(logprobs, evenly).bincount(minlength=4) / 1000
    assert shares.tolist() == pytest.approx((logits[0] / 2).softmax(-1).tolist(), abs=2e-3)


def test_top_k_and_top_p_keep_the_likeliest_and_renormalise() -> None:
    logits = torch.log(torch.tensor([[0.1, 0.5, 0.15, 0.25]]))
    by_number = sampling_logprobs(logits, SamplingSettings(1, top_k=2)).exp()
    by_mass = sampling_logprobs(logits, SamplingSettings(1, top_p=0.7)).exp()
    assert by_number[0].tolist() == pytest.approx([0, 2 / 3, 0, 1 / 3])
    assert by_mass[0].tolist() == pytest.approx([0, 2 / 3, 0, 1 / 3])
    assert sampling_logprobs(logits, SamplingSettings(1, top_p=0.01)).exp()[0].tolist() == [0, 1, 0, 0]


def test_temperature_0_takes_the_likeliest_token(llama: PreTrainedModel) -> None:
    settings = SamplingSettings(max_new_tokens=5, temperature=0)
    [[first, second]] = draw(llama, [SampleRequest([5, 6], seeds=[1, 2])], settings)
    assert first == second
    assert first.token_ids[0] == llama(torch.tensor([[5, 6]])).logits[0, -1].argmax()


def test_a_prompt_beyond_the_context_is_refused_with_advice(llama: PreTrainedModel) -> None:
    with pytest.raises(PromptTooLong, match="Shorten the prompts"):
        draw(llama, [SampleRequest([5] * 60, seeds=[1])])


def test_sampling_with_dropout_on_is_refused(llama: PreTrainedModel) -> None:
    llama.train()
    with pytest.raises(ValueError, match="eval"):
        draw(llama)
    llama.eval()


def test_a_seed_depends_on_all_its_parts() -> None:
    seeds = {seed_of(seed, prompt, index) for seed in range(3) for prompt in ("a", "b") for index in range(4)}
    assert len(seeds) == 24
    assert seed_of(1, "a", 2) == seed_of(1, "a", 2)
