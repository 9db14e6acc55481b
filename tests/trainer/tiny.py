"""Tiny random models of every architecture, a tokenizer, and records to train them on."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from trainer.groups import RankedGroup
from trainer.pretrain import train_tokenizer
from trainer.records import Comparison, Demonstration, Message

VOCABULARY = 320
SENTENCES = (
    "The Eagle is a cheap coffee shop by the river.",
    "The Mill serves expensive French food in the city centre.",
    "Families are welcome at The Punter, a pub near the park.",
)
LIKE_LLAMA = {
    "vocab_size": VOCABULARY,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
LIKE_NEOX = {name: value for name, value in LIKE_LLAMA.items() if name != "num_key_value_heads"}
CONFIGS: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**LIKE_LLAMA),
    "qwen2": Qwen2Config(**LIKE_LLAMA),
    "qwen3": Qwen3Config(**LIKE_LLAMA, head_dim=8),
    "mistral": MistralConfig(**LIKE_LLAMA),
    "gpt_neox": GPTNeoXConfig(**LIKE_NEOX),
    "gpt2": GPT2Config(vocab_size=VOCABULARY, n_embd=16, n_layer=2, n_head=4, n_positions=128),
}


def make_policy(architecture: str = "llama", seed: int = 0) -> Any:
    """Random weights, large enough that positions and contexts matter."""
    torch.manual_seed(seed)
    config = copy.deepcopy(CONFIGS[architecture])  # a model keeps the very object, and a test may change it
    policy = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in policy.parameters():
            if parameter.ndim > 1:
                parameter.mul_(5)
    return policy.eval()


def make_tokenizer() -> Any:
    return train_tokenizer(SENTENCES, VOCABULARY)


def save_policy(folder: Path, architecture: str = "llama", seed: int = 0) -> Path:
    """A policy with its tokenizer, as stages load them."""
    make_policy(architecture, seed).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def make_group(
    ranks: Sequence[int] = (1, 2, 2), prompt: int = 5, lengths: Sequence[int] = (4, 2, 7), seed: int = 0
) -> RankedGroup:
    draw = torch.Generator().manual_seed(seed)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, VOCABULARY, (count,), generator=draw).tolist())

    completions = tuple(ids(length) for length in lengths)
    return RankedGroup(f"p{seed}", ids(prompt), completions, tuple(ranks), (False,) * len(completions))


def make_demonstration(number: int = 0, completion: str | None = None, split: Any = "train") -> Demonstration:
    text = SENTENCES[number % len(SENTENCES)] if completion is None else completion
    return Demonstration(f"a{number}", f"p{number}", (Message("user", f"place {number}"),), text, split=split)


def make_comparison(number: int = 0, ranks: Sequence[int] | None = (1, 2, 3), split: Any = "train") -> Comparison:
    k = 3 if ranks is None else len(ranks)
    texts = tuple(f"{SENTENCES[place % 3]} {number} {place}" for place in range(k))
    return Comparison(
        annotation_id=f"a{number}",
        task_id=f"t{number}",
        prompt_id=f"p{number}",
        prompt=(Message("user", f"place {number}"),),
        completion_ids=tuple(f"c{number}-{place}" for place in range(k)),
        completions=texts,
        authors=((),) * k,
        ranks=None if ranks is None else tuple(ranks),
        ratings=({},) * k,
        prompt_ratings={},
        split=split,
    )
