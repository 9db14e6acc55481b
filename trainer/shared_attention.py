"""The layout `shared` in a decoder: a prompt looks at itself, a completion at its prompt and at itself.

Whatever is not attention sees one row of tokens, so any decoder of `FAMILIES` runs unchanged. In the last layer only
the tokens that are read, for a score or for what comes next, ask and go through the feed-forward part.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface

from trainer.block_attention import BlockAttention
from trainer.column_attention import ColumnAttention
from trainer.recomputing import arranged
from trainer.shared_prompt import AttentionSettings, SharedPrompts, placed

ATTENTION_NAME = "rondo_shared_prompt"
SharedAttention = ColumnAttention | BlockAttention
ATTENTIONS: dict[str, type[SharedAttention]] = {"columns": ColumnAttention, "blocks": BlockAttention}


@dataclass(frozen=True)
class Family:
    """Where a kind of decoder keeps its layers and final norm, and which parts of a layer treat tokens one by one.

    A part is named by its first and its last module: what enters the first is narrowed to the tokens that are read, and
    what leaves the last is put back to their places.
    """

    layers: str
    norm: str
    parts: tuple[tuple[str, str], ...]


LIKE_LLAMA = Family(
    "layers",
    "norm",
    (("self_attn.q_proj",) * 2, ("self_attn.o_proj",) * 2, ("post_attention_layernorm", "mlp")),
)
FAMILIES = {
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3"), LIKE_LLAMA),
    "gpt_neox": Family("layers", "final_layer_norm", (("attention.dense",) * 2, ("post_attention_layernorm", "mlp"))),
    "gpt2": Family("h", "ln_f", (("attn.c_proj",) * 2, ("ln_2", "mlp"))),
}


def can_share(backbone: Any) -> bool:
    return backbone.config.model_type in FAMILIES


def drops_attention(backbone: Any) -> bool:
    """Whether what a token sees is dropped while it learns: by a rate, or by a module, as `FAMILIES` have it."""
    rates = [vars(module).get("attention_dropout", 0.0) for module in backbone.modules()]
    modules = [module for name, module in backbone.named_modules() if name.endswith("attn_dropout")]
    return any(rate > 0 for rate in (*rates, *(module.p for module in modules)))


def scored_hidden(backbone: Any, shared: SharedPrompts) -> Tensor:
    """[N, width] last hidden state of each completion's scored token."""
    attention = ATTENTIONS[shared.attention](shared, last_layer=backbone.config.num_hidden_layers - 1)
    return hidden_at(backbone, shared, shared.scored, attention)[shared.scored][shared.readings]


def predicting_hidden(backbone: Any, shared: SharedPrompts) -> Tensor:
    """[M, width] last hidden state from which each completion token is predicted."""
    predictors = shared.predictors
    hidden = hidden_at(backbone, shared, predictors.unique(), ATTENTIONS[shared.attention](shared, last_layer=None))
    return hidden.index_select(0, predictors)


def hidden_at(backbone: Any, shared: SharedPrompts, places: Tensor, attention: SharedAttention) -> Tensor:
    """[T, width] last hidden states, of which only those at `places` may be read."""
    inputs = {"input_ids": shared.input_ids[None], "position_ids": shared.positions[None]}
    with arranged(partial(attending_at, backbone, places, shared.count)):
        hidden: Tensor = backbone(**inputs, use_cache=False, shared_attention=attention).last_hidden_state[0]
    return hidden


@contextmanager
def attending_at(backbone: Any, places: Tensor, count: int) -> Iterator[None]:
    with attending(backbone), narrowed(backbone, FAMILIES[backbone.config.model_type], places, count):
        yield


@contextmanager
def attending(backbone: Any) -> Iterator[None]:
    """The backbone's attention is that of the call's `shared_attention`, and no mask is made for it."""
    AttentionInterface.register(ATTENTION_NAME, _attend)
    previous = backbone.config._attn_implementation
    backbone.config._attn_implementation = ATTENTION_NAME
    try:
        yield
    finally:
        backbone.config._attn_implementation = previous


@contextmanager
def narrowed(backbone: Any, family: Family, places: Tensor, count: int) -> Iterator[None]:
    """In the last layer and after it only the tokens at `places` are computed; what stands elsewhere is never read."""
    layer = getattr(backbone, family.layers)[-1]
    norm = getattr(backbone, family.norm)
    parts = [(layer.get_submodule(first), layer.get_submodule(last)) for first, last in family.parts]

    def narrow(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0].index_select(1, places),)

    def put_back(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return placed(output[0], places, count)[None]

    with ExitStack() as hooks:
        for first, last in [*parts, (norm, norm)]:
            hooks.enter_context(_hooked(first.register_forward_pre_hook(narrow)))
            hooks.enter_context(_hooked(last.register_forward_hook(put_back)))
        yield


@contextmanager
def _hooked(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: None,
    *,
    shared_attention: SharedAttention,
    **options: Any,
) -> tuple[Tensor, None]:
    """As transformers calls it: [1, heads, T, width] each; [1, T, heads, width] comes back."""
    settings = AttentionSettings(options.get("scaling"), options.get("dropout", 0.0), options.get("sliding_window"))
    query, key, value = (states[0].transpose(0, 1) for states in (query, key, value))
    attend = shared_attention.at_scored if module.layer_idx == shared_attention.last_layer else shared_attention
    return attend(query, key, value, settings)[None], None
