"""Policies, reward models and value models on any Hugging Face causal language model."""

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM

from trainer.distributed import local, save_pretrained, whole_tensor
from trainer.errors import TrainerError
from trainer.hidden_states import predicting_states, scored_states
from trainer.layout import Rows, spread
from trainer.lora import merge_adapters
from trainer.manifest import model_digest
from trainer.processes import leads
from trainer.ratings import Attribute, from_text, to_text
from trainer.shared_prompt import SharedPrompts

HEAD_NAME = "reward_head.safetensors"

# What a decoder layer calls the two blocks whose output it adds to the residual stream.
RESIDUAL_BLOCKS = {"self_attn", "attn", "attention", "mlp"}

# Rates that attention modules keep as plain numbers and hand to the attention function.
DROPOUT_RATES = {"attention_dropout", "attn_dropout", "dropout"}


def load_policy(model: str | Path) -> Any:
    """A causal language model in fp32, from a folder or the hub."""
    return _load(AutoModelForCausalLM, model)


def load_backbone(model: str | Path) -> Any:
    """The same without its output layer; also what a saved reward model holds."""
    return _load(AutoModel, model)


def _load(kind: Any, model: str | Path) -> Any:
    try:
        return kind.from_pretrained(str(model), dtype=torch.float32)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainerError(f"No model can be read from {model}: {reason}") from error


def check_room(model: Any, longest: int) -> None:
    """Raises `TrainerError` where a sequence of `longest` tokens has more positions than the model knows."""
    room = model.config.max_position_embeddings
    if longest > room:
        reason = f"The longest prompt with its completion has {longest} tokens, but the model knows {room} positions"
        raise TrainerError(f"{reason}; lower max_prompt_tokens or max_completion_tokens.")


class RewardModel(nn.Module):
    """One scalar for a prompt and completion: `head(hidden state of the last real token) - bias`.

    Head and scores are fp32 whatever the backbone is: bf16 rounds scores above 4 to steps of 1/32.
    `log_tie_strength` is there where ties were an outcome of their own (`losses.davidson_loss`), `rating_head` where
    ratings are learned beside the ranking: an output for each of `attributes`.
    """

    bias: Tensor
    log_tie_strength: nn.Parameter | None
    rating_head: nn.Linear | None

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone
        width = backbone.config.hidden_size
        self.head = nn.Linear(width, 1, bias=False, dtype=torch.float32)
        nn.init.normal_(self.head.weight, std=1 / (width + 1) ** 0.5)
        self.register_buffer("bias", torch.zeros((), dtype=torch.float32))
        self.register_parameter("log_tie_strength", None)
        self.register_module("rating_head", None)
        self.attributes: tuple[Attribute, ...] = ()

    def expect_ties(self, strength: float, *, learned: bool) -> None:
        logarithm = torch.tensor(math.log(strength), device=self.head.weight.device)
        self.log_tie_strength = nn.Parameter(logarithm, requires_grad=learned)

    def expect_ratings(self, attributes: Sequence[Attribute]) -> nn.Linear:
        """The fresh heads."""
        width, device = self.head.weight.shape[1], self.head.weight.device
        self.attributes = tuple(attributes)
        self.rating_head = heads = nn.Linear(width, len(attributes), dtype=torch.float32, device=device)
        nn.init.normal_(heads.weight, std=1 / (width + 1) ** 0.5)
        nn.init.zeros_(heads.bias)
        return heads

    @property
    def tie_strength(self) -> float | None:
        return None if self.log_tie_strength is None else float(self.log_tie_strength.detach().exp())

    def forward(self, batch: Rows | SharedPrompts) -> Tensor:
        """[N] scores, the same for both layouts."""
        return self.judge(batch)[0]

    def judge(self, batch: Rows | SharedPrompts) -> tuple[Tensor, Tensor]:
        """[N] scores and [N, A] what the heads for ratings say, in the units of `ratings.targets`."""
        states = scored_states(self.backbone, batch)
        scores, heads = _read_out(self.head, states) - self.bias, self.rating_head
        return scores, scores.new_zeros(len(scores), 0) if heads is None else in_fp32(heads, states)

    def save(self, folder: Path) -> None:
        save_pretrained(self.backbone, folder)
        tensors = {"weight": whole_tensor(self.head.weight.detach()).cpu(), "bias": self.bias.cpu()}
        if self.log_tie_strength is not None:
            tensors["log_tie_strength"] = self.log_tie_strength.detach().cpu()
        if self.rating_head is not None:
            rated = self.rating_head.state_dict()
            tensors |= {f"ratings.{name}": whole_tensor(tensor).cpu() for name, tensor in rated.items()}
        if leads():
            save_file(tensors, folder / HEAD_NAME, metadata={"attributes": to_text(self.attributes)})


def load_reward_model(folder: str | Path) -> RewardModel:
    path = Path(folder) / HEAD_NAME
    if not path.is_file():
        raise TrainerError(f"{folder} is not a reward model: it has no {HEAD_NAME}.")
    model = RewardModel(load_backbone(folder))
    saved = load_file(path)
    model.head.weight.data.copy_(saved["weight"])
    model.bias.copy_(saved["bias"])
    if "log_tie_strength" in saved:
        model.expect_ties(float(saved["log_tie_strength"].exp()), learned=False)
    if attributes := saved_attributes(path):
        heads = model.expect_ratings(attributes)
        heads.load_state_dict({name: saved[f"ratings.{name}"] for name in ("weight", "bias")})
    return model


def saved_attributes(path: Path) -> tuple[Attribute, ...]:
    """Of the ratings that a saved head tells."""
    with safe_open(path, "pt") as file:
        return from_text((file.metadata() or {}).get("attributes", "[]"))


class ValueModel(nn.Module):
    """Expected score: a copy of the reward model's backbone and head, read before each completion token.

    Its values begin where the scores are. The reward model's bias becomes the starting point of a parameter of this
    model's own, which is learned; it is no shared buffer.
    """

    def __init__(self, reward: RewardModel) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(reward.backbone)
        self.head = copy.deepcopy(reward.head)
        self.offset = nn.Parameter(-reward.bias.detach().clone())

    def forward(self, batch: Rows | SharedPrompts) -> Tensor:
        """[N, R] value of the state in which each completion token is chosen; 0 outside `batch.response_mask`."""
        values = _read_out(self.head, predicting_states(self.backbone, batch)) + self.offset
        return spread(values, batch.response_mask)


def _read_out(head: nn.Linear, hidden: Tensor) -> Tensor:
    return in_fp32(head, hidden).squeeze(-1)


def in_fp32(head: nn.Linear, hidden: Tensor) -> Tensor:
    with torch.autocast(hidden.device.type, enabled=False):
        return nn.functional.linear(hidden.float(), head.weight, head.bias)


def save_with_tokenizer(model: Any, tokenizer: Any, folder: Path) -> None:
    """A policy or a reward model, its adapters added to its weights, so that any stage can read it."""
    merge_adapters(model)
    if isinstance(model, RewardModel):
        model.save(folder)
    else:
        save_pretrained(model, folder)
    if leads():
        tokenizer.save_pretrained(folder)


def learned(model: nn.Module) -> dict[str, Tensor]:
    """What is learned of a model; all else stays as it is."""
    return {name: one.detach() for name, one in model.named_parameters() if one.requires_grad}


def copy_of_learned(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in learned(model).items()}


def put_back(copied: Mapping[str, Tensor], model: nn.Module) -> None:
    parameters = dict(model.named_parameters())
    for name, tensor in copied.items():
        parameters[name].copy_(tensor)


class Average:
    """Exponential moving average of a model's parameters (EMA)."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.shadow = copy_of_learned(model)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        parameters = dict(model.named_parameters())
        current = [local(parameters[name].detach()) for name in self.shadow]
        torch._foreach_lerp_([local(shadow) for shadow in self.shadow.values()], current, 1 - self.decay)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        put_back(self.shadow, model)

    def state_dict(self) -> Mapping[str, Tensor]:
        return self.shadow

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        for name, tensor in state.items():
            self.shadow[name].copy_(tensor)


def remove_dropout(model: nn.Module) -> None:
    """Make `train()` compute what `eval()` does, so that a policy's ratio to itself is 1 [trap 10]."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in DROPOUT_RATES & vars(module).keys():
            if isinstance(vars(module)[name], float):
                setattr(module, name, 0.0)


def add_residual_dropout(model: nn.Module, probability: float) -> None:
    """Dropout on what attention and MLP add to the residual stream, for any architecture; active in `train()` only."""
    if probability == 0:
        return
    for module in list(model.modules()):
        for name, child in module.named_children():
            if name in RESIDUAL_BLOCKS:
                child.register_forward_hook(_ResidualDropout(probability))


class _ResidualDropout:
    def __init__(self, probability: float) -> None:
        self.probability = probability

    def __call__(self, module: nn.Module, _inputs: Any, output: Any) -> Any:
        if not module.training:
            return output
        if isinstance(output, tuple):
            return (nn.functional.dropout(output[0], self.probability), *output[1:])
        return nn.functional.dropout(output, self.probability)


def source_digest(model: str) -> str:
    """Digest of a model's folder; a hub id stands for itself."""
    return model_digest(Path(model)) if Path(model).is_dir() else model


class Best:
    """The parameters that scored highest so far."""

    def __init__(self, model: nn.Module) -> None:
        self.score = -float("inf")
        self.kept = copy_of_learned(model)

    @torch.no_grad()
    def offer(self, model: nn.Module, score: float) -> None:
        if score > self.score:
            self.score, self.kept = score, copy_of_learned(model)

    @torch.no_grad()
    def copy_to(self, model: nn.Module) -> None:
        put_back(self.kept, model)

    def state_dict(self) -> Mapping[str, Any]:
        return {"score": self.score, "kept": self.kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.score = state["score"]
        for name, tensor in state["kept"].items():
            self.kept[name].copy_(tensor)
