"""What lets a larger model into the same memory: adapters, bf16, recomputed layers, shards."""

from typing import Any, TypeVar

import torch
from torch import nn
from transformers import PreTrainedModel

from trainer.config import BadSetting, ModelSettings
from trainer.distributed import shard
from trainer.lora import add_adapters
from trainer.processes import world_size
from trainer.recomputing import recompute_layers

Model = TypeVar("Model", bound=nn.Module)


def economise(model: Model, settings: ModelSettings, device: torch.device) -> Model:
    """`model` itself, on its device, as the settings want it; whatever is learned must be made before."""
    if settings.lora_rank and world_size() > 1:
        raise BadSetting("lora_rank", "must be 0 with several processes")
    decoder = decoder_in(model)
    if settings.lora_rank:
        add_adapters(decoder, settings)
    if settings.gradient_checkpointing == "on":
        recompute_layers(decoder)
    return settle(model, settings, device)


def freeze(model: Model, settings: ModelSettings, device: torch.device) -> Model:
    """The same for a model that is only asked."""
    return settle(model.requires_grad_(False), settings, device)


def settle(model: Model, settings: ModelSettings, device: torch.device) -> Model:
    if settings.precision == "bf16":
        compute_in_bf16(decoder_in(model), device)
    model.to(device)
    shard(model, device)
    return model


def decoder_in(model: nn.Module) -> Any:
    return next(module for module in model.modules() if isinstance(module, PreTrainedModel))


def compute_in_bf16(decoder: Any, device: torch.device) -> None:
    """Layers multiply in bf16. Weights, the residual stream, heads and log-probabilities stay fp32."""
    layers = decoder.base_model
    layers.forward = torch.autocast(device.type, dtype=torch.bfloat16)(layers.forward)
