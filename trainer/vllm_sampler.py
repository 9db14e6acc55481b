"""Samples from vLLM where it is installed: the same requests, the same completions' shape as the built-in sampler.

A completion has a request and a seed of its own; vLLM keeps a prompt's keys and values for all who ask it (prefix
caching). The same seed draws the same completion on the same machine and version, up to rounding, but another one than
the built-in sampler does. What ends a completion is our end token alone, whatever the model's own settings say.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from transformers import AutoConfig

from trainer.config import SampleConfig
from trainer.errors import TrainerError
from trainer.rollouts import FinishReason, SampledCompletion, Sampler, SampleRequest, SamplingSettings, require_room


def require_vllm() -> Any:
    """The package. Raises `TrainerError`."""
    try:
        import vllm
    except ImportError as error:
        raise TrainerError("The sampler vllm needs the package vllm: pip install 'rondo[vllm]'.") from error
    return vllm


@contextmanager
def vllm_sampler(
    checkpoint: str, prompts: Sequence[Sequence[int]], end_id: int, config: SampleConfig
) -> Iterator[Sampler]:
    """Of the weights saved in a folder or under a hub id. Its memory is free again afterwards."""
    vllm = require_vllm()
    longest = max(map(len, prompts), default=0) + config.max_new_tokens
    require_room(AutoConfig.from_pretrained(checkpoint).max_position_embeddings, prompts, config.max_new_tokens)
    engine = vllm.LLM(
        model=checkpoint,
        max_model_len=longest,
        max_num_seqs=config.batch,
        seed=config.seed % 2**32,
        gpu_memory_utilization=config.vllm_memory,
        enable_prefix_caching=True,
        logprobs_mode="processed_logprobs",  # of the distribution drawn from
    )

    sampler = _Sampler(vllm, engine, end_id)
    try:
        yield sampler
    finally:
        del engine, sampler.engine
        gc.collect()


class _Sampler:
    def __init__(self, vllm: Any, engine: Any, end_id: int) -> None:
        self.vllm, self.engine, self.end_id = vllm, engine, end_id

    def __call__(self, requests: Sequence[SampleRequest], settings: SamplingSettings) -> list[list[SampledCompletion]]:
        each = [(list(request.prompt_ids), seed) for request in requests for seed in request.seeds]
        common = parameters_of(settings, self.end_id)
        outputs = self.engine.generate(  # in the order of the prompts
            [{"prompt_token_ids": ids} for ids, _ in each],
            [self.vllm.SamplingParams(**common, seed=seed) for _, seed in each],
            use_tqdm=False,
        )
        drawn = iter([completion_of(output.outputs[0], settings) for output in outputs])
        return [[next(drawn) for _ in request.seeds] for request in requests]


def parameters_of(settings: SamplingSettings, end_id: int) -> dict[str, Any]:
    return {
        "max_tokens": settings.max_new_tokens,
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "top_k": settings.top_k or -1,
        "stop_token_ids": [end_id],
        "ignore_eos": True,
        "logprobs": 0,  # of the token drawn, and of no other
        "detokenize": False,
    }


def completion_of(output: Any, settings: SamplingSettings) -> SampledCompletion:
    """Of one `CompletionOutput`. Where the likeliest token is always taken, it has the probability 1."""
    ids = list(output.token_ids)
    told = [position[token].logprob for token, position in zip(ids, output.logprobs, strict=True)]
    reason: FinishReason = "stop" if output.finish_reason == "stop" else "length"
    return SampledCompletion(ids, told if settings.temperature else [0.0] * len(ids), reason)
