"""The Llama that the trainer's benchmarks measure: any size, random weights, no token that ends a text."""

from transformers import LlamaConfig

from tests.benchmarks.reward_cases import VOCABULARY


def model_config(hidden: int, layers: int) -> LlamaConfig:
    heads = max(2, hidden // 64)
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // 2,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
        num_labels=1,
    )
